"""Fashion-MNIST's official files, in miniature."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from selfdistill.data import FashionMNIST
from selfdistill.data.datasets import fashion_mnist
from selfdistill.data.datasets.download import Member

COUNTS = (40, 20)


@pytest.fixture
def pixels(tmp_path, monkeypatch):
    """Writes the four files; the training pixels."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    members, kept = [], []
    for part, count in zip(("train", "t10k"), COUNTS, strict=True):
        grey = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        images = struct.pack(">4I", 0x803, count, 28, 28) + grey.tobytes()
        labels = struct.pack(">2I", 0x801, count) + bytes(i % 10 for i in range(count))
        for name, content in (("images-idx3", images), ("labels-idx1", labels)):
            packed = gzip.compress(content)
            name = f"{part}-{name}-ubyte.gz"
            (folder / name).write_bytes(packed)
            members.append(Member(name, len(packed), hashlib.md5(packed).hexdigest()))
        kept.append(grey)
    monkeypatch.setattr(fashion_mnist, "FILES", tuple(members))
    monkeypatch.setattr(fashion_mnist, "COUNTS", COUNTS)
    return kept[0]


def test_grey_is_repeated_and_labels_have_names(tmp_path, pixels):
    splits = FashionMNIST(root=tmp_path, validation_per_class=1).splits()
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [30, 10, 20]
    assert splits.test.classes[9] == "Ankle boot"
    whole = FashionMNIST(root=tmp_path).splits().train
    assert np.array_equal(whole.images.numpy(), np.repeat(pixels[:, None], 3, axis=1))
    assert whole.labels.tolist() == [i % 10 for i in range(40)]


def test_unpacked_files_are_the_same(tmp_path, pixels):
    digest = FashionMNIST(root=tmp_path).splits().digest()
    for path in (tmp_path / "FashionMNIST" / "raw").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert FashionMNIST(root=tmp_path).splits().digest() == digest
    plain = tmp_path / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte"
    plain.write_bytes(plain.read_bytes()[:-1])
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte is not the official file"):
        FashionMNIST(root=tmp_path).splits()


def test_a_changed_file_is_refused_by_its_checksum(tmp_path, pixels):
    path = tmp_path / "FashionMNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(struct.pack(">2I", 0x801, 40) + bytes(40)))
    with pytest.raises(
        ValueError, match=r"train-labels-idx1-ubyte.gz has \d+ bytes and MD5 \w+, the official"
    ):
        FashionMNIST(root=tmp_path).splits()
    path.unlink()
    with pytest.raises(ValueError, match=r"-ubyte.gz is missing: .*data.download"):
        FashionMNIST(root=tmp_path).splits()


def test_missing_files_are_fetched_and_checked(tmp_path, pixels, served, monkeypatch):
    folder, url = served
    raw = tmp_path / "FashionMNIST" / "raw"
    digest = FashionMNIST(root=tmp_path).splits().digest()
    monkeypatch.setattr(fashion_mnist, "URL", url.rpartition("/")[0])
    for path in raw.iterdir():
        path.rename(folder / path.name)
    assert FashionMNIST(root=tmp_path, download=True).splits().digest() == digest
    assert sorted(p.name for p in raw.iterdir()) == sorted(f.name for f in fashion_mnist.FILES)
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz came with MD5"):
        FashionMNIST(root=tmp_path, download=True).splits()
    assert len(list(raw.iterdir())) == 3


def test_the_published_checksums_are_torchvisions():
    from torchvision.datasets import FashionMNIST as Official

    assert [(file.name, file.md5) for file in fashion_mnist.FILES] == Official.resources
    assert list(fashion_mnist.CLASSES) == Official.classes
