"""What an image's weight means for each term of each method: the image counts that many times."""

import pytest
import torch
from torch.nn.functional import one_hot

from selfdistill.losses import cross_entropy, image_mean
from selfdistill.testing.trial import BATCH, BUILDS, call, draw, make

WHOLE_BATCH = {"DDGSD": {"hint"}}
"""Terms that compare whole batches: they see each image once."""
WEIGHTS = torch.tensor([0.0, 3.0, 1.0, 0.5, 0.25, 2.0, 1.0, 0.0], dtype=torch.float64)


def weighted(method, batch, weights):
    """Terms with labels as rows; the second view's images have weights of their own."""
    classes = method.backbone.num_classes
    context = batch.context
    if context.partner_labels is not None:
        rows = one_hot(context.partner_labels, classes).double() * weights.flip(0)[:, None]
        context = context._replace(partner_labels=rows)
    rows = one_hot(batch.labels, classes).double() * weights[:, None]
    return call(method, batch._replace(labels=rows, context=context)).terms


@pytest.mark.parametrize("name", BUILDS)
def test_each_term_counts_an_image_as_often_as_it_weighs(name):
    """Without batch statistics a term is the sum of what single images add to it."""
    method = make(BUILDS[name]).eval()
    batch = draw(method)
    alone = [weighted(method, batch, one_hot(torch.tensor(k), BATCH)) for k in range(BATCH)]
    found = weighted(method, batch, WEIGHTS)
    plain = call(method, batch).terms
    for term, value in found.items():
        expected = sum(w * terms[term] for w, terms in zip(WEIGHTS, alone, strict=True))
        if term in WHOLE_BATCH.get(name, ()):
            torch.testing.assert_close(value, plain[term])
            continue
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)
        assert value != plain[term], term


@pytest.mark.parametrize("name", BUILDS)
def test_weights_of_one_change_nothing(name):
    method, other = make(BUILDS[name]), make(BUILDS[name])
    batch = draw(method)
    found = weighted(method, batch, torch.ones(BATCH, dtype=torch.float64))
    for term, value in call(other, batch).terms.items():
        torch.testing.assert_close(found[term], value, rtol=1e-9, atol=1e-9)


def test_without_weights_a_mean_is_torchs_own():
    values, labels = torch.randn(1000), torch.zeros(1000, dtype=torch.long)
    assert torch.equal(image_mean(values, labels), values.mean())
    rows = torch.rand(1000, 3)
    expected = (values * rows.sum(1)).sum() / 1000
    assert image_mean(values, rows) == pytest.approx(expected.item(), rel=1e-5)
    both = torch.stack((values, 2 * values), 1)
    assert torch.allclose(image_mean(both, rows), expected * torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_smoothed_labels_carry_the_whole_weight(smoothing):
    logits, labels = torch.randn(6, 4, dtype=torch.float64), torch.arange(6) % 4
    weights = torch.arange(6, dtype=torch.float64)
    rows = one_hot(labels, 4) * weights[:, None]
    found = cross_entropy(logits, rows, label_smoothing=smoothing)
    expected = weights * cross_entropy(logits, labels, label_smoothing=smoothing)
    torch.testing.assert_close(found, expected)
