"""A study of methods on the user's images, made from options alone."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..config import Options, class_options, exact_name, own_code, own_name
from .grid import Study, from_plain
from .layout import read_cell
from .study_files import WRITTEN, write_file

CONTROL = "CrossEntropy"
METHOD = "method."


def describe(
    options: Options, *, methods: Sequence[str], seeds: Sequence[int]
) -> dict[str, object]:
    """The content of a study's file: every method with every seed; as for :func:`write_study`."""
    texts = {option: str(value) for option, value in options}
    for option, instead in {"method": "--methods", "seed": "--seeds"}.items():
        if option in texts:
            raise ValueError(f"--{option} {texts[option]}: a study takes {instead}")
    names = [exact_name("method", name) for name in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"--methods {' '.join(names)}: one is named twice")
    of_methods = {k: value for k, value in texts.items() if k.startswith(METHOD)}
    common = {k: value for k, value in texts.items() if k not in of_methods}
    cells: dict[str, dict[str, object]] = {}
    code = own_code({"method": names[0], "backbone": {"name": common.get("backbone.name")}})
    for name in names:
        code |= own_code({"method": name})
        # What a method of the user's own takes is not known yet: it gets all.
        has = of_methods if "." in name else [METHOD + o for o in class_options("method", name)]
        cells[name] = {
            "method": name,
            **{k: _natural(v) for k, v in of_methods.items() if k in has},
        }
        if f"{METHOD}teacher" in has and f"{METHOD}teacher" not in of_methods:
            if CONTROL not in names:
                raise ValueError(
                    f"{name} learns from a teacher: add {CONTROL} to --methods, or name a trained "
                    "run with --method.teacher"
                )
            cells[name]["teacher"] = CONTROL
    for option in of_methods:
        if not any(option in cell for cell in cells.values()):
            raise ValueError(f"--{option}: none of {', '.join(names)} has such an option")
    return {
        "name": study_name(common),
        "seeds": _seeds(seeds),
        "options": {option: _natural(value) for option, value in common.items()},
        "cells": cells,
        **({"own_code": code} if code else {}),
    }


def study_name(options: Mapping[str, str]) -> str:
    """What the study is called: by its images."""
    own = own_name(options.get("data"), options)
    if own is not None:
        return own
    name = options.get("data") or options.get("config")
    if name is None:
        raise ValueError("say what the methods are compared on: --data photos/, or --config RECIPE")
    return Path(name).with_suffix("").as_posix().replace("/", "-").lower()


def write_study(
    options: Options, *, methods: Sequence[str], seeds: Sequence[int], out: Path | None
) -> tuple[Study, Path]:
    """Make a study of methods, and keep it in the file of its own folder.

    Args:
        options: Options of ``train`` for every run.
        methods: Names of methods, or class paths of the user's own.
        seeds: One number: how many seeds, from 0. Several: the seeds.
        out: The study's folder, by which it is called; None for one called after its images.

    Returns:
        The study, and the folder above its own.
    """
    content = describe(options, methods=methods, seeds=seeds)
    out = out or Path("runs", str(content["name"]))
    out = out.resolve() if out.name in ("", "..") else out
    content["name"] = out.name
    study = from_plain(content, out.name)
    for cell in study.cells:
        read_cell(cell, [])
    write_file(content, out / WRITTEN)
    return study, out.parent


def _seeds(seeds: Sequence[int]) -> int | list[int]:
    if min(seeds) < 0 or (len(seeds) == 1 and seeds[0] < 1) or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"--seeds {' '.join(map(str, seeds))}: give how many, or several different ones"
        )
    return seeds[0] if len(seeds) == 1 else list(seeds)


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
