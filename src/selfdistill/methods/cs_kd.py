r"""An image's prediction learns from the prediction for another image of its class.

.. math::
    \mathcal{L} = \mathrm{CE}(z(x), y)
    + \lambda\,T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(z(x')) \,\|\, p_T(z(x)))

:math:`x'` is another training image of the same class. It passes through the network on its own,
without a gradient but in training mode, so that it moves the statistics of batch normalisation.

Reference:
    Yun et al., Regularizing Class-wise Predictions via Self-knowledge Distillation (CVPR 2020),
    https://arxiv.org/abs/2003.13964

Deviations:
    None.
"""

import torch

from ..backbones import Backbone
from ..losses import cross_entropy, distillation, image_mean
from ..pairing import Partner
from . import ranges
from .base import Images, Labels, Method, Output


class CSKD(Method):
    """Self-distillation between images of the same class.

    Args:
        backbone: The network to train.
        temperature: T, the softness of both predictions; above 0.
        distillation_weight: λ, the weight of the other image's prediction; the authors take 3 on
            fine-grained sets.

    Examples:
        >>> method = CSKD(backbone)
        >>> method(torch.stack((images, others_of_the_same_classes)), labels).loss.backward()
    """

    partner = Partner.SAME_CLASS

    def __init__(
        self, backbone: Backbone, *, temperature: float = 4.0, distillation_weight: float = 1.0
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("distillation_weight", distillation_weight)
        self.temperature = temperature
        self.distillation_weight = distillation_weight

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        x, other = images
        z = self.backbone(x)
        with torch.no_grad():
            z_other = self.backbone(other)
        taught = image_mean(distillation(z, z_other, self.temperature), labels)
        terms = {
            "labels": cross_entropy(z, labels).mean(),
            "distillation": self.distillation_weight * taught,
        }
        return Output(terms, z)
