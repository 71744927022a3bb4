r"""Images whose label is doubtful, by what a network says of images that it was not trained on.

With the probabilities :math:`p_{ij}` of image :math:`i` and the labels :math:`y_i`, each class
:math:`j` has a threshold, how sure the network is of its own images on average:

.. math:: t_j = \frac{1}{|\{i : y_i = j\}|} \sum_{i : y_i = j} p_{ij}

An image is suspect if, of the classes with :math:`p_{ij} \ge t_j`, the most probable one is not its
label, and neither is the most probable of all. Where a class is hard, its threshold is low, so that
a network that is unsure of it does not make suspects of its images.

Reference:
    Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels (JAIR
    2021), https://arxiv.org/abs/1911.00068, the off-diagonal of the confident joint; as cleanlab
    2.9 has it (``filter_by="confident_learning"``, by normalized margin).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def suspect_labels(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> Int[Tensor, " suspects"]:
    """Positions of the suspect images, those first that the network is surest of against the label.

    A suspect is a reason to look, not a wrong label: an image that is hard to see is one, too.

    Args:
        logits: Predictions of images that did not train the network.
        labels: The class that each image is filed under.
    """
    probabilities, labels = logits.detach().cpu().double().softmax(1), labels.cpu().long()
    of_class = F.one_hot(labels, logits.shape[1]).double()
    # a class without images has a threshold that nothing reaches
    thresholds = (probabilities * of_class).sum(0) / of_class.sum(0).clamp_min(1)
    thresholds = thresholds.where(of_class.sum(0) > 0, torch.inf)
    confident = probabilities.where(probabilities >= thresholds, -torch.inf)
    suspect = confident.isfinite().any(1) & (confident.argmax(1) != labels)
    suspect &= probabilities.argmax(1) != labels
    own = probabilities.gather(1, labels[:, None])[:, 0]
    margin = own - probabilities.masked_fill(of_class.bool(), -torch.inf).amax(1)
    return margin.where(suspect, torch.inf).argsort(stable=True)[: int(suspect.sum())]
