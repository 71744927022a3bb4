"""Which parameters a term of the loss trains: what finds a lost ``detach``, where values do not."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .trial import Build, call, draw, make, require, train


def reached(term: Float[Tensor, ""], module: nn.Module) -> set[str]:
    """Names of the parameters that get a gradient other than zero from a term.

    The graph stays, so that several terms of one output can be asked for.

    Examples:
        >>> output = method(images, labels)
        >>> reached(output.terms["labels"], method.backbone)
    """
    if not term.requires_grad:
        return set()
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(
        term, tuple(named.values()), retain_graph=True, materialize_grads=True
    )
    return {n for n, grad in zip(named, gradients, strict=True) if bool(grad.ne(0).any())}


def check_reaches(build: Build, reaches: Mapping[str, tuple[str, ...]]) -> None:
    """Each named term trains the parameters under its prefixes, all of them and no others.

    Looked at in the second step, when what starts at zero has moved.

    Args:
        build: Makes the method.
        reaches: For each term the names of modules or parameters that it trains.

    Raises:
        AssertionError: If a term trains more or less.
    """
    method = make(build)
    batch = draw(method)
    train(method, batch, 1)
    terms = call(method, batch).terms
    for name, prefixes in reaches.items():
        require(name in terms, f"there is no term {name!r} among {sorted(terms)}")
        expected = {
            parameter
            for parameter, _ in method.named_parameters()
            if f"{parameter}.".startswith(tuple(f"{prefix}." for prefix in prefixes))
        }
        found = reached(terms[name], method)
        require(
            found == expected,
            f"term {name!r} trains too much: {sorted(found - expected)}, "
            f"too little: {sorted(expected - found)}",
        )
