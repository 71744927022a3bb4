"""A method of one's own, in one file: train it with ``--method own_method.ConfidencePenalty``.

.. math:: L = CE(z, y) - w H(p(z))

where H is the entropy of the predictions (Pereyra et al. 2017, https://arxiv.org/abs/1701.06548).
"""

import selfdistill as sd
from selfdistill.losses import at_least_single, cross_entropy
from selfdistill.methods import Output


class ConfidencePenalty(sd.Method):
    """Cross-entropy that rewards uncertain predictions.

    Args:
        backbone: The network to train.
        entropy_weight: w, the weight of the predictions' entropy.
    """

    def __init__(self, backbone: sd.Backbone, *, entropy_weight: float = 0.1) -> None:
        super().__init__(backbone)
        self.entropy_weight = entropy_weight

    def forward(self, images, labels) -> Output:
        logits = self.backbone(images)
        log_p = at_least_single(logits).log_softmax(1)
        entropy = -(log_p.exp() * log_p).sum(1)
        terms = {
            "labels": cross_entropy(logits, labels).mean(),
            "entropy": -self.entropy_weight * entropy.mean(),
        }
        return Output(terms, logits)


if __name__ == "__main__":
    sd.testing.check_method(ConfidencePenalty)
    print("ConfidencePenalty keeps the contract")
