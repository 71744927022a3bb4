"""One run, from settings to a finished run directory."""

import time
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric

from ..data import Batches, Splits
from ..data.in_memory import InMemory
from . import checkpoint, engine, environment, finish, precision, provenance
from .building import as_expected, build_batches, build_method
from .compiling import compiles
from .evaluate import evaluate
from .failures import UnusableCheckpoint
from .fit import fit
from .options import Plain, Settings, as_today, fingerprint, method_name
from .own_images import OWN_IMAGES
from .progress import Reporter
from .run_directory import RunDirectory
from .trackers import Trackers, forget, known_names
from .trainee import Trainee


def train(settings: Settings) -> Path:
    """Train what the settings describe, or go on where an earlier process stopped.

    A finished run is left as it is.

    Returns:
        The run directory.

    Raises:
        ValueError: If the settings do not suit the data, the network or the run directory.
        Failure: If the run is locked, storage fails, the loss is not finite, or a signal came.
    """
    recipe, place = settings.recipe, settings.place
    deadline = None if place.stop_after is None else time.monotonic() + place.stop_after
    followers = known_names(place.logger)
    if place.threads is not None:
        torch.set_num_threads(place.threads)
    device = engine.choose_device(place.accelerator)
    chosen, reason = precision.choose(recipe.precision, device)
    resolved = {**settings.resolved, "precision": chosen}
    run = RunDirectory(place.out or default_directory(resolved, settings.name))
    if settings.backbone is None and not run.finished():
        recipe.backbone.check()
    fabric = engine.build(
        device,
        chosen,
        deterministic=recipe.deterministic,
        devices=place.devices,
        num_nodes=place.num_nodes,
    )
    fabric.launch()
    first = fabric.is_global_zero
    with (
        run.lock() if first else nullcontext(),
        Trackers(run, followers if first else []) as trackers,
    ):
        say = partial(print, flush=True) if fabric.is_global_zero else _silent
        if settings.note:
            say(settings.note)
        done = _decide(run, settings, resolved) if first else None
        done = fabric.broadcast(done)
        if isinstance(done, Exception):
            raise done
        if done:
            if first and place.test and not run.has_read_test():
                words = [f"--{option}={where}" for option, where in settings.whereabouts.items()]
                evaluate(run.path, split="test", words=words)
            say(f"{run.path} is finished already; --overwrite starts afresh")
            trackers.open()
            return run.path
        say(f"{run.path}: {device.type}, {chosen} ({reason})")
        _train(fabric, settings, run, resolved, trackers, deadline)
    return run.path


def identity(settings: Settings) -> str:
    """The hash by which a run is known, on this machine's kind of device."""
    device = engine.choose_device(settings.place.accelerator)
    chosen, _ = precision.choose(settings.recipe.precision, device)
    return fingerprint({**settings.resolved, "precision": chosen})


def default_directory(resolved: Plain, name: str) -> Path:
    """Where a run goes unless told: the same command finds it again."""
    label = f"{method_name(resolved)}-{fingerprint(resolved, with_seed=False)[:8]}"
    return Path("runs", *name.split("/"), label, f"seed{resolved['seed']}")


def _train(
    fabric: Fabric,
    settings: Settings,
    run: RunDirectory,
    resolved: Plain,
    trackers: Trackers,
    deadline: float | None,
) -> None:
    recipe, place = settings.recipe, settings.place
    splits = recipe.data.splits()
    if splits.note and fabric.is_global_zero:
        print(splits.note, flush=True)
    resolved = {**resolved, "split": splits.digest()}
    for path in _learned_from(settings):
        provenance.refuse_leak(path, splits, type(recipe.data).__name__)
    method = build_method(recipe, splits, settings.backbone)
    method = method.to(fabric.device, memory_format=torch.channels_last)  # pyright: ignore
    splits = as_expected(recipe, splits, method)
    batches = build_batches(recipe, splits, method, fabric.device)
    if fabric.is_global_zero:
        _warn_of_dropped(batches)
        _begin(run, resolved, settings, fabric.device, splits)
    fabric.barrier()
    state = checkpoint.load_latest(run.checkpoints, device=fabric.device)
    eager = state is not None and not state["compiled"]
    compiled = recipe.compile and not eager and compiles(fabric, method, batches.epoch(0).batch(0))
    if state is not None and state["compiled"] and not compiled:
        raise UnusableCheckpoint(
            f"{run.path} was trained compiled and does not compile here: go on where it did, "
            "or start afresh with --overwrite"
        )
    trainee = Trainee(fabric, method, recipe, steps=batches.steps, compiled=compiled)
    if state is not None:
        trainee.restore(state)
    if fabric.is_global_zero:
        run.cut_logs(trainee.epoch)
        trackers.open()
    with Reporter(
        epochs=recipe.epochs,
        steps=batches.steps,
        enabled=fabric.is_global_zero,
        label=f"{type(method).__name__} seed {recipe.seed}",
    ) as reporter:
        fit(
            trainee,
            splits,
            batches,
            run,
            checkpoint_seconds=place.checkpoint_seconds,
            stop_after=None if deadline is None else max(0.0, deadline - time.monotonic()),
            reporter=reporter,
            on_best=partial(finish.write_model, run, run.best_model, trainee, splits),
            on_epoch=trackers.log,
        )
    if fabric.is_global_zero:
        test = place.test or splits.validation is None
        finish.write_results(run, trainee, splits, resolved, test=test)
    fabric.barrier()


