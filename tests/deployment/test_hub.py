"""A run published on a hub, and loaded from it."""

import json
import shutil
from pathlib import Path

import pytest
import timm
import torch
import yaml
from huggingface_hub import ModelCard, close_session, constants
from PIL import Image

import selfdistill as sd
from hub_server import TOKEN, Repository, hub_server
from selfdistill import cli
from selfdistill.backbones import create_backbone
from selfdistill.deployment import model_files, push, repository_files
from selfdistill.preprocessing import Preprocessing
from selfdistill.runs import write_json
from selfdistill.version import __version__

# The library's own, with httpx2.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
OURS = {"README.md", "config.json", "model.safetensors", "recipe.yaml"}
ATTACHED = "attachments/attachments.safetensors"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_server(monkeypatch, tmp_path / "hub") as hub:
        yield hub
    close_session()


@pytest.fixture(scope="module")
def files(finished):
    return repository_files(finished, "me/digits", licence="apache-2.0")


def said(capsys, *words):
    """Exit code and the line of a command that fails."""
    code = cli.main(list(words))
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert TOKEN not in line
    return code, line


def test_a_pushed_run_predicts_the_same_from_the_hub(finished, hub, capsys, tmp_path):
    assert cli.main(["push", str(finished), "me/digits", "--license", "mit", "--yes"]) == 0
    assert 'sd.load("hf:me/digits")' in capsys.readouterr().out
    stored = hub.repositories["me/digits"]
    assert stored.files.keys() == {*OURS, ATTACHED, ".gitattributes"}
    for name in ("config.json", "model.safetensors"):
        assert stored.files[name] == (finished / "model" / name).read_bytes()
    assert stored.files[ATTACHED] == (finished / ATTACHED).read_bytes()
    there, here = sd.load("hf:me/digits"), sd.load(finished)
    images = torch.randn(2, 3, *here.transform.size)
    assert torch.equal(there.logits(images), here.logits(images))
    assert (there.classes, there.transform) == (here.classes, here.transform)
    assert there.probabilities == here.probabilities
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "grey").save(picture)
    assert cli.main(["predict", "hf:me/digits", str(picture), "--format", "json"]) == 0
    from_hub = capsys.readouterr().out
    assert cli.main(["predict", str(finished), str(picture), "--format", "json"]) == 0
    assert capsys.readouterr().out == from_hub


def test_timm_reads_what_was_pushed(hub):
    backbone = create_backbone("test_vit", 5, image_size=64).eval()
    mean = (0.5, 0.5, 0.5)
    classes = ("a", "b", "c", "d", "e")
    seen = Preprocessing((64, 64), mean, mean)
    push("me/vit", model_files(backbone, classes=classes, preprocessing=seen, origin={}))
    network = timm.create_model("hf-hub:me/vit", pretrained=True).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = backbone(images)
        assert torch.equal(network(images), expected)
        assert torch.equal(sd.load("hf:me/vit").logits(images), expected)
    assert timm.data.resolve_model_data_config(network)["mean"] == [0.5, 0.5, 0.5]


def test_without_yes_nothing_is_asked_and_all_is_shown(finished, hub, capsys, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert cli.main(["push", str(finished), "me/digits"]) == 0
    out = capsys.readouterr().out
    assert "None is given: ask the owner" in out
    for name in (*OURS, ATTACHED):
        assert name in out
    assert f"{(finished / 'model/model.safetensors').stat().st_size:,} bytes" in out
    assert "nothing was uploaded; with --yes" in out
    assert not hub.asked


def test_the_card_says_what_the_summary_says(finished, files):
    card, summary = ModelCard(files["README.md"].decode()), sd_summary(finished)
    results = {result.metric_type: result for result in card.data.eval_results}
    scores, scaled = summary["validation"]["last"], summary["calibration"]["validation"]
    accuracy = scores["network"]["accuracy"]
    assert results["accuracy"].metric_value * 100 == pytest.approx(accuracy, abs=1e-4)
    assert results["nll"].metric_value == scaled["network"]["nll"]
    assert results["ece"].metric_value * 100 == pytest.approx(scaled["network"]["ece"], abs=1e-4)
    assert results["accuracy"].dataset_split == "validation"
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "selfdistill")
    for text in ("## Intended use", "## Limits", "## Licence", "30 validation images", "`small`"):
        assert text in card.text
    assert "train --config recipe.yaml --out RUN" in card.text
    recipe = yaml.safe_load(files["recipe.yaml"])
    assert recipe == yaml.safe_load((finished / "recipe.yaml").read_text())
    for content in (files["README.md"], files["recipe.yaml"], files["config.json"]):
        assert str(finished.parent).encode() not in content


