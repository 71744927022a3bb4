r"""An image's label gives way, step by step, to what the network said of the image an epoch before.

With :math:`p'` the network's probabilities for the image when it was last trained on, under another
augmentation, and :math:`t \in [0, 1]` the share of training that is done:

.. math::
    \mathcal{L} = (1 - \alpha_t)\,\mathrm{CE}(z, y) + \alpha_t\,\mathrm{CE}(z, p'), \qquad
    \alpha_t = \alpha\,t

which is the cross-entropy with the target :math:`(1 - \alpha_t)\,y + \alpha_t\,p'`. An image that
was not seen yet has its label alone.

Reference:
    Kim, Ji, Yoon and Hwang, Self-Knowledge Distillation with Progressive Refinement of Targets
    (ICCV 2021), https://arxiv.org/abs/2006.12000

Deviations:
    The share grows at every step, theirs at every epoch: it is half an epoch behind on the average.
    Probabilities are kept in half precision. Their variant with CutMix, which mixes two images'
    targets, is left out: mixing is refused.
"""

from ..backbones import Backbone
from ..losses import cross_entropy, image_mean
from . import ranges
from .base import Context, Images, Labels, Method, Output


class PSKD(Method):
    """Self-distillation from the same image's prediction an epoch before.

    Args:
        backbone: The network to train.
        final_share: α, the share of the earlier prediction in the target at the end of training, in
            ``[0, 1]``.

    Examples:
        >>> context = Context(indices, epoch, progress, memory[indices])
        >>> output = PSKD(backbone)(images, labels, context=context)
    """

    needs_context = True
    remembers = True

    def __init__(self, backbone: Backbone, *, final_share: float = 0.8) -> None:
        super().__init__(backbone)
        ranges.share("final_share", final_share)
        self.final_share = final_share

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Images, labels: Labels, *, context: Context
    ) -> Output:
        """See the module's equation."""
        z, earlier = self.backbone(images), context.remembered()
        share = self.final_share * context.progress
        label_share = 1 - share * earlier.sum(1)  # rows of unseen images are zero
        terms = {
            "labels": (label_share * cross_entropy(z, labels)).mean(),
            "distillation": image_mean(share * cross_entropy(z, earlier), labels),
        }
        return Output(terms, z)
