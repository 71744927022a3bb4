"""What is classified: the centre of larger stored images, images of any size and shape."""

import pytest
import torch

from selfdistill.data import ImageSet, Preprocessing
from selfdistill.evaluation import predict
from selfdistill.methods import SKDSAM, CrossEntropy


def image_set(height, width):
    pixels = torch.randint(256, (5, 3, height, width), dtype=torch.uint8)
    return ImageSet(pixels, torch.zeros(5, dtype=torch.int64), ("cat",))


def seen(height, width, crop_share=1.0):
    return Preprocessing((height, width), (0.5,) * 3, (0.25,) * 3, crop_share)


@pytest.mark.parametrize(("height", "width"), [(20, 20), (20, 28), (28, 20)])
def test_the_centre_is_classified(backbone, height, width):
    images, method = image_set(height, width), CrossEntropy(backbone)
    top, left = (height - 16) // 2, (width - 16) // 2
    centre = ImageSet(
        images.images[:, :, top : top + 16, left : left + 16], images.labels, images.classes
    )
    of_centre = predict(method, centre, seen(16, 16)).exits["network"]
    of_all = predict(method, images, seen(height, width)).exits["network"]
    found = predict(method, images, seen(16, 16, crop_share=0.8)).exits["network"]
    assert torch.equal(found, of_centre)
    assert not torch.allclose(found, of_all)


@pytest.mark.parametrize("size", [(16, 24), (24, 16), (32, 32)])
def test_images_may_be_wider_and_larger_than_those_of_training(backbone, size):
    assert backbone.input_size == (3, 16, 16)
    method, images = SKDSAM(backbone).eval(), image_set(*size)
    found = predict(method, images, seen(*size), batch_size=2)
    with torch.no_grad():
        exits, attention = method.inspect(seen(*size).standardise(images.images))
    assert found.exits.keys() == exits.keys()
    for name, logits in exits.items():
        torch.testing.assert_close(found.exits[name], logits)
    torch.testing.assert_close(found.attention, attention)
