"""A form of SKDSAM on trial: a pyramid over the stages teaches the network and its exits.

Its options are the questions of this folder. The pyramid reads every stage's map, each shallow one
times its share of attention, S α_l (the deepest stage asks, the shallow ones answer), so that the
attention learns from the pyramid's labels. Teacher of network and exits is the pyramid, or the mean
of all predictions, exits by their shares. Labels may give way to what the network said of the image
an epoch before, as in PS-KD.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from selfdistill.attachments import BiFPN, FixedAttention, StageAttention, build_exits
from selfdistill.backbones import Backbone
from selfdistill.losses import cross_entropy, distillation
from selfdistill.methods import Context, Inspection, Method, Output

Logits = Float[Tensor, "batch classes"]


class Guided(Method):
    """Self-distillation from a pyramid that attention feeds.

    Args:
        backbone: The network to train; at least three stages.
        pyramid: Whether there is a pyramid; else the teacher is the mean of all predictions.
        width: Channels of the pyramid's maps over the network's.
        refinement: The pyramid's convolutions.
        gates: Shares by which the pyramid reads the shallow stages; ``uniform`` leaves maps alone.
        exits: The exits' branch.
        teacher: The pyramid, or the mean of all predictions.
        temperature: T, the softness of predictions.
        distillation_weight: α, the weight of what the network learns from the teacher.
        exit_weight: β, the weight of what the exits learn.
        label_share: The share of an exit's loss that the labels get.
        final_share: The share of the earlier prediction in the labels at the end of training.
    """

    minimum_stages = 3
    needs_context = True
    remembers = True

    def __init__(
        self,
        backbone: Backbone,
        *,
        pyramid: bool = True,
        width: int = 2,
        refinement: Literal["separable", "plain"] = "separable",
        gates: Literal["learned", "uniform", "random"] = "uniform",
        exits: Literal["none", "bottleneck", "chained"] = "none",
        teacher: Literal["pyramid", "fused"] = "pyramid",
        temperature: float = 4.0,
        distillation_weight: float = 2.0,
        exit_weight: float = 1.0,
        label_share: float = 0.5,
        final_share: float = 0.0,
    ) -> None:
        super().__init__(backbone)
        self.pyramid = BiFPN(backbone, width=width, refinement=refinement) if pyramid else None
        self.attention = (
            StageAttention(backbone, dim=64, zero_start=True)
            if gates == "learned"
            else FixedAttention(gates, len(backbone.channels) - 1)
        )
        self.exits = nn.ModuleList() if exits == "none" else build_exits(backbone, exits)
        self.teacher = teacher if pyramid else "fused"
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.exit_weight = exit_weight
        self.label_share = label_share
        self.final_share = final_share

    def forward(self, images: Tensor, labels: Tensor, *, context: Context) -> Output:
        """Labels and the teacher for the network and each exit, labels for the teacher."""
        z, z_exits, z_pyramid, alpha = self._predict(images)
        z_fused = self._fuse(z, z_exits, z_pyramid, alpha)
        teacher = (z_pyramid if self.teacher == "pyramid" else z_fused).detach()
        targets = self._soften(labels, z, context)
        terms = {
            "labels": cross_entropy(z, targets).mean(),
            "distillation": self.distillation_weight
            * distillation(z, teacher, self.temperature).mean(),
        }
        if z_pyramid is not None:
            terms["teacher_labels"] = cross_entropy(z_pyramid, labels).mean()
        if z_exits:
            labelled = [cross_entropy(z_l, targets).mean() for z_l in z_exits]
            taught = [distillation(z_l, teacher, self.temperature).mean() for z_l in z_exits]
            weight = self.exit_weight
            terms["exit_labels"] = weight * self.label_share * sum(labelled)
            terms["exit_distillation"] = weight * (1 - self.label_share) * sum(taught)
        if z_exits and self.teacher == "fused":
            terms["fusion"] = cross_entropy(z_fused, labels).mean()
        return Output(terms, z)

    def inspect(self, images: Tensor) -> Inspection:
        """Logits of network, exits and pyramid; each stage's share."""
        z, z_exits, z_pyramid, alpha = self._predict(images)
        exits = {f"exit{number}": z_l for number, z_l in enumerate(z_exits, 1)}
        teacher = {} if z_pyramid is None else {"self_teacher": z_pyramid}
        return Inspection({"network": z, **exits, **teacher}, alpha)

    def _predict(self, images: Tensor) -> tuple[Logits, list[Logits], Logits | None, Tensor]:
        features, z = self.backbone.stages(images)
        *shallow, deepest = features
        alpha = self.attention((*shallow, deepest.detach()), temperature=1.0)
        weights = (len(shallow) * alpha)[:, :, None, None, None].unbind(1)
        read = (*(w * f.relu() for w, f in zip(weights, shallow, strict=True)), deepest)
        z_pyramid = None if self.pyramid is None else self.pyramid(read).logits
        z_exits = [z_l for _, z_l in self.exits(features)] if len(self.exits) else []
        return z, z_exits, z_pyramid, alpha

    def _fuse(
        self, z: Logits, z_exits: list[Logits], z_pyramid: Logits | None, alpha: Tensor
    ) -> Logits:
        """Mean of the network, the exits by their shares, and the pyramid; trains the shares."""
        parts = [z.detach()]
        if z_exits:
            parts.append((alpha.unsqueeze(2) * torch.stack(z_exits, 1).detach()).sum(1))
        if z_pyramid is not None:
            parts.append(z_pyramid.detach())
        return torch.stack(parts).mean(0)

    def _soften(self, labels: Tensor, z: Logits, context: Context) -> Logits:
        earlier = context.remembered()
        share = self.final_share * context.progress * earlier.sum(1, keepdim=True)
        hard = nn.functional.one_hot(labels, z.shape[1]).to(earlier.dtype)
        return (1 - share) * hard + self.final_share * context.progress * earlier
