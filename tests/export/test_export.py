"""An exported file says what the run says, here and where this package is not installed."""

import importlib.util
import io
import json
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime")
from painted import paint
from selfdistill import cli, export
from selfdistill.deployment import load
from selfdistill.preprocessing import Preprocessing

DOCS = Path(__file__).parents[2] / "docs"
ELSEWHERE = """
import runpy, sys
class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("selfdistill", "torch", "timm", "onnx"):
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, finished):
    """A folder with pictures of several proportions, a run's ONNX file, and what was said of it."""
    folder = tmp_path_factory.mktemp("export")
    for number, size in enumerate([(40, 40), (33, 90), (120, 51), (7, 9)]):
        paint(folder, "red", number, size)
    return folder


@pytest.fixture(scope="module")
def pictures(place):
    return sorted(map(str, (place / "red").iterdir()))


@pytest.fixture(scope="module")
def onnx_file(place, finished):
    file = place / "net.onnx"
    assert cli.main(["export", str(finished), "--out", str(file)]) == 0
    return file


@pytest.fixture(scope="module")
def program_file(place, finished):
    file = place / "net.pt2"
    assert cli.main(["export", str(finished), "--to", "torch-export", "--out", str(file)]) == 0
    return file


@pytest.fixture(params=["onnx_file", "program_file"])
def file(request):
    return request.getfixturevalue(request.param)


def said(capsys, *words):
    capsys.readouterr()
    code = cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def probabilities(text):
    return {
        row["image"]: {best["name"]: best["probability"] for best in row["classes"]}
        for row in json.loads(text)
    }


def test_it_predicts_what_the_run_predicts(capsys, finished, file, pictures):
    words = ("--format", "json", "--top-k", 10)
    _, expected, _ = said(capsys, "predict", finished, *pictures, *words)
    code, found, _ = said(capsys, "predict", file, *pictures, *words)
    assert code == 0
    expected, found = probabilities(expected), probabilities(found)
    assert len(found) == len(pictures)
    for picture, classes in expected.items():
        assert found[picture] == pytest.approx(classes, abs=1e-5)


def test_it_is_as_unsure_as_the_run(capsys, finished, file, pictures):
    known = load(finished).probabilities
    assert known.risks is not None
    assert export.load_file(file).probabilities == known
    words = (*pictures, "--unsure", "1%")
    expected, found = (said(capsys, "predict", one, *words) for one in (finished, file))
    assert found == expected
    assert "cannot be promised" in found[2]


def test_the_page_shows_how_to_do_without_this_package(
    capsys, tmp_path, finished, onnx_file, pictures
):
    script = tmp_path / "classify.py"
    page = (DOCS / "export.md").read_text()
    script.write_text(next(re.finditer(r"```python\n(.*?)```", page, re.DOTALL))[1])
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, script, onnx_file, *pictures],
        capture_output=True,
        text=True,
        check=True,
    )
    _, expected, _ = said(capsys, "predict", finished, *pictures, "--format", "json")
    for line, (picture, classes) in zip(
        done.stdout.splitlines(), probabilities(expected).items(), strict=True
    ):
        file, name, probability = line.split("\t")
        assert (file, name) == (picture, next(iter(classes)))
        assert float(probability) == pytest.approx(classes[name], abs=1e-5)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(24, 24), (20, 32)])
def test_the_pages_rule_is_that_of_predict(monkeypatch, tmp_path, fit, size):
    """Its function alone, on what no small run covers."""
    share = 24 / 28 if fit == "crop" and size == (24, 24) else 1.0
    preprocessing = Preprocessing(size, (0.4, 0.5, 0.6), (0.2,) * 3, share, "bicubic", fit)
    page = (DOCS / "export.md").read_text()
    source = re.search(r"(def prepare.*?)\n\n\nimages = ", page, re.DOTALL)[1]
    names = {"center": "crop", "border": "pad", "squash": "stretch"}
    mode = next(mode for mode, name in names.items() if name == fit)
    rule = {"crop_pct": share, "crop_mode": mode, "interpolation": "bicubic"}
    scope = {"rule": rule | {"mean": preprocessing.mean}, "height": size[0], "width": size[1]}
    exec("import math\nimport numpy as np\nfrom PIL import Image, ImageOps\n" + source, scope)
    for number, shape in enumerate([(40, 40), (33, 90), (121, 50), (9, 7)]):
        paint(tmp_path, "green", number, shape)
        file = tmp_path / "green" / f"{number:02}.png"
        expected = preprocessing.pixels(preprocessing(Image.open(file)))
        np.testing.assert_array_equal(scope["prepare"](file), expected.numpy())


def test_it_takes_any_number_of_images(file):
    exported = export.load_file(file)
    images = [
        np.random.default_rng(n).integers(0, 256, (9, 9, 3)).astype(np.uint8) for n in range(5)
    ]
    together = exported.predict(images, top_k=10)
    for image, classes in zip(images, together, strict=True):
        assert dict(exported.predict(image, top_k=10)) == pytest.approx(dict(classes), abs=1e-6)


