"""timm's networks as backbones, through the passes that timm itself offers: no hooks."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .base import Architecture, Backbone, Stages
from .pretrained import difference, file_source, published_source
from .probe import probe_image, probing, reductions_of

if TYPE_CHECKING:
    from timm.models import PretrainedCfg

MOST_STAGES = 4


class TimmBackbone(Backbone):
    """Backbone of a network with ``forward_intermediates`` and ``forward_head``.

    The stages are at most the last four of distinct resolution; at each, the deepest map counts.
    Networks of one resolution, such as plain ViTs, show four evenly spaced blocks that end at the
    last, their tokens laid out as maps. Where the network normalizes what its classifier pools, so
    is the last map, and no other: the shallow ones show what their blocks put out.

    Args:
        network: One of timm's networks, as ``timm.create_model`` returns it.
        input_size: Channels, height and width of the images.
        architecture: How to build the network again.

    Raises:
        ValueError: If the network does not offer those passes, cannot take such images, or its
            passes do not add up to ``network(images)``.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        input_size: tuple[int, int, int],
        architecture: Architecture | None = None,
    ) -> None:
        passes, shown = probe(network, input_size)
        super().__init__(
            network,
            channels=tuple(feature.shape[1] for feature in shown.features),
            reductions=reductions_of(shown.features, input_size[1]),
            signed=bool((shown.features[-1] < 0).any()),
            num_classes=shown.logits.shape[1],
            input_size=input_size,
            architecture=architecture,
        )
        self.passes = passes

    def stages(self, images: Float[Tensor, "batch channels height width"]) -> Stages:
        """Classify, keeping every stage's feature map."""
        return run_stages(self.network, images, self.passes)


class Passes(NamedTuple):
    """How a network is asked for its maps."""

    indices: tuple[int, ...] | None = None
    """Which of its maps; None for all."""
    norm: bool = False
    """Ask for normalized maps: of these networks only the last then is."""
    closed: bool = False
    """Take what the classifier is given for the last map: it is the normalized one."""


def run_stages(
    network: nn.Module, images: Float[Tensor, "batch channels height width"], passes: Passes
) -> Stages:
    """Run the network once and show its maps."""
    indices = None if passes.indices is None else list(passes.indices)
    last, maps = network.forward_intermediates(  # pyright: ignore[reportCallIssue]
        images, indices=indices, norm=passes.norm, output_fmt="NCHW"
    )
    if passes.closed:
        maps[-1] = laid_out(last, maps[-1].shape)
    return Stages(tuple(maps), network.forward_head(last))  # pyright: ignore[reportCallIssue]


