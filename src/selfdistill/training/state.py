"""What a run trains, how far it has come, and one optimizer step."""

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..config import CompileChoice, Ingredients
from ..data import Epoch, ImageSet, Splits, generator
from ..evaluation import Predictions, evaluating, predict
from ..methods import Method
from ..runs import LogLine
from .checkpoint import State
from .counters import Clock, EpochMetrics, Sums
from .image_memory import ImageMemory
from .loss_scale import LossScale
from .optimizer import Rates, build_optimizer, build_schedule, counts_steps
from .step import TrainStep


class TrainState:
    """A method with its optimizer, schedule and average, and how far training has come."""

    def __init__(
        self,
        fabric: Fabric,
        method: Method,
        ingredients: Ingredients,
        *,
        steps: int,  # of an epoch
        images: int,  # to train on
        way: CompileChoice = False,
        module: nn.Module | None = None,  # the method, compiled
    ) -> None:
        # Of the run: made once.
        self.fabric = fabric
        self.method = method
        self.ingredients = ingredients
        self.steps = steps
        recorded = way == "graph"
        self.optimizer = build_optimizer(method, ingredients, recorded=recorded)
        self.schedule = build_schedule(self.optimizer, ingredients, steps)
        self.rates = Rates(self.schedule, fabric.device, recorded=recorded)
        self.loss_scale = LossScale(fabric)
        self.average = None if ingredients.ema_decay is None else copy.deepcopy(method)
        # Of the run: what it has seen so far.
        self.memory = (
            ImageMemory(fabric, images, method.backbone.num_classes) if method.remembers else None
        )
        self.clock = Clock()
        self.best: dict[str, float] = {}
        self.best_files: dict[str, str] = {}
        """Hashes of the files of the best model, by their names within the run."""
        self.logs: dict[str, list[LogLine]] = {}
        # Of the epoch, and of the step within it.
        self.epoch, self.step = 0, 0
        self.metrics = EpochMetrics(fabric.device)
        self._compiled = module is not None
        self._device_step = TrainStep(
            fabric,
            method,
            ingredients,
            self.optimizer,
            self.metrics,
            self.loss_scale,
            module=method if module is None else module,
            average=self.average,
            memory=self.memory,
            recorded=recorded,
        )

    @property
    def way(self) -> CompileChoice:
        """How steps are computed: eagerly (False), compiled (True), or replayed ("graph")."""
        return "graph" if self._device_step.recorded else self._compiled

    @cached_property
    def shows_attention(self) -> bool:
        """Whether the method weighs stages image by image."""
        images = torch.zeros(2, *self.method.backbone.input_size, device=self.fabric.device)
        with evaluating(self.method), torch.no_grad():
            return self.method.inspect(images).attention is not None

    @property
    def learning_rate(self) -> float:
        """Of the first parameter group."""
        return self.rates.values[0]

    @property
    def evaluated(self) -> Method:
        """The method whose weights count: their average where one is kept."""
        return self.method if self.average is None else self.average

    @property
    def steps_done(self) -> int:
        """Optimizer steps since training began."""
        return self.epoch * self.steps + self.step

    @property
    def validations(self) -> int:
        """How often the whole of training looks at the validation images."""
        return math.ceil(self.ingredients.epochs / self.ingredients.validate_every)

    @property
    def lost_patience(self) -> bool:
        """Whether the validation images have shown nothing better for as long as patience lasts.

        Known in the first process, which looks at them.
        """
        patience, every = self.ingredients.patience, self.ingredients.validate_every
        if patience is None or self.epoch % every:
            return False
        return self.epoch - self.best.get("epoch", 0) >= patience

    @property
    def is_over(self) -> bool:
        """Whether training has come to its end; known in the first process."""
        return self.epoch == self.ingredients.epochs or self.lost_patience

    def train_step(self, epoch: Epoch) -> None:
        """Take one optimizer step on the next batch, without waiting for the device."""
        done, total = self.steps_done, self.ingredients.epochs * self.steps
        key = generator(
            self.ingredients.seed, "step", self.epoch, self.step, self.fabric.global_rank
        )
        torch.manual_seed(key.initial_seed())
        if counts_steps(self.schedule) and done > 0:
            self.rates.step()
        self._device_step.write(epoch, self.step, at=self.epoch, done=done, progress=done / total)
        self._device_step.run()
        self.step += 1
        self.clock.step()

    def predict(
        self, images: ImageSet, splits: Splits, between: Callable[[], object] = nullcontext
    ) -> Predictions:
        """Predictions of the evaluated method; what ``between`` raises before a batch ends them."""
        return predict(self.evaluated, images, splits.preprocessing, between=between)

    def end_epoch(self) -> None:
        """Move on to the next epoch."""
        if not counts_steps(self.schedule):
            self.rates.step()
        self.epoch, self.step = self.epoch + 1, 0
        self.metrics.reset()

    def mean_over_processes(self, values: Sums) -> Sums:
        """Average named values over the processes, which must all call this at once."""
        if not values:
            return {}
        means = self.fabric.all_reduce(torch.stack(tuple(values.values())), reduce_op="mean")
        assert isinstance(means, Tensor)
        return dict(zip(values, means.unbind(), strict=True))

    def state_dict(self) -> State:
        """All that a checkpoint holds; all processes must call this at once."""
        return {
            "compiled": self.way,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.clock.seconds,
            "training_seconds": self.clock.training_seconds,
            "best": self.best,
            "best_files": self.best_files,
            "sums": self.mean_over_processes(self.metrics.sums),
            "method": self.method.state_dict(),
            "optimizer": self.rates.optimizer_state(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "logs": self.logs,
            **({"loss_scale": scale} if (scale := self.loss_scale.state_dict()) else {}),
            **({} if self.memory is None else {"memory": self.memory.rows}),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go back to a checkpoint."""
        self.method.load_state_dict(saved["method"])
        self.rates.load(saved["optimizer"], saved["schedule"])
        if self.average is not None:
            self.average.load_state_dict(saved["average"])
        if self.memory is not None:
            self.memory.rows.copy_(saved["memory"])
        self.loss_scale.load_state_dict(saved.get("loss_scale", {}))
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.metrics.load(saved["sums"])
        self.best, self.best_files = saved["best"], saved.get("best_files", {})
        self.clock = Clock(saved["seconds"], saved["training_seconds"])
        self.logs = saved.get("logs", {})