def _decide(run: RunDirectory, settings: Settings, resolved: Plain) -> bool | ValueError:
    """Whether nothing is left to do, or why nothing can be done, for every process to hear."""
    try:
        return _is_done(run, settings, resolved)
    except ValueError as error:
        return error


def _is_done(run: RunDirectory, settings: Settings, resolved: Plain) -> bool:
    """Whether nothing is left to do; refuses a run directory of another recipe.

    Raises:
        ValueError: If the directory holds a run of another recipe, or of other images.
    """
    if settings.place.overwrite:
        run.clear()
        forget(run.path)
        return False
    stored = run.read_recipe()
    if stored is None:
        return False
    differences = differing(as_today(stored), {**resolved, "split": stored["split"]})
    if differences:
        raise ValueError(
            f"{run.path} holds another run ({'; '.join(differences)}): choose another --out, or "
            "start afresh with --overwrite"
        )
    own = (*OWN_IMAGES, InMemory.__name__)
    if run.finished() and type(settings.recipe.data).__name__ in own:
        _check_split(run, str(stored["split"]), settings.recipe.data.splits().digest())
    return run.finished()


def _check_split(run: RunDirectory, stored: str, found: str) -> None:
    if stored != found:
        raise ValueError(
            f"the images of {run.path} have changed since it began (split {stored} there, {found} "
            "now): restore them, choose another --out, or start afresh with --overwrite"
        )


def differing(stored: object, given: object, name: str = "") -> list[str]:
    """Fields in which two recipes differ, each with both values."""
    if isinstance(stored, dict) and isinstance(given, dict):
        if stored.get("class_path") != given.get("class_path"):
            stored, given = ({"class_path": d.get("class_path")} for d in (stored, given))
        keys = [*stored, *(key for key in given if key not in stored)]
        prefix = f"{name}." if name else ""
        return [
            difference
            for key in keys
            for difference in differing(stored.get(key), given.get(key), f"{prefix}{key}")
        ]
    return [] if stored == given else [f"{name}: {stored} there, {given} now"]


def _begin(
    run: RunDirectory, resolved: Plain, settings: Settings, device: torch.device, splits: Splits
) -> None:
    """Write down what the run is, or check that its images are the same still.

    Raises:
        ValueError: If the images changed since the run began.
    """
    stored = run.read_recipe()
    if stored is not None:
        _check_split(run, str(stored["split"]), str(resolved["split"]))
    place = settings.place
    values: Plain = {
        "whereabouts": settings.whereabouts,
        "accelerator": place.accelerator,
        "devices": place.devices,
        "num_nodes": place.num_nodes,
        "threads": place.threads,
        "checkpoint_seconds": place.checkpoint_seconds,
        "logger": place.logger,
    }
    run.write_recipe(resolved, values)
    run.begin_environment(environment.describe(device))
    if splits.files is not None:
        run.write_files({"split": resolved["split"], **splits.files})


def _learned_from(settings: Settings) -> list[Path]:
    """Runs and model folders whose weights this run starts from or learns from."""
    options = ("init", "method.teacher", "backbone.pretrained")
    return [Path(settings.whereabouts[o]) for o in options if o in settings.whereabouts]


def _warn_of_dropped(batches: Batches) -> None:
    count = len(batches.train)
    dropped = count - batches.steps * batches.batch_size
    if dropped > 0.05 * count:
        warnings.warn(
            f"the last {dropped} of {count} training images do not fill a batch of "
            f"{batches.batch_size}: each epoch leaves out others",
            stacklevel=2,
        )


def _silent(text: str) -> None:
    del text
