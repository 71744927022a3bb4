r"""Cross-entropy with the labels: the control that every other method is measured against.

.. math:: \mathcal{L} = \mathrm{CE}(z_L, y)

Reference:
    Szegedy et al., Rethinking the Inception Architecture (CVPR 2016), section 7, for label
    smoothing. https://arxiv.org/abs/1512.00567

Deviations:
    None.
"""

from ..backbones import Backbone
from ..losses import cross_entropy
from . import ranges
from .base import Images, Labels, Method, Output


class CrossEntropy(Method):
    """Ordinary training.

    Args:
        backbone: The network to train.
        label_smoothing: Share of each label spread evenly over all classes, in ``[0, 1]``.

    Examples:
        >>> method = CrossEntropy(backbone)
        >>> method(images, labels).loss.backward()
    """

    def __init__(self, backbone: Backbone, *, label_smoothing: float = 0.0) -> None:
        super().__init__(backbone)
        ranges.share("label_smoothing", label_smoothing)
        self.label_smoothing = label_smoothing

    def forward(self, images: Images, labels: Labels) -> Output:
        """See the module's equation."""
        logits = self.backbone(images)
        loss = cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        return Output({"labels": loss.mean()}, logits)
