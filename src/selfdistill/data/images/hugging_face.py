"""Anybody's pictures: a data set of the Hugging Face hub, or one in its formats on disk."""

from pathlib import Path
from typing import ClassVar

from ..image_set import DataSet, ImageSet, Splits
from .hub_rows import find_rows
from .prepare import Preparation


class HuggingFace(DataSet):
    """A Hugging Face data set: a column of images and one of classes.

    Needs the extra ``hf``. No code of a data set is run. The parts ``train``, ``val`` (or ``valid``
    or ``validation``) and ``test`` are divided as :class:`ImageFolder` divides folders of these
    names; ``train`` alone is divided at random, class by class. Classes are sorted by name. What
    becomes of each picture, :class:`ImageFolder` says.

    Args:
        name: ``owner/name`` on the hub, or a folder that holds ``.parquet`` files or what
            ``save_to_disk`` wrote.
        image_column: The column of images; None for the only one.
        label_column: The column of classes; None for the only one.
        image_size: Height and width of what the network sees, in pixels; at least 8.
        cache_dir: Where decoded pictures are kept; None for ``SELFDISTILL_CACHE`` or, without it,
            the user's cache folder.
        split_seed: Decides which picture belongs to which split, where the data set does not.
        validation_share: Share of each class set aside for validation, where there is no such
            part; 0 for none.
        test_share: Share of each class set aside as the test split, where there is no such part.

    Raises:
        ValueError: If the size or a share is out of range.

    Example:
        >>> HuggingFace(name="owner/flowers", image_size=224).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("cache_dir",)

    def __init__(
        self,
        *,
        name: str,
        image_column: str | None = None,
        label_column: str | None = None,
        image_size: int = 224,
        cache_dir: str | Path | None = None,
        split_seed: int = 0,
        validation_share: float = 0.15,
        test_share: float = 0.15,
    ) -> None:
        self.name = name
        self.image_column = image_column
        self.label_column = label_column
        self.preparation = Preparation(
            image_size, cache_dir, split_seed, validation_share, test_share
        )

    def splits(self) -> Splits:
        """Load, divide, decode.

        Raises:
            ValueError: If the data set or the library is missing, its columns are not clear, more
                than one picture in twenty cannot be read, or a class has too few left.
        """
        return self.preparation.splits(find_rows(self.name, self.image_column, self.label_column))

    def parts(self) -> dict[str, ImageSet]:
        """All pictures, to be looked at: divided only where they are, no class needs any.

        Raises:
            ValueError: If there are none, or more than one in twenty cannot be read.
        """
        return self.preparation.parts(
            find_rows(self.name, self.image_column, self.label_column, for_training=False)
        )
