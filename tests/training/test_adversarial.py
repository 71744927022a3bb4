import pytest
import torch
from torch import nn

from selfdistill.config.schema import Adversary
from selfdistill.data import Preprocessing
from selfdistill.methods import BYOT, DDGSD, CrossEntropy
from selfdistill.training.adversarial import pgd

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
SEEN = Preprocessing((16, 16), MEAN, STD)
EPSILON = 8 / 255


def standardised(*shape):
    pixels = torch.rand(*shape, 3, 16, 16)
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return (pixels - mean) / std


def attack(method, images, labels, random=None, **options):
    adversary = Adversary(**{"epsilon": EPSILON, "step_size": EPSILON} | options)
    return pgd(method, images, labels, adversary, SEEN, random=random)


def in_pixels(images):
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return images * std + mean


@pytest.fixture
def labels():
    return torch.arange(6) % 5


def test_one_step_is_the_fast_gradient_sign_method(backbone, labels):
    method, images = CrossEntropy(backbone).eval(), standardised(6)
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(method(leaf, labels).loss, leaf)
    expected = (in_pixels(images) + EPSILON * gradient.sign()).clamp(0, 1)
    changed = in_pixels(attack(method, images, labels))
    torch.testing.assert_close(changed, expected, atol=1e-5, rtol=0)
    assert method(attack(method, images, labels), labels).loss > method(images, labels).loss


@pytest.mark.parametrize("kind", [CrossEntropy, BYOT])
def test_more_steps_climb_higher_and_stay_in_the_box(backbone, labels, kind):
    method, images = kind(backbone).eval(), standardised(6)
    losses = [method(images, labels).loss]
    for options in ({}, {"step_size": EPSILON / 4, "steps": 10}):
        changed = attack(method, images, labels, **options)
        assert (in_pixels(changed) - in_pixels(images)).abs().max() <= EPSILON + 1e-6
        assert in_pixels(changed).min() >= -1e-6
        assert in_pixels(changed).max() <= 1 + 1e-6
        losses.append(method(changed, labels).loss)
    assert losses[0] < losses[1] < losses[2]


def test_a_random_start_fills_the_box(backbone, labels):
    method, images = CrossEntropy(backbone), torch.zeros(6, 3, 16, 16)
    draws = torch.rand(6, 3, 16, 16)
    started = attack(method, images, labels, random=draws, step_size=1e-9)
    change = in_pixels(started) - in_pixels(images)
    torch.testing.assert_close(change, (2 * draws - 1) * EPSILON, atol=1e-6, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_else_changes(backbone, labels, training):
    method, images = BYOT(backbone).train(training), standardised(6)
    assert any(isinstance(part, nn.BatchNorm2d) for part in method.modules())
    seen = []
    method.register_forward_hook(lambda module, *_: seen.append(module.training))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    given = images.clone()
    changed = attack(method, images, labels, steps=3)
    assert seen == [training] * 3
    assert torch.equal(images, given)
    assert not changed.requires_grad
    assert not images.requires_grad
    assert all(parameter.grad is None for parameter in method.parameters())
    for name, value in method.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_training_mode_uses_the_statistics_of_the_batch(backbone, labels):
    method, images = CrossEntropy(backbone), standardised(6)
    trained = attack(method.train(), images, labels)
    assert not torch.equal(trained, attack(method.eval(), images, labels))


def test_both_views_are_attacked(backbone, labels):
    method, images = DDGSD(backbone), standardised(2, 6)
    changed = attack(method, images, labels, steps=2)
    moved = (in_pixels(changed) - in_pixels(images)).abs()
    assert moved.shape == (2, 6, 3, 16, 16)
    assert moved.max() <= EPSILON + 1e-6
    assert (moved.flatten(2).amax(2) > EPSILON / 2).all()


def test_soft_labels_and_no_strength(backbone):
    images, soft = standardised(6), torch.full((6, 5), 0.2)
    changed = attack(CrossEntropy(backbone), images, soft, epsilon=0.0)
    torch.testing.assert_close(changed, images)


@pytest.mark.parametrize("options", [{"epsilon": -0.1}, {"step_size": 0.0}, {"steps": 0}])
def test_what_makes_no_sense_is_refused(backbone, labels, options):
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=f"{name} {value}"):
        attack(CrossEntropy(backbone), standardised(6), labels, **options)