def sd_summary(run):
    return json.loads((run / "summary.json").read_text())


def test_without_validation_images_nothing_is_said_of_probabilities(finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    summary = sd_summary(run) | {"calibration": None}
    summary["test"] = {"last": summary["validation"]["last"]}
    summary = {**summary, "validation": None, "images": {"train": 50, "test": 30}}
    del summary["sha256"]
    write_json(run / "summary.json", summary)
    card = ModelCard(repository_files(run, "me/digits")["README.md"].decode())
    assert [result.metric_type for result in card.data.eval_results] == ["accuracy"]
    assert "nothing is claimed about its probabilities" in card.text
    assert "calibration error" not in card.text


def test_names_of_classes_are_no_markup(finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    config = json.loads((run / "model/config.json").read_text())
    config["label_names"][0] = "<img src=x>|`a`\x1b[31m"
    (run / "model/config.json").write_text(json.dumps(config))
    summary = sd_summary(run)
    del summary["sha256"], summary["files"]
    (run / "summary.json").write_text(json.dumps(summary))
    card = repository_files(run, "me/digits")["README.md"].decode()
    assert r"\<img src=x\>\|\`a\`" in card
    assert "<img" not in card.replace(r"\<", "")
    assert "\x1b" not in card


def test_a_second_push_replaces_the_first_and_leaves_the_rest(hub, files):
    push("me/digits", {**files, "exits.json": b"{}"})
    stored = hub.repositories["me/digits"]
    stored.change(**{"notes.txt": b"mine", "weights/other.safetensors": b"mine, too"})
    push("me/digits", {**files, "model.safetensors": b"newer"})
    assert stored.files.keys() == {
        *OURS,
        ATTACHED,
        ".gitattributes",
        "notes.txt",
        "weights/other.safetensors",
    }
    assert stored.files["model.safetensors"] == b"newer"
    assert stored.files["notes.txt"] == b"mine"


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"config.json": b"{}"}, "holds config.json, which no push of a run wrote"),
        ({"README.md": b"---\nlicense: mit\n---\n"}, "holds README.md, which no push"),
        ({"README.md": None}, "the card of me/digits was changed since it was pushed"),
    ],
)
def test_what_others_wrote_is_not_replaced(hub, files, others, reason):
    stored = hub.repositories["me/digits"] = Repository()
    if others.get("README.md", b"") is None:
        others = {**files, "README.md": files["README.md"].replace(b"## Limits", b"## My limits")}
    stored.change(**others)
    before = list(stored.commits)
    with pytest.raises(ValueError, match=reason):
        push("me/digits", files)
    assert stored.commits == before


def test_what_is_committed_meanwhile_is_not_lost(hub, files):
    push("me/digits", files)
    stored = hub.repositories["me/digits"]
    hub.before_commit = lambda: stored.change(**{"README.md": b"mine"})
    with pytest.raises(ValueError, match="somebody else changed it meanwhile"):
        push("me/digits", {**files, "model.safetensors": b"newer"})
    assert stored.files["README.md"] == b"mine"


def test_private_repositories(hub, files, monkeypatch):
    push("me/secret", files, private=True)
    assert hub.repositories["me/secret"].private
    push("me/secret", files, private=True)
    push("me/open", files)
    with pytest.raises(ValueError, match="there already and public"):
        push("me/open", files, private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ValueError, match=r"there is no hf:me/secret on .*, or it is private"):
        sd.load("hf:me/secret")


