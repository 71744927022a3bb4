"""A step whose loss or gradient is not finite leaves nothing behind."""

# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false

from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils import get_total_norm

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def contagious(loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The same loss; where it is not finite its gradients are not either.

    Processes share gradients, so that all of them see what one has seen.
    """
    return loss * (1 + 0 * loss.detach())


def are_finite(tensors: Sequence[Tensor]) -> Bool[Tensor, ""]:
    """Whether all numbers are finite, on their device.

    A norm that single precision cannot hold, above 1e19, counts as infinite too.
    """
    return get_total_norm(tensors).isfinite()


class Kept:
    """What tensors hold now, to be put back.

    Args:
        read: Gives the tensors, always in the same order. It is asked again before they are put
            back: a method may have assigned new ones.
    """

    def __init__(self, read: Callable[[], Iterable[Tensor]]) -> None:
        self._read = read
        self._copies: list[list[Tensor]] = []
        for now in _by_type(read()):
            copies = [torch.empty_like(tensor) for tensor in now]
            torch._foreach_copy_(copies, now)
            self._copies.append(copies)

    def put_back(self) -> None:
        """Undo what was done since."""
        for now, before in zip(_by_type(self._read()), self._copies, strict=True):
            torch._foreach_copy_(now, before)

    def put_back_unless(self, finite: Bool[Tensor, ""]) -> None:
        """Undo what was done since, if the device finds that it has to; nothing waits for it.

        Selecting tensor by tensor would launch hundreds of kernels. Arithmetic on all at once can
        select if it is done on their bits: there a NaN is a number, and times zero it is gone.
        """
        for now, before in zip(_by_type(self._read()), self._copies, strict=True):
            bits, old = _bits(now), _bits(before)
            torch._foreach_sub_(bits, old)
            torch._foreach_mul_(bits, finite.to(bits[0].dtype))
            torch._foreach_add_(bits, old)


def _by_type(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """Operations on lists are one kernel only where all are of one type."""
    groups: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor.detach())
    return list(groups.values())


def _bits(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.view(_BITS[tensor.element_size()]) for tensor in tensors]
