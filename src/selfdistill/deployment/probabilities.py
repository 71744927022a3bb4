"""What a model folder knows of its network's probabilities: a temperature, and when to abstain."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor

from ..backbones import CONFIG
from ..evaluation import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    RiskTable,
    fit_temperature,
    images_needed,
    label_ranks,
    risk_table,
)
from ..runs import Stored, read_checked_json

MAX_IMAGES = 1 << 40
TEMPERATURE, ABSTENTION = "temperature", "abstention"
"""Fields of ``config.json``; timm ignores them."""


@dataclass(frozen=True)
class Probabilities:
    """How logits become probabilities, and which of them are too low for an answer.

    Args:
        temperature: What logits are divided by before the softmax; 1 where none was fitted.
        risks: Right and wrong answers among validation images, by :func:`confidence`; None where
            there were none.
    """

    temperature: float = 1.0
    risks: RiskTable | None = None

    def fields(self) -> dict[str, object]:
        """What ``config.json`` says of it; nothing, where nothing was fitted."""
        if self.risks is None:
            return {}
        return {TEMPERATURE: self.temperature, ABSTENTION: vars(self.risks)}

    def threshold(self, rate: float) -> float:
        """The confidence above which at most a rate of the answers is wrong.

        Args:
            rate: Promised share of wrong answers among those given, between 0 and 1.

        Raises:
            ValueError: If the rate is none, or cannot be promised.
        """
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"unsure is {rate!r}: give a share of wrong answers, such as 0.05")
        promise = f"at most {_percent(rate)} wrong answers cannot be promised"
        if self.risks is None:
            raise ValueError(
                f"{promise}: the model knows nothing of validation images; train it with some"
            )
        threshold = self.risks.threshold(rate)
        if threshold is not None:
            return threshold
        needed = images_needed(rate, choices=self.risks.choices)
        reason = (
            f"it takes {needed:,} validation images, and more where any of them is taken for "
            f"another class; the model had {self.risks.images:,}"
            if self.risks.images < needed
            else f"of its {self.risks.images:,} validation images too many of the surest are wrong"
        )
        lowest = self.risks.lowest_rate()
        least = f"; the least that can be promised is {_percent(lowest)}" if lowest else ""
        raise ValueError(f"{promise}: {reason}{least}")


UNSCALED = Probabilities()


def confidence(logits: Float[Tensor, "batch classes"]) -> Float[Tensor, " batch"]:
    """Probability of the most probable class, in double precision.

    At temperature 1: a score that was fitted on the images that thresholds are chosen by would
    promise too much.
    """
    return logits.detach().cpu().double().softmax(1).amax(1)


def fit_probabilities(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"], *, choices: int = 1
) -> Probabilities:
    """Fit a temperature to validation images, and count right and wrong answers among them.

    Args:
        logits: The network's. Where they are not finite, nothing is fitted.
        labels: The true class of each image.
        choices: Networks among which these images chose this one.
    """
    if not bool(logits.isfinite().all()):
        return UNSCALED
    correct = label_ranks(logits.cpu(), labels.cpu()) == 0
    risks = risk_table(confidence(logits).numpy(), correct.numpy(), choices=choices)
    return Probabilities(fit_temperature(logits, labels), risks)


def read_probabilities(folder: Path) -> Probabilities:
    """Read them from a model folder; of older ones, that there are none.

    Raises:
        ValueError: If the file is missing or damaged; the message names it, and the field.
    """
    return parse_probabilities(read_checked_json(folder / CONFIG))


def parse_probabilities(content: Stored) -> Probabilities:
    """What the fields of a ``config.json`` say of them, wherever they were read.

    Raises:
        ValueError: As :func:`read_probabilities` does.
    """
    if TEMPERATURE not in content:
        return UNSCALED
    temperature = content.number(TEMPERATURE, MIN_TEMPERATURE, MAX_TEMPERATURE)
    risks = _risks(content.section(ABSTENTION)) if ABSTENTION in content else None
    return Probabilities(temperature, risks)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _risks(stored: Stored) -> RiskTable:
    thresholds = stored.numbers("thresholds")
    answered, wrong = (_counts(stored, name, len(thresholds)) for name in ("answered", "wrong"))
    images = stored.integer("images", 1, MAX_IMAGES)
    if list(thresholds) != sorted(thresholds, reverse=True):
        stored.refuse("thresholds", "descending numbers")
    if any(not w <= a <= images for a, w in zip(answered, wrong, strict=True)):
        stored.refuse("wrong", f"no more than the answered, of {images} images")
    return RiskTable(thresholds, answered, wrong, images, stored.integer("choices", 1))


def _counts(stored: Stored, name: str, count: int) -> tuple[int, ...]:
    values = stored.list(name)
    whole = tuple(value for value in values if type(value) is int and value >= 0)
    if len(whole) != len(values) or len(whole) != count:
        stored.refuse(name, f"{count} whole numbers")
    return whole
