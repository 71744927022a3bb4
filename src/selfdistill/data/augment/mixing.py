"""Mixing: what becomes of an image and its label beside another image of the training split."""

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .base import Draws, check_range, integers, within

Views = Float[Tensor, "*views batch channels height width"]
SoftLabels = Float[Tensor, "batch classes"]
Shares = Float[Tensor, " batch"]
Statistic = Float[Tensor, "*views batch channels 1 1"]


class Mixing(abc.ABC):
    """A random mixture of images: rows of draws alone decide it, the same in all views."""

    draws_per_image: ClassVar[int]
    """How many draws an image needs."""
    softens: ClassVar[bool] = True
    """Whether labels are mixed as well; otherwise each image keeps its own label."""

    def prepare(self, draws: Draws) -> Draws:
        """Turn an epoch's uniform draws in [0, 1) into those that ``apply`` takes."""
        return draws

    @abc.abstractmethod
    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Mix each image, in all its views, with its partner by one row of prepared draws."""


@dataclass(frozen=True, kw_only=True)
class BetaMixing(Mixing):
    """Mixing by shares that follow a Beta distribution."""

    alpha: float = 1.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha {self.alpha} must be above 0")
        check_range(0, 1, probability=self.probability)

    def prepare(self, draws: Draws) -> Draws:
        """Turn the second draw into a Beta variate."""
        if self.alpha == 1:
            return draws
        from scipy.special import betaincinv

        shares = betaincinv(self.alpha, self.alpha, draws[:, 1].double().numpy())
        prepared = draws.clone()
        prepared[:, 1] = torch.from_numpy(shares)
        return prepared


@dataclass(frozen=True, kw_only=True)
class Mixup(BetaMixing):
    r"""Weighted mean of two images and of their labels.

    .. math:: \tilde x = \lambda x + (1 - \lambda) x', \qquad
        \tilde y = \lambda y + (1 - \lambda) y', \qquad
        \lambda \sim \mathrm{Beta}(\alpha, \alpha)

    Every image has its own :math:`\lambda`; the authors' code has one for a batch.

    Args:
        alpha: :math:`\alpha > 0`; smaller mixes less.
        probability: Share of images to mix, 0 to 1.

    Raises:
        ValueError: If one of these is out of range.

    Reference:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, arXiv 1710.09412.
    """

    draws_per_image: ClassVar[int] = 2

    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Mix; the draws decide whether an image is mixed, and how much of it stays."""
        share = torch.where(draws[:, 0] < self.probability, draws[:, 1], 1.0)
        weight = share[:, None, None, None]
        mixed = images * weight + partners * (1 - weight)
        return mixed, _soften(labels, partner_labels, share)


@dataclass(frozen=True, kw_only=True)
class CutMix(BetaMixing):
    r"""Paste a rectangle of another image; labels mix by the areas that each image has.

    The rectangle has the image's aspect and, before it is clipped at the border, the share
    :math:`1 - \lambda` of its area, :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)`; its centre
    is uniform over all pixels. Every image has its own; the authors' code has one for a batch.

    Args:
        alpha: :math:`\alpha > 0`; larger makes shares more alike.
        probability: Share of images to mix, 0 to 1.

    Raises:
        ValueError: If one of these is out of range.

    Reference:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features, ICCV 2019, arXiv 1905.04899.
    """

    draws_per_image: ClassVar[int] = 4

    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Paste; the draws decide whether, how much of the image stays, and the centre."""
        chosen, share, row, column = draws.unbind(1)
        height, width = images.shape[-2:]
        half = torch.where(chosen < self.probability, (1 - share).sqrt() / 2, 0.0)
        rows, columns = _span(row, half, height), _span(column, half, width)
        pasted = rows[:, None, :, None] & columns[:, None, None, :]
        mixed = torch.where(pasted, partners, images)
        kept = 1 - rows.sum(1) * columns.sum(1) / (height * width)
        return mixed, _soften(labels, partner_labels, kept)


@dataclass(frozen=True, kw_only=True)
class StyleMixing(Mixing):
    r"""Give an image the channel means and deviations of another, or of a mixture of both.

    .. math:: \tilde x = \frac{x - \mu}{\sigma} \left((1 - s)\,\sigma + s\,\sigma'\right)
        + (1 - s)\,\mu + s\,\mu'

    A stand-in for neural style transfer that needs no trained weights. Labels stay as they are.
    Pixels may leave the range of images a little: cutting them would change the statistics.

    Args:
        probability: Share of images to change, 0 to 1.
        share: :math:`s`, how much of the other image's statistics, 0 to 1.

    Raises:
        ValueError: If one of these is out of range.
    """

    draws_per_image: ClassVar[int] = 1
    softens: ClassVar[bool] = False

    probability: float = 0.5
    share: float = 0.5

    def __post_init__(self) -> None:
        check_range(0, 1, probability=self.probability, share=self.share)

    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Exchange statistics; the draw decides whether an image is changed."""
        del partner_labels
        share = self.share * (draws < self.probability)[:, :, None, None]
        (mean, deviation), (other_mean, other_deviation) = _style(images), _style(partners)
        scale = 1 + share * (other_deviation / deviation.clamp(min=1e-5) - 1)
        # In this form an image whose draw says no keeps every bit: scale 1, shift 0.
        shift = share * (other_mean - mean) + mean * (1 - scale)
        return images * scale + shift, labels


def _span(centres: Shares, halves: Shares, size: int) -> Bool[Tensor, "batch size"]:
    """Pixels less than half a side from the centre; the half in whole pixels."""
    half = (halves * size).long()
    return within(integers(centres, size) - half, 2 * half, size)


def _soften(labels: SoftLabels, partner_labels: SoftLabels, share: Shares) -> SoftLabels:
    return labels * share[:, None] + partner_labels * (1 - share)[:, None]


def _style(images: Views) -> tuple[Statistic, Statistic]:
    # Several times faster on channels-last images than torch's own deviation.
    mean = images.mean((-2, -1), keepdim=True)
    return mean, (images - mean).square().mean((-2, -1), keepdim=True).sqrt()
