"""The optimizer of a method's parameters, and the schedule of its learning rate."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LinearLR, LRScheduler, OneCycleLR, SequentialLR

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


def build_schedule(optimizer: Optimizer, recipe: Recipe) -> LRScheduler:
    """Make the schedule, after the rise of the warm-up epochs.

    Raises:
        ValueError: If the network is to learn more slowly, and the schedule sets one rate for all.
    """
    schedule = recipe.schedule(optimizer)
    if recipe.backbone_lr_scale < 1 and isinstance(schedule, (OneCycleLR, CyclicLR)):
        raise ValueError(
            f"backbone_lr_scale={recipe.backbone_lr_scale} is undone by {type(schedule).__name__}, "
            "which gives all parameters the same rate: choose another schedule, or scale 1"
        )
    epochs = recipe.warmup_epochs
    if epochs == 0:
        return schedule
    rise = LinearLR(optimizer, start_factor=1 / (epochs + 1), total_iters=epochs)
    return SequentialLR(optimizer, [rise, schedule], milestones=[epochs])
