"""Everything that changes while a run trains, and one step of it."""

import math
import warnings
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..data import Batch, Epoch, ImageSet, Splits, generator
from ..data.randomness import uniform
from ..evaluation import Predictions, predict
from ..methods import Context, Method, Output
from .adversarial import perturb
from .checkpoint import State
from .clock import Clock
from .optimizer import build_optimizer, build_schedule
from .recipe import Adversary, Recipe

Sums = dict[str, Float[Tensor, ""]]


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
        self.schedule = build_schedule(self.optimizer, recipe)
        self.average = (
            AveragedModel(
                method, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay), use_buffers=True
            )
            if recipe.ema_decay is not None
            else None
        )
        module = torch.compile(method, fullgraph=True) if compiled else method
        self._module, self._optimizer = fabric.setup(module, self.optimizer)  # pyright: ignore
        self.epoch, self.step = 0, 0
        self.clock = Clock()
        self.best: dict[str, float] = {}
        self.sums: Sums = {}

    @cached_property
    def shows_attention(self) -> bool:
        """Whether the method weighs blocks image by image."""
        images = torch.zeros(2, *self.method.backbone.input_size, device=self.fabric.device)
        was_training = self.method.training
        self.method.eval()
        with torch.no_grad(), self.fabric.autocast():
            shown = self.method.inspect(images).attention is not None
        self.method.train(was_training)
        return shown

    @property
    def learning_rate(self) -> float:
        """Of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def evaluated(self) -> Method:
        """The method whose weights count: their average where one is kept."""
        if self.average is None:
            return self.method
        assert isinstance(self.average.module, Method)
        return self.average.module

    @property
    def steps_done(self) -> int:
        """Optimizer steps since training began."""
        return self.epoch * self.steps + self.step

    def train_step(self, epoch: Epoch) -> None:
        """Take one optimizer step on the next batch."""
        fabric, recipe = self.fabric, self.recipe
        key = generator(recipe.seed, "step", self.epoch, self.step, fabric.global_rank)
        torch.manual_seed(key.initial_seed())
        parts = fabric.world_size * recipe.accumulation
        for number in range(recipe.accumulation):
            part = fabric.global_rank * recipe.accumulation + number
            batch = epoch.batch(self.step, part=part, parts=parts)
            if recipe.adversary is not None:
                batch = self._made_harder(batch, epoch, recipe.adversary)
            waits = number + 1 < recipe.accumulation
            with fabric.no_backward_sync(self._module, enabled=waits):  # pyright: ignore
                output: Output = self._module(
                    batch.images, batch.labels, **self._context(batch.indices)
                )
                fabric.backward(output.loss / recipe.accumulation)
            self._count(output, batch.labels)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self.average is not None:
            self.average.update_parameters(self.method)
        self.step += 1
        self.clock.step()

    def predict(self, images: ImageSet, splits: Splits) -> Predictions:
        """What the evaluated method says about images."""
        return predict(
            self.evaluated,
            images,
            mean=splits.mean,
            std=splits.std,
            input_size=splits.input_size,
            autocast=self.fabric.autocast,
        )

    def end_epoch(self) -> None:
        """Move on to the next epoch."""
        with warnings.catch_warnings():
            # a false alarm where a run goes on from the last step of an epoch
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            self.schedule.step()
        self.epoch, self.step = self.epoch + 1, 0
        self.sums = {}

    def state(self) -> State:
        """All that a checkpoint holds."""
        return {
            "compiled": self.compiled,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.clock.seconds,
            "training_seconds": self.clock.training_seconds,
            "best": self.best,
            "sums": self.sums,
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a checkpoint's state."""
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.best, self.sums = state["best"], state["sums"]
        self.clock = Clock(state["seconds"], state["training_seconds"])

    def _made_harder(self, batch: Batch, epoch: Epoch, adversary: Adversary) -> Batch:
        random = None
        if adversary.random_start:
            *views, count, channels, height, width = batch.images.shape
            shape = (math.prod(views), channels, height, width)
            start = uniform(batch.indices, shape, self.recipe.seed, self.epoch).movedim(1, 0)
            random = start.reshape(*views, count, channels, height, width).to(batch.images.dtype)
        with self.fabric.autocast():
            images = perturb(
                self.method,
                batch.images,
                batch.labels,
                epsilon=adversary.epsilon,
                step_size=adversary.step_size,
                steps=adversary.steps,
                mean=epoch.pipeline.mean,
                std=epoch.pipeline.std,
                random=random,
            )
        return batch._replace(images=images)

    def _context(self, indices: Tensor) -> dict[str, Context]:
        if not self.method.needs_context:
            return {}
        total = self.recipe.epochs * self.steps
        epoch = torch.tensor(self.epoch, device=indices.device)
        progress = torch.tensor(self.steps_done / total, device=indices.device)
        return {"context": Context(indices, epoch, progress)}

    def _count(self, output: Output, labels: Tensor) -> None:
        """Add to the epoch's sums, on the device: nothing waits for the numbers."""
        if labels.ndim == 2:
            labels = labels.argmax(1)
        hits = (output.logits.detach().argmax(1) == labels).sum().float()
        share = 1 / self.recipe.accumulation
        values = {name: term.detach() * share for name, term in output.terms.items()}
        for name, value in {**values, "hits": hits}.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
