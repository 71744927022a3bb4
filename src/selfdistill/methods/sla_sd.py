r"""The network learns from the average of what it says about an image's four rotations.

With :math:`x_j` the image turned by :math:`j` quarter turns, :math:`u_j` the joint head's logits
for it, one for each pair of class and rotation, and :math:`\bar a_k = \tfrac14 \sum_j u_{j,(k,j)}`:

.. math::
    \mathcal{L} = \frac{\kappa}{4} \sum_j \mathrm{CE}(u_j, (y, j)) + \mathrm{CE}(z(x_0), y)
    + T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(\bar a) \,\|\, p_T(z(x_0)))

The joint head reads the deepest map's average over positions: what a residual network's own head
reads too; other networks put a normalisation, a maximum or a class token before theirs.

Reference:
    Lee, Hwang and Shin, Self-supervised Label Augmentation via Input Transformations (ICML 2020),
    https://arxiv.org/abs/1910.05872

Deviations:
    None. The pair (y, j) has number 4y + j, as in the authors' code; any other would do.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import Backbone
from ..losses import at_least_single, cross_entropy, distillation, image_mean
from . import ranges
from .base import Images, Inspection, Labels, Method, Output
from .rotations import average_turns, joint_labels, refuse_oblong, rotate

ROTATIONS = 4


class SLASD(Method):
    r"""Self-distillation from the joint prediction of class and rotation.

    Args:
        backbone: The network to train, on square images.
        temperature: T, the softness of the aggregated and the network's prediction; above 0.
        joint_weight: κ, the weight of the joint head's labels; the authors take 4 on large images.
        aggregate: Show the aggregated prediction :math:`\bar a` as an exit, too: it takes every
            evaluation four passes instead of one. Training does not depend on it.

    Raises:
        ValueError: If the backbone's images are not square.

    Examples:
        >>> method = SLASD(backbone)
        >>> method(images, labels).loss.backward()
    """

    rotates_images = True

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 1.0,
        joint_weight: float = 1.0,
        aggregate: bool = False,
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("joint_weight", joint_weight)
        refuse_oblong(backbone)
        self.temperature = temperature
        self.joint_weight = joint_weight
        self.aggregate = aggregate
        self.joint_head = nn.Linear(backbone.channels[-1], ROTATIONS * backbone.num_classes)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, logits = self.backbone.stages(torch.cat(rotate(images, ROTATIONS)))
        joint, z = self._joint_logits(features[-1]), logits[: images.shape[0]]
        aggregated = average_turns(joint.chunk(ROTATIONS)).detach()
        pairs = joint_labels(labels, ROTATIONS)
        terms = {
            "labels": cross_entropy(z, labels).mean(),
            "joint_labels": self.joint_weight * cross_entropy(joint, pairs).mean(),
            "distillation": image_mean(distillation(z, aggregated, self.temperature), labels),
        }
        return Output(terms, z)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network; of its four rotations together if they are wanted."""
        if not self.aggregate:
            return super().inspect(images)
        stages = [self.backbone.stages(rotated) for rotated in rotate(images, ROTATIONS)]
        aggregated = average_turns([self._joint_logits(s.features[-1]) for s in stages])
        return Inspection({"network": stages[0].logits, "aggregate": aggregated})

    def _joint_logits(
        self, deepest: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch pairs"]:
        return at_least_single(self.joint_head(deepest.mean((2, 3))))
