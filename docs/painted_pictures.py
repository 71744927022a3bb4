"""Four painted pictures, to show what becomes of images: free of rights, and the same everywhere.

python docs/painted_pictures.py  # writes them side by side into painted.png
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Colour = tuple[float, float, float]

SIZE, FINER = 128, 4
"""Pixels of a side, and how many times as many are painted and averaged."""


class Canvas:
    """Colours on the unit square; ``x`` runs right, ``y`` down."""

    def __init__(self) -> None:
        line = (np.arange(SIZE * FINER) + 0.5) / (SIZE * FINER)
        self.x, self.y = np.meshgrid(line, line)
        self.pixels = np.zeros((*self.x.shape, 3))

    def fade(self, top: Colour, bottom: Colour, first: float = 0.0, last: float = 1.0) -> None:
        """Fill the lines from ``first`` to ``last`` with a gradient."""
        share = np.clip((self.y - first) / (last - first), 0, 1)[..., None]
        inside = (self.y >= first) & (self.y <= last)
        self.fill(inside, (1 - share) * np.array(top) + share * np.array(bottom))

    def fill(self, where: Mask, colour: Colour | Values, opacity: float | Values = 1.0) -> None:
        """Lay a colour over a region."""
        weight = np.asarray(where * opacity)[..., None]
        self.pixels = self.pixels * (1 - weight) + np.asarray(colour) * weight

    def disc(self, x: float, y: float, width: float, height: float | None = None) -> Values:
        """Squared distance from the middle of an ellipse, 1 at its rim."""
        return ((self.x - x) / width) ** 2 + ((self.y - y) / (height or width)) ** 2

    def polygon(self, *corners: tuple[float, float]) -> Mask:
        """The inside of a convex polygon, its corners clockwise."""
        inside = np.ones_like(self.x, dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            inside &= (x1 - x0) * (self.y - y0) - (y1 - y0) * (self.x - x0) >= 0
        return inside

    def box(self, left: float, top: float, right: float, bottom: float) -> Mask:
        """The inside of a rectangle."""
        return (left < self.x) & (self.x < right) & (top < self.y) & (self.y < bottom)

    def image(self) -> NDArray[np.uint8]:
        """The picture as bytes."""
        fine = np.clip(self.pixels, 0, 1).reshape(SIZE, FINER, SIZE, FINER, 3)
        return (fine.mean((1, 3)) * 255).round().astype(np.uint8)


def balloon() -> NDArray[np.uint8]:
    """A striped balloon over hills."""
    canvas = Canvas()
    canvas.fade((0.33, 0.62, 0.90), (0.86, 0.94, 0.98))
    for x, y, size in (
        (0.14, 0.22, 0.09),
        (0.24, 0.25, 0.07),
        (0.84, 0.46, 0.08),
        (0.93, 0.48, 0.06),
    ):
        canvas.fill(canvas.disc(x, y, 1.6 * size, 0.6 * size) < 1, (1, 1, 1), 0.85)
    for base, height, phase, colour in (
        (0.80, 0.05, 0.4, (0.45, 0.66, 0.52)),
        (0.87, 0.05, 2.6, (0.33, 0.57, 0.33)),
        (0.94, 0.03, 5.0, (0.22, 0.44, 0.22)),
    ):
        canvas.fill(canvas.y > base + height * np.sin(5 * canvas.x + phase), colour)
    x, y = canvas.x - 0.52, canvas.y - 0.36
    dome, cone = (
        np.sqrt(np.maximum(0.27**2 - y**2, 0)),
        0.27 - 0.195 * (np.maximum(y, 0) / 0.27) ** 2,
    )
    half = np.where(y < 0, dome, cone)
    turn = np.arcsin(np.clip(x / np.maximum(half, 1e-3), -1, 1))
    stripes = np.floor((turn / np.pi + 0.5) * 7).astype(int) % 3
    colours = np.array([(0.86, 0.17, 0.18), (0.98, 0.80, 0.22), (0.16, 0.36, 0.62)])[stripes]
    shade = 0.72 + 0.38 * np.clip(np.cos(turn + 0.5) - 0.9 * y, 0, 1)
    canvas.fill((abs(x) < half) & (y < 0.27), colours * shade[..., None])
    for side in (-1, 1):
        rope = abs(canvas.x - 0.52 - side * (0.07 - 0.25 * (canvas.y - 0.63))) < 0.004
        canvas.fill(rope & (canvas.y > 0.63) & (canvas.y < 0.72), (0.25, 0.18, 0.12))
    canvas.fill(
        canvas.polygon((0.472, 0.71), (0.568, 0.71), (0.558, 0.79), (0.482, 0.79)),
        (0.48, 0.30, 0.15),
    )
    canvas.fill(canvas.box(0.468, 0.705, 0.572, 0.722), (0.33, 0.19, 0.10))
    return canvas.image()


def boat() -> NDArray[np.uint8]:
    """A sailing boat at sunset."""
    canvas = Canvas()
    canvas.fade((0.36, 0.23, 0.45), (0.98, 0.62, 0.35), 0.0, 0.62)
    glow = np.exp(-canvas.disc(0.72, 0.52, 0.28))
    canvas.fill(canvas.y < 0.62, (1.0, 0.80, 0.48), 0.75 * glow)
    canvas.fill((canvas.disc(0.72, 0.50, 0.10) < 1) & (canvas.y < 0.62), (1.0, 0.93, 0.70))
    canvas.fade((0.72, 0.40, 0.38), (0.10, 0.16, 0.34), 0.62, 1.0)
    depth = np.maximum(canvas.y - 0.6, 0)
    waves = np.sin(190 * depth**0.7 + 3 * np.sin(9 * canvas.x))
    path = np.exp(-(((canvas.x - 0.72) / (0.08 + 0.3 * (canvas.y - 0.62))) ** 2))
    canvas.fill((canvas.y > 0.63) & (waves > 0.25), (1.0, 0.80, 0.52), 0.8 * path)
    canvas.fill((canvas.y > 0.64) & (waves < -0.7), (0.08, 0.12, 0.28), 0.35)
    canvas.fill(canvas.box(0.385, 0.12, 0.405, 0.72), (0.22, 0.13, 0.12))
    sail = canvas.polygon((0.41, 0.14), (0.66, 0.64), (0.41, 0.64))
    dusk = ((canvas.x - 0.4) / 0.3)[..., None]
    canvas.fill(sail, np.array((0.99, 0.95, 0.88)) - dusk * np.array((0.25, 0.30, 0.25)))
    canvas.fill(canvas.polygon((0.38, 0.20), (0.38, 0.64), (0.20, 0.64)), (0.83, 0.24, 0.22))
    canvas.fill(
        canvas.polygon((0.16, 0.69), (0.70, 0.69), (0.60, 0.79), (0.25, 0.79)), (0.30, 0.16, 0.13)
    )
    canvas.fill(
        canvas.polygon((0.16, 0.69), (0.70, 0.69), (0.685, 0.71), (0.175, 0.71)), (0.95, 0.92, 0.86)
    )
    return canvas.image()


def night() -> NDArray[np.uint8]:
    """A house under the moon."""
    canvas = Canvas()
    canvas.fade((0.04, 0.06, 0.20), (0.17, 0.24, 0.47))
    random = np.random.default_rng(5)
    far = canvas.disc(0.78, 0.20, 0.13) > 1
    for x, y, size in random.uniform((0, 0, 0.003), (1, 0.6, 0.008), (42, 3)):
        canvas.fill((canvas.disc(x, y, size) < 1) & far, (1, 0.98, 0.88))
    canvas.fill(canvas.y < 1, (0.9, 0.9, 0.7), 0.28 * np.exp(-canvas.disc(0.78, 0.20, 0.17)))
    canvas.fill(
        (canvas.disc(0.78, 0.20, 0.095) < 1) & (canvas.disc(0.825, 0.175, 0.085) > 1),
        (0.99, 0.95, 0.76),
    )
    ground = 0.80 + 0.03 * np.sin(4 * canvas.x + 1)
    canvas.fill(canvas.y > ground, (0.07, 0.16, 0.15))
    for x, base, size in ((0.13, 0.84, 0.30), (0.88, 0.86, 0.24), (0.27, 0.82, 0.2)):
        for level in range(3):
            top = base - size + level * size / 4
            half = size * (0.16 + 0.07 * level)
            canvas.fill(
                canvas.polygon(
                    (x, top), (x + half, top + size * 0.42), (x - half, top + size * 0.42)
                ),
                (0.05 + 0.02 * level, 0.20 + 0.04 * level, 0.17),
            )
    canvas.fill(canvas.box(0.38, 0.54, 0.76, 0.86), (0.46, 0.27, 0.24))
    canvas.fill(canvas.box(0.66, 0.34, 0.71, 0.5), (0.30, 0.17, 0.17))
    canvas.fill(canvas.polygon((0.57, 0.33), (0.82, 0.56), (0.32, 0.56)), (0.24, 0.16, 0.25))
    for x in (0.43, 0.63):
        canvas.fill(canvas.box(x, 0.61, x + 0.085, 0.71), (1.0, 0.83, 0.38))
        canvas.fill(canvas.box(x + 0.038, 0.61, x + 0.047, 0.71), (0.30, 0.17, 0.17))
        canvas.fill(canvas.box(x, 0.655, x + 0.085, 0.664), (0.30, 0.17, 0.17))
    canvas.fill(canvas.box(0.535, 0.68, 0.605, 0.86), (0.22, 0.13, 0.14))
    return canvas.image()


def fish() -> NDArray[np.uint8]:
    """A clownfish among weeds."""
    canvas = Canvas()
    canvas.fade((0.20, 0.66, 0.76), (0.02, 0.24, 0.40))
    for x in (0.2, 0.45, 0.8):
        beam = abs(canvas.x - x - 0.25 * (canvas.y - 0.2)) < 0.03 + 0.08 * canvas.y
        canvas.fill(beam, (0.75, 0.95, 0.95), 0.13 * (1 - canvas.y))
    canvas.fill(canvas.y > 0.90 + 0.02 * np.sin(7 * canvas.x), (0.80, 0.68, 0.46))
    for x, top, phase, colour in (
        (0.10, 0.45, 0.0, (0.10, 0.50, 0.34)),
        (0.19, 0.62, 1.0, (0.16, 0.60, 0.38)),
        (0.90, 0.50, 2.0, (0.10, 0.50, 0.34)),
        (0.82, 0.70, 3.0, (0.62, 0.20, 0.42)),
    ):
        sway = x + 0.025 * np.sin(14 * canvas.y + phase)
        width = 0.022 * np.clip((canvas.y - top) / 0.3, 0, 1) ** 0.5
        canvas.fill((abs(canvas.x - sway) < width) & (canvas.y > top) & (canvas.y < 0.94), colour)
    orange, white, black = (0.96, 0.47, 0.10), (0.98, 0.97, 0.94), (0.10, 0.08, 0.10)
    for colour, grow in ((black, 0.012), (orange, 0.0)):
        canvas.fill(canvas.disc(0.19, 0.47, 0.10 + grow, 0.12 + grow) < 1, colour)
        canvas.fill(canvas.disc(0.50, 0.32, 0.15 + grow, 0.08 + grow) < 1, colour)
        canvas.fill(canvas.disc(0.52, 0.66, 0.10 + grow, 0.08 + grow) < 1, colour)
    body = canvas.disc(0.50, 0.49, 0.30, 0.19)
    canvas.fill(canvas.disc(0.50, 0.49, 0.312, 0.202) < 1, black)
    light = np.clip(1.12 - 0.75 * (canvas.y - 0.36), 0.6, 1.15)[..., None]
    canvas.fill(body < 1, np.array(orange) * light)
    for x, width in ((0.64, 0.045), (0.46, 0.055), (0.28, 0.03)):
        bend = x + 0.035 * np.cos(9 * (canvas.y - 0.49))
        canvas.fill((body < 1) & (abs(canvas.x - bend) < width + 0.012), black)
        canvas.fill(
            (body < 1) & (abs(canvas.x - bend) < width), np.array(white) * np.clip(light, 0, 1)
        )
    canvas.fill(canvas.disc(0.545, 0.56, 0.06, 0.045) < 1, black)
    canvas.fill(canvas.disc(0.545, 0.56, 0.048, 0.035) < 1, (0.99, 0.60, 0.22))
    canvas.fill(canvas.disc(0.735, 0.44, 0.028) < 1, white)
    canvas.fill(canvas.disc(0.741, 0.44, 0.017) < 1, black)
    for x, y, size in ((0.86, 0.32, 0.022), (0.89, 0.22, 0.03), (0.85, 0.12, 0.018)):
        rim = canvas.disc(x, y, size)
        canvas.fill(rim < 1, (0.85, 0.97, 0.98), 0.35)
        canvas.fill((rim < 1) & (rim > 0.6), (0.95, 1.0, 1.0), 0.7)
    return canvas.image()


PICTURES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "balloon": balloon,
    "boat": boat,
    "night": night,
    "fish": fish,
}
"""By class."""

if __name__ == "__main__":
    Image.fromarray(np.concatenate([paint() for paint in PICTURES.values()], 1)).save("painted.png")
