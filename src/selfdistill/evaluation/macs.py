"""What it takes to compute each exit of a method, and no more than that exit."""

from collections.abc import Callable, Generator, Mapping, Sequence

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..methods import Method
from .inference import evaluating


def macs_per_exit(method: Method) -> dict[str, int]:
    """Multiply-adds of one image up to and including each exit, by the exit's name.

    One pass in evaluation mode notes which operations every result rests on: an exit costs what
    its logits depend on, whatever the network is made of. Counted are matrix products,
    convolutions and attention, as by torch's ``FlopCounterMode``.

    Args:
        method: The method; its mode comes back, its state is not changed.
    """
    from torch.utils.flop_counter import FlopCounterMode  # imports triton

    device = next(method.parameters()).device
    image = torch.zeros(1, *method.backbone.input_size, device=device)
    counter = FlopCounterMode(display=False)
    lineage = _Lineage(counter.get_total_flops)  # sees every operation before the counter does
    with evaluating(method), torch.no_grad(), counter, lineage:
        exits = method.inspect(image).exits
    return {name: lineage.flops_behind(logits) // 2 for name, logits in exits.items()}


class _Lineage(TorchDispatchMode):
    """Keeps, for every piece of memory, the set of counted operations that its content rests on."""

    def __init__(self, total_flops: Callable[[], int]) -> None:
        super().__init__()
        self._total_flops = total_flops
        self._flops: list[int] = []
        self._behind: dict[int, int] = {}
        self._alive: list[Tensor] = []

    def flops_behind(self, tensor: Tensor) -> int:
        """Sum over the operations that a tensor rests on."""
        behind = self._operations(tensor)
        return sum(flops for k, flops in enumerate(self._flops) if behind >> k & 1)

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,  # pyright: ignore
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        del types
        before = self._total_flops()
        result: object = func(*args, **(kwargs or {}))
        flops = self._total_flops() - before
        behind = 0
        for tensor in _tensors([args, kwargs]):
            behind |= self._operations(tensor)
        if flops:
            behind |= 1 << len(self._flops)
            self._flops.append(flops)
        for tensor in _tensors(result):
            self._behind[_memory(tensor)] = self._operations(tensor) | behind
            self._alive.append(tensor)  # or else its memory may serve another tensor
        return result

    def _operations(self, tensor: Tensor) -> int:
        return self._behind.get(_memory(tensor), 0)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(value: object) -> Generator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for element in value:
            yield from _tensors(element)
