"""What is classified where the stored images are larger than the network's input."""

import torch

from selfdistill.data import ImageSet, as_evaluated
from selfdistill.evaluation.predict import predict
from selfdistill.methods import CrossEntropy


def test_the_centre_is_classified(backbone):
    pixels = torch.randint(256, (5, 3, 20, 20), dtype=torch.uint8)
    labels, classes = torch.zeros(5, dtype=torch.int64), ("cat",)
    rgb = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    method = CrossEntropy(backbone)
    given = predict(method, ImageSet(pixels, labels, classes), input_size=16, **rgb)
    cut = predict(method, ImageSet(as_evaluated(pixels, 16), labels, classes), **rgb)
    whole = predict(method, ImageSet(pixels, labels, classes), **rgb)
    assert torch.equal(given.exits["network"], cut.exits["network"])
    assert not torch.allclose(given.exits["network"], whole.exits["network"])
