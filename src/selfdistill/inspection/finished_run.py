"""A finished run, ready to be looked at: its method with all exits, and its images."""

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from ..backbones.description import read_description
from ..backbones.saved import fill, read_weights
from ..config import parser as options
from ..config.own_images import OWN_IMAGES
from ..config.schema import BackboneChoice, Recipe
from ..config.user_code import is_own_file, network_maker
from ..data import ImageSet, Splits
from ..evaluation import Predictions, predict
from ..evaluation.device import choose_device, place
from ..methods import Method
from ..runs import RunDirectory, recipe_differences


def own_network(path: Path, words: list[str]) -> nn.Module | None:
    """The network of a run that trained one of the user's own, made anew; None for others.

    Args:
        path: The run directory.
        words: Further settings, as ``train`` takes them.

    Raises:
        ValueError: If its file may not be run.
    """
    run = RunDirectory(path)
    recipe = run.read_recipe() or {}
    choice = recipe.get("backbone")
    name = choice.get("name") if isinstance(choice, dict) else None
    if not isinstance(name, str) or not is_own_file(name):
        return None
    options.check_own_code(run, words)
    return network_maker(name)(len(read_description(run.model).classes))


class FinishedRun:
    """A finished run; images are read and the method is built when they are first asked for.

    Args:
        run: The run directory.
        words: Further settings, as ``train`` takes them: where the data lie, or other images.

    Raises:
        ValueError: If the run is not finished, its recipe or another file is not the one that it
            ended with, or only Python can rebuild its network.
    """

    def __init__(self, run: RunDirectory, words: list[str]) -> None:
        if not run.summary_file.exists():
            raise ValueError(
                f"{run.path} is not a finished run ({run.summary_file.name} is missing): train it "
                "to its end, or look at the path"
            )
        self.run = run
        self._check_recipe()
        saved = read_description(run.model)
        self.classes = saved.classes
        self.input_size = saved.input_size
        self.preprocessing = saved.preprocessing
        self.names_data = any(word.split("=")[0] == "--data" for word in words)
        options.check_own_code(run, words)
        recipe, places = self._recipe()
        settings = options.parse([recipe, *words], places)
        if self.names_data and type(settings.recipe.data).__name__ in OWN_IMAGES:
            size = f"--data.image_size={self.input_size[1]}"
            settings = options.parse([recipe, *words, size], places)
        self.recipe: Recipe = settings.recipe
        self.device = choose_device(settings.place.accelerator)

    def _check_recipe(self) -> None:
        """Refuse a recipe that is not the one whose numbers the run holds."""
        stored, file = self.run.read_summary().section("recipe").values, self.run.recipe_file
        recipe = self.run.read_recipe()
        if recipe is None:
            raise ValueError(f"{file} is missing: restore it from a copy")
        recipe = {k: v for k, v in recipe.items() if k not in ("format", "split")}
        if differences := recipe_differences(stored, recipe):
            raise ValueError(
                f"{file} is not the recipe that the run was trained by ({'; '.join(differences)}): "
                "restore it from a copy"
            )

    def _recipe(self) -> tuple[str, dict[str, str]]:
        """The recipe as a word, and where images and weights lie."""
        recipe, passed = options.without_passed(self.run.read_recipe() or {})
        if "backbone" in passed:
            raise ValueError(
                f"{self.run.path} trained a network that was passed in Python: only Python can "
                "rebuild it, with sd.load(run, network=...)"
            )
        self._images_are_gone = bool(passed) and not self.names_data
        places = self.run.read_whereabouts().items()
        places = {option: where for option, where in places if option.startswith("data.")}
        method = recipe["method"]
        if isinstance(method, dict) and "teacher" in (method.get("init_args") or {}):
            # Nothing is learned any more: the run's own network stands in for what taught it.
            places["method.teacher"] = str(self.run.path)
        return f"--config={json.dumps({'data': 'Digits', **recipe})}", places

    @cached_property
    def splits(self) -> Splits:
        """The images, standardised as in training.

        Raises:
            ValueError: If only Python knew them.
        """
        if self._images_are_gone:
            raise ValueError(
                f"{self.run.path} was trained on images that were passed in Python: name others "
                "with --data"
            )
        return replace(
            self.recipe.data.splits(), mean=self.preprocessing.mean, std=self.preprocessing.std
        )

    @cached_property
    def method(self) -> Method:
        """The method with the weights of the last epoch, attachments included, for evaluation."""
        # Its weights are in the run: none are fetched, nor looked for where they once lay.
        choice: BackboneChoice = replace(self.recipe.backbone, pretrained=False)
        method = self.recipe.method(choice.build(len(self.classes), self.input_size))
        fill(method.backbone.network, self.run.model)
        self._attach(method)
        return place(method, self.device).eval()

    def _attach(self, method: Method) -> None:
        """Load the weights of what was attached for training: exactly those the method has.

        Raises:
            ValueError: If some are missing, or are another method's.
        """
        file = self.run.attachments / "attachments.safetensors"
        own = {name for name in method.state_dict() if not name.startswith("backbone.")}
        if own and not file.exists():
            raise ValueError(
                f"{file} is missing, and with it the exits of {type(method).__name__}: restore it "
                "from a copy, or repeat the train command, which writes it again from the last "
                "checkpoint"
            )
        found = read_weights(file) if own or file.exists() else {}
        try:
            if strange := own ^ found.keys():
                raise RuntimeError(f"{min(strange)!r} differs")
            method.load_state_dict(found, strict=False)
        except RuntimeError as error:
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
