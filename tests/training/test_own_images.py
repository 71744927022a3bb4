"""From a folder of pictures to a network that loads elsewhere, as the command line does it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import selfdistill as sd
from painted import paint, paint_all
from selfdistill import cli
from selfdistill.config import Recipe, parse, read_changes
from selfdistill.data import ImageSet
from selfdistill.inspection import FinishedRun
from selfdistill.inspection.chosen_images import _in_order
from selfdistill.runs import RunDirectory
from selfdistill.training import train
from selfdistill.training.building import batch_size
from selfdistill.training.optimizer import build_optimizer

WORDS = [
    *("--backbone", "test_resnet", "--image-size", "80", "--epochs", "2", "--warmup-epochs", "1"),
    *("--batch-size", "8", "--precision", "fp32", "--threads", "1"),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return paint_all(tmp_path_factory.mktemp("photos"), 12)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFDISTILL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    words = ["--data", str(photos), "--method", "SKDSAM", *WORDS]
    return train(parse([*words, "--out", str(tmp_path_factory.mktemp("runs") / "run")]))


def test_the_run_says_how_it_divided_and_what_is_where(run, photos):
    files = json.loads((run / "files.json").read_text())
    summary = json.loads((run / "summary.json").read_text())
    parts = {name: files[name] for name in ("train", "validation", "test")}
    every = [name for names in parts.values() for name in names]
    on_disk = {path.relative_to(photos).as_posix() for path in photos.rglob("*.png")}
    assert set(every) == on_disk
    assert len(every) == len(on_disk)
    assert summary["images"] == {name: len(names) for name, names in parts.items()}
    assert files["split"] == summary["split_hash"]


def test_lines_that_say_which_recipe_and_which_rule(photos, tmp_path, capsys):
    words = ["--data", str(photos), "--method", "CrossEntropy", *WORDS, "--out", str(tmp_path)]
    assert cli.main(["train", *words]) == 0
    said = capsys.readouterr().out
    assert "recipe scratch, for pictures of one's own and new weights" in said
    assert f"{photos}: class folders only: every class is divided at random" in said


def test_prediction_sees_what_evaluation_saw(run, photos):
    """The same logits for a file as for its image in the split: margin, crop, mean and all."""
    trained = FinishedRun(RunDirectory(run))
    files = json.loads((run / "files.json").read_text())["test"]
    expected = trained.predict(trained.splits.test).exits["network"]
    model = sd.load(run)
    seen = torch.stack([model.transform(Image.open(photos / name)) for name in files])
    with torch.no_grad():
        torch.testing.assert_close(model.network(seen), expected, atol=1e-4, rtol=1e-4)


def test_the_model_folder_is_plain_timm(run, tmp_path):
    script = f"""
import sys
from pathlib import Path
sys.modules["selfdistill"] = None
import timm, torch
network = timm.create_model("local-dir:{run}/model", pretrained=True).eval()
config = timm.data.resolve_model_data_config(network)
images = torch.randn(2, *config["input_size"], generator=torch.Generator().manual_seed(0))
torch.save((images, network(images).detach(), config["mean"], config["crop_pct"]), "seen.pt")
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    images, logits, mean, crop = torch.load(tmp_path / "seen.pt")
    model = sd.load(run)
    with torch.no_grad():
        assert torch.equal(model.network(images), logits)
    assert tuple(mean) == model.transform.mean
    assert crop == pytest.approx(80 / 92, abs=1e-4)


def test_other_images_of_the_same_classes(run, photos, tmp_path, capsys):
    others = paint_all(tmp_path / "others", 3, first=100)
    words = ["evaluate", str(run), "--data", str(others), "--format", "json"]
    assert cli.main(words) == 0
    scores = json.loads(capsys.readouterr().out)
    assert set(scores) >= {"network", "exit1", "fusion"}
    assert {"accuracy", "top5", "macro_accuracy", "nll", "ece"} <= set(scores["network"])
    model = sd.load(run)
    paths = sorted(others.rglob("*.png"))
    right = [model.predict(path)[0].name == path.parent.name for path in paths]
    assert scores["network"]["accuracy"] == pytest.approx(100 * np.mean(right))
    assert json.loads((run / "summary.json").read_text())["test"] is None


