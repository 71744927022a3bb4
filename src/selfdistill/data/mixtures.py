"""One epoch of mixing: who is mixed with whom, and how."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from .mixing import Mixing, SoftLabels, Views

Labels = Int64[Tensor, " batch"]


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Everything random about an epoch's mixing, drawn.

    Args:
        mixing: What is done to an image and its partner.
        partners: Which image each anchor is mixed with, in all its views.
        augmentation: Uniform draws for the partner in each view of each anchor.
        draws: What decides each mixture.
    """

    mixing: Mixing
    partners: Int64[Tensor, " n"]
    augmentation: Float[Tensor, "views n columns"]
    draws: Float[Tensor, "n mixing_columns"]

    def mix(
        self,
        views: Views,
        others: Views,
        labels: Labels,
        other_labels: Labels,
        indices: Labels,
        classes: int,
    ) -> tuple[Views, Labels | SoftLabels]:
        """Mix a batch of anchors with their partners.

        Args:
            views: The anchors, augmented and standardised.
            others: Their partners, likewise.
            labels: Classes of the anchors.
            other_labels: Classes of the partners.
            indices: Positions of the anchors in the training split.
            classes: How many classes there are.
        """
        names = torch.arange(classes, device=labels.device)
        certain = (labels[:, None] == names).float()
        other = (other_labels[:, None] == names).float()
        mixed, soft = self.mixing.apply(views, others, certain, other, self.draws[indices])
        return mixed, soft if self.mixing.softens else labels


def draw_mixtures(
    mixing: Mixing,
    random: torch.Generator,
    shape: tuple[int, int, int],
    device: torch.device,
) -> Mixtures:
    """Draw an epoch's mixing.

    Args:
        mixing: What is done to an image and its partner.
        random: The epoch's generator for mixing.
        shape: Views, training images, and draws that augmenting an image takes.
        device: Where batches are made.
    """
    count = shape[1]
    partners = torch.randint(count, (count,), generator=random)
    draws = mixing.prepare(torch.rand(count, mixing.columns, generator=random))
    augmentation = torch.rand(shape, generator=random)
    return Mixtures(mixing, partners.to(device), augmentation.to(device), draws.to(device))


def check_mixing(mixing: Mixing | None) -> None:
    """Refuse mixing that leaves an image without a class, and so without partners of its class."""
    if mixing is not None and mixing.softens:
        raise ValueError(
            f"{type(mixing).__name__} gives an image labels of two classes: a method that pairs "
            "images of one class has no partner for it; leave mixing out or choose another method"
        )
