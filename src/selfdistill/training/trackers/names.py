"""Which trackers there are, and whether their libraries are installed."""

from importlib.util import find_spec

from ...config.registry import nearest

NEEDED = {
    "tensorboard": ("tensorboard",),
    "wandb": ("wandb",),
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
}
"""Modules that each tracker needs."""


def known_names(logger: str | None) -> list[str]:
    """Take apart what was asked for.

    Args:
        logger: Names of trackers, separated by commas; None for none.

    Raises:
        ValueError: If there is no such tracker, or its library is not installed.
    """
    if logger is None:
        return []
    names = list(dict.fromkeys(name.strip().lower() for name in logger.split(",")))
    for name in names:
        if name not in NEEDED:
            raise ValueError(f"--logger {name}: no such tracker; {nearest(name, NEEDED)}")
        missing = [module for module in NEEDED[name] if not _installed(module)]
        if missing:
            raise ValueError(
                f'--logger {name} needs {missing[0]}: pip install "selfdistill[{name}]"'
            )
    return names


def _installed(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.origin is not None  # a mere folder ./wandb has no origin
