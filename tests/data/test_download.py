import hashlib
import io
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import Quiet, asked_for

from selfdistill.data import progress
from selfdistill.data.datasets import download
from selfdistill.data.datasets.download import Archive, Member, download_resumable, fetch

CONTENTS = {"train.bin": bytes(range(256)) * 40, "test.bin": b"test" * 100}


def entry(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, io.BytesIO(content)


def pack(path, entries):
    with tarfile.open(path, "w:gz") as tar:
        for info, content in entries:
            tar.addfile(info, content)


def good():
    yield entry("set", type=tarfile.DIRTYPE)
    yield entry("set/readme.html", b"hello")
    for name, content in CONTENTS.items():
        yield entry(f"set/{name}", content)


def archive(url):
    members = (
        Member(name, len(content), hashlib.md5(content).hexdigest())
        for name, content in CONTENTS.items()
    )
    return Archive(url, "set", tuple(members))


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_only_known_members_arrive(served, tmp_path):
    folder, url = served
    pack(folder / "set.tar.gz", good())
    root = tmp_path / "new" / "root"
    fetch(archive(url), root)
    assert everything_below(root) == ["set", "set/test.bin", "set/train.bin"]
    assert all((root / "set" / name).read_bytes() == CONTENTS[name] for name in CONTENTS)


def test_what_exists_is_left_alone(served, tmp_path):
    folder, url = served
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "test.bin").write_bytes(b"mine")
    pack(folder / "set.tar.gz", good())
    fetch(archive(url), tmp_path)
    assert (tmp_path / "set" / "test.bin").read_bytes() == b"mine"
    (folder / "set.tar.gz").unlink()
    fetch(archive(url), tmp_path)


def bomb():
    yield entry("set/huge", bytes(4_000_000))
    yield from good()


