"""Equations computed sample by sample, with other operations than the code's."""

import math

import numpy as np
import pytest
import torch
from torch import nn


def randomised(method, *, training):
    """Double precision, and normalisations that are not the identity."""
    for module in method.double().modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2.0)
    return method.train(training)


def probabilities(z, temperature=1.0):
    powers = [math.exp(float(value) / temperature) for value in z]
    return [power / sum(powers) for power in powers]


def soft(labels, classes=5):
    """Random probabilities in place of class indices."""
    return torch.randn(len(labels), classes).double().softmax(1)


def cross_entropy(z, y):
    """``y`` a class index, or a probability for every class."""
    p = probabilities(z)
    if np.ndim(y) == 0:
        return -math.log(p[int(y)])
    return -sum(float(y_k) * math.log(p_k) for y_k, p_k in zip(y, p, strict=True))


def distillation(student, teacher, temperature):
    t, s = probabilities(teacher, temperature), probabilities(student, temperature)
    divergence = sum(t_k * math.log(t_k / s_k) for t_k, s_k in zip(t, s, strict=True))
    return temperature**2 * divergence


def direction(values):
    flat = [float(value) for value in np.ravel(values)]
    length = math.sqrt(sum(value * value for value in flat))
    return [value / length for value in flat]


def numbers(tensor):
    return tensor.detach().numpy()


def exits(method, features):
    """Each exit's map and logits; the classifier without the code's pooling and linear layer."""
    maps = [
        numbers(branch.branch(feature))
        for branch, feature in zip(method.exits, features[:-1], strict=True)
    ]
    logits = [
        np.array([numbers(branch.head.weight) @ image.mean((1, 2)) for image in mapped])
        + numbers(branch.head.bias)
        for branch, mapped in zip(method.exits, maps, strict=True)
    ]
    return maps, logits


def pool(maps, size):
    batch, channels, height, width = maps.shape
    rows, columns = height // size[0], width // size[1]
    return maps.reshape(batch, channels, size[0], rows, size[1], columns).mean((3, 5))


def project(projection, maps):
    """A 1 × 1 convolution and batch normalisation."""
    convolution, norm = projection
    mapped = np.einsum("dc,bchw->bdhw", numbers(convolution.weight)[:, :, 0, 0], maps)
    if norm.training:
        mean, variance = mapped.mean((0, 2, 3)), mapped.var((0, 2, 3))
    else:
        mean, variance = numbers(norm.running_mean), numbers(norm.running_var)
    scale = numbers(norm.weight) / np.sqrt(variance + norm.eps)
    return (mapped - mean[:, None, None]) * scale[:, None, None] + numbers(norm.bias)[:, None, None]


def shares(attention, features, divisor, *, size=(4, 4)):
    """α of every image; ``divisor`` maps the length of a query to what divides the energies."""
    *shallow, deepest = [numbers(feature) for feature in features]
    queries = project(attention.query, pool(deepest, size))
    keys = [project(key, pool(f, size)) for key, f in zip(attention.keys, shallow, strict=True)]
    return np.array(
        [
            probabilities(
                [np.dot(q.ravel(), k[b].ravel()) for k in keys], temperature=divisor(q.size)
            )
            for b, q in enumerate(queries)
        ]
    )


def assert_terms(output, expected):
    """Every term, to 1e-9, and the loss as their sum."""
    terms = {name: term.item() for name, term in output.terms.items()}
    assert terms == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert output.loss.item() == pytest.approx(sum(expected.values()), rel=1e-9)
