"""Anybody's pictures: a folder of class folders."""

from pathlib import Path
from typing import ClassVar

from ..image_set import DataSet, ImageSet, Splits
from .folder_layout import find_pictures
from .prepare import Preparation


class ImageFolder(DataSet):
    """A folder of class folders, or ``train``, ``val`` and ``test`` folders of these.

    Class folders only are divided at random, class by class. Of ``train`` and one more folder, the
    second is the test split, and validation is carved from train. All three are taken as they are.
    Splits are named ``train`` or ``training``; ``val``, ``valid``, ``validation`` or ``dev``;
    ``test`` or ``testing``: in any case, and with ``_set`` behind. Links are followed, also to
    what lies outside of the folder; a link to what is read anyway is passed over.

    Each picture is decoded once: turned upright, its shorter side scaled to about ``image_size /
    0.875`` pixels (bilinearly, antialiased), its centre cut to a square, which the cache keeps.
    Random crops are therefore taken from that square: they never see the ends of a long picture,
    nor more detail than the square has. Pictures of up to 64 pixels are kept without that margin.
    Pictures that cannot be read are left out with a warning; files that are not named as pictures
    are passed over and counted.

    Args:
        root: The folder.
        image_size: Height and width of what the network sees, in pixels; at least 8.
        cache_dir: Where decoded pictures are kept; None for ``SELFDISTILL_CACHE`` or, without it,
            the user's cache folder.
        split_seed: Decides which picture belongs to which split, where the folder does not.
        validation_share: Share of each class set aside for validation, where there is no such
            folder; 0 for none.
        test_share: Share of each class set aside as the test split, where there is no such folder.

    Raises:
        ValueError: If the size or a share is out of range.

    Example:
        >>> ImageFolder(root="photos", image_size=224).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("root", "cache_dir")

    def __init__(
        self,
        *,
        root: str | Path,
        image_size: int = 224,
        cache_dir: str | Path | None = None,
        split_seed: int = 0,
        validation_share: float = 0.15,
        test_share: float = 0.15,
    ) -> None:
        self.root = Path(root)
        self.preparation = Preparation(
            image_size, cache_dir, split_seed, validation_share, test_share
        )

    def splits(self) -> Splits:
        """List, divide, decode.

        Raises:
            ValueError: If the folder cannot be divided, more than one file in twenty cannot be
                read, or a class has too few pictures left.
        """
        return self.preparation.splits(find_pictures(self.root))

    def parts(self) -> dict[str, ImageSet]:
        """All pictures, to be looked at: divided only where they are, no class needs any.

        Raises:
            ValueError: If there are none, or more than one in twenty cannot be read.
        """
        return self.preparation.parts(find_pictures(self.root, for_training=False))
