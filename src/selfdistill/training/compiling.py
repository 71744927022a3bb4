"""Compiling a method, loss included, into one graph."""

import warnings

import torch
from lightning_fabric import Fabric

from ..data import Batch
from ..methods import Method


def compiles(fabric: Fabric, method: Method, batch: Batch) -> bool:
    """Whether forward and backward compile without breaks; warns where they do not.

    The method's weights, buffers and gradients are left as they were.
    """
    before = {name: value.clone() for name, value in method.state_dict().items()}
    graph = torch.compile(method, fullgraph=True)
    try:
        with fabric.autocast():
            loss = graph(batch.images, batch.labels).loss
        loss.backward()
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"not compiled, training eagerly: {reason}", stacklevel=2)
        return False
    finally:
        method.load_state_dict(before)
        method.zero_grad()
    return True
