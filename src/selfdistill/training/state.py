"""Everything that changes while a run trains, and one optimizer step."""

import copy
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.utils import get_total_norm

from ..config import Ingredients
from ..data import Batch, Epoch, ImageSet, Splits, generator
from ..evaluation import Predictions, evaluating, predict
from ..methods import Context, Method, Output
from ..runs import LogLine
from .adversarial import adversarial_batch
from .checkpoint import State
from .image_memory import ImageMemory
from .optimizer import average_share, build_optimizer, build_schedule, counts_steps, update_average

Sums = dict[str, Float[Tensor, ""]]


class EpochMetrics:
    """An epoch's sums of terms and hits, and its first step that was not finite.

    All of it stays on the device: no step waits for its numbers.
    """

    def __init__(self, sums: Sums, device: torch.device) -> None:
        self.sums = sums
        self.bad_step: Int[Tensor, ""] = torch.zeros((), dtype=torch.long, device=device)
        """The first step whose loss or gradient was not finite, counted from 1; 0 for none."""
        self.bad_terms: Sums = {}
        """The terms of its loss."""

    def add(self, parts: Sequence[Sums], gradient_norm: Float[Tensor, ""], step: int) -> None:
        """Add a step, given the sums of each part of its batch."""
        own = Sums()
        for part in parts:
            self.sums, own = _added(self.sums, part), _added(own, part)
        is_first = ~gradient_norm.isfinite() & (self.bad_step == 0)
        self.bad_step = torch.where(is_first, step, self.bad_step)
        self.bad_terms = {
            name: torch.where(is_first, value, self.bad_terms.get(name, value))
            for name, value in own.items()
        }


def _added(sums: Sums, values: Sums) -> Sums:
    new = {name: sums[name] + value if name in sums else value for name, value in values.items()}
    return sums | new


