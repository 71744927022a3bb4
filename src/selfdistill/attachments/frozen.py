"""A network that predicts and never changes, such as a teacher."""

import copy
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..backbones import Backbone
from ..preprocessing import Preprocessing


class Frozen(nn.Module):
    """A copy of a network that stays in evaluation mode and outside of training.

    It follows the module that holds it to another device or precision, and is copied with it; but
    that module's ``parameters()``, ``buffers()``, ``state_dict()`` and ``train()`` do not know it.

    Args:
        backbone: The trained network.
        preprocessing: How it was trained to see images; None where that is not known.
    """

    backbone: Backbone
    conversion: "Conversion | None"

    def __init__(self, backbone: Backbone, preprocessing: Preprocessing | None = None) -> None:
        super().__init__()
        frozen = copy.deepcopy(backbone).eval().requires_grad_(False)
        self.__dict__["backbone"] = frozen  # past the registration of submodules
        self.__dict__["conversion"] = None
        self.preprocessing = preprocessing

    def convert(self, conversion: "Conversion") -> None:
        """Put a conversion before and after the network, from now on."""
        weights = next(self.backbone.parameters())
        self.__dict__["conversion"] = conversion.to(weights.device, weights.dtype)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Classify, without a gradient."""
        with torch.no_grad():
            if self.conversion is None:
                return self.backbone(images)
            return self.conversion.logits(self.backbone(self.conversion.images(images)))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Frozen":
        for module in (self.backbone, self.conversion):
            if module is not None:
                module._apply(fn, recurse)  # pyright: ignore[reportPrivateUsage]
        return super()._apply(fn, recurse)


class Conversion(nn.Module):
    r"""From one network's images and classes to another's.

    .. math:: x' = \frac{\sigma_s}{\sigma_t}\,x + \frac{\mu_s - \mu_t}{\sigma_t}

    with :math:`\mu_s, \sigma_s` the statistics that images were standardised with and
    :math:`\mu_t, \sigma_t` those that the network expects; what is equal is left alone.

    Args:
        source: How the images were prepared; None to leave their statistics.
        target: How the network was trained to see them.
        size: Height and width that it was trained on; None to leave the images'.
        order: For each class the network's column; None to leave them.
    """

    scale: Tensor | None
    shift: Tensor | None
    order: Tensor | None

    def __init__(
        self,
        *,
        source: Preprocessing | None = None,
        target: Preprocessing | None = None,
        size: tuple[int, int] | None = None,
        order: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        scale = shift = None
        if source is not None and target is not None and source.statistics != target.statistics:
            mean_s, std_s, mean_t, std_t = (
                torch.tensor(values)[:, None, None]
                for values in (source.mean, source.std, target.mean, target.std)
            )
            scale, shift = std_s / std_t, (mean_s - mean_t) / std_t
        self.size = size
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)
        self.register_buffer("order", None if order is None else torch.tensor(order))

    def images(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels new_height new_width"]:
        """Images as the network was trained to see them; scaled bilinearly, antialiased."""
        if self.scale is not None and self.shift is not None:
            images = images * self.scale + self.shift
        if self.size is not None:
            images = interpolate(images, self.size, mode="bilinear", antialias=True)
        return images

    def logits(self, logits: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
        """The network's logits in the order of the classes."""
        return logits if self.order is None else logits[:, self.order]
