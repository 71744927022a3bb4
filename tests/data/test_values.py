"""Data sets, augmentations and mixings are values: frozen, and equal by their options."""

import dataclasses
import inspect

import pytest

from selfdistill.config.registry import CLASSES, subclasses
from selfdistill.data import DATA_SETS, Augmentation, Mixing

NEEDED = {"ImageFolder": "root", "LabelTable": "table", "HuggingFace": "name"}
OURS = [
    one
    for kind in (Augmentation, Mixing)
    for one in subclasses(kind)
    if one.__module__.startswith("selfdistill.") and not inspect.isabstract(one)
]


def test_the_registry_is_whole():
    assert {*CLASSES["data"].values()} == {*DATA_SETS}
    assert {*CLASSES["mixing"].values()} == {one for one in OURS if issubclass(one, Mixing)}
    assert len(OURS) > 10


@pytest.mark.parametrize("kind", [*DATA_SETS, *OURS])
def test_what_recipes_make_is_a_frozen_value(kind):
    options = {NEEDED[kind.__name__]: "x"} if kind.__name__ in NEEDED else {}
    value = kind(**options)
    assert value == kind(**options)
    assert hash(value) == hash(kind(**options))
    fields = dataclasses.fields(kind)
    assert all(field.kw_only for field in fields)
    assert {field.name for field in fields} == set(inspect.signature(kind).parameters)
    for field in fields:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, getattr(value, field.name))
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.other = 1
