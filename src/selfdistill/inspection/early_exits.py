"""Where a finished run's network may stop early: fitted on validation images, and measured."""

import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ..backbones import logits_of
from ..config import Execution
from ..data import ImageSet
from ..deployment import (
    EarlyExits,
    ExitGraph,
    ExitPromise,
    ExitRule,
    StagewiseNetwork,
    confidence,
    read_exit_rule,
    write_exit_rule,
)
from ..evaluation import (
    NEVER,
    EarlyScore,
    ExitAnswers,
    Predictions,
    early_score,
    exits_taken,
    fit_risk,
    images_needed,
    label_ranks,
    trade_off,
)
from ..reports import EarlyReport, ExitRow, Whole
from ..runs import RunDirectory
from .chosen_images import choose_images
from .evaluate import record
from .finished_run import NO_CHANGES, FinishedRun

BATCHES = (1, 32)
"""Sizes of batches that are timed."""
TIMED_IMAGES = 64
ROUNDS = 3


def exits(
    path: Path,
    promise: ExitPromise | None,
    *,
    split: str = "validation",
    changes: Mapping[str, object] = NO_CHANGES,
    execution: Execution | None = None,
) -> EarlyReport:
    """Fit where a run's network may stop, keep the rule in its model folder, and look at it.

    Args:
        path: The run directory.
        promise: What the thresholds are fitted to, on validation images; None to look at the rule
            that is there.
        split: ``validation`` or ``test``: the images it is looked at on. The first look at a run's
            test images is written into its summary.
        changes: Values by option that are not the run's: where the data lie now.
        execution: Where it is computed.

    Raises:
        ValueError: If the run is not finished, its method has no early exits, there are no
            validation images, or what is asked cannot be promised.
    """
    run = RunDirectory(path)
    finished = FinishedRun(run, changes, execution)
    if finished.names_data:
        raise ValueError(f"--data: thresholds are fitted on the images of {path}: leave it out")
    rule = read_exit_rule(run.model) if promise is None else None
    names = sorted({split, "validation"} if promise else {split})
    parts = {name: _images(finished, name) for name in names}
    graph = ExitGraph(finished.method)
    predictions: dict[str, Predictions] = {}
    for name, images in parts.items():
        predictions[name] = finished.predict(images)
        record(finished, name, images, predictions[name])
    if rule is None:
        assert promise is not None
        rule = _fit(finished, graph, promise, predictions["validation"])
        write_exit_rule(run.model, rule)
    return _look(finished, graph, rule, split, predictions[split])


def early_exits(run: RunDirectory, execution: Execution | None = None) -> EarlyExits:
    """A finished run's network, to be run stage by stage by the rule of its model folder.

    Args:
        run: The run directory.
        execution: Where it is computed.
    """

    def divide(names: tuple[str, ...]) -> StagewiseNetwork:
        return ExitGraph(FinishedRun(run, execution=execution).method).divide(names)

    return EarlyExits(lambda: read_exit_rule(run.model), divide)


def _images(finished: FinishedRun, split: str) -> ImageSet:
    try:
        return choose_images(finished, split).parts[split]
    except ValueError as error:
        if split == "validation" and finished.splits.validation is None:
            raise ValueError(
                f"{finished.run.path} was trained without validation images, which thresholds are "
                "fitted on: train it with some"
            ) from error
        raise


def _answers(predictions: Predictions, names: Sequence[str]) -> ExitAnswers:
    logits = [predictions.exits[name] for name in (*names, "network")]
    for name, of in zip((*names, "network"), logits, strict=True):
        if not bool(of.isfinite().all()):
            raise ValueError(f"the logits of {name} are not finite: train the network again")
    correct = [(label_ranks(of, predictions.labels) == 0).numpy() for of in logits]
    scores = [confidence(of).numpy() for of in logits[:-1]]
    return ExitAnswers(np.stack(scores), np.stack(correct))


def _fit(
    finished: FinishedRun, graph: ExitGraph, promise: ExitPromise, predictions: Predictions
) -> ExitRule:
    names = [cost.name for cost in graph.early]
    answers = _answers(predictions, names)
    if promise.kind == "risk":
        thresholds = fit_risk(answers, promise.value)
        if set(thresholds) == {NEVER}:
            raise ValueError(_no_risk(promise, answers))
        kept, bounds = names, thresholds
    else:
        kept, bounds = _best(graph, names, answers, promise)
    chosen = {
        name: bound for name, bound in zip(kept, bounds, strict=True) if bound < NEVER
    }  # an exit that nothing leaves at is not asked
    if not chosen:
        raise ValueError(f"{promise}: no exit saves anything then; promise less")
    return ExitRule(
        exits=tuple(chosen),
        thresholds=tuple(chosen.values()),
        temperatures=tuple(finished.temperatures.get(name, 1.0) for name in (*chosen, "network")),
        promise=promise,
        images=len(predictions.labels),
    )


