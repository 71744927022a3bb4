"""What augmentation costs beside plain gathering and standardising, on one core.

python -m benchmarks.pipeline [--batch 128] [--rounds 30] [--out FILE]
"""

from collections.abc import Callable, Sequence

from selfdistill.data import Augmentation, Batches, Cutout, Flip, ImageSet, PadCrop, Pipeline
from selfdistill.evaluation import choose_device
from selfdistill.pairing import Partner

from .timing import compared, options, report, take_turns
from .training import PREPROCESSING, random_images

LISTS: dict[str, Sequence[Augmentation]] = {
    "gather, standardise": [],
    "crop, flip": [PadCrop(), Flip()],
    "crop (reflect), flip": [PadCrop(mode="reflect"), Flip()],
    "crop, flip, cutout": [PadCrop(), Flip(), Cutout()],
}


def batch_maker(train: ImageSet, steps: Sequence[Augmentation], batch: int) -> Callable[[], object]:
    """What makes one batch of an epoch after the other."""
    batches = Batches(
        train,
        pipeline=Pipeline(steps, PREPROCESSING),
        partner=Partner.NONE,
        batch_size=batch,
        seed=0,
        device=train.images.device,
    )
    epoch, number = batches.epoch(0), 0

    def make() -> object:
        nonlocal number
        number = (number + 1) % batches.steps
        return epoch.batch(number)

    return make


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(__doc__, words, batch=128, rounds=30, repeats=20, images=50_000)
    device = choose_device("auto")
    train = random_images(arguments.images, device)
    makers = {name: batch_maker(train, steps, arguments.batch) for name, steps in LISTS.items()}
    seconds = take_turns(makers, device, rounds=arguments.rounds, repeats=arguments.repeats)
    rows = compared(seconds, next(iter(LISTS)), arguments.batch, batch=arguments.batch)
    about = "3 × 32 × 32 bytes to float32, channels last"
    return report(rows, device, arguments.out, images=about)


if __name__ == "__main__":
    main()
