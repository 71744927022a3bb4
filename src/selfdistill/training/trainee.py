"""Everything that changes while a run trains, and one step of it."""

import copy
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.utils import get_total_norm

from ..config.schema import Recipe
from ..data import Epoch, ImageSet, Splits, generator
from ..evaluation import Predictions, evaluating, predict
from ..methods import Context, Method, Output
from ..runs import LogLine
from .adversarial import harden
from .average import follow, share_of_step
from .checkpoint import State
from .clock import Clock
from .optimizer import build_optimizer, build_schedule, counts_steps
from .tally import Sums, Tally


class Trainee:
    """A method with its optimizer, schedule and average, and how far training has come.

    Args:
        fabric: The engine: device, precision, processes.
        method: What is trained; on the engine's device.
        recipe: How.
        steps: Steps of an epoch.
        compiled: Compile method and loss into one graph.
    """

    def __init__(
        self, fabric: Fabric, method: Method, recipe: Recipe, *, steps: int, compiled: bool
    ) -> None:
        self.fabric = fabric
        self.method = method
        self.recipe = recipe
        if recipe.adversary is not None and method.needs_context:
            raise ValueError(f"{type(method).__name__} cannot be trained against an adversary")
        self.steps = steps
        self.compiled = compiled
        self.optimizer = build_optimizer(method, recipe)
        self.schedule = build_schedule(self.optimizer, recipe, steps)
        self.average = None if recipe.ema_decay is None else copy.deepcopy(method)
        module = torch.compile(method, fullgraph=True) if compiled else method
        self._module = fabric.setup_module(module)  # pyright: ignore[reportArgumentType]
        self.epoch, self.step = 0, 0
        self.clock = Clock()
        self.best: dict[str, float] = {}
        self.best_files: dict[str, str] = {}
        """Hashes of the files of the best model, by their names within the run."""
        self.between_batches: Callable[[], object] = nullcontext
        """Called before each batch of an evaluation; what it raises ends the evaluation."""
        self.logs: dict[str, list[LogLine]] = {}
        self.tally = Tally({}, fabric.device)

    @cached_property
    def shows_attention(self) -> bool:
        """Whether the method weighs blocks image by image."""
        images = torch.zeros(2, *self.method.backbone.input_size, device=self.fabric.device)
        with evaluating(self.method), torch.no_grad():
            return self.method.inspect(images).attention is not None

    @property
    def learning_rate(self) -> float:
        """Of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def evaluated(self) -> Method:
        """The method whose weights count: their average where one is kept."""
        return self.method if self.average is None else self.average

    @property
    def steps_done(self) -> int:
        """Optimizer steps since training began."""
        return self.epoch * self.steps + self.step

    def train_step(self, epoch: Epoch) -> None:
        """Take one optimizer step on the next batch, without waiting for the device."""
        fabric, recipe = self.fabric, self.recipe
        key = generator(recipe.seed, "step", self.epoch, self.step, fabric.global_rank)
        torch.manual_seed(key.initial_seed())
        if counts_steps(self.schedule) and self.steps_done > 0:
            self._step_schedule()
        parts = [self._backward(epoch, number) for number in range(recipe.accumulation)]
        gradients = [p.grad for p in self.method.parameters() if p.grad is not None]
        norm = get_total_norm(gradients)
        self.optimizer.step()
        if self.average is not None and recipe.ema_decay is not None:
            share = share_of_step(recipe.ema_decay, self.steps_done)
            follow(self.average, self.method, share=share)
        self.step += 1
        self.tally.add(parts, norm, self.steps_done)
        self.optimizer.zero_grad()
        self.clock.step()

    def _backward(self, epoch: Epoch, number: int) -> Sums:
        """Add one part's gradients; what is to be counted."""
        fabric, recipe = self.fabric, self.recipe
        part = fabric.global_rank * recipe.accumulation + number
        batch = epoch.batch(self.step, part=part, parts=fabric.world_size * recipe.accumulation)
        if recipe.adversary is not None:
            with fabric.autocast():
                pipeline, key = epoch.pipeline, (recipe.seed, self.epoch)
                batch = harden(self.method, batch, recipe.adversary, pipeline, key)
        waits = number + 1 < recipe.accumulation
        with fabric.no_backward_sync(self._module, enabled=waits):  # pyright: ignore
            progress = self.steps_done / (recipe.epochs * self.steps)
            context = context_for(self.method, batch.indices, self.epoch, progress)
            output: Output = self._module(batch.images, batch.labels, **context)
            # times one; a loss that is not finite makes its gradient so, which all processes share
            loss = output.loss * (1 + 0 * output.loss.detach())
            fabric.backward(loss / recipe.accumulation)
        labels = batch.labels.argmax(1) if batch.labels.ndim == 2 else batch.labels
        hits = (output.logits.detach().argmax(1) == labels).sum().float()
        share = 1 / recipe.accumulation
        return {name: term.detach() * share for name, term in output.terms.items()} | {"hits": hits}

    def predict(self, images: ImageSet, splits: Splits) -> Predictions:
        """What the evaluated method says about images, in single precision as it is deployed."""
        return predict(
            self.evaluated,
            images,
            splits.preprocessing,
            between=self.between_batches,
        )

    def end_epoch(self) -> None:
        """Move on to the next epoch."""
        if not counts_steps(self.schedule):
            self._step_schedule()
        self.epoch, self.step = self.epoch + 1, 0
        self.tally = Tally({}, self.fabric.device)

    def _step_schedule(self) -> None:
        with warnings.catch_warnings():
            # a false alarm where a run goes on from a checkpoint
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            self.schedule.step()

    def mean_over_processes(self, values: Sums) -> Sums:
        """Average named values over the processes, which must all ask at once."""
        if not values:
            return {}
        means = self.fabric.all_reduce(torch.stack(tuple(values.values())), reduce_op="mean")
        assert isinstance(means, Tensor)
        return dict(zip(values, means.unbind(), strict=True))

    def state(self) -> State:
        """All that a checkpoint holds; all processes must ask at once."""
        return {
            "compiled": self.compiled,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.clock.seconds,
            "training_seconds": self.clock.training_seconds,
            "best": self.best,
            "best_files": self.best_files,
            "sums": self.mean_over_processes(self.tally.sums),
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "logs": self.logs,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a checkpoint's state."""
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.best, self.tally = state["best"], Tally(state["sums"], self.fabric.device)
        self.best_files = state.get("best_files", {})
        self.clock = Clock(state["seconds"], state["training_seconds"])
        self.logs = state.get("logs", {})


def context_for(
    method: Method, indices: Int[Tensor, " batch"], epoch: int, progress: float
) -> dict[str, Context]:
    """The keyword that a method asks for, if it does."""
    if not method.needs_context:
        return {}
    device = indices.device
    where = torch.tensor(epoch, device=device), torch.tensor(progress, device=device)
    return {"context": Context(indices, *where)}
