r"""HiResCAM class-activation maps of each stage.

With the logit :math:`z_k` of the class that the exit at stage :math:`l` holds most probable:

.. math::
    A_l = \mathrm{ReLU}\Big(\mathrm{pool}\Big(\sum_c \frac{\partial z_k}{\partial F_{l,c}}
    \odot F_{l,c}\Big)\Big)

The deepest stage is explained by the network's logits, and so is a shallow one without an exit.
Where a classifier is linear on averaged maps this is its class activation map. Unlike in Grad-CAM
the gradient is not averaged over positions first, as an exit's branch weighs positions
differently. ``pool`` averages over the cells of the deepest map, which all exits bring their maps
to: finer than that, a shallow map shows the stride of its branch.

Reference:
    Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
    neural networks (2020), https://arxiv.org/abs/2011.08891
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..backbones import Backbone, Stages
from ..methods import Inspection, Method
from .inference import evaluating

Standardised = Float[Tensor, "batch channels height width"]


class Activation(NamedTuple):
    """What a method says about images, and where its stages look."""

    inspection: Inspection
    maps: tuple[Float[Tensor, "batch height width"] | None, ...]
    """For each stage, shallow to deep, in [0, 1] at the images' size, each image's largest value 1;
    None where the classifier does not read the stage's map. Empty for a method that shows no
    stages."""


def class_activation(method: Method, images: Standardised) -> Activation:
    """Inspect a method in evaluation mode, and explain what each stage decides.

    Args:
        method: The trained method; its mode comes back, its state is not changed.
        images: Standardised images.
    """
    with evaluating(method), torch.enable_grad(), _recorded(method.backbone) as passes:
        inspection = method.inspect(images.detach().requires_grad_())
        features = list(passes[0].features) if passes else []
        maps: list[Float[Tensor, "batch height width"] | None] = []
        for number, feature in enumerate(features, 1):
            name = f"exit{number}" if number < len(features) else "network"
            logits = inspection.exits.get(name, inspection.exits["network"])
            cam = _cam(feature, logits, features[-1])
            maps.append(None if cam is None else _enlarge(cam, images))
    exits = {name: logits.detach() for name, logits in inspection.exits.items()}
    attention = None if inspection.attention is None else inspection.attention.detach()
    return Activation(Inspection(exits, attention), tuple(maps))


def _cam(
    feature: Float[Tensor, "batch _ _ _"],
    logits: Float[Tensor, "batch classes"],
    deepest: Float[Tensor, "batch _ _ _"],
) -> Float[Tensor, "batch 1 rows columns"] | None:
    (gradient,) = torch.autograd.grad(
        logits.amax(1).sum(), feature, retain_graph=True, allow_unused=True
    )
    if gradient is None:  # pyright: ignore[reportUnnecessaryComparison]  (allow_unused)
        return None
    cam = (gradient * feature).sum(1, keepdim=True).detach()
    return F.adaptive_avg_pool2d(cam, (deepest.shape[2], deepest.shape[3])).relu()


def _enlarge(
    cam: Float[Tensor, "batch 1 rows columns"], images: Standardised
) -> Float[Tensor, "batch height width"]:
    size = [images.shape[2], images.shape[3]]
    large = F.interpolate(cam.float(), size, mode="bilinear", align_corners=False)[:, 0]
    return large / large.amax((1, 2), keepdim=True).clamp_min(1e-12)


@contextmanager
def _recorded(backbone: Backbone) -> Generator[list[Stages]]:
    """Keep what the backbone's passes yield while this is open."""
    passes: list[Stages] = []
    stages = backbone.stages

    def recording(images: Standardised) -> Stages:
        passes.append(stages(images))
        return passes[-1]

    vars(backbone)["stages"] = recording
    try:
        yield passes
    finally:
        del vars(backbone)["stages"]
