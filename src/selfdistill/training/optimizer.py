"""The optimizer, the schedule of its learning rate, and the average of the weights."""

import inspect
import warnings
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CyclicLR, LinearLR, LRScheduler, OneCycleLR, SequentialLR

from ..backbones import classifier_parameters
from ..config import Ingredients, naming_option
from ..methods import Method
from .checkpoint import State


def build_optimizer(
    method: Method, ingredients: Ingredients, *, recorded: bool = False
) -> Optimizer:
    """Build the optimizer: one group of parameters, or more where not all are treated alike.

    What learns at the full rate comes first: where the network learns more slowly, its classifier,
    which starts anew, and all that is bolted on. On CUDA parameters are stepped by one fused
    kernel where torch has one; a recorded step needs that, or an optimizer that is capturable.
    """
    slow = _slow(method) if ingredients.backbone_lr_scale < 1 else set()
    spared = set() if ingredients.decay_biases else _spared(method)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in method.parameters():
        if parameter.requires_grad:
            alike = id(parameter) in slow, id(parameter) in spared
            groups.setdefault(alike, []).append(parameter)
    kinds = sorted(groups)
    on_cuda = next(method.parameters()).device.type == "cuda"
    optimizer = partial(ingredients.optimizer, **kernel_options(ingredients, on_cuda, recorded))(
        [  # pyright: ignore[reportArgumentType]
            {"params": groups[kind], **({"weight_decay": 0.0} if kind[1] else {})} for kind in kinds
        ]
    )
    for (is_slow, _), group in zip(kinds, optimizer.param_groups, strict=True):
        if is_slow:
            group["lr"] *= ingredients.backbone_lr_scale
    return optimizer


def kernel_options(ingredients: Ingredients, on_cuda: bool, recorded: bool) -> dict[str, bool]:
    """How an optimizer is to compute what it computes, where the recipe leaves that open."""
    optimizer = ingredients.optimizer
    known = inspect.signature(optimizer).parameters
    chosen = optimizer.keywords if isinstance(optimizer, partial) else {}
    options: dict[str, bool] = {}
    if recorded and on_cuda and "capturable" in known:
        options["capturable"] = True
    is_open = chosen.get("foreach") is chosen.get("fused") is None
    if (recorded or on_cuda) and "fused" in known and is_open and not chosen.get("differentiable"):
        options["fused"] = True
    return options


def why_not_recordable(ingredients: Ingredients, schedule: LRScheduler) -> str | None:
    """What of optimizer or schedule a recorded step could not follow; None if it can follow all."""
    optimizer = schedule.optimizer
    options = kernel_options(ingredients, on_cuda=True, recorded=True)
    if not options.get("capturable") and not (isinstance(optimizer, SGD) and options.get("fused")):
        return f"{type(optimizer).__name__} decides on the host"
    if getattr(schedule, "cycle_momentum", False):
        return (
            f"{type(schedule).__name__} changes the momentum from step to step "
            "(--schedule.cycle-momentum false leaves it alone)"
        )
    return None


def _slow(method: Method) -> set[int]:
    """What starts from trained weights: the network but for its classifier."""
    new = {id(p) for p in classifier_parameters(method.backbone)}
    return {id(p) for p in method.backbone.parameters()} - new


def _spared(method: Method) -> set[int]:
    """Biases, scales of normalizations, and what the network names, such as its positions."""
    named = getattr(method.backbone.network, "no_weight_decay", set[str])()
    network = dict(method.backbone.network.named_parameters())
    small = [p for name, p in method.named_parameters() if p.ndim < 2 or name.endswith("bias")]
    return {id(p) for p in [*small, *(network[name] for name in named if name in network)]}


def build_schedule(optimizer: Optimizer, ingredients: Ingredients, steps: int) -> LRScheduler:
    """Build the schedule with its warm-up; ``steps`` are the optimizer steps of an epoch."""
    schedule = ingredients.schedule
    if isinstance(schedule, partial) and OneCycleLR in (schedule.func, *schedule.args):
        schedule = _as_long_as_training(schedule, ingredients.epochs, steps)
    with naming_option("schedule"):
        schedule = schedule(optimizer)
    name, epochs = type(schedule).__name__, ingredients.warmup_epochs
    if ingredients.backbone_lr_scale < 1 and counts_steps(schedule):
        raise ValueError(
            f"backbone_lr_scale={ingredients.backbone_lr_scale} is undone by {name}, "
            "which gives all parameters the same rate: choose another schedule, or scale 1"
        )
    if epochs == 0:
        return schedule
    if counts_steps(schedule):
        raise ValueError(
            f"warmup_epochs={epochs}: {name} raises the learning rate itself; leave the warm-up out"
        )
    rise = LinearLR(optimizer, start_factor=1 / (epochs + 1), total_iters=epochs)
    with naming_option("schedule"):
        return SequentialLR(optimizer, [rise, schedule], milestones=[epochs])


