"""Archives that reach outside, and servers that lie; all of them on the loopback."""

import gzip
import hashlib
import io
import re
import shutil
import tarfile
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from selfdistill.data.datasets.download import Archive, Member, fetch

from .attempts import Attempt, promise
from .children import Child, run
from .digest import tree

CONTENTS = {"train.bin": bytes(range(256)) * 40, "test.bin": b"test" * 100}
MAX_MEMORY = 3 << 30


def _entry(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def _good():
    return [
        _entry("set", type=tarfile.DIRTYPE),
        *(_entry(f"set/{n}", c) for n, c in CONTENTS.items()),
    ]


def _packed(*entries, **options):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", **options) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _link(kind, name, target):
    return _entry(name, type=kind, linkname=target)


def _flipped():
    content = bytearray(_packed(*_good()))
    content[len(content) // 2] ^= 16
    return bytes(content)


ARCHIVES = {
    "path upwards": lambda: _packed(_entry("set/../../outside", b"x"), *_good()),
    "absolute path": lambda: _packed(_entry("OUTSIDE", b"x"), *_good()),
    "member by a symbolic link": lambda: _packed(
        _link(tarfile.SYMTYPE, "set/train.bin", "../outside"), *_good()
    ),
    "folder by a symbolic link": lambda: _packed(_link(tarfile.SYMTYPE, "set", ".."), *_good()[1:]),
    "symbolic link, absolute": lambda: _packed(
        _link(tarfile.SYMTYPE, "set/x", "OUTSIDE"), _entry("set/x", b"x"), *_good()
    ),
    "hard link": lambda: _packed(_link(tarfile.LNKTYPE, "set/train.bin", "/etc/passwd"), *_good()),
    "device": lambda: _packed(_entry("set/train.bin", type=tarfile.CHRTYPE, devmajor=1), *_good()),
    "pipe": lambda: _packed(_entry("set/train.bin", type=tarfile.FIFOTYPE), *_good()),
    "member unfolds": lambda: _packed(_entry("set/huge", bytes(200_000_000)), *_good()),
    "gzip unfolds": lambda: gzip.compress(bytes(200_000_000)),
    "20,000 members": lambda: _packed(*(_entry(f"set/{k}") for k in range(20_000)), *_good()),
    "50 MB header": lambda: _packed(
        _entry("set/x", pax_headers={"comment": "x" * 50_000_000}),
        *_good(),
        format=tarfile.PAX_FORMAT,
    ),
    "cut off": lambda: _packed(*_good())[:-200],
    "a flipped bit": _flipped,
    "no archive": lambda: b"<html>404</html>",
    "empty": lambda: b"",
    "wrong content": lambda: _packed(*_good()[:2], _entry("set/test.bin", b"TEST" * 100)),
    "a member twice": lambda: _packed(_entry("set/train.bin", bytes(10240)), *_good()),
    "no member": lambda: _packed(_entry("set/other", b"x")),
    "negative size": lambda: _negative(),
}


def _negative():
    content = bytearray(gzip.decompress(_packed(*_good())))
    content[124:136] = b"\xff" * 12
    return gzip.compress(bytes(content))


@promise("R16", "archives with ../, absolute paths, links, devices, bombs: nothing lands outside")
def archives(ground):
    for name in ground.some(ARCHIVES, 6):
        folder = _new(ground.folder / "archives")
        content = ARCHIVES[name]()
        answer = _fetched(folder, _serving(content))
        yield _landed(name, answer, folder)


def _serving(content):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def _answering(code=200, body=b"", **headers):
    """A server that says so, and no more."""

    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(1 << 16))


def _shifted(handler):
    """Goes on from another byte than it was asked for."""
    content = _packed(*_good())
    first = int((re.findall(r"bytes=(\d+)", handler.headers["Range"] or "") or [0])[0])
    handler.send_response(206)
    shifted = max(0, first - 3)
    handler.send_header("Content-Range", f"bytes {shifted}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - shifted))
    handler.end_headers()
    handler.wfile.write(content[shifted:])


def _garbled(handler):
    handler.wfile.write(b"\x00\xff not HTTP at all\r\n\r\n")


def _good_bytes():
    return _packed(*_good())


SERVERS = {
    "endless": _endless,
    "redirects for ever": _answering(302, Location="/again"),
    "redirect to a file": _answering(302, Location="file:///etc/passwd"),
    "redirect to nowhere": _answering(302, Location="http://127.0.0.1:9/"),
    "redirect to another scheme": _answering(302, Location="ftp://127.0.0.1:9/x"),
    "length many": _answering(Content_Length="many", body=b"x"),
    "length negative": _answering(Content_Length="-5", body=b"x"),
    "length huge": _answering(Content_Length="9" * 30, body=b"x"),
    "length short": lambda h: _answering(Content_Length="10", body=_good_bytes())(h),
    "length long": lambda h: _answering(Content_Length="100000000", body=_good_bytes())(h),
    "another file": lambda h: _serving(_packed(_entry("set/x", b"x")))(h),
    "shifted": _shifted,
    "not HTTP": _garbled,
    "hangs up": lambda handler: handler.connection.close(),
    "error 500": _answering(500),
    "not found": _answering(404),
    "nothing left": _answering(416, Content_Range="bytes */5"),
    "empty": _answering(204),
    "long header": _answering(X="x" * 100_000),
    "escape in the reason": _answering(404, X="\x1b[31m"),
    "gzip encoding": lambda h: _answering(Content_Encoding="gzip", body=_good_bytes())(h),
}


@promise("R17", "servers that lie, break off, redirect or have no end: no wrong file is taken")
def servers(ground):
    for name in ground.some(SERVERS, 6):
        for part in (b"", b"left by an earlier try"):
            folder = _new(ground.folder / "servers")
            if part:
                (folder / "root").mkdir()
                (folder / "root" / ".set.tar.gz.part").write_bytes(part)
            yield _landed(
                f"{name}{', goes on' if part else ''}", _fetched(folder, SERVERS[name]), folder
            )


@promise("R17", "eight downloads of one set at once: one archive, all of them whole")
def at_once(ground):
    for _ in range(ground.of(1, 5)):
        folder = _new(ground.folder / "at-once")
        with _server(_serving(_good_bytes())) as address:
            children = [Child(call=partial(_fetch, address, folder / "root")) for _ in range(8)]
            answers = [child.wait() for child in children]
        for answer in answers:
            wrong = None if answer.code == 0 else f"code {answer.code}: {answer.last}"
            yield (
                _landed("one of eight", answer, folder) if wrong is None else Attempt("one", wrong)
            )


def _fetched(folder, respond):
    with _server(respond) as address:
        return run(call=partial(_fetch, address, folder / "root"), memory=MAX_MEMORY)


def _fetch(address, root):
    members = tuple(Member(n, len(c), hashlib.md5(c).hexdigest()) for n, c in CONTENTS.items())
    try:
        fetch(Archive(f"{address}/set.tar.gz", "set", members), root)
    except (ValueError, OSError) as error:
        print(error)
        return 2
    return 0


def _landed(what, answer, folder):
    """Only files with the right content may be there, and nothing outside."""
    wrong = f"a traceback: {answer.last}" if answer.traceback else None
    right = {f"root/set/{n}": hashlib.sha256(c).hexdigest() for n, c in CONTENTS.items()}
    for name, content in tree(folder).items():
        if right.get(name) not in (None, content):
            wrong = f"{name} has other content"
        if name not in right:
            wrong = f"{name} was written"
    if wrong is None and answer.code == 0 and not all((folder / name).is_file() for name in right):
        wrong = "ends well without the files"
    if wrong is None and answer.code not in (0, 2):
        wrong = f"code {answer.code}: {answer.last}"
    return Attempt(what, wrong, "refused" if answer.code else "fetched")


@contextmanager
def _server(respond):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                respond(self)
            except OSError:  # the other side had enough
                self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _new(folder):
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    return folder
