"""Every listed method as the checks make it: from a backbone alone."""

import torch

from ..backbones import Backbone
from ..methods import KD, METHODS
from .tiny import TinyBackbone
from .trial import Build


def taught(backbone: Backbone) -> KD:
    """Knowledge distillation from an untrained teacher, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return KD(backbone, teacher=TinyBackbone(num_classes=backbone.num_classes))


BUILDS: dict[str, Build] = {
    method.__name__: taught if method is KD else method for method in METHODS
}
"""What makes each method, by the method's name."""
