"""One run, from settings to a finished run directory."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

from lightning_fabric import Fabric

from ..config import provenance
from ..config.schema import Ingredients
from ..config.settings import Plain, Settings, fingerprint, method_name
from ..data import Batches, Splits
from ..evaluation import choose_device, precision
from ..evaluation.precision import Format
from ..failures import UnusableCheckpoint
from ..inspection import evaluate
from ..methods import Method
from ..runs import TEST_FILES, RunDirectory
from ..signals import StopRequest
from . import checkpoint, engine, finish, memory
from .beginning import begin, learned_from
from .building import build, build_batches
from .compiling import compiles
from .engine import on_rank_zero
from .loop import fit
from .optimizer import check_stepping
from .progress import Reporter
from .resuming import is_done, refuse_lost_checkpoints, restore, restore_logs
from .single_images import check_parts
from .speed import measured
from .state import TrainState
from .trackers import Trackers, known_names


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
        engine.use_threads(place.threads)
    device = choose_device(place.accelerator)
    fabric = engine.build(
        device,
        "fp32",
        deterministic=recipe.deterministic,
        devices=place.devices,
        num_nodes=place.num_nodes,
    )
    splits = cache(recipe.data.splits)
    with engine.launched(fabric):
        chosen, reason = on_rank_zero(fabric, partial(number_format, settings, splits))
        engine.compute_in(fabric, chosen)
        run, resolved = _directory(settings, chosen), _resolved(settings, chosen)
        if settings.backbone is None and not run.finished():
            recipe.backbone.check()
        with (
            ExitStack() as held,
            Trackers(run, followers if fabric.is_global_zero else []) as trackers,
        ):
            say = partial(print, flush=True) if fabric.is_global_zero else _silent
            done = on_rank_zero(fabric, partial(_take, run, settings, resolved, held))
            if settings.note:
                say(settings.note)
            if done:
                say(f"{run.path} is finished already; --overwrite starts afresh")
                trackers.open()
                return run.path
            say(f"{run.path}: {device.type}, {chosen} ({reason})")
            _train(fabric, settings, splits(), run, resolved, trackers, deadline)
    return run.path


def _take(run: RunDirectory, settings: Settings, resolved: Plain, held: ExitStack) -> bool:
    """Hold a run until the stack is left; whether nothing is left to do, once it was done here."""
    held.callback(run.leave, run.lock())
    done = is_done(run, settings, resolved)
    if done and (run.damage().keys() & set(TEST_FILES) or _wants_test(run, settings)):
        paths = settings.whereabouts.items()
        images = {option: where for option, where in paths if option.startswith("data.")}
        evaluate(run.path, split="test", changes=images)
    return done


def _wants_test(run: RunDirectory, settings: Settings) -> bool:
    return settings.place.test and not run.has_read_test()


def number_format(settings: Settings, splits: Callable[[], Splits]) -> tuple[Format, str]:
    """The number format of a run, and the reason: that of the run there is, or else the faster.

    Args:
        settings: The run's.
        splits: Reads its images; called only where the formats are to be measured.

    Raises:
        ValueError: If the settings do not suit the data or the network.
    """
    device = choose_device(settings.place.accelerator)
    formats, reason = precision.possible(settings.recipe.precision, device)
    if len(formats) == 1:
        return formats[0], reason
    for candidate in formats:
        stored = _directory(settings, candidate).read_recipe()
        fresh = settings.place.overwrite and settings.place.out is not None
        if stored is not None and stored.get("precision") == candidate and not fresh:
            return candidate, "as the run began"
    if settings.backbone is None:
        settings.recipe.backbone.check()
    return measured(settings, splits, device)


def identities(settings: Settings) -> list[str]:
    """The hashes by which a run may be known on this machine's kind of device."""
    device = choose_device(settings.place.accelerator)
    formats, _ = precision.possible(settings.recipe.precision, device)
    return [fingerprint(_resolved(settings, candidate)) for candidate in formats]


def _resolved(settings: Settings, chosen: Format) -> Plain:
    return {**settings.resolved, "precision": chosen}


def _directory(settings: Settings, chosen: Format) -> RunDirectory:
    resolved = _resolved(settings, chosen)
    return RunDirectory(settings.place.out or default_directory(resolved, settings.name))


