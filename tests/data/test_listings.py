"""Folder, table and Hugging Face set: what differs between them, and what does not."""

import csv

import pytest
import torch
from making_pictures import pictures

from selfdistill.data import Batches, Flip, HuggingFace, ImageFolder, LabelTable, Pipeline
from selfdistill.pairing import Partner

CLASSES = ("10", "9", "cat")


@pytest.fixture
def root(tmp_path):
    return pictures(tmp_path / "photos", classes=CLASSES, count=12)


@pytest.fixture
def write(tmp_path):
    def write(rows, header=("image", "label"), name="labels.csv", delimiter=","):
        path = tmp_path / name
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hf"))
    datasets.disable_progress_bars()
    return datasets


def rows_of(root):
    return [(p.relative_to(root).as_posix(), p.parent.name) for p in sorted(root.rglob("*.png"))]


def hub_set(datasets, root, names=("cat", "9", "10")):
    rows = rows_of(root)
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names))}
    )
    images = [{"bytes": (root / name).read_bytes(), "path": name} for name, _ in rows]
    labels = [names.index(label) for _, label in rows]
    return datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)


def first_batch(splits):
    pipeline = Pipeline([Flip()], splits.preprocessing)
    partner = Partner.SAME_CLASS
    batches = Batches(splits.train, pipeline=pipeline, partner=partner, batch_size=8, seed=3)
    return batches.epoch(2).batch(0)


def test_the_same_pictures_are_the_same_splits_and_batches(tmp_path, root, write, datasets):
    options = {"image_size": 8, "cache_dir": tmp_path / "cache"}
    table = write(reversed(rows_of(root)))
    (tmp_path / "parquet").mkdir()
    hub_set(datasets, root).to_parquet(tmp_path / "parquet" / "train.parquet")
    hub_set(datasets, root).save_to_disk(tmp_path / "saved")
    (tmp_path / "parquet" / "README.md").write_text("not a picture")
    splits = [
        ImageFolder(root=root, **options).splits(),
        LabelTable(table=table, root=root, **options).splits(),
        HuggingFace(name=str(tmp_path / "parquet"), **options).splits(),
        HuggingFace(name=str(tmp_path / "saved"), **options).splits(),
    ]
    assert splits[0].train.classes == CLASSES
    assert splits[0].files == splits[1].files
    assert len({one.digest() for one in splits}) == 1
    batches = [first_batch(one) for one in splits]
    for batch in batches[1:]:
        assert torch.equal(batch.images, batches[0].images)
        assert torch.equal(batch.labels, batches[0].labels)


WORDS = {
    "val": {"train": "train", "test": "val"},
    "validation test": {"train": "train", "validation": "validation", "test": "test"},
    "dev testing": {"train": "train", "validation": "dev", "test": "testing"},
}


@pytest.mark.parametrize("words", WORDS)
def test_a_column_says_the_split(tmp_path, root, write, words):
    words, expected = ["train", "train", *words.split()], WORDS[words]
    rows = rows_of(root)
    said = {name: words[i % len(words)] for i, (name, _) in enumerate(rows)}
    upper = [(label, name, said[name].upper(), "x") for name, label in rows]
    table = write(upper, header=("Label", "image", "split", "more"), name="t.tsv", delimiter="\t")
    options = {"image_size": 8, "cache_dir": tmp_path / "cache"}
    splits = LabelTable(table=table, root=root, **options).splits()
    for part, word in expected.items():
        assert {said[name] for name in splits.files[part]} == {word}
    assert splits.validation is not None
    assert sum(map(len, splits.files.values())) == len(rows)


def test_files_lie_beside_the_table_unless_said_otherwise(tmp_path, root, write):
    table = write([(f"photos/{name}", label) for name, label in rows_of(root)])
    splits = LabelTable(table=table, image_size=8, cache_dir=tmp_path / "cache").splits()
    assert splits.files["train"][0].startswith("photos/10/")


