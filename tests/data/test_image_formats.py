"""One table of image formats: what training reads, checking and predicting read, too."""

from PIL import Image

from selfdistill.cli.predict import find_files
from selfdistill.data.images import ENDINGS, ImageFolder, check_images, read_image
from selfdistill.data.images.decode import FORMATS, _formats


def test_predicting_and_checking_read_what_training_reads(tmp_path):
    root = tmp_path / "photos"
    for label, colour in (("cat", "red"), ("dog", "blue")):
        (root / label).mkdir(parents=True)
        for form in set(_formats()) - {"MPO"}:
            for ending in FORMATS[form]:
                path = root / label / f"{label}.{ending.upper() if label == 'dog' else ending}"
                Image.new("RGB", (16, 16), colour).save(path, format=form)
        (root / label / "notes.txt").write_text("no picture")
    data = ImageFolder(root=root, image_size=8, cache_dir=tmp_path / "cache", duplicates="keep")
    trained_on = sorted(root / name for names in data.splits().files.values() for name in names)
    assert {path.suffix.lower() for path in trained_on} >= {".avif", ".jp2", ".tga", ".jfif"}
    assert find_files([str(root)]) == trained_on
    assert check_images(root).pictures == len(trained_on)
    assert all(read_image(path).size == (16, 16) for path in trained_on)
    assert {path.suffix.lower() for path in trained_on} <= set(ENDINGS)
