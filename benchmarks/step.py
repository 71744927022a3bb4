"""Cost of a training step: methods against cross-entropy, ways of computing, number formats.

python -m benchmarks.step [--backbone resnet18_cifar] [--batch 32] [--rounds 7] [--out FILE]
"""

from torch.utils.flop_counter import FlopCounterMode

from selfdistill.evaluation import choose_device, hardware

from .timing import compared, options, report, take_turns
from .training import Training, methods, random_images


def gigaflop(training: Training) -> float:
    """Floating-point operations of a step, in units of 10⁹."""
    with FlopCounterMode(display=False) as counted:
        training.step()
    return counted.get_total_flops() / 1e9


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(
        __doc__,
        words,
        backbone="resnet18_cifar",
        batch=32,
        rounds=7,
        way="eager",
        methods=list(methods()),
    )
    device = choose_device("auto")
    (precision, *_), _ = hardware.possible_precisions("auto", device)
    images = random_images(8 * arguments.batch, device)
    sizes = {"backbone": arguments.backbone, "batch": arguments.batch}
    way, repeats = arguments.way, 10 if device.type == "cuda" else 1
    trainings = {
        name: Training(name, way, images, **sizes, precision=precision)
        for name in dict.fromkeys(["CrossEntropy", *arguments.methods])
    }
    operations = {name: gigaflop(training) for name, training in trainings.items()}
    steps = {name: training.step for name, training in trainings.items()}
    seconds = take_turns(steps, device, rounds=arguments.rounds, repeats=repeats)
    about = {"precision": precision, "layout": "channels last", "way": way, **sizes}
    rows = compared(seconds, "CrossEntropy", arguments.batch, **about)
    for row in rows:
        row["flop_ratio"] = operations[row["name"]] / operations["CrossEntropy"]
    plain = {}
    for kind, last in (("fp32", False), ("fp32", True), (precision, True)):
        name = f"{kind} channels {'last' if last else 'first'}"
        training = Training(
            "CrossEntropy", "eager", images, **sizes, precision=kind, channels_last=last
        )
        plain[name] = training.step
    seconds = take_turns(plain, device, rounds=arguments.rounds, repeats=repeats)
    rows += compared(seconds, "fp32 channels first", arguments.batch, way="eager", **sizes)
    return report(rows, device, arguments.out)


if __name__ == "__main__":
    main()