def test_backslashes_of_a_table_count_as_slashes(tmp_path, root, write):
    rows = [(name.replace("/", "\\"), label) for name, label in rows_of(root)]
    (root / "cat" / "a\\b.png").write_bytes((root / "cat" / "000.png").read_bytes())
    table = write([*rows, ("cat/a\\b.png", "cat")])
    files = LabelTable(table=table, root=root, image_size=8, cache_dir=tmp_path).splits().files
    assert sorted(n for names in files.values() for n in names) == sorted(
        p.relative_to(root).as_posix() for p in root.rglob("*.png")
    )
    for outside in ("..\\labels.csv", "cat\\..\\..\\labels.csv"):
        with pytest.raises(ValueError, match="lies outside of"):
            LabelTable(table=write([(outside, "cat")]), root=root).splits()
    with pytest.raises(ValueError, match="is not a file in"):
        LabelTable(table=write([("C:\\photos\\000.png", "cat")]), root=root).splits()


def test_a_table_without_rows_is_said_to_hold_nothing(root, write):
    table = LabelTable(table=write([]), root=root)
    with pytest.raises(ValueError, match="holds nothing"):
        table.splits()
    with pytest.raises(ValueError, match="holds no pictures"):
        table.listing(for_training=False)


MISTAKES = {
    "an empty label": ([("cat/000.png", "")], "line 2: the label is empty"),
    "a short line": ([("cat/000.png",)], "line 2: the label is empty"),
    "no file": (
        [("cat/000.png", "cat"), ("cat/x.png", "cat")],
        "line 3: cat/x.png is not a file in",
    ),
    "upwards": ([("../labels.csv", "cat")], "line 2: ../labels.csv lies outside of"),
    "absolute": ([("/etc/passwd", "cat")], "line 2: /etc/passwd lies outside of"),
    "twice": (
        [("cat/000.png", "cat"), ("9/../cat/000.png", "9")],
        "line 3: cat/000.png is in line 2 already as 'cat'",
    ),
    "one class": ([("cat/000.png", "cat")], "holds the single class 'cat'"),
    "nothing": ([], "holds nothing, but no train"),
    "few": ([("cat/000.png", "cat"), ("9/000.png", "9")], "class '9' has 1 usable pictures"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_table_is_said_in_a_line(root, write, mistake):
    rows, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message) as caught:
        LabelTable(table=write(rows), root=root).splits()
    assert "\n" not in str(caught.value)
    if "line" in message:
        assert "labels.csv line" in str(caught.value)


def test_splits_of_a_table_are_checked(root, write):
    def refusal(*rows):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            LabelTable(table=write(rows, ("image", "label", "split")), root=root).splits()
        return str(caught.value)

    train = [(name, label, "train") for name, label in rows_of(root)[1:]]
    first = rows_of(root)[0]
    assert "there is no split 'tset'" in refusal((*first, "tset"), *train)
    assert "there is no split ''" in refusal(first, *train)
    assert "class '9' is missing from test" in refusal((*first, "test"), *train)
    assert "no train" in refusal((*first, "test"))


def test_a_table_without_its_columns_or_itself_is_named(tmp_path, root, write):
    with pytest.raises(ValueError, match="line 1 names no column image, but 'file, label'"):
        LabelTable(table=write([], ("file", "label")), root=root).splits()
    with pytest.raises(ValueError, match=r"none.csv cannot be read: No such file"):
        LabelTable(table=tmp_path / "none.csv").splits()
    (tmp_path / "latin.csv").write_bytes("image,label\nä.png,b\n".encode("latin-1"))
    with pytest.raises(ValueError, match="no text in UTF-8"):
        LabelTable(table=tmp_path / "latin.csv").splits()
    marked = tmp_path / "marked.csv"
    marked.write_text("image,label\ncat/x.png,cat\n", encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"line 2: cat/x.png is not a file"):
        LabelTable(table=marked, root=root).splits()


def hub(tmp_path, **options):
    return HuggingFace(
        name=str(tmp_path / "saved"), image_size=8, cache_dir=tmp_path / "cache", **options
    )


def test_parts_of_a_hub_set_are_splits_and_those_without_labels_are_left(tmp_path, root, datasets):
    whole = hub_set(datasets, root)
    val = whole.select(range(0, 36, 3))
    unknown = whole.map(lambda row: {"label": -1})
    parts = {"train": whole, "valid": val, "test": unknown, "extra": val}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    splits = hub(tmp_path, duplicates="keep").splits()
    assert all(name.startswith("valid/") for name in splits.files["test"])
    assert len(splits.files["train"]) + len(splits.files["validation"]) == 36
    assert "valid is the test split" in splits.note


def test_columns_that_are_not_clear_are_asked_for(tmp_path, root, datasets):
    rows = hub_set(datasets, root)
    coarse = datasets.ClassLabel(names=["a", "b"])
    rows = rows.add_column("coarse", [i % 2 for i in range(36)]).cast_column("coarse", coarse)
    rows = rows.add_column("number", [(i + 1) % 3 for i in range(36)])
    rows.save_to_disk(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"2 columns .*: label, coarse; .*--data.label-column"):
        hub(tmp_path).splits()
    assert hub(tmp_path, label_column="coarse").splits().train.classes == ("a", "b")
    assert hub(tmp_path, label_column="number").splits().train.classes == ("0", "1", "2")
    with pytest.raises(ValueError, match="no image column 'photo'; there are: image"):
        hub(tmp_path, image_column="photo").splits()


def test_a_bad_row_of_a_hub_set_is_named(tmp_path, root, datasets):
    rows = hub_set(datasets, root).cast_column("image", datasets.Image(decode=False))
    spoilt = [{"bytes": b"hello", "path": None}, *list(rows["image"])[1:]]
    rows = rows.remove_columns("image").add_column("image", spoilt)
    rows.cast_column("image", datasets.Image()).save_to_disk(tmp_path / "saved")
    with pytest.warns(UserWarning, match="1 of 36 files in hf:.*: train/0 is no image"):
        assert len(hub(tmp_path).splits().files["train"]) < 36


def test_a_hub_that_is_not_to_be_had_is_said_at_once(tmp_path, monkeypatch, datasets):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ValueError, match=r"hf:owner/name cannot .*127.0.0.1:9 does not answer"):
        HuggingFace(name="owner/name").splits()
    with pytest.raises(ValueError, match=r"holds no .parquet file"):
        HuggingFace(name=str(tmp_path)).splits()


