r"""HiResCAM class-activation maps: where the network looks, and where each stage does.

With a class's logit :math:`z_k` and a map :math:`F` that it is computed from:

.. math::
    A_{ij} = \mathrm{ReLU}\Big(\sum_c \frac{\partial z_k}{\partial F_{c,ij}} F_{c,ij}\Big)

Where a linear classifier reads averaged maps, whose gradient is :math:`w_{kc} / HW` everywhere,
this is Zhou's class activation map but for that factor, and so is Grad-CAM. Elsewhere the gradient
is not averaged over positions first, as Grad-CAM does: other heads, and an exit's branch, weigh
positions differently.

The network is explained by the deepest map of its last resolution that its logits depend on. Of
most networks that is the last one; a ViT that classifies by its class token never reads the patches
of its last block's output, but those that its last attention is given.

A stage is explained by the logits of its exit, and by the network's where it has none; its map is
averaged over the cells of the deepest one, which all exits bring their maps to: finer than that, a
shallow map shows the stride of its branch.

References:
    Zhou et al., Learning Deep Features for Discriminative Localization (CVPR 2016),
    https://arxiv.org/abs/1512.04150
    Selvaraju et al., Grad-CAM (ICCV 2017), https://arxiv.org/abs/1610.02391
    Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
    neural networks (2020), https://arxiv.org/abs/2011.08891
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..backbones import Backbone, Stages, as_map
from ..methods import Inspection, Method
from .inference import evaluating

Standardised = Float[Tensor, "batch channels height width"]


class Activation(NamedTuple):
    """What a method says about images, and where its stages look."""

    inspection: Inspection
    maps: tuple[Float[Tensor, "batch height width"] | None, ...]
    """For each stage, shallow to deep, in [0, 1] at the images' size, each image's largest value 1;
    None where the classifier does not read the stage's map. The last is the network's, and the only
    one for a method that shows no stages."""


class NetworkActivation(NamedTuple):
    """Where a network looks."""

    maps: Float[Tensor, "batch height width"]
    """In [0, 1] at the images' size, each image's largest value 1."""
    cells: tuple[int, int]
    """Rows and columns of the map before it was enlarged: no finer place is told."""


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
        for number, feature in enumerate(features[:-1], 1):
            logits = inspection.exits.get(f"exit{number}", inspection.exits["network"])
            cam = _cam(feature, logits, features[-1])
            maps.append(None if cam is None else _enlarge(cam, images))
    exits = {name: logits.detach() for name, logits in inspection.exits.items()}
    attention = None if inspection.attention is None else inspection.attention.detach()
    network = network_activation(method.backbone, images)
    maps.append(None if network is None else network.maps)
    return Activation(Inspection(exits, attention), tuple(maps))


def network_activation(
    backbone: Backbone, images: Standardised, classes: Int[Tensor, " batch"] | None = None
) -> NetworkActivation | None:
    """Explain a logit of each image, in evaluation mode.

    Args:
        backbone: The trained network; its mode comes back, its state is not changed.
        images: Standardised images.
        classes: Whose logits; None for those that the network holds most probable.

    Returns:
        The maps; None where the logits depend on no map of the last resolution.
    """
    with evaluating(backbone), torch.enable_grad(), _outputs(backbone.network) as outputs:
        features, logits = backbone.stages(images.detach().requires_grad_())
        shape = features[-1].shape
        candidates = [features[-1], *(one for one in reversed(outputs) if _is_map(one, shape))]
        chosen = logits.argmax(1) if classes is None else classes
        explained = logits.gather(1, chosen[:, None]).sum()
        gradients = torch.autograd.grad(explained, candidates, allow_unused=True)
    for candidate, gradient in zip(candidates, gradients, strict=True):
        if gradient is None:  # pyright: ignore[reportUnnecessaryComparison]  (allow_unused)
            continue
        by_position = as_map(gradient, shape)
        if by_position.any():
            cam = (by_position * as_map(candidate.detach(), shape)).sum(1, keepdim=True).relu()
            return NetworkActivation(_enlarge(cam, images), (shape[2], shape[3]))
    return None


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


def _is_map(output: Tensor, shape: torch.Size) -> bool:
    try:
        return output.ndim > 2 and as_map(output, shape).requires_grad
    except TypeError:
        return False


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


@contextmanager
def _outputs(network: nn.Module) -> Generator[list[Tensor]]:
    """Keep what the network's modules put out while this is open, in the order of computation."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, arguments: object, output: object) -> None:
        del module, arguments
        if isinstance(output, Tensor):
            outputs.append(output)

    hooks = [module.register_forward_hook(keep) for module in network.modules()]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
