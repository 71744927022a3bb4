"""Compiling a method, loss included, into one graph."""

import warnings

import torch
from lightning_fabric import Fabric

from ..data import Batch
from ..methods import Method
from .trainee import context_for

EXPLAINED = ("Explanation:", "Developer debug context:")


def compiles(fabric: Fabric, method: Method, batch: Batch) -> bool:
    """Whether forward and backward compile without breaks; warns where they do not.

    The method's weights, buffers and gradients are left as they were.

    Args:
        fabric: The engine.
        method: What is to be compiled, loss included.
        batch: As large as the parts that it will be trained on.
    """
    before = {name: value.clone() for name, value in method.state_dict().items()}
    try:
        graph = torch.compile(method, fullgraph=True)
        with fabric.autocast():
            context = context_for(method, batch.indices, 0, 0.0)
            loss = graph(batch.images, batch.labels, **context).loss
        loss.backward()
    except Exception as error:
        warnings.warn(f"not compiled, training eagerly: {_reason(error)}", stacklevel=2)
        return False
    finally:
        method.load_state_dict(before)
        method.zero_grad()
    return True


def _reason(error: Exception) -> str:
    """The error's first line, which may be a mere headline, and what explains it."""
    first, *others = [line.strip() for line in str(error).strip().splitlines()] or [""]
    details = [line.partition(":")[2].strip() for line in others if line.startswith(EXPLAINED)]
    return ": ".join([first or type(error).__name__, *filter(None, details)])
