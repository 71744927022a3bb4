"""A network of one's own: ``--backbone own_backbone.make_net --backbone.stages 0,1,2``.

The names are those of submodules, as ``named_modules()`` gives them: each one's output is a stage.
"""

from torch import nn


def make_net(num_classes: int) -> nn.Module:
    """Three strided blocks, average pooling, a classifier."""

    def block(channels: int, width: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )

    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes))
    return nn.Sequential(block(3, 16), block(16, 32), block(32, 64), head)


if __name__ == "__main__":
    import torch

    import selfdistill as sd

    backbone = sd.Tapped(make_net(10), ["0", "1", "2"], input_size=(3, 32, 32))
    print(backbone.channels, backbone(torch.randn(2, 3, 32, 32)).shape)
