"""What is classified where the stored images are larger than the network's input."""

import torch

from selfdistill.data import ImageSet, Preprocessing
from selfdistill.evaluation import predict
from selfdistill.methods import CrossEntropy


def test_the_centre_is_classified(backbone):
    pixels = torch.randint(256, (5, 3, 20, 20), dtype=torch.uint8)
    labels, classes = torch.zeros(5, dtype=torch.int64), ("cat",)
    seen, whole = (Preprocessing((n, n), (0.5,) * 3, (0.25,) * 3) for n in (16, 20))
    method = CrossEntropy(backbone)
    given = predict(method, ImageSet(pixels, labels, classes), seen)
    cut = predict(method, ImageSet(pixels[:, :, 2:18, 2:18], labels, classes), seen)
    whole = predict(method, ImageSet(pixels, labels, classes), whole)
    assert torch.equal(given.exits["network"], cut.exits["network"])
    assert not torch.allclose(given.exits["network"], whole.exits["network"])
