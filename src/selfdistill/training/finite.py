"""Training ends where its numbers are no longer finite."""

import math
from collections.abc import Generator
from contextlib import contextmanager

from ..failures import NonFinite
from ..runs import RunDirectory, write_json
from .guard import are_finite
from .trainee import Trainee


@contextmanager
def reported(trainee: Trainee, run: RunDirectory) -> Generator[None]:
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


def check_finite(trainee: Trainee) -> None:
    """Refuse to go on, or to save, once a step was not finite.

    Raises:
        NonFinite: If a step of the epoch was left out for its loss or gradient, or a weight has
            become infinite.
    """
    tally = trainee.tally
    skipped, step = int(tally.skipped), int(tally.first_skipped)
    if not skipped and are_finite(list(trainee.method.parameters())):
        return
    terms = {name: float(value) for name, value in tally.first_terms.items() if name != "hits"}
    if skipped:
        bad = [name for name, value in terms.items() if not math.isfinite(value)]
        what = f"loss is not finite ({', '.join(bad)})" if bad else "gradient is not finite"
    else:
        what, step = "weights are not finite", trainee.steps_done
    raise NonFinite(
        f"{what} in epoch {trainee.epoch + 1}, step {step}, learning rate "
        f"{trainee.learning_rate:g}",
        {
            "epoch": trainee.epoch + 1,
            "step": step,
            "skipped": skipped,
            "lr": trainee.learning_rate,
            "terms": {name: f"{value:.6g}" for name, value in terms.items()},
        },
    )
