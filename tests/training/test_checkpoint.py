import contextlib
import io
import os
import random

import pytest
import torch

from selfdistill.failures import StorageFailure, UnusableCheckpoint
from selfdistill.runs import RunDirectory, writing
from selfdistill.training import checkpoint

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, step, {"step": step, "weights": torch.full((50,), float(step))})
    return tmp_path


def load(folder):
    return checkpoint.load_latest(folder, device=CPU)


def test_the_newest_is_loaded_and_two_are_kept(folder):
    assert load(folder)["step"] == 30
    assert sorted(path.name for path in folder.glob("*.pt")) == ["000000020.pt", "000000030.pt"]


def test_none_yet(tmp_path):
    assert load(tmp_path) is None


def flip(path, random_):
    content = bytearray(path.read_bytes())
    content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)
    path.write_bytes(content)


def cut(path, random_):
    path.write_bytes(path.read_bytes()[: random_.randrange(path.stat().st_size)])


@pytest.mark.parametrize(
    "damage",
    [flip, cut, lambda path, _: path.write_bytes(b""), lambda path, _: path.unlink()],
    ids=["flip", "cut", "empty", "missing"],
)
def test_damage_is_found_and_the_previous_one_taken(folder, damage):
    random_ = random.Random(0)
    for _ in range(10):
        checkpoint.save(folder, 30, {"step": 30, "weights": torch.randn(50)})
        damage(folder / "000000030.pt", random_)
        with pytest.warns(UserWarning, match=r"000000030.pt .*: passed over"):
            assert load(folder)["step"] == 20


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\x00\xff"])
def test_a_garbage_manifest_counts_as_damage(folder, content):
    (folder / "000000030.json").write_bytes(content)
    with pytest.warns(UserWarning, match="unreadable manifest"):
        assert load(folder)["step"] == 20


def test_all_damaged_is_an_error(folder):
    for path in folder.glob("*.pt"):
        path.write_bytes(b"no")
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(UnusableCheckpoint, match="--overwrite") as caught,
    ):
        load(folder)
    assert caught.value.exit_code == 3


def test_a_save_cut_off_before_its_manifest_does_not_count(folder):
    (folder / "000000040.pt").write_bytes(b"half")
    with pytest.warns(UserWarning, match="no manifest"):
        assert load(folder)["step"] == 30


@contextlib.contextmanager
def crashing(monkeypatch, call, crash_at):
    """End what is done inside at one of its calls of the system, if there are so many."""
    real, calls = getattr(os, call), 0

    def crash(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == crash_at:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        patched.setattr(os, call, crash)
        yield


@pytest.mark.filterwarnings("ignore:checkpoint .* has no manifest")
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("crash_at", [1, 2, 3, 4])
def test_a_crash_at_any_point_of_a_save_leaves_a_whole_one(folder, monkeypatch, call, crash_at):
    with crashing(monkeypatch, call, crash_at):
        checkpoint.save(folder, 40, {"step": 40, "weights": torch.zeros(50)})
    assert load(folder)["step"] == (40 if (folder / "000000040.json").exists() else 30)
    assert not list(folder.glob(".new-*"))


def test_a_save_leaves_nothing_but_itself_and_the_whole_one_before(folder):
    (folder / "000000020.pt").write_bytes(b"damaged")
    (folder / "000000040.pt").write_bytes(b"cut off before its manifest")
    (folder / ".new-abcdefgh").write_bytes(b"cut off before its name")
    checkpoint.save(folder, 15, {"step": 15})
    checkpoint.save(folder, 18, {"step": 18})
    names = {f"0000000{step}.{ending}" for step in (15, 18) for ending in ("pt", "json")}
    assert {path.name for path in folder.iterdir()} == names
    (folder / "000000018.pt").write_bytes(b"damaged")
    checkpoint.save(folder, 20, {"step": 20})
    assert sorted(path.stem for path in folder.glob("*.pt")) == ["000000015", "000000020"]


@pytest.mark.filterwarnings("ignore:checkpoint .* passed over")
@pytest.mark.parametrize("saves", [1, 2])
def test_checkpoints_without_their_manifests_are_no_fresh_start(tmp_path, saves):
    for step in range(saves):
        checkpoint.save(tmp_path, step, {"step": step})
    for manifest in tmp_path.glob("*.json"):
        manifest.unlink()
    with pytest.raises(UnusableCheckpoint, match="has no manifest; restore one from a copy"):
        load(tmp_path)


@pytest.mark.filterwarnings("ignore:checkpoint .* has no manifest")
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("crash_at", range(1, 7))
def test_a_crash_in_the_first_saves_is_a_fresh_start(tmp_path, monkeypatch, call, crash_at):
    for step in (10, 20):  # the second attempt is cut off at the same place
        with crashing(monkeypatch, call, crash_at):
            checkpoint.save(tmp_path, step, {"step": step})
        found = load(tmp_path)
        if not list(tmp_path.glob("*.json")):
            assert found is None
        else:
            assert found is not None
    checkpoint.save(tmp_path, 30, {"step": 30})
    assert load(tmp_path)["step"] == 30


def test_a_full_disk_keeps_the_old_file_and_says_what_is_needed(tmp_path, monkeypatch):
    path = tmp_path / "file"
    writing.replace_file(path, b"old")

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFailure, match=r"No space left.*3 bytes needed, [\d,]+ bytes free"):
        writing.replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_refused_says_what_is_needed_and_free(tmp_path, monkeypatch):
    said = r"[\d,]+ bytes needed, [\d,]+ bytes free"
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailure, match=rf"file/run/.lock: Not a directory \({said}"):
        RunDirectory(tmp_path / "file" / "run").lock()

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFailure, match=rf"log.jsonl: No space left on device \({said}"):
        RunDirectory(tmp_path).append_log({"epoch": 1})


def test_files_of_others_among_the_checkpoints_stay(folder):
    others = ["best.ckpt", "10.pt", "000000010.ckpt", "epoch=3.pt", ".new-year", "000000005.pt.bak"]
    for name in others:
        (folder / name).write_text("precious")
    checkpoint.save(folder, 40, {"step": 40})
    assert load(folder)["step"] == 40
    for name in others:
        assert (folder / name).read_text() == "precious"


@pytest.mark.parametrize("ending", ["pt", "json"])
def test_a_folder_in_a_checkpoints_place_is_passed_over(folder, ending):
    (folder / f"000000030.{ending}").unlink()
    (folder / f"000000030.{ending}").mkdir()
    with pytest.warns(UserWarning, match=r"000000030.pt .*: passed over"):
        assert load(folder)["step"] == 20
    checkpoint.save(folder, 30, {"step": 30})
    assert load(folder)["step"] == 30


def test_a_folder_that_holds_something_is_not_removed(folder):
    (folder / "000000040.pt").mkdir()
    (folder / "000000040.pt" / "mine").write_text("precious")
    with pytest.raises(StorageFailure, match=r"000000040\.pt"):
        checkpoint.save(folder, 40, {"step": 40})
    assert (folder / "000000040.pt" / "mine").read_text() == "precious"


class Called:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", "list", "code"])
def test_a_right_hash_over_wrong_content_is_passed_over(folder, content):
    if isinstance(content, str):
        buffer = io.BytesIO()
        torch.save([1, 2] if content == "list" else {"step": Called()}, buffer)
        content = buffer.getvalue()
    (folder / "000000030.pt").write_bytes(content)
    writing.write_json(folder / "000000030.json", {"sha256": writing.sha256(content)})
    with pytest.warns(UserWarning, match="does not hold a checkpoint's state: passed over"):
        assert load(folder)["step"] == 20
