"""Which run directory is a run's, and the hashes by which a run is known."""

from pathlib import Path

from ..config.settings import Plain, Settings, fingerprint, method_name
from ..evaluation import choose_device, precision
from ..evaluation.precision import Format
from ..runs import RunDirectory


def resolved_recipe(settings: Settings, number_format: Format) -> Plain:
    return {**settings.resolved, "precision": number_format}


def run_directory(settings: Settings, number_format: Format) -> RunDirectory:
    resolved = resolved_recipe(settings, number_format)
    return RunDirectory(settings.place.out or default_directory(resolved, settings.name))


def default_directory(resolved: Plain, name: str) -> Path:
    """Where a run goes without ``--out``: the same command finds it again."""
    label = f"{method_name(resolved)}-{fingerprint(resolved, with_seed=False)[:8]}"
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return Path("runs", *parts, label, f"seed{resolved['seed']}")


def identities(settings: Settings) -> list[str]:
    """The hashes by which a run may be known on this machine's kind of device."""
    device = choose_device(settings.place.accelerator)
    formats, _ = precision.possible(settings.recipe.precision, device)
    return [fingerprint(resolved_recipe(settings, candidate)) for candidate in formats]
