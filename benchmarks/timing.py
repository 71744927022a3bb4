"""The one timer of all benchmarks, and what every result says of the machine.

Candidates take turns in one process, in rotated order: processor time on the CPU, CUDA events on a
GPU. A ratio is the median over rounds of ratios within a round, with its range.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from selfdistill.evaluation import hardware

Step = Callable[[], object]


def options(about: str | None, words: list[str] | None, **defaults: object) -> argparse.Namespace:
    """Read the options of a benchmark: those that its defaults name, and ``--out FILE``."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    for name, default in defaults.items():
        several = isinstance(default, list)
        kind = type(default[0] if several else default)
        parser.add_argument(f"--{name}", type=kind, default=default, nargs="+" if several else None)
    parser.add_argument("--out", type=Path)
    torch.set_num_threads(1)
    return parser.parse_args(words)


def take_turns(
    candidates: dict[str, Step], device: torch.device, *, rounds: int, repeats: int = 1
) -> dict[str, list[float]]:
    """Seconds of one call of each candidate, round by round; each is warmed up first."""
    names = list(candidates)
    for step in candidates.values():
        seconds_of(step, device, repeats)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(seconds_of(candidates[name], device, repeats))
    return seconds


def seconds_of(step: Step, device: torch.device, repeats: int) -> float:
    """Seconds of one of some calls in a row: of this process on the CPU, of the device on CUDA."""
    if device.type != "cuda":
        began = time.process_time()
        for _ in range(repeats):
            step()
        return (time.process_time() - began) / repeats
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    for _ in range(repeats):
        step()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1000 / repeats


def compared(seconds: dict[str, list[float]], base: str, images: int, **about: object) -> list:
    """A row for each candidate: milliseconds, images a second, and ratios to the base."""
    rows = []
    for name, own in seconds.items():
        ratios = [a / b for a, b in zip(own, seconds[base], strict=True)]
        rows.append(
            {
                "name": name,
                "milliseconds": 1000 * statistics.median(own),
                "images_per_second": images / statistics.median(own),
                "ratio": statistics.median(ratios),
                "ratio_range": [min(ratios), max(ratios)],
                "ratio_to": base,
                "rounds": len(own),
                **about,
            }
        )
    return rows


def machine(device: torch.device, **about: object) -> dict[str, object]:
    """What every result says: versions, processor or card, threads, load."""
    return {
        "torch": torch.__version__,
        "processor": hardware.processor_name(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        **about,
    }


def report(rows: list[dict], device: torch.device, out: Path | None, **about: object) -> list[dict]:
    """Print rows and, if a file is named, keep them; with what is said of the machine."""
    head = machine(device, **about)
    show(rows, head)
    write(out, head, rows)
    return rows


def show(rows: list[dict], head: dict[str, object]) -> None:
    """Print a table."""
    print(", ".join(f"{key} {value}" for key, value in head.items()))
    for row in rows:
        low, high = row["ratio_range"]
        print(
            f"  {row['name']:34} {row['milliseconds']:9.3f} ms {row['images_per_second']:9.0f} "
            f"images/s  {row['ratio']:.3f} × {row['ratio_to']} ({low:.3f} to {high:.3f})"
        )


def write(path: Path | None, head: dict[str, object], rows: list[dict]) -> None:
    """Keep results as JSON, if a path is given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"machine": head, "rows": rows}, indent=1) + "\n")
        part.replace(path)
