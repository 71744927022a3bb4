"""Runs promises, prints what came of them, and writes a table.

python -m torture [PROMISE…] [--tier small|full] [--out FOLDER] [--workers N]

Run it in ``tests/``. What has been run is kept in FOLDER with the commit, and not run again for the
same commit; what failed is.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import Empty, Queue

from .table import machine, table

TESTS = Path(__file__).parents[1]


class Worker:
    """A process that runs tasks one after another; another one takes its place if it dies."""

    def __init__(self, folder, tier):
        self.folder, self.tier = folder, tier
        self._start()

    def _start(self):
        folder, tier = self.folder, self.tier
        command = [sys.executable, "-W", "ignore", "-m", "torture.worker", str(folder), tier]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with folder.with_suffix(".log").open("w") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                cwd=TESTS,
                env=environment,
            )
        self.tasks = json.loads(self.process.stdout.readline())

    def run(self, task):
        """A task's result."""
        print(task, file=self.process.stdin)
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        code = self.process.wait()
        self._start()
        died = {"code": "", "text": task, "attempts": 0, "failed": 1, "held": False, "outcomes": {}}
        died |= {"failures": [f"the worker died with {code}"], "seconds": 0, "cpu_seconds": 0}
        return {**died, "task": task}

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def main():
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.splitlines()[0])
    parser.add_argument("promises", nargs="*", help="names of functions, or function/part")
    parser.add_argument("--tier", choices=("small", "full"), default="full")
    parser.add_argument("--out", type=Path, default=None, help="where results are kept")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp(prefix="torture-"))
    results = run(given.promises, out=out, tier=given.tier, workers=given.workers)
    content = {**machine(), "tier": given.tier, "results": results}
    (out / "torture.json").write_text(json.dumps(content, indent=1) + "\n")
    (out / "torture.md").write_text(table(content))
    print(table(content))
    return 0 if all(result["held"] for result in results) else 1


def run(names, *, out, tier, workers):
    """Results of all tasks that belong to the named promises, in the order of the promises."""
    out.mkdir(parents=True, exist_ok=True)
    commit = machine()["commit"]
    crew = [Worker(out / f"worker{number}", tier) for number in range(workers)]
    known = crew[0].tasks
    unknown = [name for name in names if name not in {*known, *(t.split("/")[0] for t in known)}]
    if unknown:
        sys.exit(f"torture: unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    chosen = [t for t in known if not names or t in names or t.split("/")[0] in names]
    results, waiting = {}, Queue()
    for task in chosen:
        file = _file(out, task)
        kept = json.loads(file.read_text()) if file.exists() else {}
        if kept.get("commit") == commit and kept.get("tier") == tier and kept["held"]:
            results[task] = kept
        else:
            waiting.put(task)

    def work(worker):
        while True:
            try:
                task = waiting.get_nowait()
            except Empty:
                return worker.end()
            results[task] = {**worker.run(task), "commit": commit, "tier": tier}
            _file(out, task).write_text(json.dumps(results[task], indent=1))
            _say(results[task])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in crew]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[task] for task in chosen if task in results]


def _file(out, task):
    return out / f"{task.replace('/', '+').replace(' ', '_')}.json"


def _say(result):
    held = "held" if result["held"] else "NOT HELD"
    seconds = f"{result['seconds']:.0f} s, {result['cpu_seconds']:.0f} of a processor"
    print(f"{held:<9} {result['code']:<4} {result['task']}: {result['attempts']} in {seconds}")
    for failure in result["failures"]:
        print(f"            {failure}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
