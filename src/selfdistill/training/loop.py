"""The training loop: steps, checkpoints, evaluation, and an end where numbers are not finite."""

import math
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from ..evaluation import Predictions, score
from ..failures import NoMemory, NonFinite, Stopped, lacks_memory, needed_more
from ..runs import LogLine, write_json
from . import checkpoint
from .engine import on_rank_zero
from .finish import write_model
from .setup import Session
from .state import TrainState

WATCHED_IMAGES = 1000
SELECTED = {"accuracy": ("accuracy", 1), "macro": ("macro_accuracy", 1), "nll": ("nll", -1)}
"""The score that ``select`` names, and 1 where more of it is better, else -1."""


def train_epochs(session: Session) -> Iterator[LogLine]:
    """Train from where the state stands to the last epoch; yields each epoch's line of the log."""
    state, saver = session.state, _Saver(session)
    with _failure_report(session):
        while not on_rank_zero(session.fabric, lambda: state.is_over):
            epoch = session.batches.epoch(state.epoch)
            state.clock.start_epoch()
            while state.step < state.steps:
                try:
                    state.train_step(epoch)
                except Exception as error:
                    if lacks_memory(error):
                        raise NoMemory(_smaller_steps(session, error)) from error
                    # a method may raise on weights that an earlier step left not finite
                    if session.fabric.world_size == 1:
                        check_finite(state)
                    raise
                session.reporter.step(state.steps_done)
                saver.save_if_due()
            check_finite(state)
            line = _means(state, session.batches.batch_size)
            try:
                line |= on_rank_zero(session.fabric, partial(_evaluate, session))
            except Stopped:
                saver.save()
                raise
            state.end_epoch()
            yield line
        saver.save()


def _smaller_steps(session: Session, error: Exception) -> str:
    """What to choose so that a step takes less memory."""
    batch, parts = session.batches.batch_size, session.state.ingredients.accumulation
    processes = session.fabric.world_size
    at_once = batch // (parts * processes)
    more = next((n for n in range(parts + 1, batch + 1) if batch % (n * processes) == 0), None)
    halved = f"--batch-size {max(1, batch // 2)}"
    if more is not None:
        smaller = f"--accumulation {more} computes {batch // (more * processes)} at a time, "
        halved = f"{smaller}{halved} makes smaller batches"
    return (
        f"out of memory{needed_more(error)} with {at_once} at a time: {halved}; or choose a "
        "smaller network or image size, or end other programs"
    )


class _Saver:
    """Writes checkpoints in the first process; all processes call it after the same step."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.recipe = on_rank_zero(session.fabric, session.run.read_recipe)
        self.saved_at = time.monotonic()
        if session.state.steps_done:
            self._tell_stop()

    def save_if_due(self) -> None:
        """Save when any process finds it time to, and stop when any was asked to."""
        session, fabric = self.session, self.session.fabric
        due = time.monotonic() - self.saved_at >= session.settings.execution.checkpoint_seconds
        both = 2 * (session.stop.received or 0) + due  # one number for one exchange
        if fabric.world_size > 1:
            numbers = torch.tensor(both, device=fabric.device)
            both = int(fabric.all_reduce(numbers, reduce_op="max"))  # pyright: ignore
        if both:
            self.save()
        if signal := both // 2:
            session.stop.raise_stopped(signal, str(session.run.path))

    def save(self) -> None:
        """Save, whether due or not."""
        run, state = self.session.run, self.session.state
        check_finite(state)
        state.clock.lap()
        saved = state.state_dict() | {"recipe": self.recipe}

        def write() -> None:
            run.check_held()
            checkpoint.save(run.checkpoints, state.steps_done, saved)

        on_rank_zero(self.session.fabric, write)
        self.saved_at = time.monotonic()
        self._tell_stop()

    def _tell_stop(self) -> None:
        self.session.stop.saved = (
            f"{self.session.run.path} holds the state after step {self.session.state.steps_done}: "
            "run the same command to resume"
        )


def _means(state: TrainState, batch_size: int) -> LogLine:
    """The epoch's means over its steps, read from the device once."""
    steps = state.steps
    shared = state.mean_over_processes(state.metrics.sums)
    sums = {name: float(value) for name, value in shared.items()}
    per_process = batch_size // state.fabric.world_size
    hits = sums.pop("hits")
    terms = {name: value / steps for name, value in sums.items()}
    return {
        "epoch": state.epoch + 1,
        "step": (state.epoch + 1) * steps,
        "lr": state.learning_rate,
        "loss": sum(terms.values()),
        "terms": terms,
        "train_accuracy": 100 * hits / (steps * per_process),
        "images_per_second": state.clock.end_epoch() * batch_size,
        "seconds": state.clock.lap(),
    }


