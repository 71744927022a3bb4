import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import DLB, Context
from selfdistill.testing import check_reaches

SEEN = 4
OTHERS = torch.tensor([4, 4, 1, 0, 3, 2])


def context():
    """What was said of the first images; the last two were not seen before."""
    memory = torch.randn(6, 5).double().log_softmax(1)
    memory[SEEN:] = 0
    where = torch.arange(6), torch.tensor(1), torch.tensor(0.25).double()
    return Context(*where, memory, OTHERS)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, soft):
    method = by_hand.randomised(
        DLB(backbone, temperature=2.5, distillation_weight=0.7), training=training
    )
    images = torch.stack((batch[0], torch.randn_like(batch[0]))).double()
    labels, where = by_hand.soft(batch[1]) if soft else batch[1], context()
    z, z_again = (by_hand.numbers(backbone(view)) for view in images)
    expected = {"labels": 0.0, "labels_again": 0.0, "distillation": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z[b], y.numpy()) / 12
        expected["labels_again"] += by_hand.cross_entropy(z_again[b], OTHERS[b]) / 12
        if b < SEEN:
            taught = by_hand.distillation(z_again[b], where.memory[b].numpy(), 2.5)
            expected["distillation"] += 0.7 * taught / 6
    output = method(images, labels, context=where)
    by_hand.assert_terms(output, expected)
    np.testing.assert_allclose(by_hand.numbers(output.logits), z, rtol=1e-9)


def test_what_is_remembered_gives_probabilities_at_any_temperature(backbone):
    logits = 20 * torch.randn(3, 5)
    rows = DLB(backbone).remember(torch.zeros(3, 5), logits).half()
    for temperature in (1.0, 4.0):
        found = (rows.double() / temperature).softmax(1).numpy()
        expected = [by_hand.probabilities(z, temperature) for z in logits]
        np.testing.assert_allclose(found, expected, atol=0.01)


def test_every_term_trains_the_network():
    check_reaches(DLB, dict.fromkeys(("labels", "labels_again", "distillation"), ("backbone",)))


@pytest.mark.parametrize("missing", ["memory", "partner_labels"])
def test_a_context_that_lacks_the_batch_before_is_refused(backbone, batch, missing):
    where = context()._replace(**{missing: None})
    with pytest.raises(ValueError, match="pass"):
        DLB(backbone)(torch.stack((batch[0], batch[0])), batch[1], context=where)


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("distillation_weight", -1.0)])
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        DLB(backbone, **{name: value})
