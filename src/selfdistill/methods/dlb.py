r"""Each batch's images come again beside the next batch, and learn from what was just said of them.

With :math:`x'` the images of the batch before, augmented anew, and :math:`z'` what the network said
of them there, one step of the optimizer ago:

.. math::
    \mathcal{L} = \tfrac12\,\mathrm{CE}(z(x), y) + \tfrac12\,\mathrm{CE}(z(x'), y')
    + \alpha\,T^2\,\mathrm{KL}(p_T(z') \,\|\, p_T(z(x')))

So every image is seen twice an epoch, and both halves of a step pass through the network on their
own, each with its batch statistics. The first batch of all sees itself again, and teaches nothing.

Reference:
    Shen et al., Self-Distillation from the Last Mini-Batch for Consistency Regularization
    (CVPR 2022), https://arxiv.org/abs/2203.16172, and the authors' code.

Deviations:
    A batch's size counts the new images: each step sees twice as many. What was said is kept in
    half precision. The authors' code has no defaults of T and α.
"""

from jaxtyping import Float
from torch import Tensor

from ..backbones import Backbone
from ..losses import at_least_single, cross_entropy, distillation, image_mean
from ..pairing import Partner
from . import ranges
from .base import Context, Images, Labels, Method, Output


class DLB(Method):
    """Self-distillation from the batch before.

    Args:
        backbone: The network to train.
        temperature: T, the softness of both predictions; above 0.
        distillation_weight: α, the weight of what was said in the batch before.

    Examples:
        >>> context = Context(indices, epoch, progress, memory[earlier], labels_of_earlier)
        >>> output = DLB(backbone)(torch.stack((images, earlier_images)), labels, context=context)
    """

    partner = Partner.BATCH_BEFORE
    needs_context = True
    remembers = True

    def __init__(
        self, backbone: Backbone, *, temperature: float = 3.0, distillation_weight: float = 1.0
    ) -> None:
        super().__init__(backbone)
        ranges.positive("temperature", temperature)
        ranges.not_negative("distillation_weight", distillation_weight)
        self.temperature = temperature
        self.distillation_weight = distillation_weight

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Images, labels: Labels, *, context: Context
    ) -> Output:
        """See the module's equation."""
        if context.partner_labels is None:
            raise ValueError(
                "DLB learns from two batches: pass the other's partner_labels in Context"
            )
        x, again = images
        z, z_again, said = self.backbone(x), self.backbone(again), context.remembered()
        was_seen = said.ne(0).any(1)
        taught = was_seen * distillation(z_again, said, self.temperature)
        terms = {
            "labels": cross_entropy(z, labels).mean() / 2,
            "labels_again": cross_entropy(z_again, context.partner_labels).mean() / 2,
            "distillation": self.distillation_weight * image_mean(taught, context.partner_labels),
        }
        return Output(terms, z)

    def remember(
        self, memory: Float[Tensor, "batch classes"], logits: Float[Tensor, "batch classes"]
    ) -> Float[Tensor, "batch classes"]:
        """Logarithms of the probabilities, which no temperature rounds to zero."""
        del memory
        return at_least_single(logits).log_softmax(1)
