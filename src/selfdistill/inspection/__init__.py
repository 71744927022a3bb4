"""Finished runs looked at: loaded, scored, corrupted, and what their stages attend to."""

from .calibration import exit_temperatures, scaled_scores
from .chosen_images import ChosenImages, choose_images
from .early_exits import early_exits, exits
from .evaluate import (
    Evaluation,
    ExitScores,
    class_scores,
    evaluate,
    evaluate_corruptions,
    exit_scores,
    write_predictions,
)
from .examine import examine
from .finished_run import FinishedRun, own_network
from .opinion import opinion
from .stage_maps import inspect_images
from .top_attended import write_top_attended

__all__ = [
    "ChosenImages",
    "Evaluation",
    "ExitScores",
    "FinishedRun",
    "choose_images",
    "class_scores",
    "early_exits",
    "evaluate",
    "evaluate_corruptions",
    "examine",
    "exit_scores",
    "exit_temperatures",
    "exits",
    "inspect_images",
    "opinion",
    "own_network",
    "scaled_scores",
    "write_predictions",
    "write_top_attended",
]
