"""An optimizer step that is taken only if loss and gradients are finite."""

from collections.abc import Iterator, Sequence

from jaxtyping import Bool
from torch import Tensor
from torch.optim import Optimizer

from ..methods import Method
from .average import follow, held, share_of_step
from .guard import Kept, are_finite


class Update:
    """Changes a method, its optimizer's state and its average, or leaves all as they were.

    On CUDA nothing waits for the answer: the step is taken, and the device undoes it where it has
    to. Elsewhere the answer is asked for, which is cheaper than copies of everything.

    Args:
        method: What is trained.
        optimizer: Of its parameters.
        average: Follows the method after each step; None for none.
        decay: Share of the average that a step keeps, once it has seen enough of them.
        asks: Whether to wait for the answer in each step.
    """

    def __init__(
        self,
        method: Method,
        optimizer: Optimizer,
        average: Method | None,
        *,
        decay: float | None,
        asks: bool,
    ) -> None:
        self.method = method
        self.optimizer = optimizer
        self.average = average
        self.decay = 0.0 if decay is None else decay
        self.asks = asks

    def begin(self) -> None:
        """To be called before the forward pass, which changes buffers."""
        self._buffers = Kept(self.method.buffers)

    def end(self, step: int) -> Bool[Tensor, ""]:
        """Apply the gradients, if they are finite, and forget them.

        Args:
            step: How many steps came before; the average begins with the first.

        Returns:
            Whether they were finite.
        """
        stepped = [p for p in self.method.parameters() if p.grad is not None]
        finite = are_finite([p.grad for p in stepped if p.grad is not None])
        if self.asks or not self._can_undo(stepped, finite):
            if finite:
                self._apply(step)
            else:
                self._buffers.put_back()
        else:
            rest = Kept(self._changing)
            self._apply(step)
            self._buffers.put_back_unless(finite)
            rest.put_back_unless(finite)
        self.optimizer.zero_grad()
        return finite

    def _apply(self, step: int) -> None:
        self.optimizer.step()
        if self.average is not None:
            follow(self.average, self.method, share=share_of_step(self.decay, step))

    def _can_undo(self, stepped: Sequence[Tensor], finite: Tensor) -> bool:
        """Whether all of the optimizer's state is on the device, and made already.

        Momentum is made in the first step; Adam counts steps on the CPU unless it is fused.
        """
        state = self.optimizer.state
        values = [v for p in stepped for v in state.get(p, {"": None}).values()]
        return all(isinstance(v, Tensor) and v.device == finite.device for v in values)

    def _changing(self) -> Iterator[Tensor]:
        yield from self.method.parameters()
        for state in self.optimizer.state.values():
            yield from state.values()
        if self.average is not None:
            yield from held(self.average)
