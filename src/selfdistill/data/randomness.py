"""The one place where keys become seeds."""

import hashlib

import torch


def generator(seed: int, *keys: int | str) -> torch.Generator:
    """Make a CPU generator that depends on the seed and on every key, in their order.

    The keys are hashed, so that ``(1, 2)`` and ``(2, 1)``, or neighbouring seeds, share nothing.
    """
    text = "/".join(str(key) for key in (seed, *keys))
    digest = hashlib.sha256(text.encode()).digest()
    # PyTorch's CPU generator reads 32 bits of its seed.
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "little"))
