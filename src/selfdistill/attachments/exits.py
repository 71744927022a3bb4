r"""Classifiers at the shallow stages of a network.

An exit brings a stage's map :math:`F_l` to the shape of the deepest map :math:`F_L` through a
branch, :math:`G_l \in \mathbb{R}^{B \times C_L \times H_L \times W_L}`, and classifies its average
over positions, :math:`z_l`.
"""

from typing import Literal, NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import Backbone

ExitKind = Literal["bottleneck", "chained"]


class ExitOutput(NamedTuple):
    """What an exit makes of a stage's map."""

    map: Float[Tensor, "batch channels height width"]
    logits: Float[Tensor, "batch classes"]


class Exit(nn.Module):
    """A branch to the deepest map's shape, and a linear classifier on its average.

    Args:
        branch: Brings the stage's map to ``channels`` channels, about the deepest map's size.
        channels: Channels that the branch yields.
        num_classes: Classes to tell apart.
    """

    def __init__(self, branch: nn.Sequential, channels: int, num_classes: int) -> None:
        super().__init__()
        self.branch = branch
        self.head = nn.Linear(channels, num_classes)

    def forward(self, feature: Float[Tensor, "batch _ _ _"], size: tuple[int, int]) -> ExitOutput:
        """Map and logits; ``size`` is the deepest map's height and width."""
        mapped = pool_to(self.branch(feature), size)
        return ExitOutput(mapped, self.head(mapped.mean((2, 3))))


class Exits(nn.ModuleList):
    """The exits of all stages but the deepest, shallow to deep; :func:`build_exits` makes them."""

    def forward(self, features: tuple[Float[Tensor, "batch _ _ _"], ...]) -> list[ExitOutput]:
        """Map and logits of each, given the maps of all stages."""
        *shallow, deepest = features
        size = (deepest.shape[-2], deepest.shape[-1])
        return [branch(feature, size) for branch, feature in zip(self, shallow, strict=True)]


def build_exits(backbone: Backbone, kind: ExitKind, outputs: int | None = None) -> Exits:
    """An exit for every stage but the deepest.

    Args:
        backbone: The network whose stages are to be classified.
        kind: ``bottleneck``: one convolution of the whole stride between 1 × 1 ones, 1.07 × the
            FLOPs of a 32-pixel ResNet-18; ``chained``: three such convolutions for every missing
            stage, 1.54 × the FLOPs and far better exits.
        outputs: Logits of each exit; None for one each class.

    Raises:
        ValueError: If ``kind`` is neither.
    """
    if kind not in ("bottleneck", "chained"):
        raise ValueError(f"exit={kind!r} is unknown: choose 'bottleneck' or 'chained'")
    branch = _bottleneck if kind == "bottleneck" else _chain
    deepest = backbone.channels[-1]
    return Exits(
        Exit(branch(backbone, stage), deepest, outputs or backbone.num_classes)
        for stage in range(len(backbone.channels) - 1)
    )


def pool_to(
    maps: Float[Tensor, "batch channels _ _"], size: tuple[int, int]
) -> Float[Tensor, "batch channels height width"]:
    """Average maps down to ``size`` (height, width); maps of that size pass as they are."""
    if maps.shape[-2:] == size:
        return maps
    return F.adaptive_avg_pool2d(maps, size)


def _bottleneck(backbone: Backbone, stage: int) -> nn.Sequential:
    """1×1 to m channels, k×k with stride k, 1×1 to the deepest stage's channels."""
    channels, deepest = backbone.channels[stage], backbone.channels[-1]
    width = max(1, min(deepest // 4, 128, 2 * channels))
    stride = max(1, round(backbone.reductions[-1] / backbone.reductions[stage]))
    return nn.Sequential(
        *_convolution(channels, width),
        *_convolution(width, width, kernel=stride, stride=stride),
        *_convolution(width, deepest, activate=not backbone.signed),
    )


def _chain(backbone: Backbone, stage: int) -> nn.Sequential:
    """For every missing stage: 1×1 to its channels, 3×3 with its stride, 1×1."""
    layers: list[nn.Module] = []
    last = len(backbone.channels) - 1
    for here in range(stage, last):
        channels, following = backbone.channels[here : here + 2]
        stride = max(1, round(backbone.reductions[here + 1] / backbone.reductions[here]))
        layers += _convolution(channels, following)
        layers += _convolution(following, following, kernel=3, stride=stride, padding=1)
        ends = here + 1 == last
        layers += _convolution(following, following, activate=not (ends and backbone.signed))
    return nn.Sequential(*layers)


def _convolution(
    channels: int,
    width: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    padding: int = 0,
    activate: bool = True,
) -> list[nn.Module]:
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(width),
    ]
    return [*layers, nn.ReLU(inplace=True)] if activate else layers
