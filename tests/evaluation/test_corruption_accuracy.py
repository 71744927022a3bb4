"""Accuracy on corrupted images is that of the corrupted images."""

import torch
from torch import nn

from selfdistill.data import ImageSet, Preprocessing
from selfdistill.evaluation import predict, score
from selfdistill.evaluation.corruption_accuracy import accuracy_by_corruption
from selfdistill.evaluation.corruptions import CORRUPTIONS, corrupt
from selfdistill.methods import BYOT


def test_the_network_is_scored_on_what_it_sees(backbone):
    pixels = torch.randint(256, (40, 3, 20, 20), dtype=torch.uint8)
    images = ImageSet(pixels, torch.arange(40) % 5, tuple("abcde"))
    preprocessing = Preprocessing((16, 16), (0.5,) * 3, (0.1,) * 3)
    method = BYOT(backbone)
    nn.init.normal_(backbone.network.head.weight, std=30)
    nn.init.zeros_(backbone.network.head.bias)
    found = dict(accuracy_by_corruption(method, images, preprocessing))
    assert tuple(found) == CORRUPTIONS
    changed = corrupt(pixels[:, :, 2:18, 2:18], "impulse_noise", 5)
    predictions = predict(method, ImageSet(changed, images.labels, images.classes), preprocessing)
    expected = score(predictions.exits["network"], images.labels).accuracy
    assert found["impulse_noise"][5] == expected
    assert len({accuracy for levels in found.values() for accuracy in levels.values()}) > 1
