"""The two ceilings of a device: matrix products a second, and bytes moved a second.

python -m benchmarks.roofline [--size 8192] [--out FILE]
"""

import torch

from selfdistill.evaluation import choose_device

from .timing import machine, options, seconds_of, write


def ceilings(device: torch.device, size: int, repeats: int = 10) -> dict[str, float]:
    """TFLOP/s of bf16 matrix products of random numbers, and TB/s of copies (read and written)."""
    left, right = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    source = torch.randn(4 * size * size, device=device)
    target = torch.empty_like(source)
    product, copy = lambda: left @ right, lambda: target.copy_(source)
    best = [min(seconds_of(work, device, repeats) for _ in range(3)) for work in (product, copy)]
    moved = 2 * source.numel() * source.element_size()
    return {"tflops": 2 * size**3 / best[0] / 1e12, "terabytes_per_second": moved / best[1] / 1e12}


def main(words: list[str] | None = None) -> dict[str, float]:
    """Measure, print and write."""
    arguments = options(__doc__, words, size=8192)
    device = choose_device("auto")
    found = ceilings(device, arguments.size)
    print(f"{found['tflops']:.2f} TFLOP/s in bf16, {found['terabytes_per_second']:.3f} TB/s")
    write(arguments.out, machine(device), [found])
    return found


if __name__ == "__main__":
    main()
