r"""A virtual teacher reads the maps of all exits, teaches them, and learns from their mean.

With :math:`G_l` the map and :math:`z_l` the logits at stage :math:`l` (:math:`G_L = F_L` the
network's own), :math:`z_f` the virtual teacher's logits, from a 1×1 convolution over all
:math:`G_l` side by side, and :math:`a_l = A^{L+1-l}`, :math:`A > 1`, so that the labels weigh more
the deeper an exit stands, and the teacher the shallower:

.. math::
    \mathcal{L} = \mathrm{CE}(z_f, y)
    + T^2\,\mathrm{KL}\Big(\mathrm{sg}\,p_T\big(\tfrac1L \textstyle\sum_l z_l\big)
    \,\Big\|\, p_T(z_f)\Big)
    + \sum_{l \le L} \left[ (2 - a_l)\,\mathrm{CE}(z_l, y)
    + a_l\,T^2\,\mathrm{KL}(\mathrm{sg}\,p_T(z_f) \,\|\, p_T(z_l)) \right]

The maps that the virtual teacher reads are not detached, so that its losses train the network.

Reference:
    Wang, Hao, Wu and Bai, Live on the Hump: Self Knowledge Distillation via Virtual
    Teacher-Students Mutual Learning (ACM MM 2024), https://openreview.net/forum?id=jdgbGUGCDw, and
    the authors' code (cloak-s/LOTH).

Deviations:
    The attention over channels within their virtual teacher is left out: its code is not among what
    is published. All parts have one weight decay, where theirs has 1e-5 for the virtual teacher.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..attachments import ExitKind, build_exits
from ..backbones import Backbone
from ..losses import at_least_single, cross_entropy, distillation, image_mean
from . import ranges
from .base import Images, Inspection, Labels, Method, Output

Maps = tuple[Float[Tensor, "batch _ _ _"], ...]


class LOTH(Method):
    """Self-distillation between all exits and a virtual teacher made of their maps.

    Args:
        backbone: The network to train; at least two stages.
        temperature: T, the softness of all predictions that teach or learn; above 0.
        growth: A, how much more of the virtual teacher each shallower exit gets; above 0, and such
            that :math:`A^L` is at most 2.
        exit: The exits' branch, ``bottleneck`` or ``chained``.

    Raises:
        ValueError: If the shallowest exit would unlearn its labels.

    Examples:
        >>> method = LOTH(backbone)
        >>> method(images, labels).loss.backward()
    """

    minimum_stages = 2

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 3.0,
        growth: float = 1.15,
        exit: ExitKind = "chained",
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.positive("growth", growth)
        stages, width = len(backbone.channels), backbone.channels[-1]
        if growth**stages > 2:
            raise ValueError(
                f"growth={growth} is too large for {stages} stages: at most {2 ** (1 / stages):.3f}"
            )
        self.temperature = temperature
        self.shares = tuple(growth ** (stages - stage) for stage in range(stages))
        self.exits = build_exits(backbone, exit)
        self.fusion = nn.Sequential(
            nn.Conv2d(stages * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.head = nn.Linear(width, backbone.num_classes)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        features, z_deepest = self.backbone.stages(images)
        z, z_fused = self._exits(features, z_deepest)
        mean = torch.stack([at_least_single(z_l) for z_l in z]).mean(0).detach()
        teacher = z_fused.detach()
        *exit_labels, labelled = [
            (2 - share) * cross_entropy(z_l, labels).mean()
            for share, z_l in zip(self.shares, z, strict=True)
        ]
        taught = [
            share * image_mean(distillation(z_l, teacher, self.temperature), labels)
            for share, z_l in zip(self.shares, z, strict=True)
        ]
        terms = {
            "labels": labelled,
            "exit_labels": torch.stack(exit_labels).sum(),
            "distillation": torch.stack(taught).sum(),
            "teacher_labels": cross_entropy(z_fused, labels).mean(),
            "teacher_distillation": image_mean(
                distillation(z_fused, mean, self.temperature), labels
            ),
        }
        return Output(terms, z_deepest)

    def inspect(self, images: Images) -> Inspection:
        """Logits of the network, each exit, and the virtual teacher."""
        features, z_deepest = self.backbone.stages(images)
        (*shallow, _), z_fused = self._exits(features, z_deepest)
        exits = {f"exit{number}": z_l for number, z_l in enumerate(shallow, 1)}
        return Inspection({"network": z_deepest, **exits, "fusion": z_fused})

    def _exits(
        self, features: Maps, z_deepest: Float[Tensor, "batch classes"]
    ) -> tuple[list[Float[Tensor, "batch classes"]], Float[Tensor, "batch classes"]]:
        """Logits of all exits, shallow to deep, the network's last; and the virtual teacher's."""
        g, z = zip(*self.exits(features), strict=True)
        fused = self.fusion(torch.cat((*g, features[-1]), 1))
        return [*z, z_deepest], self.head(fused.mean((2, 3)))
