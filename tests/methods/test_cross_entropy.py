import by_hand
import pytest

from selfdistill.methods import CrossEntropy
from selfdistill.testing import check_reaches


@pytest.mark.parametrize("soft", [False, True])
def test_equation(backbone, batch, soft):
    images, labels = batch[0].double(), batch[1]
    if soft:
        labels = by_hand.soft(labels)
    method = by_hand.randomised(CrossEntropy(backbone, label_smoothing=0.2), training=True)
    output = method(images, labels)
    z = by_hand.numbers(backbone(images))
    losses = []
    for z_b, y_b in zip(z, labels, strict=True):
        target = [float(y_b[k]) if soft else float(k == y_b) for k in range(5)]
        losses.append(by_hand.cross_entropy(z_b, [0.8 * t + 0.2 / 5 for t in target]))
    by_hand.assert_terms(output, {"labels": sum(losses) / len(losses)})


def test_labels_train_the_network():
    check_reaches(CrossEntropy, {"labels": ("backbone",)})


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_smoothing_is_a_share(backbone, smoothing):
    with pytest.raises(ValueError, match="label_smoothing"):
        CrossEntropy(backbone, label_smoothing=smoothing)