class Rates:
    """The learning rates of an optimizer's groups, and the schedule that changes them.

    The schedule computes with numbers of the host. A recorded step would repeat such a number, so
    that it gets tensors, which are filled anew.
    """

    def __init__(self, schedule: LRScheduler, device: torch.device, *, recorded: bool) -> None:
        self.schedule = schedule
        self._groups = schedule.optimizer.param_groups
        self.values = [float(group["lr"]) for group in self._groups]
        """The rate of each group."""
        self._tensors = [torch.zeros((), device=device) for _ in self.values] if recorded else None
        self._write()

    def step(self) -> None:
        """Go on by an epoch, or by a step where the schedule counts steps."""
        self._put(self.values)
        with warnings.catch_warnings():
            # a false alarm where a run goes on from a checkpoint
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            self.schedule.step()
        self.values = [float(group["lr"]) for group in self._groups]
        self._write()

    def optimizer_state(self) -> State:
        """The optimizer's state, with rates as numbers."""
        self._put(self.values)
        state = self.schedule.optimizer.state_dict()
        self._write()
        return state

    def load(self, optimizer: State, schedule: State) -> None:
        """Go back to stored states."""
        self.schedule.optimizer.load_state_dict(optimizer)
        self.schedule.load_state_dict(schedule)
        self._groups = self.schedule.optimizer.param_groups
        self.values = [float(group["lr"]) for group in self._groups]
        self._write()

    def _write(self) -> None:
        if self._tensors is not None:
            for tensor, value in zip(self._tensors, self.values, strict=True):
                tensor.fill_(value)
            self._put(self._tensors)

    def _put(self, rates: Sequence[float | Tensor]) -> None:
        for group, rate in zip(self._groups, rates, strict=True):
            group["lr"] = rate


def counts_steps(schedule: LRScheduler) -> bool:
    """Whether a schedule counts optimizer steps; all others count epochs."""
    return isinstance(schedule, (OneCycleLR, CyclicLR))


def check_stepping(
    ingredients: Ingredients, steps: int, device: torch.device | str = "cpu"
) -> None:
    """Try optimizer and schedule on a few numbers of the device, before anything is written."""
    number = nn.Parameter(torch.zeros(2, 2, device=device))
    number.grad = torch.zeros_like(number)
    with naming_option("optimizer"):
        optimizer = ingredients.optimizer([number])
        optimizer.step()
    schedule = build_schedule(optimizer, ingredients, steps)
    with naming_option("schedule"):
        for _ in range(min(2, ingredients.epochs * steps - 1)):
            optimizer.step()
            schedule.step()


def _as_long_as_training(
    schedule: partial[LRScheduler], epochs: int, steps: int
) -> partial[LRScheduler]:
    """A one-cycle schedule that ends with training."""
    known = {"epochs": epochs, "steps_per_epoch": steps, "total_steps": epochs * steps}
    for name, value in known.items():
        if schedule.keywords.get(name) not in (None, value):
            raise ValueError(
                f"--schedule.{name.replace('_', '-')} {schedule.keywords[name]}: this run takes "
                f"{epochs} epochs of {steps} steps; leave it out"
            )
    return partial(schedule, total_steps=epochs * steps, epochs=None, steps_per_epoch=None)


# torch.optim.swa_utils.AveragedModel hands over the number of steps as a tensor on the device: a
# share that depends on it would wait for the device in every step.
@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, *, share: Float[Tensor, ""]) -> None:
    r"""Move averaged parameters and buffers towards those of a module of the same make.

    .. math:: \bar\theta \leftarrow \bar\theta + s\,(\theta - \bar\theta)

    with the share :math:`s` in [0, 1]; buffers of whole numbers are copied.
    """
    means = [*average.parameters(), *average.buffers()]
    values = [*module.parameters(), *module.buffers()]
    pairs = list(zip(means, values, strict=True))
    fractions = [(mean, value) for mean, value in pairs if mean.is_floating_point()]
    shares = [share] * len(fractions)
    torch._foreach_lerp_(*map(list, zip(*fractions, strict=True)), shares)  # pyright: ignore
    for mean, value in pairs:
        if not mean.is_floating_point():
            mean.copy_(value)


def average_share(decay: float, step: int) -> float:
    r"""The share of the way that an average goes after ``step`` earlier steps.

    .. math:: s_t = \max(1 - d, (1 + t)^{-2/3})

    So an average never remembers more steps than there were, and the first one copies: timm's
    ``ModelEmaV3`` with its warm-up.
    """
    return max(1 - decay, (1 + step) ** (-2 / 3))
