"""The training loop."""

import math
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from ..data import Batches, Splits
from ..evaluation import Predictions, score
from ..failures import NonFinite, Stopped
from ..runs import LogLine, RunDirectory, write_json
from ..signals import StopRequest
from . import checkpoint
from .engine import on_rank_zero
from .progress import Reporter
from .state import TrainState

WATCHED_IMAGES = 1000


def fit(
    trainee: TrainState,
    splits: Splits,
    batches: Batches,
    run: RunDirectory,
    *,
    checkpoint_seconds: float,
    stop: StopRequest,
    reporter: Reporter,
    on_best: Callable[[], dict[str, str]],
    on_epoch: Callable[[LogLine], None],
) -> None:
    """Train to the last epoch, from wherever the trainee stands.

    Args:
        trainee: What is trained.
        splits: Images; the test images are read only for the legacy test curve.
        batches: The training images as batches.
        run: Where log lines and checkpoints go.
        checkpoint_seconds: Seconds between two checkpoints.
        stop: Tells of signals, and when the time is up.
        reporter: Shows progress.
        on_best: Called when the validation accuracy is the highest so far; writes the model and
            returns the hashes of its files.
        on_epoch: Called with each new line of the log.

    Raises:
        NonFinite: If a loss or gradient is infinite or not a number; the last good checkpoint is
            kept.
        Stopped: If a signal asked for it, or the time is up; the state is saved first.
    """
    saver = _Saver(trainee, run, checkpoint_seconds, stop)
    fabric = trainee.fabric
    with reported(trainee, run):
        while trainee.epoch < trainee.recipe.epochs:
            _train_epoch(trainee, batches, saver, reporter)
            line = _log_line(trainee)
            if trainee.epoch + 1 < trainee.recipe.epochs:
                trainee.between_batches = partial(stop.raise_if_received, str(run.path))
            try:
                line |= on_rank_zero(fabric, partial(_evaluate, trainee, splits, run, on_best))
            except Stopped:
                saver.save()
                raise
            finally:
                trainee.between_batches = nullcontext
            trainee.end_epoch()
            on_rank_zero(fabric, partial(_write_line, trainee, run, line, on_epoch))
            reporter.epoch(line, _seconds_left(trainee))
        saver.save()


class _Saver:
    """Writes checkpoints, from the first process alone; all processes call it after one step."""

    def __init__(
        self, trainee: TrainState, run: RunDirectory, seconds: float, stop: StopRequest
    ) -> None:
        self.trainee = trainee
        self.run = run
        self.recipe = run.read_recipe() if trainee.fabric.is_global_zero else None
        self.seconds = seconds
        self.stop = stop
        self._saved = time.monotonic()
        if trainee.steps_done:
            self._tell()

    def save(self) -> None:
        """Save, whether due or not."""
        check_finite(self.trainee)
        self.trainee.clock.lap()
        state, steps = self.trainee.state_dict(), self.trainee.steps_done
        state["recipe"] = self.recipe
        on_rank_zero(self.trainee.fabric, partial(self._write, steps, state))
        self._saved = time.monotonic()
        self._tell()

    def _write(self, steps: int, state: checkpoint.State) -> None:
        self.run.check_held()
        checkpoint.save(self.run.checkpoints, steps, state)

    def save_if_due(self) -> None:
        """Save when it is time to, and stop when any process was asked to."""
        due = time.monotonic() - self._saved >= self.seconds
        number, due = _agree(self.trainee, self.stop.received, due)
        if number or due:
            self.save()
        if number:
            self.stop.raise_stopped(number, str(self.run.path))

    def _tell(self) -> None:
        self.stop.saved = (
            f"{self.run.path} holds the state after step {self.trainee.steps_done}: "
            "run the same command to resume"
        )


def _train_epoch(trainee: TrainState, batches: Batches, saver: _Saver, reporter: Reporter) -> None:
    """Take the epoch's remaining steps."""
    epoch = batches.epoch(trainee.epoch)
    trainee.clock.start_epoch()
    while trainee.step < trainee.steps:
        trainee.train_step(epoch)
        reporter.step(trainee.steps_done)
        saver.save_if_due()


def _agree(trainee: TrainState, received: int | None, due: bool) -> tuple[int, bool]:
    """The signal that any process got, or 0, and whether it is time for a checkpoint.

    All processes stop and save after the same step.
    """
    fabric, word = trainee.fabric, 2 * (received or 0) + due
    if fabric.world_size > 1:
        words = torch.tensor(word, device=fabric.device)
        word = int(fabric.all_reduce(words, reduce_op="max"))  # pyright: ignore[reportArgumentType]
    return word // 2, bool(word % 2)


