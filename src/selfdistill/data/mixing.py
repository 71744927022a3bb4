"""Mixing: what becomes of an image and its label beside another image of the training split."""

import abc
import math
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .augment import Draws, integers

Views = Float[Tensor, "*views batch channels height width"]
SoftLabels = Float[Tensor, "batch classes"]
Shares = Float[Tensor, " batch"]


class Mixing(abc.ABC):
    """A random mixture of images, decided by rows of draws alone, alike for all views."""

    columns: ClassVar[int]
    """Draws needed for an image."""
    softens: ClassVar[bool] = True
    """Whether labels become mixtures; otherwise the anchor's label stays."""

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


class Mixup(Mixing):
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

    columns: ClassVar[int] = 2

    def __init__(self, *, alpha: float = 1.0, probability: float = 1.0) -> None:
        _check(alpha, probability)
        self.alpha = alpha
        self.probability = probability

    def prepare(self, draws: Draws) -> Draws:
        """Turn the second draw into a Beta variate."""
        return _beta(draws, self.alpha)

    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Mix; the draws decide whether, and with which share of the anchor."""
        share = torch.where(draws[:, 0] < self.probability, draws[:, 1], 1.0)
        weight = share[:, None, None, None]
        mixed = images * weight + partners * (1 - weight)
        return mixed, _soften(labels, partner_labels, share)


class CutMix(Mixing):
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

    columns: ClassVar[int] = 4

    def __init__(self, *, alpha: float = 1.0, probability: float = 1.0) -> None:
        _check(alpha, probability)
        self.alpha = alpha
        self.probability = probability

    def prepare(self, draws: Draws) -> Draws:
        """Turn the second draw into a Beta variate."""
        return _beta(draws, self.alpha)

    def apply(
        self,
        images: Views,
        partners: Views,
        labels: SoftLabels,
        partner_labels: SoftLabels,
        draws: Draws,
    ) -> tuple[Views, SoftLabels]:
        """Paste; the draws decide whether, the anchor's share, the centre's row and column."""
        chosen, share, row, column = draws.unbind(1)
        height, width = images.shape[-2:]
        half = torch.where(chosen < self.probability, (1 - share).sqrt() / 2, 0.0)
        rows, columns = _span(row, half, height), _span(column, half, width)
        pasted = rows[:, None, :, None] & columns[:, None, None, :]
        mixed = torch.where(pasted, partners, images)
        kept = 1 - rows.sum(1) * columns.sum(1) / (height * width)
        return mixed, _soften(labels, partner_labels, kept)


def _check(alpha: float, probability: float) -> None:
    if not 0 < alpha < math.inf or not 0 <= probability <= 1:
        raise ValueError(
            f"alpha {alpha} must be above 0 and probability {probability} within 0 to 1"
        )


def _beta(draws: Draws, alpha: float) -> Draws:
    if alpha == 1:
        return draws
    from scipy.special import betaincinv

    prepared = draws.clone()
    prepared[:, 1] = torch.from_numpy(betaincinv(alpha, alpha, draws[:, 1].double().numpy()))
    return prepared


def _span(centres: Shares, halves: Shares, size: int) -> Bool[Tensor, "batch size"]:
    """Pixels less than half a side from the centre; the half in whole pixels."""
    centre, half = integers(centres, size)[:, None], (halves * size).long()[:, None]
    positions = torch.arange(size, device=centres.device)
    return (positions >= centre - half) & (positions < centre + half)


def _soften(labels: SoftLabels, partner_labels: SoftLabels, share: Shares) -> SoftLabels:
    return labels * share[:, None] + partner_labels * (1 - share)[:, None]
