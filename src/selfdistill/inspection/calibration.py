"""Temperatures of a run's exits, and how good their probabilities are with them."""

from collections.abc import Mapping

from ..evaluation import Predictions, cross_scaled, fit_temperature, score

ScaledScores = dict[str, dict[str, float]]


def exit_temperatures(predictions: Predictions) -> dict[str, float]:
    """The temperature of each exit by its predictions for validation images.

    Exits whose logits are not finite have none.
    """
    return {
        name: fit_temperature(logits, predictions.labels)
        for name, logits in predictions.exits.items()
        if bool(logits.isfinite().all())
    }


def scaled_scores(
    predictions: Predictions, temperatures: Mapping[str, float], *, fitted_on_these: bool
) -> ScaledScores:
    """NLL and ECE of each exit that has a temperature.

    Args:
        predictions: Plain logits.
        temperatures: What each exit's logits are divided by.
        fitted_on_these: Whether the temperatures were fitted on these images. Then each half is
            divided by what is fitted on the other half, as its own would flatter it.
    """
    scaled: ScaledScores = {}
    for name, temperature in temperatures.items():
        logits, labels = predictions.exits[name], predictions.labels
        of = score(
            cross_scaled(logits, labels) if fitted_on_these else logits.double() / temperature,
            labels,
        )
        scaled[name] = {"nll": round(of.nll, 6), "ece": round(of.ece, 6)}
    return scaled
