"""Compiling a method, loss included, into one graph."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext

import torch
from lightning_fabric import Fabric
from torch import Tensor

from ..data import Batch
from ..methods import Method, Output
from .state import call_method

Results = dict[str, Tensor]
"""The loss, and the gradient of each parameter."""
DETAILS = ("Explanation:", "Developer debug context:")


def compiles(fabric: Fabric, method: Method, batch: Batch) -> bool:
    """Whether forward and backward compile without breaks and with the same numbers; warns if not.

    The batch is as large as the parts of training. The method is left as it was.
    """
    # The compiler has been seen to give other gradients, even NaN, without a word: loss and
    # gradients are compared with the uncompiled ones.
    before = {name: value.clone() for name, value in method.state_dict().items()}

    def results(module: Callable[..., Output], seed: int = 0, *, exact: bool = False) -> Results:
        method.load_state_dict(before)
        method.zero_grad()
        torch.manual_seed(seed)
        with nullcontext() if exact else fabric.autocast():
            loss = call_method(method, batch, module=module).loss
        loss.backward()
        gradients = {n: p.grad.clone() for n, p in method.named_parameters() if p.grad is not None}
        return {"loss": loss.detach().clone(), **gradients}

    try:
        from torch._inductor import config as inductor_config  # slow to import

        exact, eager = results(method, exact=True), results(method)
        draws = not torch.equal(eager["loss"], results(method, seed=1)["loss"])
        # compiled code draws other numbers than eager code, unless it is told not to
        with inductor_config.patch(fallback_random=True) if draws else nullcontext():
            compiled = results(torch.compile(method, fullgraph=True))  # pyright: ignore
        reason = difference(exact, eager, compiled)
    except Exception as error:
        # The first line may be a mere headline, which others explain.
        first, *others = [line.strip() for line in str(error).strip().splitlines()] or [""]
        details = [line.partition(":")[2].strip() for line in others if line.startswith(DETAILS)]
        reason = ": ".join([first or type(error).__name__, *filter(None, details)])
    finally:
        method.load_state_dict(before)
        method.zero_grad()
    if reason is not None:
        warnings.warn(f"not compiled, training eagerly: {reason}", stacklevel=2)
    return reason is None


def difference(exact: Results, eager: Results, compiled: Results) -> str | None:
    """What of the compiled results is further from the exact ones, in fp32, than eager ones."""
    whole = torch.stack([value.norm() for name, value in exact.items() if name != "loss"]).norm()
    for name, value in exact.items():
        size = value.norm()
        allowed = 2 * (eager[name] - value).norm() + 0.02 * size + 1e-3 * whole
        if not (compiled[name] - value).norm() <= allowed:
            what = "loss" if name == "loss" else f"gradient of {name}"
            return f"the compiler's {what} is wrong on this machine"
    return None
