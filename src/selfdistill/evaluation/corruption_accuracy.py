"""Accuracy of a trained network on corrupted images."""

from collections.abc import Generator

from ..data import ImageSet, Preprocessing
from ..methods import Method
from .corruptions import CORRUPTIONS, corrupt
from .inference import predict
from .metrics import score
from .severities import SEVERITIES


def accuracy_by_corruption(
    method: Method, images: ImageSet, preprocessing: Preprocessing, *, seed: int = 0
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
        accuracies: dict[int, float] = {}
        for severity in SEVERITIES:
            corrupted = corrupt(pixels, name, severity, seed=seed)
            corrupted_set = ImageSet(corrupted, images.labels.cpu(), images.classes)
            predictions = predict(method, corrupted_set, preprocessing)
            logits = predictions.exits["network"]
            accuracies[severity] = score(logits, predictions.labels).accuracy
        yield name, accuracies
