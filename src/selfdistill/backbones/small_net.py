"""A network that two processor cores train in minutes.

Reference:
    K. Jordan. 94% on CIFAR-10 in 3.29 Seconds on a Single GPU. 2024.
    https://arxiv.org/abs/2404.00498

Deviations:
    Narrower (32, 64, 64 channels); the first convolution is learned and normalized where the paper
    fixes it to whiten patches; BatchNorm has PyTorch's scale, momentum and epsilon; convolutions
    start from He et al.'s normal distribution where the paper starts from the identity; the
    classifier has a bias.
"""

from torch import nn

from .base import Images, Stages
from .cifar_resnet import initialize
from .staged import StagedNetwork


class SmallNet(StagedNetwork):
    """Seven convolutions, GELU, global max-pooling: 0.15 million parameters at width 32."""

    def __init__(self, num_classes: int, *, width: int = 32, in_chans: int = 3) -> None:
        super().__init__()
        self.channels = (width, 2 * width, 2 * width)
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.signed = True
        self.stem = nn.Sequential(
            nn.Conv2d(in_chans, 24, 2, bias=False), nn.BatchNorm2d(24), nn.GELU()
        )
        self.group1 = group(24, width)
        self.group2 = group(width, 2 * width)
        self.group3 = group(2 * width, 2 * width)
        self.fc = nn.Linear(2 * width, num_classes)
        initialize(self)

    def stages(self, images: Images) -> Stages:
        first = self.group1(self.stem(images))
        second = self.group2(first)
        third = self.group3(second)
        return Stages((first, second, third), self.fc(third.amax((2, 3))) / 9)

    def heights(self, height: int) -> tuple[int, ...]:
        return (height - 1) // 2, (height - 1) // 4, (height - 1) // 8


def group(channels: int, width: int) -> nn.Sequential:
    """Two normalized 3 × 3 convolutions; the first halves the resolution by max-pooling."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(width),
        nn.GELU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.GELU(),
    )
