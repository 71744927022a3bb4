"""The checks of augmentations pass for all that are registered, and find what is broken."""

from dataclasses import dataclass

import pytest
import torch

from selfdistill.config.registry import CLASSES
from selfdistill.data import (
    Augmentation,
    AutoAugment,
    Cutout,
    Flip,
    PadCrop,
    RandomResizedCrop,
    Rotation,
)
from selfdistill.testing import check_augmentation

OTHERS = [
    PadCrop(mode="reflect"),
    Cutout(length=4),
    AutoAugment(policy="imagenet"),
    RandomResizedCrop(size=16),
]


@pytest.mark.parametrize("step", [*(kind() for kind in CLASSES["augment"].values()), *OTHERS])
def test_every_augmentation_keeps_the_contract(step):
    check_augmentation(step)


class Sound(Augmentation):
    """Mirrors."""

    draws_per_image = 1

    def apply(self, images, draws):
        return Flip().apply(images, draws)


class Nothing(Sound):
    def apply(self, images, draws):
        return images


class InPlace(Sound):
    def apply(self, images, draws):
        return images.copy_(super().apply(images, draws))


class DrawsItself(Sound):
    def apply(self, images, draws):
        return super().apply(images, torch.rand_like(draws))


class FirstRowDecides(Sound):
    def apply(self, images, draws):
        return super().apply(images, 1 - draws[:1].expand_as(draws))


class WholeBatchDecides(Sound):
    """Only what stands in the batch, not its order, counts."""

    def apply(self, images, draws):
        return super().apply(images, (draws + draws.mean()) % 1)


class PlaceDecides(Sound):
    def apply(self, images, draws):
        return super().apply(images, draws.roll(1, 0))


class Floats(Sound):
    def apply(self, images, draws):
        return super().apply(images, draws).float()


class Squares(Sound):
    def apply(self, images, draws):
        images = super().apply(images, draws)
        return images.transpose(2, 3)


class FollowsMemory(Sound):
    def apply(self, images, draws):
        changed = super().apply(images, draws)
        last = images.is_contiguous(memory_format=torch.channels_last)
        return changed + 1 if last else changed


class LosesMemory(Sound):
    standardised = True

    def apply(self, images, draws):
        return (images * (draws[:, :, None, None] < 0.5)).contiguous()


class TooFewDraws(Sound):
    draws_per_image = 0


class FailsAtZero(Sound):
    def apply(self, images, draws):
        if bool((draws == 0).any()):
            raise ZeroDivisionError("division by zero")
        return super().apply(images, draws)


class TurnsInSecret(Sound):
    def apply(self, images, draws):
        return Rotation(degrees=10.0).apply(images, draws)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (Nothing, "changes_copies_only: 64 rows of draws changed no image"),
        (InPlace, "changes_copies_only: .* in place"),
        (DrawsItself, "draws_decide_alone: .* use no other random numbers"),
        (FirstRowDecides, "own_row_decides_alone: "),
        (WholeBatchDecides, "own_row_decides_alone: "),
        (PlaceDecides, "own_row_decides_alone: "),
        (Floats, "form_is_kept: torch.uint8 became torch.float32"),
        (Squares, "form_is_kept: images .* became"),
        (FollowsMemory, "memory_format_is_irrelevant: .* become others"),
        (LosesMemory, "memory_format_is_irrelevant: .* no longer"),
        (TooFewDraws, "changes_copies_only: "),
        (FailsAtZero, "edges_of_draws_are_valid: division by zero"),
        (TurnsInSecret, "turning_is_declared: it turns images: set rotates = True"),
    ],
)
def test_a_fault_is_found(kind, fault):
    with pytest.raises(AssertionError, match=f"^{fault}"):
        check_augmentation(kind)


@dataclass(frozen=True)
class LightFromAbove(Sound):
    """Brightens the upper rows of an image: it leans, and does not turn."""

    def apply(self, images, draws):
        height = images.shape[2]
        light = torch.linspace(20, 0, height)[:, None] * draws[:, :, None, None]
        return (images.float() + light).clamp(0, 255).round().to(images.dtype)


@dataclass(frozen=True)
class Noise(Sound):
    """Noise that the draw decides."""

    def apply(self, images, draws):
        positions = torch.arange(images[0].numel()).view(images.shape[1:])
        noise = 40 * torch.sin(positions**2 * (1 + draws[:, :, None, None]))
        return (images.float() + noise).clamp(0, 255).round().to(images.dtype)


@pytest.mark.parametrize("kind", [Sound, LightFromAbove, Noise])
def test_what_does_not_turn_need_not_say_so(kind):
    check_augmentation(kind)
