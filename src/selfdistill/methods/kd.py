r"""A trained teacher's softened predictions train the network beside the labels.

.. math::
    \mathcal{L} = \mathrm{CE}(z_S, y) + \lambda\,T^2\,\mathrm{KL}(p_T(z_T) \,\|\, p_T(z_S))

:math:`z_S` are the network's logits, :math:`z_T` the teacher's. The teacher never changes.

Reference:
    Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network (2015),
    https://arxiv.org/abs/1503.02531

Deviations:
    From the paper: the labels keep their full weight. A teacher that was trained on images
    standardised otherwise, of another size, or with its classes in another order is shown what it
    knows: images are standardised and scaled again for it, its logits put in the images' order.
    From the thesis, which writes the student
    first: the order of PyTorch's ``kl_div(input, target)``, hence the teacher first here.
"""

from pathlib import Path

from ..attachments import Conversion, Frozen
from ..backbones import Backbone, load_backbone, model_folder, read_description
from ..losses import cross_entropy, distillation, image_mean
from ..preprocessing import Preprocessing
from . import ranges
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
        ValueError: If the teacher tells apart another number of classes than the network or sees
            images of other channels, or the path holds none.

    Examples:
        >>> method = KD(backbone, teacher=Path("runs/cross_entropy"))
        >>> method(images, labels).loss.backward()
    """

    weight_arguments = ("teacher",)

    def __init__(
        self,
        backbone: Backbone,
        *,
        teacher: Backbone | Path,
        temperature: float = 4.0,
        distillation_weight: float = 1.0,
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("distillation_weight", distillation_weight)
        if isinstance(teacher, Path):
            description = read_description(model_folder(teacher))
            trained, expected = load_backbone(teacher), description.preprocessing
            self.origin, self.classes = teacher, description.classes
        else:
            trained, expected = teacher, None
            self.origin, self.classes = None, ()
        if trained.num_classes != backbone.num_classes:
            raise ValueError(
                f"the teacher tells apart {trained.num_classes} classes, the network to train "
                f"{backbone.num_classes}: choose a teacher trained on the same classes"
            )
        (channels, *size), (teacher_channels, *teacher_size) = (
            backbone.input_size,
            trained.input_size,
        )
        if channels != teacher_channels:
            raise ValueError(
                f"the teacher sees images of {teacher_channels} channels, the network to train of "
                f"{channels}: choose a teacher trained on such images"
            )
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.teacher = Frozen(trained, expected)
        self.size = None if size == teacher_size else (teacher_size[0], teacher_size[1])
        if self.size is not None:
            self.teacher.convert(Conversion(size=self.size))

    def adapt(self, classes: tuple[str, ...], preprocessing: Preprocessing) -> str:
        """Show the teacher images as it was trained to see them, and read its classes by name.

        Raises:
            ValueError: If it was trained on other classes.
        """
        expected = self.teacher.preprocessing
        if self.origin is None or expected is None:
            return (
                "the teacher's class names and image statistics are not known: it must have been "
                "trained on these classes in this order, and on images standardised alike"
            )
        order = _order(self.classes, classes, self.origin)
        changes: list[str] = []
        if preprocessing.statistics != expected.statistics:
            changes.append("images are standardised as for its training")
        if self.size is not None:
            changes.append(f"images are scaled to its {self.size[0]} × {self.size[1]} pixels")
        if order is not None:
            changes.append("its classes are put into the order of these images'")
        if preprocessing.fit != expected.fit:
            changes.append(
                f"it sees pictures that are brought to their size by {preprocessing.fit}, and was "
                f"trained by {expected.fit}"
            )
        if not changes:
            return ""
        self.teacher.convert(
            Conversion(source=preprocessing, target=expected, size=self.size, order=order)
        )
        return f"teacher {self.origin}: {'; '.join(changes)}"

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        z_student, z_teacher = self.backbone(images), self.teacher(images)
        taught = image_mean(distillation(z_student, z_teacher, self.temperature), labels)
        terms = {
            "labels": cross_entropy(z_student, labels).mean(),
            "distillation": self.distillation_weight * taught,
        }
        return Output(terms, z_student)


def _order(known: tuple[str, ...], classes: tuple[str, ...], origin: Path) -> list[int] | None:
    """The teacher's column of each class; None where they agree."""
    if known == classes:
        return None
    strange = [repr(name) for name in classes if name not in known]
    if strange or len(set(classes)) < len(classes):
        unused = [repr(name) for name in known if name not in classes]
        raise ValueError(
            f"the teacher {origin} was trained on other classes: it does not know "
            f"{', '.join(strange[:5])}, but {', '.join(unused[:5])}: choose a teacher trained on "
            "the classes of these images"
        )
    return [known.index(name) for name in classes]
