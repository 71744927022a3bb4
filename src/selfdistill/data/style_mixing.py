"""Mixing of styles: what colours and contrasts an image shows."""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from .augment import Draws
from .mixing import Mixing, SoftLabels, Views

Statistic = Float[Tensor, "*views batch channels 1 1"]


class StyleMixing(Mixing):
    r"""Give an image the channel means and deviations of another, or of a mixture of both.

    .. math:: \tilde x = \frac{x - \mu}{\sigma} \left((1 - s)\,\sigma + s\,\sigma'\right)
        + (1 - s)\,\mu + s\,\mu'

    A stand-in for neural style transfer that needs no trained weights. Labels stay. Pixels may
    leave the range of images a little; they are not cut, which would change the statistics.

    Args:
        probability: Share of images to change, 0 to 1.
        share: :math:`s`, how much of the other image's statistics, 0 to 1.

    Raises:
        ValueError: If one of these is out of range.
    """

    columns: ClassVar[int] = 1
    softens: ClassVar[bool] = False

    def __init__(self, *, probability: float = 0.5, share: float = 0.5) -> None:
        if not 0 <= probability <= 1 or not 0 <= share <= 1:
            raise ValueError(f"probability {probability} and share {share} must be within 0 to 1")
        self.probability = probability
        self.share = share

    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Exchange statistics; the draw decides whether."""
        del partner_labels
        share = self.share * (draws < self.probability)[:, :, None, None]
        (mean, deviation), (other_mean, other_deviation) = _style(images), _style(partners)
        scale = 1 + share * (other_deviation / deviation.clamp(min=1e-5) - 1)
        # In this form an image whose draw says no keeps every bit: scale 1, shift 0.
        shift = share * (other_mean - mean) + mean * (1 - scale)
        return images * scale + shift, labels


def _style(images: Views) -> tuple[Statistic, Statistic]:
    # Several times faster on channels-last images than torch's own deviation.
    mean = images.mean((-2, -1), keepdim=True)
    return mean, (images - mean).square().mean((-2, -1), keepdim=True).sqrt()
