"""Steps that go wrong on purpose."""

import itertools

import torch


def spoil(terms, module, fault):
    """A loss that is no number, or a gradient that is none of a loss that is one."""
    name, term = next(iter(terms.items()))
    if fault == "loss":
        return {**terms, name: term + torch.nan}
    parameter = next(p for p in module.parameters() if p.requires_grad)
    return {**terms, name: term + (0 * parameter.sum()).sqrt()}


def spoil_step(monkeypatch, build, step, fault):
    """Let one training step of all methods of a class go wrong, counted from 1."""
    forward, calls = build.forward, itertools.count(1)

    def faulty(self, images, labels):
        output = forward(self, images, labels)
        if not torch.is_grad_enabled() or next(calls) != step:
            return output
        return output._replace(terms=spoil(output.terms, self, fault))

    monkeypatch.setattr(build, "forward", faulty)
