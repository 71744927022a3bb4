"""Training ends where its numbers are no longer finite."""

import math
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from torch import Tensor
from torch.nn.utils import get_total_norm

from ..failures import NonFinite
from ..runs import RunDirectory, write_json
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

    All processes must ask at once; they share gradients, so that all have seen the same.

    Raises:
        NonFinite: If a loss or gradient of the epoch was not finite, or a weight is not.
    """
    step, terms = int(trainee.tally.bad_step), dict[str, float]()
    if step:
        shared = trainee.mean_over_processes(trainee.tally.bad_terms)
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
