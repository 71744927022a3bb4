"""Cost of a training step: methods against cross-entropy, ways of computing, number formats.

python -m benchmarks.step [--backbone resnet18_cifar] [--batch 32] [--rounds 7] [--out FILE]
"""

import argparse
from pathlib import Path

import torch

from selfdistill.evaluation import choose_device, hardware

from .timing import compared, machine, show, take_turns, write
from .training import WAYS, Training, methods, random_images


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet18_cifar")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--methods", nargs="+", default=list(methods()))
    parser.add_argument("--way", choices=WAYS, default="eager")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    device = choose_device("auto")
    (precision, *_), _ = hardware.possible_precisions("auto", device)
    images = random_images(8 * arguments.batch, device)
    sizes = {"backbone": arguments.backbone, "batch": arguments.batch}
    steps = {
        name: Training(name, arguments.way, images, **sizes, precision=precision).step
        for name in dict.fromkeys(["CrossEntropy", *arguments.methods])
    }
    repeats = 10 if device.type == "cuda" else 1
    seconds = take_turns(steps, device, rounds=arguments.rounds, repeats=repeats)
    about = {"precision": precision, "layout": "channels last", "way": arguments.way, **sizes}
    rows = compared(seconds, "CrossEntropy", arguments.batch, **about)
    plain = {}
    for kind, last in (("fp32", False), ("fp32", True), (precision, True)):
        name = f"{kind} channels {'last' if last else 'first'}"
        training = Training(
            "CrossEntropy", "eager", images, **sizes, precision=kind, channels_last=last
        )
        plain[name] = training.step
    seconds = take_turns(plain, device, rounds=arguments.rounds, repeats=repeats)
    rows += compared(seconds, "fp32 channels first", arguments.batch, way="eager", **sizes)
    head = machine(device)
    show(rows, head)
    write(arguments.out, head, rows)
    return rows


if __name__ == "__main__":
    main()