def test_other_images_in_another_view(run, photos, capsys, tmp_path):
    """Other images at the size and fit that are asked for; exits may be made for one size."""
    assert cli.main(["evaluate", str(run), "--image-size", "64"]) == 2
    assert "--image-size: a run's own images are looked at as it was" in capsys.readouterr().err
    assert cli.main(["evaluate", str(run), "--data", str(photos), "--image-size", "64"]) == 2
    assert "SKDSAM are made for images of 80 × 80 pixels" in capsys.readouterr().err
    words = ["--data", str(photos), "--method", "CrossEntropy", *WORDS, "--out", str(tmp_path)]
    run = train(parse([*words, "--backbone", "small", "--epochs", "1", "--warmup-epochs", "0"]))
    for words, size, fit in (
        (("--image-size", "64"), (64, 64), "crop"),
        (("--image-size", "64x96", "--data.fit", "stretch"), (64, 96), "stretch"),
        (("--data.fit", "pad"), (80, 80), "pad"),
    ):
        changes, _ = read_changes(["--data", str(photos), *words])
        finished = FinishedRun(RunDirectory(run), changes)
        assert finished.preprocessing.size == finished.splits.preprocessing.size == size
        assert finished.preprocessing.fit == finished.splits.fit == fit
        assert finished.preprocessing.statistics == sd.load(run).transform.statistics
        name = finished.splits.files["test"][0]
        pixels = finished.preprocessing.center(finished.splits.test.images[:1])
        expected = finished.preprocessing.from_image(Image.open(photos / name))
        torch.testing.assert_close(
            finished.preprocessing.standardise(pixels)[0], expected, atol=1e-4, rtol=0
        )
        assert finished.predict(finished.splits.test).exits["network"].isfinite().all()


def scores_of(run, capsys, *words):
    assert cli.main(["evaluate", str(run), "--format", "json", "--data", *map(str, words)]) == 0
    told = capsys.readouterr()
    return json.loads(told.out)["network"]["accuracy"], told.err


