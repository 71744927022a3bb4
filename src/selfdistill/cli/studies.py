"""Commands about many runs: study, quickstart."""

import argparse
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..consoles import console
from .parser import at_least, parser_of, seconds
from .reports import print_comparison

if TYPE_CHECKING:
    from ..studies import Backend, StudyLayout


def quickstart(words: list[str]) -> int:
    """Compare two methods on digits."""
    parser = parser_of("quickstart")
    parser.add_argument("--out", type=Path, default=Path("runs/quickstart"), help="run directories")
    folder: Path = parser.parse_args(words).out
    from .. import studies

    layout = studies.StudyLayout(studies.load("digits"), out=folder, results=None)
    return _run(layout, folder, jobs=os.cpu_count() or 1, split=None)


def study(words: list[str]) -> int:
    """Train what a grid misses, and compare."""
    start = time.monotonic()
    args, further = _parser().parse_known_args(words)
    name = further.pop(0) if further and not further[0].startswith("--") else None
    methods: list[str] = args.methods or []
    if name is None and not methods:
        raise ValueError("name a study or its file, or give --data and --methods")
    if name is not None and methods:
        raise ValueError(f"study {name} says what is compared: leave --methods out")
    if name is not None and args.seeds is not None:
        raise ValueError(f"study {name} has its seeds: --seeds goes with --methods")
    from .. import studies
    from ..config import read_options

    options = read_options(further)
    if name is not None:
        grid, out = studies.load(name), args.out or studies.default_out(name)
    else:
        grid, out = studies.write_study(
            options, methods=methods, seeds=args.seeds or [3], out=args.out
        )
        options = []  # the study's file holds them
    if "seed" in dict(options):
        raise ValueError(f"--seed {dict(options)['seed']}: study {grid.name} has its seeds")
    backend: Backend | None = None
    if args.engine == "ray":
        from ..studies import ray_jobs

        backend = partial(ray_jobs.run_all, cpus=args.cpus, gpus=args.gpus)
    layout = studies.StudyLayout(grid, out=out, results=args.results, options=options)
    left = None if args.budget is None else args.budget - (time.monotonic() - start)
    return _run(
        layout, out / grid.name, jobs=args.jobs, split=grid.split, backend=backend, budget=left
    )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("study")
    parser.usage = (
        "selfdistill study NAME|FILE [options of train]\n"
        "       selfdistill study --data PATH --methods METHOD… [--seeds 3] [options of train]"
    )
    add = parser.add_argument
    add("--methods", nargs="+", metavar="METHOD", help="compare these, instead of a study's cells")
    add("--seeds", nargs="+", type=int, metavar="N", help="how many (default 3), or which ones")
    add("--out", type=Path, help="run directories; default: runs, or where the study's file lies")
    add("--results", type=Path, help="copy finished summaries here; runs that are there are done")
    add("--budget", type=seconds, metavar="TIME", help="stop before 90s, 9m, 2h are over")
    add("--jobs", type=at_least(1), default=1, help="runs at the same time on this machine")
    add("--engine", choices=("local", "ray"), default="local", help="ray: on a Ray cluster")
    add(
        "--cpus", type=at_least(1), default=1, help="with --engine ray: processor cores of each run"
    )
    add("--gpus", type=float, default=0.0, help="with --engine ray: GPUs of each run, e.g. 0.5")
    return parser


def _run(
    layout: "StudyLayout",
    folder: Path,
    *,
    jobs: int,
    split: str | None,
    backend: "Backend | None" = None,
    budget: float | None = None,
) -> int:
    """Run a study, and print what it found and what it still misses."""
    from .. import reports, studies

    terminal = console()
    outcome = studies.StudyRunner(
        layout,
        jobs=jobs,
        log=partial(print, flush=True),
        backend=backend,
        console=terminal if terminal.is_interactive else None,
    ).run(budget)
    for reason in dict.fromkeys(outcome.missing.values()):
        runs = (run for run, why in outcome.missing.items() if why == reason)
        print(f"not finished: {', '.join(runs)}: {reason}")
    if outcome.missing:
        total = len(outcome.missing) + len(outcome.summaries)
        next_time = "the same command goes on with them"
        if outcome.failed:
            next_time = f"{outcome.failed} failed; the same command tries again"
        print(f"{len(outcome.missing)} of {total} runs remain: {next_time}.")
    print(f"The runs are in {folder}.")
    if outcome.summaries:
        comparison = reports.compare([reports.read(run) for run in outcome.summaries], split)
        print_comparison(comparison)
        print(reports.headline(comparison))
    return outcome.code
