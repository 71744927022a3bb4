"""The laws that every augmentation keeps, as checks."""

import torch
from torch import Tensor

from ..data import Augmentation
from .trial import require

ROWS = 64
SIDE = 32
"""Of square images; others are of half that height or width."""
STEEP = 0.9
"""Share of pixels that must lean the same way before an image counts as turned."""


def check_augmentation(step: Augmentation | type[Augmentation]) -> None:
    """Run every check on an augmentation.

    Args:
        step: The augmentation, or its class; its options must be such that it does something.

    Raises:
        AssertionError: If it breaks its contract; names the check and the fault.

    Examples:
        >>> check_augmentation(MyAugmentation(degrees=30.0))
    """
    made = step() if isinstance(step, type) else step
    for check in AUGMENTATION_CHECKS:
        try:
            check(made.sized(SIDE))
        except Exception as fault:
            raise AssertionError(f"{check.__name__}: {' '.join(str(fault).split())}") from fault


def changes_copies_only(step: Augmentation) -> None:
    """Some draw changes an image; the images and draws that it was given stay as they were."""
    images, draws = _images(step), _draws(step)
    before, drawn = images.clone(), draws.clone()
    changed = step.apply(images, draws)
    unchanged = torch.equal(images, before) and torch.equal(draws, drawn)
    require(unchanged, "the images or draws that it was given were changed in place")
    same = changed.shape == images.shape and torch.equal(changed, images)
    require(not same, f"{ROWS} rows of draws changed no image")


def draws_decide_alone(step: Augmentation) -> None:
    """The same draws give the same images, whatever other random numbers are drawn."""
    results: list[Tensor] = []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            results.append(step.apply(_images(step), _draws(step)))
    require(torch.equal(*results), "the same draws gave other images: use no other random numbers")


def own_row_decides_alone(step: Augmentation) -> None:
    """An image is changed by its own row of draws, whatever others stand in the batch."""
    images, draws = _images(step), _draws(step)
    whole = step.apply(images, draws)
    for size in (1, 2):
        for first in range(0, ROWS, size):
            rows = slice(first, first + size)
            part = step.apply(images[rows], draws[rows])
            require(_close(part, whole[rows]), f"in a batch of {size} an image becomes another")


def order_is_irrelevant(step: Augmentation) -> None:
    """Images in another order are changed as before."""
    images, draws = _images(step), _draws(step)
    backwards = step.apply(images.flip(0), draws.flip(0)).flip(0)
    require(_close(backwards, step.apply(images, draws)), "the order of the images counts")


def form_is_kept(step: Augmentation) -> None:
    """Images keep their number, channels and type, and their size unless all get the same one."""
    square = step.apply(_images(step), _draws(step)).shape[2:]
    for size in ((SIDE, SIDE), (SIDE // 2, SIDE), (SIDE, SIDE // 2)):
        images = _images(step, size)
        result = step.apply(images, _draws(step))
        require(result.dtype == images.dtype, f"{images.dtype} became {result.dtype}")
        counts = result.shape[:2] == images.shape[:2]
        fits = counts and result.shape[2:] in (images.shape[2:], square)
        require(fits, f"images {tuple(images.shape)} became {tuple(result.shape)}")
        require(bool(result.isfinite().all()), "values are not finite")


def memory_format_is_irrelevant(step: Augmentation) -> None:
    """Images that lie with channels last are changed alike; standardised ones stay so."""
    images, draws = _images(step), _draws(step)
    last = step.apply(images.contiguous(memory_format=torch.channels_last), draws)
    same = _close(last, step.apply(images, draws))
    require(same, "images with channels last in memory become others")
    stays = not step.standardised or last.is_contiguous(memory_format=torch.channels_last)
    require(stays, "channels were last in memory, and are no longer")


def edges_of_draws_are_valid(step: Augmentation) -> None:
    """The least and the largest draw are as good as any."""
    for draw in (0.0, 1 - 2**-24):
        step.apply(_images(step)[:2], torch.full((2, step.draws_per_image), draw))


def turning_is_declared(step: Augmentation) -> None:
    """What turns images sets ``rotates``, for methods that tell rotations apart."""
    leaning = _leaning(step, torch.arange(SIDE) * (224 / SIDE))
    # Light from above leans as well, on an even image too: no turn.
    turned = leaning & ~_leaning(step, torch.full((SIDE,), 112.0))
    require(step.rotates or not bool(turned.any()), "it turns images: set rotates = True")


AUGMENTATION_CHECKS = (
    changes_copies_only,
    draws_decide_alone,
    own_row_decides_alone,
    order_is_irrelevant,
    form_is_kept,
    memory_format_is_irrelevant,
    edges_of_draws_are_valid,
    turning_is_declared,
)
"""Each takes an augmentation that knows its size, and raises AssertionError."""


def _images(step: Augmentation, size: tuple[int, int] = (SIDE, SIDE)) -> Tensor:
    """Always the same images, of the kind that the augmentation takes."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (ROWS, 3, *size), generator=generator, dtype=torch.uint8)
    return _of_kind(step, pixels)


def _draws(step: Augmentation) -> Tensor:
    return torch.rand(ROWS, step.draws_per_image, generator=torch.Generator().manual_seed(1))


def _of_kind(step: Augmentation, pixels: Tensor) -> Tensor:
    return pixels.float().sub(127.5).div(64) if step.standardised else pixels


def _close(found: Tensor, expected: Tensor) -> bool:
    """Whether images agree but for rounding: a value of pixels, here and there."""
    if found.shape != expected.shape:
        return False
    difference = (found.float() - expected.float()).abs()
    if found.dtype == torch.uint8:
        return bool(difference.max() <= 1) and bool(
            difference.count_nonzero() <= 0.01 * found.numel()
        )
    return bool(difference.max() <= 1e-5)


def _leaning(step: Augmentation, values: Tensor) -> Tensor:
    """Which draws make values that depend on the column alone depend on the row."""
    pixels = values.round().to(torch.uint8).expand(ROWS, 3, SIDE, SIDE)
    changed = step.apply(_of_kind(step, pixels).contiguous(), _draws(step)).float()
    quarter = changed.shape[2] // 4
    middle = changed.mean(1)[:, quarter:-quarter, quarter:-quarter]
    signs = (middle[:, quarter:] - middle[:, :-quarter]).sign()
    return signs.mean((1, 2)).abs() > STEEP
