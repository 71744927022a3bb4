"""Files of runs and recipes are read with bounds, and errors name file and field."""

import os

import pytest

from selfdistill.runs import Stored, read_json, read_lines, read_yaml
from selfdistill.runs.reading import MAX_DEPTH, parse_yaml, read_bytes
from selfdistill.runs.writing import write_yaml


@pytest.fixture
def file(tmp_path):
    return tmp_path / "some.file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"a": 1', "not valid JSON"),
        (b"[1]", "holds a list, expected an object"),
        (b"null", "holds nothing"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": ' * 100_000, "not valid JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not valid JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_damaged_json_is_one_line_with_its_file(file, content, reason):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_json(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a: {b: c\nd: 1\n", "not valid YAML .line 2"),
        (BOMB, r"alias \*a is not accepted"),
        ("a: &a 1\nb: *a\n", r"alias \*a"),
        ("[" * (MAX_DEPTH + 1), "not valid YAML"),
        ("a: " + "[" * 50_000, "not valid YAML"),
        ("", "holds nothing"),
        ("- a\n- b\n", "holds a list"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML"),
    ],
)
def test_damaged_yaml_is_one_line_with_its_file(file, content, reason):
    file.write_text(content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_yaml(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_written_holds_no_alias(file):
    shared = [1, 2]
    write_yaml(file, {"a": shared, "b": shared})
    assert read_yaml(file).values == {"a": [1, 2], "b": [1, 2]}


def test_what_is_not_a_file_is_refused_without_waiting(file, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_json(file)
    os.mkfifo(file)
    with pytest.raises(ValueError, match="is not a regular file"):
        read_json(file)
    with pytest.raises(ValueError, match="is not a regular file"):
        read_json(tmp_path)
    with pytest.raises(ValueError, match="is not a regular file"):
        read_bytes(type(file)("/dev/zero"))


def test_a_large_file_is_refused(file):
    file.write_text("{}" + " " * 100)
    with pytest.raises(ValueError, match="102 bytes, more than 64"):
        read_json(file, max_bytes=64)


def test_lines_end_where_a_crash_cut(file):
    file.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert read_lines(file) == [{"a": 1}, {"a": 2}]
    file.write_text('{"a": 1}\n{"a" 2}\n')
    with pytest.raises(ValueError, match=r"some\.file, line 2"):
        read_lines(file)


def test_fields_are_checked_and_named(file):
    stored = Stored(file, {"a": {"n": 3, "t": "x", "l": [1, 2.5], "big": 10**400, "yes": True}})
    inner = stored.section("a")
    assert (inner.integer("n"), inner.number("n", 0, 3), inner.text("t")) == (3, 3.0, "x")
    assert inner.numbers("l", 2) == (1.0, 2.5)
    for take in (
        lambda: inner.integer("t"),
        lambda: inner.number("n", 4),
        lambda: inner.number("big"),
        lambda: inner.number("yes"),
        lambda: inner.text("n"),
        lambda: inner.section("l"),
        lambda: inner.numbers("l", 3),
        lambda: inner.list("n"),
    ):
        with pytest.raises(ValueError, match=r"some\.file: a\.\w+ is .*, expected"):
            take()
    with pytest.raises(ValueError, match=r"has no field 'a\.gone'"):
        inner.text("gone")


@pytest.mark.parametrize(
    "text", ["!!set {a}", "a: !!binary aGVsbG8=", "a: !!timestamp 2024-01-01", "!!omap [a: 1]"]
)
def test_tags_make_no_other_objects(text):
    with pytest.raises(ValueError, match="is not valid YAML"):
        parse_yaml(text)


def test_a_date_is_text():
    assert parse_yaml("a: 2024-01-01") == {"a": "2024-01-01"}


def test_deep_json_is_refused(file):
    for depth in (MAX_DEPTH, 100_000):
        file.write_text('{"a": ' + "[" * depth + "]" * depth + "}")
        with pytest.raises(ValueError, match=r"nested (too deeply|deeper than)") as caught:
            read_json(file)
        assert str(file) in str(caught.value)
    file.write_text('{"a": ' + "[" * 20 + "]" * 20 + "}")
    assert "a" in read_json(file)
