"""What a run trains, how far it has come, and one optimizer step."""

import copy
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.utils import get_total_norm

from ..config import Ingredients
from ..data import Batch, Epoch, ImageSet, Splits, generator
from ..evaluation import Predictions, evaluating, predict
from ..methods import Context, Method, Output
from ..pairing import Partner
from ..runs import LogLine
from .adversarial import adversarial_batch
from .checkpoint import State
from .counters import Clock, EpochMetrics, Sums, part_sums
from .image_memory import ImageMemory
from .optimizer import average_share, build_optimizer, build_schedule, counts_steps, update_average


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
        compiled: bool,
    ) -> None:
        # Of the run: made once.
        self.fabric = fabric
        self.method = method
        self.ingredients = ingredients
        self.steps = steps
        self.compiled = compiled
        self.optimizer = build_optimizer(method, ingredients)
        self.schedule = build_schedule(self.optimizer, ingredients, steps)
        self.average = None if ingredients.ema_decay is None else copy.deepcopy(method)
        module = torch.compile(method, fullgraph=True) if compiled else method
        self._module = fabric.setup_module(module)  # pyright: ignore[reportArgumentType]
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
        self.metrics = EpochMetrics({}, fabric.device)

    @cached_property
    def shows_attention(self) -> bool:
        """Whether the method weighs stages image by image."""
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
        fabric, ingredients, done = self.fabric, self.ingredients, self.steps_done

        # What the host decides: random numbers, learning rate, which images.
        key = generator(ingredients.seed, "step", self.epoch, self.step, fabric.global_rank)
        torch.manual_seed(key.initial_seed())
        if counts_steps(self.schedule) and done > 0:
            self._step_schedule()
        progress = done / (ingredients.epochs * self.steps)
        count = ingredients.accumulation  # parts of the batch, one after the other
        first = fabric.global_rank * count

        # What the device does: gather, augment, attack, forward, backward.
        parts: list[Sums] = []
        for number in range(count):
            batch = epoch.batch(self.step, part=first + number, parts=fabric.world_size * count)
            if ingredients.adversary is not None:
                with fabric.autocast():
                    batch = adversarial_batch(
                        self.method,
                        batch,
                        ingredients.adversary,
                        epoch.pipeline.preprocessing,
                        seed=ingredients.seed,
                        epoch=self.epoch,
                    )
            # Processes share gradients in the last part alone.
            waits = number + 1 < count
            with fabric.no_backward_sync(self._module, enabled=waits):  # pyright: ignore
                output = call_method(
                    self.method,
                    batch,
                    module=self._module,
                    epoch=self.epoch,
                    progress=progress,
                    memory=self.memory,
                )
                # Makes the gradient NaN when the loss is, so every process sees it.
                loss = output.loss * (1 + 0 * output.loss.detach())
                fabric.backward(loss / count)
            if self.memory is not None:
                self.memory.update(self.method, batch.indices, output.logits.detach())
            parts.append(part_sums(output, batch, share=1 / count))

        # Optimizer, average, counters.
        norm = get_total_norm([p.grad for p in self.method.parameters() if p.grad is not None])
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None and ingredients.ema_decay is not None:
            update_average(
                self.average, self.method, share=average_share(ingredients.ema_decay, done)
            )
        self.metrics.add(parts, norm, done + 1)
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
            self._step_schedule()
        self.epoch, self.step = self.epoch + 1, 0
        self.metrics = EpochMetrics({}, self.fabric.device)

    def _step_schedule(self) -> None:
        with warnings.catch_warnings():
            # a false alarm where a run goes on from a checkpoint
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            self.schedule.step()

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
            "compiled": self.compiled,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.clock.seconds,
            "training_seconds": self.clock.training_seconds,
            "best": self.best,
            "best_files": self.best_files,
            "sums": self.mean_over_processes(self.metrics.sums),
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "logs": self.logs,
            **({} if self.memory is None else {"memory": self.memory.rows}),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go back to a checkpoint."""
        self.method.load_state_dict(saved["method"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        if self.average is not None:
            self.average.load_state_dict(saved["average"])
        if self.memory is not None:
            self.memory.rows.copy_(saved["memory"])
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.metrics = EpochMetrics(saved["sums"], self.fabric.device)
        self.best, self.best_files = saved["best"], saved.get("best_files", {})
        self.clock = Clock(saved["seconds"], saved["training_seconds"])
        self.logs = saved.get("logs", {})


def call_method(
    method: Method,
    batch: Batch,
    *,
    module: Callable[..., Output] | None = None,
    epoch: int = 0,
    progress: float = 0.0,
    memory: ImageMemory | None = None,
) -> Output:
    """Call a method, or the module that wraps it, with a context if it asks for one."""
    module = method if module is None else module
    if not method.needs_context:
        return module(batch.images, batch.labels)
    indices, rows = batch.indices, None
    if memory is not None:
        rows = memory.read(indices if batch.partners is None else batch.partners)
    elif method.remembers:
        rows = torch.zeros(len(indices), method.backbone.num_classes, device=indices.device)
    at_epoch = torch.tensor(epoch, device=indices.device)
    at_share = torch.tensor(progress, device=indices.device)
    others = batch.partner_labels if method.partner is Partner.BATCH_BEFORE else None
    context = Context(indices, at_epoch, at_share, memory=rows, partner_labels=others)
    return module(batch.images, batch.labels, context=context)
