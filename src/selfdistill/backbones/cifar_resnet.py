"""Residual networks for images of about 32 pixels.

The stem is one 3 × 3 convolution of stride 1, without max-pooling, so that the first stage keeps
the images' resolution. Weights carry the names, and start from the distributions, of torchvision's
ResNets.

Reference:
    K. He, X. Zhang, S. Ren, J. Sun. Deep Residual Learning for Image Recognition. CVPR 2016.
    https://arxiv.org/abs/1512.03385

Deviations:
    ResNet-20, -32 and -56 change shape by a projection (1 × 1 convolution and BatchNorm, the
    paper's option B) where the paper's CIFAR experiments pad with zeros (option A). A bottleneck
    strides in its 3 × 3 convolution, as torchvision's do.
"""

from torch import Tensor, nn

from .base import Images, Map, Stages
from .staged import StagedNetwork


class BasicBlock(nn.Module):
    r"""Two 3 × 3 convolutions and a shortcut.

    .. math:: y = \mathrm{ReLU}(x' + \mathrm{BN}(W_2\,\mathrm{ReLU}(\mathrm{BN}(W_1 x))))
    """

    expansion = 1

    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(channels, width, stride=stride)

    def forward(self, x: Map) -> Map:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.downsample(x) + self.bn2(self.conv2(y)))


class Bottleneck(nn.Module):
    """Convolutions of 1 × 1, 3 × 3 and 1 × 1, the last to four times the width."""

    expansion = 4

    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU()
        self.downsample = shortcut(channels, 4 * width, stride=stride)

    def forward(self, x: Map) -> Map:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.downsample(x) + self.bn3(self.conv3(y)))


def shortcut(channels: int, width: int, *, stride: int) -> nn.Module:
    """Identity, or a projection where resolution or channels change."""
    if stride == 1 and channels == width:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))


class CifarResNet(StagedNetwork):
    """Residual network with a 3 × 3 stem of stride 1, of ``depths`` blocks a stage.

    Every stage but the first halves the resolution and doubles the ``width``.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, ...],
        num_classes: int,
        *,
        width: int,
        in_chans: int = 3,
    ) -> None:
        super().__init__()
        widths = tuple(width * 2**k for k in range(len(depths)))
        self.channels = tuple(w * block.expansion for w in widths)
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.signed = False
        self.conv1 = nn.Conv2d(in_chans, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        inputs = (width, *self.channels)
        for k, depth in enumerate(depths):
            first = block(inputs[k], widths[k], stride=1 if k == 0 else 2)
            rest = (block(self.channels[k], widths[k], stride=1) for _ in range(depth - 1))
            self.add_module(f"layer{k + 1}", nn.Sequential(first, *rest))
        self.fc = nn.Linear(self.channels[-1], num_classes)
        initialize(self)

    def stages(self, images: Images) -> Stages:
        x = self.relu(self.bn1(self.conv1(images)))
        features: list[Tensor] = []
        for k in range(len(self.channels)):
            x = self.get_submodule(f"layer{k + 1}")(x)
            features.append(x)
        return Stages(tuple(features), self.fc(x.mean((2, 3))))

    def heights(self, height: int) -> tuple[int, ...]:
        return tuple(-(-height // 2**k) for k in range(len(self.channels)))


def initialize(network: nn.Module) -> None:
    """Draw every convolution's weights from He et al.'s normal distribution (fan out, ReLU)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
