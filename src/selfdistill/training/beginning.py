"""What is written down, checked and warned of before a run takes its first step."""

import os
import warnings
from pathlib import Path

import torch

from ..config import own_code
from ..config.settings import Plain, Settings
from ..data import Batches, Splits
from ..runs import RunDirectory
from . import environment
from .resuming import check_split


def begin(
    run: RunDirectory,
    resolved: Plain,
    settings: Settings,
    device: torch.device,
    splits: Splits,
    batches: Batches,
) -> None:
    """Write down what the run is, or check that its images are the same still.

    Raises:
        ValueError: If the images changed since the run began.
    """
    check_split(run, splits)
    _warn_of_dropped(batches)
    run.failure_file.unlink(missing_ok=True)
    place = settings.place
    values: Plain = {
        "whereabouts": {o: _from_anywhere(o, w) for o, w in settings.whereabouts.items()},
        "accelerator": place.accelerator,
        "devices": place.devices,
        "num_nodes": place.num_nodes,
        "threads": place.threads,
        "checkpoint_seconds": place.checkpoint_seconds,
        "logger": place.logger,
    }
    run.write_recipe(resolved, values)
    described = environment.describe(device)
    _warn_of_threads(run, described["threads"])
    if code := own_code(settings.resolved):
        described["own_code"] = code
    run.begin_environment(described)
    if splits.files is not None:
        run.write_files({"split": resolved["split"], **splits.files})


def learned_from(settings: Settings) -> list[Path]:
    """Runs and model folders whose weights this run starts from or learns from."""
    options = ("init", "method.teacher", "backbone.pretrained")
    return [Path(settings.whereabouts[o]) for o in options if o in settings.whereabouts]


def _from_anywhere(option: str, where: str) -> str:
    """A path as it is found from any folder."""
    name = option.rpartition(".")[2]
    return where if name == "download" else os.path.abspath(where)  # noqa: PTH100


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
