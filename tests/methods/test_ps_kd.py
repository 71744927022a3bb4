import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import PSKD, Context
from selfdistill.testing import check_reaches

SEEN = 4


def context(*, progress=0.25):
    """The first images were seen before, the last two were not."""
    memory = torch.rand(6, 5).double().softmax(1)
    memory[SEEN:] = 0
    return Context(torch.arange(6), torch.tensor(1), torch.tensor(progress).double(), memory)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, soft):
    method = by_hand.randomised(PSKD(backbone, final_share=0.6), training=training)
    images, labels = batch[0].double(), by_hand.soft(batch[1]) if soft else batch[1]
    where = context()
    z, total = by_hand.numbers(backbone(images)), 0.0
    for b, y in enumerate(labels):
        target = y.numpy() if soft else np.eye(5)[y]
        if b < SEEN:
            target = (1 - 0.6 * 0.25) * target + 0.6 * 0.25 * where.memory[b].numpy()
        total += by_hand.cross_entropy(z[b], target) / 6
    output = method(images, labels, context=where)
    assert list(output.terms) == ["labels", "distillation"]
    assert output.loss.item() == pytest.approx(total, rel=1e-9)


def test_the_share_of_what_was_said_before_grows_from_nothing(backbone, batch):
    method = by_hand.randomised(PSKD(backbone, final_share=0.6), training=False)
    images, labels = batch[0].double(), batch[1]
    early, half, late = (
        method(images, labels, context=context(progress=done)).terms["distillation"].item()
        for done in (0.0, 0.5, 1.0)
    )
    assert early == 0
    assert late > half > 0


def test_it_remembers_probabilities(backbone):
    logits = torch.randn(3, 5)
    expected = [by_hand.probabilities(z) for z in logits]
    rows = PSKD(backbone).remember(torch.rand(3, 5), logits)
    np.testing.assert_allclose(rows.numpy(), expected, rtol=1e-5)


def test_both_terms_train_the_network():
    check_reaches(PSKD, {"labels": ("backbone",), "distillation": ("backbone",)})


def test_a_context_without_memory_is_refused(backbone, batch):
    where = context()._replace(memory=None)
    with pytest.raises(ValueError, match=r"pass Context\(indices, epoch, progress, memory\)"):
        PSKD(backbone)(*batch, context=where)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_ranges(backbone, share):
    with pytest.raises(ValueError, match=f"final_share={share}"):
        PSKD(backbone, final_share=share)
