"""How strong a corruption is: the published constants for three sizes of image.

Hendrycks and Dietterich publish constants for CIFAR (32 pixels), Tiny ImageNet (64) and ImageNet
(224). Between those sizes they are interpolated, logarithm over logarithm; images below 32 pixels
get CIFAR's, above 224 ImageNet's.

Reference:
    Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
    Perturbations (ICLR 2019), https://arxiv.org/abs/1903.12261
"""

import numpy as np

SEVERITIES = (1, 2, 3, 4, 5)
SIZES = (32, 64, 224)

Constants = tuple[float, ...]
Levels = tuple[Constants, Constants, Constants, Constants, Constants]


def _single(*values: float) -> Levels:
    one, two, three, four, five = values
    return (one,), (two,), (three,), (four,), (five,)


PUBLISHED: dict[str, tuple[Levels, Levels, Levels]] = {
    "gaussian_noise": (
        _single(0.04, 0.06, 0.08, 0.09, 0.10),
        _single(0.04, 0.08, 0.12, 0.15, 0.18),
        _single(0.08, 0.12, 0.18, 0.26, 0.38),
    ),
    "shot_noise": (
        _single(500.0, 250.0, 100.0, 75.0, 50.0),
        _single(250.0, 100.0, 50.0, 30.0, 15.0),
        _single(60.0, 25.0, 12.0, 5.0, 3.0),
    ),
    "impulse_noise": (
        _single(0.01, 0.02, 0.03, 0.05, 0.07),
        _single(0.01, 0.02, 0.05, 0.08, 0.14),
        _single(0.03, 0.06, 0.09, 0.17, 0.27),
    ),
    "gaussian_blur": (
        _single(0.4, 0.6, 0.7, 0.8, 1.0),
        _single(0.5, 0.75, 1.0, 1.25, 1.5),
        _single(1.0, 2.0, 3.0, 4.0, 6.0),
    ),
    "defocus_blur": (
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
        ((0.5, 0.6), (1.0, 0.1), (1.5, 0.1), (2.5, 0.01), (3.0, 0.1)),
        ((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
    ),
    "motion_blur": (
        ((6.0, 1.0), (6.0, 1.5), (6.0, 2.0), (8.0, 2.0), (9.0, 2.5)),
        ((10.0, 1.0), (10.0, 1.5), (10.0, 2.0), (10.0, 2.5), (12.0, 3.0)),
        ((10.0, 3.0), (15.0, 5.0), (15.0, 8.0), (15.0, 12.0), (20.0, 15.0)),
    ),
    "fog": (
        ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
        ((0.4, 3.0), (0.7, 3.0), (1.0, 2.5), (1.5, 2.0), (2.0, 1.75)),
        ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
    ),
    "brightness": (
        _single(0.05, 0.1, 0.15, 0.2, 0.3),
        _single(0.1, 0.2, 0.3, 0.4, 0.5),
        _single(0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    "contrast": (
        _single(0.75, 0.5, 0.4, 0.3, 0.15),
        _single(0.4, 0.3, 0.2, 0.1, 0.05),
        _single(0.4, 0.3, 0.2, 0.1, 0.05),
    ),
    "pixelate": (
        _single(0.95, 0.9, 0.85, 0.75, 0.65),
        _single(0.9, 0.8, 0.7, 0.6, 0.5),
        _single(0.6, 0.5, 0.4, 0.3, 0.25),
    ),
    "jpeg_compression": (
        _single(80.0, 65.0, 58.0, 50.0, 40.0),
        _single(65.0, 58.0, 50.0, 40.0, 25.0),
        _single(25.0, 18.0, 15.0, 10.0, 7.0),
    ),
}


def constants(name: str, severity: int, size: int) -> Constants:
    """Constants of a corruption for images whose shorter side has ``size`` pixels."""
    if name not in PUBLISHED:
        raise ValueError(f"there is no corruption {name!r}: choose one of {', '.join(PUBLISHED)}")
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity} must be within 1 to 5")
    rows = [levels[severity - 1] for levels in PUBLISHED[name]]
    places = np.log(SIZES)
    return tuple(
        float(np.exp(np.interp(np.log(size), places, np.log(values))))
        for values in zip(*rows, strict=True)
    )
