"""Whether a run directory can be gone on with, and what differs if not."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lightning_fabric import Fabric
from torch import Tensor

from ..config import OWN_IMAGES, PASSED, Ingredients, Recipe, Settings
from ..data import Batches, Splits
from ..failures import UnusableCheckpoint
from ..methods import Method
from ..runs import (
    BEST_MODEL,
    FIRST_SAVE,
    TEST_FILES,
    LogLine,
    RunDirectory,
    changed_files,
    log_line,
    recipe_differences,
)
from . import checkpoint
from .checkpoint import State
from .compiling import compiles
from .engine import log, on_rank_zero
from .state import TrainState
from .trackers import forget

SHOWN_DIFFERENCES = 3
NOT_REBUILT = {*BEST_MODEL, *TEST_FILES, "files.json"}
"""Results that the last checkpoint does not hold."""


def is_done(run: RunDirectory, settings: Settings, read_splits: Callable[[], Splits]) -> bool:
    """Whether nothing is left to do; refuses a run directory of another recipe.

    A finished run whose results are damaged is not done: they are written again.

    Raises:
        ValueError: If the directory holds a run of another recipe, or of other images.
    """
    if settings.execution.overwrite:
        run.clear()
        forget(run.path)
        return False
    stored = run.read_recipe()
    if stored is None:
        return False
    code = None if settings.execution.allow_own_code else run.own_code()
    today = Recipe.from_dict(stored, upgrade=True, own_code=code, where=run.recipe_file)
    asked = settings.recipe.resolved(split=stored["split"])
    differences = recipe_differences(dict(today.values), dict(asked.values))
    if differences:
        further = ", for a new run from its weights with --init" if run.finished() else ""
        raise ValueError(
            f"{run.path} holds another run ({'; '.join(differences)}): choose another --out"
            f"{further}, or start afresh with --overwrite"
        )
    if not run.summary_file.exists():
        return False
    reason = what_is_damaged(run)
    if reason is not None:
        print(f"{reason}: the results are written again from the last checkpoint", flush=True)
        return False
    if settings.recipe.data in (*OWN_IMAGES, PASSED):
        splits = read_splits()
        check_split(run, splits, splits.digest())
    return True


def what_is_damaged(run: RunDirectory) -> str | None:
    """What of a finished run has to be written again; None if it is whole.

    What the last checkpoint cannot give back is warned of.
    """
    if not run.finished():
        return f"{run.summary_file} is damaged"
    damage = warn_of_lost(run)
    rebuilt = (
        f"{run.path / name} {what}" for name, what in damage.items() if name not in NOT_REBUILT
    )
    return next(rebuilt, None)


def warn_of_lost(run: RunDirectory) -> dict[str, str]:
    """Warn of a finished run's damaged files that nothing can give back; all that is damaged."""
    damage = run.damage()
    for name in sorted(damage.keys() & NOT_REBUILT - set(TEST_FILES)):
        warnings.warn(f"{run.path / name} {damage[name]}: restore it from a copy", stacklevel=2)
    return damage


def refuse_lost_checkpoints(run: RunDirectory) -> None:
    """Refuse to begin a run anew that has come further: its checkpoints are gone.

    Raises:
        UnusableCheckpoint: If it has.
    """
    way_out = "restore the folder from a copy, or start afresh with --overwrite"
    if run.summary_file.exists():
        raise UnusableCheckpoint(
            f"{what_is_damaged(run)}, and {run.checkpoints} holds no checkpoint to write it again "
            f"from: {way_out}"
        )
    if (run.checkpoints / FIRST_SAVE).exists():
        return
    if run.log_file.exists() and run.log_file.stat().st_size > 0:
        raise UnusableCheckpoint(
            f"{run.checkpoints} holds no checkpoint, but {run.log_file.name} tells of epochs: "
            f"{way_out}"
        )


def restore_logs(state: TrainState, run: RunDirectory) -> None:
    """Bring the logs to where training stands: what a killed process wrote beyond is dropped.

    Lines that were lost or changed are written again, as the checkpoint holds them.

    Raises:
        UnusableCheckpoint: If lines are lost, and the checkpoint is of a version that holds none.
    """
    for file in (run.log_file, run.test_curve_file):
        kept = state.logs.get(file.name)
        found = _lines(run, file, state.epoch)
        if kept is None:
            kept = found or []
            expected = state.epoch if file == run.log_file or kept else 0
            if [line["epoch"] for line in kept] != list(range(1, expected + 1)):
                raise UnusableCheckpoint(
                    f"{file} lacks lines of the {state.epoch} epochs that the checkpoint has "
                    "behind it: restore it from a copy, or start afresh with --overwrite"
                )
            state.logs[file.name] = kept
        elif found is None or [*map(log_line, found)] != [*map(log_line, kept)]:
            warnings.warn(
                f"{file} was cut or changed: its {len(kept)} lines are written again from the "
                "checkpoint",
                stacklevel=2,
            )
        if file.exists() or kept:
            run.write_log(kept, file)


