"""Loss functions: pure, differentiable, free of any notion of network or method.

Each returns one value per sample, so that a method can weigh images before it averages, unless it
compares whole batches. None stops a gradient: what is detached is written where the method's
equation stands. All are computed in at least single precision, because autocast on the CPU leaves
half types in softmax and norms.
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def at_least_single(values: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """Raise half types to fp32; fp32 and fp64 stay."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def cross_entropy(
    logits: Float[Tensor, "batch classes"],
    labels: Int[Tensor, " batch"] | Float[Tensor, "batch classes"],
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, " batch"]:
    r"""Cross-entropy of each sample.

    .. math:: \mathrm{CE}(z, y) = -\sum_k y_k \log \mathrm{softmax}(z)_k

    Args:
        logits: Predictions :math:`z`.
        labels: Class indices, or probabilities :math:`y` (mixup, CutMix), or these times a weight.
        label_smoothing: Share of the label spread evenly over all classes, in ``[0, 1]``.
    """
    if labels.ndim == 2 and label_smoothing:  # torch's own does not smooth an image's weight
        evenly = labels.sum(1, keepdim=True) / labels.shape[1]
        labels, label_smoothing = torch.lerp(labels, evenly, label_smoothing), 0.0
    return F.cross_entropy(
        at_least_single(logits), labels, reduction="none", label_smoothing=label_smoothing
    )


def image_mean(
    values: Float[Tensor, "batch *axes"],
    labels: Int[Tensor, " batch"] | Float[Tensor, "batch classes"],
) -> Float[Tensor, "*axes"]:
    r"""Mean over the images of a batch, each with its weight.

    .. math:: \frac1B \sum_i \Big(\sum_k y_{ik}\Big) \, v_i

    Args:
        values: What does not look at labels, such as a distillation loss, of each image;
            cross-entropy has the weight in its labels already.
        labels: Class indices, of images that all weigh 1; or rows :math:`y_i`, whose sum is the
            weight of the image: its mean over a training split is 1.
    """
    if labels.ndim == 2:
        weights = labels.sum(1).reshape(-1, *(1,) * (values.ndim - 1))
        values = values * weights.to(values.dtype)
    return values.mean(0)


def distillation(
    student: Float[Tensor, "batch classes"],
    teacher: Float[Tensor, "batch classes"],
    temperature: float,
) -> Float[Tensor, " batch"]:
    r"""Divergence of each sample's softened prediction from its teacher's.

    .. math:: T^2 \, \mathrm{KL}(p_T(t) \,\|\, p_T(s)), \qquad p_T(z) = \mathrm{softmax}(z / T)

    summed over classes. The factor :math:`T^2` keeps the gradient's scale independent of the
    temperature (Hinton et al. 2015, section 2.1).

    Args:
        student: Logits :math:`s`.
        teacher: Logits :math:`t`.
        temperature: :math:`T > 0`; larger is softer.
    """
    log_student = F.log_softmax(at_least_single(student) / temperature, dim=1)
    log_teacher = F.log_softmax(at_least_single(teacher) / temperature, dim=1)
    divergence = F.kl_div(log_student, log_teacher, reduction="none", log_target=True)
    return temperature**2 * divergence.sum(1)


def normalised_distance(
    student: Float[Tensor, "batch channels height width"],
    teacher: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, " batch"]:
    r"""Half the squared distance between the directions of two feature maps.

    .. math:: \tfrac12 \lVert n(s) - n(t) \rVert^2 = 1 - \cos(s, t)

    where :math:`n` divides a flattened map by its Euclidean norm.
    """
    axes = (1, 2, 3)  # reduced in place: flattening would copy channels-last maps
    student, teacher = at_least_single(student), at_least_single(teacher)
    inner = (student * teacher).sum(axes)
    norms = _norm(student, axes) * _norm(teacher, axes)
    return 1 - inner / norms


def _norm(maps: Float[Tensor, "batch *axes"], axes: tuple[int, ...]) -> Float[Tensor, " batch"]:
    return torch.linalg.vector_norm(maps, dim=axes).clamp_min(1e-12)


def mean_squared_difference(
    student: Float[Tensor, "batch channels height width"],
    teacher: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, " batch"]:
    r"""Mean of :math:`(s - t)^2` over channels and positions."""
    return (at_least_single(student) - at_least_single(teacher)).square().mean((1, 2, 3))


def attention_transfer(
    student: Float[Tensor, "batch _ height width"], teacher: Float[Tensor, "batch _ height width"]
) -> Float[Tensor, " batch"]:
    r"""Distance between where two maps are active, whatever their channels.

    .. math:: \frac{1}{HW} \lVert n(\mathrm{mean}_c\, s^2) - n(\mathrm{mean}_c\, t^2) \rVert^2

    where :math:`n` divides a flattened map by its Euclidean norm (Zagoruyko and Komodakis 2017).
    """
    return (_activity(student) - _activity(teacher)).square().mean((1, 2))


def _activity(maps: Float[Tensor, "batch _ height width"]) -> Float[Tensor, "batch height width"]:
    energy = at_least_single(maps).square().mean(1)
    return energy / _norm(energy, (1, 2)).unflatten(0, (-1, 1, 1))


def mean_discrepancy(
    first: Float[Tensor, "batch features"], second: Float[Tensor, "batch features"]
) -> Float[Tensor, ""]:
    r"""Maximum mean discrepancy of two batches of features, with a linear kernel.

    .. math:: \lVert \mathbb{E}_b f_a - \mathbb{E}_b f_b \rVert^2
    """
    return batch_mean(at_least_single(first) - at_least_single(second)).square().sum()


def batch_mean(values: Float[Tensor, "batch features"]) -> Float[Tensor, " features"]:
    """Mean over the batch, over all processes that share it, and so is its gradient.

    The processes hold equally many samples, and all of them call.
    """
    mean = values.mean(0)
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        return _ProcessMean.apply(mean)  # pyright: ignore[reportReturnType]
    return mean


class _ProcessMean(torch.autograd.Function):
    """Mean over processes, which is its own transpose: so is the gradient."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ctx
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ctx
        return _ProcessMean.apply(gradient)  # pyright: ignore[reportReturnType]
