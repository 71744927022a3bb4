"""Official sets of images of one size, with training and test images told apart by their makers."""

from pathlib import Path
from typing import ClassVar

from ..image_set import DataSet, ImageSet, Splits, channel_statistics, stratified

Channels = tuple[float, float, float]


class OfficialSet(DataSet):
    """What such sets are asked for.

    Args:
        root: The folder that holds the unpacked official folder.
        download: Whether to fetch files that are missing there.
        train_per_class: Training images of each class; None for all that validation leaves.
        validation_per_class: Images of each class set aside from training; 0 for none.
        split_seed: Decides which images those are.
        mean: Mean of each channel, pixels in [0, 1]; None to compute it from the training images.
        std: Standard deviation of each channel, in the same units; None to compute it.
    """

    places: ClassVar[tuple[str, ...]] = ("root", "download")

    def __init__(
        self,
        *,
        root: str | Path = "data",
        download: bool = False,
        train_per_class: int | None = None,
        validation_per_class: int = 0,
        split_seed: int = 0,
        mean: Channels | None = None,
        std: Channels | None = None,
    ) -> None:
        self.root = Path(root)
        self.download = download
        self.train_per_class = train_per_class
        self.validation_per_class = validation_per_class
        self.split_seed = split_seed
        self.mean = mean
        self.std = std

    def divided(self, train: ImageSet, test: ImageSet) -> Splits:
        """Divide as asked for."""
        return divided(
            train,
            test,
            validation_per_class=self.validation_per_class,
            train_per_class=self.train_per_class,
            seed=self.split_seed,
            mean=self.mean,
            std=self.std,
        )


def divided(
    train: ImageSet,
    test: ImageSet,
    *,
    validation_per_class: int,
    train_per_class: int | None,
    seed: int,
    mean: Channels | None = None,
    std: Channels | None = None,
) -> Splits:
    """Set validation images aside from training, then leave as many of each class to train on.

    Raises:
        ValueError: If a class has too few images.
    """
    validation = None
    if validation_per_class:
        chosen, rest = stratified(train.labels, validation_per_class, seed)
        validation, train = train.subset(chosen), train.subset(rest)
    if train_per_class is not None:
        chosen, _ = stratified(train.labels, train_per_class, seed)
        train = train.subset(chosen)
    means, deviations = channel_statistics(train.images)
    return Splits(train, validation, test, mean or means, std or deviations)


def missing(path: Path) -> str:
    """What to do about a file that is not there."""
    return (
        f"{path} is missing: point --data.root at the folder that holds {path.parent.name!r}, "
        "or fetch it with --data.download true"
    )
