"""All benchmarks of a processor, one after the other, into a folder: minutes on two cores.

python -m benchmarks.cpu --out results/benchmarks/NAME
"""

import sys
from pathlib import Path

from . import decode, infer, loop, memory, pipeline, start, step
from .timing import options

PARTS = (start, pipeline, loop, infer, decode, step, memory)


def main(words: list[str] | None = None) -> None:
    """Measure, print and write."""
    arguments = options(__doc__, words, parts=[part.__name__.rpartition(".")[2] for part in PARTS])
    folder = arguments.out or Path("results/benchmarks/here")
    for part in PARTS:
        name = part.__name__.rpartition(".")[2]
        if name in arguments.parts:
            print(f"{name}:", file=sys.stderr, flush=True)
            part.main(["--out", str(folder / f"{name}.json")])


if __name__ == "__main__":
    main()
