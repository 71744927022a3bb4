"""What a picture may take of memory: refused, or reduced, from its header."""

import struct
import threading
import zlib

import pytest
from PIL import Image

from selfdistill.data.images import decode
from selfdistill.data.images.check import check_file

LARGE = 7000
"""49 million pixels in a square: fewer than the library itself would warn of."""


def saved(path, form, size=(64, 64), **options):
    Image.new("RGB", size, "red").save(path, form, **options)
    return bytearray(path.read_bytes())


def png(path):
    content = saved(path, "PNG")
    struct.pack_into(">II", content, 16, LARGE, LARGE)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    return content


def gif(path):
    content = saved(path, "GIF")
    struct.pack_into("<HH", content, 6, LARGE, LARGE)
    return content


def webp(path):
    content = saved(path, "WEBP", lossless=True)
    at = content.index(b"VP8L") + 9
    bits = int.from_bytes(content[at : at + 4], "little") >> 28 << 28
    bits |= (LARGE - 1) | (LARGE - 1) << 14
    content[at : at + 4] = bits.to_bytes(4, "little")
    return content


def bmp(path):
    content = saved(path, "BMP")
    struct.pack_into("<ii", content, 18, LARGE, LARGE)
    return content


def tiff(path, *, tags=(256, 257), **options):
    content = saved(path, "TIFF", **options)
    at = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, at)[0]
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry)[0] in tags:
            struct.pack_into("<HII", content, entry + 2, 4, 1, LARGE)
    return content


def tiled_tiff(path):
    """A small picture in one tile that is not."""
    content = tiff(path, tags=())
    at = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, at)[0]
    entries = [bytes(content[i : i + 12]) for i in range(at + 2, at + 2 + 12 * count, 12)]
    renamed = {273: 324, 279: 325}  # where strips lie, and their bytes: where tiles do
    entries = [
        struct.pack("<H", renamed.get(tag, tag)) + entry[2:]
        for entry in entries
        if (tag := struct.unpack_from("<H", entry)[0]) != 278
    ]
    entries += [struct.pack("<HHII", tag, 4, 1, LARGE) for tag in (322, 323)]
    entries.sort()
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    struct.pack_into("<I", content, 4, len(content))
    return content + directory


def jp2(path, *, header=True, codestream=True):
    content = saved(path, "JPEG2000")
    if header:
        struct.pack_into(">II", content, content.index(b"ihdr") + 4, LARGE, LARGE)
    if codestream:
        struct.pack_into(">II", content, content.index(b"\xff\x4f\xff\x51") + 8, LARGE, LARGE)
    return content


def lying_jp2(path):
    return jp2(path, header=False)


def hidden_jp2(path):
    """A box before the codestream that looks like the start of a small one."""
    content = lying_jp2(path)
    decoy = saved(path, "JPEG2000")
    decoy = decoy[decoy.index(b"\xff\x4f\xff\x51") :]
    at = content.index(b"jp2c") - 4
    return content[:at] + struct.pack(">I4s", 8 + len(decoy), b"uuid") + decoy + content[at:]


def j2k(path):
    content = saved(path, "JPEG2000", no_jp2=True)
    struct.pack_into(">II", content, 8, LARGE, LARGE)
    return content


def progressive(path):
    content = saved(path, "JPEG", progressive=True)
    struct.pack_into(">HH", content, content.index(b"\xff\xc2") + 5, LARGE, LARGE)
    return content


@pytest.mark.parametrize(
    "make",
    [png, gif, webp, bmp, tiff, tiled_tiff, jp2, lying_jp2, hidden_jp2, j2k, progressive],
)
def test_what_unpacks_to_too_much_is_refused_from_its_header(tmp_path, make, monkeypatch):
    path = tmp_path / "picture"
    saved(path, "PNG")
    found = check_file(path)  # by its name; the library loads its own pictures now
    assert found.kind == "converted"
    path.write_bytes(make(path))
    loaded = []
    monkeypatch.setattr(Image.Image, "load", lambda self: loaded.append(self))
    for picture in (path, path.read_bytes()):
        found = check_file(picture)
        assert found.kind == "refused"
        assert f"unpacks to {LARGE} × {LARGE} pixels, too many" in found.reason
    assert not loaded


def test_a_large_photograph_is_decoded_at_half_its_size(tmp_path, monkeypatch):
    assert decode.MAX_JPEG_PIXELS <= 4 * decode.MAX_PIXELS  # half the size is always enough
    monkeypatch.setattr(decode, "MAX_PIXELS", 1000)
    path = tmp_path / "photo.jpg"
    saved(path, "JPEG", (79, 49))
    assert decode.read_rgb(path).size == (40, 25)
    assert check_file(path).reason == "too large, decoded at 1/2 of its size"
    saved(path, "JPEG", (25, 40))
    assert decode.read_rgb(path).size == (25, 40)
    assert check_file(path).kind == "accepted"


def test_only_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green")]
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        path = tmp_path / f"moving.{form.lower()}"
        frames[0].save(path, form, save_all=True, append_images=frames[1:], lossless=True)
        assert decode.read_rgb(path).getpixel((9, 9)) == (255, 0, 0)


def test_pictures_wait_for_the_memory_of_others():
    budget, order = decode._PixelBudget(100), []

    def second():
        with budget.reserved(60):
            order.append("second")

    thread = threading.Thread(target=second)
    with budget.reserved(60):
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    with budget.reserved(100):
        pass