def test_images_to_look_at_need_not_be_divided(run, photos, tmp_path, capsys):
    """Some of the classes, a picture of each, a folder or rows of test images alone."""
    model = sd.load(run)

    def right(paths):
        return 100 * np.mean([model.predict(p)[0].name == p.parent.name for p in paths])

    pictures = sorted(photos.rglob("*.png"))
    some = [path for path in pictures if path.parent.name != "green"]
    for path in some:
        copy = tmp_path / "some" / path.relative_to(photos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    accuracy, said = scores_of(run, capsys, tmp_path / "some")
    assert accuracy == pytest.approx(right(some))
    assert "the images lack 'green': scores are of the classes that there are" in said
    few = paint_all(tmp_path / "few", 1, first=50)
    assert scores_of(run, capsys, few)[0] == pytest.approx(right(few.rglob("*.png")))
    paint_all(tmp_path / "parts" / "Test", 2, first=60)
    accuracy = scores_of(run, capsys, tmp_path / "parts")[0]
    assert accuracy == pytest.approx(right((tmp_path / "parts").rglob("*.png")))
    assert scores_of(run, capsys, tmp_path / "parts", "--split", "test")[0] == accuracy
    words = ["evaluate", str(run), "--data", str(tmp_path / "parts"), "--split", "validation"]
    assert cli.main(words) == 2
    assert "there are no validation images, but test" in capsys.readouterr().err
    rows = [f"{path.relative_to(photos)},{path.parent.name},test" for path in pictures[:3]]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,split", *rows]))
    accuracy = scores_of(run, capsys, tmp_path / "t.csv", "--data.root", photos)[0]
    assert accuracy == pytest.approx(right(pictures[:3]))
    (tmp_path / "none" / "red").mkdir(parents=True)
    (tmp_path / "none" / "red" / "a.txt").write_text("")
    assert cli.main(["evaluate", str(run), "--data", str(tmp_path / "none")]) == 2
    assert "holds no pictures (1 other files ignored (.txt))" in capsys.readouterr().err


def test_other_classes_are_refused_by_name(run, photos, tmp_path, capsys):
    for number in range(3):
        paint(tmp_path, "red", number)
        paint(tmp_path, "green", number)
    (tmp_path / "green").rename(tmp_path / "lime")
    assert cli.main(["evaluate", str(run), "--data", str(tmp_path)]) == 2
    assert "the images lack 'blue', 'green', and add 'lime'" in capsys.readouterr().err


def test_predict_shows_exits_and_the_best_weights(run, photos, capsys):
    words = ["predict", str(run), str(photos / "red"), "--top-k", "1"]
    assert cli.main([*words, "--exits", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "image,exit,rank,class,probability"
    exits = {line.split(",")[1] for line in lines[1:]}
    assert exits >= {"network", "exit1", "exit2", "fusion"}
    assert len(lines) == 1 + 12 * len(exits)
    assert cli.main([*words, "--weights", "best-validation", "--format", "json"]) == 0
    best = sd.load(run / "model-best-validation").predict(sorted((photos / "red").iterdir())[0])
    row = json.loads(capsys.readouterr().out)[0]
    assert row["classes"][0]["probability"] == pytest.approx(best[0].probability)


@pytest.mark.filterwarnings("always")
def test_a_damaged_file_among_others_is_named_and_left_out(run, photos, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    whole = sorted((photos / "red").iterdir())[0]
    assert cli.main(["predict", str(run), str(tmp_path), str(whole), "--format", "json"]) == 0
    said = capsys.readouterr()
    assert [row["image"] for row in json.loads(said.out)] == [str(whole)]
    assert "bad.png is no image that can be read: left out" in said.err


def test_starting_from_a_file_of_weights(run, photos, tmp_path):
    weights = run / "model" / "model.safetensors"
    words = ["--data", str(photos), "--method", "SKDSAM", *WORDS, "--out", str(tmp_path / "tuned")]
    words += ["--backbone-lr-scale", "0.1"]
    settings = parse([*words, f"--backbone.pretrained={weights}"])
    assert settings.recipe.note.startswith("recipe finetune")
    assert str(weights) not in json.dumps(settings.recipe.values)
    tuned = train(settings)
    declared = json.loads((tuned / "model" / "config.json").read_text())["pretrained_cfg"]
    assert declared["mean"] == [0.5, 0.5, 0.5]
    method = FinishedRun(RunDirectory(tuned)).method
    groups = build_optimizer(method, settings.ingredients).param_groups
    rates = {id(p): group["lr"] / groups[0]["lr"] for group in groups for p in group["params"]}
    named = dict(method.named_parameters())
    assert {name: round(rates[id(p)], 9) for name, p in named.items()} == {
        name: 0.1 if name.startswith("backbone.") and ".fc." not in name else 1.0 for name in named
    }


def test_size_and_folder_name_follow_network_and_pictures(photos):
    settings = parse(["--data", str(photos), "--backbone", "test_resnet", "--epochs", "9"])
    assert settings.recipe.values["data"]["init_args"]["image_size"] == 160
    assert settings.recipe.name == f"scratch/{photos.name}"
    assert parse(["--data", str(photos)]).recipe.values["data"]["init_args"]["image_size"] == 224
    small = parse(["--data", str(photos), "--backbone", "small", "--image-size", "40"])
    assert small.recipe.values["data"]["init_args"]["image_size"] == 40


def test_an_own_class_of_folders_names_runs_by_the_folder(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = "from selfdistill import data\nclass ImageFolder(data.ImageFolder): pass\n"
    Path("own_folders.py").write_text(text)
    words = ["--config", "scratch", "--data", "own_folders.ImageFolder", "--image-size", "32"]
    recipe = parse([*words, "--data.root", str(photos), "--backbone", "small"]).recipe
    assert recipe.data == "own_folders.ImageFolder"
    assert recipe.name == f"scratch/{photos.name}"
    assert recipe.override({"epochs": 3}).name == f"scratch/{photos.name}"


def test_weights_from_another_division_of_the_same_pictures_are_refused(run, photos, tmp_path):
    words = ["--data", str(photos), "--method", "SKDSAM", *WORDS, "--init", str(run)]
    with pytest.raises(ValueError, match="another division of ImageFolder"):
        train(parse([*words, "--data.split-seed", "1", "--out", str(tmp_path / "leak")]))
    words[1] = str(paint_all(tmp_path / "other", 12, first=50))
    train(parse([*words, "--out", str(tmp_path / "no leak")]))


def test_the_summary_scores_what_evaluation_scores(run, capsys):
    assert cli.main(["evaluate", str(run), "--format", "json"]) == 0
    summary = json.loads((run / "summary.json").read_text())
    found = json.loads(capsys.readouterr().out)
    classes, images = found.pop("classes"), found.pop("images")
    assert found.pop("split") == "validation"
    scaled = ("temperature", "scaled_nll", "scaled_ece")
    calibration = {name: [of.pop(key) for key in scaled] for name, of in found.items()}
    assert found == summary["validation"]["last"]
    stored = summary["calibration"]
    assert calibration == {
        name: [round(stored["temperature"][name], 6), of["nll"], of["ece"]]
        for name, of in stored["validation"].items()
    }
    assert images == summary["images"]["validation"] == sum(of["images"] for of in classes.values())
    columns = summary["validation"]["classes"]
    assert [of["recall"] for of in classes.values()] == columns["recall"]
    recall = np.mean(columns["recall"])
    assert found["network"]["macro_accuracy"] == pytest.approx(recall, abs=1e-3)


def test_labels_count_the_classes_of_the_run():
    images = ImageSet(
        torch.zeros(3, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 1]), ("b", "a")
    )
    assert _in_order(images, ("a", "b")).labels.tolist() == [1, 0, 0]


def test_another_folder_of_the_same_name_is_not_done(run, photos, tmp_path, monkeypatch):
    """The default run directory is one for both: the images tell them apart."""
    words = ["--data", "photos", "--method", "CrossEntropy", *WORDS]
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        paint_all(tmp_path / place / "photos", 12, first={"one": 0, "other": 40}[place])
    monkeypatch.chdir(tmp_path / "one")
    first = train(parse(words))
    assert train(parse(words)) == first
    (tmp_path / "other" / "runs").symlink_to(tmp_path / "one" / "runs")
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(ValueError, match="have changed since it began"):
        train(parse(words))


def test_test_can_be_asked_for_later(photos, tmp_path):
    words = ["--data", str(photos), "--method", "CrossEntropy", *WORDS, "--out", str(tmp_path)]
    path = train(parse(words))
    assert json.loads((path / "summary.json").read_text())["test"] is None
    train(parse([*words, "--test"]))
    assert json.loads((path / "summary.json").read_text())["test"]["read_by"] == "evaluate"


def test_the_runs_own_images_by_another_name_are_no_others(run, photos, capsys):
    for words in ([], ["--data", str(photos)]):
        assert cli.main(["evaluate", str(run), *words, "--format", "json"]) == 0
    first, second = capsys.readouterr().out.strip().split("}\n{")
    assert first.strip("{}\n") == second.strip("{}\n")


def test_a_recipe_whose_weights_were_replaced_is_refused(run, photos, tmp_path):
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes((run / "model" / "model.safetensors").read_bytes())
    words = ["--data", str(photos), "--method", "SKDSAM", *WORDS, "--init", str(weights)]
    first = train(parse([*words, "--out", str(tmp_path / "first")]))
    again = ["--config", str(first / "recipe.yaml")]
    assert parse(again).recipe.values == parse(words).recipe.values
    best = run / "model-best-validation" / "model.safetensors"
    other = load_file(best)
    save_file({name: value + 1 for name, value in other.items()}, weights)
    with pytest.raises(ValueError, match="no longer holds the weights of the recipe"):
        parse(again)
    assert parse([*again, "--init", str(best)]).recipe.paths["init"] == str(best)


def test_a_recipe_on_other_pictures_keeps_its_size(run, photos, tmp_path):
    (tmp_path / "others").mkdir()
    settings = parse(["--config", str(run / "recipe.yaml"), "--data", str(tmp_path / "others")])
    assert settings.recipe.values["data"]["init_args"]["image_size"] == 80
    assert settings.recipe.paths["data.root"] == str(tmp_path / "others")


def test_a_size_that_is_not_the_images_is_refused(photos, tmp_path):
    words = ["--data", str(photos), "--method", "CrossEntropy", *WORDS, "--out", str(tmp_path)]
    with pytest.raises(ValueError, match="the images have 80 × 80 pixels"):
        train(parse([*words, "--backbone.image-size", "64"]))


@pytest.mark.parametrize(
    ("images", "processes", "size"),
    [(5, 1, 5), (56, 1, 8), (89, 1, 8), (208, 1, 16), (208, 3, 15), (639, 1, 32), (50000, 1, 64)],
)
def test_a_batch_leaves_a_small_folder_ten_steps_an_epoch(images, processes, size):
    ingredients = Recipe.from_file("digits").override({"batch_size": "auto"}).build()
    assert batch_size(ingredients, images, processes) == size


def test_a_folder_smaller_than_a_usual_batch_trains_on_every_picture(tmp_path, capsys):
    photos = paint_all(tmp_path / "photos", 10)
    words = ["--data", str(photos), "--method", "DLB", *WORDS[:4], *WORDS[10:]]
    words += ["--batch-size", "auto", "--drop-last", "false"]
    run = train(
        parse([*words, "--epochs", "1", "--warmup-epochs", "0", "--out", str(tmp_path / "r")])
    )
    images = json.loads((run / "summary.json").read_text())["images"]["train"]
    line = json.loads((run / "log.jsonl").read_text())
    assert 8 < images < 40
    assert images % 8
    assert line["step"] == -(-images // 8)
    said = capsys.readouterr()
    assert f"batches of 8 images, {line['step']} steps an epoch" in said.out + said.err
