r"""Two augmentations of an image teach each other.

.. math::
    \mathcal{L} = \mathrm{CE}(z_a, y) + \mathrm{CE}(z_b, y)
    + \lambda\,T^2 \left[ \mathrm{KL}(\mathrm{sg}\,p_T(z_a) \,\|\, p_T(z_b))
    + \mathrm{KL}(\mathrm{sg}\,p_T(z_b) \,\|\, p_T(z_a)) \right]
    + \mu \left\lVert \mathbb{E}_b f_a - \mathbb{E}_b f_b \right\rVert^2

:math:`f` is the deepest map's average over positions; the last term is the maximum mean discrepancy
with a linear kernel. Both views pass through the network as one batch.

Reference:
    Xu and Liu, Data-Distortion Guided Self-Distillation for Deep Neural Networks (AAAI 2019),
    https://doi.org/10.1609/aaai.v33i01.33015565

Deviations:
    From the public ports: the discrepancy compares two vectors where theirs subtract two scalars.
    Its means are those of the batch over all processes, or of its part with ``--accumulation``.
"""

from ..backbones import Backbone
from ..losses import cross_entropy, distillation, image_mean, mean_discrepancy
from ..pairing import Partner
from . import ranges
from .base import Images, Labels, Method, Output


class DDGSD(Method):
    """Self-distillation between two augmentations of the same images.

    Args:
        backbone: The network to train.
        temperature: T, the softness of the predictions that the views exchange; above 0.
        distillation_weight: λ, the weight of those predictions.
        hint_weight: μ, the weight of the discrepancy between the views' mean features.

    Examples:
        >>> method = DDGSD(backbone)
        >>> method(torch.stack((view, other_view)), labels).loss.backward()
    """

    partner = Partner.SAME_IMAGE

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 3.0,
        distillation_weight: float = 1.0,
        hint_weight: float = 5e-4,
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("distillation_weight", distillation_weight)
        ranges.not_negative("hint_weight", hint_weight)
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.hint_weight = hint_weight

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, logits = self.backbone.stages(images.flatten(0, 1))
        z_a, z_b = logits.chunk(2)
        f_a, f_b = features[-1].mean((2, 3)).chunk(2)
        labelled = cross_entropy(z_a, labels) + cross_entropy(z_b, labels)
        a_teaches = distillation(z_b, z_a.detach(), self.temperature)
        b_teaches = distillation(z_a, z_b.detach(), self.temperature)
        terms = {
            "labels": labelled.mean(),
            "distillation": self.distillation_weight * image_mean(a_teaches + b_teaches, labels),
            "hint": self.hint_weight * mean_discrepancy(f_a, f_b),
        }
        return Output(terms, z_a)
