r"""The network and every exit learn class and rotation together; the deepest teaches them all.

With :math:`x_j` the image turned by :math:`j` of :math:`J` equal turns, :math:`u^l_j` the joint
logits at stage :math:`l` for it, one for each pair of class and turn, and
:math:`\bar a_k = \tfrac1J \sum_j u^L_{j,(k,j)}`:

.. math::
    \mathcal{L} = \mathrm{CE}(z(x_0), y)
    + \frac{\kappa}{J} \sum_{l \le L} \sum_j \mathrm{CE}(u^l_j, (y, j))
    + \frac{\lambda\,T^2}{J} \sum_{l < L} \sum_j
    \mathrm{KL}(\mathrm{sg}\,p_T(u^L_j) \,\|\, p_T(u^l_j))
    + T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(\bar a) \,\|\, p_T(z(x_0)))

Without exits this is SLA-SD. At test the network sees each image once, as it is.

Reference:
    Yang et al., Hierarchical Self-supervised Augmented Knowledge Distillation (IJCAI 2021),
    https://arxiv.org/abs/2107.13715, for joint labels at every stage; Dahri et al., A Layered
    Self-Supervised Knowledge Distillation Framework (2025), https://arxiv.org/abs/2506.07055, for
    doing it without another network; Lee et al. (ICML 2020), https://arxiv.org/abs/1910.05872, for
    the aggregated teacher of the last term.

Deviations:
    From the first: there such a network teaches another one; here the deepest joint logits teach
    the shallow ones, and the network. The deepest joint head is linear, where theirs has a block of
    its own, and exits are BYOT's. From the second: its targets from the epoch before and its
    match of features are left out. The combination is ours.
"""

from typing import Literal

import torch
from torch import nn

from ..attachments import ExitKind, build_exits
from ..backbones import Backbone
from ..losses import at_least_single, cross_entropy, distillation, image_mean
from . import ranges
from .base import Images, Inspection, Labels, Method, Output
from .rotations import average_turns, joint_labels, refuse_oblong, rotate


class RotationExits(Method):
    """Self-distillation of joint predictions of class and rotation, at every stage.

    Args:
        backbone: The network to train; at least two stages.
        turns: J, 4 for quarter turns, 2 for half turns at half the cost.
        temperature: T, the softness of all predictions that teach or learn; above 0.
        joint_weight: κ, the weight of the joint labels at each stage.
        distillation_weight: λ, the weight of what the exits learn from the deepest joint logits.
        exit: The exits' branch, ``bottleneck`` or ``chained``.

    Raises:
        ValueError: If quarter turns are asked for of images that are not square.

    Examples:
        >>> method = RotationExits(backbone)
        >>> method(images, labels).loss.backward()
    """

    rotates_images = True
    minimum_stages = 2

    def __init__(
        self,
        backbone: Backbone,
        *,
        turns: Literal[4, 2] = 4,
        temperature: float = 3.0,
        joint_weight: float = 1.0,
        distillation_weight: float = 1.0,
        exit: ExitKind = "bottleneck",
    ) -> None:
        super().__init__(backbone)
        ranges.one_of("turns", turns, (4, 2))
        ranges.positive("temperature", temperature)
        ranges.not_negative("joint_weight", joint_weight)
        ranges.not_negative("distillation_weight", distillation_weight)
        if turns == 4:
            refuse_oblong(backbone)
        self.turns = turns
        self.temperature = temperature
        self.joint_weight = joint_weight
        self.distillation_weight = distillation_weight
        pairs = turns * backbone.num_classes
        self.joint_head = nn.Linear(backbone.channels[-1], pairs)
        self.exits = build_exits(backbone, exit, pairs)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, logits = self.backbone.stages(torch.cat(rotate(images, self.turns)))
        z, pairs = logits[: images.shape[0]], joint_labels(labels, self.turns)
        deepest = at_least_single(self.joint_head(features[-1].mean((2, 3))))
        shallow = [u for _, u in self.exits(features)]
        teacher = deepest.detach()
        joint = [cross_entropy(u, pairs).mean() for u in (*shallow, deepest)]
        taught = [image_mean(distillation(u, teacher, self.temperature), pairs) for u in shallow]
        aggregated = average_turns(teacher.chunk(self.turns))
        terms = {
            "labels": cross_entropy(z, labels).mean(),
            "joint_labels": self.joint_weight * torch.stack(joint).sum(),
            "exit_distillation": self.distillation_weight * torch.stack(taught).sum(),
            "distillation": image_mean(distillation(z, aggregated, self.temperature), labels),
        }
        return Output(terms, z)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network, and of each exit for images that were not turned."""
        features, logits = self.backbone.stages(images)
        exits = enumerate(self.exits(features), 1)
        classes = {f"exit{number}": u[:, :: self.turns] for number, (_, u) in exits}
        return Inspection({"network": logits, **classes})
