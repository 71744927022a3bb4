"""Exported files as models that classify pictures."""

from pathlib import Path

from ..backbones import CONFIG, parse_description
from ..deployment import Model, parse_probabilities
from ..limits import max_memory
from ..runs import parse_json, read_bytes
from .network import ExportedNetwork
from .onnx_file import OnnxRunner
from .program_file import ProgramRunner

ENDINGS = {"onnx": ".onnx", "torch-export": ".pt2"}
"""Of the kinds of file."""
RUNNERS = {".onnx": OnnxRunner, ".pt2": ProgramRunner}


def load_file(path: Path) -> Model:
    """Open a file that ``selfdistill export`` wrote.

    Args:
        path: The file; its ending says what it is.

    Raises:
        ValueError: If it is missing or damaged, or another program's.
    """
    return load_content(read_bytes(path, max_bytes=max_memory() // 3), path)


def load_content(content: bytes, path: Path) -> Model:
    """Open the content of such a file.

    Args:
        content: Its bytes.
        path: Where they are, or will be.

    Raises:
        ValueError: If they are damaged, or another program's.
    """
    if path.suffix.lower() not in RUNNERS:
        raise ValueError(
            f"{path} is a file: name a run, or an exported file, which ends in "
            f"{' or '.join(ENDINGS.values())}"
        )
    runner = RUNNERS[path.suffix.lower()](content, path)
    if runner.description is None:
        raise ValueError(
            f"{path} does not describe its classes ({CONFIG} is missing in its metadata): only "
            "files that `selfdistill export` wrote are read"
        )
    fields = parse_json(path, runner.description.encode())
    description = parse_description(fields)
    network = ExportedNetwork(runner, description.preprocessing)
    return Model(
        network.eval(),
        description.classes,
        description.preprocessing,
        parse_probabilities(fields),
    )
