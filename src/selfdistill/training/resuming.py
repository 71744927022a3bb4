"""Whether a run directory can be gone on with, and what differs if not."""

import warnings
from pathlib import Path

from torch import Tensor

from ..config.own_images import OWN_IMAGES
from ..config.settings import Plain, Settings, as_today
from ..data import Splits
from ..data.in_memory import InMemory
from ..failures import UnusableCheckpoint
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
from .checkpoint import State
from .state import TrainState
from .trackers import forget

SHOWN_DIFFERENCES = 3
NOT_REBUILT = {*BEST_MODEL, *TEST_FILES, "files.json"}
"""Results that the last checkpoint does not hold."""


def is_done(run: RunDirectory, settings: Settings, resolved: Plain) -> bool:
    """Whether nothing is left to do; refuses a run directory of another recipe.

    A finished run whose results are damaged is not done: they are written again.

    Raises:
        ValueError: If the directory holds a run of another recipe, or of other images.
    """
    if settings.place.overwrite:
        run.clear()
        forget(run.path)
        return False
    stored = run.read_recipe()
    if stored is None:
        return False
    code = None if settings.place.allow_own_code else run.own_code()
    today = as_today(stored, own_code=code, where=run.recipe_file)
    differences = recipe_differences(today, {**resolved, "split": stored["split"]})
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
    own = (*OWN_IMAGES, InMemory.__name__)
    if type(settings.recipe.data).__name__ in own:
        check_split(run, settings.recipe.data.splits())
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


def restore_logs(trainee: TrainState, run: RunDirectory) -> None:
    """Bring the logs to where training stands: what a killed process wrote beyond is dropped.

    Lines that were lost or changed are written again, as the checkpoint holds them.

    Raises:
        UnusableCheckpoint: If lines are lost, and the checkpoint is of a version that holds none.
    """
    for file in (run.log_file, run.test_curve_file):
        kept = trainee.logs.get(file.name)
        found = _lines(run, file, trainee.epoch)
        if kept is None:
            kept = found or []
            expected = trainee.epoch if file == run.log_file or kept else 0
            if [line["epoch"] for line in kept] != list(range(1, expected + 1)):
                raise UnusableCheckpoint(
                    f"{file} lacks lines of the {trainee.epoch} epochs that the checkpoint has "
                    "behind it: restore it from a copy, or start afresh with --overwrite"
                )
            trainee.logs[file.name] = kept
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


def check_split(run: RunDirectory, splits: Splits) -> None:
    """Refuse other images than those a run began with; a new run takes any.

    Raises:
        ValueError: If they are others.
    """
    stored = run.read_recipe()
    found = splits.digest()
    if stored is not None and stored["split"] != found:
        changes = changed_files(run, splits.files)
        hashes = f"split {stored['split']} there, {found} now"
        raise ValueError(
            f"the images of {run.path} have changed since it began ({changes or hashes}): restore "
            "them, choose another --out, or start afresh with --overwrite"
        )


def restore(trainee: TrainState, state: State, run: RunDirectory, resolved: Plain) -> None:
    """Bring a trainee to a checkpoint's state.

    Raises:
        UnusableCheckpoint: If it is another recipe's, network's or method's.
    """
    differences = recipe_differences(
        _shapes(state.get("method")), _shapes(trainee.method.state_dict())
    )
    reason = "; ".join(differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        reason += f"; and {len(differences) - SHOWN_DIFFERENCES} more"
    try:
        if not differences:
            _refuse_other_recipe(state, resolved, run)
            return trainee.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
    raise UnusableCheckpoint(
        f"the checkpoint in {run.checkpoints} does not fit network, method and optimizer as they "
        f"are now ({reason}): go on with the code that began the run, or start afresh with "
        "--overwrite"
    )


def _refuse_other_recipe(state: State, resolved: Plain, run: RunDirectory) -> None:
    stored = state.get("recipe")
    if stored == resolved or not isinstance(stored, dict):
        return  # older checkpoints do not know their recipe
    today = as_today(stored, own_code=run.own_code(), where=run.checkpoints)
    if differences := recipe_differences(today, resolved):
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
