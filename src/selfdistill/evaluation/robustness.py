"""Accuracy of a trained network on corrupted images."""

from collections.abc import Generator

from ..data import ImageSet, Preprocessing
from ..methods import Method
from .corruptions import CORRUPTIONS, corrupt
from .metrics import score
from .predict import predict
from .severities import SEVERITIES


def robustness(
    method: Method,
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    seed: int = 0,
) -> Generator[tuple[str, dict[int, float]]]:
    """Corrupt what the network sees of the images, and score the deployed network on it.

    Args:
        method: The trained method.
        images: The clean images.
        preprocessing: How images become what the network sees.
        seed: Decides what the corruptions draw at random.

    Yields:
        A corruption and the accuracy in percent at each severity, as soon as it is known.
    """
    pixels = preprocessing.center(images.images.cpu())
    for name in CORRUPTIONS:
        found: dict[int, float] = {}
        for severity in SEVERITIES:
            changed = corrupt(pixels, name, severity, seed=seed)
            seen = ImageSet(changed, images.labels.cpu(), images.classes)
            predictions = predict(method, seen, preprocessing)
            found[severity] = score(predictions.exits["network"], predictions.labels).accuracy
        yield name, found
