"""What training says of settings that do not suit, and of a run that goes on or has moved."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from painted import paint_all
from selfdistill import cli
from selfdistill.config import parse
from selfdistill.failures import Stopped
from selfdistill.runs import RunDirectory, changed_files
from selfdistill.training import checkpoint, idle_cores, train

PHOTOS = "--image-size=32 --epochs=1 --batch-size=8 --method=CrossEntropy --precision=fp32"
STATISTICS = (
    "cpu  1 1 1 1 1 0 0 0 0 0\ncpu0 {0} 0 0 {1} 0 0 0 0 0 0\ncpu1 {0} 0 0 {1} 0 0 0 0 0 0\n"
)
SMALL = f"{PHOTOS} --backbone=small --backbone.width=4 --threads=1"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of pictures and a run of it, named as from its own folder."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SELFDISTILL_CACHE", str(folder / "cache"))
        paint_all(folder / "photos", 12)
        train(parse(["--data=photos", *SMALL.split(), "--out=run"]))
        yield folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--accumulation=8", "--batch-size 8 --accumulation 8: each part of a batch is one image"),
        ("--batch-size=1", "--batch-size 1: each part of a batch is one image"),
    ],
)
def test_parts_of_one_image_are_refused_before_a_batchnorm_of_one_pixel(
    place, words, said, tmp_path, capsys
):
    words = ["--data=photos", *PHOTOS.split(), "--backbone=test_resnet", *words.split()]
    assert cli.main(["train", *words, f"--out={tmp_path}"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"selfdistill: {said}, and a BatchNorm sees one value per channel")
    assert "--accumulation 4 or --batch-size 16" in told or told.endswith("--batch-size 2")
    assert not (tmp_path / "recipe.yaml").exists()


def test_parts_of_one_image_train_where_maps_are_larger(place, tmp_path):
    train(parse(["--data=photos", *SMALL.split(), "--accumulation=8", f"--out={tmp_path}"]))


def test_a_run_finds_its_pictures_from_any_folder(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", str(place / "run")]) == 0
    stored = RunDirectory(place / "run").read_paths()
    assert stored["data.root"] == str(place / "photos")
    recipe = place / "run" / "recipe.yaml"
    assert parse([f"--config={recipe}"]).recipe.paths["data.root"] == str(place / "photos")
    shutil.copytree(place / "run", tmp_path / "copy")
    moved = {"whereabouts": {"data.root": str(tmp_path / "gone")}}
    (tmp_path / "copy" / "place.yaml").write_text(json.dumps(moved))
    capsys.readouterr()
    assert cli.main(["evaluate", str(tmp_path / "copy")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(tmp_path / "gone") in told
    assert cli.main(["evaluate", str(tmp_path / "copy"), f"--data.root={place / 'photos'}"]) == 0


def test_a_number_of_threads_that_was_asked_for_belongs_to_the_hash(place, tmp_path):
    kept = torch.get_num_threads()
    words = ["--data=photos", *SMALL.split()]
    train(parse([*words, "--threads=2", f"--out={tmp_path / 'two'}"]))
    torch.set_num_threads(kept)
    one, two = (
        RunDirectory(run).read_summary().values for run in (place / "run", tmp_path / "two")
    )
    assert one["recipe_hash"] != two["recipe_hash"]
    assert one["recipe"] == two["recipe"]


def test_a_run_that_goes_on_says_so_and_names_other_threads(words, tmp_path, monkeypatch, capsys):
    saved = checkpoint.save

    def save_and_die(folder, step, state):
        saved(folder, step, state)
        if step == 4:
            raise KeyboardInterrupt

    kept = torch.get_num_threads()
    words = [*words, "--method=CrossEntropy", f"--out={tmp_path}", "--checkpoint-seconds=0"]
    monkeypatch.setattr(checkpoint, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(parse(words))
    monkeypatch.undo()
    capsys.readouterr()
    with pytest.warns(UserWarning, match="began with 1 processor threads and goes on with 2"):
        train(parse([*words, "--threads=2"]))
    torch.set_num_threads(kept)
    assert "resuming after 1 of 3 epochs and 1 of 3 steps" in capsys.readouterr().out


def keep_busy(monkeypatch, file, share):
    """Two cores on which other programs take a share of the time."""

    def pass_time(_):
        file.write_text(STATISTICS.format(1000 + round(100 * share), 2100 - round(100 * share)))

    file.write_text(STATISTICS.format(1000, 2000))
    monkeypatch.setattr(idle_cores, "STATISTICS", file)
    monkeypatch.setattr(idle_cores.time, "sleep", pass_time)
    monkeypatch.setattr(idle_cores.os, "sched_getaffinity", lambda _: {0, 1})


@pytest.mark.parametrize(("share", "threads"), [(0.1, 2), (0.5, 1), (1, 1)])
def test_busy_cores_are_left_to_other_programs(
    share, threads, place, tmp_path, monkeypatch, capsys
):
    kept, run = torch.get_num_threads(), tmp_path / "run"
    words = ["--data=photos", *SMALL.removesuffix(" --threads=1").split(), f"--out={run}"]
    keep_busy(monkeypatch, tmp_path / "stat", share)
    torch.set_num_threads(2)
    with pytest.raises(Stopped):
        train(parse([*words, "--stop-after=0"]))
    told = capsys.readouterr().out
    assert ("computes with 1 of 2 threads, as other programs" in told) == (threads == 1)
    keep_busy(monkeypatch, tmp_path / "stat", 0)
    train(parse(words))
    assert ("with 1 of 2 threads, as it began" in capsys.readouterr().out) == (threads == 1)
    torch.set_num_threads(kept)
    assert RunDirectory(run).threads() == threads


def changed(run, **parts):
    return changed_files(RunDirectory(run), parts)


def test_changed_pictures_are_told_by_name_and_number(tmp_path):
    train_names = ("cat/1.png", "cat/2.png", "fish/1.png")
    RunDirectory(tmp_path).write_files({"split": "x", "train": train_names, "test": ["fish/2.png"]})
    more = (*train_names, "fish/3.png", "fish/4.png")
    assert changed(tmp_path, train=more, test=("fish/2.png",)) == (
        "2 pictures more in fish, such as fish/3.png"
    )
    newt = (*train_names[1:], "newt/1.png", "newt/2.png")
    assert changed(tmp_path, train=newt, test=("fish/2.png",)) == (
        "1 picture fewer in cat, such as cat/1.png; class newt is new, 2 pictures"
    )
    assert changed(tmp_path, train=("fish/2.png",), test=("fish/1.png",)) == (
        "class cat is gone, 2 pictures"
    )
    assert "divided otherwise" in changed(tmp_path, train=("fish/2.png", *train_names))
    assert changed(tmp_path / "older", train=train_names) == ""


def test_changed_pictures_stop_a_run(place, capsys, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(place / "photos", photos)
    shutil.copy(photos / "red" / "01.png", photos / "red" / "99.png")
    for words in (
        ["train", f"--data={photos}", *SMALL.split(), f"--out={place / 'run'}"],
        ["evaluate", str(place / "run"), f"--data.root={photos}"],
    ):
        capsys.readouterr()
        assert cli.main(words) == 2
        assert "(1 picture more in red, such as red/99.png)" in capsys.readouterr().err


def test_weights_that_torch_saved_are_taken_to_start_from(place, tmp_path, capsys):
    weights = load_file(place / "run" / "model" / "model.safetensors")
    torch.save(weights, tmp_path / "start.pth")
    words = ["--data=photos", *SMALL.split(), f"--out={tmp_path / 'run'}"]
    train(parse([*words, f"--init={tmp_path / 'start.pth'}"]))
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    words = ["train", *words[:-1], f"--init={tmp_path / 'bad.pth'}", f"--out={tmp_path / 'bad'}"]
    capsys.readouterr()
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"selfdistill: {tmp_path / 'bad.pth'} cannot be read as weights")
    assert told.count("\n") == 1


def test_a_finished_run_is_not_trained_longer_but_started_from(place, capsys):
    words = ["train", "--data=photos", *SMALL.split(), "--epochs=4", f"--out={place / 'run'}"]
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert "epochs: 1 there, 4 now" in told
    assert "for a new run from its weights with --init" in told


def test_the_best_weights_of_an_unfinished_run_are_named(place, tmp_path, capsys):
    shutil.copytree(place / "run", tmp_path / "run", ignore=shutil.ignore_patterns("model", "su*"))
    picture = str(place / "photos" / "red" / "01.png")
    assert cli.main(["predict", str(tmp_path / "run"), picture]) == 2
    assert "--weights best-validation takes its best weights" in capsys.readouterr().err
    words = ["predict", str(tmp_path / "run"), picture, "--weights", "best-validation"]
    assert cli.main(words) == 0


def test_the_settings_of_a_line_can_be_printed(place, capsys):
    with pytest.raises(SystemExit) as end:
        parse(["--data=photos", "--print_config", "--epochs=7"])
    assert not end.value.code
    assert "epochs: 7" in capsys.readouterr().out
