"""The training loop."""

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch

from ..data import Batches, ImageSet, Splits
from ..evaluation import score
from . import checkpoint
from .failures import NonFinite
from .progress import Reporter
from .run_directory import LogLine, RunDirectory
from .signals import StopRequest
from .storage import write_json
from .trainee import Trainee

WATCHED_IMAGES = 1000


def fit(
    trainee: Trainee,
    splits: Splits,
    batches: Batches,
    run: RunDirectory,
    *,
    checkpoint_seconds: float,
    stop_after: float | None,
    reporter: Reporter,
    on_best: Callable[[], None],
    on_epoch: Callable[[LogLine], None],
) -> None:
    """Train to the last epoch, from wherever the trainee stands.

    Args:
        trainee: What is trained.
        splits: Images; the test images are read only for the legacy test curve.
        batches: The training images as batches.
        run: Where log lines and checkpoints go.
        checkpoint_seconds: Seconds between two checkpoints.
        stop_after: Seconds after which to stop as if by a signal; None for never.
        reporter: Shows progress.
        on_best: Called when the validation accuracy is the highest so far.
        on_epoch: Called with each new line of the log.

    Raises:
        NonFinite: If the loss is infinite or not a number; the last good checkpoint is kept.
        Stopped: If a signal asked for it, or the time is up; the state is saved first.
    """
    saver = _Saver(trainee, run, checkpoint_seconds)
    with StopRequest(stop_after) as stop, _reported(trainee, run):
        while trainee.epoch < trainee.recipe.epochs:
            _train_epoch(trainee, batches, saver, stop, reporter)
            line = _log_line(trainee)
            _evaluate(trainee, splits, run, line, on_best)
            trainee.end_epoch()
            if trainee.fabric.is_global_zero:
                run.append_log(line)
                on_epoch(line)
            reporter.epoch(line, _seconds_left(trainee))
        saver.save()


@contextmanager
def _reported(trainee: Trainee, run: RunDirectory) -> Generator[None]:
    """Leave a report where the loss ends training: the epoch's sums so far, and where it was."""
    try:
        yield
    except NonFinite as failure:
        if trainee.fabric.is_global_zero:
            write_json(run.failure_file, failure.report)
        raise


class _Saver:
    """Writes checkpoints, from the first process alone."""

    def __init__(self, trainee: Trainee, run: RunDirectory, seconds: float) -> None:
        self.trainee = trainee
        self.run = run
        self.seconds = seconds
        self._saved = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._saved >= self.seconds

    def save(self) -> None:
        check_finite(self.trainee)
        if self.trainee.fabric.is_global_zero:
            self.trainee.clock.lap()
            checkpoint.save(self.run.checkpoints, self.trainee.steps_done, self.trainee.state())
        self._saved = time.monotonic()


def _train_epoch(
    trainee: Trainee, batches: Batches, saver: _Saver, stop: StopRequest, reporter: Reporter
) -> None:
    """Take the epoch's remaining steps."""
    epoch = batches.epoch(trainee.epoch)
    trainee.method.train()
    trainee.clock.start_epoch()
    while trainee.step < trainee.steps:
        trainee.train_step(epoch)
        reporter.step(trainee.steps_done)
        number = _agree(trainee, stop.received)
        if number is not None or saver.due():
            saver.save()
        if number is not None:
            stop.raise_stopped(number, str(saver.run.path))


def _agree(trainee: Trainee, received: int | None) -> int | None:
    """The signal that any process got: all of them stop after the same step."""
    fabric = trainee.fabric
    if fabric.world_size == 1:
        return received
    numbers = fabric.all_reduce(torch.tensor(received or 0, device=fabric.device), reduce_op="max")
    return int(numbers) or None  # pyright: ignore[reportArgumentType]


def check_finite(trainee: Trainee) -> None:
    """Refuse to go on with, or to save, a state that has seen an infinite loss.

    Raises:
        NonFinite: If the epoch's losses so far do not add up to a finite number.
    """
    values = {name: float(value) for name, value in trainee.sums.items()}
    if all(math.isfinite(value) for value in values.values()):
        return
    wrong = ", ".join(name for name, value in values.items() if not math.isfinite(value))
    raise NonFinite(
        f"loss is not finite ({wrong}) in epoch {trainee.epoch + 1}, at or before step "
        f"{trainee.step}, learning rate {trainee.learning_rate:g}: the last checkpoint is from "
        "before; lower --optimizer.lr or look at the data",
        {
            "epoch": trainee.epoch + 1,
            "step": trainee.steps_done,
            "lr": trainee.learning_rate,
            "terms": {name: f"{value:.6g}" for name, value in values.items() if name != "hits"},
        },
    )


def _log_line(trainee: Trainee) -> LogLine:
    """The epoch's means, read from the device once."""
    check_finite(trainee)
    recipe, steps = trainee.recipe, trainee.steps
    reduced = trainee.fabric.all_reduce(trainee.sums, reduce_op="mean")
    assert isinstance(reduced, dict)
    sums = {name: float(value) for name, value in reduced.items()}
    per_process = recipe.batch_size // trainee.fabric.world_size
    hits = sums.pop("hits")
    terms = {name: value / steps for name, value in sums.items()}
    speed = trainee.clock.end_epoch() * recipe.batch_size
    return {
        "epoch": trainee.epoch + 1,
        "step": (trainee.epoch + 1) * steps,
        "lr": trainee.learning_rate,
        "loss": sum(terms.values()),
        "terms": terms,
        "train_accuracy": 100 * hits / (steps * per_process),
        "images_per_second": speed,
        "seconds": trainee.clock.lap(),
    }


def _evaluate(
    trainee: Trainee,
    splits: Splits,
    run: RunDirectory,
    line: LogLine,
    on_best: Callable[[], None],
) -> None:
    """Look at validation images and attention; other processes wait."""
    fabric, recipe = trainee.fabric, trainee.recipe
    last = trainee.epoch + 1 == recipe.epochs
    if fabric.is_global_zero:
        watched = splits.train.subset(torch.arange(min(WATCHED_IMAGES, len(splits.train))))
        if trainee.shows_attention:
            shares = trainee.predict(watched, splits).attention
            assert shares is not None
            line["attention"] = shares.mean(0).tolist()
        if splits.validation and (last or (trainee.epoch + 1) % recipe.validate_every == 0):
            accuracy = _accuracy(trainee, splits.validation, splits)
            line["validation_accuracy"] = accuracy
            if accuracy > trainee.best.get("accuracy", -1):
                trainee.best = {"accuracy": accuracy, "epoch": trainee.epoch + 1}
                on_best()
        if recipe.legacy_test_curve:
            accuracy = _accuracy(trainee, splits.test, splits)
            curve: LogLine = {"epoch": trainee.epoch + 1, "test_accuracy": accuracy}
            run.append_log(curve, run.test_curve_file)
    fabric.barrier()


def _accuracy(trainee: Trainee, images: ImageSet, splits: Splits) -> float:
    predictions = trainee.predict(images, splits)
    return score(predictions.exits["network"], predictions.labels).accuracy


def _seconds_left(trainee: Trainee) -> float:
    done = trainee.epoch
    return trainee.clock.seconds / done * (trainee.recipe.epochs - done)