def _lines(run: RunDirectory, file: Path, epochs: int) -> list[LogLine] | None:
    """The lines of a log up to an epoch; None where the file is damaged."""
    try:
        return [line for line in run.read_log(file) if int(str(line["epoch"])) <= epochs]
    except (ValueError, KeyError):
        return None


def check_split(run: RunDirectory, splits: Splits, digest: str) -> None:
    """Refuse other images than those a run began with; a new run takes any.

    Raises:
        ValueError: If they are others.
    """
    stored = run.read_recipe()
    if stored is not None and stored["split"] != digest:
        changes = changed_files(run, splits.files)
        hashes = f"split {stored['split']} there, {digest} now"
        raise ValueError(
            f"the images of {run.path} have changed since it began ({changes or hashes}): restore "
            "them, choose another --out, or start afresh with --overwrite"
        )


def resume(
    fabric: Fabric,
    run: RunDirectory,
    recipe: Recipe,
    ingredients: Ingredients,
    method: Method,
    batches: Batches,
) -> TrainState:
    """The training state as the newest checkpoint left it; a new one if there is none.

    Raises:
        UnusableCheckpoint: If there are checkpoints, or were, and none can be gone on from here.
    """
    saved = checkpoint.load_latest(run.checkpoints, device=fabric.device)
    if saved is None:
        on_rank_zero(fabric, partial(refuse_lost_checkpoints, run))
    eager = saved is not None and not saved.get("compiled")
    compiled = ingredients.compile and not eager
    if compiled:
        parts = fabric.world_size * ingredients.accumulation
        compiled = compiles(fabric, method, batches.epoch(0).batch(0, parts=parts))
    if saved is not None and not eager and not compiled:
        raise UnusableCheckpoint(
            f"{run.path} was trained compiled and does not compile here: go on where it did, "
            "or start afresh with --overwrite"
        )
    images = len(batches.train)
    state = TrainState(
        fabric, method, ingredients, steps=batches.steps, images=images, compiled=compiled
    )
    if saved is not None:
        _load(state, saved, run, recipe)
    if state.epoch == ingredients.epochs and not run.summary_file.exists():
        log(
            fabric,
            f"{run.path} has been trained to its end: the results are written again from the last "
            "checkpoint",
        )
    if state.steps_done > 0 and state.epoch < ingredients.epochs:
        steps = f" and {state.step} of {state.steps} steps" if state.step else ""
        log(fabric, f"resuming after {state.epoch} of {ingredients.epochs} epochs{steps}")
    return state


def _load(state: TrainState, saved: State, run: RunDirectory, recipe: Recipe) -> None:
    """Load a checkpoint; refuse one of another recipe, network or method."""
    differences = recipe_differences(
        _shapes(saved.get("method")), _shapes(state.method.state_dict())
    )
    reason = "; ".join(differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        reason += f"; and {len(differences) - SHOWN_DIFFERENCES} more"
    try:
        if not differences:
            _refuse_other_recipe(saved, recipe, run)
            return state.load_state_dict(saved)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
    raise UnusableCheckpoint(
        f"the checkpoint in {run.checkpoints} does not fit network, method and optimizer as they "
        f"are now ({reason}): go on with the code that began the run, or start afresh with "
        "--overwrite"
    )


def _refuse_other_recipe(saved: State, recipe: Recipe, run: RunDirectory) -> None:
    stored = saved.get("recipe")
    if stored == recipe.values or not isinstance(stored, dict):
        return  # older checkpoints do not know their recipe
    code = run.own_code()
    today = Recipe.from_dict(stored, upgrade=True, own_code=code, where=run.checkpoints)
    if differences := recipe_differences(dict(today.values), dict(recipe.values)):
        raise UnusableCheckpoint(
            f"the checkpoint in {run.checkpoints} is of another recipe ({'; '.join(differences)}): "
            "restore the run's own, or start afresh with --overwrite"
        )


def _shapes(weights: object) -> dict[str, str]:
    """The shape of each tensor, by name."""
    named = weights.items() if isinstance(weights, dict) else ()
    return {
        str(name): "×".join(str(size) for size in value.shape) or "one number"
        for name, value in named
        if isinstance(value, Tensor)
    }
