"""A run before its first step: all that it needs, made, checked and written down once."""

import os
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric

from ..config import Ingredients, Settings, own_code, provenance
from ..data import Batches, Splits, imbalance
from ..data.images import OwnImages
from ..runs import RunDirectory
from ..signals import StopRequest
from . import engine, environment
from .building import build, build_batches, check_parts, check_weights
from .engine import on_rank_zero
from .optimizer import check_stepping
from .reporter import Reporter
from .resuming import check_split, restore_logs, resume
from .state import TrainState

FEW = 5000
"""Training pictures below which published weights are worth a line."""


@dataclass(frozen=True)
class Session:
    """All that one run needs, made once."""

    fabric: Fabric
    run: RunDirectory
    settings: Settings
    splits: Splits
    batches: Batches
    state: TrainState
    stop: StopRequest
    reporter: Reporter


def setup(
    fabric: Fabric,
    run: RunDirectory,
    settings: Settings,
    ingredients: Ingredients,
    splits: Splits,
    deadline: float | None,
) -> Session:
    """Build what is trained, write down what the run is, and go to where it stopped."""
    log = partial(engine.log, fabric)
    environment.forget_peak_memory(fabric.device)
    if splits.note:
        log(splits.note)
    settings = settings.resolved(split=splits.digest())
    for path in settings.recipe.weight_paths().values():
        provenance.refuse_leak(Path(path), splits, type(ingredients.data).__name__)
    if splits.validation is None and (ingredients.patience or ingredients.select != "accuracy"):
        option = "patience" if ingredients.patience else "select"
        raise ValueError(
            f"--{option} {getattr(ingredients, option)} goes by validation images, and these data "
            "have none set aside: leave it out, or see `selfdistill train --data.help` for the "
            "option of the data set that sets some aside"
        )
    method, splits = build(ingredients, splits, settings.backbone, fabric.device, log)
    batches = build_batches(ingredients, splits, method, fabric.device, fabric.world_size)
    check_stepping(ingredients, batches.steps, fabric.device)
    if ingredients.batch_size == "auto":
        log(f"batches of {batches.batch_size} images, {batches.steps} steps an epoch")
    check_parts(ingredients, method, batches, fabric.world_size)
    if settings.backbone is None and (note := _few(ingredients, len(splits.train))):
        log(note)
    if ingredients.balance == "loss":
        check_weights(method, batches)
    elif ingredients.balance == "none" and (note := imbalance(splits.train)):
        log(note)
    on_rank_zero(fabric, partial(_write_header, run, settings, splits, batches, fabric.device))
    state = resume(fabric, run, settings.recipe, ingredients, method, batches)
    on_rank_zero(fabric, partial(restore_logs, state, run))
    return Session(
        fabric=fabric,
        run=run,
        settings=settings,
        splits=splits,
        batches=batches,
        state=state,
        stop=StopRequest(None if deadline is None else max(0.0, deadline - time.monotonic())),
        reporter=Reporter(
            epochs=ingredients.epochs,
            steps=batches.steps,
            enabled=fabric.is_global_zero,
            label=f"{type(method).__name__} seed {ingredients.seed}",
        ),
    )


def _few(ingredients: Ingredients, images: int) -> str:
    """That pictures of one's own are few to learn from scratch, where they are."""
    backbone, init = ingredients.backbone, ingredients.init
    own = isinstance(ingredients.data, OwnImages)
    if not own or backbone.pretrained or init or images >= FEW:
        return ""
    return (
        f"{images:,} training pictures are few for new weights: --backbone.pretrained starts from "
        "published ones, where the network has some"
    )


def _write_header(
    run: RunDirectory,
    settings: Settings,
    splits: Splits,
    batches: Batches,
    device: torch.device,
) -> None:
    """Write recipe, place, environment and files, or check that the images are the same still."""
    recipe, execution = settings.recipe, settings.execution
    check_split(run, splits, str(recipe.values["split"]))
    dropped = len(batches.train) - batches.steps * batches.batch_size  # negative where none is
    if dropped > 0.05 * len(batches.train):
        warnings.warn(
            f"the last {dropped} of {len(batches.train)} training images do not fill a batch of "
            f"{batches.batch_size}: each epoch leaves out others",
            stacklevel=2,
        )
    described = environment.describe(device)
    threads, before = described["threads"], run.threads()
    if before not in (None, threads):
        warnings.warn(
            f"{run.path} began with {before} processor threads and goes on with {threads}: another "
            f"number rounds differently, --threads {before} repeats it bit for bit",
            stacklevel=2,
        )
    run.failure_file.unlink(missing_ok=True)
    place: dict[str, object] = {
        "whereabouts": {
            option: path if option.endswith(".download") else os.path.abspath(path)  # noqa: PTH100
            for option, path in recipe.paths.items()
        },
        "accelerator": execution.accelerator,
        "devices": execution.devices,
        "num_nodes": execution.num_nodes,
        "threads": execution.threads,
        "checkpoint_seconds": execution.checkpoint_seconds,
        "logger": execution.logger,
    }
    run.write_recipe(dict(recipe.values), place)
    if code := own_code(recipe.values):
        described["own_code"] = code
    run.begin_environment(described)
    if splits.files is not None:
        run.write_files({"split": recipe.values["split"], **splits.files})
