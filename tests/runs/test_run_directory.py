"""What a run directory lets in, what it removes, and what it notices."""

import json
import os

import pytest
import yaml

from selfdistill.failures import Locked, StorageFailure
from selfdistill.runs import RunDirectory, read_checked, writing
from selfdistill.runs.writing import sha256, write_json

RECIPE = {"format": 1, "method": {"class_path": "CrossEntropy"}, "split": "0"}
SUMMARY = {
    "format": 1,
    "recipe": {},
    "split_hash": "0",
    "environment": {},
    "cost": {},
    "validation": None,
    "test": None,
}


def content(folder):
    """Every file with its bytes, every link with its target."""
    return {
        path.relative_to(folder).as_posix(): path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def run(tmp_path):
    """A run directory that holds a file of every kind."""
    run = RunDirectory(tmp_path / "run")
    run.write_recipe(RECIPE, {"whereabouts": {}})
    for name in ("000000010.pt", "000000010.json"):
        (run.checkpoints / name).write_bytes(b"x")
    for folder in (run.model, run.best_model, run.attachments):
        folder.mkdir()
    (run.model / "model.safetensors").write_bytes(b"weights")
    (run.model / "config.json").write_text('{"architecture": "small"}')
    (run.attachments / "attachments.safetensors").write_bytes(b"exits")
    run.predictions_file.write_bytes(b"logits")
    run.append_log({"epoch": 1})
    return run


@pytest.mark.parametrize(
    "names",
    [
        ["notes.txt"],
        ["model/net.py"],
        ["model/config.json"],
        ["checkpoints/best.ckpt"],
        ["checkpoints/000000010.ckpt"],
        ["log.jsonl"],
        ["tensorboard/events.mine"],
        [".git/HEAD"],
        ["recipe.yaml"],
        ["sub/recipe.yaml"],
    ],
)
def test_a_folder_of_others_is_refused_untouched(tmp_path, names):
    for name in names:
        (tmp_path / "project" / name).parent.mkdir(parents=True)
        (tmp_path / "project" / name).write_text("flour: 500 g")
    before = content(tmp_path)
    with pytest.raises(ValueError, match="neither empty nor a run directory"):
        RunDirectory(tmp_path / "project").lock()
    assert content(tmp_path) == before


@pytest.mark.parametrize("text", ["", "a: [", "[1, 2]"])
def test_a_recipe_that_cannot_be_read_is_named(run, text):
    run.recipe_file.write_text(text)
    with pytest.raises(ValueError, match=r"recipe\.yaml (holds|is not valid)"):
        run.lock()


@pytest.mark.parametrize("kept", ["summary", "checkpoints"])
def test_a_run_that_lost_its_recipe_is_refused(run, kept):
    if kept == "summary":
        write_json(run.summary_file, SUMMARY)
    run.recipe_file.unlink()
    with pytest.raises(ValueError, match=r"recipe\.yaml is missing, though .* is there: restore"):
        run.lock()


@pytest.mark.parametrize("content", ["folder", "format: 1\n", "{}", "project: mine\n"])
def test_a_recipe_replaced_by_something_else_is_named(run, content):
    run.recipe_file.unlink()
    if content == "folder":
        run.recipe_file.mkdir()
    else:
        run.recipe_file.write_text(content)
    with pytest.raises(ValueError, match=r"recipe\.yaml is not a run's recipe, though .* restore"):
        run.lock()


def test_what_a_failed_start_leaves_is_no_obstacle(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for name in (".lock", ".holder.json", ".new-abcdefgh", "checkpoints/first-save"):
        (tmp_path / name).touch()
    RunDirectory(tmp_path).lock().release()


def test_a_failed_start_leaves_nothing(tmp_path):
    run = RunDirectory(tmp_path / "runs" / "method" / "seed0")
    run.leave(run.lock())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    run = RunDirectory(tmp_path / "empty")
    run.leave(run.lock())
    assert content(tmp_path) == {}
    assert (tmp_path / "empty").is_dir()


def test_a_start_that_came_further_keeps_its_files(run):
    before = content(run.path)
    run.leave(run.lock())
    assert content(run.path).keys() >= before.keys()


def test_clearing_removes_only_files_of_our_names(run):
    others = [
        *("notes.txt", "model/net.py", "checkpoints/best.ckpt", "checkpoints/10.pt"),
        *(
            "attachments/mail.txt",
            "model-best-validation/weights.bin",
            ".new-year",
            "log.jsonl.bak",
        ),
        *("checkpoints/000000010.pt.bak", "model/000000010.pt", "checkpoints/config.json"),
    ]
    for name in others:
        (run.path / name).write_text("precious")
    (run.checkpoints / ".new-abcdefgh").touch()
    (run.checkpoints / "000000020.pt").mkdir()
    run.clear()
    assert content(run.path) == {
        "place.yaml": run.place_file.read_bytes(),
        **dict.fromkeys(others, b"precious"),
    }


NAMES = ("checkpoints", "model", "attachments", "log.jsonl", ".lock", "summary.json", "tensorboard")


@pytest.mark.parametrize("name", NAMES)
def test_a_link_in_the_place_of_our_files_is_refused(run, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "000000010.pt").write_text("another run's")
    place = run.path / name
    if place.is_dir():
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
    place.unlink(missing_ok=True)
    place.symlink_to(outside if "." not in name else outside / "000000010.pt")
    before = content(tmp_path)
    with pytest.raises(ValueError, match="is a link: a run writes into its own folder only"):
        run.lock()
    assert content(tmp_path) == before


def test_links_inside_our_folders_lead_nowhere(run, tmp_path):
    outside = tmp_path / "precious.pt"
    outside.write_text("precious")
    for place in (run.checkpoints / "000000010.pt", run.model / "config.json"):
        place.unlink()
        place.symlink_to(outside)
    writing.replace_file(run.model / "config.json", b"{}")
    run.clear()
    assert outside.read_text() == "precious"


def test_a_log_is_never_written_through_a_link(run, tmp_path):
    outside = tmp_path / "precious"
    outside.write_text("precious")
    run.log_file.unlink()
    run.log_file.symlink_to(outside)
    with pytest.raises(StorageFailure, match=r"log\.jsonl"):
        run.append_log({"epoch": 2})
    assert outside.read_text() == "precious"


def test_a_linked_run_directory_is_the_one_it_leads_to(run, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(run.path)
    RunDirectory(link).lock().release()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "net.py").touch()
    link.unlink()
    link.symlink_to(tmp_path / "project")
    with pytest.raises(ValueError, match="neither empty nor"):
        RunDirectory(link).lock()


@pytest.mark.parametrize("holder", ["", "{", "[]", '{"pid": 7}', "\xff"])
def test_a_damaged_holder_does_not_hide_the_lock(run, holder):
    lock = run.lock()
    (run.path / ".holder.json").write_text(holder, encoding="latin-1")
    with pytest.raises(Locked, match="is in use by process"):
        RunDirectory(run.path).lock()
    lock.release()


def test_a_lock_that_was_removed_is_noticed_before_anything_is_written(run):
    first, other = run.lock(), RunDirectory(run.path)
    (run.path / ".lock").unlink()
    with pytest.raises(Locked, match="removed while this process held it"):
        run.append_log({"epoch": 2})
    second = other.lock()
    with pytest.raises(Locked, match="removed while this process held it"):
        run.check_held()
    other.append_log({"epoch": 2})
    assert len(run.read_log()) == 2
    for lock in (first, second):
        lock.release()


def test_the_umask_holds_for_every_file(tmp_path):
    before = os.umask(0o027)
    try:
        writing.replace_file(tmp_path / "one", b"")
        writing.append_line(tmp_path / "two", b"\n")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o640}


@pytest.fixture
def whole(run):
    """A run that has ended."""
    write_json(run.summary_file, {**SUMMARY, "files": run.hashes()})
    return run


def test_files_are_as_the_run_left_them(whole):
    assert whole.damage() == {}
    assert read_checked(whole.model / "model.safetensors") == b"weights"


@pytest.mark.parametrize(
    "name", ["model/model.safetensors", "model/config.json", "predictions.npz", "log.jsonl"]
)
def test_a_changed_file_is_noticed(whole, name):
    (whole.path / name).write_bytes(b"other")
    assert whole.damage() == {name: "has changed since the run wrote it"}
    with pytest.raises(ValueError, match=rf"{name} has changed since the run ended"):
        read_checked(whole.path / name)
    (whole.path / name).unlink()
    assert whole.damage() == {name: "is missing"}


def test_a_link_to_a_model_is_looked_at_too(whole, tmp_path):
    (tmp_path / "latest").symlink_to(whole.model)
    (whole.model / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match="has changed"):
        read_checked(tmp_path / "latest" / "model.safetensors")


def test_an_older_run_knows_its_weights_alone(run):
    weights = f"sha256:{sha256(b'weights')[:16]}"
    write_json(run.summary_file, {**SUMMARY, "weights": weights})
    run.predictions_file.write_bytes(b"other")
    assert run.damage() == {}
    read_checked(run.predictions_file)
    (run.model / "model.safetensors").write_bytes(b"other")
    assert list(run.damage()) == ["model/model.safetensors"]


@pytest.mark.parametrize("name", ["model/config.json", "attachments/attachments.safetensors"])
def test_a_file_that_an_older_run_lost_is_noticed(run, name):
    cost = {"parameters": 10, "training_parameters": 12}
    write_json(run.summary_file, {**SUMMARY, "cost": cost})
    assert run.damage() == {}
    (run.path / name).unlink()
    assert run.damage() == {name: "is missing"}


def test_an_older_run_of_a_method_that_attaches_nothing_has_lost_nothing(run):
    cost = {"parameters": 10, "training_parameters": 10}
    write_json(run.summary_file, {**SUMMARY, "cost": cost})
    (run.attachments / "attachments.safetensors").unlink()
    assert run.damage() == {}


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"format": 1}', "half"])
def test_a_summary_that_is_not_whole_ends_nothing(whole, text):
    whole.summary_file.write_text(text)
    assert not whole.finished()
    with pytest.raises(ValueError, match=r"summary\.json .*the train command, repeated, writes it"):
        read_checked(whole.model / "model.safetensors")


