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
from ..data import Batches, Splits
from ..runs import RunDirectory
from ..signals import StopRequest
from . import engine, environment, memory
from .building import build, build_batches, check_parts
from .engine import on_rank_zero
from .optimizer import check_stepping
from .reporter import Reporter
from .resuming import check_split, restore_logs, resume
from .state import TrainState


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
    """Build what is trained, write down what the run is, and go to where it stopped.

    Raises:
        ValueError: If the settings do not suit the data, the network or the run directory.
        UnusableCheckpoint: If there are checkpoints, or were, and none can be gone on from.
    """
    memory.forget_peak(fabric.device)
    if splits.note:
        engine.log(fabric, splits.note)
    settings = settings.resolved(split=splits.digest())
    for path in _weight_sources(settings):
        provenance.refuse_leak(path, splits, type(ingredients.data).__name__)
    log = partial(engine.log, fabric)
    method, splits = build(ingredients, splits, settings.backbone, fabric.device, log)
    batches = build_batches(ingredients, splits, method, fabric.device)
    check_stepping(ingredients, batches.steps, fabric.device)
    check_parts(ingredients, method, batches, fabric.world_size)
    header = partial(write_run_header, run, settings, splits, batches, device=fabric.device)
    on_rank_zero(fabric, header)
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


def _weight_sources(settings: Settings) -> list[Path]:
    """Runs and model folders whose weights this run starts from or learns from."""
    options = ("init", "method.teacher", "backbone.pretrained")
    return [Path(settings.recipe.paths[o]) for o in options if o in settings.recipe.paths]


def write_run_header(
    run: RunDirectory,
    settings: Settings,
    splits: Splits,
    batches: Batches,
    *,
    device: torch.device,
) -> None:
    """Write recipe, place, environment and files, or check that the images are the same still."""
    check_split(run, splits, str(settings.recipe.values["split"]))
    _warn_of_dropped(batches)
    run.failure_file.unlink(missing_ok=True)
    execution = settings.execution
    values: dict[str, object] = {
        "whereabouts": {o: _from_anywhere(o, path) for o, path in settings.recipe.paths.items()},
        "accelerator": execution.accelerator,
        "devices": execution.devices,
        "num_nodes": execution.num_nodes,
        "threads": execution.threads,
        "checkpoint_seconds": execution.checkpoint_seconds,
        "logger": execution.logger,
    }
    recipe = settings.recipe
    run.write_recipe(dict(recipe.values), values)
    described = environment.describe(device)
    _warn_of_threads(run, described["threads"])
    if code := own_code(recipe.values):
        described["own_code"] = code
    run.begin_environment(described)
    if splits.files is not None:
        run.write_files({"split": recipe.values["split"], **splits.files})


def _from_anywhere(option: str, path: str) -> str:
    """A path as it is found from any folder."""
    name = option.rpartition(".")[2]
    return path if name == "download" else os.path.abspath(path)  # noqa: PTH100


def _warn_of_threads(run: RunDirectory, threads: object) -> None:
    before = run.threads()
    if before not in (None, threads):
        warnings.warn(
            f"{run.path} began with {before} processor threads and goes on with {threads}: another "
            f"number rounds differently, --threads {before} repeats it bit for bit",
            stacklevel=2,
        )


def _warn_of_dropped(batches: Batches) -> None:
    count = len(batches.train)
    dropped = count - batches.steps * batches.batch_size
    if dropped > 0.05 * count:
        warnings.warn(
            f"the last {dropped} of {count} training images do not fill a batch of "
            f"{batches.batch_size}: each epoch leaves out others",
            stacklevel=2,
        )