BAD = {
    "wrong content": ([entry("set/train.bin", bytes(256 * 40))], "train.bin came with MD5"),
    "wrong size": ([entry("set/train.bin", b"short")], "train.bin came with MD5"),
    "member missing": ([entry("set/other.bin", b"x")], "lacks set/train.bin, set/test.bin"),
    "path upwards": ([entry("set/../../evil", b"x"), *good()], "'set/../../evil'"),
    "absolute path": ([entry("/tmp/evil", b"x"), *good()], "'/tmp/evil'"),
    "symbolic link": (
        [entry("set/train.bin", type=tarfile.SYMTYPE, linkname="../../victim"), *good()],
        "'set/train.bin', a link",
    ),
    "hard link": (
        [entry("set/train.bin", type=tarfile.LNKTYPE, linkname="../victim"), *good()],
        "'set/train.bin', a link",
    ),
    "device": ([entry("set/train.bin", type=tarfile.CHRTYPE), *good()], "a device"),
    "bomb": (list(bomb()), "unpacks to more than expected"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_archives_are_refused_and_write_nothing(served, tmp_path, case):
    folder, url = served
    entries, message = BAD[case]
    pack(folder / "set.tar.gz", entries)
    root = tmp_path / "below" / "root"
    before = everything_below(tmp_path)
    with pytest.raises(ValueError, match=message):
        fetch(archive(url), root)
    assert everything_below(tmp_path) == sorted([*before, "below", "below/root", "below/root/set"])


@pytest.mark.parametrize("case", ["absent", "partial", "garbage", "endless"])
def test_bad_downloads_are_refused_and_write_nothing(served, tmp_path, case):
    folder, url = served
    path = folder / "set.tar.gz"
    pack(path, good())
    whole = path.read_bytes()
    if case == "absent":
        path.unlink()
    else:
        path.write_bytes(
            {
                "partial": whole[: len(whole) // 2],
                "garbage": b"<html>moved</html>",
                "endless": whole + bytes(2_000_000),
            }[case]
        )
    message = {"absent": "cannot download .*404", "endless": "sends more than"}
    with pytest.raises(ValueError, match=message.get(case, "came damaged")):
        fetch(archive(url), tmp_path / "root")
    assert everything_below(tmp_path / "root") == ["set"]


def test_a_connection_that_breaks_is_refused(tmp_path, served):
    _, url = served
    host = url.rsplit(":", 1)[0]
    with pytest.raises(ValueError, match="cannot download"):
        fetch(archive(f"{host}:1/set.tar.gz"), tmp_path / "root")


@pytest.mark.parametrize("resumes", [True, False])
def test_a_download_that_broke_off_goes_on(served, tmp_path, monkeypatch, resumes):
    folder, url = served
    pack(folder / "set.tar.gz", good())
    size = (folder / "set.tar.gz").stat().st_size
    monkeypatch.setattr(Quiet, "resumes", resumes)
    monkeypatch.setattr(Quiet, "most", size // 3)
    root = tmp_path / "root"
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"broke off after \d+ of {size} bytes.*goes on"):
            fetch(archive(url), root)
    monkeypatch.setattr(Quiet, "most", None)
    fetch(archive(url), root)
    assert everything_below(root) == ["set", "set/test.bin", "set/train.bin"]
    firsts = [first for first, _ in asked_for]
    assert firsts == ([0, size // 3, 2 * (size // 3)] if resumes else [0, 0, 0])


def test_a_whole_download_that_was_not_unpacked_is_used(served, tmp_path):
    folder, url = served
    pack(folder / "set.tar.gz", good())
    part = tmp_path / ".set.tar.gz.part"
    part.write_bytes((folder / "set.tar.gz").read_bytes())
    fetch(archive(url), tmp_path)
    assert asked_for == []
    assert (tmp_path / "set" / "train.bin").read_bytes() == CONTENTS["train.bin"]
    assert not part.exists()


def test_what_broke_off_of_another_file_is_found_out_and_forgotten(served, tmp_path):
    folder, url = served
    pack(folder / "set.tar.gz", good())
    (tmp_path / ".set.tar.gz.part").write_bytes(b"x" * 50)
    with pytest.raises(ValueError, match="came damaged"):
        fetch(archive(url), tmp_path)
    fetch(archive(url), tmp_path)
    (tmp_path / "set" / "test.bin").unlink()
    (tmp_path / ".set.tar.gz.part").write_bytes(bytes(5_000_000))
    fetch(archive(url), tmp_path)
    assert (tmp_path / "set" / "test.bin").read_bytes() == CONTENTS["test.bin"]


def test_two_at_once_download_once(served, tmp_path):
    folder, url = served
    pack(folder / "set.tar.gz", good())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: fetch(archive(url), tmp_path / "root"), range(2)))
    assert len(asked_for) == 1
    assert everything_below(tmp_path / "root") == ["set", "set/test.bin", "set/train.bin"]


def test_what_has_no_end_is_left_at_the_limit(served, tmp_path, monkeypatch):
    folder, url = served
    (folder / "set.tar.gz").write_bytes(bytes(5_000_000))
    read = []
    monkeypatch.setattr(download.Progress, "advance", lambda _, count: read.append(count))
    with pytest.raises(ValueError, match="sends more than the 1000 bytes"):
        download_resumable(url, tmp_path / "part", max_bytes=1000)
    assert sum(read) <= 1000 + download.CHUNK
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("length", ["many", "-5", "1" * 5000, "²"])
def test_a_length_that_is_no_number_is_not_believed(served, tmp_path, monkeypatch, length):
    folder, url = served
    pack(folder / "set.tar.gz", good())

    def lie(self, name, value):
        text = length if name == "Content-Length" else value
        self._headers_buffer.append(f"{name}: {text}\r\n".encode("latin-1"))

    monkeypatch.setattr(Quiet, "send_header", lie)
    fetch(archive(url), tmp_path)
    assert (tmp_path / "set" / "train.bin").read_bytes() == CONTENTS["train.bin"]


def test_rate_and_time_left_are_shown(served, tmp_path, monkeypatch, capsys):
    folder, url = served
    (folder / "set.tar.gz").write_bytes(bytes(3_000_000))
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    download_resumable(url, tmp_path / "part", max_bytes=3_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"downloading {url} into {tmp_path}"
    assert re.fullmatch(r"  \d+%, [\d.]+ MB/s, 0:00:00 left", lines[1])
