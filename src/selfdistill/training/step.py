"""One optimizer step, from the positions of its images to the counters: all that a device does."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from ..config import Ingredients
from ..data import Batch, Epoch, part_size
from ..methods import Context, Method, Output
from ..pairing import Partner
from .adversarial import adversarial_batch
from .counters import EpochMetrics, Sums, part_sums
from .image_memory import ImageMemory
from .loss_scale import LossScale
from .optimizer import average_share, update_average
from .recording import Recorded


class Inputs(NamedTuple):
    """What the host decides about a step, in memory of the device."""

    indices: Int64[Tensor, " batch"]
    """Positions, in the training split, of this process's images."""
    epoch: Int64[Tensor, ""]
    number: Int64[Tensor, ""]
    """Of the step since training began, from 1."""
    progress: Float[Tensor, ""]
    """Share of training done before the step, in [0, 1)."""
    average_share: Float[Tensor, ""]
    """How far the average of the weights goes towards them."""


class TrainStep:
    """Gather, augment, forward, backward, optimizer, average, counters: one fixed sequence of work.

    :meth:`write` puts what the host decides into the device's memory, and ``run`` does the work,
    which reads nothing back: eagerly, with a compiled forward pass, or recorded once and replayed.

    Args:
        fabric: Device, number format and processes.
        method: What is trained.
        ingredients: Of the run: batch size, accumulation, adversary, decay of the average, seed.
        optimizer: Steps the method's parameters.
        metrics: The sums of the epoch.
        loss_scale: Of the number format.
        module: The method, compiled or not.
        average: An average of the method, if one is kept.
        memory: What is kept of each image, if the method remembers.
        recorded: Whether the work is recorded and replayed, which CUDA can.
    """

    def __init__(
        self,
        fabric: Fabric,
        method: Method,
        ingredients: Ingredients,
        optimizer: Optimizer,
        metrics: EpochMetrics,
        loss_scale: LossScale,
        *,
        module: nn.Module,
        average: Method | None,
        memory: ImageMemory | None,
        recorded: bool,
    ) -> None:
        self.fabric, self.method, self.ingredients = fabric, method, ingredients
        self.optimizer, self.metrics, self.loss_scale = optimizer, metrics, loss_scale
        self.average, self.memory = average, memory
        self.module = fabric.setup_module(module, _reapply_compile=False)
        self._recorded = Recorded() if recorded else None
        self._inputs: Inputs | None = None
        self._epoch: Epoch | None = None
        self._source: Epoch | None = None

    @property
    def recorded(self) -> bool:
        """Whether steps are replayed, or are going to be."""
        return self._recorded is not None and self._recorded.possible

    @property
    def run(self) -> Callable[[], None]:
        """What takes the step that was written."""
        # Not kept: a step that held its own method would outlive its run, as would its processes.
        return self._work if self._recorded is None else partial(self._recorded, self._work)

    def write(self, epoch: Epoch, step: int, *, at: int, done: int, progress: float) -> None:
        """Say what the next step is about, by copies and fills within the device's memory.

        Args:
            epoch: The epoch's order and random numbers.
            step: Which batch of it, from 0.
            at: Which epoch, from 0.
            done: Steps since training began.
            progress: Share of training done.
        """
        rank, processes = self.fabric.global_rank, self.fabric.world_size
        part_size(epoch.batch_size, processes * self.ingredients.accumulation)
        positions = epoch.positions(step, part=rank, parts=processes)
        if self._inputs is None:
            whole, share = positions.new_zeros(()), torch.zeros((), device=positions.device)
            self._inputs = Inputs(
                torch.empty_like(positions), whole, whole.clone(), share, share.clone()
            )
        self._inputs.indices.copy_(positions)
        self._inputs.epoch.fill_(at)
        self._inputs.number.fill_(done + 1)
        self._inputs.progress.fill_(progress)
        if (decay := self.ingredients.ema_decay) is not None:
            self._inputs.average_share.fill_(average_share(decay, done))
        if self._source is epoch:
            return
        if self._epoch is not None and self.recorded:
            self._epoch.copy_(epoch)
        else:
            self._epoch = epoch
        self._source = epoch

    def _work(self) -> None:
        # Nothing here reads a number from the device, or takes from Python one that changes from
        # step to step: a recorded step would repeat it.
        inputs, epoch, fabric = self._inputs, self._epoch, self.fabric
        assert inputs is not None
        assert epoch is not None
        count = self.ingredients.accumulation  # parts of the batch, one after the other
        parts: list[Sums] = []
        for number, indices in enumerate(inputs.indices.chunk(count)):
            batch = epoch.assemble(indices)
            if self.ingredients.adversary is not None:
                with fabric.autocast():
                    batch = adversarial_batch(
                        self.method,
                        batch,
                        self.ingredients.adversary,
                        epoch.pipeline.preprocessing,
                        seed=self.ingredients.seed,
                        epoch=inputs.epoch,
                        scaled=self.loss_scale.scale,
                    )
            # Processes share gradients in the last part alone.
            waits = number + 1 < count
            with fabric.no_backward_sync(self.module, enabled=waits):
                words = context_words(
                    self.method, batch, inputs.epoch, inputs.progress, self.memory
                )
                output: Output = self.module(batch.images, batch.labels, **words)
                # Makes the gradient NaN when the loss is, so every process sees it.
                loss = output.loss * (1 + 0 * output.loss.detach())
                fabric.backward(self.loss_scale.scale(loss / count))
            if self.memory is not None:
                self.memory.update(self.method, batch.indices, output.logits.detach())
            parts.append(part_sums(output, batch, share=1 / count))
        self.loss_scale.unscale(self.optimizer)
        norm = get_total_norm([p.grad for p in self.method.parameters() if p.grad is not None])
        bad = self.loss_scale.step(self.optimizer, parts, norm)
        self.optimizer.zero_grad()
        if self.average is not None:
            update_average(self.average, self.method, share=inputs.average_share)
        self.metrics.add(parts, bad, inputs.number)


def context_words(
    method: Method,
    batch: Batch,
    epoch: Int64[Tensor, ""] | None = None,
    progress: Float[Tensor, ""] | None = None,
    memory: ImageMemory | None = None,
) -> dict[str, Context]:
    """The keyword that brings a method its context, if it asks for one.

    Epoch and progress are by default those at which training begins.
    """
    if not method.needs_context:
        return {}
    indices, rows = batch.indices, None
    if memory is not None:
        rows = memory.read(indices if batch.partners is None else batch.partners)
    elif method.remembers:
        rows = torch.zeros(len(indices), method.backbone.num_classes, device=indices.device)
    if epoch is None:
        epoch = indices.new_zeros(())
    if progress is None:
        progress = torch.zeros((), device=indices.device)
    others = batch.partner_labels if method.partner is Partner.BATCH_BEFORE else None
    return {"context": Context(indices, epoch, progress, memory=rows, partner_labels=others)}
