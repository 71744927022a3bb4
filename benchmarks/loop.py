"""What the training loop costs beside the same step written by hand.

python -m benchmarks.loop [--backbone resnet18_cifar] [--batch 32] [--rounds 21] [--out FILE]
"""

from collections.abc import Callable

import torch

from selfdistill.evaluation import choose_device, hardware

from .timing import compared, options, report, take_turns
from .training import Training, random_images


def by_hand(training: Training, precision: str) -> Callable[[], None]:
    """A step of the same method on the same batches, as somebody would write it."""
    method, epoch, number = training.state.method, training.epoch, 0
    optimizer = torch.optim.SGD(method.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)

    def step() -> None:
        nonlocal number
        batch = epoch.batch(number % training.batches.steps)
        number += 1
        with torch.autocast(batch.images.device.type, torch.bfloat16, precision == "bf16"):
            loss = method(batch.images, batch.labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(__doc__, words, backbone="resnet18_cifar", batch=32, rounds=21)
    device = choose_device("auto")
    (precision, *_), _ = hardware.possible_precisions("auto", device)
    images = random_images(8 * arguments.batch, device)
    sizes = {"backbone": arguments.backbone, "batch": arguments.batch, "precision": precision}
    ours, bare = (Training("CrossEntropy", "eager", images, **sizes) for _ in range(2))
    candidates = {"by hand": by_hand(bare, precision), "training loop": ours.step}
    repeats = 10 if device.type == "cuda" else 1
    seconds = take_turns(candidates, device, rounds=arguments.rounds, repeats=repeats)
    rows = compared(seconds, "by hand", arguments.batch, layout="channels last", **sizes)
    return report(rows, device, arguments.out)


if __name__ == "__main__":
    main()
