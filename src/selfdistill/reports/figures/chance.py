"""How far apart the chance of training puts two rows in single classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..predicted import Numbers


@dataclass(frozen=True)
class Band:
    """What the chance of training alone does to the difference of two rows in a class."""

    widths: Numbers
    """Of each class, the half-width in points that it exceeds one time in twenty; NaN for a class
    without images."""
    seeds: tuple[int, int]
    """Runs of the row, and of cross-entropy."""
    measured: bool
    """Whether the spread of a class over seeds is known, or all rows have one run."""

    def words(self, gains: Numbers) -> str:
        """What the band means, and how many classes leave it.

        Args:
            gains: Of every class; NaN for a class without images.
        """
        if not self.measured:
            return (
                f"Shaded: {self._span()}. Were both networks equally good in every class "
                "and each answer independent of the others, one class in twenty would leave its "
                "band; how far seeds differ, usually less, two single runs do not tell."
            )
        outside = int((abs(gains) > self.widths).sum())
        own, other = self.seeds
        return (
            f"Shaded: {self._span()}. Were both equally good in every class, one class in twenty "
            f"would leave its band by the chance of training (means of {own} and {other} seeds, as "
            f"far as seeds are seen to differ); {outside} of {int(np.isfinite(gains).sum())} do."
        )

    def _span(self) -> str:
        least, most = (f"±{edge(self.widths):.1f}" for edge in (np.nanmin, np.nanmax))
        return f"{least} points" if least == most else f"{least} to {most} points, by class"


def chance(own: Numbers, other: Numbers, images: NDArray[np.int64]) -> Band:
    r"""How far apart the means of two equally good rows come in one class of twenty.

    .. math:: t_{0.975}\, \frac{s}{\sqrt{n_k}} \sqrt{1/m + 1/c}

    for a class of :math:`n_k` images, with the standard deviation :math:`s` of an answer over the
    seeds of a row, pooled over classes and both rows, of :math:`m` and :math:`c` runs. All runs see
    the same images, so that their choice adds nothing. Where each row has one run, :math:`s` is
    that of independent answers, which is more, as networks agree about which images are hard.

    Args:
        own: Accuracies, percent, ``runs × classes``; NaN for a class without images.
        other: Those of cross-entropy.
        images: Of each class.
    """
    seeds = len(own), len(other)
    freedom = int((images > 0).sum()) * (sum(seeds) - 2)
    if freedom:
        squares = sum(
            float(np.nansum(images * (row - row.mean(axis=0)) ** 2)) for row in (own, other)
        )
        deviation = float(stats.t.ppf(0.975, freedom)) * np.sqrt(squares / freedom)
    else:
        share = float(np.nansum(images * (own + other)) / images.sum()) / 200
        deviation = float(stats.norm.ppf(0.975)) * 100 * np.sqrt(share * (1 - share))
    counts = np.where(images > 0, images, np.nan)
    widths = deviation / np.sqrt(counts) * np.sqrt(1 / seeds[0] + 1 / seeds[1])
    return Band(widths, seeds, measured=freedom > 0)