def test_mistakes_are_one_line_without_the_token(finished, hub, capsys, monkeypatch, tmp_path):
    run = str(finished)
    for name in ("digits", "me/di gits", "me/digits/x", "../digits", "me/a--b", "me/x.git", "/"):
        code, line = said(capsys, "push", run, name, "--yes")
        assert (code, "names no repository" in line) == (2, True)
    code, line = said(capsys, "push", run, "others/digits", "--yes")
    assert (code, "has no right to do this" in line) == (2, True)
    code, line = said(capsys, "push", run, "me/digits", "--license", "unheard-of", "--yes")
    assert '"license" must be one of' in line
    code, line = said(capsys, "push", run, "me/digits", "--license", "My Own!")
    assert "--license My Own!" in line
    code, line = said(capsys, "push", str(tmp_path), "me/digits", "--yes")
    assert "is no run" in line
    for token in ("hf_refused", "hf_broken\nline", "hf_ü"):
        monkeypatch.setenv("HF_TOKEN", token)
        code, line = said(capsys, "push", run, "me/digits", "--yes")
        assert code == 2
        assert "hf_" not in line
    monkeypatch.delenv("HF_TOKEN")
    code, line = said(capsys, "push", run, "me/digits", "--yes")
    assert "there is no token: log in with `hf auth login`" in line
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    code, line = said(capsys, "push", run, "me/digits", "--yes")
    assert "127.0.0.1 does not answer" in line
    code, line = said(capsys, "predict", "hf:me/digits", run)
    assert "is not in the cache, and 127.0.0.1 does not answer" in line
    code, line = said(capsys, "predict", "hf:me/digits", run, "--exits")
    assert "--exits: hf:me/digits is the network alone" in line
    assert set(hub.repositories) <= {"me/digits"}


def test_a_damaged_run_is_not_pushed(finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    file = run / ATTACHED
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"attachments.safetensors has changed since the run"):
        repository_files(run, "me/digits")
    file.unlink()
    with pytest.raises(ValueError, match=r"attachments.safetensors does not exist"):
        repository_files(run, "me/digits")


def test_what_was_downloaded_serves_offline_and_is_checked(hub, files, monkeypatch):
    push("me/digits", files)
    first = hub.repositories["me/digits"].sha()
    sd.load("hf:me/digits")
    hub.repositories["me/digits"].change(**{"config.json": b"{}"})
    with pytest.raises(ValueError, match=r"config.json"):
        sd.load("hf:me/digits")
    assert sd.load(f"hf:me/digits@{first}").classes
    with pytest.raises(ValueError, match="has no such revision"):
        sd.load("hf:me/digits@nowhere")
    hub.repositories["me/empty"] = Repository()
    with pytest.raises(ValueError, match="hf:me/empty holds no trained network"):
        sd.load("hf:me/empty")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    assert sd.load(f"hf:me/digits@{first}").classes
    assert len(hub.asked) == asked
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE forbids"):
        sd.load("hf:me/other")
    (weights,) = Path(constants.HF_HUB_CACHE).glob(f"*/snapshots/{first}/model.safetensors")
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    weights.resolve().write_bytes(content)
    with pytest.raises(ValueError, match="its sha256 differs"):
        sd.load(f"hf:me/digits@{first}")


def test_the_hub_is_told_nothing_of_this_machine(hub, files):
    push("me/digits", files)
    push("me/digits", {**files, "model.safetensors": b"newer"})
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        sd.load("hf:me/digits")
    assert constants.HF_HUB_DISABLE_TELEMETRY
    assert not any("telemetry" in path or "agent" in path for _, path, _ in hub.asked)
    told = {agent for _, path, agent in hub.asked if path.startswith(("/api", "/me"))}
    assert told == {f"selfdistill/{__version__}"}
