r"""Be Your Own Teacher: the deepest classifier teaches a classifier at every shallow stage.

.. math::
    \mathcal{L} = \mathrm{CE}(z_L, y)
    + \sum_{l<L} \left[ (1-\alpha)\,\mathrm{CE}(z_l, y)
    + \alpha\,T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(z_L) \,\|\, p_T(z_l)) \right]
    + \lambda \sum_{l<L} \mathbb{E}_b \frac{1}{C_L H_L W_L} \lVert G_l - \mathrm{sg}\,F_L \rVert^2

Every shallow exit weighs the same: the shortcoming that SKDSAM answers.

Reference:
    Zhang et al., Be Your Own Teacher (ICCV 2019), https://arxiv.org/abs/1905.08094; Zhang, Bao and
    Ma, Self-Distillation: Towards Efficient and Compact Neural Networks (TPAMI 2021).

Deviations:
    From the paper: the hint is a mean over elements, so that its weight does not depend on the
    map's size. From the authors' code: the distillation carries T², the hint compares maps where
    theirs takes the whole batch's norm of pooled features.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ..attachments import ExitKind, build_exits
from ..backbones import Backbone
from ..losses import cross_entropy, distillation, image_mean, mean_squared_difference
from . import ranges
from .base import Images, Inspection, Labels, Method, Output


class BYOT(Method):
    """Self-distillation from the deepest exit to the shallow ones.

    Args:
        backbone: The network to train; at least two stages.
        temperature: T, the softness of the deepest exit's predictions; above 0.
        label_share: 1 - α, the share of an exit's loss that the labels get, in ``[0, 1]``; the
            deepest exit's predictions get the rest.
        hint_weight: λ, the weight of the match between an exit's map and the deepest one.
        exit: The exits' branch, ``bottleneck`` or ``chained``.

    Examples:
        >>> method = BYOT(backbone, temperature=3.0)
        >>> method(images, labels).loss.backward()
    """

    minimum_stages = 2

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 3.0,
        label_share: float = 0.7,
        hint_weight: float = 0.03,
        exit: ExitKind = "bottleneck",
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.share("label_share", label_share)
        ranges.not_negative("hint_weight", hint_weight)
        self.temperature = temperature
        self.label_share = label_share
        self.hint_weight = hint_weight
        self.exits = build_exits(backbone, exit)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, z_deepest = self.backbone.stages(images)
        z_teacher, teacher = z_deepest.detach(), features[-1].detach()
        labelled: list[Float[Tensor, ""]] = []
        distilled: list[Float[Tensor, ""]] = []
        hinted: list[Float[Tensor, ""]] = []
        for g, z in self.exits(features):
            labelled.append(cross_entropy(z, labels).mean())
            distilled.append(image_mean(distillation(z, z_teacher, self.temperature), labels))
            hinted.append(image_mean(mean_squared_difference(g, teacher), labels))
        terms = {
            "labels": cross_entropy(z_deepest, labels).mean(),
            "exit_labels": self.label_share * torch.stack(labelled).sum(),
            "distillation": (1 - self.label_share) * torch.stack(distilled).sum(),
            "hint": self.hint_weight * torch.stack(hinted).sum(),
        }
        return Output(terms, z_deepest)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network and of each exit, shallow to deep."""
        features, logits = self.backbone.stages(images)
        exits = {f"exit{number}": z for number, (_, z) in enumerate(self.exits(features), 1)}
        return Inspection({"network": logits, **exits})
