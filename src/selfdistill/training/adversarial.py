"""Adversarial training: images changed so that the method's own loss rises."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..config import Adversary
from ..data import Batch, Preprocessing, uniform
from ..methods import Images, Labels, Method

Scaled = Callable[[Float[Tensor, ""]], Float[Tensor, ""]]


def adversarial_batch(
    method: Method,
    batch: Batch,
    adversary: Adversary,
    preprocessing: Preprocessing,
    *,
    seed: int,
    epoch: int | Int64[Tensor, ""],
    scaled: Scaled = lambda loss: loss,
) -> Batch:
    """A batch whose images are harder for the bare method; seed and epoch decide random starts."""
    images, random = batch.images, None
    if adversary.random_start:
        *views, count, channels, height, width = images.shape
        shape = (math.prod(views), channels, height, width)
        start = uniform(batch.indices, shape, seed, epoch).movedim(1, 0)
        random = start.reshape(*views, count, channels, height, width).to(images.dtype)
    harder = pgd(
        method, images, batch.labels, adversary, preprocessing, random=random, scaled=scaled
    )
    return batch._replace(images=harder)


def pgd(
    method: Method,
    images: Images,
    labels: Labels,
    adversary: Adversary,
    preprocessing: Preprocessing,
    *,
    random: Images | None = None,
    scaled: Scaled = lambda loss: loss,
) -> Images:
    r"""Climb the loss by signed gradient steps within a small box around the images.

    .. math:: x \leftarrow \Pi\left(x + \eta\,\mathrm{sign}\,\nabla_x \mathcal{L}(x, y)\right)

    where :math:`\Pi` cuts every pixel to within :math:`\varepsilon` of where it began and to the
    range that pixels have. One step of size :math:`\varepsilon` from the images themselves is the
    fast gradient sign method; more, from a random start, are projected gradient descent.

    The method stays in the mode it is in, with the statistics of its batches where it is training;
    its buffers are afterwards what they were before, and no parameter receives a gradient. Of two
    views both change. ``random`` are uniform draws in [0, 1) for a random start within the box;
    ``scaled`` multiplies the loss for gradients that are zero in fp16 otherwise.

    Reference:
        Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015,
        arXiv 1412.6572; Madry et al., Towards Deep Learning Models Resistant to Adversarial
        Attacks, ICLR 2018, arXiv 1706.06083.
    """
    epsilon, step_size, steps = adversary.epsilon, adversary.step_size, adversary.steps
    if not 0 <= epsilon <= 1 or not 0 < step_size <= 1 or steps < 1:
        raise ValueError(
            f"epsilon {epsilon} must be within 0 to 1, step_size {step_size} above 0, up to 1, "
            f"and steps {steps} at least 1"
        )
    scale, centre = _channels(preprocessing.std, images), _channels(preprocessing.mean, images)
    box = epsilon / scale
    lowest = torch.maximum(images - box, -centre / scale)
    highest = torch.minimum(images + box, (1 - centre) / scale)
    start = images if random is None else images + (2 * random - 1) * box
    changed = start.detach().clamp(lowest, highest)
    before = [buffer.clone() for buffer in method.buffers()]
    for _ in range(steps):
        with torch.enable_grad():
            leaf = changed.detach().requires_grad_()
            (uphill,) = torch.autograd.grad(scaled(method(leaf, labels).loss), leaf)
        changed = (changed + uphill.sign_() * (step_size / scale)).clamp_(lowest, highest)
    for buffer, value in zip(method.buffers(), before, strict=True):
        buffer.copy_(value)
    return changed


def _channels(values: tuple[float, float, float], images: Images) -> Float[Tensor, "channels 1 1"]:
    # Made on the device: copied from the host they would make it wait.
    return torch.stack([images.new_full((1, 1), value) for value in values])
