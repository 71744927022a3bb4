"""What a run leaves behind: weights, predictions, and its summary."""

from collections.abc import Iterable
from pathlib import Path

from safetensors.torch import save as save_tensors
from torch import Tensor

from ..config import held_out_hash, pictures_hash, weights_hash
from ..deployment import Probabilities, contiguous, fit_probabilities, model_files
from ..evaluation import Predictions, macs_per_exit
from ..inspection import (
    class_scores,
    exit_scores,
    exit_temperatures,
    scaled_scores,
    write_predictions,
    write_top_attended,
)
from ..runs import BEST_MODEL, HASH_PREFIX, SPLITS, SUMMARY_FORMAT, LogLine, replace_file, sha256
from . import environment
from .resuming import restore_logs, warn_of_lost
from .setup import Session

CURVE = (
    *("train_accuracy", "validation_accuracy", "validation_macro_accuracy", "validation_nll"),
    *("loss", "lr"),
)


def write_model(
    session: Session,
    folder: Path,
    *,
    epoch: int,
    validation: Predictions | None,
    choices: int = 1,
) -> dict[str, str]:
    """Write the network as an epoch left it, for use without this run; hashes of its files.

    Args:
        session: The run.
        folder: Where to.
        epoch: The epochs behind it.
        validation: Its predictions for the validation images, if there are any.
        choices: Epochs among which these images chose this one.
    """
    run, state, splits = session.run, session.state, session.splits
    run.check_held()
    probabilities = Probabilities()
    if validation is not None:
        logits = validation.exits["network"]
        probabilities = fit_probabilities(logits, validation.labels, choices=choices)
    files = model_files(
        state.evaluated.backbone,
        classes=splits.train.classes,
        preprocessing=splits.preprocessing,
        origin={
            "run": run.path.name,
            "method": type(state.method).__name__,
            "epoch": epoch,
            "average": state.average is not None,
            "data": type(state.ingredients.data).__name__,
            "held_out": held_out_hash(splits),
            "pictures": pictures_hash(splits),
        },
        probabilities=probabilities,
    )
    for name, content in files.items():
        replace_file(folder / name, content)
    return {
        f"{folder.name}/{name}": HASH_PREFIX + sha256(content) for name, content in files.items()
    }


def finish(session: Session) -> None:
    """Write everything that a finished run holds, in the first process; the summary comes last."""
    run, state, splits = session.run, session.state, session.splits
    # A run whose results were damaged is finished again, and keeps what only the first time could
    # know, such as how long training took.
    earlier = run.read_summary().values if run.finished() else None
    restore_logs(state, run)
    validation = None if splits.validation is None else state.predict(splits.validation, splits)
    # With patience it is the validation images that choose which epoch is the last.
    choices = state.validations if state.ingredients.patience else 1
    write_model(session, run.model, epoch=state.epoch, validation=validation, choices=choices)
    attachments = {
        name: weights
        for name, weights in state.evaluated.state_dict().items()
        if not name.startswith("backbone.")
    }
    if attachments:
        content = save_tensors(contiguous(attachments), metadata={"format": "pt"})
        replace_file(run.attachments / "attachments.safetensors", content)
    results: dict[str, object] = {"validation": None, "test": None}
    calibration: dict[str, object] | None = None
    temperatures: dict[str, float] = {}
    if validation is not None:
        results["validation"] = {
            "last": exit_scores(validation),
            "classes": class_scores(validation),
            "best": state.best,
        }
        temperatures = exit_temperatures(validation)
        scaled = scaled_scores(validation, temperatures, fitted_on_these=True)
        calibration = {"temperature": temperatures, "validation": scaled}
    has_test = earlier is not None and earlier["test"] is not None
    if session.settings.execution.test or splits.validation is None or has_test:
        predictions = state.predict(splits.test, splits)
        write_predictions(run, predictions)
        write_top_attended(
            run, state.evaluated, splits.test, predictions.attention, splits.preprocessing
        )
        results["test"] = {
            "last": exit_scores(predictions),
            "classes": class_scores(predictions),
            "read_by": "train",
        }
        if calibration is not None:
            scaled = scaled_scores(predictions, temperatures, fitted_on_these=False)
            calibration["test"] = scaled
    results["calibration"] = calibration
    results["weights"] = weights_hash(run.path)
    hashes = state.best_files
    if earlier is None:
        summary = _summary(session) | results
    else:
        curve = _curve(state.logs[run.log_file.name])
        known = {
            "test": earlier["test"] or results["test"],
            "weights": results["weights"],
            "calibration": earlier.get("calibration") or calibration,
        }
        summary = {**earlier, **known, "curve": curve}
        if isinstance(files := earlier.get("files"), dict):
            hashes = files | hashes
    best = {name: hashes[name] for name in BEST_MODEL if name in hashes}
    run.write_summary({**summary, "files": run.hashes() | best})
    if earlier is None:
        warn_of_lost(run)


def _summary(session: Session) -> dict[str, object]:
    run, state = session.run, session.state
    recipe, ingredients = session.settings.recipe, state.ingredients
    method, clock = state.method, state.clock
    clock.lap()
    threads = session.settings.execution.threads
    counted = recipe if threads in (None, 1) else recipe.resolved(threads=threads)
    images = state.epoch * state.steps * session.batches.batch_size
    return {
        "format": SUMMARY_FORMAT,
        "name": recipe.method,
        "recipe": {k: v for k, v in recipe.values.items() if k not in ("format", "split")},
        "recipe_hash": counted.hash(),
        "split_hash": recipe.values["split"],
        "images": {name: len(getattr(session.splits, name) or ()) for name in SPLITS},
        "stopped_early": state.epoch if state.epoch < ingredients.epochs else None,
        "environment": run.finish_environment(environment.now()),
        "curve": _curve(state.logs[run.log_file.name]),
        "cost": {
            "seconds": round(clock.seconds, 2),
            "images_per_second": round(images / clock.training_seconds, 2),
            "peak_memory_bytes": environment.peak_memory(session.fabric.device),
            "parameters": _count(method.backbone.network.parameters()),
            "training_parameters": _count(method.parameters()),
            "macs_per_exit": macs_per_exit(method),
        },
    }


def _curve(lines: list[LogLine]) -> dict[str, object]:
    """The log as columns, to four significant digits."""
    columns: dict[str, object] = {"epoch": [line["epoch"] for line in lines]}
    for name in CURVE:
        if any(name in line for line in lines):
            columns[name] = [_short(line.get(name)) for line in lines]
    terms = [line["terms"] for line in lines]
    columns["terms"] = {name: [_short(t[name]) for t in terms] for name in terms[0]}  # pyright: ignore
    if "attention" in lines[0]:
        columns["attention"] = [[_short(v) for v in line["attention"]] for line in lines]  # pyright: ignore
    return columns


def _short(value: object) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _count(parameters: Iterable[Tensor]) -> int:
    return sum(parameter.numel() for parameter in parameters)
