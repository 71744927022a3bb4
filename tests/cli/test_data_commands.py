"""selfdistill data: what is printed, and the exit code."""

import hashlib
import io
import tarfile
from dataclasses import replace

import huggingface_hub
import numpy as np
import pytest
import timm
from PIL import Image
from safetensors.torch import save_file

from data.serving import serve
from selfdistill import cli
from selfdistill.data.datasets import cifar
from selfdistill.data.datasets.cifar import CIFAR100_LAYOUT
from selfdistill.data.datasets.download import Member


def say(capsys, *words):
    """Exit code, standard output, standard error of a command."""
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def served(tmp_path):
    (tmp_path / "served").mkdir()
    with serve(tmp_path / "served") as address:
        yield tmp_path / "served", f"{address}/set.tar.gz"


@pytest.fixture
def photos(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(5):
            Image.new("L", (9, 9), 9 * i).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def test_check_says_what_becomes_of_pictures(capsys, photos):
    code, out, err = say(capsys, "data", "check", str(photos))
    assert code == 0
    assert out.startswith("10 files: 0 accepted as they are, 10 converted")
    assert "class folders only: every class is divided at random" in out
    assert err == "reading 10 pictures\n"
    (photos / "cat" / "0.png").write_bytes(b"")
    code, out, _ = say(capsys, "data", "check", str(photos))
    assert code == 2
    assert out.splitlines()[-1].startswith("Training refuses this: 1 of 10 files")


def test_check_reads_tables(capsys, photos, tmp_path):
    table = tmp_path / "labels.csv"
    lines = [f"{p.relative_to(photos)},{p.parent.name}\n" for p in sorted(photos.rglob("*.png"))]
    table.write_text("image,label\n" + "".join(lines))
    assert say(capsys, "data", "check", str(table), "--root", str(photos))[0] == 0
    code, out, err = say(capsys, "data", "check", str(table))
    assert (code, err) == (2, "")
    assert out.startswith(f"Training refuses this: {table} line 2: cat/0.png is not a file in ")
    assert out.count("\n") == 1


def test_fetch_downloads_once_and_checks_all(capsys, tmp_path, served, monkeypatch):
    folder, url = served
    layout = CIFAR100_LAYOUT
    rows = np.random.default_rng(0).integers(0, 256, (100, 3074), np.uint8)
    rows[:, 1] = np.arange(100)
    content = rows.tobytes()
    with tarfile.open(folder / "set.tar.gz", "w:gz") as tar:
        for name in ("train.bin", "test.bin"):
            entry = tarfile.TarInfo(f"{layout.archive.folder}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    md5 = hashlib.md5(content).hexdigest()
    members = tuple(Member(name, len(content), md5) for name in ("train.bin", "test.bin"))
    archive = replace(layout.archive, url=url, members=members)
    monkeypatch.setattr(cifar, "CIFAR100_LAYOUT", replace(layout, archive=archive))
    words = ("data", "fetch", "cifar-100", "--root", str(tmp_path / "sets"))
    code, out, err = say(capsys, *words)
    said = f"CIFAR100 is complete in {tmp_path / 'sets'}: 100 training and 100 test images of 100"
    assert code == 0
    assert out == f"{said} classes\n"
    assert err.startswith(f"downloading {url}")
    (folder / "set.tar.gz").unlink()
    assert say(capsys, *words) == (0, out, "")
    path = tmp_path / "sets" / layout.archive.folder / "test.bin"
    path.write_bytes(content[:-1] + b"x")
    code, _, err = say(capsys, *words)
    assert code == 2
    assert f"{path} has 307400 bytes and MD5" in err


MISTAKES = {
    "data": "selfdistill data: what about data: check PATH tells",
    "data chekc x": "selfdistill data: there is no 'chekc': check PATH tells",
    "data check": "selfdistill data check: the following arguments are required: path",
    "data fetch cifar1000": "cifar1000 cannot be fetched: did you mean CIFAR100?",
    "data fetch imagenet": "imagenet cannot be fetched: known are FashionMNIST, CIFAR10, CIFAR100",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_gets_one_line(capsys, line):
    code, out, err = say(capsys, *line.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"selfdistill: {MISTAKES[line]}")
    assert err.count("\n") == 1


def test_fetch_takes_networks_too(tmp_path, monkeypatch, capsys):
    published = timm.create_model("test_resnet", num_classes=1000).state_dict()
    save_file(published, tmp_path / "model.safetensors")
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda _, name: str(tmp_path / name)
    )
    assert cli.main(["data", "fetch", "test-resnet"]) == 0
    assert capsys.readouterr().out == "the weights of test_resnet are in the cache\n"
    assert cli.main(["data", "fetch", "small"]) == 2
    assert "there are no pretrained weights for small" in capsys.readouterr().err
