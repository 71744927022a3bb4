"""What is wrong with an option, in one line: what, where, what to do."""

import inspect
import re

from jsonargparse import ArgumentParser

from .registry import CLASSES, NOUNS, class_options, nearest
from .schema import Adversary, BackboneChoice
from .short_forms import SHORT_FORMS

KINDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}


def explain(message: str, parser: ArgumentParser) -> str:
    """Translate the parser's message.

    Args:
        message: What the parser said, in several lines.
        parser: Knows the options that exist.
    """
    keys = [key for key in re.findall(r'Parser key "([\w.]+)"', message) if key != "config"]
    option = "--" + ".".join(keys)
    if unknown := re.search(r"Option '([\w.]+)' is not accepted", message):
        if not keys:
            return _unknown(f"--{unknown[1]}", _all_options(parser))
        group = keys[0]
        if f"--{group}.{unknown[1]}" in _options(group):
            chosen = f"the chosen {NOUNS.get(group, group)}"
            return f"{option}.{unknown[1]} is not an option of {chosen}"
        return _unknown(f"{option}.{unknown[1]}", _options(group))
    if unknown := re.search(r"unrecognized arguments: (--[^\s=]+)", message):
        return _unknown(unknown[1], _all_options(parser))
    if unknown := re.search(r"Group '(\w+)' does not accept option '([\w.]+)'", message):
        return _unknown(f"--{unknown[1]}.{unknown[2]}", _options(unknown[1]))
    if missing := re.search(r"arguments are required: (.+)", message):
        if keys:
            what = "RUN, a finished run" if missing[1] == "teacher" else missing[1].upper()
            return f"{option}.{missing[1]} is missing: give {option}.{missing[1]} {what}"
        if missing[1] == "data":
            return (
                "data missing: give a folder of class folders, or the name of a data set, as --data"
            )
        folder = "give a folder as --data, or " if missing[1].startswith("data,") else ""
        return (
            f"{missing[1]} missing: {folder}choose a recipe with --config; selfdistill recipes "
            "lists them"
        )
    path = re.search(r"Expected a dot import path string: (\S+)", message)
    if path and "Expected a <class" not in message:
        return f"{option}: there is no {path[1]!r}"
    if value := re.search(r"(?:Got|Given) value: (.+)", message):
        if module := re.search(r"No module named '(.+?)'", message):
            return f"{option} {value[1]}: there is no module {module[1]!r}"
        if kinds := _kinds(message):
            return f"{option} {value[1]}: expected {' or '.join(kinds)}"
    if reason := re.search(r"Errors:\s+- ((?!Expected).+)", message):
        message = reason[1]
    message = re.sub(r'Parser key "[\w.]+":\s+', "", message)
    return " ".join([*([f"{option}:"] if keys else []), *message.split()])


def _all_options(parser: ArgumentParser) -> list[str]:
    known = parser._option_string_actions  # pyright: ignore
    options = [key for key in known if key.startswith("--")]
    return [*options, *(f"--{name}" for name in SHORT_FORMS)]


def _unknown(option: str, known: list[str]) -> str:
    return f"unknown option {option}: {nearest(option, known)}"


def _options(group: str) -> list[str]:
    if group in CLASSES:
        return [f"--{group}.{name}" for name in class_options(group)]
    choice = {"adversary": Adversary, "backbone": BackboneChoice}.get(group)
    names = inspect.get_annotations(choice) if choice else ()
    return [f"--{group}.{name}" for name in names]


def _kinds(message: str) -> list[str]:
    kinds: list[str] = []
    if choice := re.search(r"Expected a typing\.Literal\[(.+?)\]", message):
        kinds.append("one of " + choice[1].replace("'", ""))
    for kind in re.findall(r"Expected an? <class '([\w.]+)'>", message):
        if kind != "NoneType":
            kinds.append(KINDS.get(kind, f"a {kind}"))
    return kinds
