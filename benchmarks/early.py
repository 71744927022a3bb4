"""Time of an image with early exits beside the network alone, and its multiply-adds.

Untrained networks and images of noise: at every exit, half of what reaches it leaves.

python -m benchmarks.early [--backbones resnet18_cifar …] [--images 64] [--rounds 5] [--out FILE]
"""

import argparse
from pathlib import Path

import torch

import selfdistill as sd
from selfdistill.deployment import ExitGraph, confidence

from .timing import compared, machine, show, take_turns, write

BACKBONES = {"resnet18_cifar": 32, "wrn_16_2": 32, "resnet10t": 64, "vit_tiny_patch16_224": 64}
"""Networks, and the sides of their images in pixels."""
BATCHES = (1, 32)


def measure(backbone: str, count: int, rounds: int) -> list[dict]:
    """Rows of one network: alone and with early exits, by the size of the batch."""
    torch.manual_seed(0)
    size = BACKBONES.get(backbone, 32)
    method = sd.BYOT(sd.create_backbone(backbone, 100, image_size=size)).eval()
    graph = ExitGraph(method)
    names = [cost.name for cost in graph.early]
    stages = graph.divide(names)
    images = torch.randn(count, 3, size, size)
    going_on, thresholds = torch.ones(count, dtype=torch.bool), []
    with torch.no_grad():
        logits = stages(images)
    for name in names:
        scores = confidence(logits[name])
        thresholds.append(float(scores[going_on].median()))
        going_on &= scores <= thresholds[-1]
    ones = [1.0] * (len(names) + 1)
    taken = stages.answer(images, thresholds=thresholds, temperatures=ones).exits
    share = sum(stages.macs[exit] for exit in taken.tolist()) / count / graph.network.macs
    rows = []
    for batch in BATCHES:
        parts = images.split(batch)

        def alone(parts: tuple = parts) -> None:
            with torch.no_grad():
                for part in parts:
                    method.backbone.network(part)

        def early(parts: tuple = parts) -> None:
            for part in parts:
                stages.answer(part, thresholds=thresholds, temperatures=ones)

        candidates = {"network": alone, "early": early}
        seconds = take_turns(candidates, torch.device("cpu"), rounds=rounds)
        about = {"backbone": backbone, "side": size, "batch": batch, "macs_share": share}
        rows += compared(seconds, "network", count, **about)
    return rows


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", nargs="+", default=list(BACKBONES))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    rows = []
    for backbone in arguments.backbones:
        rows += measure(backbone, arguments.images, arguments.rounds)
    head = machine(torch.device("cpu"))
    show(rows, head)
    write(arguments.out, head, rows)
    return rows


if __name__ == "__main__":
    main()
