"""The user's own images: listed, checked, decoded into a cache, divided."""

from .check import check_images
from .decode import ENDINGS, read_image
from .hugging_face import HUB, HuggingFace
from .image_folder import ImageFolder
from .label_table import TABLES, LabelTable
from .prepare import OwnImages

__all__ = [
    "ENDINGS",
    "HUB",
    "TABLES",
    "HuggingFace",
    "ImageFolder",
    "LabelTable",
    "OwnImages",
    "check_images",
    "read_image",
]
