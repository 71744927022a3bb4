"""Whether a run directory can be gone on with, and what differs if not."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from lightning_fabric import Fabric
from torch import Tensor

from ..config import OWN_IMAGES, PASSED, CompileChoice, Ingredients, Recipe, Settings
from ..data import Batches, Splits
from ..failures import UnusableCheckpoint
from ..methods import Method
from ..runs import (
    BEST_MODEL,
    FIRST_SAVE,
    TEST_FILES,
    RunDirectory,
    changed_files,
    log_line,
    recipe_differences,
)
from . import checkpoint
from .checkpoint import State
from .compiling import choose_way
from .engine import log, on_rank_zero
from .state import TrainState
from .trackers import forget

SHOWN_DIFFERENCES = 3
WAYS: dict[CompileChoice, str] = {False: "eagerly", True: "compiled", "graph": "by a CUDA graph"}
NOT_REBUILT = {*BEST_MODEL, *TEST_FILES, "files.json"}
"""Results that the last checkpoint does not hold."""


def is_done(run: RunDirectory, settings: Settings, read_splits: Callable[[], Splits]) -> bool:
    """Whether the run is finished and whole; refuses a directory of another recipe or images."""
    if settings.execution.overwrite:
        run.clear()
        forget(run.path)
        return False
    stored = run.read_recipe()
    if stored is None:
        return False
    code = None if settings.execution.allow_own_code else run.own_code()
    today = Recipe.from_dict(stored, own_code=code, where=run.recipe_file)
    asked = settings.recipe.resolved(split=stored["split"])
    differences = recipe_differences(dict(today.values), dict(asked.values))
    before, epochs = int(str(today.values["epochs"])), int(str(asked.values["epochs"]))
    longer = epochs > before and today.resolved(epochs=epochs).values == asked.values
    if longer and run.finished():
        raise ValueError(
            f"{run.path} has been trained for the {before} epochs that its schedule was made for: "
            f"to train on from its weights, by a new schedule of {epochs} epochs, choose another "
            f"--out with --init {run.path}"
        )
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
    """What of a finished run has to be written again; None if it is whole."""
    if not run.finished():
        return f"{run.summary_file} is damaged"
    damage = warn_of_lost(run)
    rebuilt = (f"{run.path / name} {damage[name]}" for name in damage if name not in NOT_REBUILT)
    return next(rebuilt, None)


def warn_of_lost(run: RunDirectory) -> dict[str, str]:
    """Warn of a finished run's damaged files that nothing can give back; all that is damaged."""
    damage = run.damage()
    for name in sorted(damage.keys() & NOT_REBUILT - set(TEST_FILES)):
        warnings.warn(f"{run.path / name} {damage[name]}: restore it from a copy", stacklevel=2)
    return damage


def restore_logs(state: TrainState, run: RunDirectory) -> None:
    """Bring the logs to where training stands: what a killed process wrote beyond is dropped.

    Lines that were lost or changed are written again, as the checkpoint holds them.
    """
    for file in (run.log_file, run.test_curve_file):
        kept = state.logs.get(file.name)
        try:
            stored = [line for line in run.read_log(file) if int(str(line["epoch"])) <= state.epoch]
        except (ValueError, KeyError):
            stored = None  # damaged
        if kept is None:  # a checkpoint of a version that holds no logs
            kept = stored or []
            expected = state.epoch if file == run.log_file or kept else 0
            if [line["epoch"] for line in kept] != list(range(1, expected + 1)):
                raise UnusableCheckpoint(
                    f"{file} lacks lines of the {state.epoch} epochs that the checkpoint has "
                    "behind it: restore it from a copy, or start afresh with --overwrite"
                )
            state.logs[file.name] = kept
        elif stored is None or [*map(log_line, stored)] != [*map(log_line, kept)]:
            warnings.warn(
                f"{file} was cut or changed: its {len(kept)} lines are written again from the "
                "checkpoint",
                stacklevel=2,
            )
        if file.exists() or kept:
            run.write_log(kept, file)


def check_split(run: RunDirectory, splits: Splits, digest: str) -> None:
    """Refuse other images than those a run began with; a new run takes any."""
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
    """The training state as the newest checkpoint left it; a new one if there is none."""
    saved = checkpoint.load_latest(run.checkpoints, device=fabric.device)
    if saved is None:
        on_rank_zero(fabric, partial(_check_new, run))
    # A run that began eagerly, for whatever reason, goes on so.
    before = (
        ingredients.compile if saved is None else cast(CompileChoice, saved.get("compiled", False))
    )
    way, module = choose_way(fabric, method, replace(ingredients, compile=before), batches)
    if saved is not None and way != before:
        raise UnusableCheckpoint(
            f"{run.path} was trained {WAYS[before]}, which cannot be done here: go on where it "
            "did, or start afresh with --overwrite"
        )
    images = len(batches.train)
    state = TrainState(
        fabric, method, ingredients, steps=batches.steps, images=images, way=way, module=module
    )
    if saved is not None:
        _load(state, saved, run, recipe)
    over = on_rank_zero(fabric, lambda: state.is_over)
    if over and not run.summary_file.exists():
        log(
            fabric,
            f"{run.path} has been trained to its end: the results are written again from the last "
            "checkpoint",
        )
    if state.steps_done > 0 and not over:
        steps = f" and {state.step} of {state.steps} steps" if state.step else ""
        log(fabric, f"resuming after {state.epoch} of {ingredients.epochs} epochs{steps}")
    return state


def _check_new(run: RunDirectory) -> None:
    """Refuse to begin a run anew that has come further: its checkpoints are gone."""
    log_file, none = run.log_file, f"{run.checkpoints} holds no checkpoint"
    has_log = log_file.exists() and log_file.stat().st_size > 0
    if run.summary_file.exists():
        reason = f"{what_is_damaged(run)}, and {none} to write it again from"
    elif has_log and not (run.checkpoints / FIRST_SAVE).exists():
        reason = f"{none}, but {log_file.name} tells of epochs"
    else:
        return
    raise UnusableCheckpoint(
        f"{reason}: restore the folder from a copy, or start afresh with --overwrite"
    )


def _load(state: TrainState, saved: State, run: RunDirectory, recipe: Recipe) -> None:
    """Load a checkpoint; refuse one of another recipe, network or method."""
    there, here = _shapes(saved.get("method")), _shapes(state.method.state_dict())
    if differences := recipe_differences(there, here):
        more = len(differences) - SHOWN_DIFFERENCES
        reason = "; ".join(differences[:SHOWN_DIFFERENCES]) + (f"; and {more} more" * (more > 0))
    else:
        try:
            _check_recipe(saved, recipe, run)
            return state.load_state_dict(saved)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
    raise UnusableCheckpoint(
        f"the checkpoint in {run.checkpoints} does not fit network, method and optimizer as they "
        f"are now ({reason}): go on with the code that began the run, or start afresh with "
        "--overwrite"
    )


def _check_recipe(saved: State, recipe: Recipe, run: RunDirectory) -> None:
    stored = saved.get("recipe")
    if stored == recipe.values or not isinstance(stored, dict):
        return  # older checkpoints do not know their recipe
    code = run.own_code()
    today = Recipe.from_dict(stored, own_code=code, where=run.checkpoints)
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
