"""One run, from settings to a finished run directory: setup, loop, finish."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import torch

from ..config import Settings
from ..data import Splits
from ..evaluation import choose_device
from ..inspection import evaluate
from ..reports import describe_end, read
from ..runs import TEST_FILES, LogLine, RunDirectory
from . import engine
from .engine import on_rank_zero
from .finish import finish
from .idle_cores import idle_cores
from .loop import record, train_epochs
from .number_format import choose_number_format, run_directory
from .resuming import is_done
from .setup import Session, setup
from .trackers import Trackers, known_names


@engine.torch_settings_kept()
def train(settings: Settings) -> Path:
    """Train what the settings describe, or go on where an earlier process stopped.

    A finished run is left as it is.

    Returns:
        The run directory.

    Raises:
        ValueError: If the settings do not suit the data, the network or the run directory.
        Failure: If the run is locked, storage fails, the loss is not finite, or a signal came.
    """
    ingredients, execution = settings.ingredients, settings.execution
    deadline = None if execution.stop_after is None else time.monotonic() + execution.stop_after
    tracker_names = known_names(execution.logger)
    if execution.threads is not None:
        engine.use_threads(execution.threads)
    device = choose_device(execution.accelerator)
    fabric = engine.build(
        device,
        "fp32",
        deterministic=ingredients.deterministic,
        devices=execution.devices,
        num_nodes=execution.num_nodes,
    )
    log = partial(engine.log, fabric)
    # images are read where it is first called: to try formats, to compare with a finished run, or
    # to train
    read_splits = cache(ingredients.data.splits)
    with engine.launched(fabric):
        precision, reason = on_rank_zero(
            fabric, partial(choose_number_format, settings, read_splits)
        )
        engine.compute_in(fabric, precision)
        run = run_directory(settings, precision)
        settings = settings.resolved(precision=precision)
        if settings.backbone is None and not run.finished():
            ingredients.backbone.check()
        with (
            ExitStack() as lock,
            Trackers(run, tracker_names if fabric.is_global_zero else []) as trackers,
        ):
            done = on_rank_zero(
                fabric, partial(_lock_and_complete, run, settings, read_splits, lock)
            )
            if settings.recipe.note:
                log(settings.recipe.note)
            if done:
                log(f"{run.path} is finished already; --overwrite starts afresh")
                on_rank_zero(fabric, trackers.open)
                return run.path
            log(f"{run.path}: {device.type}, {precision} ({reason})")
            if execution.threads is None and device.type == "cpu" and fabric.world_size == 1:
                _choose_threads(run, log)
            session = setup(fabric, run, settings, ingredients, read_splits(), deadline)
            on_rank_zero(fabric, trackers.open)
            with session.stop:
                with session.reporter:
                    for line in train_epochs(session):
                        on_rank_zero(fabric, partial(_log_epoch, session, trackers, line))
                if session.state.epoch < ingredients.epochs:
                    log(_why_stopped(session))
                on_rank_zero(fabric, partial(finish, session))
                log(on_rank_zero(fabric, lambda: describe_end(read(run.path))))
    return run.path


def _choose_threads(run: RunDirectory, log: Callable[[str], None]) -> None:
    """Leave busy cores to other programs: there, threads spend their time waiting for each other.

    A run goes on with the threads that it began with, as other numbers round differently.
    """
    most, began = torch.get_num_threads(), run.threads()
    idle = idle_cores() if began is None and most > 1 else None
    if isinstance(began, int):
        threads, reason = min(began, most), "as it began"
    else:
        threads = most if idle is None else max(1, min(most, round(idle)))
        reason = "as other programs keep the other cores busy"
    if threads < most:
        torch.set_num_threads(threads)
        log(f"computes with {threads} of {most} threads, {reason}; --threads {most} takes all")


def _why_stopped(session: Session) -> str:
    """Why training ended before its last epoch; for the first process."""
    ingredients, best = session.state.ingredients, session.state.best
    since = f"epoch {best['epoch']}" if best else "the beginning"
    return (
        f"stopped after {session.state.epoch} of {ingredients.epochs} epochs: the validation "
        f"images' {ingredients.select} has been no better for {ingredients.patience} epochs, since "
        f"{since}; model holds the last epoch, model-best-validation the best"
    )


def _lock_and_complete(
    run: RunDirectory, settings: Settings, read_splits: Callable[[], Splits], lock: ExitStack
) -> bool:
    """Lock a run; whether it is trained already, and then evaluate the test split if it must be.

    ``--overwrite`` removes what the run wrote before.
    """
    lock.callback(run.leave, run.lock())
    done = is_done(run, settings, read_splits)
    lacks_test = done and settings.execution.test and not run.has_read_test()
    if lacks_test or (done and run.damage().keys() & set(TEST_FILES)):
        paths = settings.recipe.paths.items()
        images = {option: path for option, path in paths if option.startswith("data.")}
        evaluate(run.path, split="test", changes=images)
    return done


def _log_epoch(session: Session, trackers: Trackers, line: LogLine) -> None:
    record(session, line, session.run.log_file)
    trackers.log(line)
    session.reporter.epoch(line)
