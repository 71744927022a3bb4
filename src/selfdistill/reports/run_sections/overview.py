"""The run at a glance: how good it is, where it is weak, how it was trained."""

import os
from collections.abc import Iterator

from ..ending import duration
from ..examined import ExaminedRun, share_interval
from ..sections import Section, TextTable
from ..sections.cost import count

MAX_NAMES = 3
MANY = 20
"""Classes from which on the five most probable ones say something."""


def headline(examined: ExaminedRun) -> str:
    """One or two sentences: the accuracy with its uncertainty, and the weakest class."""
    accuracy = examined.scores["network"]["accuracy"]
    images = len(examined.labels)
    hits = images - len(examined.mistakes)
    text = (
        f"{accuracy:.1f} % of {images:,} {examined.split} images are classified correctly "
        f"(95 % interval {_interval(hits, images)})."
    )
    if not examined.by_class or hits == images:
        return text
    weakest, scores = next(iter(examined.by_class.items()))
    name = examined.names[weakest]
    sentence = f"The weakest class is {name}: F1 {scores.f1:.0f} %, "
    taken = examined.counts[weakest].copy()
    taken[weakest] = 0
    if not taken.any():
        return (
            f"{text} {sentence}all of its {scores.images:,} images are found, but only "
            f"{scores.precision:.0f} % of what is said to be {name} is."
        )
    other = examined.names[int(taken.argmax())]
    return (
        f"{text} {sentence}{scores.recall:.0f} % of its {scores.images:,} images are found, "
        f"{int(taken.max())} are taken for {other}."
    )


def section(examined: ExaminedRun) -> Section:
    """The headline's figures and what else decides whether the network is of use, as a table."""
    caption = (
        "Scores of the last epoch's weights. The interval tells how far the accuracy could be off "
        "by the choice of these images; it says nothing about images from elsewhere."
    )
    table = TextTable(caption, ("", ""), tuple(_facts(examined)), words=frozenset({0, 1}))
    return Section("overview", "At a glance", tables=(table,))


def _facts(examined: ExaminedRun) -> Iterator[tuple[str, str]]:
    run, split = examined.run, examined.split
    scores, images = examined.scores["network"], len(examined.labels)
    hits = images - len(examined.mistakes)
    interval = _interval(hits, images)
    accuracy = f"{scores['accuracy']:.1f} % of {images:,} images (95 % interval {interval})"
    yield f"accuracy, {split}", accuracy
    yield (
        "by class",
        f"macro accuracy {scores['macro_accuracy']:.1f} %, macro F1 {scores['macro_f1']:.1f} %",
    )
    if split == "validation" and run.best_validation is not None:
        best = run.best_validation
        yield "best epoch", f"{best.epoch}, {best.accuracy:.1f} % (model-best-validation/)"
    for other in run.scores.keys() - {split}:
        yield f"accuracy, {other}", f"{run.scores[other].accuracy:.1f} %"
    if len(examined.class_names) > MANY:
        yield "label among the five most probable", f"{scores['top5']:.1f} %"
    weak = [
        f"{examined.names[k]} (F1 {of.f1:.0f} % of {of.images:,} images)"
        for k, of in list(examined.by_class.items())[:MAX_NAMES]
        if of.f1 is not None and of.f1 < 100
    ]
    if weak:
        yield "weakest classes", ", ".join(weak)
    yield "doubtful labels", _doubtful(examined)
    sure = 100 * float(examined.predictions.confidence.mean())
    gap = sure - scores["accuracy"]
    words = "about right" if abs(gap) < 2 else "over-confident" if gap > 0 else "under-confident"
    yield "confidence", f"{sure:.1f} % on average, {words} (ECE {scores['ece']:.1f} %)"
    yield (
        "training",
        f"{run.method}, {run.fields.get('epochs')} epochs, {duration(run.cost.seconds)}",
    )
    network = run.fields.get("backbone.name", run.fields.get("backbone", "a network of your own"))
    yield "network", f"{network}, {count(run.cost.parameters)} parameters"
    yield "model", os.path.join(run.path, "model")  # noqa: PTH118  (a text, as users type it)


def _doubtful(examined: ExaminedRun) -> str:
    if examined.doubtful is None:
        return "the network is wrong too often to tell"
    if not examined.doubtful:
        return "none stands out"
    return f"{len(examined.doubtful):,} of {len(examined.labels):,}: look at them below"


def _interval(hits: int, images: int) -> str:
    low, high = share_interval(hits, images)
    return f"{low:.1f} to {high:.1f}"
