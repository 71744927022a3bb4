"""What becomes of pictures that are not plain RGB."""

import numpy as np
import pytest
from PIL import Image

from selfdistill.data.decode import decode


def save(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    deep = np.array([[0, 256 * 100, 65535]], dtype=np.uint16)
    path = save(tmp_path, Image.fromarray(deep))
    assert np.asarray(decode(path))[0].tolist() == [[0] * 3, [100] * 3, [255] * 3]


def test_what_is_transparent_is_white(tmp_path):
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    pixels = np.asarray(decode(save(tmp_path, image)))
    assert pixels[0].tolist() == [[255, 255, 255], [255, 0, 0]]


def test_pictures_are_upright(tmp_path):
    image = Image.new("RGB", (4, 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path, image, "x.jpg", exif=exif)
    before = path.read_bytes()
    assert decode(path).size == (2, 4)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "P", "LA", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    image = Image.new("RGB", (3, 3), (200, 200, 200)).convert(mode)
    ending = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    picture = decode(save(tmp_path, image, f"x.{ending}"))
    assert picture.mode == "RGB"


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    path = save(tmp_path, frames[0], "x.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(decode(path))[0, 0].tolist() == [255, 0, 0]


def test_what_is_no_whole_image_is_named(tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = save(tmp_path, Image.fromarray(noise), "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:1500])
    for name in ("text.jpg", "empty.png", "cut.jpg", "missing.png"):
        with pytest.raises(ValueError, match=name):
            decode(tmp_path / name)
