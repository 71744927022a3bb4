"""Scores of a finished run on one of its splits."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from ..backbones.saved import WEIGHTS
from ..data import ImageSet, Splits
from ..evaluation import predict
from ..methods import Method
from . import engine, finish, options
from .recipe import Recipe
from .run import build_method
from .run_directory import RunDirectory
from .storage import write_json

ExitScores = dict[str, dict[str, float]]


def evaluate(path: Path, *, split: str | None, words: list[str]) -> ExitScores:
    """Scores of every exit, with the weights of the last epoch.

    The first look at a run's test images is written into its summary.

    Args:
        path: The run directory.
        split: ``validation`` or ``test``; None for validation, where there are such images.
        words: Further settings, as ``train`` takes them, such as where the data lie.

    Raises:
        ValueError: If the run is not finished, has no such split, or its images have changed.
    """
    run = RunDirectory(path)
    if not run.finished():
        raise ValueError(
            f"{path} is no finished run ({run.summary_file.name} is missing): train it to its end, "
            "or look at the path"
        )
    settings = options.parse(["--config", str(run.recipe_file), *words])
    recipe, splits = settings.recipe, settings.recipe.data.splits()
    _check_images(run, splits)
    split = split or ("test" if splits.validation is None else "validation")
    images: ImageSet | None = getattr(splits, split)
    if images is None:
        raise ValueError(f"{path} was trained without {split} images: choose --split test")
    device = engine.choose_device(settings.place.accelerator)
    method = load_method(run, recipe, splits).to(device)
    fabric = engine.build(device, recipe.precision)
    predictions = predict(
        method, images, mean=splits.mean, std=splits.std, autocast=fabric.autocast
    )
    scores = finish.exit_scores(predictions)
    summary = json.loads(run.summary_file.read_text())
    if split == "test" and summary["test"] is None:
        finish.write_predictions(run, predictions)
        write_json(run.summary_file, {**summary, "test": {"last": scores, "read_by": "evaluate"}})
    return scores


def load_method(run: RunDirectory, recipe: Recipe, splits: Splits) -> Method:
    """The trained method of a finished run, attachments included, in evaluation mode."""
    method = build_method(recipe, splits)
    method.backbone.network.load_state_dict(load_file(run.model / WEIGHTS))
    attachments = run.attachments / "attachments.safetensors"
    if attachments.exists():
        missing, unexpected = method.load_state_dict(load_file(attachments), strict=False)
        assert not unexpected
        assert all(name.startswith("backbone.") for name in missing)
    return method.to(memory_format=torch.channels_last).eval()  # pyright: ignore


def _check_images(run: RunDirectory, splits: Splits) -> None:
    stored = (run.read_recipe() or {}).get("split")
    if stored != splits.digest():
        raise ValueError(
            f"the images of {run.path} are not those it was trained with (split {stored} there, "
            f"{splits.digest()} here): restore them, or say where they are with --data.root"
        )
