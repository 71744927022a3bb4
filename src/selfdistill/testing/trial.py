"""Methods, batches and steps that the checks share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..backbones import Backbone
from ..methods import KD, METHODS, Context, Method, Output
from ..pairing import Partner
from .tiny import TinyBackbone

Build = Callable[[Backbone], Method]
"""Makes a method from a backbone: a method's class, or a ``functools.partial`` of one."""

BATCH = 8


class Batch(NamedTuple):
    """Random images as a method asks for them, with every class among the labels."""

    images: Tensor
    labels: Tensor
    context: Context

    @property
    def first_view(self) -> Tensor:
        """The images whose labels are asked for."""
        return self.images if self.images.ndim == 4 else self.images[0]

    def rows(self, positions: Sequence[int]) -> "Batch":
        """The images at the given positions, in the given order."""
        index = torch.tensor(positions)
        indices, epoch, progress, *others = self.context
        rows = [None if values is None else values[index] for values in others]
        context = Context(indices[index], epoch, progress, *rows)
        return Batch(self.images.index_select(-4, index), self.labels[index], context)


def make(build: Build, *, backbone: Backbone | None = None, seed: int = 0) -> Method:
    """A method in double precision on a tiny backbone, in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        method = build(TinyBackbone() if backbone is None else backbone)
    kind = type(method).__name__
    derived = Method in type(method).__mro__
    require(derived, f"it makes a {kind}, which is not derived from Method")
    return method.double().train()


def draw(method: Method, dtype: torch.dtype = torch.float64) -> Batch:
    """Always the same batch."""
    generator = torch.Generator().manual_seed(0)
    views = () if method.partner is Partner.NONE else (2,)
    size = (*views, BATCH, *method.backbone.input_size)
    images = torch.rand(size, generator=generator, dtype=torch.float64).mul_(4).sub_(2)
    labels = torch.arange(BATCH) % method.backbone.num_classes
    memory = torch.rand(BATCH, method.backbone.num_classes, generator=generator)
    memory = memory.softmax(1).to(dtype) if method.remembers else None
    partners = labels.flip(0) if method.partner is Partner.BATCH_BEFORE else None
    context = Context(torch.arange(BATCH), torch.tensor(1), torch.tensor(0.5), memory, partners)
    return Batch(images.to(dtype), labels, context)


def call(method: Method, batch: Batch, module: Callable[..., Output] | None = None) -> Output:
    """Compute the loss, through ``module`` where it wraps the method; always the same draws."""
    run = method if module is None else module
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if method.needs_context:
            return run(batch.images, batch.labels, context=batch.context)
        return run(batch.images, batch.labels)


def gradients(method: Method) -> dict[str, Tensor]:
    """The gradient of each parameter that has one."""
    return {name: p.grad for name, p in method.named_parameters() if p.grad is not None}


def backward(method: Method, output: Output) -> None:
    """Compute the gradients; terms, logits and gradients must be finite."""
    output.loss.backward()
    values = {f"term {name!r}": term for name, term in output.terms.items()}
    values["logits"] = output.logits
    values |= {f"gradient of {name}": value for name, value in gradients(method).items()}
    wrong = [name for name, value in values.items() if not bool(value.isfinite().all())]
    require(not wrong, f"not finite: {', '.join(wrong)}")


def train(method: Method, batch: Batch, steps: int) -> None:
    """Take steps of gradient descent; the last step's gradients stay."""
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        call(method, batch).loss.backward()
        optimizer.step()


def require(condition: bool, fault: str) -> None:
    """Raise an AssertionError with the fault unless the condition holds."""
    if not condition:
        raise AssertionError(fault)


def close(found: Tensor, expected: Tensor) -> bool:
    """Whether two tensors agree to the rounding of double precision."""
    return torch.allclose(found, expected, rtol=1e-9, atol=1e-9)


def require_same_terms(found: Output, expected: Output, cause: str) -> None:
    """Compare the terms of two outputs; ``cause`` is what a difference is blamed on."""
    require(list(found.terms) == list(expected.terms), f"{cause} gives terms {list(found.terms)}")
    for name, term in found.terms.items():
        require(close(term, expected.terms[name]), f"{cause} changes term {name!r}")


def taught(backbone: Backbone) -> KD:
    """Knowledge distillation from an untrained teacher, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return KD(backbone, teacher=TinyBackbone(num_classes=backbone.num_classes))


BUILDS: dict[str, Build] = {
    method.__name__: taught if method is KD else method for method in METHODS
}
"""What makes each method, by the method's name."""
