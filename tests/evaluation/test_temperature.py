"""The temperature against another route to it, and where there are few images."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from selfdistill.evaluation import cross_scaled, fit_temperature, score


def too_sure(images=400, classes=6, sharpness=3.0):
    """Logits ``sharpness`` times as large as those that their labels were drawn by."""
    honest = 2 * torch.randn(images, classes)
    labels = torch.multinomial(honest.softmax(1), 1).squeeze(1)
    return sharpness * honest, labels


def objective(logits, labels, inverse):
    rows = np.arange(len(labels))
    likelihood = log_softmax(inverse * logits.double().numpy(), axis=1)[rows, labels.numpy()].sum()
    return -likelihood + inverse - np.log(inverse)


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("images", [5, 400])
def test_it_is_the_minimum_that_a_search_without_gradients_finds(images, sharpness):
    logits, labels = too_sure(images, sharpness=sharpness)
    found = minimize_scalar(
        lambda log: objective(logits, labels, np.exp(log)), bounds=(-4, 4), method="bounded"
    )
    assert np.log(fit_temperature(logits, labels)) == pytest.approx(-found.x, abs=1e-4)


def test_the_slope_is_zero_there():
    logits, labels = too_sure()
    inverse = torch.tensor(1 / fit_temperature(logits, labels), dtype=torch.float64)
    inverse.requires_grad_()
    loss = torch.nn.functional.cross_entropy(inverse * logits.double(), labels, reduction="sum")
    (loss + inverse - inverse.log()).backward()
    assert abs(inverse.grad.item()) < 1e-6


def test_it_undoes_what_made_the_logits_too_large():
    assert fit_temperature(*too_sure(20_000)) == pytest.approx(3, rel=0.05)


def test_of_many_images_it_is_that_of_the_likelihood_alone():
    logits, labels = too_sure(5000)
    found = minimize_scalar(
        lambda s: objective(logits, labels, s) - s + np.log(s), bounds=(0.01, 10), method="bounded"
    )
    assert fit_temperature(logits, labels) == pytest.approx(1 / found.x, rel=1e-3)


@pytest.mark.parametrize(("images", "surest"), [(3, 0.95), (30, 0.995), (3000, 0.99995)])
def test_images_that_are_all_right_are_not_certainty(images, surest):
    """One image's weight against certainty: about one in as many images may be wrong."""
    labels = torch.arange(images) % 3
    logits = torch.nn.functional.one_hot(labels, 3).double()
    confidence = (logits / fit_temperature(logits, labels)).softmax(1).amax(1)
    assert 1 - 3 / images < confidence.min() < surest


def test_images_that_are_all_wrong_leave_a_temperature():
    logits = 1e6 * torch.eye(3)[torch.tensor([0, 1, 2])]
    assert fit_temperature(logits, torch.tensor([1, 2, 0])) == 100


def test_one_image_of_equal_logits_leaves_them():
    assert fit_temperature(torch.zeros(1, 4), torch.tensor([2])) == pytest.approx(1)


def test_images_are_scaled_by_what_others_say():
    logits, labels = too_sure(40)
    scaled = cross_scaled(logits, labels)
    even, odd = (fit_temperature(logits[half::2], labels[half::2]) for half in (0, 1))
    torch.testing.assert_close(scaled[::2], logits[::2].double() / odd)
    torch.testing.assert_close(scaled[1::2], logits[1::2].double() / even)
    assert score(scaled, labels).nll < score(logits, labels).nll


def test_one_image_alone_stays_as_it_is():
    logits = torch.randn(1, 4)
    assert torch.equal(cross_scaled(logits, torch.tensor([1])), logits.double())
