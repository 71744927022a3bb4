"""Runs from strangers, and damaged ones, are left out by name; nothing they say is obeyed."""

import io
import json
import re
import struct
import xml.etree.ElementTree as xml
import zipfile

import numpy as np
import pytest

from selfdistill.reports import compare
from selfdistill.reports.page import write_report
from selfdistill.reports.read_run import read

DEEP = "[" * 5000 + "]" * 5000
SUMMARIES = {
    "an endless seed": lambda s: s["recipe"].update(seed=float("inf")),
    "a seed that is not a number": lambda s: s["recipe"].update(seed=float("nan")),
    "a seed of many digits": lambda s: s["recipe"].update(seed=10**400),
    "no method": lambda s: s["recipe"].pop("method"),
    "a method that is a number": lambda s: s["recipe"].update(method={"class_path": 3}),
    "no recipe": lambda s: s.update(recipe=[]),
    "endless parameters": lambda s: s["cost"].update(parameters=float("inf")),
    "an accuracy of 1000 %": lambda s: s["test"]["last"]["network"].update(accuracy=1000),
    "a short curve": lambda s: s["curve"].update(train_accuracy=[1.0]),
    "a ragged curve": lambda s: s["curve"].update(attention=[[1.0], [1.0, 2.0], [3.0]]),
    "a curve of words": lambda s: s["curve"].update(terms={"labels": ["a", "b", "c"]}),
    "corruptions without levels": lambda s: s.update(corruptions={"test": {"fog": {"x": 1.0}}}),
    "costs that are no fields": lambda s: s.update(cost=3),
}
FILES = {
    "model/config.json": ["{", "{}", '{"label_names": 3}', '{"label_names": ["a"]}', DEEP, ""],
    "summary.json": ["{", "[]", "", '{"a":' + DEEP + "}", "\x00"],
    "predictions.npz": [b"", b"PK", b"\x93NUMPY"],
    "shown.npz": [b"", b"PK"],
}


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()


def claiming(shape):
    """Arrays of which one says that it is larger than the file."""
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("network.npy", array)
    return buffer.getvalue()


LABELS = np.arange(400) % 4
LOGITS = np.zeros((400, 4), np.float16)
FILES["predictions.npz"] += [
    claiming("(10000000000, 100)"),
    claiming("(100, 100)"),
    npz(network=LOGITS, labels=LABELS[:3]),
    npz(network=LOGITS, labels=LABELS + 4),
    npz(network=LOGITS, labels=-LABELS),
    npz(network=LOGITS + np.float16("nan"), labels=LABELS),
    npz(network=LOGITS, labels=LABELS, attention=LOGITS),
    npz(network=LOGITS[0], labels=LABELS),
    npz(network=np.array([{}], object), labels=LABELS),
    npz(labels=LABELS),
]
FILES["shown.npz"] += [npz(images=LOGITS, cams=LOGITS, indices=LABELS, block=LABELS)]


@pytest.mark.parametrize("change", SUMMARIES)
def test_a_strange_summary_is_named(directory, change):
    path = directory()
    summary = json.loads((path / "summary.json").read_text())
    SUMMARIES[change](summary)
    (path / "summary.json").write_text(json.dumps(summary))
    refused(path / "summary.json")


@pytest.mark.parametrize(
    ("name", "damage"), [(name, damage) for name in FILES for damage in FILES[name]]
)
def test_a_damaged_file_is_named(directory, name, damage):
    path = directory()
    (path / name).write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    refused(path / name)


def refused(file):
    run = file.parents[1] if file.parent.name == "model" else file.parent
    with pytest.raises(ValueError, match=re.escape(str(file))) as caught:
        read(run).check()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("lost", ["recipe", "cost", "format", "split_hash", "validation", "test"])
def test_comparison_names_the_summary_that_lacks_a_field(directory, lost):
    file = directory() / "summary.json"
    summary = json.loads(file.read_text())
    del summary[lost]
    file.write_text(json.dumps(summary))
    with pytest.raises(ValueError, match=rf"^{re.escape(str(file))} .*lacks '{lost}'"):
        read(file.parent)


def test_comparison_names_the_summary_with_an_accuracy_that_cannot_be(directory):
    file = directory() / "summary.json"
    summary = json.loads(file.read_text())
    summary["test"]["last"]["network"]["accuracy"] = 1000
    file.write_text(json.dumps(summary))
    with pytest.raises(ValueError, match=rf"^{re.escape(str(file))} is damaged: its test accuracy"):
        compare([read(file.parent)])


@pytest.mark.parametrize("shape", ["(10000000000, 100)", "(100, 100)"])
def test_arrays_that_claim_more_than_there_is_are_not_read(directory, monkeypatch, shape):
    file = directory() / "predictions.npz"
    file.write_bytes(claiming(shape))
    monkeypatch.setattr(np, "load", lambda *arguments: pytest.fail("memory would be taken"))
    with pytest.raises(ValueError, match=r"predictions\.npz is damaged \(network\.npy "):
        read(file.parent).check()


@pytest.mark.parametrize("name", ["predictions.npz", "shown.npz"])
def test_more_rows_than_images_are_refused_before_they_are_unpacked(directory, monkeypatch, name):
    file = directory() / name
    file.write_bytes(npz(network=np.zeros((401, 4), np.float16), labels=np.zeros(401)))
    if name == "predictions.npz":
        monkeypatch.setattr(np, "load", lambda *arguments: pytest.fail("memory would be taken"))
    with pytest.raises(ValueError, match=rf"{name} .*401 rows for 400 images"):
        read(file.parent).check()


def test_predictions_of_fewer_images_than_the_run_has_are_refused(directory):
    file = directory() / "predictions.npz"
    file.write_bytes(npz(network=LOGITS[:300], labels=LABELS[:300]))
    with pytest.raises(ValueError, match=r"tells of 300 images, and the run has 400"):
        read(file.parent).check()


def test_a_bomb_of_arrays_is_refused_before_it_is_unpacked(directory, monkeypatch):
    path = directory()
    monkeypatch.setattr("selfdistill.reports.predictions.MAX_BYTES", 10_000)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, network=np.zeros((400, 400), np.float16), labels=LABELS)
    (path / "predictions.npz").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="unpacks to more than 10,000 bytes"):
        read(path).check()


def test_a_split_without_images_and_names_of_any_kind_make_a_page(directory, tmp_path):
    path = directory("KD", **{"\x1b]0;x\x07": "\u202egnp", "surrogate": "\udce9"})
    other = directory("KD", **{"\x1b]0;x\x07": "other", "surrogate": "other"})
    for run in (path, other):
        summary = json.loads((run / "summary.json").read_text())
        summary["images"]["test"] = 0
        (run / "summary.json").write_text(json.dumps(summary))
        names = ["\x1b[31mred", "=1+2", "\udce9", "a\nb"]
        (run / "model" / "config.json").write_text(json.dumps({"label_names": names}))
    page = write_report([path, other], tmp_path / "to", title="\x9b31m\u2066")
    for file in (*page.parent.glob("*.*"), *(page.parent / "figures").glob("*.svg")):
        text = file.read_text()
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066"), file
    for file in (page.parent / "figures").glob("*.svg"):
        xml.fromstring(file.read_text())
