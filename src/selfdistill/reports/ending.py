"""What a run says when training has ended: its scores, its weakest classes, and what comes next."""

import shlex

from ..runs import SCORED_SPLITS, RunDirectory
from ..terminal import shown_name
from .run import StoredRun

MAX_CLASSES = 3


def describe_end(run: StoredRun) -> str:
    """A few lines about a finished run.

    Classes are judged by the validation images; by the test images where the run has no others.
    """
    scored = [split for split in SCORED_SPLITS if split in run.scores]
    lines = {split: _accuracy(run, split) for split in scored}
    lines["weakest"] = _weakest_classes(run, scored[0])
    lines["temperature"] = _temperature(run)
    lines["model"] = str(RunDirectory(run.path).model)
    lines["next"] = f"selfdistill report {shlex.quote(str(run.path))}"
    text = "\n".join(f"  {name:<11} {line}" for name, line in lines.items() if line)
    return f"done in {duration(run.cost.seconds)}\n{text}"


def duration(seconds: float) -> str:
    """A time in words: ``48 s``, ``12 min 5 s``, ``3 h 20 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_of_hour} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _accuracy(run: StoredRun, split: str) -> str:
    images = run.num_images(split)
    text = f"{run.scores[split].accuracy:.1f} %" + (f" of {images:,} images" if images else "")
    if (best := run.best_validation) is None or split != "validation":
        return text
    epochs = int(str(run.fields.get("epochs", best.epoch)))
    if best.epoch == epochs:
        return f"{text}; no epoch was better"
    return f"{text}; epoch {best.epoch} of {epochs} was best, {best.accuracy:.1f} %"


def _temperature(run: StoredRun) -> str:
    """The network's temperature and what it changes; empty where the summary does not tell."""
    if run.temperatures is None:
        return ""
    if "network" not in run.temperatures:
        return "none, as there are no validation images: probabilities are the network's own"
    text = f"{run.temperatures['network']:.2f}"
    before, after = run.scores.get("validation"), run.scaled_scores("validation").get("network")
    if before is None or after is None:
        return text
    return f"{text}; validation NLL {before.nll:.3f}, scaled {after['nll']:.3f}"


def _weakest_classes(run: StoredRun, split: str) -> str:
    """The classes with the lowest recall, of those below the accuracy of all; empty if none is."""
    classes = run.class_scores(split)
    if len(classes) != len(run.classes):
        return ""
    mean = run.scores[split].accuracy
    below = sorted(
        (of.recall, shown_name(name), of.images)
        for name, of in zip(run.classes, classes, strict=True)
        if of.recall is not None and of.recall < mean
    )
    if not below:
        return ""
    lowest, first = below[0][0], below[:MAX_CLASSES]
    if (alike := sum(recall == lowest for recall, *_ in below)) > MAX_CLASSES:
        names = ", ".join(name for _, name, _ in first)
        return f"{alike} classes at {lowest:.0f} % {split} recall, such as {names}"
    named = ", ".join(f"{name} ({recall:.0f} % of {images:,})" for recall, name, images in first)
    return f"{named}, {split} recall"
