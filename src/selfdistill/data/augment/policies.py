"""Policies: each image gets operations that its own draws choose.

Operations, magnitudes and their order agree with torchvision's; only the source of randomness is
another. Pixels from outside are black, and geometry takes the nearest pixel. What is done depends
on the values of the draws, for which the host must wait: CUDA graphs cannot contain policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from ...resizing import Pixels
from .auto_augment import POLICIES
from .base import Augmentation, Draws, check_range
from .operations import RANDOM, SIGNED, Choice, Ranges, operate

_Option = TypeVar("_Option")
_LEVELS = 31
_USUAL = Ranges(shear=0.3, rotation=30.0, enhancement=0.9, bits=4)
_WIDE = Ranges(shear=0.99, rotation=135.0, enhancement=0.99, bits=6, translation=32.0)


@dataclass(frozen=True, kw_only=True)
class RandAugment(Augmentation):
    """Randomly chosen operations, one after another, all of the same magnitude.

    Args:
        operations: How many, at least 1.
        magnitude: From nothing (0) to full strength (30).

    Raises:
        ValueError: If one of these is out of range.

    Reference:
        Cubuk et al., RandAugment: Practical Automated Data Augmentation with a Reduced Search
        Space, NeurIPS 2020, arXiv 1909.13719.
    """

    rotates: ClassVar[bool] = True

    operations: int = 2
    magnitude: int = 9

    def __post_init__(self) -> None:
        check_range(1, operations=self.operations)
        check_range(0, _LEVELS - 1, magnitude=self.magnitude)

    @property
    def draws_per_image(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How many draws an image needs: here alone an argument decides."""
        return 2 * self.operations

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Change; for each operation one draw chooses which it is, and one its direction."""
        level = self.magnitude / (_LEVELS - 1)
        rows = draws.tolist()
        for first in range(0, self.draws_per_image, 2):
            choices = [
                _choice(_pick(RANDOM, row[first]), level, row[first + 1], images, _USUAL)
                for row in rows
            ]
            images = operate(images, choices)
        return images


@dataclass(frozen=True, kw_only=True)
class TrivialAugment(Augmentation):
    """One randomly chosen operation of random magnitude, from wide ranges.

    Reference:
        Müller and Hutter, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation,
        ICCV 2021, arXiv 2103.10158.
    """

    draws_per_image: ClassVar[int] = 3
    rotates: ClassVar[bool] = True

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Change; the draws decide operation, magnitude and direction."""
        levels = [step / (_LEVELS - 1) for step in range(_LEVELS)]
        choices = [
            _choice(_pick(RANDOM, name), _pick(levels, level), side, images, _WIDE)
            for name, level, side in draws.tolist()
        ]
        return operate(images, choices)


@dataclass(frozen=True, kw_only=True)
class AutoAugment(Augmentation):
    """One of 25 learned pairs of operations, each with its own probability and magnitude.

    Args:
        policy: On which data the pairs were learned.

    Raises:
        ValueError: If there is no such policy.

    Reference:
        Cubuk et al., AutoAugment: Learning Augmentation Policies from Data, CVPR 2019,
        arXiv 1805.09501.
    """

    draws_per_image: ClassVar[int] = 5
    rotates: ClassVar[bool] = True

    policy: Literal["cifar10", "imagenet"] = "cifar10"

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"policy {self.policy!r} must be one of {', '.join(POLICIES)}")

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Change; one draw chooses the pair; two for each operation whether, and which way."""
        rows = draws.tolist()
        pairs = [_pick(POLICIES[self.policy], row[0]) for row in rows]
        for second in (0, 1):
            choices: list[Choice] = []
            for row, pair in zip(rows, pairs, strict=True):
                name, probability, level = pair[second]
                whether, side = row[1 + 2 * second : 3 + 2 * second]
                chosen = name if whether < probability else "Identity"
                choices.append(_choice(chosen, level / 9, side, images, _USUAL))
            images = operate(images, choices)
        return images


def _pick(options: Sequence[_Option], draw: float) -> _Option:
    return options[min(int(draw * len(options)), len(options) - 1)]


def _choice(name: str, level: float, side: float, images: Pixels, ranges: Ranges) -> Choice:
    towards = -level if name in SIGNED and side < 0.5 else level
    return name, ranges.magnitude(name, towards, (images.shape[2], images.shape[3]))
