"""Networks that know their own stages, and the backbone made of one."""

import abc

from torch import nn

from .base import Architecture, Backbone, Images, Logits, Stages


class StagedNetwork(nn.Module, abc.ABC):
    """A plain classifier that can return the feature maps along its way."""

    channels: tuple[int, ...]
    """Channels of each stage's map, shallow to deep."""
    num_classes: int
    in_chans: int
    signed: bool
    """Whether the last map takes negative values."""

    @abc.abstractmethod
    def stages(self, images: Images) -> Stages:
        """Classify, keeping every stage's feature map."""

    @abc.abstractmethod
    def heights(self, height: int) -> tuple[int, ...]:
        """Height of each stage's map for images of ``height`` pixels."""

    def forward(self, images: Images) -> Logits:
        """Classify."""
        return self.stages(images).logits


class StagedBackbone(Backbone):
    """Backbone of a network that knows its own stages."""

    network: StagedNetwork

    def __init__(
        self,
        network: StagedNetwork,
        *,
        image_size: int | tuple[int, int] = 32,
        architecture: Architecture | None = None,
    ) -> None:
        height, width = (image_size,) * 2 if isinstance(image_size, int) else image_size
        shortest = network.heights(min(height, width))
        if min(shortest) < 1:
            raise ValueError(
                f"images of {min(height, width)} pixels leave {type(network).__name__} nothing at "
                f"its deepest stage (heights {shortest}): use larger images"
            )
        super().__init__(
            network,
            channels=network.channels,
            reductions=tuple(height / map_height for map_height in network.heights(height)),
            signed=network.signed,
            num_classes=network.num_classes,
            input_size=(network.in_chans, height, width),
            architecture=architecture,
        )

    def stages(self, images: Images) -> Stages:
        return self.network.stages(images)