def test_it_tells_nothing_of_the_machine_it_was_made_on(file):
    content = file.read_bytes()
    assert all(word not in content for word in (b"site-packages", b"selfdistill/", b"line "))


def test_a_wrong_mean_is_found(capsys, monkeypatch, tmp_path, finished):
    """The control of the report of parity."""
    whole = Preprocessing.coefficients

    def wrong(self, device):
        scale, shift = whole(self, device)
        return scale, shift + (0.1 if sys._getframe(1).f_code.co_name == "__init__" else 0)

    monkeypatch.setattr(Preprocessing, "coefficients", wrong)
    out = tmp_path / "net.pt2"
    code, _, message = said(capsys, "export", finished, "--to", "torch-export", "--out", out)
    assert code == 1
    assert message.count("\n") == 1
    assert "does not answer as the run does" in message
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_replaced(capsys, finished, onnx_file):
    before = onnx_file.read_bytes()
    code, _, message = said(capsys, "export", finished, "--out", onnx_file)
    assert (code, onnx_file.read_bytes()) == (2, before)
    assert "--overwrite" in message


def test_the_missing_extra_is_named(capsys, monkeypatch, tmp_path, finished):
    whole = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *a: None if name == "onnxscript" else whole(name, *a),
    )
    code, _, message = said(capsys, "export", finished, "--out", tmp_path / "net.onnx")
    assert code == 2
    assert "pip install 'selfdistill[export]'" in message


def damaged(content, kind):
    import onnx

    if kind in ("cut", "empty", "text"):
        return {"cut": content[: len(content) // 2], "empty": b"", "text": b"no graph"}[kind]
    model = onnx.load_from_string(content)
    if kind == "no description":
        del model.metadata_props[:]
    if kind == "other description":
        model.metadata_props[0].value = '{"label_names": [1]}'
    if kind == "other input":
        model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT8
    return model.SerializeToString()


@pytest.mark.parametrize(
    "kind", ["cut", "empty", "text", "no description", "other description", "other input"]
)
def test_a_damaged_file_is_one_line(capsys, tmp_path, onnx_file, pictures, kind):
    file = tmp_path / "net.onnx"
    file.write_bytes(damaged(onnx_file.read_bytes(), kind))
    code, out, message = said(capsys, "predict", file, pictures[0])
    assert (code, out, message.count("\n")) == (2, "", 1)
    assert str(file) in message


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __reduce__(self):
        return open, ("executed", "w")


CODE = "open('executed', 'w')"
INSERTED = {
    "a library": ("data/aotinductor/model/evil.so", lambda _: b""),
    "a pickle": ("data/sample_inputs/model.pt", lambda _: pickle.dumps(Evil())),
    "a function": ("models/model.json", lambda text: text.replace(b"aten.softmax", b"x.softmax")),
    "another function": (
        "models/model.json",
        lambda text: text.replace(b"torch.ops.aten.softmax.int", b"torch.serialization.load"),
    ),
    "an expression": (
        "models/model.json",
        lambda text: re.sub(rb"Symbol\('s\d+', positive=True, integer=True\)", CODE.encode(), text),
    ),
    "a guard": (
        "models/model.json",
        lambda text: text.replace(b'"guards_code": []', b'"guards_code": ["x"]'),
    ),
    "weights as a pickle": (
        "data/weights/model_weights_config.json",
        lambda text: text.replace(b'"use_pickle": false', b'"use_pickle": true', 1),
    ),
    "half a file": (None, None),
}


@pytest.mark.parametrize("what", INSERTED)
def test_a_program_runs_no_code(capsys, monkeypatch, tmp_path, program_file, pictures, what):
    monkeypatch.chdir(tmp_path)
    content, (member, change) = program_file.read_bytes(), INSERTED[what]
    file = tmp_path / "evil.pt2"
    if change is None:
        file.write_bytes(content[: len(content) // 2])
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
            members = {name: old.read(name) for name in old.namelist()}
            before = members.get(f"archive/{member}", b"")
            assert change(before) != before or not before
            for name, data in (members | {f"archive/{member}": change(before)}).items():
                new.writestr(name, data)
    code, out, message = said(capsys, "predict", file, pictures[0])
    assert (code, out, message.count("\n")) == (2, "", 1)
    assert str(file) in message
    assert list(tmp_path.iterdir()) == [file]


def test_other_files_are_no_models(capsys, pictures):
    code, _, message = said(capsys, "predict", pictures[0], pictures[0])
    assert code == 2
    assert "ends in .onnx or .pt2" in message


@pytest.mark.parametrize("words", [["--exits"], ["--weights", "best-validation"]])
def test_a_file_holds_one_network(capsys, onnx_file, pictures, words):
    code, _, message = said(capsys, "predict", onnx_file, pictures[0], *words)
    assert code == 2
    assert "is the network alone" in message
