"""Ways in which a file is damaged, by name; each takes the file and a source of randomness."""

import hashlib
import io
import json
import shutil

import numpy as np
import torch
from safetensors.torch import save


def flip(file, random):
    content = bytearray(file.read_bytes())
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    file.write_bytes(content)


def cut(file, random):
    content = file.read_bytes()
    file.write_bytes(content[: random.randrange(len(content))] if content else b"")


def empty(file, random):
    file.write_bytes(b"")


def lose(file, random):
    file.unlink()


def replace_by_folder(file, random):
    file.unlink()
    file.mkdir()


def replace_by_garbage(file, random):
    file.write_bytes(random.choice(GARBAGE))


def replace_content(file, random):
    """Something whole of the same format that says something else; with its right hash, if any."""
    if file.suffix == ".pt":
        buffer = io.BytesIO()
        torch.save(random.choice(({}, [1], {"epoch": 1, "step": 0}, torch.zeros(2))), buffer)
        content = buffer.getvalue()
        sha256 = hashlib.sha256(content).hexdigest()
        manifest = json.loads(file.with_suffix(".json").read_text())
        manifest |= {"sha256": sha256, "bytes": len(content)}
        file.with_suffix(".json").write_text(json.dumps(manifest))
        file.write_bytes(content)
    elif file.suffix == ".safetensors":
        file.write_bytes(save({"x": torch.zeros(2)}))
    elif file.suffix == ".npz":
        with file.open("wb") as stream:
            np.savez(stream, x=np.zeros(2))
    else:
        file.write_text(random.choice(("{}", "[]", "null", "3", '{"a": {"b": [1]}}')) + "\n")


def lose_folder(folder, random):
    shutil.rmtree(folder)


def empty_folder(folder, random):
    shutil.rmtree(folder)
    folder.mkdir()


def replace_by_file(folder, random):
    shutil.rmtree(folder)
    folder.write_text("")


GARBAGE = (
    b"{",
    b"a: [b",
    b"\x00" * 50,
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"a": ' * 2000,
    b"<html>Not found</html>",
    b"a: &a [x]\nb: [*a, *a]\n",
    b'{"sha256": 5, "bytes": "x", "format": 1e999}',
)
FILE_DAMAGES = {
    "a flipped bit in": flip,
    "the rest cut off": cut,
    "empty": empty,
    "lost": lose,
    "a folder instead of": replace_by_folder,
    "garbage in": replace_by_garbage,
    "other content in": replace_content,
}
FOLDER_DAMAGES = {
    "lost": lose_folder,
    "empty": empty_folder,
    "a file instead of": replace_by_file,
}


def damage_all(run):
    """Every file and folder of a run with every kind of damage to it."""
    for path in sorted(run.rglob("*")):
        for name, damage in (FOLDER_DAMAGES if path.is_dir() else FILE_DAMAGES).items():
            if path.name != ".lock":
                yield path.relative_to(run), name, damage