def laid_out(last: object, shape: torch.Size) -> Tensor:
    """What a classifier is given as a map of this shape; class tokens come first and are left out.

    Of several tensors the last is meant: it is the deepest branch's.

    Raises:
        TypeError: If it cannot be.
    """
    batch, channels, height, width = shape
    if isinstance(last, list | tuple):
        last = last[-1]
    if isinstance(last, Tensor):
        if last.shape == shape:
            return last
        if last.shape == (batch, height, width, channels):
            return last.permute(0, 3, 1, 2)
        if last.ndim == 3 and last.shape[1] >= height * width and last.shape[2] == channels:
            tokens = last[:, -height * width :]
            return tokens.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
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
            every = run_stages(network, image, Passes()).features
            passes = choose_passes(network, image, choose_stages(every, input_size[1]))
            shown = run_stages(network, image, passes)
        except (AssertionError, AttributeError, IndexError, RuntimeError, TypeError) as error:
            raise ValueError(f"{name} does not show its stages ({error}): {advice}") from error
    if any(feature.ndim != 4 for feature in shown.features):
        raise ValueError(f"{name} does not show its stages as maps: {advice}")
    if not torch.allclose(shown.logits, logits, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise ValueError(f"{name} classifies differently when it shows its stages: {advice}")
    return passes, shown


def choose_passes(
    network: nn.Module, image: Float[Tensor, "1 channels height width"], indices: tuple[int, ...]
) -> Passes:
    """Find out how to get the last map as the network normalizes it, and the others as they are.

    Asked for normalized maps, some networks put every one of them through their closing layer.
    """
    try:
        run_stages(network, image, Passes(indices, closed=True))
    except TypeError:
        plain, normed = (run_stages(network, image, Passes(indices, n)) for n in (False, True))
        shallow = zip(plain.features[:-1], normed.features[:-1], strict=True)
        return Passes(indices, norm=all(torch.equal(*maps) for maps in shallow))
    return Passes(indices, closed=True)


def choose_stages(features: tuple[Tensor, ...], height: int) -> tuple[int, ...]:
    """Pick the deepest map of the last resolutions, or evenly spaced ones of equal resolution.

    Maps finer than a third of the images' height belong to the stem.
    """
    sizes = [tuple(feature.shape[2:]) for feature in features]
    if len(set(sizes)) == 1:
        count = min(MOST_STAGES, len(sizes))
        return tuple(len(sizes) * k // count - 1 for k in range(1, count + 1))
    deepest = {size: index for index, size in enumerate(sizes) if 3 * size[0] <= height}
    return tuple(sorted(deepest.values()))[-MOST_STAGES:]


def create_timm_backbone(
    architecture: Architecture, num_classes: int, *, pretrained: bool | str | Path = False
) -> TimmBackbone:
    """Build one of timm's networks by name.

    Args:
        architecture: The name, and ``in_chans`` and ``image_size`` where they are not the usual.
        num_classes: Classes to tell apart.
        pretrained: Start from the published weights, or from those in a file.

    Raises:
        ValueError: If the network does not suit, or its weights cannot be had.
    """
    import timm

    name, arguments = architecture
    declared = _declared(name)
    _, height, width = declared.input_size
    in_chans = int(arguments.get("in_chans", 3))
    build = partial(timm.create_model, name, in_chans=in_chans)
    if "image_size" in arguments:
        height = width = int(arguments["image_size"])
        if declared.fixed_input_size:
            build = partial(build, img_size=height)
    if pretrained is False:
        network = build(num_classes=num_classes)
    elif pretrained is True:
        source = published(name)
        network = build(num_classes=num_classes, pretrained=True, pretrained_cfg_overlay=source)
    else:
        network = build_from_file(build, num_classes, file_source(Path(pretrained), declared))
    vars(network)["pretrained_cfg"].pop("file", None)
    return TimmBackbone(network, input_size=(in_chans, height, width), architecture=architecture)


def build_from_file(
    build: partial[nn.Module], num_classes: int, source: dict[str, str | int]
) -> nn.Module:
    """Build with a file's weights; the classifier is new unless it has ``num_classes`` classes.

    Raises:
        ValueError: If the file holds another network's weights.
    """
    classes = source["num_classes"]
    try:
        network = build(num_classes=classes, pretrained=True, pretrained_cfg_overlay=source)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = difference(str(source["file"]), build(num_classes=classes))
        raise ValueError(
            f"{source['file']} does not hold the weights of {build.args[0]}: {reason}"
        ) from error
    if classes != num_classes:
        network.reset_classifier(num_classes)  # pyright: ignore[reportCallIssue]
    return network


def timm_size(name: str) -> int:
    """Height of the images that one of timm's networks is made for, in pixels."""
    return _declared(name).input_size[1]


def published(name: str) -> dict[str, str | int]:
    """Where timm finds a network's published weights.

    Raises:
        ValueError: If it finds none.
    """
    return published_source(name, _declared(name))


def _declared(name: str) -> "PretrainedCfg":
    import timm

    declared = timm.models.get_pretrained_cfg(name)
    assert declared is not None
    return declared


def timm_names(*, pretrained: bool = False) -> list[str]:
    """Names that timm knows, or those that carry the tag of published weights."""
    import timm

    return timm.list_pretrained() if pretrained else timm.list_models()


def is_timm_name(name: str) -> bool:
    """Whether timm knows a network, and the tag of its weights if the name carries one."""
    import timm

    return timm.is_model(name) and ("." not in name or name in timm_names(pretrained=True))
