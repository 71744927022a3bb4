"""Names of studies and cells stay inside their folders; studies replace only what is theirs."""

import pytest

from selfdistill.config import Recipe
from selfdistill.studies import grid, study_files
from selfdistill.training.number_format import default_directory


def content(**fields):
    return {"seeds": 1, "cells": {"A": {"method": "CrossEntropy"}}, **fields}


@pytest.mark.parametrize(
    "name", ["../../escaped", "..", ".", "", "/root", "a/b", "a\\b", "a\nb", "a\0b", "\x1b[31m"]
)
def test_a_study_stays_in_its_folder(name):
    with pytest.raises(ValueError, match=r"the study.s name .* cannot name a folder"):
        grid.from_plain(content(name=name), "study")


def test_so_does_one_that_is_named_by_its_file(tmp_path):
    (tmp_path / "...yaml").write_text("seeds: 1\ncells: {A: {method: CrossEntropy}}\n")
    with pytest.raises(ValueError, match="cannot name a folder"):
        study_files.load(str(tmp_path / "...yaml"))


@pytest.mark.parametrize("name", ["..", ".", "-..-", "/../", "///", "…"])
def test_so_does_a_cell(name):
    with pytest.raises(ValueError, match=r"the cell .* cannot name a folder"):
        grid.from_plain(content(cells={name: {"method": "CrossEntropy"}}), "study")


@pytest.mark.parametrize("option", ["out", "overwrite", "--out", "over-write=true", "out=/x"])
def test_a_study_says_nothing_of_where_runs_go(option):
    option = option.replace("over-write", "overwrite")
    for fields in ({"options": {option: "x"}}, {"cells": {"A": {option: "x"}}}):
        with pytest.raises(ValueError, match="does not say where its runs go"):
            grid.from_plain(content(**fields), "study")


def test_names_of_all_kinds_are_folders(tmp_path):
    study = grid.from_plain(content(name="Bäume 2024 (neu)"), "study")
    assert study.name == "Bäume 2024 (neu)"


def test_a_study_that_was_written_by_hand_is_not_replaced(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("seeds: 1\n")
    with pytest.raises(ValueError, match="was not written by"):
        study_files.write_file(content(), file)
    assert file.read_text() == "seeds: 1\n"
    file.unlink()
    study_files.write_file(content(), file)
    study_files.write_file(content(seeds=2), file)
    assert study_files.load(str(file)).seeds == (0, 1)


def test_a_default_directory_stays_below_runs():
    recipe = Recipe({"method": {"class_path": "CrossEntropy"}, "seed": 0}, name="../..")
    assert default_directory(recipe).parts[:2][0] == "runs"
    assert ".." not in default_directory(recipe).parts
