"""Writes docs/methods.md from the methods' own docstrings, and what each costs.

    python docs/generate_methods.py                # write the page (seconds)
    python docs/generate_methods.py --measure      # measure new methods first (a minute each)
    python docs/generate_methods.py --measure DLB  # and DLB anew; all: every method

Parameters and FLOPs are counted here. docs/methods.json keeps what was measured of each method: its
step time beside cross-entropy's, with the machine's name, and which networks it trains.
"""

import argparse
import inspect
import json
import re
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

import torch
from docstrings import as_markdown
from torch.utils.flop_counter import FlopCounterMode

import selfdistill as sd
from selfdistill.evaluation import hardware
from selfdistill.methods import KD, METHODS, Context, Method, Output
from selfdistill.pairing import Partner

HERE = Path(__file__).parent
PAGE = HERE / "methods.md"
MEASURED = HERE / "methods.json"
BACKBONE, CLASSES = "resnet18_cifar", 100
BACKBONES = {
    "resnet18_cifar": 32,
    "wrn_16_2": 32,
    "resnet18": 224,
    "convnext_atto": 224,
    "vit_tiny_patch16_224": 224,
}


class Measured(TypedDict):
    """What takes long to find out of a method."""

    step_time: float
    """In multiples of cross-entropy's."""
    machine: str
    networks: dict[str, str]
    """``yes`` for each network that the method trains; else the reason that it gives."""


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


def measure(names: Sequence[str], rounds: int = 7, count: int = 16) -> dict[str, Measured]:
    """Step time of methods beside cross-entropy's, and which networks they train."""
    kinds = {kind.__name__: kind for kind in METHODS if kind.__name__ in {*names, "CrossEntropy"}}
    ratios, machine = step_times(kinds, rounds, count)
    return {
        name: {
            "step_time": ratios[name],
            "machine": machine,
            "networks": {
                network: suits(kinds[name], network, BACKBONES[network]) for network in BACKBONES
            },
        }
        for name in names
    }


def step_times(
    kinds: dict[str, type[Method]], rounds: int, count: int
) -> tuple[dict[str, float], str]:
    """Processor seconds of a step relative to cross-entropy's, medians over interleaved rounds."""
    torch.set_num_threads(1)
    (chosen, *_), _ = hardware.possible_precisions("auto", torch.device("cpu"))
    steps = {}
    for name, kind in kinds.items():
        method = build(kind).to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.SGD(method.parameters(), 0.01, momentum=0.9)
        steps[name] = (optimizer, forward(method, count))
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
    return ratios, f"{machine}, one thread, batch {count}"


def suits(method_type: type[Method], backbone: str, size: int) -> str:
    """``yes`` if a training step runs on the backbone; else the reason that the method gives."""
    try:
        method = build(method_type, backbone, size).train()
    except ValueError as error:
        return str(error)
    forward(method, 2)().loss.backward()
    return "yes"


def networks_table(measured: dict[str, Measured]) -> str:
    """The table of methods and networks."""
    rows = [
        [name, *(figures["networks"][network] for network in BACKBONES)]
        for name, figures in measured.items()
    ]
    return table(["method", *BACKBONES], rows)


def cost_table(measured: dict[str, Measured]) -> str:
    """The table of what training with each method costs."""
    counted = costs()
    base = counted["CrossEntropy"]
    rows = [
        [
            name,
            f"{cost['parameters'] / 1e6:.2f} M",
            f"{cost['flops'] / base['flops']:.2f}",
            f"{measured[name]['step_time']:.2f}",
        ]
        for name, cost in counted.items()
    ]
    heading = ["method", "training parameters", "forward FLOPs", "step time"]
    timed: dict[str, list[str]] = {}
    for name, figures in measured.items():
        timed.setdefault(figures["machine"], []).append(name)
    machines = [f"{machine} ({', '.join(names)})" for machine, names in timed.items()]
    times = "; ".join(machines if len(timed) > 1 else timed)
    note = f"FLOPs and step time in multiples of cross-entropy's; times: {times}."
    return f"{table(heading, rows)}\n\n{note}"


def table(heading: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(method: type[Method]) -> str:
    """A method's idea, equation, reference, deviations and options."""
    module = inspect.getmodule(method)
    text = as_markdown(inspect.cleandoc(module.__doc__ or ""))
    text = re.sub(r"^(Reference|Deviations):\n", r"\n**\1.**\n", text, flags=re.MULTILINE)
    text = re.sub(r"^    (?=\S)", "", text, flags=re.MULTILINE)
    parameters = inspect.signature(method).parameters.values()
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    defaults = ", ".join(
        f"`{p.name}`" if p.default is p.empty else f"`{p.name}={p.default}`" for p in options
    )
    return f"## {method.__name__}\n\n{text}\n\n**Options.** {defaults or 'none'}"


def read_measured() -> dict[str, Measured]:
    """What was measured of each method so far, in the page's order."""
    stored = json.loads(MEASURED.read_text())
    return {kind.__name__: stored[kind.__name__] for kind in METHODS if kind.__name__ in stored}


def page(measured: dict[str, Measured]) -> str:
    """The whole page."""
    parts = [
        "# Methods",
        "Written by `python docs/generate_methods.py` from the methods' docstrings.",
        "## What they cost",
        f"On a 32-pixel ResNet-18 with {CLASSES} classes; at test every network costs the same.",
        cost_table(measured),
        "## Which networks they suit",
        networks_table(measured),
        *(section(method) for method in METHODS),
    ]
    return "\n\n".join(parts) + "\n"


def main(argv: list[str] | None = None) -> None:
    """Write the page."""
    known = [kind.__name__ for kind in METHODS]
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--measure",
        nargs="*",
        choices=[*known, "all"],
        metavar="METHOD",
        help="measure methods that have no figures yet, and those named, or all",
    )
    asked = parser.parse_args(argv).measure
    measured = read_measured()
    missing = [name for name in known if name not in measured]
    if asked is None and missing:
        raise SystemExit(f"{', '.join(missing)} not measured yet: run this with --measure")
    if asked is not None:
        names = [name for name in known if name in missing or name in asked or "all" in asked]
        MEASURED.write_text(json.dumps(measured | measure(names), indent=1) + "\n")
    PAGE.write_text(page(read_measured()))


if __name__ == "__main__":
    main()
