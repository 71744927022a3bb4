"""The one place where keys become seeds."""

import hashlib
import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def generator(seed: int, *keys: int | str) -> torch.Generator:
    """Make a CPU generator that depends on the seed and on every key, in their order.

    The keys are hashed, so that ``(1, 2)`` and ``(2, 1)``, or neighbouring seeds, share nothing.
    """
    text = "/".join(str(key) for key in (seed, *keys))
    digest = hashlib.sha256(text.encode()).digest()
    # PyTorch's CPU generator reads 32 bits of its seed.
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "little"))


def uniform(
    indices: Int64[Tensor, " batch"], shape: tuple[int, ...], *keys: int | Int64[Tensor, ""]
) -> Float[Tensor, "batch *shape"]:
    """Draw uniform numbers in [0, 1) for each image, too many to be drawn for an epoch at once.

    Each is a hash of the keys (seed, epoch, and whatever else tells one use from another), of the
    image's position in its split and of the number's place in the shape, computed on the device of
    the positions: independent of batch, process and device.
    """
    state = torch.zeros((), dtype=torch.int64, device=indices.device)
    for key in keys:
        state = _scrambled(state + key)
    rows = _scrambled(state + indices)[:, None]
    columns = torch.arange(math.prod(shape), device=indices.device)
    bits = (_scrambled(rows + columns) >> 40) & (2**24 - 1)
    return (bits.float() / 2**24).unflatten(1, shape)


def _scrambled(numbers: Int64[Tensor, "..."]) -> Int64[Tensor, "..."]:
    """Steele, Lea and Flood's SplitMix64 (OOPSLA 2014); products wrap around, as in its C code."""
    numbers = numbers * -7046029254386353131  # the golden ratio, so that neighbours part
    numbers = (numbers ^ _shifted(numbers, 30)) * -4658895280553007687
    numbers = (numbers ^ _shifted(numbers, 27)) * -7723592293110705685
    return numbers ^ _shifted(numbers, 31)


def _shifted(numbers: Int64[Tensor, "..."], bits: int) -> Int64[Tensor, "..."]:
    """A shift to the right that brings in zeros."""
    return (numbers >> bits) & (2 ** (64 - bits) - 1)
