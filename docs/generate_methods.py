"""Writes docs/methods.md from the methods' own docstrings, and what each costs.

    python docs/generate_methods.py            # write the page
    python docs/generate_methods.py --measure  # measure step times first (minutes)

Parameters and FLOPs are counted here. Step times are measured on the machine at hand and kept in
docs/step_times.json with the machine's name.
"""

import argparse
import inspect
import json
import os
import re
import statistics
import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

import selfdistill as sd
from selfdistill.methods import KD, METHODS, Context, Method, Output
from selfdistill.pairing import Partner

HERE = Path(__file__).parent
PAGE = HERE / "methods.md"
TIMES = HERE / "step_times.json"
BACKBONE, CLASSES = "resnet18_cifar", 100
BACKBONES = {
    "resnet18_cifar": 32,
    "wrn_16_2": 32,
    "resnet18": 224,
    "convnext_atto": 224,
    "vit_tiny_patch16_224": 224,
}


def build(method: type[Method], backbone: str = BACKBONE, size: int | None = None) -> Method:
    """A method on a new network; a teacher is a new network too."""
    network = sd.create_backbone(backbone, CLASSES, image_size=size)
    if method is KD:
        teacher = sd.create_backbone(backbone, CLASSES, image_size=size)
        return KD(network, teacher=teacher)
    return method(network)


def forward(method: Method, count: int) -> Callable[[], Output]:
    """The method's pass over random images as it asks for them."""
    views = () if method.partner is Partner.NONE else (2,)
    images = torch.randn(*views, count, *method.backbone.input_size)
    labels = torch.arange(count) % CLASSES
    if not method.needs_context:
        return partial(method, images, labels)
    memory = torch.full((count, CLASSES), 1 / CLASSES) if method.remembers else None
    context = Context(torch.arange(count), torch.tensor(1), torch.tensor(0.5), memory, labels)
    return partial(method, images, labels, context=context)


def costs() -> dict[str, dict[str, float]]:
    """Training parameters and forward FLOPs of every method, relative to the plain network."""
    found: dict[str, dict[str, float]] = {}
    for method_type in METHODS:
        method = build(method_type).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            forward(method, 2)()
        parameters = sum(p.numel() for p in method.parameters())
        found[method_type.__name__] = {
            "parameters": parameters,
            "flops": float(counter.get_total_flops()),
        }
    return found


def measure_steps(rounds: int = 7, count: int = 16) -> dict[str, object]:
    """Processor seconds of a step, relative to cross-entropy: medians over interleaved rounds."""
    from selfdistill.evaluation import hardware

    torch.set_num_threads(1)
    (chosen, *_), _ = hardware.possible_precisions("auto", torch.device("cpu"))
    steps = {}
    for method_type in METHODS:
        method = build(method_type).to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.SGD(method.parameters(), 0.01, momentum=0.9)
        steps[method_type.__name__] = (optimizer, forward(method, count))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for number in range(-1, rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            optimizer, run = steps[name]
            started = time.process_time()
            with torch.autocast("cpu", torch.bfloat16, enabled=chosen == "bf16"):
                loss = run().loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if number >= 0:
                seconds[name].append(time.process_time() - started)
    base = seconds["CrossEntropy"]
    ratios = {
        name: round(statistics.median(a / b for a, b in zip(values, base, strict=True)), 2)
        for name, values in seconds.items()
    }
    machine = f"{hardware.processor_name()}, torch {torch.__version__}, {chosen}, channels last"
    where = f"{machine}, one thread, batch {count}, load {os.getloadavg()[0]:.1f}"
    return {"machine": where, "ratios": ratios}


def suits(method_type: type[Method], backbone: str, size: int) -> str:
    """``yes`` if a training step runs on the backbone; else the reason that the method gives."""
    try:
        method = build(method_type, backbone, size).train()
    except ValueError as error:
        return str(error)
    forward(method, 2)().loss.backward()
    return "yes"


def suitability(sizes: dict[str, int] = BACKBONES) -> str:
    """The table of methods and backbones."""
    rows = [
        [method.__name__, *(suits(method, name, size) for name, size in sizes.items())]
        for method in METHODS
    ]
    return table(["method", *sizes], rows)


def cost_table() -> str:
    """The table of what training with each method costs."""
    measured = json.loads(TIMES.read_text())
    if new := [method.__name__ for method in METHODS if method.__name__ not in measured["ratios"]]:
        raise SystemExit(f"no step time of {', '.join(new)} yet: run this with --measure")
    counted = costs()
    base = counted["CrossEntropy"]
    rows = [
        [
            name,
            f"{cost['parameters'] / 1e6:.2f} M",
            f"{cost['flops'] / base['flops']:.2f}",
            f"{measured['ratios'][name]:.2f}",
        ]
        for name, cost in counted.items()
    ]
    heading = ["method", "training parameters", "forward FLOPs", "step time"]
    note = f"FLOPs and step time in multiples of cross-entropy's; times: {measured['machine']}."
    return f"{table(heading, rows)}\n\n{note}"


def table(heading: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(method: type[Method]) -> str:
    """A method's idea, equation, reference, deviations and options."""
    module = inspect.getmodule(method)
    text = inspect.cleandoc(module.__doc__ or "")
    text = re.sub(r"\.\. math::\n((?:\n| +.*\n?)+)", _display, text)
    text = re.sub(r"\.\. math:: (.+(?:\n +.+)*)", r"$$\1$$", text)
    text = re.sub(r":math:`((?:.|\n)+?)`", r"$\1$", text)
    text = re.sub(r":mod:`(?:\w+\.)*(\w+)`", r"`\1`", text).replace("``", "`")
    text = re.sub(r"^(Reference|Deviations):\n", r"\n**\1.**\n", text, flags=re.MULTILINE)
    text = re.sub(r"^    (?=\S)", "", text, flags=re.MULTILINE)
    parameters = inspect.signature(method).parameters.values()
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    defaults = ", ".join(
        f"`{p.name}`" if p.default is p.empty else f"`{p.name}={p.default}`" for p in options
    )
    return f"## {method.__name__}\n\n{text}\n\n**Options.** {defaults or 'none'}"


def _display(match: re.Match[str]) -> str:
    return f"$$\n{textwrap.dedent(match[1]).strip()}\n$$\n\n"


def page(suitable: str) -> str:
    """The whole page."""
    parts = [
        "# Methods",
        "Written by `python docs/generate_methods.py` from the methods' docstrings.",
        "## What they cost",
        f"On a 32-pixel ResNet-18 with {CLASSES} classes; at test every network costs the same.",
        cost_table(),
        "## Which networks they suit",
        suitable,
        *(section(method) for method in METHODS),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", action="store_true", help="measure step times first")
    if parser.parse_args().measure:
        TIMES.write_text(json.dumps(measure_steps(), indent=1) + "\n")
    PAGE.write_text(page(suitability()))


if __name__ == "__main__":
    main()
