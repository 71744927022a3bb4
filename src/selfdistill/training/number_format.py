"""The number format of a run, and what it is part of: the run's directory and its hash."""

import math
from collections.abc import Callable
from pathlib import Path
from time import perf_counter as clock

import torch

from ..config import Recipe, Settings
from ..data import Batch, Splits
from ..evaluation import Precision, choose_device, possible_precisions
from ..methods import Method
from ..runs import RunDirectory
from .building import build, build_batches
from .step import context_words

MIN_GAIN = 1.1
"""How many times as fast bf16 must be to be chosen."""
MIN_ROUNDS, MAX_ROUNDS, BUDGET_SECONDS = 2, 10, 2.0
MIN_IMAGES, MAX_IMAGES = 8, 32
"""Of a measured step, where the batch divides so."""


def choose_number_format(
    settings: Settings, read_splits: Callable[[], Splits]
) -> tuple[Precision, str]:
    """The number format of a run, and the reason: that of the run there is, or else the faster.

    The images are read only where the formats are to be measured.

    Raises:
        ValueError: If the settings do not suit the data or the network.
    """
    device = choose_device(settings.execution.accelerator)
    formats, reason = possible_precisions(settings.ingredients.precision, device)
    if len(formats) == 1:
        return formats[0], reason
    for candidate in formats:
        stored = run_directory(settings, candidate).read_recipe()
        fresh = settings.execution.overwrite and settings.execution.out is not None
        if stored is not None and stored.get("precision") == candidate and not fresh:
            return candidate, "as the run began"
    if settings.backbone is None:
        settings.ingredients.backbone.check()
    return measured(settings, read_splits, device)


def measured(
    settings: Settings, read_splits: Callable[[], Splits], device: torch.device
) -> tuple[Precision, str]:
    """The faster format, and its reason; the run that follows is as it would be without this."""
    ingredients = settings.ingredients
    with torch.random.fork_rng(devices=[]):
        method, images = build(
            ingredients, read_splits(), settings.backbone, device, log=lambda _: None
        )
        batches = build_batches(ingredients, images, method, device)
        whole = batches.batch_size
        sizes = [n for n in range(MIN_IMAGES, MAX_IMAGES + 1) if whole % n == 0]
        size = max(sizes, default=whole)
        batch = batches.epoch(0).batch(0, parts=whole // size)
        return faster(method, batch)


def faster(method: Method, batch: Batch) -> tuple[Precision, str]:
    """bf16 if its steps are clearly faster, with the times; only the method's buffers change.

    Other work on the machine slows steps down and never speeds them up: the formats take turns,
    and the fastest step of each counts.
    """
    shortest: dict[Precision, float] = {"fp32": math.inf, "bf16": math.inf}
    rounds, began = 0, clock()
    while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and clock() - began < BUDGET_SECONDS):
        for number_format, best in shortest.items():
            start = clock()
            _step(method, batch, number_format)
            shortest[number_format] = min(best, clock() - start)
        rounds += 1
    chosen: Precision = "bf16" if MIN_GAIN * shortest["bf16"] <= shortest["fp32"] else "fp32"
    times = " and ".join(f"{1000 * best:.3g} ms in {name}" for name, best in shortest.items())
    return chosen, f"{len(batch.indices)} images take {times}"


def _step(method: Method, batch: Batch, number_format: Precision) -> None:
    with torch.autocast(batch.labels.device.type, torch.bfloat16, number_format == "bf16"):
        loss = method(batch.images, batch.labels, **context_words(method, batch)).loss
    loss.backward()
    method.zero_grad()


def run_directory(settings: Settings, number_format: Precision) -> RunDirectory:
    """Where a run lies: ``--out``, or the default directory of its recipe."""
    recipe = settings.recipe.resolved(precision=number_format)
    return RunDirectory(settings.execution.out or default_directory(recipe))


def default_directory(recipe: Recipe) -> Path:
    """Where a run goes without ``--out``: the same command finds it again."""
    label = f"{recipe.method}-{recipe.hash(with_seed=False)[:8]}"
    parts = [part for part in recipe.name.split("/") if part not in ("", ".", "..")]
    return Path("runs", *parts, label, f"seed{recipe.values['seed']}")


def identities(settings: Settings) -> list[str]:
    """The hashes by which a run may be known on this machine's kind of device."""
    device = choose_device(settings.execution.accelerator)
    formats, _ = possible_precisions(settings.ingredients.precision, device)
    return [settings.recipe.resolved(precision=candidate).hash() for candidate in formats]
