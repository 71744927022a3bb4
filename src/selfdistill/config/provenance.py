"""Where trained weights that a run builds on come from, and whether they have seen its test images.

A recipe names weights by their hash, so that it means the same wherever they lie; where they lie is
part of the place.
"""

import hashlib
from pathlib import Path

from ..backbones import (
    CONFIG,
    WEIGHTS,
    Backbone,
    classifier_parameters,
    read_state_dict,
    read_weights,
)
from ..data import Splits
from ..runs import HASH_PREFIX, Stored, read_json


def weights_file(path: Path) -> Path:
    """The weights that a run directory, a model folder or a safetensors file stands for."""
    for file in (path, path / WEIGHTS, path / "model" / WEIGHTS):
        if file.is_file():
            return file
    if not path.exists():
        raise ValueError(f"{path} does not exist: name a run, a model folder or a weights file")
    raise ValueError(f"{path} holds no trained network: {WEIGHTS} is missing there and in model/")


def weights_hash(path: Path) -> str:
    """What a recipe calls trained weights."""
    return HASH_PREFIX + hashlib.sha256(weights_file(path).read_bytes()).hexdigest()[:16]


def load_weights(backbone: Backbone, path: Path, classes: tuple[str, ...]) -> str:
    """Start a network from trained weights; a classifier for other classes is left new.

    A classifier for the same classes in another order is put into this one. Of a weights file alone
    nobody knows the classes. Returns what became of the classifier, where it is not taken as it is.
    """
    file, own = weights_file(path), backbone.network.state_dict()
    saved_by_torch = file.suffix in (".pth", ".pt", ".bin", ".tar")
    weights = read_state_dict(file) if saved_by_torch else read_weights(file)
    strange = [name for name in (*own, *weights) if name not in weights or name not in own]
    if strange:
        raise ValueError(f"{path} holds the weights of another network: {strange[0]!r} differs")
    new = [name for name, value in own.items() if value.shape != weights[name].shape]
    for name in new:
        if own[name].shape[0] != backbone.num_classes:
            raise ValueError(
                f"{path} holds the weights of another network: {name} is "
                f"{tuple(weights[name].shape)} there, {tuple(own[name].shape)} here"
            )
    saved = None if new else _description(path)
    known = () if saved is None or "label_names" not in saved else saved.list("label_names")
    known, note = tuple(map(str, known)), ""
    if known != classes and len(known) == len(classes):
        owned = set(classifier_parameters(backbone))
        rows = [name for name, p in backbone.network.named_parameters() if p in owned]
        if set(known) == set(classes):
            order = [known.index(name) for name in classes]
            for name in rows:
                weights[name] = weights[name][order]
            note = f"{path} knows the classes in another order: its classifier is reordered"
        else:
            new = rows
    if new:
        note = f"{path} knows other classes: the classifier is new ({', '.join(new)})"
    for name in new:
        del weights[name]
    backbone.network.load_state_dict(weights, strict=False)
    return note


def _description(path: Path) -> Stored | None:
    """What lies beside trained weights and says where they come from."""
    config = weights_file(path).with_name(CONFIG)
    return read_json(config) if config.is_file() else None


def refuse_leak(path: Path, splits: Splits, data: str) -> None:
    """Refuse weights that were trained on another division of the data: they may know its test."""
    saved = _description(path)
    origin = saved.section("origin").values if saved is not None and "origin" in saved else {}
    pictures = pictures_hash(splits)
    if pictures is None:
        same_data = origin.get("data") == data and origin.get("pictures") is None
    else:
        same_data = origin.get("pictures") == pictures
    held_out = origin.get("held_out")
    if same_data and held_out is not None and held_out != held_out_hash(splits):
        raise ValueError(
            f"{path} was trained on another division of {data}: it may have learned images that "
            "this run holds out; train it with the same split options"
        )


def pictures_hash(splits: Splits) -> str | None:
    """A hash of pictures, however they are divided; None for data sets that have a name."""
    if not splits.own:
        return None
    parts = [part.images for part in (splits.train, splits.validation, splits.test) if part]
    digests = (hashlib.sha1(image.numpy().data).digest() for part in parts for image in part)
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:16]


def held_out_hash(splits: Splits) -> str:
    """A hash of the images that a run must not learn from."""
    held_out = (splits.validation, splits.test)
    digests = ("none" if split is None else split.digest() for split in held_out)
    return hashlib.sha256("/".join(digests).encode()).hexdigest()[:16]
