"""Which second image a method sees beside each image of a batch."""

import enum


class Partner(enum.Enum):
    """The second view that a method asks for; views stand on the batch's first axis."""

    NONE = "none"
    """One view: ``images`` is ``(batch, channels, height, width)``."""
    SAME_IMAGE = "same image"
    """Another, independent augmentation of the same image."""
    SAME_CLASS = "same class"
    """Another training image of the same class, augmented on its own."""
    BATCH_BEFORE = "batch before"
    """The image in the same place of the batch before, augmented anew: which one that is depends on
    the size of a batch, as no other partner does."""
