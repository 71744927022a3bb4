"""Networks that show the feature maps of their stages."""

from .base import Architecture, Backbone, Stages, classifier_parameters
from .create import backbone_names, check_published, create_backbone, declared_size, is_known
from .description import CONFIG, Description, parse_description, read_description
from .pretrained import (
    published_mean,
    published_statistics,
    read_state_dict,
    within_reach,
)
from .probe import logits_of, probe_image
from .saved import WEIGHTS, fill, load_backbone, load_network, model_folder, read_weights
from .tapped import Tapped
from .timm import as_map

__all__ = [
    "CONFIG",
    "WEIGHTS",
    "Architecture",
    "Backbone",
    "Description",
    "Stages",
    "Tapped",
    "as_map",
    "backbone_names",
    "check_published",
    "classifier_parameters",
    "create_backbone",
    "declared_size",
    "fill",
    "is_known",
    "load_backbone",
    "load_network",
    "logits_of",
    "model_folder",
    "parse_description",
    "probe_image",
    "published_mean",
    "published_statistics",
    "read_description",
    "read_state_dict",
    "read_weights",
    "within_reach",
]
