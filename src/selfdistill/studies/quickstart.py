"""A first look: does a network that teaches itself get better than one that does not?"""

import os
from pathlib import Path

from ..consoles import console
from .grid import load
from .study import Outcome, StudyRunner


def quickstart(folder: Path) -> Outcome:
    """Train cross-entropy and SKDSAM on the embedded digits, three seeds each.

    Runs that are finished already are left as they are.

    Args:
        folder: Where the run directories go.
    """
    terminal = console()
    return StudyRunner(
        load("digits"),
        out=folder,
        results=None,
        jobs=os.cpu_count() or 1,
        further=(),
        say=lambda line: print(line, flush=True),
        console=terminal if terminal.is_interactive else None,
    ).run()