def _no_risk(promise: ExitPromise, answers: ExitAnswers) -> str:
    images = answers.confidence.shape[1]
    needed = images_needed(promise.value, choices=len(answers.confidence))
    reason = (
        f"it takes {needed:,} validation images, and there are {images:,}"
        if images < needed
        else f"of the {images:,} validation images too many of the surest are wrong at every exit"
    )
    return f"{promise}: this cannot be promised: {reason}"


def _best(
    graph: ExitGraph, names: Sequence[str], answers: ExitAnswers, promise: ExitPromise
) -> tuple[Sequence[str], tuple[float, ...]]:
    """The exits to ask and their thresholds: the cheapest that lose little, or the best in budget.

    Every exit that is asked costs its branch, so fewer of them can be cheaper.
    """
    found: list[tuple[Sequence[int], EarlyScore, float]] = []
    places = range(len(names))
    for count in range(1, len(names) + 1):
        for chosen in itertools.combinations(places, count):
            macs = graph.macs([names[place] for place in chosen])
            path = trade_off(answers.select(chosen), macs)
            found += [(chosen, score, score.mean_macs(macs)) for score in path]
    whole, images = graph.network.macs, answers.correct.shape[1]
    if promise.kind == "max_drop":
        most = (~answers.correct[-1]).sum() + promise.value / 100 * images + 1e-9
        fitting = [one for one in found if sum(one[1].wrong) <= most and one[2] < whole]
        if not fitting:
            raise ValueError(f"{promise}: no exit saves anything then; allow more points")
        chosen, score, _ = min(fitting, key=lambda one: (one[2], sum(one[1].wrong)))
    else:
        fitting = [one for one in found if one[2] <= promise.value * whole]
        if not fitting:
            least = min(cost for _, _, cost in found) / whole
            raise ValueError(f"{promise}: the first exit alone takes {100 * least:.3g} %")
        chosen, score, _ = min(fitting, key=lambda one: (sum(one[1].wrong), one[2]))
    return [names[place] for place in chosen], score.thresholds


def _look(
    finished: FinishedRun,
    graph: ExitGraph,
    rule: ExitRule,
    split: str,
    predictions: Predictions,
) -> EarlyReport:
    answers, macs = _answers(predictions, rule.exits), graph.macs(rule.exits)
    score = early_score(answers, rule.thresholds)
    taken = exits_taken(answers.confidence, rule.thresholds)
    seconds = _seconds(finished, graph.divide(rule.exits), rule, _sample(finished, split, taken))
    columns = zip(
        (*rule.exits, "network"),
        (*rule.thresholds, None),
        *(score.reached, score.answered, score.wrong),
        macs,
        strict=True,
    )
    whole = 100 * float(answers.correct[-1].mean())
    return EarlyReport(
        promise=str(rule.promise),
        fitted_on=rule.images,
        split=split,
        exits=tuple(itertools.starmap(ExitRow, columns)),
        network=Whole(whole, graph.network.macs, seconds[0]),
        early=Whole(score.accuracy, score.mean_macs(macs), seconds[1]),
        path=tuple((one.mean_macs(macs), one.accuracy) for one in trade_off(answers, macs)),
    )


def _sample(
    finished: FinishedRun, split: str, taken: NDArray[np.int64]
) -> Float[Tensor, "images channels height width"]:
    """Some images to time, of which the same share leaves at each exit as of all; mixed."""
    order = np.argsort(taken, kind="stable")
    count = min(TIMED_IMAGES, len(order))
    chosen = order[(np.arange(count) + 0.5).astype(int) * len(order) // count]
    chosen = np.random.default_rng(0).permutation(chosen)
    pixels = _images(finished, split).images[torch.from_numpy(chosen)].to(finished.device)
    preprocessing = finished.preprocessing
    return preprocessing.standardise(preprocessing.center(pixels))


def _seconds(
    finished: FinishedRun,
    stages: StagewiseNetwork,
    rule: ExitRule,
    images: Float[Tensor, "images channels height width"],
) -> tuple[dict[int, float], dict[int, float]]:
    """Seconds of an image, by batch size, of the network and with early exits; they take turns."""
    network = finished.method.backbone.network

    def whole(batch: Tensor) -> Tensor:
        return logits_of(network(batch)).cpu()  # waits for the device

    def early(batch: Tensor) -> Tensor:
        bounds = {"thresholds": rule.thresholds, "temperatures": rule.temperatures}
        return stages.answer(batch, **bounds).logits.cpu()

    runs: tuple[Callable[[Tensor], Tensor], ...] = (whole, early)
    found: tuple[dict[int, float], ...] = ({}, {})
    with torch.no_grad():
        for size in BATCHES:
            batches = images.split(size)
            measured: list[list[float]] = [[], []]
            for number in range(ROUNDS + 1):
                for run, times in zip(runs, measured, strict=True):
                    began = time.perf_counter()
                    for batch in batches if number else batches[:1]:  # first to warm up
                        run(batch)
                    times.append((time.perf_counter() - began) / len(images))
            for into, times in zip(found, measured, strict=True):
                into[size] = statistics.median(times[1:])
    return found[0], found[1]
