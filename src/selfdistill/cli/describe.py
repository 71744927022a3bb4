"""The methods, for people to read: their ideas, equations and options."""

import inspect

from ..config import exact_name, find_class
from ..methods import METHODS, Method


def list_methods() -> str:
    """A line for each method: its name and its idea."""
    width = max(len(method.__name__) for method in METHODS) + 2
    return "\n".join(f"{method.__name__:<{width}}{_idea(method)}" for method in METHODS)


def describe_method(name: str) -> str:
    """A method's equation and reference, and its options with their defaults.

    Raises:
        ValueError: If there is no such method; it names the nearest.
    """
    method = find_class("method", exact_name("method", name))
    module = inspect.getmodule(method)
    assert module is not None
    options = [
        f"  --method.{name.replace('_', '-')} {_default(parameter)}"
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    parts = [method.__name__, inspect.getdoc(module) or "", inspect.getdoc(method) or ""]
    parts += ["\n".join(["Options and defaults:", *options])] if options else ["No options."]
    return "\n\n".join(filter(None, parts))


def _default(parameter: inspect.Parameter) -> str:
    return "(required)" if parameter.default is parameter.empty else str(parameter.default)


def _idea(method: type[Method]) -> str:
    module = inspect.getmodule(method)
    return (inspect.getdoc(module) or "").partition("\n")[0]
