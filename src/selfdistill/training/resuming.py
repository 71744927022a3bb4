"""Whether a run directory can be gone on with, and what differs if not."""

from torch import Tensor

from ..data.in_memory import InMemory
from ..failures import UnusableCheckpoint
from ..runs import RunDirectory
from .checkpoint import State
from .options import Plain, Settings, as_today
from .own_images import OWN_IMAGES
from .trackers import forget
from .trainee import Trainee

SHOWN_DIFFERENCES = 3


def is_done(run: RunDirectory, settings: Settings, resolved: Plain) -> bool:
    """Whether nothing is left to do; refuses a run directory of another recipe.

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
    differences = differing(today, {**resolved, "split": stored["split"]})
    if differences:
        raise ValueError(
            f"{run.path} holds another run ({'; '.join(differences)}): choose another --out, or "
            "start afresh with --overwrite"
        )
    own = (*OWN_IMAGES, InMemory.__name__)
    if run.finished() and type(settings.recipe.data).__name__ in own:
        check_split(run, settings.recipe.data.splits().digest())
    return run.finished()


def check_split(run: RunDirectory, found: str) -> None:
    """Refuse other images than those a run began with; a new run takes any.

    Raises:
        ValueError: If they are others.
    """
    stored = run.read_recipe()
    if stored is not None and stored["split"] != found:
        raise ValueError(
            f"the images of {run.path} have changed since it began (split {stored['split']} "
            f"there, {found} now): restore them, choose another --out, or start afresh with "
            "--overwrite"
        )


def differing(stored: object, given: object, name: str = "") -> list[str]:
    """Fields in which two recipes differ, each with both values."""
    if isinstance(stored, dict) and isinstance(given, dict):
        if stored.get("class_path") != given.get("class_path"):
            stored, given = ({"class_path": d.get("class_path")} for d in (stored, given))
        keys = [*stored, *(key for key in given if key not in stored)]
        prefix = f"{name}." if name else ""
        return [
            difference
            for key in keys
            for difference in differing(stored.get(key), given.get(key), f"{prefix}{key}")
        ]
    return [] if stored == given else [f"{name}: {stored} there, {given} now"]


def restore(trainee: Trainee, state: State, run: RunDirectory) -> None:
    """Bring a trainee to a checkpoint's state.

    Raises:
        UnusableCheckpoint: If it is another network's or method's.
    """
    differences = differing(_shapes(state["method"]), _shapes(trainee.method.state_dict()))
    reason = "; ".join(differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        reason += f"; and {len(differences) - SHOWN_DIFFERENCES} more"
    try:
        if not differences:
            return trainee.restore(state)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
    raise UnusableCheckpoint(
        f"the checkpoint in {run.checkpoints} does not fit network, method and optimizer as they "
        f"are now ({reason}): go on with the code that began the run, or start afresh with "
        "--overwrite"
    )


def _shapes(weights: object) -> dict[str, str]:
    """The shape of each tensor, by name."""
    assert isinstance(weights, dict)
    return {
        str(name): "×".join(str(size) for size in value.shape) or "one number"
        for name, value in weights.items()
        if isinstance(value, Tensor)
    }
