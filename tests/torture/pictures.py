"""Pictures and folders that want something else than being looked at."""

import io
import os
import re
import shutil
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from .attempts import Attempt, fault, promise
from .children import run
from .digest import tree

OWN = [
    *("--backbone", "small", "--backbone.width", "8", "--epochs", "1", "--warmup-epochs", "0"),
    *("--batch-size", "4", "--image-size", "32", "--method", "CrossEntropy", "--threads", "1"),
    *("--precision", "fp32"),
]
MAX_GROWTH = 50 << 20
"""Bytes by which refusing a small file may grow a process."""
MAX_REDUCED = 160 << 20
"""The same for a JPEG that is decoded at a part of its size: four bytes for 40 million pixels."""


def noise(seed, size=(32, 32), mode="RGB"):
    """A picture of noise."""
    shape = (*size[::-1], len(mode))
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8))


def folder_of(path, classes=("cat", "dog"), count=10):
    """A folder of class folders of noise."""
    for number, name in enumerate(classes):
        if not os.path.lexists(path / name):
            (path / name).mkdir(parents=True)
            for k in range(count):
                noise(1000 * number + k).save(path / name / f"{k}.png")
    return path


def saved(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _png(width, height, content=b"", chunks=()):
    """A PNG that claims a size."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", content or zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    whole = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + whole


def _blank(form, side, **options):
    """A picture of one colour, as bytes; none where Pillow cannot write it."""

    def make():
        try:
            return saved(Image.new("RGB", (side, side)), form, **options)
        except (OSError, KeyError, ValueError):
            return None

    return make


def _blank_png(side):
    """As Pillow writes it, but without the memory that it takes."""
    squeeze = zlib.compressobj(9)
    rows = [squeeze.compress(bytes(1 + 3 * side)) for _ in range(side)]
    return _png(side, side, b"".join(rows) + squeeze.flush())


def _unfolding(name):
    """A PNG with a chunk that unfolds to 300 MB."""
    squeeze = zlib.compressobj(9)
    body = b"".join(squeeze.compress(bytes(1_000_000)) for _ in range(300)) + squeeze.flush()
    chunk = b"name\0\0" + body
    return _png(32, 32, zlib.compress(bytes(97 * 32)), [(name, chunk)])


def _frames():
    frames = [Image.new("L", (1400, 1400), k) for k in range(60)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


BOMBS = {
    "claims.png": lambda: _png(20_000, 20_000),
    "large.png": lambda: _blank_png(8000),
    "profile.png": lambda: _unfolding(b"iCCP"),
    "claims-more.png": lambda: _png(2**31 - 1, 2**31 - 1),
    "text.png": lambda: _unfolding(b"zTXt"),
    "large.jp2": _blank("JPEG2000", 11_000),
    "large.webp": _blank("WEBP", 11_000),
    "large.gif": _blank("GIF", 11_000),
    "large.jpg": _blank("JPEG", 9000),
    "large.bmp": lambda: (
        b"BM"
        + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0)
    ),
    "large.tif": _blank("TIFF", 9000, compression="tiff_deflate"),
    "large.avif": _blank("AVIF", 9000),
    "frames.gif": _frames,
}
"""Small files that unfold; makes their bytes."""


def strange():
    """Pictures of unusual kinds and files that are none, by name."""
    picture = noise(5)
    yield (
        "16-bit.png",
        saved(Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32) * 60), "PNG"),
    )
    yield "cmyk.jpg", saved(picture.convert("CMYK"), "JPEG")
    yield "palette.png", saved(picture.convert("P"), "PNG")
    yield "transparent.png", saved(noise(6, mode="RGBA"), "PNG")
    yield "one-bit.png", saved(picture.convert("1"), "PNG")
    yield "animated.gif", saved(picture, "GIF", save_all=True, append_images=[noise(7), noise(8)])
    yield "pages.tif", saved(picture, "TIFF", save_all=True, append_images=[noise(7)])
    yield (
        "float.tif",
        saved(Image.fromarray(np.random.default_rng(0).random((32, 32), np.float32)), "TIFF"),
    )
    yield (
        "turned.jpg",
        saved(
            picture,
            "JPEG",
            exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        ),
    )
    yield "bad-exif.jpg", saved(picture, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    yield "cut.jpg", saved(picture, "JPEG")[:400]
    yield "cut.png", saved(picture, "PNG")[:1000]
    yield "empty.png", b""
    yield "text.jpg", b"not a picture at all"
    yield "page.png", b"<html>404</html>"
    yield "wrong-name.png", saved(picture, "JPEG")
    yield "pixel.png", saved(noise(1, (1, 1)), "PNG")
    yield "sliver.png", saved(noise(1, (2000, 2)), "PNG")
    yield "script.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    yield "program.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n"
    yield "zip.png", b"PK\x03\x04" + bytes(100)
    yield "flipped.png", _flipped(saved(picture, "PNG"))


def _flipped(content):
    return content[:200] + bytes([content[200] ^ 8]) + content[201:]


def devices():
    """What is no file, by name; each makes itself."""
    yield "pipe.png", os.mkfifo
    yield "socket.png", _socket
    yield "zero.png", lambda path: path.symlink_to("/dev/zero")
    yield "random.png", lambda path: path.symlink_to("/dev/random")
    yield "loop.png", lambda path: path.symlink_to(path)
    yield "broken.png", lambda path: path.symlink_to("nowhere.png")
    yield "parent", lambda path: path.symlink_to("..")
    yield "root", lambda path: path.symlink_to("/proc/self")


def _socket(path):
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@promise("R14", "pictures that unfold: refused with less than 50 MB of memory more")
def bombs_are_refused(ground):
    for name in list(BOMBS)[: ground.of(2, len(BOMBS))]:
        content = BOMBS[name]()
        if content is None:
            continue
        folder = _with(ground, {name: content})
        answer = _measured(["data", "check", folder], memory=6 << 30)
        grown = int((re.findall(r"GROWN (\d+)", answer.out) or [1 << 40])[0])
        wrong = fault(answer) or (None if name in answer.out + answer.err else "not named")
        if wrong is None and grown > (MAX_REDUCED if name.endswith(".jpg") else MAX_GROWTH):
            wrong = f"{len(content):,} bytes took {grown >> 20:,} MB"
        yield Attempt(name, wrong, "refused")


@promise("R12", "hostile pictures: a verdict for each by name, nothing changed, training agrees")
def strange_pictures(ground):
    for name, content in ground.some(strange(), 4):
        yield from _looked_at(ground, name, {name: content})


@promise("R12", "pipes, sockets, devices, link loops: passed over, nothing waits")
def strange_files(ground):
    for name, make in ground.some(devices(), 3):
        yield from _looked_at(ground, name, {name: make})


def _looked_at(ground, name, files):
    folder = _with(ground, files)
    before = tree(folder)
    checked = run(["data", "check", folder])
    made = ground.folder / "looked-at"
    shutil.rmtree(made, ignore_errors=True)
    words = ["train", "--data", folder, *OWN, "--cache-dir", made / "cache", "--out", made / "run"]
    trained = run(words)
    for what, answer in (("data check", checked), ("train", trained)):
        wrong = fault(answer)
        if wrong is None and answer.code != 0:
            wrong = f"code {answer.code}, a single file of 21 is bad: {answer.last}"
        if wrong is None and tree(folder) != before:
            wrong = "the folder was changed"
        yield Attempt(f"{what}, {name}", wrong, "looked at")


def _with(ground, files):
    """A folder of 20 good pictures and others."""
    folder = ground.folder / "hostile"
    shutil.rmtree(folder, ignore_errors=True)
    folder_of(folder)
    for name, content in files.items():
        if isinstance(content, bytes):
            (folder / "cat" / name).write_bytes(content)
        else:
            content(folder / "cat" / name)
    return folder


def _measured(words, **how):
    """Run a command that also prints by how much its memory grew at most."""

    def call():
        from selfdistill import cli

        def field(name):
            return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1])

        Path("/proc/self/clear_refs").write_text("5")
        start = field("VmRSS")
        code = cli.main([str(word) for word in words])
        print("GROWN", (field("VmHWM") - start) << 10)
        return code

    return run(call=call, **how)
