"""Any module as a backbone: named submodules' outputs are its stages."""

import difflib
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from .base import Backbone, Stages
from .probe import evaluating, probe_image, reductions_of


class Tap:
    """Forward hook that keeps its module's latest output, while it is open.

    An object rather than a closure: a deep copy of the network then carries taps of its own.
    """

    def __init__(self) -> None:
        self.open = False
        self.output: object = None

    def __call__(self, _module: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
        """Keep the output."""
        if self.open:
            self.output = output


class Tapped(Backbone):
    """Backbone of any module, whose stages are the outputs of named submodules.

    The module stays what it is: same object, same keys, same output. Compile or wrap the backbone
    or a method that holds it, not the module beforehand.

    Example:
        >>> module = nn.Sequential(
        ...     nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
        ...     nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
        ... )
        >>> Tapped(module, ["1", "3"], input_size=(3, 32, 32)).channels
        (8, 16)

    Args:
        module: A classifier: images in, logits out.
        stages: Names of submodules as in ``module.named_modules()``, shallow to deep; each must
            put out a map ``(batch, channels, height, width)``. A submodule that runs several times
            shows its last output.
        input_size: Channels, height and width of the images.
        num_classes: Classes to tell apart; by default as many as the module has logits.

    Raises:
        ValueError: If a name is unknown or repeated, a submodule does not run or puts out no map,
            the maps are not shallow to deep, or the logits do not suit ``num_classes``.
    """

    def __init__(
        self,
        module: nn.Module,
        stages: Sequence[str],
        *,
        input_size: tuple[int, int, int],
        num_classes: int | None = None,
    ) -> None:
        check_names(module, stages)
        taps = {name: Tap() for name in stages}
        handles = [
            module.get_submodule(name).register_forward_hook(tap) for name, tap in taps.items()
        ]
        try:
            with evaluating(module):
                shown = run_tapped(module, taps, probe_image(module, input_size))
            reductions = check_shown(shown, stages, input_size[1], num_classes)
        except BaseException:
            for handle in handles:
                handle.remove()
            raise
        super().__init__(
            module,
            channels=tuple(feature.shape[1] for feature in shown.features),
            reductions=reductions,
            signed=bool((shown.features[-1] < 0).any()),
            num_classes=shown.logits.shape[1],
            input_size=input_size,
        )
        self.taps = taps

    def stages(self, images: Float[Tensor, "batch channels height width"]) -> Stages:
        """Classify, keeping every stage's feature map."""
        return run_tapped(self.network, self.taps, images)


def run_tapped(
    module: nn.Module, taps: dict[str, Tap], images: Float[Tensor, "batch channels height width"]
) -> Stages:
    """Run the module once with open taps, and leave them closed and empty."""
    for tap in taps.values():
        tap.open = True
    try:
        logits = module(images)
        outputs = {name: tap.output for name, tap in taps.items()}
    finally:
        for tap in taps.values():
            tap.open = False
            tap.output = None
    features: list[Tensor] = []
    for name, output in outputs.items():
        if output is None:
            raise ValueError(
                f"{name} did not run as a submodule in this pass: tap a submodule that does, and "
                "compile the backbone or the method instead of the module inside"
            )
        if not isinstance(output, Tensor) or output.ndim != 4:
            found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(
                f"{name} puts out {found}: a stage is a map (batch, channels, height, width)"
            )
        features.append(output)
    return Stages(tuple(features), logits)


def check_names(module: nn.Module, stages: Sequence[str]) -> None:
    """Refuse names that are missing, unknown or repeated."""
    if not stages:
        raise ValueError("stages is empty: name at least one submodule")
    known = [name for name, _ in module.named_modules() if name]
    for name in stages:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
            raise ValueError(
                f"{type(module).__name__} has no submodule {name!r}: did you mean "
                f"{' or '.join(nearest)}?"
            )
    if len(set(stages)) < len(stages):
        raise ValueError(f"stages {list(stages)} repeat a name: list each submodule once")


def check_shown(
    shown: Stages, names: Sequence[str], height: int, num_classes: int | None
) -> tuple[float, ...]:
    """Refuse unordered stages and what is no classifier; return the reductions."""
    reductions = reductions_of(shown.features, height)
    if list(reductions) != sorted(reductions):
        raise ValueError(f"stages {list(names)} reduce by {reductions}: list them shallow to deep")
    if shown.logits.ndim != 2 or num_classes not in (None, shown.logits.shape[1]):
        raise ValueError(
            f"the module puts out {tuple(shown.logits.shape)} for one image, expected "
            f"(1, {num_classes or 'classes'}): give it a classifier to match"
        )
    return reductions
