r"""Classes other than the label get probabilities by rank: a Zipf law of the network's own votes.

Small linear heads on the last stages say a class at each position of their maps; the classes'
votes rank them, :math:`r_k = 1 + \#\{j : v_j > v_k\}`. With :math:`\hat p` the network's
probabilities of the classes other than the label, :math:`k \ne y`, rescaled to sum to one:

.. math::
    \mathcal{L} = \mathrm{CE}(z, y) + \alpha \sum_l \mathrm{CE}(h_l, y)
    + \lambda\,\mathrm{KL}(\zeta \,\|\, \hat p), \qquad
    \zeta_k = \frac{1 / r_k}{\sum_{j \ne y} 1 / r_j}

where :math:`h_l` are a head's logits for its map's average over positions. Without heads the
network's logits rank the classes.

Reference:
    Liang et al., Efficient One Pass Self-distillation with Zipf's Label Smoothing (ECCV 2022),
    https://arxiv.org/abs/2207.12980

Deviations:
    From the authors' code: at the deepest stage the network's own classifier votes there, position
    by position; here a head like the others, as not every network has a classifier that reads
    positions. Maps are not enlarged before they vote. Of a label that is a mixture, the class of
    the larger share counts as the label.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..backbones import Backbone
from ..losses import at_least_single, cross_entropy, image_mean
from . import ranges
from .base import Images, Labels, Method, Output

STAGES = 3
"""The last stages, whose maps vote."""


class ZipfLS(Method):
    """Label smoothing by the rank that each image gives the other classes.

    Args:
        backbone: The network to train.
        distillation_weight: λ, the weight of the ranked targets; the authors take 1 on Tiny
            ImageNet.
        head_weight: α, the weight of the heads' labels; the authors take 0.5 on Tiny ImageNet.
        dense: Rank by the votes of positions; else by the network's logits, without heads.

    Examples:
        >>> method = ZipfLS(backbone)
        >>> method(images, labels).loss.backward()
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        distillation_weight: float = 0.1,
        head_weight: float = 0.1,
        dense: bool = True,
    ) -> None:
        super().__init__(backbone)
        ranges.not_negative("distillation_weight", distillation_weight)
        ranges.not_negative("head_weight", head_weight)
        self.distillation_weight = distillation_weight
        self.head_weight = head_weight
        voting = backbone.channels[-STAGES:] if dense else ()
        self.heads = nn.ModuleList(nn.Linear(width, backbone.num_classes) for width in voting)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, z = self.backbone.stages(images)
        terms, votes = {"labels": cross_entropy(z, labels).mean()}, at_least_single(z.detach())
        if self.heads:
            voting = list(zip(self.heads, features[-len(self.heads) :], strict=True))
            heads = [cross_entropy(h(f.mean((2, 3))), labels).mean() for h, f in voting]
            terms["head_labels"] = self.head_weight * torch.stack(heads).sum()
            said = torch.cat([h(f.detach().flatten(2).mT).argmax(2) for h, f in voting], 1)
            votes = torch.zeros_like(votes).scatter_add(1, said, votes.new_ones(said.shape))
        chosen = labels if labels.ndim == 1 else labels.argmax(1)
        is_label = chosen[:, None] == torch.arange(z.shape[1], device=z.device)
        ranked = image_mean(_divergence(z, votes, is_label), labels)
        terms["distillation"] = self.distillation_weight * ranked
        return Output(terms, z)


def _divergence(
    z: Float[Tensor, "batch classes"],
    votes: Float[Tensor, "batch classes"],
    is_label: Bool[Tensor, "batch classes"],
) -> Float[Tensor, " batch"]:
    """Divergence of the classes other than the label from the Zipf law of their ranks."""
    ascending = (-votes).sort(1).values
    ranks = 1 + torch.searchsorted(ascending, -votes)  # equal votes share their best rank
    zipf = F.normalize((1 / ranks.to(votes.dtype)).masked_fill(is_label, 0), p=1, dim=1)
    log_p = at_least_single(z).masked_fill(is_label, -torch.inf).log_softmax(1)
    return -(zipf * log_p.masked_fill(is_label, 0)).sum(1) - torch.special.entr(zipf).sum(1)
