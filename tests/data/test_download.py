import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from selfdistill.data.download import Archive, Member, fetch

CONTENTS = {"train.bin": bytes(range(256)) * 40, "test.bin": b"test" * 100}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/set.tar.gz"
    server.shutdown()
    thread.join()
    server.server_close()


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
