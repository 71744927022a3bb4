"""A network that runs stage by stage, and stops for each image once an exit is sure."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .probabilities import confidence


class EarlyLogits(NamedTuple):
    """What a batch was answered, image by image."""

    logits: Float[Tensor, "batch classes"]
    """Of the exit that answered, divided by its temperature."""
    exits: Int[Tensor, " batch"]
    """Which one that was: its position among the network's exits."""


class StagewiseNetwork(nn.Module):
    """A trained network as stages; :meth:`selfdistill.deployment.ExitGraph.divide` makes them.

    Each stage is a module of its own. The first takes images, the others take what the one before
    puts out: ``(logits, *carried)``, in which every tensor has the images of the batch along its
    first dimension. So a stage can be exported alone, and the images that go on can be picked out.

    Args:
        exits: Name of the exit that each stage ends in; ``network`` is the last.
        stages: The modules.
        macs: Multiply-adds of one image until each exit has answered.
    """

    def __init__(
        self, exits: tuple[str, ...], stages: Sequence[nn.Module], macs: tuple[int, ...]
    ) -> None:
        super().__init__()
        assert len(exits) == len(stages) == len(macs)
        self.exits = exits
        self.stages = nn.ModuleList(stages)
        self.macs = macs

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> dict[str, Float[Tensor, "batch classes"]]:
        """Logits of every exit: all stages, for all images."""
        carried: tuple[Tensor, ...] = (images,)
        logits: dict[str, Tensor] = {}
        for name, stage in zip(self.exits, self.stages, strict=True):
            logits[name], *rest = stage(*carried)
            carried = tuple(rest)
        return logits

    @torch.no_grad()
    def answer(
        self,
        images: Float[Tensor, "batch channels height width"],
        *,
        thresholds: Sequence[float],
        temperatures: Sequence[float],
    ) -> EarlyLogits:
        """Let each image leave at the first exit that is sure of it, and the others go on.

        Args:
            images: Standardised images, at least one.
            thresholds: Of each exit but the last: an image leaves if its most probable class is
                more probable than that, at temperature 1. The last answers what is left.
            temperatures: What the logits that each exit answers are divided by, the last one's too.
        """
        left = torch.arange(len(images), device=images.device)
        answered: list[tuple[Tensor, Tensor, Tensor]] = []
        carried: tuple[Tensor, ...] = (images.contiguous(),)
        bounds = (*thresholds, float("-inf"))
        for number, (stage, bound, temperature) in enumerate(
            zip(self.stages, bounds, temperatures, strict=True)
        ):
            logits, *rest = stage(*carried)
            sure = (confidence(logits) > bound).to(logits.device)
            logits = logits.float() / temperature
            if number == len(self.stages) - 1:
                sure = torch.ones_like(sure)  # a probability that is not a number, too
            answered.append((left[sure], logits[sure], torch.full_like(left[sure], number)))
            if bool(sure.all()):
                break
            carried, left = self.keep(rest, ~sure), left[~sure]
        places, logits, exits = map(torch.cat, zip(*answered, strict=True))
        order = places.argsort()
        return EarlyLogits(logits[order], exits[order])

    @staticmethod
    def keep(carried: Sequence[Tensor], going_on: Bool[Tensor, " batch"]) -> tuple[Tensor, ...]:
        """The rows of the images that go on, in the memory layout that the next stage expects."""
        if bool(going_on.all()):
            return tuple(carried)
        return tuple(tensor[going_on] for tensor in carried)