def default_directory(resolved: Plain, name: str) -> Path:
    """Where a run goes unless told: the same command finds it again."""
    label = f"{method_name(resolved)}-{fingerprint(resolved, with_seed=False)[:8]}"
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return Path("runs", *parts, label, f"seed{resolved['seed']}")


def _train(
    fabric: Fabric,
    settings: Settings,
    splits: Splits,
    run: RunDirectory,
    resolved: Plain,
    trackers: Trackers,
    deadline: float | None,
) -> None:
    recipe, place = settings.recipe, settings.place
    memory.forget_peak(fabric.device)
    if splits.note and fabric.is_global_zero:
        print(splits.note, flush=True)
    resolved = {**resolved, "split": splits.digest()}
    for path in learned_from(settings):
        provenance.refuse_leak(path, splits, type(recipe.data).__name__)
    say = partial(print, flush=True) if fabric.is_global_zero else _silent
    method, splits = build(recipe, splits, settings.backbone, fabric.device, say)
    batches = build_batches(recipe, splits, method, fabric.device)
    check_stepping(recipe, batches.steps, fabric.device)
    check_parts(recipe, method, batches, fabric.world_size)
    on_rank_zero(fabric, partial(begin, run, resolved, settings, fabric.device, splits, batches))
    trainee = _go_on(fabric, run, recipe, method, batches, resolved)
    on_rank_zero(fabric, partial(restore_logs, trainee, run))
    if fabric.is_global_zero:
        trackers.open()
    reporter = Reporter(
        epochs=recipe.epochs,
        steps=batches.steps,
        enabled=fabric.is_global_zero,
        label=f"{type(method).__name__} seed {recipe.seed}",
    )
    stop_after = None if deadline is None else max(0.0, deadline - time.monotonic())
    with StopRequest(stop_after) as stop:
        with reporter:
            fit(
                trainee,
                splits,
                batches,
                run,
                checkpoint_seconds=place.checkpoint_seconds,
                stop=stop,
                reporter=reporter,
                on_best=partial(finish.write_model, run, run.best_model, trainee, splits),
                on_epoch=trackers.log,
            )
        test = place.test or splits.validation is None
        counted = resolved if place.threads in (None, 1) else {**resolved, "threads": place.threads}
        recipe_hash = fingerprint(counted)
        write = partial(
            finish.write_results, run, trainee, splits, resolved, recipe_hash, test=test
        )
        on_rank_zero(fabric, write)


def _go_on(
    fabric: Fabric,
    run: RunDirectory,
    recipe: Ingredients,
    method: Method,
    batches: Batches,
    resolved: Plain,
) -> TrainState:
    """What is trained, as the newest checkpoint left it.

    Raises:
        UnusableCheckpoint: If there are checkpoints, and none can be gone on from here, or there
            were.
    """
    state = checkpoint.load_latest(run.checkpoints, device=fabric.device)
    if state is None:
        on_rank_zero(fabric, partial(refuse_lost_checkpoints, run))
    eager = state is not None and not state.get("compiled")
    compiled = recipe.compile and not eager
    if compiled:
        parts = fabric.world_size * recipe.accumulation
        compiled = compiles(fabric, method, batches.epoch(0).batch(0, parts=parts))
    if state is not None and not eager and not compiled:
        raise UnusableCheckpoint(
            f"{run.path} was trained compiled and does not compile here: go on where it did, "
            "or start afresh with --overwrite"
        )
    trainee = TrainState(fabric, method, recipe, steps=batches.steps, compiled=compiled)
    if state is not None:
        restore(trainee, state, run, resolved)
    ended = trainee.epoch == recipe.epochs and not run.summary_file.exists()
    if ended and fabric.is_global_zero:
        print(
            f"{run.path} has been trained to its end: the results are written again from the last "
            "checkpoint",
            flush=True,
        )
    if trainee.steps_done > 0 and trainee.epoch < recipe.epochs and fabric.is_global_zero:
        steps = f" and {trainee.step} of {trainee.steps} steps" if trainee.step else ""
        print(f"resuming after {trainee.epoch} of {recipe.epochs} epochs{steps}", flush=True)
    return trainee


def _silent(text: str) -> None:
    del text
