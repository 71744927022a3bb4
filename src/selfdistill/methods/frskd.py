r"""A self-teacher refines the network's own maps, and teaches it with maps and predictions.

With :math:`T_l` and :math:`z_T` the self-teacher's refined maps and logits
(:mod:`selfdistill.attachments.bifpn`):

.. math::
    \mathcal{L} = \mathrm{CE}(z_L, y) + \mathrm{CE}(z_T, y)
    + \alpha\,T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(z_T) \,\|\, p_T(z_L))
    + \beta \sum_l \mathbb{E}_b\,\mathrm{mean}
    \Big( \big( n(\mathrm{mean}_c\,F_l^2) - n(\mathrm{mean}_c\,\mathrm{sg}(T_l)^2) \big)^2 \Big)

where :math:`n` flattens a map and divides it by its norm. The maps that the self-teacher reads are
not detached, so that its labels train the network, too.

Reference:
    Ji et al., Refine Myself by Teaching Myself: Feature Refinement via Self-Knowledge Distillation
    (CVPR 2021), https://arxiv.org/abs/2103.08273

Deviations:
    On wide residual networks the authors' maps are normalised and rectified by the layers that
    follow a stage; here they are the sums that stages end in, which the self-teacher rectifies
    before it reads them. On the authors' other networks there is none from their code. Where stages
    are not of twice each other's size, which these do not have, maps are resized to their
    neighbour's.
"""

import torch

from ..attachments import BiFPN
from ..backbones import Backbone
from ..losses import attention_transfer, cross_entropy, distillation, image_mean
from . import ranges
from .base import Images, Inspection, Labels, Method, Output


class FRSKD(Method):
    """Self-distillation from a feature pyramid over the network's stages.

    Args:
        backbone: The network to train; at least two stages.
        temperature: T, the softness of both predictions; above 0.
        distillation_weight: α, the weight of the self-teacher's predictions; the authors take 3 on
            Tiny ImageNet, 1 on fine-grained sets.
        hint_weight: β, the weight of the match between maps; the authors take 200 on fine-grained
            sets.
        detach_backbone: Keep the gradient of the self-teacher's labels out of the network.

    Examples:
        >>> method = FRSKD(backbone)
        >>> method(images, labels).loss.backward()
    """

    minimum_stages = 2

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 4.0,
        distillation_weight: float = 2.0,
        hint_weight: float = 100.0,
        detach_backbone: bool = False,
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("distillation_weight", distillation_weight)
        ranges.not_negative("hint_weight", hint_weight)
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.hint_weight = hint_weight
        self.detach_backbone = detach_backbone
        self.self_teacher = BiFPN(backbone)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, z = self.backbone.stages(images)
        read = tuple(f.detach() for f in features) if self.detach_backbone else features
        refined, z_teacher = self.self_teacher(read)
        taught = image_mean(distillation(z, z_teacher.detach(), self.temperature), labels)
        hinted = [
            image_mean(attention_transfer(f, t.detach()), labels)
            for f, t in zip(features, refined, strict=True)
        ]
        terms = {
            "labels": cross_entropy(z, labels).mean(),
            "teacher_labels": cross_entropy(z_teacher, labels).mean(),
            "distillation": self.distillation_weight * taught,
            "hint": self.hint_weight * torch.stack(hinted).sum(),
        }
        return Output(terms, z)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network and of its self-teacher."""
        features, logits = self.backbone.stages(images)
        return Inspection({"network": logits, "self_teacher": self.self_teacher(features).logits})
