"""Objects at the ends of long pictures: what is cut off cannot be learned."""

import json

import numpy as np
import pytest
from PIL import Image

from selfdistill import cli


def draw(root, count=48):
    """A red or blue mark at one end of a long grey picture, and noise all over it."""
    random = np.random.default_rng(0)
    for label, channel in (("red", 0), ("blue", 2)):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(90, 160, (24, 72, 3))
            left = 0 if number % 2 else 60
            pixels[6:18, left : left + 12, channel] = 255
            Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{number}.png")
    return root


@pytest.mark.parametrize(("fit", "least", "most"), [("crop", 0, 80), ("pad", 95, 100)])
def test_what_lies_at_the_ends_is_learned_only_where_it_is_seen(tmp_path, fit, least, most):
    words = [
        *("--data", str(draw(tmp_path / "marks")), "--method", "CrossEntropy"),
        *("--backbone", "small", "--backbone.width", "4", "--image-size", "24", "--lr", "0.05"),
        *("--data.fit", fit, "--augment", "[]", "--epochs", "20", "--warmup-epochs", "1"),
        *("--batch-size", "16", "--precision", "fp32", "--threads", "1", "--test"),
        *("--data.cache-dir", str(tmp_path / "cache"), "--out", str(tmp_path / "run")),
    ]
    assert cli.main(["train", *words]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert least <= summary["test"]["last"]["network"]["accuracy"] <= most
