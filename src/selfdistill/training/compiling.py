"""In which way steps are computed: eagerly, compiled, or recorded as one CUDA graph."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..config import CompileChoice, Ingredients
from ..data import Batch, Batches
from ..methods import Method, Output
from .optimizer import build_optimizer, build_schedule, why_not_recordable
from .step import context_words

Results = dict[str, Tensor]
"""The loss, and the gradient of each parameter."""
DETAILS = ("Explanation:", "Developer debug context:")


def choose_way(
    fabric: Fabric, method: Method, ingredients: Ingredients, batches: Batches
) -> tuple[CompileChoice, nn.Module | None]:
    """The way that is asked for, or the next best that this machine, method and recipe allow.

    From a graph to a compiled step, from there to an eager one; a warning says what cannot be.

    Returns:
        The way, and the method as it was compiled, if it was.
    """
    way = ingredients.compile
    if way == "graph" and (reason := why_no_graph(fabric, method, ingredients, batches)):
        warnings.warn(f"no CUDA graph, compiling instead: {reason}", stacklevel=2)
        way = True
    if way is False:
        return False, None
    parts = fabric.world_size * ingredients.accumulation
    module = compiled(fabric, method, batches.epoch(0).batch(0, parts=parts))
    return (False, None) if module is None else (way, module)


def why_no_graph(
    fabric: Fabric, method: Method, ingredients: Ingredients, batches: Batches
) -> str | None:
    """Why the steps of a run cannot be recorded; None if they can, as far as can be said before."""
    if fabric.device.type != "cuda":
        return f"it takes a CUDA device, this is {fabric.device.type}"
    if fabric.world_size > 1:
        return "it takes a single process"
    if batches.train.images.device != batches.device:
        return "the images are too many for the device's memory"
    schedule = build_schedule(build_optimizer(method, ingredients), ingredients, batches.steps)
    return why_not_recordable(ingredients, schedule)


def compiled(fabric: Fabric, method: Method, batch: Batch) -> nn.Module | None:
    """The method compiled without breaks and with the same numbers; None, and a warning, if not.

    The batch is as large as the parts of training. The method is left as it was.
    """
    # The compiler has been seen to give other gradients, even NaN, without a word: loss and
    # gradients are compared with the uncompiled ones.
    before = {name: value.clone() for name, value in method.state_dict().items()}
    inputs = (batch.images, batch.labels, context_words(method, batch))
    # as training will convert them: another type would be compiled for again
    converted = fabric.strategy.precision.convert_input(inputs)

    def results(module: Callable[..., Output], seed: int = 0, *, exact: bool = False) -> Results:
        method.load_state_dict(before)
        method.zero_grad()
        torch.manual_seed(seed)
        images, labels, words = inputs if exact else converted
        with nullcontext() if exact else fabric.autocast():
            loss = module(images, labels, **words).loss
        loss.backward()
        gradients = {n: p.grad.clone() for n, p in method.named_parameters() if p.grad is not None}
        return {"loss": loss.detach().clone(), **gradients}

    module: nn.Module | None = None
    try:
        from torch._inductor import config as inductor_config  # slow to import

        exact, eager = results(method, exact=True), results(method)
        draws = not torch.equal(eager["loss"], results(method, seed=1)["loss"])
        module = cast(nn.Module, torch.compile(method, fullgraph=True))
        # compiled code draws other numbers than eager code, unless it is told not to
        with inductor_config.patch(fallback_random=True) if draws else nullcontext():
            reason = difference(exact, eager, results(module))
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
        return None
    return module


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
