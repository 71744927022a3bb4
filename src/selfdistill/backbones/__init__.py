"""Networks that show the feature maps of their stages."""

from .base import Architecture, Backbone, Stages
from .create import backbone_names, create_backbone
from .saved import load_backbone
from .tapped import Tapped

__all__ = [
    "Architecture",
    "Backbone",
    "Stages",
    "Tapped",
    "backbone_names",
    "create_backbone",
    "load_backbone",
]
