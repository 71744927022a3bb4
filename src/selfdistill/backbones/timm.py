"""timm's networks as backbones, through the passes that timm itself offers: no hooks."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .base import Architecture, Backbone, Images, Stages
from .probe import probe_image, probing, reductions_of

MAX_STAGES = 4


class TimmBackbone(Backbone):
    """Backbone of a network with ``forward_intermediates`` and ``forward_head``.

    The stages are at most the last four of distinct resolution; at each, the deepest map counts.
    Networks of one resolution, such as plain ViTs, show four evenly spaced blocks that end at the
    last, their tokens laid out as maps. Where the network normalizes what its classifier pools, so
    is the last map, and no other: the shallow ones show what their blocks put out.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        input_size: tuple[int, int, int],
        architecture: Architecture | None = None,
    ) -> None:
        passes, (features, logits) = probe(network, input_size)
        super().__init__(
            network,
            channels=tuple(feature.shape[1] for feature in features),
            reductions=reductions_of(features, input_size[1]),
            signed=bool((features[-1] < 0).any()),
            num_classes=logits.shape[1],
            input_size=input_size,
            architecture=architecture,
        )
        self.passes = passes

    def stages(self, images: Images) -> Stages:
        return run_stages(self.network, images, self.passes)


class Passes(NamedTuple):
    """How a network is asked for its maps."""

    indices: tuple[int, ...] | None = None
    """Which of its maps; None for all."""
    norm: bool = False
    """Ask for normalized maps: of these networks only the last then is."""
    last_from_head: bool = False
    """Take what the classifier is given for the last map: it is the normalized one."""


def run_stages(network: nn.Module, images: Images, passes: Passes) -> Stages:
    """Run the network once and show its maps."""
    indices = None if passes.indices is None else list(passes.indices)
    last, maps = network.forward_intermediates(  # pyright: ignore[reportCallIssue]
        images, indices=indices, norm=passes.norm, output_fmt="NCHW"
    )
    if passes.last_from_head:
        maps[-1] = as_map(last, maps[-1].shape)
    return Stages(tuple(maps), network.forward_head(last))  # pyright: ignore[reportCallIssue]


def as_map(head_input: object, shape: torch.Size) -> Tensor:
    """What a classifier is given as a map of this shape; a TypeError if it cannot be."""
    batch, channels, height, width = shape
    if isinstance(head_input, list | tuple):
        head_input = head_input[-1]  # the deepest branch's
    if isinstance(head_input, Tensor):
        if head_input.shape == shape:
            return head_input
        if head_input.shape == (batch, height, width, channels):
            return head_input.permute(0, 3, 1, 2)
        _, *tokens = head_input.shape
        if len(tokens) == 2 and tokens[0] >= height * width and tokens[1] == channels:
            patches = head_input[:, -height * width :]  # class tokens come first
            return patches.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
    raise TypeError(f"what the classifier is given is not a map of {height} × {width} positions")


def probe(network: nn.Module, input_size: tuple[int, int, int]) -> tuple[Passes, Stages]:
    """Choose the stages, and show them for one image."""
    name = type(network).__name__
    advice = "wrap it in Tapped and name the submodules that end its stages"
    if not all(hasattr(network, f) for f in ("forward_intermediates", "forward_head")):
        raise ValueError(f"{name} has no forward_intermediates or forward_head: {advice}")
    image = probe_image(network, input_size)
    with probing(network):
        try:
            logits = network(image)
        except (AssertionError, RuntimeError) as error:
            raise ValueError(
                f"{name} cannot take images of {input_size} ({error}): choose another image_size"
            ) from error
        try:
            maps = run_stages(network, image, Passes()).features
            passes = choose_passes(network, image, choose_stages(maps, input_size[1]))
            stages = run_stages(network, image, passes)
        except (AssertionError, AttributeError, IndexError, RuntimeError, TypeError) as error:
            raise ValueError(f"{name} does not show its stages ({error}): {advice}") from error
    if any(feature.ndim != 4 for feature in stages.features):
        raise ValueError(f"{name} does not show its stages as maps: {advice}")
    if not torch.allclose(stages.logits, logits, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise ValueError(f"{name} classifies differently when it shows its stages: {advice}")
    return passes, stages


def choose_stages(features: tuple[Tensor, ...], height: int) -> tuple[int, ...]:
    """Pick the deepest map of the last resolutions, or evenly spaced ones of equal resolution."""
    sizes = [tuple(feature.shape[2:]) for feature in features]
    if len(set(sizes)) == 1:
        count = min(MAX_STAGES, len(sizes))
        return tuple(len(sizes) * k // count - 1 for k in range(1, count + 1))
    # Maps finer than a third of the images' height belong to the stem.
    deepest = {size: index for index, size in enumerate(sizes) if 3 * size[0] <= height}
    return tuple(sorted(deepest.values()))[-MAX_STAGES:]


def choose_passes(network: nn.Module, image: Images, indices: tuple[int, ...]) -> Passes:
    """Find out how to get the last map as the network normalizes it, and the others as they are."""
    try:
        run_stages(network, image, Passes(indices, last_from_head=True))
    except TypeError:
        # Asked for normalized maps, some networks put every one through their closing layer.
        plain, normed = (run_stages(network, image, Passes(indices, n)) for n in (False, True))
        shallow = zip(plain.features[:-1], normed.features[:-1], strict=True)
        return Passes(indices, norm=all(torch.equal(*maps) for maps in shallow))
    return Passes(indices, last_from_head=True)
