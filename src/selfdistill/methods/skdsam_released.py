r"""What the thesis's author released later as code: attention over regressed feature maps.

With :math:`P_l` the pooled shallow map, :math:`v_l = R_l(P_l)` its regression to the deepest one,
channel softmaxes :math:`t = \mathrm{softmax}_c(F_L/T)`, :math:`s_l = \mathrm{softmax}_c(v_l/T)` at
each position, and :math:`\alpha_b = \mathrm{softmax}_l(\langle q_b, k_{bl} \rangle / T)`:

.. math::
    \mathcal{L} = \mathrm{CE}(z_L, y) + \lambda\, \mathbb{E}_b \sum_l \alpha_{bl}
    \left[ T^2\, \mathrm{mean}\big(t\,(\log t - \log s_l)\big)
    + 128\,a\; \mathrm{mean}\,\lvert n(v_l) - n(F_L) \rvert \right]

Nothing is detached. An anchor to compare with: see :mod:`selfdistill.methods.skdsam` for the method
that mends its weaknesses (attention nearly one-hot from the start, a distillation that shrinks with
the number of channels, a teacher that drifts towards its students).

Reference:
    The thesis author's public code (ssfc/new-SASD), read for facts.

Deviations:
    From that code: it sums over a batch of 128 what already holds 1/B; this mean over the batch
    equals it at 128 images and does not depend on the batch size.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..attachments import StageAttention, pool_to
from ..backbones import Backbone
from ..losses import at_least_single, cross_entropy, image_mean
from . import ranges
from .base import Images, Inspection, Labels, Method, Output

AUTHORS_BATCH = 128


class SKDSAMReleased(Method):
    """SKDSAM as its author's code computes it.

    Args:
        backbone: The network to train; at least two stages.
        temperature: T, for the channel softmaxes and the attention alike; above 0.
        distillation_weight: λ, the weight of everything but the labels.
        hint_weight: a, the weight of the distance between normalised maps.

    Examples:
        >>> method = SKDSAMReleased(backbone)
        >>> method(images, labels).loss.backward()
    """

    minimum_stages = 2

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 4.0,
        distillation_weight: float = 3.0,
        hint_weight: float = 0.1,
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("distillation_weight", distillation_weight)
        ranges.not_negative("hint_weight", hint_weight)
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.hint_weight = hint_weight
        *shallow, deepest = backbone.channels
        self.regressors = nn.ModuleList(_regressor(channels, deepest) for channels in shallow)
        self.attention = StageAttention(backbone)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, z_deepest = self.backbone.stages(images)
        *shallow, deepest = features
        size, target = (deepest.shape[-2], deepest.shape[-1]), at_least_single(deepest)
        log_t = F.log_softmax(target / self.temperature, 1)
        direction = _normalise(target)
        distilled: list[Tensor] = []
        hinted: list[Tensor] = []
        for regressor, feature in zip(self.regressors, shallow, strict=True):
            v = at_least_single(regressor(pool_to(feature, size)))
            log_s = F.log_softmax(v / self.temperature, 1)
            distilled.append((log_t.exp() * (log_t - log_s)).mean((1, 2, 3)))
            hinted.append((_normalise(v) - direction).abs().mean((1, 2, 3)))
        alpha = self._attend(features)
        kd = image_mean((alpha * torch.stack(distilled, 1)).sum(1), labels)
        ft = image_mean((alpha * torch.stack(hinted, 1)).sum(1), labels)
        weight = self.distillation_weight
        terms = {
            "labels": cross_entropy(z_deepest, labels).mean(),
            "distillation": weight * self.temperature**2 * kd,
            "hint": weight * AUTHORS_BATCH * self.hint_weight * ft,
        }
        return Output(terms, z_deepest)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network, and each stage's share."""
        features, logits = self.backbone.stages(images)
        return Inspection({"network": logits}, self._attend(features))

    def _attend(
        self, features: tuple[Float[Tensor, "batch _ _ _"], ...]
    ) -> Float[Tensor, "batch stages"]:
        energies, _ = self.attention.energies(features)
        return (energies / self.temperature).softmax(1)


def _regressor(channels: int, deepest: int) -> nn.Sequential:
    wide = 2 * deepest
    return nn.Sequential(
        nn.Conv2d(channels, wide, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(inplace=True),
        nn.Conv2d(wide, wide, 3, padding=1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(inplace=True),
        nn.Conv2d(wide, deepest, 1, bias=False),
    )


def _normalise(maps: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
    norms = torch.linalg.vector_norm(maps, dim=(1, 2, 3), keepdim=True)
    return maps / norms.clamp_min(1e-12)