def test_a_row_without_a_label_is_named(tmp_path, root, datasets):
    rows = hub_set(datasets, root)
    unknown = rows.map(lambda row, i: {"label": -1} if i == 7 else row, with_indices=True)
    unknown.save_to_disk(tmp_path / "saved")
    with pytest.raises(ValueError, match="row 7 of train has no label"):
        hub(tmp_path).splits()


def test_the_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ValueError, match=r'hf:a/b needs .*pip install "selfdistill\[hf\]"'):
        HuggingFace(name="a/b").splits()


def test_a_row_names_no_file_outside_of_its_set(tmp_path, root, datasets):
    (tmp_path / "set").mkdir()
    outside = tmp_path / "secret.png"
    outside.write_bytes((root / CLASSES[0] / "000.png").read_bytes())
    for path in (str(outside), "../secret.png"):
        table = {"image": [{"bytes": None, "path": path}] * 8, "label": ["a", "b"] * 4}
        features = {"image": datasets.Image(), "label": datasets.Value("string")}
        made = datasets.Dataset.from_dict(table, features=datasets.Features(features))
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(made.data.table, tmp_path / "set" / "train.parquet")
        source = HuggingFace(name=str(tmp_path / "set"), image_size=8, cache_dir=tmp_path / "c")
        with pytest.raises(ValueError, match=r"row train/\d+ names .*secret\.png, which does not"):
            source.splits()
