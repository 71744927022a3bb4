"""A network that predicts and never changes, such as a teacher."""

import copy
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import Backbone


class Frozen(nn.Module):
    """A copy of a network that stays in evaluation mode and outside of training.

    It follows the module that holds it to another device or precision, and is copied with it; but
    that module's ``parameters()``, ``buffers()``, ``state_dict()`` and ``train()`` do not know it.

    Args:
        backbone: The trained network.
    """

    backbone: Backbone

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        frozen = copy.deepcopy(backbone).eval().requires_grad_(False)
        self.__dict__["backbone"] = frozen  # past the registration of submodules

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Classify, without a gradient."""
        with torch.no_grad():
            return self.backbone(images)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Frozen":
        self.backbone._apply(fn, recurse)  # pyright: ignore[reportPrivateUsage]
        return super()._apply(fn, recurse)
