"""Recipes and figures as flat names with a value each."""

Scalar = None | bool | int | float | str
AXES = ("epoch", "step", "seconds")
"""Fields of a log line that say when, not how well."""


def options(recipe: object, name: str = "") -> dict[str, Scalar]:
    """Write a nested recipe as dotted options.

    ``{"method": {"class_path": "KD", "init_args": {"temperature": 4}}}`` becomes
    ``{"method.class_path": "KD", "method.temperature": 4}``; elements of lists are numbered.
    """
    if isinstance(recipe, list):
        recipe = {str(position): element for position, element in enumerate(recipe)}
    if isinstance(recipe, dict):
        return {
            key: value
            for field, part in recipe.items()
            for key, value in options(part, _join(name, field)).items()
        }
    assert recipe is None or isinstance(recipe, bool | int | float | str), recipe
    return {name: recipe}


def figures(values: object, name: str = "") -> dict[str, float]:
    """The numbers among nested values, by names with slashes; lists are numbered from 1.

    ``{"loss": 2.0, "attention": [0.3, 0.7], "note": "warm"}`` becomes
    ``{"loss": 2.0, "attention/1": 0.3, "attention/2": 0.7}``.
    """
    if isinstance(values, list):
        values = {str(position): element for position, element in enumerate(values, 1)}
    if isinstance(values, dict):
        return {
            key: value
            for field, part in values.items()
            for key, value in figures(part, f"{name}/{field}".lstrip("/")).items()
        }
    return {name: float(values)} if isinstance(values, int | float) else {}


def epoch_figures(line: dict[str, object]) -> dict[str, float]:
    """What a line of the log says about how well its epoch went."""
    return figures({field: value for field, value in line.items() if field not in AXES})


def _join(name: str, field: str) -> str:
    return name if field == "init_args" else f"{name}.{field}".lstrip(".")
