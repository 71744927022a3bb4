"""The command that writes a trained network as a file for other programs."""

import json
from pathlib import Path

from ..runs import RunDirectory, read_checked_json, replace_file
from .parser import parser_of

ENDINGS = {"onnx": ".onnx", "torch-export": ".pt2"}


def export(words: list[str]) -> int:
    """Write a network as a file, and compare its answers with the run's."""
    parser = parser_of("export")
    parser.epilog = (
        "The file is compared with the run on validation images, or test images where there are "
        "none. --data.root FOLDER says where they lie now."
    )
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--to", choices=tuple(ENDINGS), default="onnx", help="kind of file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the run's name, here")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    args, further = parser.parse_known_args(words)
    out = _destination(args.run, args.out, ENDINGS[args.to], overwrite=args.overwrite)
    from .. import export
    from ..backbones import CONFIG
    from ..config import read_changes
    from ..deployment import load
    from ..inspection import FinishedRun, choose_images, own_network

    if args.to == "onnx":
        export.require_onnx()
    changes, execution = read_changes(further)
    run = RunDirectory(args.run)
    finished = FinishedRun(run, changes, execution)
    ((split, images), *_) = choose_images(finished, None).parts.items()
    network = own_network(run, allow_own_code=execution.allow_own_code)
    model = load(run.path, network=network)
    description = json.dumps(read_checked_json(run.model / CONFIG).values)
    as_bytes = export.onnx_bytes if args.to == "onnx" else export.program_bytes
    content = as_bytes(export.trace(model), description)
    parity = export.check_parity(model, export.load_content(content, out), images.images)
    replace_file(out, content)
    print(f"{split}: {parity}")
    print(f"{out}: {len(content) / 1e6:.1f} MB")
    return 0


def _destination(run: Path, out: Path | None, ending: str, *, overwrite: bool) -> Path:
    """Where the file goes; refused before anything is computed."""
    out = out or Path(run.resolve().name + ending)
    if out.suffix.lower() != ending:
        raise ValueError(f"--out {out}: name a file that ends in {ending}")
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder: name a file in it")
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists: name another file with --out, or add --overwrite")
    return out
