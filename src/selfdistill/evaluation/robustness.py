"""Accuracy of a trained network on corrupted images."""

from collections.abc import Generator

from ..data import ImageSet, as_evaluated
from ..methods import Method
from .corruptions import CORRUPTIONS, corrupt
from .metrics import score
from .predict import predict
from .severities import SEVERITIES


def robustness(
    method: Method,
    images: ImageSet,
    *,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    input_size: int | None = None,
    seed: int = 0,
) -> Generator[tuple[str, dict[int, float]]]:
    """Corrupt what the network sees of the images, and score the deployed network on it.

    Args:
        method: The trained method.
        images: The clean images.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
        input_size: Height and width of the centre that is classified; None for the whole image.
        seed: Decides what the corruptions draw at random.

    Yields:
        A corruption and the accuracy in percent at each severity, as soon as it is known.
    """
    pixels = images.images.cpu()
    if input_size is not None:
        pixels = as_evaluated(pixels, input_size)
    for name in CORRUPTIONS:
        found: dict[int, float] = {}
        for severity in SEVERITIES:
            changed = corrupt(pixels, name, severity, seed=seed)
            seen = ImageSet(changed, images.labels.cpu(), images.classes)
            predictions = predict(method, seen, mean=mean, std=std)
            found[severity] = score(predictions.exits["network"], predictions.labels).accuracy
        yield name, found
