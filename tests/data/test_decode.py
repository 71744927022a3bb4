"""What becomes of pictures that are not plain RGB."""

import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngImageFile

from selfdistill.data.images.check import check_file
from selfdistill.data.images.decode import read_image
from selfdistill.preprocessing import to_rgb


def save(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    deep = np.array([[0, 256 * 100, 65535]], dtype=np.uint16)
    path = save(tmp_path, Image.fromarray(deep))
    assert np.asarray(read_image(path))[0].tolist() == [[0] * 3, [100] * 3, [255] * 3]


def test_what_is_transparent_is_white(tmp_path):
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    pixels = np.asarray(read_image(save(tmp_path, image)))
    assert pixels[0].tolist() == [[255, 255, 255], [255, 0, 0]]


def test_pictures_are_upright(tmp_path):
    image = Image.new("RGB", (4, 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path, image, "x.jpg", exif=exif)
    before = path.read_bytes()
    assert read_image(path).size == (2, 4)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "P", "LA", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    image = Image.new("RGB", (3, 3), (200, 200, 200)).convert(mode)
    ending = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    picture = read_image(save(tmp_path, image, f"x.{ending}"))
    assert picture.mode == "RGB"


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    path = save(tmp_path, frames[0], "x.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(read_image(path))[0, 0].tolist() == [255, 0, 0]


def test_what_is_no_whole_image_is_named(tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = save(tmp_path, Image.fromarray(noise), "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:1500])
    for name in ("text.jpg", "empty.png", "cut.jpg", "missing.png"):
        with pytest.raises(ValueError, match=name):
            read_image(tmp_path / name)


def tagged(*entries, data=b""):
    """EXIF with these tags: number, type, count, and four bytes of value or position."""
    packed = b"".join(
        struct.pack("<HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries
    )
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4) + data


SIX = (0x0112, 3, 1, b"\6\0")
ODD = {
    "software as a double": (tagged(SIX, (0x0131, 12, 1, b"\x26"), data=bytes(8)), True),
    "a tag that lies outside": (tagged(SIX, (0x0131, 2, 99, b"\xff\xff\xff\x7f")), True),
    "a huge tag": (tagged(SIX, (0x9286, 7, 2**31, b"\x26")), True),
    "an unknown type": (tagged(SIX, (0x0131, 99, 1, b"\x26")), True),
    "a cut list of tags": (tagged(SIX, SIX, SIX)[:40], None),
    "no list of tags": (b"Exif\0\0II*\0\xff\0\0\0", False),
    "no header": (b"Exif\0\0", False),
    "orientation as text": (tagged((0x0112, 2, 2, b"6\0")), False),
    "orientation of 9": (tagged((0x0112, 3, 1, b"\x09\0")), False),
    "orientation of 0": (tagged((0x0112, 3, 1, b"")), False),
    "two orientations": (tagged((0x0112, 3, 2, b"\6\0\6\0")), None),
    "orientation as a fraction by 0": (tagged((0x0112, 5, 1, b"\x1a"), data=bytes(8)), False),
}


@pytest.mark.parametrize("name", ODD)
def test_no_exif_tag_keeps_a_picture_from_being_read(tmp_path, name):
    exif, turned = ODD[name]
    path = save(tmp_path, Image.new("RGB", (4, 2)), "x.jpg", exif=exif)
    size = read_image(path).size
    assert size in ((4, 2), (2, 4)) if turned is None else size == ((2, 4) if turned else (4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert check_file(path).kind in ("accepted", "converted")
        with Image.open(path) as opened:
            assert to_rgb(opened).size == size  # as a picture passed in Python


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    path = save(tmp_path, picture, exif=exif)
    with Image.open(path) as opened:
        expected = ImageOps.exif_transpose(opened)
    assert np.array_equal(np.asarray(read_image(path)), np.asarray(expected))


def test_whatever_a_decoder_raises_is_a_refusal(tmp_path, monkeypatch):
    path = save(tmp_path, Image.new("RGB", (4, 2)))

    def fail(image):
        raise AttributeError("no such thing")

    monkeypatch.setattr(PngImageFile, "load", fail)
    with pytest.raises(ValueError, match=r"x.png cannot be read: no such thing"):
        read_image(path)
