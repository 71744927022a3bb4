"""Whether a method survives ``torch.compile``."""

import torch

from .trial import Build, call, draw, make


def check_compile(build: Build) -> None:
    """The method compiles as one graph and keeps its loss.

    Run it in a process in which no import hook rewrites the method's code (shape annotations
    checked at run time do): such a hook breaks the graph.

    Args:
        build: Makes the method.

    Raises:
        AssertionError: If the loss differs.
        torch._dynamo.exc.Unsupported: If the graph breaks; says where.
    """
    method = make(build)
    batch = draw(method)
    expected = call(make(build), batch).loss
    torch.compiler.reset()
    compiled = torch.compile(method, backend="eager", fullgraph=True)
    loss = call(method, batch, compiled).loss
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)
