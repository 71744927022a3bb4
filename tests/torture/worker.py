"""A process that imports once and breaks one promise after another, as it is told on its input.

It prints the names of all tasks, then a line of JSON for each name that it reads.
"""

import gc
import json
import os
import shutil
import sys
import time
import traceback
import warnings
from pathlib import Path

from selfdistill.config import parse
from selfdistill.training import train

from .promises import PROMISES, Ground, attack, tasks
from .trained import WORDS


def main():
    out, full = Path(sys.argv[1]).absolute(), sys.argv[2] == "full"
    answers = os.fdopen(os.dup(1), "w", 1)
    os.dup2(2, 1)  # whatever else is printed is no answer
    warnings.simplefilter("ignore")
    shutil.rmtree(out, ignore_errors=True)  # what was left by a run that was broken off
    out.mkdir(parents=True)
    _warm_up(out / "warm")
    print(json.dumps(tasks(full=full)), file=answers)
    for line in sys.stdin:
        task = line.strip()
        ground = Ground(out, full)
        started, used = time.monotonic(), _cpu_seconds()
        try:
            result = attack(task, ground)
        except Exception:
            promised = PROMISES[task.partition("/")[0]]
            result = {"code": promised.code, "text": promised.text, "attempts": 0, "failed": 1}
            result |= {"held": False, "outcomes": {}, "failures": [traceback.format_exc()]}
        result |= {"task": task, "seconds": round(time.monotonic() - started, 1)}
        result["cpu_seconds"] = round(_cpu_seconds() - used, 1)
        print(json.dumps(result), file=answers)


def _cpu_seconds():
    """Of this process and all that it has waited for."""
    return sum(os.times()[:4])


def _warm_up(path):
    """Import what children would import each for itself, and spare them its garbage collection."""
    train(parse([*WORDS, "--method", "CrossEntropy", "--out", str(path)]))
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    main()
