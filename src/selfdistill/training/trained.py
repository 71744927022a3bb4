"""A finished run, ready to be looked at: its method with all exits, and its images."""

import json
from dataclasses import replace
from functools import cached_property

import torch
from safetensors.torch import load_file

from ..backbones.saved import CONFIG, WEIGHTS
from ..data import ImageSet, Splits
from ..evaluation import Predictions, predict
from ..methods import Method
from . import engine, options
from .own_images import OWN_IMAGES
from .recipe import BackboneChoice, Recipe
from .run_directory import RunDirectory

Triple = tuple[float, float, float]


class TrainedRun:
    """A finished run; images are read and the method is built when they are first asked for.

    Args:
        run: The run directory.
        words: Further settings, as ``train`` takes them: where the data lie, or other images.
    """

    def __init__(self, run: RunDirectory, words: list[str]) -> None:
        self.run = run
        config = json.loads((run.model / CONFIG).read_text())
        declared = config["pretrained_cfg"]
        self.classes: tuple[str, ...] = tuple(config["label_names"])
        self.input_size: tuple[int, int, int] = tuple(declared["input_size"])
        self.mean: Triple = tuple(declared["mean"])
        self.std: Triple = tuple(declared["std"])
        recipe_words = ["--config", str(run.recipe_file)]
        self.on_others = any(word.split("=")[0] == "--data" for word in words)
        settings = options.parse([*recipe_words, *words])
        if self.on_others and type(settings.recipe.data).__name__ in OWN_IMAGES:
            size = f"--data.image_size={self.input_size[1]}"
            settings = options.parse([*recipe_words, *words, size])
        self.recipe: Recipe = settings.recipe
        self.device = engine.choose_device(settings.place.accelerator)

    @cached_property
    def splits(self) -> Splits:
        """The images, standardised as in training."""
        return replace(self.recipe.data.splits(), mean=self.mean, std=self.std)

    @cached_property
    def method(self) -> Method:
        """The method with the weights of the last epoch, attachments included, for evaluation."""
        # Its weights are in the run: none are fetched, nor looked for where they once lay.
        choice: BackboneChoice = replace(self.recipe.backbone, pretrained=False)
        method = self.recipe.method(choice.build(len(self.classes), self.input_size))
        method.backbone.network.load_state_dict(load_file(self.run.model / WEIGHTS))
        attachments = self.run.attachments / "attachments.safetensors"
        if attachments.exists():
            missing, unexpected = method.load_state_dict(load_file(attachments), strict=False)
            assert not unexpected
            assert all(name.startswith("backbone.") for name in missing)
        return method.to(self.device, memory_format=torch.channels_last).eval()  # pyright: ignore

    def predict(self, images: ImageSet) -> Predictions:
        """What every exit says about images, in the number format of training."""
        fabric = engine.build(self.device, self.recipe.precision)
        size = images.images.shape[2]
        return predict(
            self.method,
            images,
            mean=self.mean,
            std=self.std,
            input_size=None if size == self.input_size[1] else self.input_size[1],
            autocast=fabric.autocast,
        )
