"""A study of methods on anybody's images, made from options alone."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from ..config import own_code
from ..config.own_images import own_name
from ..config.registry import class_options, exact_name
from ..config.settings import parse
from ..config.words import read_options
from ..runs import read_text, replace_file
from .grid import HEADER, Study
from .layout import UNTRAINED

HEAD = f"""\
{HEADER} --methods …`; `selfdistill study FILE` goes on with it.
# Paths are as they were typed, seen from the folder where the command was given.
"""
CONTROL = "CrossEntropy"
METHOD = "method."
Plain = dict[str, object]


def compose(words: Sequence[str], *, methods: Sequence[str], seeds: Sequence[int]) -> Plain:
    """The content of a study's file: every method with every seed.

    Args:
        words: Options of ``train`` for every run.
        methods: Names of methods, or class paths of one's own.
        seeds: One number: how many seeds, from 0. Several: the seeds.

    Raises:
        ValueError: If a method does not exist or is named twice, a teacher is missing, or the
            options say what the study says.
    """
    options = {option: str(value) for option, value in read_options(list(words))}
    for option, instead in {"method": "--methods", "seed": "--seeds"}.items():
        if option in options:
            raise ValueError(f"--{option} {options[option]}: a study takes {instead}")
    names = [exact_name("method", name) for name in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"--methods {' '.join(names)}: one is named twice")
    own = _options_of_methods(names, options)
    cells: Plain = {
        name: {"method": name, **_natural_values(own[name]), **_teacher(name, names, own[name])}
        for name in names
    }
    options = {k: v for k, v in options.items() if not k.startswith(METHOD)}
    code = own_code({"method": names[0], "backbone": {"name": options.get("backbone.name")}})
    for name in names:
        code |= own_code({"method": name})
    return {
        "name": study_name(options),
        "seeds": _seeds(seeds),
        "options": _natural_values(options),
        "cells": cells,
        **({"own_code": code} if code else {}),
    }


def _options_of_methods(
    names: Sequence[str], options: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Options of methods, given to those that have them; those of one's own get all.

    Raises:
        ValueError: If none has one.
    """
    given = {option: value for option, value in options.items() if option.startswith(METHOD)}
    own = {
        name: {
            option: value
            for option, value in given.items()
            if "." in name or option.removeprefix(METHOD) in class_options("method", name)
        }
        for name in names
    }
    for option in given:
        if not any(option in found for found in own.values()):
            raise ValueError(f"--{option}: none of {', '.join(names)} has such an option")
    return own


def _teacher(name: str, names: Sequence[str], options: Mapping[str, str]) -> dict[str, str]:
    """Who teaches a method that needs a teacher: the cross-entropy run of its seed."""
    learns = "." not in name and "teacher" in class_options("method", name)
    if not learns or "method.teacher" in options:
        return {}
    if CONTROL not in names:
        raise ValueError(
            f"{name} learns from a teacher: add {CONTROL} to --methods, or name a trained run "
            "with --method.teacher"
        )
    return {"teacher": CONTROL}


def study_name(options: Mapping[str, str]) -> str:
    """What the study is called: by its images."""
    own = own_name(options.get("data"), options)
    if own is not None:
        return own
    name = options.get("data") or options.get("config")
    if name is None:
        raise ValueError("say what the methods are compared on: --data photos/, or --config RECIPE")
    return Path(name).with_suffix("").as_posix().replace("/", "-").lower()


def check(study: Study) -> None:
    """Read every cell's settings, before anything is written or trained.

    Raises:
        ValueError: If one cannot be read, in one line.
    """
    for cell in study.cells:
        taught = [] if cell.teacher is None else [f"--method.teacher={UNTRAINED}"]
        parse([*cell.words(0), *taught])


def write(content: Plain, file: Path) -> None:
    """Write a study's file.

    Raises:
        ValueError: If a file of that name is there that was written by hand.
    """
    if file.exists() and not read_text(file).startswith(HEADER):
        raise ValueError(
            f"{file} was not written by `selfdistill study`: choose another --out, or name the "
            "file to run it"
        )
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)
    replace_file(file, (HEAD + text).encode())


def _seeds(seeds: Sequence[int]) -> int | list[int]:
    if min(seeds) < 0 or (len(seeds) == 1 and seeds[0] < 1) or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"--seeds {' '.join(map(str, seeds))}: give how many, or several different ones"
        )
    return seeds[0] if len(seeds) == 1 else list(seeds)


def _natural_values(options: Mapping[str, str]) -> Plain:
    return {option: _natural(value) for option, value in options.items()}


def _natural(value: str) -> object:
    """A number where the text is how a number is written, else the text."""
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        if str(number) == value and math.isfinite(number):
            return number
    return value
