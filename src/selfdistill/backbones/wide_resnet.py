"""Wide residual networks: shallower and wider, activations before the convolutions.

Reference:
    S. Zagoruyko, N. Komodakis. Wide Residual Networks. BMVC 2016.
    https://arxiv.org/abs/1605.07146

Deviations:
    No dropout inside the blocks.
"""

from torch import nn

from .base import Images, Map, Stages
from .cifar_resnet import initialize
from .staged import StagedNetwork


class PreActivationBlock(nn.Module):
    r"""BatchNorm and ReLU before each of two 3 × 3 convolutions.

    .. math:: y = x' + W_2\,a_2(W_1\,a_1(x)), \qquad a_i = \mathrm{ReLU} \circ \mathrm{BN}_i

    with :math:`x' = x`, or :math:`x' = W_s\,a_1(x)` where resolution or channels change.
    """

    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        changes = stride != 1 or channels != width
        self.shortcut = nn.Conv2d(channels, width, 1, stride, bias=False) if changes else None

    def forward(self, x: Map) -> Map:
        a = self.relu(self.bn1(x))
        y = self.conv2(self.relu(self.bn2(self.conv1(a))))
        return y + (x if self.shortcut is None else self.shortcut(a))


class WideResNet(StagedNetwork):
    """WRN-d-k: three stages of :math:`(d - 4) / 6` blocks, 16k, 32k and 64k channels wide.

    The last stage's map is the one that the classifier pools, after the closing BatchNorm and
    ReLU; the earlier ones are the sums that the stages end in.
    """

    def __init__(self, depth: int, widening: int, num_classes: int, *, in_chans: int = 3) -> None:
        super().__init__()
        if depth < 10 or depth % 6 != 4 or widening < 1:
            raise ValueError(
                f"there is no WRN-{depth}-{widening}: the depth is 10, 16, 22, 28, 34, 40, … "
                "(6n + 4) and the widening factor at least 1"
            )
        self.channels = (16 * widening, 32 * widening, 64 * widening)
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.signed = False
        self.conv1 = nn.Conv2d(in_chans, 16, 3, 1, 1, bias=False)
        blocks = (depth - 4) // 6
        self.layer1 = wide_stage(16, self.channels[0], blocks, stride=1)
        self.layer2 = wide_stage(self.channels[0], self.channels[1], blocks, stride=2)
        self.layer3 = wide_stage(self.channels[1], self.channels[2], blocks, stride=2)
        self.bn1 = nn.BatchNorm2d(self.channels[2])
        self.relu = nn.ReLU()
        self.fc = nn.Linear(self.channels[2], num_classes)
        initialize(self)

    def stages(self, images: Images) -> Stages:
        first = self.layer1(self.conv1(images))
        second = self.layer2(first)
        third = self.relu(self.bn1(self.layer3(second)))
        return Stages((first, second, third), self.fc(third.mean((2, 3))))

    def heights(self, height: int) -> tuple[int, ...]:
        return height, -(-height // 2), -(-height // 4)


def wide_stage(channels: int, width: int, blocks: int, *, stride: int) -> nn.Sequential:
    """Chain ``blocks`` blocks; the first one changes resolution and channels."""
    first = PreActivationBlock(channels, width, stride=stride)
    return nn.Sequential(
        first, *(PreActivationBlock(width, width, stride=1) for _ in range(blocks - 1))
    )
