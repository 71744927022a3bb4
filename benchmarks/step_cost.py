"""Cost of a training step: methods against cross-entropy, number formats, the loop's overhead.

    python benchmarks/step_cost.py [--backbone resnet18_cifar] [--batch 32] [--rounds 7]

Ratios are medians over rounds in one process: candidates take turns in rotated order, one thread,
processor time on the CPU. Images are random.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch

import selfdistill as sd
from selfdistill.config import parse
from selfdistill.data import Batches, ImageSet, PadCrop, Pipeline, Preprocessing
from selfdistill.evaluation import hardware
from selfdistill.methods import METHODS, Context, Method
from selfdistill.pairing import Partner
from selfdistill.training import engine
from selfdistill.training.state import TrainState

Step = Callable[[], None]


def method_step(build: type[Method], arguments: argparse.Namespace, *, bf16: bool) -> Step:
    """A bare step of a method: forward, backward, optimizer."""
    method = build(sd.create_backbone(arguments.backbone, 100)).train()
    return bare_step(method, arguments.batch, bf16=bf16, channels_last=True)


def bare_step(method: Method, batch: int, *, bf16: bool, channels_last: bool) -> Step:
    """What somebody would write by hand."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    method = method.to(memory_format=layout)
    views = 1 if method.partner is Partner.NONE else 2
    images = torch.randn(views * batch, 3, 32, 32).to(memory_format=layout)
    if views == 2:
        images = images.unflatten(0, (2, batch))
    inputs = [images, torch.randint(100, (batch,))]
    memory = torch.full((batch, 100), 0.01) if method.remembers else None
    context = Context(torch.arange(batch), torch.tensor(1), torch.tensor(0.5), memory, inputs[1])
    words = {"context": context} if method.needs_context else {}
    optimizer = torch.optim.SGD(method.parameters(), 0.1, momentum=0.9, nesterov=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = method(*inputs, **words).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def loop_steps(arguments: argparse.Namespace, *, bf16: bool) -> tuple[Step, Step]:
    """A step of the training loop, data included, and the same by hand."""
    recipe = parse(["--config", "cifar100/strong", "--method", "CrossEntropy"]).ingredients
    count = 8 * arguments.batch
    pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    train = ImageSet(pixels, torch.arange(count) % 100, tuple(map(str, range(100))))
    pipeline = Pipeline([PadCrop()], Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))

    def make() -> tuple[Method, Batches]:
        method = sd.CrossEntropy(sd.create_backbone(arguments.backbone, 100))
        batches = Batches(
            train,
            pipeline=pipeline,
            partner=method.partner,
            batch_size=arguments.batch,
            seed=0,
        )
        return method.to(memory_format=torch.channels_last).train(), batches  # pyright: ignore

    method, batches = make()
    fabric = engine.build(torch.device("cpu"), "bf16" if bf16 else "fp32")
    state = TrainState(
        fabric, method, recipe, steps=10**9, images=len(batches.train), compiled=False
    )
    epoch = batches.epoch(0)

    def ours() -> None:
        state.step %= batches.steps
        state.train_step(epoch)

    bare, other_batches = make()
    other_epoch, number = other_batches.epoch(0), 0
    optimizer = recipe.optimizer(bare.parameters())

    def by_hand() -> None:
        nonlocal number
        batch = other_epoch.batch(number % other_batches.steps)
        number += 1
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = bare(batch.images, batch.labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return ours, by_hand


def take_turns(candidates: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each candidate in each round."""
    for step in candidates.values():
        step()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.process_time()
            candidates[name]()
            seconds[name].append(time.process_time() - started)
    return seconds


def report(title: str, seconds: dict[str, list[float]], base: str, batch: int) -> None:
    """Print ratios to the base, of the same round: median, lowest, highest."""
    print(f"\n{title}")
    for name, values in seconds.items():
        ratios = [value / other for value, other in zip(values, seconds[base], strict=True)]
        print(
            f"  {name:28} {statistics.median(ratios):5.2f} × {base} "
            f"({min(ratios):.2f} to {max(ratios):.2f}), "
            f"{batch / statistics.median(values):6.0f} images/s"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet18_cifar")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    (chosen, *_), reason = hardware.possible_precisions("auto", torch.device("cpu"))
    bf16 = chosen == "bf16"
    print(
        f"torch {torch.__version__}, {hardware.processor_name()}, {chosen} ({reason}), "
        f"channels last, 1 thread, load {os.getloadavg()[0]:.1f}, {arguments.backbone}, "
        f"batch {arguments.batch}, {arguments.rounds} rounds"
    )
    methods = [build for build in METHODS if build.__name__ != "KD"]
    steps = {build.__name__: method_step(build, arguments, bf16=bf16) for build in methods}
    report("methods", take_turns(steps, arguments.rounds), "CrossEntropy", arguments.batch)

    def plain(*, bf16: bool, channels_last: bool) -> Step:
        method = sd.CrossEntropy(sd.create_backbone(arguments.backbone, 100)).train()
        return bare_step(method, arguments.batch, bf16=bf16, channels_last=channels_last)

    formats = {
        "fp32 channels first": plain(bf16=False, channels_last=False),
        "fp32 channels last": plain(bf16=False, channels_last=True),
    }
    if bf16:
        formats["bf16 channels last"] = plain(bf16=True, channels_last=True)
    report(
        "number formats",
        take_turns(formats, arguments.rounds),
        "fp32 channels first",
        arguments.batch,
    )
    ours, by_hand = loop_steps(arguments, bf16=bf16)
    steps = {"by hand": by_hand, "training loop": ours}
    report("the loop", take_turns(steps, 3 * arguments.rounds), "by hand", arguments.batch)


if __name__ == "__main__":
    main()
