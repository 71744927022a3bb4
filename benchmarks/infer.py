"""Images a second of evaluation beside a loop as timm's ``validate.py`` has it: forward, no more.

python -m benchmarks.infer [--backbone resnet18_cifar] [--images 1000] [--rounds 7] [--out FILE]
"""

import torch

import selfdistill as sd
from selfdistill.evaluation import choose_device, place, predict

from .timing import compared, options, report, take_turns
from .training import PREPROCESSING, random_images

BATCH = 125


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(__doc__, words, backbone="resnet18_cifar", images=1000, rounds=7)
    device = choose_device("auto")
    method = place(sd.CrossEntropy(sd.create_backbone(arguments.backbone, 100)), device).eval()
    images = random_images(arguments.images, device)
    network = method.backbone.network

    def plain() -> None:
        with torch.inference_mode():
            for start in range(0, len(images), BATCH):
                pixels = images.images[start : start + BATCH].to(device)
                output = network(PREPROCESSING.standardise(pixels))
                torch.nn.functional.cross_entropy(output, images.labels[start : start + BATCH])
                output.topk(5)

    candidates = {
        "forward in a loop, timm's way": plain,
        "predict": lambda: predict(method, images, PREPROCESSING),
    }
    seconds = take_turns(candidates, device, rounds=arguments.rounds)
    rows = compared(
        seconds, next(iter(candidates)), len(images), backbone=arguments.backbone, precision="fp32"
    )
    return report(rows, device, arguments.out)


if __name__ == "__main__":
    main()
