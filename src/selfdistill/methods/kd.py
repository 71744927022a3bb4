r"""A trained teacher's softened predictions train the network beside the labels.

.. math::
    \mathcal{L} = \mathrm{CE}(z_S, y) + \lambda\,T^2\,\mathrm{KL}(p_T(z_T) \,\|\, p_T(z_S))

:math:`z_S` are the network's logits, :math:`z_T` the teacher's. The teacher never changes.

Reference:
    Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network (2015),
    https://arxiv.org/abs/1503.02531

Deviations:
    From the paper: the labels keep their full weight. From the thesis, which writes the student
    first: the order of PyTorch's ``kl_div(input, target)``, hence the teacher first here.
"""

from pathlib import Path

from ..attachments import Frozen
from ..backbones import Backbone, load_backbone
from ..losses import cross_entropy, distillation
from . import checks
from .base import Images, Labels, Method, Output


class KD(Method):
    """Knowledge distillation from a trained network.

    Args:
        backbone: The network to train.
        teacher: The trained network, which is copied: a run directory, a model folder, or a
            backbone. It is no part of the method's parameters or state.
        temperature: T, the softness of both predictions; above 0.
        distillation_weight: λ, the weight of the teacher's predictions.

    Raises:
        ValueError: If the teacher tells apart another number of classes than the network, or the
            path holds none.

    Example:
        >>> method = KD(backbone, teacher=Path("runs/cross_entropy"))
        >>> method(images, labels).loss.backward()
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        teacher: Backbone | Path,
        temperature: float = 4.0,
        distillation_weight: float = 1.0,
    ) -> None:
        super().__init__(backbone)
        checks.positive("temperature", temperature)
        checks.not_negative("distillation_weight", distillation_weight)
        trained = load_backbone(teacher) if isinstance(teacher, Path) else teacher
        if trained.num_classes != backbone.num_classes:
            raise ValueError(
                f"the teacher tells apart {trained.num_classes} classes, the network to train "
                f"{backbone.num_classes}: choose a teacher trained on the same classes"
            )
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.teacher = Frozen(trained)

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        z_student, z_teacher = self.backbone(images), self.teacher(images)
        taught = distillation(z_student, z_teacher, self.temperature).mean()
        terms = {
            "labels": cross_entropy(z_student, labels).mean(),
            "distillation": self.distillation_weight * taught,
        }
        return Output(terms, z_student)