def _log_line(trainee: TrainState) -> LogLine:
    """The epoch's means, read from the device once."""
    check_finite(trainee)
    recipe, steps = trainee.recipe, trainee.steps
    sums = {
        name: float(value)
        for name, value in trainee.mean_over_processes(trainee.metrics.sums).items()
    }
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
    trainee: TrainState, splits: Splits, run: RunDirectory, on_best: Callable[[], dict[str, str]]
) -> LogLine:
    """Look at validation images and attention."""
    recipe, line = trainee.recipe, LogLine()
    last = trainee.epoch + 1 == recipe.epochs
    watched = splits.train.subset(torch.arange(min(WATCHED_IMAGES, len(splits.train))))
    if trainee.shows_attention:
        shares = trainee.predict(watched, splits).attention
        assert shares is not None
        line["attention"] = shares.mean(0).tolist()
    if splits.validation and (last or (trainee.epoch + 1) % recipe.validate_every == 0):
        predictions = trainee.predict(splits.validation, splits)
        accuracy = _accuracy(predictions)
        line["validation_accuracy"] = accuracy
        sound = is_finite([predictions.exits["network"]])
        if sound and accuracy > trainee.best.get("accuracy", -1):
            trainee.best = {"accuracy": accuracy, "epoch": trainee.epoch + 1}
            trainee.best_files = on_best()
    if recipe.legacy_test_curve:
        accuracy = _accuracy(trainee.predict(splits.test, splits))
        curve: LogLine = {"epoch": trainee.epoch + 1, "test_accuracy": accuracy}
        _record(trainee, run, curve, run.test_curve_file)
    return line


def _write_line(
    trainee: TrainState, run: RunDirectory, line: LogLine, on_epoch: Callable[[LogLine], None]
) -> None:
    _record(trainee, run, line, run.log_file)
    on_epoch(line)


def _record(trainee: TrainState, run: RunDirectory, line: LogLine, file: Path) -> None:
    """Add a line to a log, and to what the next checkpoint knows of it."""
    run.append_log(line, file)
    trainee.logs.setdefault(file.name, []).append(line)


def _accuracy(predictions: Predictions) -> float:
    return score(predictions.exits["network"], predictions.labels).accuracy


def _seconds_left(trainee: TrainState) -> float:
    done = trainee.epoch
    return trainee.clock.seconds / done * (trainee.recipe.epochs - done)


@contextmanager
def reported(trainee: TrainState, run: RunDirectory) -> Generator[None]:
    """Leave a report where numbers that are not finite end training."""
    try:
        yield
    except NonFinite as failure:
        if trainee.fabric.is_global_zero:
            write_json(run.failure_file, failure.report)
        saved = any(run.checkpoints.glob("*.json"))
        kept = "the last checkpoint is from before" if saved else "no checkpoint was saved before"
        raise NonFinite(
            f"{failure}: {kept}; lower --optimizer.lr or look at the data", failure.report
        ) from None


def check_finite(trainee: TrainState) -> None:
    """Refuse to go on, or to save, once a step was not finite.

    All processes must ask at once; they share gradients, so that all have seen the same.

    Raises:
        NonFinite: If a loss or gradient of the epoch was not finite, or a weight is not.
    """
    step, terms = int(trainee.metrics.bad_step), dict[str, float]()
    if step:
        shared = trainee.mean_over_processes(trainee.metrics.bad_terms)
        terms = {name: float(value) for name, value in shared.items() if name != "hits"}
        bad = [name for name, value in terms.items() if not math.isfinite(value)]
        what = f"loss is not finite ({', '.join(bad)})" if bad else "gradient is not finite"
    elif is_finite(trainee.method.parameters()):
        return
    else:
        what, step = "weights are not finite", trainee.steps_done
    raise NonFinite(
        f"{what} in epoch {trainee.epoch + 1}, step {step}, learning rate "
        f"{trainee.learning_rate:g}",
        {
            "epoch": trainee.epoch + 1,
            "step": step,
            "lr": trainee.learning_rate,
            "terms": {name: f"{value:.6g}" for name, value in terms.items()},
        },
    )


def is_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all numbers are; a norm above 1e19, which single precision cannot square, is not."""
    return bool(get_total_norm(tensors).isfinite())
