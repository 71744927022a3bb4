"""CIFAR's Python version: read like the binary one, and never executed."""

import ast
import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from python2_pickle import batch, number, string

import selfdistill
from selfdistill.data import CIFAR10, CIFAR100
from selfdistill.data.datasets import cifar
from selfdistill.data.datasets.cifar import CIFAR10_LAYOUT, CIFAR100_LAYOUT
from selfdistill.data.datasets.cifar_python import read_batch
from selfdistill.data.datasets.download import Member


def write(root, layout, by_column=False):
    """The same small set in both versions; its layout."""
    random = np.random.default_rng(0)
    members, md5 = [], {}
    for folder in (layout.archive.folder, layout.python):
        (root / folder).mkdir()
    for name in (member.name for member in layout.archive.members):
        rows = random.integers(0, 256, (6, layout.header + 3072), dtype=np.uint8)
        rows[:, layout.header - 1] = [0, 1, 0, 1, 1, 0]
        pixels, labels = rows[:, layout.header :], rows[:, layout.header - 1].tolist()
        packed = batch(pixels, labels, layout.label_key.encode(), by_column)
        plain = name.removesuffix(".bin")
        (root / layout.archive.folder / name).write_bytes(rows.tobytes())
        (root / layout.python / plain).write_bytes(packed)
        members.append(Member(name, rows.size, hashlib.md5(rows.tobytes()).hexdigest()))
        md5[plain] = hashlib.md5(packed).hexdigest()
    archive = replace(layout.archive, members=tuple(members))
    return replace(layout, archive=archive, python_md5=md5, classes=("cat", "dog"))


@pytest.mark.parametrize(
    ("data", "name", "layout"),
    [(CIFAR10, "CIFAR10_LAYOUT", CIFAR10_LAYOUT), (CIFAR100, "CIFAR100_LAYOUT", CIFAR100_LAYOUT)],
)
@pytest.mark.parametrize("by_column", [False, True])
def test_both_versions_are_the_same_set(tmp_path, monkeypatch, data, name, layout, by_column):
    layout = write(tmp_path, layout, by_column)
    monkeypatch.setattr(cifar, name, layout)
    binary = data(root=tmp_path, validation_per_class=1).splits()
    folder = tmp_path / layout.archive.folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    python = data(root=tmp_path, validation_per_class=1).splits()
    assert python.digest() == binary.digest()
    assert python.train.classes == binary.train.classes


def test_a_file_that_is_not_the_official_one_is_not_even_opened(tmp_path, monkeypatch):
    layout = write(tmp_path, CIFAR100_LAYOUT)
    monkeypatch.setattr(cifar, "CIFAR100_LAYOUT", layout)
    monkeypatch.setattr(cifar, "read_batch", None)
    (tmp_path / layout.archive.folder).rename(tmp_path / "away")
    path = tmp_path / layout.python / "train"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=r"cifar-100-python/train has .* MD5 "):
        CIFAR100(root=tmp_path).splits()
    path.unlink()
    with pytest.raises(ValueError, match="cifar-100-python/train is missing"):
        CIFAR100(root=tmp_path).splits()


class Call:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def calling(module, name, argument, opcode=b"\x85R"):
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + argument + opcode + b"."


def malicious(marker):
    """Files that make a folder ``marker`` if anything in them is executed."""
    make = f"__import__('os').mkdir({str(marker)!r})".encode()
    shell = f"mkdir {marker}".encode()
    yield from (
        pickle.dumps(Call(Path.mkdir, marker), protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL)
    )
    yield pickle.dumps({b"data": [Call(eval, make.decode())], b"fine_labels": [0]}, 4)
    yield calling("os", "system", string(shell))
    yield calling("posix", "system", string(shell))
    yield calling("builtins", "exec", string(make))
    yield calling("__builtin__", "eval", string(make))
    yield calling("builtins", "getattr", string(make))
    yield calling("subprocess", "getoutput", string(shell))
    yield calling("numpy.core.multiarray", "fromstring", string(make))
    yield calling("numpy", "load", string(shell))
    yield calling("numpy", "ndarray.__class__", string(make))
    yield b"(S'" + shell + b"'\nios\nsystem\n."
    yield b"\x80\x02(cos\nsystem\n" + string(shell) + b"o."
    yield b"\x80\x02cnumpy\nndarray\n)R}" + string(b"x") + number(1) + b"sb."
    yield b"\x80\x04" + b"\x8c\x02os\x8c\x06system\x93" + string(shell) + b"\x85R."
    yield b"Pid\n."


def test_nothing_in_a_file_is_executed(tmp_path):
    marker = tmp_path / "executed"
    files = list(malicious(marker))
    assert len(files) >= 15
    for content in files:
        with pytest.raises(ValueError, match="no batch of images and labels"):
            read_batch(content, "fine_labels")
    assert not marker.exists()
    pickle.loads(files[2])
    assert marker.exists()


UNSAFE = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unsafe(tree):
    """Where a module could execute what it reads."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called in ("eval", "exec", "compile") or given.get("allow_pickle") == "True":
                yield ast.unparse(node)
            if called == "torch.load" and given.get("weights_only") != "True":
                yield ast.unparse(node)
        yield from (name for name in names if name.partition(".")[0] in UNSAFE)


def test_one_reader_alone_knows_pickles():
    source = Path(selfdistill.__file__).parent
    found = {
        path.relative_to(source).as_posix(): list(unsafe(ast.parse(path.read_text())))
        for path in source.rglob("*.py")
    }
    assert {path: what for path, what in found.items() if what} == {
        "data/datasets/cifar_python.py": ["pickle"]
    }
    control = "import pickle\ntorch.load(x)\nnp.load(x, allow_pickle=True)\neval(y)"
    assert len(list(unsafe(ast.parse(control)))) == 4
