"""The two calls that a short visit to a GPU needs.

    python -m benchmarks.gpu first --seconds 240 --out DIR
    python -m benchmarks.gpu second --seconds 480 --out DIR --data ROOT

*first* runs the tests marked ``gpu``, measures the card's two ceilings, and steps of every method
in every way; *second* trains cross-entropy and SKDSAM on CIFAR-100 for 200 epochs side by side,
then FRSKD, then further seeds. Both end before their time is up, write what they have after every
piece of work, and print a table last. ``--tiny`` rehearses them on any machine.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from selfdistill.evaluation import choose_device, hardware

from .roofline import ceilings
from .timing import machine, seconds_of, write
from .training import WAYS, Training, methods, random_images

ROOT = Path(__file__).parents[1]
URGENT = ("CrossEntropy", "SKDSAM", "BYOT", "FRSKD")
RUNS = (("CrossEntropy", 0), ("SKDSAM", 0), ("FRSKD", 0), ("CrossEntropy", 1), ("SKDSAM", 1))
RESERVE = 15
"""Seconds that are kept back for an orderly end."""


class _Operations(TorchDispatchMode):
    """Counts operations, and bytes of what each reads and writes: what no fusion could save."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.bytes = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.count += 1
        if func.overloadpacket in (torch.ops.aten.convolution, torch.ops.aten.convolution_backward):
            tensors = [t for t in (*args, result) if isinstance(t, torch.Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return result


def launches(training: Training) -> tuple[int | None, int | None]:
    """Kernels (or graphs) launched and waits for the device in one step; None without CUDA."""
    if not torch.cuda.is_available():
        return None, None
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        training.step()
    counts = Counter(event.name for event in seen.events())
    launched = sum(n for name, n in counts.items() if "Launch" in name)
    waits = sum(n for name, n in counts.items() if name.startswith("cudaStreamSynchronize"))
    torch.cuda.synchronize()
    return launched, waits


def floor(training: Training, ceiling: dict[str, float]) -> tuple[float, float]:
    """GFLOP of a step, and the least milliseconds that its convolutions take on this card."""
    with FlopCounterMode(display=False) as flops, _Operations() as operations:
        training.step()
    total = flops.get_total_flops()
    compute = total / (ceiling["tflops"] * 1e12)
    return total / 1e9, 1000 * max(
        compute, operations.bytes / (ceiling["terabytes_per_second"] * 1e12)
    )


def measured(name: str, way: str, batch: int, ceiling: dict[str, float], tiny: bool) -> dict:
    """One row: milliseconds a step, images a second, launches, waits, floor, peak memory."""
    device = choose_device("auto")
    (precision, *_), _ = hardware.possible_precisions("auto", device)
    images = random_images(64 if tiny else 50_000, device)
    backbone = "small" if tiny else "resnet18_cifar"
    row: dict[str, object] = {"method": name, "way": way, "batch": batch, "precision": precision}
    options = {"backbone": backbone, "batch": batch, "precision": precision}
    began = time.monotonic()
    try:
        eager = Training(name, "eager", images, **options)
        row["gigaflop"], row["floor_ms"] = floor(eager, ceiling)
        del eager
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        training = Training(name, way, images, **options)
        for _ in range(1 if tiny else 6):
            training.step()
        row["prepared_s"] = time.monotonic() - began
        each = [seconds_of(training.step, device, 1 if tiny else 30) for _ in range(3)]
        row |= {"milliseconds": 1000 * min(each), "images_per_second": batch / min(each)}
        row["share_of_floor"] = row["floor_ms"] / row["milliseconds"]  # pyright: ignore
        row["launches"], row["waits"] = launches(training)
        row["taken"] = str(training.state.way)
        if device.type == "cuda":
            row["peak_bytes"] = torch.cuda.max_memory_allocated()
    except Exception as error:  # one that fails is a result, too, and ends no visit
        row["failed"] = f"{type(error).__name__}: {str(error).splitlines()[:1]}"
    return row


def first(arguments: argparse.Namespace) -> list[dict]:
    """Tests, ceilings, and steps of all methods in all ways, the most urgent first."""
    device, tiny = choose_device("auto"), arguments.tiny
    end = time.monotonic() + arguments.seconds - RESERVE
    out, rows = arguments.out, list[dict]()
    tests = _start_tests(out) if not tiny else None
    ceiling = ceilings(device, 64 if tiny else 8192, 2 if tiny else 10)
    head = machine(device, **ceiling)
    write(out / "first.json", head, rows)
    if tests is not None:
        _wait(tests, time.monotonic() + 0.4 * arguments.seconds)
        print((out / "tests.txt").read_text()[-1500:])
    ways = ("eager",) if device.type != "cuda" else WAYS
    batches = (8,) if tiny else (128, 512)
    names = URGENT[:2] if tiny else tuple(dict.fromkeys([*URGENT, *methods()]))
    plan = [(n, w, b) for w in reversed(ways) for b in batches for n in names if n in URGENT]
    # compiling takes longest, and comes last where it is of least interest
    plan += [(n, w, b) for w in sorted(ways, key=_compiles) for b in batches for n in names]
    longest: dict[bool, float] = {False: 5.0, True: 30.0}
    for name, way, batch in dict.fromkeys(plan):
        began = time.monotonic()
        if began + (0 if tiny else longest[_compiles(way)]) > end:
            continue
        rows.append(measured(name, way, batch, ceiling, tiny))
        took = time.monotonic() - began
        longest[_compiles(way)] = max(took, 0.7 * longest[_compiles(way)])
        write(out / "first.json", head, rows)
        print(json.dumps(rows[-1]), flush=True)
    rows.sort(key=lambda row: (row["batch"], row["way"], row["method"]))
    write(out / "first.json", head, rows)
    for row in rows:
        if "failed" in row:
            print(f"{row['method']:15} {row['way']:15} {row['batch']:4}  {row['failed']}")
            continue
        print(
            f"{row['method']:15} {row['way']:15} {row['batch']:4} {row['milliseconds']:8.3f} ms "
            f"{row['images_per_second']:8.0f} images/s  {100 * row['share_of_floor']:3.0f} % of "
            f"floor  {row['launches']} launches  {row['waits']} waits  "
            f"{row.get('peak_bytes', 0) / 2**30:.2f} GiB"
        )
    return rows


def _compiles(way: str) -> bool:
    return way in ("compiled", "graph")


def _start_tests(out: Path) -> subprocess.Popen:
    # without the hook that checks types at run time: code that it rewrites does not compile whole
    words = ["-q", "-m", "gpu", "-o", "addopts=--strict-markers", "-p", "no:cacheprovider", "tests"]
    with (out / "tests.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *words], cwd=ROOT, stdout=log, stderr=log
        )


def _wait(process: subprocess.Popen, end: float) -> None:
    try:
        process.wait(max(1.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)


def second(arguments: argparse.Namespace) -> list[dict]:
    """Runs side by side, two at a time, each its own process, while there is time."""
    began, tiny = time.monotonic(), arguments.tiny
    end = began + arguments.seconds - RESERVE
    out, waiting = arguments.out, list(RUNS[:2] if tiny else RUNS)
    going: dict[tuple[str, int], tuple[subprocess.Popen, float]] = {}
    longest = 0.0
    while waiting or going:
        now = time.monotonic()
        while waiting and len(going) < arguments.side_by_side and now + longest < end:
            run = waiting.pop(0)
            going[run] = _start_run(*run, end - now, arguments), now
        if waiting and not going:
            break  # no time for another
        for run, (process, started) in list(going.items()):
            if process.poll() is not None:
                longest = max(longest, now - started)
                del going[run]
        _keep(out, began)
        time.sleep(0.2 if tiny else 2)
        if now > end + RESERVE / 2:
            for process, _ in going.values():
                process.kill()
    return _keep(out, began, show=True)


def _start_run(
    name: str, seed: int, seconds: float, arguments: argparse.Namespace
) -> subprocess.Popen:
    words = ["--config", "cifar100/thesis", "--data.root", str(arguments.data)]
    words += ["--legacy-test-curve", "false", "--compile", "graph", "--threads", "4"]
    if arguments.tiny:
        words = ["--config", "digits", "--backbone.width", "8", "--epochs", "2", "--threads", "1"]
        words += ["--warmup-epochs", "0", "--data.train-per-class", "5"]
    folder = arguments.out / "runs" / f"{name}-s{seed}"
    words += ["--method", name, "--seed", str(seed), "--out", str(folder)]
    words += ["--stop-after", f"{seconds:.0f}"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "selfdistill", "train", *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
            stdout=log,
            stderr=log,
        )


def _keep(out: Path, began: float, *, show: bool = False) -> list[dict]:
    """Copy logs and summaries out of the runs, and tell how far each is."""
    rows: list[dict] = []
    for folder in sorted(path for path in (out / "runs").glob("*") if path.is_dir()):
        kept = out / "kept"
        kept.mkdir(exist_ok=True)
        lines = []
        for name in ("log.jsonl", "summary.json", "environment.json", "recipe.yaml"):
            if (file := folder / name).exists():
                shutil.copy(file, kept / f"{folder.name}.{name}")
                lines = file.read_text().splitlines() if name == "log.jsonl" else lines
        rates = [json.loads(line)["images_per_second"] for line in lines[1:]]
        row: dict[str, object] = {
            "run": folder.name,
            "epochs": len(lines),
            "images_per_second": sorted(rates)[len(rates) // 2] if rates else None,
            "seconds_per_epoch": json.loads(lines[-1])["seconds"] / len(lines) if lines else None,
        }
        if (folder / "summary.json").exists():
            test = json.loads((folder / "summary.json").read_text())["test"]
            row["test_accuracy"] = test and test["last"]["network"]["accuracy"]
        rows.append(row)
    head = machine(choose_device("auto"), seconds=round(time.monotonic() - began, 1))
    write(out / "second.json", head, rows)
    if show:
        for row in rows:
            print(", ".join(f"{key} {value}" for key, value in row.items()))
    return rows


def main(words: list[str] | None = None) -> list[dict]:
    """Make a call."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("call", choices=("first", "second"))
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--side-by-side", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args(words)
    arguments.out = arguments.out.resolve()
    arguments.data = arguments.data.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    return (first if arguments.call == "first" else second)(arguments)


if __name__ == "__main__":
    main()
