"""Twenty steps of each method, as committed: a change that should not move a loss proves it.

``python tests/methods/test_golden.py`` writes the curves that are missing; names of methods after
it write theirs anew.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from selfdistill.methods import Context
from selfdistill.pairing import Partner
from selfdistill.testing import TinyBackbone
from selfdistill.testing.trial import BUILDS

GOLDEN = Path(__file__).parent / "golden"


@contextmanager
def double_precision():
    """Initial weights drawn in single precision differ in their last bit between processors."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@double_precision()
def curve(build):
    """The terms of each step."""
    torch.manual_seed(0)
    method = build(TinyBackbone())
    views = () if method.partner is Partner.NONE else (2,)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    memory = torch.zeros(8, 5)
    steps = []
    for step in range(20):
        images = torch.rand(*views, 8, 3, 16, 16, generator=generator)
        labels = torch.randint(5, (8,), generator=generator)
        where = torch.arange(8), torch.tensor(step // 5), torch.tensor(step / 20)
        others = labels.flip(0) if method.partner is Partner.BATCH_BEFORE else None
        words = {"context": Context(*where, memory, others)} if method.needs_context else {}
        terms, logits = output = method(images * 4 - 2, labels, **words)
        memory = method.remember(memory, logits.detach())
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        steps.append({name: term.item() for name, term in terms.items()})
    return steps


@pytest.mark.parametrize("method", BUILDS)
def test_losses_follow_the_committed_curve(method):
    golden = json.loads((GOLDEN / f"{method}.json").read_text())
    found = curve(BUILDS[method])
    assert len(found) == len(golden) == 20
    for step, (terms, expected) in enumerate(zip(found, golden, strict=True)):
        assert terms == pytest.approx(expected, rel=1e-8, abs=1e-10), f"step {step}"


if __name__ == "__main__":
    for method, build in BUILDS.items():
        file = GOLDEN / f"{method}.json"
        if method in sys.argv[1:] or not file.exists():
            file.write_text(json.dumps(curve(build), indent=1) + "\n")