def _evaluate(session: Session) -> LogLine:
    """Look at attention and validation images; keep the best model.

    A signal ends it by :class:`Stopped`, but for the last epoch's.
    """
    run, state, splits = session.run, session.state, session.splits
    ingredients, done, line = state.ingredients, state.epoch + 1, LogLine()
    is_last = done == ingredients.epochs
    stop = partial(session.stop.raise_if_received, str(run.path))
    predict = partial(state.predict, splits=splits, between=nullcontext if is_last else stop)
    if state.shows_attention:
        count = min(WATCHED_IMAGES, len(splits.train))
        attention = predict(splits.train.subset(torch.arange(count))).attention
        assert attention is not None
        line["attention"] = attention.mean(0).tolist()
    if splits.validation and (is_last or done % ingredients.validate_every == 0):
        predictions = predict(splits.validation)
        accuracy = line["validation_accuracy"] = _accuracy(predictions)
        sound = is_finite([predictions.exits["network"]])
        found = {"accuracy": accuracy, "epoch": done}
        selected, sign = SELECTED[ingredients.select]
        if selected != "accuracy":
            scores = score(predictions.exits["network"], predictions.labels)
            found[selected] = line[f"validation_{selected}"] = getattr(scores, selected)
        if sound and (not state.best or sign * (found[selected] - state.best[selected]) > 0):
            state.best = found
            state.best_files = write_model(
                session,
                run.best_model,
                epoch=done,
                validation=predictions,
                choices=state.validations,
            )
    if ingredients.legacy_test_curve:
        accuracy = _accuracy(predict(splits.test))
        record(session, {"epoch": done, "test_accuracy": accuracy}, run.test_curve_file)
    return line


def record(session: Session, line: LogLine, file: Path) -> None:
    """Add a line to a log, and to what the next checkpoint knows of it."""
    session.run.append_log(line, file)
    session.state.logs.setdefault(file.name, []).append(line)


def _accuracy(predictions: Predictions) -> float:
    return score(predictions.exits["network"], predictions.labels).accuracy


@contextmanager
def _failure_report(session: Session) -> Generator[None]:
    """Leave a report where numbers that are not finite end training."""
    try:
        yield
    except NonFinite as failure:
        if session.fabric.is_global_zero:
            write_json(session.run.failure_file, failure.report)
        saved = any(session.run.checkpoints.glob("*.json"))
        kept = "the last checkpoint is from before" if saved else "no checkpoint was saved before"
        raise NonFinite(
            f"{failure}: {kept}; lower --optimizer.lr or look at the data", failure.report
        ) from None


def check_finite(state: TrainState) -> None:
    """Raise :class:`NonFinite` if a loss or gradient of the epoch, or a weight, is not finite.

    All processes must ask at once; they share gradients, so that all have seen the same.
    """
    step, terms = int(state.metrics.bad_step), dict[str, float]()
    if step:
        shared = state.mean_over_processes(state.metrics.bad_terms)
        terms = {name: float(value) for name, value in shared.items() if name != "hits"}
        bad = [name for name, value in terms.items() if not math.isfinite(value)]
        what = f"loss is not finite ({', '.join(bad)})" if bad else "gradient is not finite"
    elif is_finite(state.method.parameters()):
        return
    else:
        what, step = "weights are not finite", state.steps_done
    raise NonFinite(
        f"{what} in epoch {state.epoch + 1}, step {step}, learning rate {state.learning_rate:g}",
        {
            "epoch": state.epoch + 1,
            "step": step,
            "lr": state.learning_rate,
            "terms": {name: f"{value:.6g}" for name, value in terms.items()},
        },
    )


def is_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all numbers are; a norm above 1e19, which single precision cannot square, is not."""
    return bool(get_total_norm(tensors).isfinite())
