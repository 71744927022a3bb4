"""Any module as a backbone: named submodules' outputs are its stages."""

import difflib
import warnings
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .base import Backbone, Images, Logits, Stages
from .probe import logits_of, probe_image, probing, reductions_of


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

    The module stays what it is: same object, same keys, same output, same memory layout. It is
    tried once in evaluation and once in training mode, which leaves no trace. Where it puts out
    several values, such as further logits in training mode, the backbone goes by the first, or by
    the one that is called ``logits``. Compile or wrap the backbone or a method that holds it, not
    the module beforehand.

    Examples:
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
        ValueError: If a name is unknown or repeated, the module does not take such images, a
            submodule does not run or puts out no map, the maps are not shallow to deep or differ in
            training mode, or the logits do not suit ``num_classes``.
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
            features, logits = probe(module, taps, input_size, num_classes)
        except BaseException:
            for handle in handles:
                handle.remove()
            raise
        super().__init__(
            module,
            channels=tuple(feature.shape[1] for feature in features),
            reductions=reductions_of(features, input_size[1]),
            signed=bool((features[-1] < 0).any()),
            num_classes=logits.shape[1],
            input_size=input_size,
        )
        self.taps = taps

    def stages(self, images: Images) -> Stages:
        """Classify, keeping every stage's feature map."""
        return stages_of(*run_tapped(self.network, self.taps, images.contiguous()))

    def forward(self, images: Images) -> Logits:
        """Classify."""
        # Contiguous, as the module's own loop gives them: it may count on the layout of its maps.
        return logits_of(self.network(images.contiguous()))


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


def run_tapped(
    module: nn.Module, taps: dict[str, Tap], images: Images
) -> tuple[object, dict[str, object]]:
    """Run the module once with open taps, and leave them closed and empty."""
    for tap in taps.values():
        tap.open = True
    try:
        output = module(images)
        return output, {name: tap.output for name, tap in taps.items()}
    finally:
        for tap in taps.values():
            tap.open = False
            tap.output = None


def stages_of(output: object, tapped: dict[str, object]) -> Stages:
    """The maps of the tapped submodules, and the logits, of one pass."""
    features: list[Tensor] = []
    for name, value in tapped.items():
        if value is None:
            raise ValueError(
                f"{name} did not run as a submodule in this pass: tap a submodule that does, and "
                "compile the backbone or the method instead of the module inside"
            )
        if not isinstance(value, Tensor) or value.ndim != 4:
            kind = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"{name} puts out {kind}: a stage is a map (batch, channels, height, width)"
            )
        features.append(value)
    return Stages(tuple(features), logits_of(output))


def probe(
    module: nn.Module,
    taps: dict[str, Tap],
    input_size: tuple[int, int, int],
    num_classes: int | None,
) -> Stages:
    """Show the stages of one image; refuse a module that cannot be trained by them."""
    if any(is_lazy(parameter) for parameter in module.parameters()):
        with probing(module):  # gives them their shapes, as the module's own first pass would
            module(probe_image(module, input_size))
    stages = stages_of(*try_tapped(module, taps, probe_image(module, input_size)))
    reductions = reductions_of(stages.features, input_size[1])
    if list(reductions) != sorted(reductions):
        raise ValueError(f"stages {list(taps)} reduce by {reductions}: list them shallow to deep")
    if stages.logits.ndim != 2 or num_classes not in (None, stages.logits.shape[1]):
        raise ValueError(
            f"the module puts out {tuple(stages.logits.shape)} for one image, expected "
            f"(1, {num_classes or 'classes'}): give it a classifier to match"
        )
    pair = probe_image(module, input_size, count=2)
    output, tapped = try_tapped(module, taps, pair, training=True)
    trained = stages_of(output, tapped)
    for name, here, there in zip(
        (*taps, "the module"),
        (*trained.features, trained.logits),
        (*stages.features, stages.logits),
        strict=True,
    ):
        if here.shape != (2, *there.shape[1:]):
            raise ValueError(
                f"{name} puts out {tuple(here.shape)} for two images in training mode, expected "
                f"{(2, *there.shape[1:])} as in evaluation mode: let both modes agree"
            )
    if isinstance(output, Sequence) and len(output) > 1:
        warnings.warn(
            f"{type(module).__name__} puts out {len(output)} values in training mode: the first is "
            "trained as the logits, the others are not",
            stacklevel=3,
        )
    return stages


def try_tapped(
    module: nn.Module,
    taps: dict[str, Tap],
    images: Images,
    *,
    training: bool = False,
) -> tuple[object, dict[str, object]]:
    """Run the module once in either mode, and leave no trace."""
    try:
        with probing(module, training=training):
            return run_tapped(module, taps, images)
    except Exception as error:  # a module of anybody's raises anything
        mode = " in training mode" if training else ""
        raise ValueError(
            f"{type(module).__name__} does not take images of {tuple(images.shape[1:])}{mode} "
            f"({type(error).__name__}: {error}): give it a size that it does"
        ) from error
