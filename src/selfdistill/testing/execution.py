"""Whether a method computes the same when it is compiled, or spread over two processes."""

import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException, spawn
from torch.nn.parallel import DistributedDataParallel

from .trial import BATCH, Build, call, draw, gradients, make, require, train

PROCESSES = 2


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


def check_two_processes(*builds: Build) -> None:
    """Half the batch in each of two processes gives the loss and gradients of the whole.

    The halves change places once: what a method remembers of an image counts in all processes.
    Batch normalisation runs in evaluation mode: its batch statistics differ between processes.

    Args:
        *builds: Each makes a method; each must be picklable. The processes start once for all.

    Raises:
        AssertionError: If a loss or a gradient differs, or a method fails; names the method.
    """
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        try:
            spawn(_compare, (builds, meeting), nprocs=PROCESSES)
        except ProcessRaisedException as error:
            last = str(error).strip().splitlines()[-1]
            raise AssertionError(last.removeprefix("AssertionError: ")) from error


def _compare(rank: int, builds: tuple[Build, ...], meeting: str) -> None:
    torch.set_num_threads(1)
    wholes = [_step(build) for build in builds]
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=PROCESSES)
    halves = [_step(build, rank) for build in builds]
    dist.destroy_process_group()
    faults: list[str] = []
    for (name, expected, whole), (_, loss, found) in zip(wholes, halves, strict=True):
        wrong = [
            parameter
            for parameter, gradient in whole.items()
            if parameter not in found
            or not torch.allclose(found[parameter], gradient, rtol=1e-7, atol=1e-10)
        ]
        if not torch.allclose(loss, expected, rtol=1e-9, atol=1e-12):
            faults.append(
                f"{name}: the loss is {loss.item():.9g}, in one process {expected.item():.9g}"
            )
        elif wrong:
            faults.append(f"{name}: other gradients than in one process: {wrong}")
    require(not faults, "; ".join(faults))


def _step(build: Build, rank: int | None = None) -> tuple[str, Tensor, dict[str, Tensor]]:
    """The method's name, and the loss and gradients of two steps, in one process or in its part."""
    method = make(build)
    batch = draw(method)
    train(method, batch, 1)  # parameters that start at zero leave it
    method.zero_grad()
    for layer in method.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
            layer.eval()
    module, part, first = method, BATCH, 0
    if rank is not None:
        module, part = DistributedDataParallel(method), BATCH // PROCESSES
        first = rank * part
    total = torch.zeros((), dtype=torch.float64)
    for shift in (0, BATCH // PROCESSES):  # then what the other process may remember
        rows = [(row + shift) % BATCH for row in range(first, first + part)]
        loss = call(method, batch.rows(rows), module).loss
        loss.backward()
        total += loss.detach()
    if rank is not None:
        dist.all_reduce(total)
        total /= PROCESSES
    return type(method).__name__, total, gradients(method)
