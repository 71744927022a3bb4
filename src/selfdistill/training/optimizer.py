"""The optimizer of a method's parameters."""

from torch.optim import Optimizer

from ..backbones.head import classifier_parameters
from ..methods import Method
from .recipe import Recipe


def build_optimizer(method: Method, recipe: Recipe) -> Optimizer:
    """Make the optimizer: one group of parameters, or two where the network learns more slowly.

    The second group then holds the network but for its classifier, which starts anew like all that
    is bolted on.
    """
    trained = [p for p in method.parameters() if p.requires_grad]
    if recipe.backbone_lr_scale == 1:
        return recipe.optimizer(trained)
    new = {id(p) for p in classifier_parameters(method.backbone)}
    slow = {id(p) for p in method.backbone.parameters()} - new
    groups = [
        {"params": [p for p in trained if id(p) not in slow]},
        {"params": [p for p in trained if id(p) in slow]},
    ]
    optimizer = recipe.optimizer(groups)  # pyright: ignore[reportArgumentType]
    optimizer.param_groups[1]["lr"] *= recipe.backbone_lr_scale
    return optimizer
