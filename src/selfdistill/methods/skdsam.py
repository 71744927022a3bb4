r"""The deepest stage teaches the shallow ones; attention gives each its share, image by image.

With :math:`q` from the deepest stage and :math:`k_l` from the shallow ones
(:mod:`selfdistill.attachments.stage_attention`), :math:`\alpha_b = \mathrm{softmax}_l(\langle q_b,
k_{bl}\rangle / \tau\sqrt D)` and :math:`w = S\alpha` over the :math:`S = L-1` shallow stages:

.. math::
    \mathcal{L} = \mathrm{CE}(z_L, y)
    + \beta \sum_l \mathbb{E}_b \left[ \gamma\,\mathrm{CE}(z_l, y)
    + \mathrm{sg}(w_l) \left( (1-\gamma)\,T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(z_L) \,\|\, p_T(z_l))
    + \eta\,\tfrac12 \lVert n(G_l) - n(\mathrm{sg}\,F_L) \rVert^2 \right) \right]
    + \mathcal{L}_f

and, with the fused prediction :math:`z_f = \tfrac12 z_L + \tfrac12 \sum_l \alpha_l z_l`,

.. math:: \mathcal{L}_f = \mathrm{CE}(z_f, y)
    + \rho\,T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(z_f) \,\|\, p_T(z_L)).

``fusion="full"`` trains everything through :math:`z_f`; ``"target"`` puts :math:`\mathrm{sg}` on
:math:`z_L` and :math:`z_l` inside it, so that its cross-entropy trains the attention alone;
``"off"`` keeps only that cross-entropy. Where nothing is left to train there is no term.

The labels of every exit keep their full weight and :math:`w` is detached: an exit whose
cross-entropy were weighed would starve, and a :math:`w` that learned from what it weighs would
collapse on the smallest loss.

``attention`` names controls, each of which takes one thing away: ``"batch_mean"`` the image (the
batch's mean share for all of its images, a running mean in evaluation), ``"last"`` (all for the
last shallow stage) and ``"random"`` (Dirichlet(1), each image and step; in evaluation their mean)
the learning, ``"uniform"`` the weighing, ``"inverse"`` the sense
(:math:`w_l = S\,\alpha_l^{-1} / \sum_m \alpha_m^{-1}`, while :math:`z_f` keeps
:math:`\alpha`).

Reference:
    Gao, master's thesis, Huazhong University of Science and Technology, 2022: the idea.

Deviations:
    From the thesis: its formulas are not published; the loss above is our reading of its idea. From
    the author's later code: see :mod:`selfdistill.methods.skdsam_released`, which computes that.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from ..attachments import (
    FIXED_KINDS,
    AttentionKind,
    BatchMeanAttention,
    ExitKind,
    FixedAttention,
    StageAttention,
    build_exits,
    fuse,
    stage_weights,
)
from ..backbones import Backbone
from ..losses import cross_entropy, distillation, image_mean, normalised_distance
from . import ranges
from .base import Images, Inspection, Labels, Method, Output

Maps = tuple[Float[Tensor, "batch _ _ _"], ...]


class SKDSAM(Method):
    """Self-distillation weighed by self-attention between the stages.

    Args:
        backbone: The network to train; at least three stages.
        temperature: T, the softness of a teacher's predictions; above 0.
        exit_weight: β, the weight of what the exits learn.
        label_share: γ, the share of an exit's loss that the labels get, in ``[0, 1]``; the
            deepest stage's predictions get the rest.
        hint_weight: η, the weight of the match between an exit's map and the deepest one.
        fusion: What the fused prediction trains: ``full``, ``target`` or ``off``.
        fusion_distillation_weight: ρ, the weight of the fused prediction as the network's teacher.
        attention: How the stages get their shares: ``learned``, image by image, or one of the
            controls ``batch_mean``, ``uniform``, ``last``, ``random``, ``inverse``.
        attention_temperature: τ, the softness of the shares; above 0.
        attention_dim: d, channels of queries and keys; at least 1.
        pooled_attention: Compare globally pooled stages: cheaper on small networks.
        zero_start: Start from equal shares.
        detach_keys: Keep the attention's gradient out of the shallow stages.
        exit: The exits' branch, ``bottleneck`` or ``chained``.

    Examples:
        >>> method = SKDSAM(backbone, temperature=3.0)
        >>> method(images, labels).loss.backward()
    """

    minimum_stages = 3

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 3.0,
        exit_weight: float = 1.0,
        label_share: float = 0.5,
        hint_weight: float = 0.1,
        fusion: Literal["full", "target", "off"] = "full",
        fusion_distillation_weight: float = 1.0,
        attention: AttentionKind = "learned",
        attention_temperature: float = 1.0,
        attention_dim: int = 128,
        pooled_attention: bool = False,
        zero_start: bool = True,
        detach_keys: bool = False,
        exit: ExitKind = "bottleneck",
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.positive("attention_temperature", attention_temperature)
        ranges.positive("attention_dim", attention_dim)
        ranges.share("label_share", label_share)
        ranges.not_negative("exit_weight", exit_weight)
        ranges.not_negative("hint_weight", hint_weight)
        ranges.not_negative("fusion_distillation_weight", fusion_distillation_weight)
        ranges.one_of("fusion", fusion, ("full", "target", "off"))
        ranges.one_of("attention", attention, get_args(AttentionKind))
        self.temperature = temperature
        self.exit_weight = exit_weight
        self.label_share = label_share
        self.hint_weight = hint_weight
        self.fusion = fusion
        self.fusion_distillation_weight = fusion_distillation_weight
        self.attention_temperature = attention_temperature
        self.detach_keys = detach_keys
        self.attention_kind = attention
        self.exits = build_exits(backbone, exit)
        self.attention = (
            FixedAttention(attention, len(self.exits))
            if attention in FIXED_KINDS
            else StageAttention(
                backbone, dim=attention_dim, pooled=pooled_attention, zero_start=zero_start
            )
        )
        self.batch_mean = BatchMeanAttention(len(self.exits)) if attention == "batch_mean" else None

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, z_deepest = self.backbone.stages(images)
        g, z = zip(*self.exits(features), strict=True)
        alpha = self._attend(features)
        w = stage_weights(self.attention_kind, alpha.detach())
        teacher, z_teacher = features[-1].detach(), z_deepest.detach()
        labelled = torch.stack([cross_entropy(z_l, labels) for z_l in z], 1)
        distilled = torch.stack([distillation(z_l, z_teacher, self.temperature) for z_l in z], 1)
        hinted = torch.stack([normalised_distance(g_l, teacher) for g_l in g], 1)
        beta, gamma = self.exit_weight, self.label_share
        terms = {
            "labels": cross_entropy(z_deepest, labels).mean(),
            "exit_labels": beta * gamma * labelled.mean(0).sum(),
            "distillation": beta * (1 - gamma) * image_mean(w * distilled, labels).sum(),
            "hint": beta * self.hint_weight * image_mean(w * hinted, labels).sum(),
        }
        return Output(terms | self._fusion_terms(z_deepest, z, alpha, labels), z_deepest)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network, each exit and the fused prediction; each stage's share."""
        features, z_deepest = self.backbone.stages(images)
        _, z = zip(*self.exits(features), strict=True)
        alpha = self._attend(features)
        exits = {f"exit{number}": z_l for number, z_l in enumerate(z, 1)}
        fused = fuse(z_deepest, z, alpha)
        return Inspection({"network": z_deepest, **exits, "fusion": fused}, alpha)

    def _attend(self, features: Maps) -> Float[Tensor, "batch stages"]:
        *keys, query = features
        if self.detach_keys:
            keys = [key.detach() for key in keys]
        alpha = self.attention((*keys, query.detach()), temperature=self.attention_temperature)
        return alpha if self.batch_mean is None else self.batch_mean(alpha)

    def _fusion_terms(
        self,
        z_deepest: Float[Tensor, "batch classes"],
        z: Sequence[Tensor],
        alpha: Float[Tensor, "batch stages"],
        labels: Labels,
    ) -> dict[str, Float[Tensor, ""]]:
        if self.fusion == "full":
            z_fused = fuse(z_deepest, z, alpha)
        else:
            z_fused = fuse(z_deepest.detach(), [z_l.detach() for z_l in z], alpha)
        terms: dict[str, Float[Tensor, ""]] = {}
        if self.fusion == "full" or self.attention_kind not in FIXED_KINDS:
            terms["fusion"] = cross_entropy(z_fused, labels).mean()
        if self.fusion != "off":
            taught = image_mean(distillation(z_deepest, z_fused.detach(), self.temperature), labels)
            terms["fusion_distillation"] = self.fusion_distillation_weight * taught
        return terms
