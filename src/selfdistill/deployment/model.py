"""A trained network that classifies pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from ..backbones import Backbone, load_network, logits_of, model_folder, read_description
from ..data import rgb_image
from ..data.images import read_image
from ..preprocessing import Preprocessing
from .early import EarlyExits
from .hub import fetch, is_on_hub
from .probabilities import UNSCALED, Probabilities, confidence, read_probabilities

Picture = str | PathLike[str] | Image.Image | Tensor | np.ndarray


class ClassProbability(NamedTuple):
    """A class and how probable the network thinks it."""

    name: str
    probability: float


@dataclass(frozen=True, repr=False)
class Model:
    """What a run or a model folder holds, ready to classify pictures.

    Args:
        network: The plain network, in evaluation mode.
        classes: Names of the classes.
        transform: How pictures become its input.
        probabilities: How its logits become probabilities, and when it abstains.
        early: The network as stages that stop early; None where only the network is there.
    """

    network: nn.Module
    classes: tuple[str, ...]
    transform: Preprocessing
    probabilities: Probabilities = UNSCALED
    early: EarlyExits | None = None

    def __repr__(self) -> str:
        some = ", ".join(self.classes[:3]) + (", …" if len(self.classes) > 3 else "")
        height, width = self.transform.size
        return (
            f"<Model: {type(self.network).__name__} for {len(self.classes)} classes ({some}), "
            f"pictures of {height} × {width} pixels>"
        )

    def predict(
        self,
        pictures: Picture | Iterable[Picture],
        *,
        top_k: int = 5,
        unsure: float | None = None,
        early: bool = False,
    ) -> list[ClassProbability] | list[list[ClassProbability]]:
        """The most probable classes of a picture, or of each of several.

        Logits are divided by the temperature that was fitted on validation images, 1 if none was.

        Args:
            pictures: A path, an open picture, an array of bytes (height, width, 3), a tensor
                (3, height, width) of bytes or of numbers in [0, 1], or several of these.
            top_k: How many classes to name.
            unsure: Name none for pictures of which the network is so unsure that more than this
                share of its answers would be wrong; ``docs/probabilities.md`` says what is
                promised. None to name some for every picture.
            early: Answer each picture at the first exit that is sure of it, by the rule that
                ``selfdistill exits`` fitted for the run; ``docs/early_exits.md`` says what is
                promised.

        Raises:
            ValueError: If a file is not an image that can be read, a picture is something else, or
                the share cannot be promised, or the network cannot stop early.
        """
        if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"top_k is {top_k!r}: give how many classes to name, from 1 on")
        if early and unsure is not None:
            raise ValueError(
                "early and unsure exclude each other: what unsure promises is fitted to the whole "
                "network's answers; leave one out"
            )
        threshold = None if unsure is None else self.probabilities.threshold(unsure)
        answer = partial(self._answer, top_k=top_k, threshold=threshold)
        if early:
            answer = partial(self._answer_early, self.early_exits(), top_k=top_k)
        if isinstance(pictures, str | PathLike | Image.Image):
            return answer([pictures])[0]
        if isinstance(pictures, Tensor | np.ndarray) and pictures.ndim < 4:
            return answer([pictures])[0]
        if not hasattr(pictures, "__iter__") or isinstance(pictures, bytes | Mapping):
            raise ValueError(
                f"pictures is a {type(pictures).__name__}: give a path, a picture, or several"
            )
        several = list(pictures)
        return answer(several) if several else []

    def early_exits(self) -> EarlyExits:
        """The network as stages that stop early.

        Raises:
            ValueError: If only the network is there.
        """
        if self.early is None:
            raise ValueError(
                "the network alone cannot stop early: load it from its run directory, which holds "
                "its exits"
            )
        return self.early

    def _images(self, pictures: Sequence[Picture]) -> Float[Tensor, "batch 3 height width"]:
        return torch.stack([self.transform(_open(picture)) for picture in pictures])

    def _answer_early(
        self, early: EarlyExits, pictures: Sequence[Picture], top_k: int
    ) -> list[list[ClassProbability]]:
        logits = early.answer(self._images(pictures)).logits
        return self.top_classes(logits, top_k, temperature=1.0)  # its exit's divided them

    def _answer(
        self, pictures: Sequence[Picture], top_k: int, threshold: float | None
    ) -> list[list[ClassProbability]]:
        images = self._images(pictures)
        with torch.no_grad():
            logits = self.logits(images)
        best = self.top_classes(logits, top_k)
        if threshold is None:
            return best
        sure = self.sure(logits, threshold)
        return [row if answers else [] for row, answers in zip(best, sure, strict=True)]

    def logits(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Classify standardised images; these are plain logits, divided by no temperature."""
        return logits_of(self.network(images.contiguous()))

    def sure(self, logits: Float[Tensor, "batch classes"], threshold: float) -> list[bool]:
        """Whether the network is surer of each row than a threshold of ``probabilities``."""
        return (confidence(logits) > threshold).tolist()

    def top_classes(
        self,
        logits: Float[Tensor, "batch classes"],
        top_k: int,
        *,
        temperature: float | None = None,
    ) -> list[list[ClassProbability]]:
        """The most probable classes of each row of logits, best first; equal ones in order.

        Args:
            logits: Plain ones, divided by no temperature.
            top_k: How many classes.
            temperature: What they are divided by; None for the network's own.
        """
        if logits.shape[1] != len(self.classes):
            raise ValueError(
                f"the network tells {logits.shape[1]} classes apart and has {len(self.classes)} "
                "names for them: use the folder as training wrote it"
            )
        positions = logits.argsort(dim=1, descending=True, stable=True)[:, :top_k]
        temperature = self.probabilities.temperature if temperature is None else temperature
        best = (logits.float() / temperature).softmax(1).gather(1, positions)
        return [
            [ClassProbability(self.classes[k], p) for k, p in zip(row, values, strict=True)]
            for row, values in zip(positions.tolist(), best.tolist(), strict=True)
        ]


def load(path: str | PathLike[str], *, network: nn.Module | None = None) -> Model:
    """Load a trained network from a run directory, a model folder, or the Hugging Face hub.

    Args:
        path: The folder; or ``hf:owner/name``, or ``hf:owner/name@revision``, which is downloaded.
        network: A module that takes the weights, for a network of one's own, which has no name.

    Raises:
        ValueError: If there is no trained network, it is not this one, or it cannot be had.
    """
    if not isinstance(path, str | PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"path is a {type(path).__name__}: give a run directory or a model folder")
    path = fetch(str(path)) if is_on_hub(path) else Path(path)
    network = network.network if isinstance(network, Backbone) else network
    if not isinstance(network, nn.Module | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"network is a {type(network).__name__}: make the module and pass it")
    folder = model_folder(path)
    saved = read_description(folder)
    loaded = load_network(path, network)
    return Model(loaded, saved.classes, saved.preprocessing, read_probabilities(folder))


def _open(picture: Picture) -> Image.Image:
    if not isinstance(picture, str | PathLike):
        return rgb_image(picture, "the picture")
    if Path(picture).is_dir():
        raise ValueError(
            f"{picture} is a folder: give its pictures, as a list of paths; selfdistill predict "
            "takes folders"
        )
    return read_image(Path(picture))
