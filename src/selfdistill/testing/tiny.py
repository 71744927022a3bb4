"""The smallest backbone that a method can be tried on."""

from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import Backbone, Stages


class TinyNetwork(nn.Module):
    """A convolution, batch normalisation and ReLU for each stage; a linear classifier."""

    def __init__(self, channels: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        widths = (3, *channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, 1 if stage == 0 else 2, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            )
            for stage, (before, after) in enumerate(zip(widths, channels, strict=False))
        )
        self.head = nn.Linear(channels[-1], num_classes)

    def stages(self, images: Float[Tensor, "batch channels height width"]) -> Stages:
        features: list[Tensor] = []
        for block in self.blocks:
            images = block(images)
            features.append(images)
        return Stages(tuple(features), self.head(images.mean((2, 3))))

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.stages(images).logits


class TinyBackbone(Backbone):
    """Three stages for 16-pixel images; the deepest map has 4 × 4 positions.

    Args:
        channels: Channels of each stage, shallow to deep.
        num_classes: Classes to tell apart.

    Examples:
        >>> TinyBackbone().stages(torch.randn(2, 3, 16, 16)).features[-1].shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(self, channels: tuple[int, ...] = (4, 6, 8), num_classes: int = 5) -> None:
        network = TinyNetwork(channels, num_classes)
        super().__init__(
            network,
            channels=channels,
            reductions=tuple(2.0**stage for stage in range(len(channels))),
            signed=False,
            num_classes=num_classes,
            input_size=(3, 16, 16),
        )
        self.network: TinyNetwork = network

    def stages(self, images: Float[Tensor, "batch channels height width"]) -> Stages:
        """Classify, keeping every stage's map."""
        return self.network.stages(images)
