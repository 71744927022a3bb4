"""torch.export: a traced classifier as the bytes of a file, and such a file run by torch.

``torch.export.load`` unpickles, evaluates and imports what a file names. Only an archive that can
ask for none of it is given to it: put together anew, from members that were looked through first.
"""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from ..backbones import CONFIG
from .network import Answers

MEMBER = re.compile(
    r"[\w-]+/(data/(weights|constants)/(weight_\d+|tensor_\d+|model_(weights|constants)_config\.json)"
    r"|data/sample_inputs/model\.pt|models/model\.json|extra/config\.json|archive_(format|version)"
    r"|byteorder|\.data/(version|serialization_id))"
)
SPECS = tuple(pytree.treespec_dumps(pytree.tree_structure(tree)) for tree in (((0,), {}), (0, 0)))
"""What goes in and comes out: images; probabilities and logits."""
PLAIN = re.compile(r"[\w.+-]*")
ALLOWED = {
    "target": re.compile(
        r"torch\.ops\.aten\.(?!from_file|set_)\w+\.\w+|_operator\.(add|sub|mul|neg)"
    ),
    "expr_str": re.compile(r"([,() -]|\d|'s\d+'|(positive|integer)=True|Symbol|Integer|Add|Mul)*"),
    "as_string": re.compile(r"[\w ,.>-]*"),
    "in_spec": re.compile(re.escape(SPECS[0])),
    "out_spec": re.compile(re.escape(SPECS[1])),
}
"""What a text in the graph may be, by its field; elsewhere it is a plain name."""
EMPTY = ("guards_code", "as_operator", "as_custom_obj", "treespec_namedtuple_fields", "use_pickle")
"""Fields that would run code, or import it."""


def program_bytes(program: ExportedProgram, description: str) -> bytes:
    """A traced classifier as the content of a file that ``torch.export.load`` reads.

    Args:
        program: What :func:`selfdistill.export.trace` made.
        description: Text of the model folder's ``config.json``, kept as an extra file.
    """
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={CONFIG: description})
    return stream.getvalue()


class ProgramRunner:
    """A file of torch.export that torch has opened.

    Args:
        content: The file's bytes.
        file: What messages call it.

    Raises:
        ValueError: If it is damaged, another program's, or asks for more than computing.
    """

    def __init__(self, content: bytes, file: Path) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch's about what is refused below
                archive, self.description = _verified(content)
                self._network = torch.export.load(archive).module()
        except Exception as error:  # torch's reader and zipfile raise anything
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{file} is no file of torch.export that `selfdistill export` wrote with this "
                f"version of torch ({reason}): export it again"
            ) from None

    @torch.no_grad()
    def __call__(self, images: UInt8[Tensor, "batch 3 height width"]) -> Answers:
        """Answers for images as bytes."""
        return Answers(*self._network(images))


def _verified(content: bytes) -> tuple[io.BytesIO, str | None]:
    """The archive put together anew, if nothing in it can run code; and its description."""
    stream, description = io.BytesIO(), None
    with zipfile.ZipFile(io.BytesIO(content)) as found, zipfile.ZipFile(stream, "w") as copy:
        names = found.namelist()
        if len(set(names)) < len(names):
            raise ValueError("a member is there twice")
        for name in names:
            if not MEMBER.fullmatch(name):
                raise ValueError(f"unexpected member {name}")
            data = found.read(name)
            if name.endswith(f"extra/{CONFIG}"):
                description = data.decode()
            elif name.endswith(".json"):
                _check_graph(json.loads(data))
            elif name.endswith(".pt"):
                torch.load(io.BytesIO(data), weights_only=True)
            copy.writestr(name, data)
    stream.seek(0)
    return stream, description


def _check_graph(values: object) -> None:
    for field, value in _values(values):
        if field in EMPTY and value:
            raise ValueError(f"unexpected {field}")
        if isinstance(value, str) and not ALLOWED.get(field, PLAIN).fullmatch(value):
            raise ValueError(f"unexpected {field} {value[:60]!r}")


def _values(value: object, field: str = "") -> Iterator[tuple[str, object]]:
    """Every value with the name of the nearest field around it; names are values, too."""
    yield field, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield "", name
            yield from _values(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, field)
