"""How far apart the chance of training puts two rows in single classes."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..predicted import Numbers


@dataclass(frozen=True)
class Band:
    """What the chance of training alone does to the difference of two rows in a class."""

    width: float
    """Half-width, in points, that one class in twenty exceeds."""
    seeds: tuple[int, int]
    """Runs of the row, and of cross-entropy."""
    measured: bool
    """Whether the spread of a class over seeds is known, or all rows have one run."""

    def words(self, gains: Numbers) -> str:
        """What the band means, and how many classes leave it."""
        if not self.measured:
            return (
                f"Shaded: ±{self.width:.1f} points. Were both networks equally good in every class "
                "and each answer independent of the others, one class in twenty would leave the "
                "band; how far seeds differ, usually less, two single runs do not tell."
            )
        outside = int((abs(gains) > self.width).sum())
        own, other = self.seeds
        return (
            f"Shaded: ±{self.width:.1f} points. Were both equally good in every class, one class "
            f"in twenty would leave the band by the chance of training (means of {own} and {other} "
            f"seeds, as far as seeds are seen to differ); {outside} of {len(gains)} do."
        )


def chance(own: Numbers, other: Numbers, images: int) -> Band:
    r"""How far apart the means of two equally good rows come in one class of twenty.

    .. math:: t_{0.975}\, s \sqrt{1/m + 1/c}

    with the standard deviation :math:`s` of a class over the seeds of a row, pooled over classes
    and both rows, of :math:`m` and :math:`c` runs. All runs see the same images, so that their
    choice adds nothing. Where each row has one run, :math:`s` is that of ``images`` independent
    answers, which is more, as networks agree about which images are hard.

    Args:
        own: Accuracies, percent, ``runs × classes``; NaN for a class without images.
        other: Those of cross-entropy.
        images: Of a class.
    """
    seeds = len(own), len(other)
    known = int(np.isfinite(other[0]).sum())
    freedom = known * (sum(seeds) - 2)
    if freedom:
        squares = sum(float(np.nansum((row - row.mean(axis=0)) ** 2)) for row in (own, other))
        deviation = float(stats.t.ppf(0.975, freedom)) * np.sqrt(squares / freedom)
    else:
        share = float(np.nanmean([own, other])) / 100
        deviation = float(stats.norm.ppf(0.975)) * 100 * np.sqrt(share * (1 - share) / images)
    width = float(deviation * np.sqrt(1 / seeds[0] + 1 / seeds[1]))
    return Band(width, seeds, measured=freedom > 0)
