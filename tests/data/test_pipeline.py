import subprocess
import sys

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from selfdistill.data import Cutout, Flip, PadCrop, Pipeline, Preprocessing, standardise

MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)


def pixels(count=16):
    return torch.randint(0, 256, (count, 3, 12, 10), dtype=torch.uint8)


def test_standardise_equals_the_formula_and_is_channels_last():
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(2, 3, 1, 1)
    result = standardise(images, MEAN, STD)
    channel = (1, 3, 1, 1)
    naive = images.numpy() / 255.0 - np.reshape(MEAN, channel)
    naive = naive / np.reshape(STD, channel)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert np.abs(result.numpy() - naive).max() < 1e-6


def test_steps_take_their_own_columns_in_order():
    images, draws = pixels(), torch.rand(16, 5)
    pipeline = Pipeline(
        [PadCrop(padding=2), Flip(), Cutout(length=4)], Preprocessing((32, 32), MEAN, STD)
    )
    assert pipeline.draws_per_image == 5
    by_hand = PadCrop(padding=2).apply(images, draws[:, :2])
    by_hand = standardise(Flip().apply(by_hand, draws[:, 2:3]), MEAN, STD)
    by_hand = Cutout(length=4).apply(by_hand, draws[:, 3:])
    result = pipeline.apply(images, draws)
    assert torch.equal(result, by_hand)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(result, standardise(images, MEAN, STD))


def test_an_empty_pipeline_standardises():
    images = pixels()
    pipeline = Pipeline([], Preprocessing((32, 32), MEAN, STD))
    assert pipeline.draws_per_image == 0
    assert torch.equal(pipeline.apply(images, torch.rand(16, 0)), standardise(images, MEAN, STD))


def test_a_step_on_pixels_after_one_on_standardised_images_is_refused():
    with pytest.raises(ValueError, match=r"Cutout, Flip: .* as Flip, Cutout"):
        Pipeline([Cutout(), Flip()], Preprocessing((32, 32), MEAN, STD))


def test_nothing_on_an_accelerator_waits_for_the_host():
    # Fake tensors of another device: reading a value, or mixing devices, is an error.
    with FakeTensorMode():
        steps = [PadCrop(), PadCrop(mode="reflect"), Flip(), Cutout()]
        pipeline = Pipeline(steps, Preprocessing((32, 32), MEAN, STD), device="cuda")
        images = torch.empty(8, 3, 32, 32, dtype=torch.uint8, device="cuda")
        result = pipeline.apply(images, torch.empty(8, pipeline.draws_per_image, device="cuda"))
    assert result.device.type == "cuda"


COMPILED = """
import torch
from selfdistill.data import Cutout, Flip, PadCrop, Pipeline, Preprocessing
steps = [PadCrop(), PadCrop(mode="reflect"), Flip(), Cutout()]
pipeline = Pipeline(steps, Preprocessing((32, 32), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
draws = torch.rand(8, pipeline.draws_per_image)
compiled = torch.compile(pipeline.apply, backend="eager", fullgraph=True)(images, draws)
assert torch.equal(compiled, pipeline.apply(images, draws))
"""


def test_it_compiles_without_breaks():
    # A fresh process: shape checks at run time cannot be compiled.
    subprocess.run([sys.executable, "-c", COMPILED], check=True)
