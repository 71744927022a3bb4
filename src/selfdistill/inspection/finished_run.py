"""A finished run, ready to be looked at: its method with all exits, and its images."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import fill, read_description, read_weights
from ..config import (
    OWN_IMAGES,
    PASSED,
    Execution,
    Recipe,
    is_own_file,
    network_maker,
    refuse_own_code,
)
from ..data import DataSet, ImageSet, Splits
from ..data.images import OwnImages
from ..evaluation import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    Predictions,
    choose_device,
    place,
    predict,
)
from ..methods import Method
from ..runs import HASH_PREFIX, RunDirectory, Stored, recipe_differences

NO_CHANGES: Mapping[str, object] = {}
VIEW = ("data.image_size", "data.fit")
"""Options that say how images are looked at."""


def own_network(run: RunDirectory, *, allow_own_code: bool = False) -> nn.Module | None:
    """The network of a run that trained one of the user's own, made anew; None for others.

    Args:
        run: The run directory.
        allow_own_code: Whether its file is run even if it has changed.

    Raises:
        ValueError: If its file may not be run.
    """
    recipe = run.read_recipe() or {}
    choice = recipe.get("backbone")
    name = choice.get("name") if isinstance(choice, dict) else None
    if not isinstance(name, str) or not is_own_file(name):
        return None
    if not allow_own_code:
        refuse_own_code(recipe, run.own_code(), run.recipe_file)
    return network_maker(name)(len(read_description(run.model).classes))


class FinishedRun:
    """A finished run; images are read and the method is built when they are first asked for.

    Args:
        run: The run directory.
        changes: Values by option that are not the run's: where the data lie, or other images.
        execution: Where it is looked at: the device; and whether files of one's own are run even
            if they have changed.

    Raises:
        ValueError: If the run is not finished, its recipe or another file is not the one that it
            ended with, or only Python can rebuild its network.
    """

    def __init__(
        self,
        run: RunDirectory,
        changes: Mapping[str, object] = NO_CHANGES,
        execution: Execution | None = None,
    ) -> None:
        execution = execution or Execution()
        if not run.summary_file.exists():
            raise ValueError(
                f"{run.path} is not a finished run ({run.summary_file.name} is missing): train it "
                "to its end, or look at the path"
            )
        summary = run.read_summary()
        expected = summary.section("recipe").values
        stored = run.read_recipe()
        if stored is None:
            raise ValueError(f"{run.recipe_file} is missing: restore it from a copy")
        values = {k: v for k, v in stored.items() if k not in ("format", "split")}
        if differences := recipe_differences(expected, values):
            raise ValueError(
                f"{run.recipe_file} is not the recipe that the run was trained by "
                f"({'; '.join(differences)}): restore it from a copy"
            )
        description = read_description(run.model)
        paths = {k: path for k, path in run.read_paths().items() if k.startswith("data.")}
        own_code = None if execution.allow_own_code else run.own_code()
        recipe = Recipe.from_dict(stored, paths=paths, own_code=own_code, where=run.recipe_file)
        if recipe.backbone == PASSED:
            raise ValueError(
                f"{run.path} trained a network that was passed in Python: only Python can "
                "rebuild it, with sd.load(run, network=...)"
            )
        other_view = [name for name in VIEW if name in changes]
        if other_view and "data" not in changes:
            raise ValueError(
                f"--{other_view[0].removeprefix('data.').replace('_', '-')}: a run's own images "
                "are looked at as it was trained; name them with --data to score them otherwise"
            )
        if changes.get("data") in OWN_IMAGES:
            _, height, width = description.input_size
            seen = {"data.image_size": [height, width], "data.fit": description.preprocessing.fit}
            changes = {**seen, **changes}
        self.run = run
        self.temperatures = _temperatures(summary)
        self.split_hash = stored.get("split")
        self.classes = description.classes
        self.input_size = description.input_size
        self.preprocessing = description.preprocessing
        self.names_data = "data" in changes
        self.recipe = recipe.override(changes, incomplete=True) if changes else recipe
        if other_view and isinstance(images := self.recipe.build_data(), OwnImages):
            self.preprocessing = replace(
                images.preprocessing(*self.preprocessing.statistics),
                interpolation=self.preprocessing.interpolation,
            )
            self.input_size = (self.input_size[0], *images.size)
        self.device = choose_device(execution.accelerator)

    @property
    def images(self) -> DataSet:
        """The source of the images, with borders as its network expects them."""
        return self.recipe.build_data().for_mean(self.preprocessing.mean)

    @cached_property
    def splits(self) -> Splits:
        """The images, standardised as in training; a ValueError if only Python knew them."""
        if self.recipe.data == PASSED:
            raise ValueError(
                f"{self.run.path} was trained on images that were passed in Python: name others "
                "with --data"
            )
        splits = self.images.splits()
        if isinstance(self.images, OwnImages) and splits.digest() != self.split_hash:
            # A run of before trained on pictures that are in two splits.
            kept = replace(self.images, duplicates="keep").for_mean(self.preprocessing.mean)
            before = kept.splits()
            splits = before if before.digest() == self.split_hash else splits
        mean, std = self.preprocessing.statistics
        return replace(splits, mean=mean, std=std)

    @cached_property
    def method(self) -> Method:
        """The method with the weights of the last epoch, attachments included, for evaluation."""
        # Its weights are in the run: none are fetched, nor looked for where they once lay.
        choice = replace(self.recipe.build_backbone(), pretrained=False)
        backbone = choice.build(len(self.classes), self.input_size)
        build = self.recipe.build_method()
        # Nothing is learned any more: the network itself stands in for what taught it.
        options = getattr(build.func, "weight_arguments", ())
        named = [n for n in options if str(build.keywords.get(n)).startswith(HASH_PREFIX)]
        method = build(backbone, **dict.fromkeys(named, backbone))
        fill(method.backbone.network, self.run.model)
        self._attach(method)
        return place(method, self.device).eval()

    def _attach(self, method: Method) -> None:
        """Load the weights of what was attached for training: exactly those the method has."""
        file = self.run.attachments / "attachments.safetensors"
        own = {name for name in method.state_dict() if not name.startswith("backbone.")}
        if own and not file.exists():
            raise ValueError(
                f"{file} is missing, and with it the exits of {type(method).__name__}: restore it "
                "from a copy, or repeat the train command, which writes it again from the last "
                "checkpoint"
            )
        weights = read_weights(file) if own or file.exists() else {}
        try:
            if differing := own ^ weights.keys():
                raise RuntimeError(f"{min(differing)!r} differs")
            method.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            trained = read_description(self.run.model).input_size
            if trained != self.input_size:
                raise ValueError(
                    f"the exits of {type(method).__name__} are made for images of {trained[1]} × "
                    f"{trained[2]} pixels, as the run was trained: leave --image-size out"
                ) from None
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{file} does not hold the weights of what {type(method).__name__} attaches "
                f"({reason}): restore it from a copy"
            ) from None

    def classify(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> dict[str, Float[Tensor, "batch classes"]]:
        """Logits of every exit for standardised images, in single precision."""
        return self.method.inspect(images.to(self.device)).exits

    def predict(self, images: ImageSet) -> Predictions:
        """What every exit says about images, in single precision as it is deployed."""
        return predict(self.method, images, self.preprocessing)


def _temperatures(summary: Stored) -> dict[str, float]:
    """The temperature of each exit; of a run without validation images, or an older one, none."""
    if "calibration" not in summary:
        return {}
    stored = summary.section("calibration").section("temperature")
    return {name: stored.number(name, MIN_TEMPERATURE, MAX_TEMPERATURE) for name in stored}