class Clock:
    """Seconds of a run and of its training steps, over all its interruptions."""

    def __init__(self, seconds: float = 0.0, training_seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.training_seconds = training_seconds
        self._lap = self._epoch = time.perf_counter()
        self._steps = 0

    def lap(self) -> float:
        """Count up to now; the seconds so far."""
        now = time.perf_counter()
        self.seconds += now - self._lap
        self._lap = now
        return self.seconds

    def start_epoch(self) -> None:
        self._epoch, self._steps = time.perf_counter(), 0

    def step(self) -> None:
        self._steps += 1

    def end_epoch(self) -> float:
        """Count the epoch's training; its steps per second, 0 if there were none."""
        elapsed = time.perf_counter() - self._epoch
        self.training_seconds += elapsed
        return self._steps / elapsed


class TrainState:
    """A method with its optimizer, schedule and average, and how far training has come.

    Args:
        fabric: Device, number format and processes.
        method: What is trained; on Fabric's device.
        ingredients: How, as the recipe's objects.
        steps: Steps of an epoch.
        images: Training images.
        compiled: Compile method and loss into one graph.
    """

    def __init__(
        self,
        fabric: Fabric,
        method: Method,
        ingredients: Ingredients,
        *,
        steps: int,
        images: int,
        compiled: bool,
    ) -> None:
        self.fabric = fabric
        self.method = method
        self.ingredients = ingredients
        if ingredients.adversary is not None and method.needs_context:
            raise ValueError(
                f"{type(method).__name__} cannot be trained against an adversary: it keeps a "
                "memory of images or follows training, which the attack's passes would disturb; "
                "leave --adversary out"
            )
        self.steps = steps
        self.compiled = compiled
        self.optimizer = build_optimizer(method, ingredients)
        self.schedule = build_schedule(self.optimizer, ingredients, steps)
        self.memory = (
            ImageMemory(fabric, images, method.backbone.num_classes) if method.remembers else None
        )
        self.average = None if ingredients.ema_decay is None else copy.deepcopy(method)
        module = torch.compile(method, fullgraph=True) if compiled else method
        self._module = fabric.setup_module(module)  # pyright: ignore[reportArgumentType]
        self.epoch, self.step = 0, 0
        self.clock = Clock()
        self.best: dict[str, float] = {}
        self.best_files: dict[str, str] = {}
        """Hashes of the files of the best model, by their names within the run."""
        self.logs: dict[str, list[LogLine]] = {}
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

    def train_step(self, epoch: Epoch) -> None:
        """Take one optimizer step on the next batch, without waiting for the device."""
        fabric, ingredients = self.fabric, self.ingredients
        key = generator(ingredients.seed, "step", self.epoch, self.step, fabric.global_rank)
        torch.manual_seed(key.initial_seed())
        if counts_steps(self.schedule) and self.steps_done > 0:
            self._step_schedule()
        progress = self.steps_done / (ingredients.epochs * self.steps)
        parts: list[Sums] = []
        for number in range(ingredients.accumulation):
            batch = self._batch(epoch, number)
            context = context_for(self.method, batch, self.epoch, progress, self.memory)
            waits = (
                number + 1 < ingredients.accumulation
            )  # processes share gradients in the last part
            with fabric.no_backward_sync(self._module, enabled=waits):  # pyright: ignore
                output = call_method(self._module, batch, context)
                # Makes the gradient NaN when the loss is, so every process sees it.
                loss = output.loss * (1 + 0 * output.loss.detach())
                fabric.backward(loss / ingredients.accumulation)
            if self.memory is not None:
                self.memory.update(self.method, batch.indices, output.logits.detach())
            parts.append(_sums(output, batch, share=1 / ingredients.accumulation))
        norm = get_total_norm([p.grad for p in self.method.parameters() if p.grad is not None])
        self.optimizer.step()
        if self.average is not None and ingredients.ema_decay is not None:
            share = average_share(ingredients.ema_decay, self.steps_done)
            update_average(self.average, self.method, share=share)
        self.optimizer.zero_grad()
        self.step += 1
        self.metrics.add(parts, norm, self.steps_done)
        self.clock.step()

    def _batch(self, epoch: Epoch, number: int) -> Batch:
        """This process's part of the next batch, of several that are accumulated."""
        fabric, ingredients = self.fabric, self.ingredients
        part = fabric.global_rank * ingredients.accumulation + number
        batch = epoch.batch(
            self.step, part=part, parts=fabric.world_size * ingredients.accumulation
        )
        if ingredients.adversary is None:
            return batch
        with fabric.autocast():
            pipeline, key = epoch.pipeline, (ingredients.seed, self.epoch)
            return adversarial_batch(self.method, batch, ingredients.adversary, pipeline, key)

    def predict(
        self, images: ImageSet, splits: Splits, between: Callable[[], object] = nullcontext
    ) -> Predictions:
        """Predictions of the evaluated method, in single precision as it is deployed.

        What ``between`` raises before a batch ends them.
        """
        return predict(
            self.evaluated,
            images,
            splits.preprocessing,
            between=between,
        )

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


def _sums(output: Output, batch: Batch, *, share: float) -> Sums:
    """What one part of a batch adds to the epoch's sums."""
    labels = batch.labels.argmax(1) if batch.labels.ndim == 2 else batch.labels
    hits = (output.logits.detach().argmax(1) == labels).sum().float()
    return {name: term.detach() * share for name, term in output.terms.items()} | {"hits": hits}


def context_for(
    method: Method,
    batch: Batch,
    epoch: int = 0,
    progress: float = 0.0,
    memory: ImageMemory | None = None,
) -> Context | None:
    """Where in training a batch stands, if the method asks for it."""
    if not method.needs_context:
        return None
    indices = batch.indices
    where = (
        torch.tensor(epoch, device=indices.device),
        torch.tensor(progress, device=indices.device),
    )
    if not method.remembers:
        return Context(indices, *where)
    classes = method.backbone.num_classes
    blank = torch.zeros(len(indices), classes, device=indices.device)
    return Context(indices, *where, blank if memory is None else memory.read(indices))


def call_method(module: Callable[..., Output], batch: Batch, context: Context | None) -> Output:
    """Call a method, or what wraps it; only one that asks for a context takes it."""
    if context is None:
        return module(batch.images, batch.labels)
    return module(batch.images, batch.labels, context=context)
