"""Folders of generated pictures whose hue tells their class."""

import numpy as np
from PIL import Image

CLASSES = ("red", "green", "blue")


def paint(folder, name, number, size=(100, 120)):
    """Write one picture; the number decides its noise."""
    pixels = np.random.default_rng(number).integers(0, 90, (*size, 3))
    pixels[..., CLASSES.index(name)] += 150
    (folder / name).mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number:02}.png")


def paint_all(folder, count, first=0):
    """Write as many pictures of every class."""
    for name in CLASSES:
        for number in range(first, first + count):
            paint(folder, name, number)
    return folder