def test_a_file_beside_somebody_elses_summary_is_only_read(tmp_path):
    (tmp_path / "summary.json").write_text("my notes")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert read_checked(tmp_path / "model.safetensors") == b"weights"


def test_a_place_file_says_where_images_and_weights_lie_and_no_more(run):
    places = {
        **{"out": "victim", "overwrite": "true", "epochs": "2", "data.cache_dir": "c", "data": "d"},
        **{"data.download": "true", "data.name": "x", "logger": "wandb", "init.x": "y"},
    }
    allowed = {"data.root": "r", "data.table": "t", "init": "i", "method.teacher": "m"}
    run.place_file.write_text(yaml.safe_dump({"whereabouts": places | allowed}))
    assert run.read_paths() == allowed


def test_a_log_with_a_damaged_line_is_named_with_it(run):
    run.log_file.write_text('{"epoch": 1}\n{"epo\n{"epoch": 3}\n')
    with pytest.raises(ValueError, match=r"log\.jsonl, line 2"):
        run.read_log()


def test_a_damaged_environment_is_written_anew(run):
    run.environment_file.write_text("{}")
    with pytest.warns(UserWarning, match=r"environment\.json .*written anew"):
        run.begin_environment({"started": "now"})
    assert json.loads(run.environment_file.read_text()) == {"started": "now"}
