"""Whether two processes compute what one does."""

import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException, spawn
from torch.nn.parallel import DistributedDataParallel

from ..methods import Method
from .trial import BATCH, Build, call, draw, make, require, train

PROCESSES = 2


def check_two_processes(*builds: Build) -> None:
    """Half the batch in each of two processes gives the loss and gradients of the whole.

    Batch normalisation runs in evaluation mode: its batch statistics differ between processes.

    Args:
        *builds: Each makes a method; each must be picklable. The processes start once for all.

    Raises:
        AssertionError: If a loss or a gradient differs, or a method fails; names the method.
    """
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        try:
            spawn(_compare_all, (builds, meeting), nprocs=PROCESSES)
        except ProcessRaisedException as error:
            last = str(error).strip().splitlines()[-1]
            raise AssertionError(last.removeprefix("AssertionError: ")) from error


def _compare_all(rank: int, builds: tuple[Build, ...], meeting: str) -> None:
    torch.set_num_threads(1)
    expected = [_whole(build) for build in builds]
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=PROCESSES)
    faults = [_compare(rank, build, *whole) for build, whole in zip(builds, expected, strict=True)]
    dist.destroy_process_group()
    found = "; ".join(fault for fault in faults if fault)
    require(not found, found)


def _prepare(build: Build) -> Method:
    """A method whose parameters have left zero, with batch statistics fixed."""
    method = make(build)
    train(method, draw(method), 1)
    method.zero_grad()
    for module in method.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
            module.eval()
    return method


def _whole(build: Build) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    method = _prepare(build)
    loss = call(method, draw(method)).loss
    loss.backward()
    return loss.detach(), _gradients(method)


def _gradients(method: Method) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in method.named_parameters() if p.grad is not None}


def _compare(
    rank: int, build: Build, expected: torch.Tensor, gradients: dict[str, torch.Tensor]
) -> str:
    """What differs from the whole batch's loss and gradients; nothing if all is well."""
    method = _prepare(build)
    name, half = type(method).__name__, BATCH // PROCESSES
    batch = draw(method).rows(range(rank * half, (rank + 1) * half))
    parallel = DistributedDataParallel(method)
    loss = call(method, batch, parallel).loss
    loss.backward()
    mean = loss.detach().clone()
    dist.all_reduce(mean)
    mean /= PROCESSES
    if not torch.allclose(mean, expected, rtol=1e-9, atol=1e-12):
        return f"{name}: the loss is {mean.item():.9g}, in one process {expected.item():.9g}"
    found = _gradients(method)
    wrong = [
        parameter
        for parameter, gradient in gradients.items()
        if parameter not in found
        or not torch.allclose(found[parameter], gradient, rtol=1e-7, atol=1e-10)
    ]
    return f"{name}: other gradients than in one process: {wrong}" if wrong else ""
