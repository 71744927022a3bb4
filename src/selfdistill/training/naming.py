"""Which run directory is a run's, and the hashes by which a run is known."""

from pathlib import Path

from ..config import Recipe, Settings
from ..evaluation import Precision, choose_device, possible_precisions
from ..runs import RunDirectory


def run_directory(settings: Settings, number_format: Precision) -> RunDirectory:
    recipe = settings.recipe.resolved(precision=number_format)
    return RunDirectory(settings.execution.out or default_directory(recipe))


def default_directory(recipe: Recipe) -> Path:
    """Where a run goes without ``--out``: the same command finds it again."""
    label = f"{recipe.method}-{recipe.hash(with_seed=False)[:8]}"
    parts = [part for part in recipe.name.split("/") if part not in ("", ".", "..")]
    return Path("runs", *parts, label, f"seed{recipe.values['seed']}")


def identities(settings: Settings) -> list[str]:
    """The hashes by which a run may be known on this machine's kind of device."""
    device = choose_device(settings.execution.accelerator)
    formats, _ = possible_precisions(settings.ingredients.precision, device)
    return [settings.recipe.resolved(precision=candidate).hash() for candidate in formats]
