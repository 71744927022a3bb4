"""What recipes and the place of a run are made of, by type: flags, keys and help come from here."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..backbones import (
    Backbone,
    Tapped,
    check_published,
    create_backbone,
    declared_size,
    published_mean,
)
from ..data import Augmentation, Balance, DataSet, Mixing
from ..evaluation import PrecisionChoice
from ..methods import Method
from ..preprocessing import ChannelValues
from .user_code import is_own_file, network_maker

CompileChoice = bool | Literal["graph"]
PASSED = "passed in Python"
"""What a recipe says of images and networks that had no name."""


@dataclass(frozen=True, kw_only=True)
class BackboneChoice:
    """Which network is trained.

    Args:
        name: A network of this package or of timm; or FILE.FUNCTION, a function in a file of the
            current folder that makes one for a number of classes.
        pretrained: Start from the weights that timm publishes, or from those in a file; images are
            then standardised as these weights expect.
        width: Channels of the first stage, for this package's networks.
        image_size: Height and width that the network is built for, in pixels; by default the
            images'.
        stages: Submodules whose outputs are the stages, for a network of one's own.
    """

    name: str = "resnet18_cifar"
    pretrained: bool | str = False
    width: int | None = None
    image_size: int | None = None
    stages: str | None = None

    def check(self) -> None:
        """Make sure, before images are read, that there is such a network and its weights.

        Raises:
            ValueError: If there is not.
        """
        if is_own_file(self.name):
            return
        if self.pretrained is True:
            check_published(self.name)
        else:
            declared_size(self.name)

    def expected_mean(self) -> ChannelValues | None:
        """The mean that its published weights expect of images; None where nobody knows."""
        named = self.pretrained and self.name != PASSED and not is_own_file(self.name)
        return published_mean(self.name) if named else None

    def build(self, num_classes: int, input_size: tuple[int, int, int]) -> Backbone:
        """Make the network, with new weights unless pretrained.

        Args:
            num_classes: Classes to tell apart.
            input_size: Channels, height and width of the images.

        Raises:
            ValueError: If there is no such network, or its stages are not said.
        """
        if is_own_file(self.name):
            if self.stages is None:
                raise ValueError(
                    f"--backbone {self.name}: say which submodules are its stages, shallow to "
                    "deep, as --backbone.stages layer1,layer2,…"
                )
            module = network_maker(self.name)(num_classes)
            return Tapped(module, self.stages.split(","), input_size=input_size)
        if self.stages is not None:
            raise ValueError(f"{self.name} knows its stages: leave --backbone.stages out")
        _, height, width = input_size
        size = height if height == width else (height, width)
        if self.image_size not in (None, size):
            raise ValueError(
                f"--backbone.image-size {self.image_size}: the images have {height} × {width} "
                "pixels; leave it out, or change theirs with --image-size"
            )
        return create_backbone(
            self.name,
            num_classes,
            pretrained=self.pretrained,
            width=self.width,
            image_size=None if size == declared_size(self.name) else size,
        )


@dataclass(frozen=True, kw_only=True)
class Adversary:
    """Training images are changed within a small box so that the method's own loss rises.

    Args:
        epsilon: Largest change of a pixel, in units of pixels in [0, 1].
        step_size: Change of a pixel in a step, in the same units.
        steps: Steps uphill: 1 for the fast gradient sign method, more for projected gradients.
        random_start: Begin anywhere within the box.
    """

    epsilon: float = 4 / 255
    step_size: float = 4 / 255
    steps: int = 1
    random_start: bool = False


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """Everything that decides a run's numbers.

    Args:
        data: The images.
        backbone: The network.
        method: How the network learns.
        augment: What is done to the training images, in this order.
        mixing: How training images are mixed with others, if at all: Mixup, CutMix, StyleMixing.
        adversary: How training images are made harder for the method, if at all.
        balance: How classes of unequal size are made to count alike, in labels and distillation:
            ``loss`` weighs each image by the inverse of its class's size; ``sampling`` shows the
            images of each class as often as those of another; none counts each image once.
        balance_beta: Balance less where classes are large: by the inverse of the effective number
            of images, (1 − β^n) / (1 − β); from 0, no balance, to below 1, such as 0.999.
        optimizer: Steps the parameters, by its torch name.
        schedule: Learning rate over epochs, by its torch name. Its epochs, milestones too, count
            from the end of the warm-up; CosineAnnealingLR, PolynomialLR and LinearLR end with
            training unless T_max or total_iters say otherwise. OneCycleLR and CyclicLR count
            optimizer steps and have a warm-up of their own; one cycle lasts as long as training.
        backbone_lr_scale: Share of the learning rate that the network gets, but for its classifier:
            below 1 where it starts from trained weights, and all else is new.
        decay_biases: Whether the optimizer's weight decay shrinks biases and scales of
            normalizations too, as torch's do; false spares them and what a timm network names, such
            as its position embeddings.
        warmup_epochs: Epochs in which the learning rate rises linearly, from 1/(warmup_epochs + 1)
            of what it reaches; a recipe's own is shortened where fewer epochs are asked for.
        init: Start from the weights of a run, a model folder or a weights file (safetensors, or a
            state dict that torch.save wrote), for another run with a schedule of its own; a
            classifier for other classes is left new, and so are a method's exits.
        epochs: Passes over the training images.
        batch_size: Images an optimizer step sees, over all processes and accumulation steps; auto
            for as many, up to 64, as leave an epoch ten steps.
        drop_last: Leave out the images that do not fill a last batch, others each epoch; false
            fills that batch with images from the epoch's first.
        accumulation: Parts in which a batch is computed, to save memory. What looks at other
            images of a batch sees those of its part: BatchNorm, DDGSD's hint, and SKDSAM's
            attention batch_mean.
        ema_decay: Share of the averaged weights that each step keeps, less at first: after t steps
            at most 1 − (1 + t)^(−2/3), so that a short run has a useful average; None trains
            without.
        seed: Fixes initial weights, order and augmentation; never the split.
        precision: Number format: fp32, bf16, fp16 with a scaled loss, or auto for what suits this
            machine: on CUDA bf16, or fp16 where the card has no bf16; else the faster of fp32 and
            bf16.
        compile: Compile the method, its loss included; graph records whole steps on CUDA as well,
            optimizer included, and replays them. What cannot be is said, and computed without.
        deterministic: Repeat bit for bit on CUDA too, at some cost in speed.
        validate_every: Epochs between two looks at the validation images.
        select: By which score of the validation images the epoch is chosen whose weights
            model-best-validation holds: accuracy, macro for the mean accuracy of the classes, or
            nll for the likelihood of the labels.
        patience: Stop after so many epochs without a better such score; None trains all epochs. A
            learning rate that was to fall to zero is then cut off on its way.
        legacy_test_curve: Record the test accuracy of every epoch, for the column labelled so.
    """

    data: DataSet
    backbone: BackboneChoice = BackboneChoice()
    method: Callable[[Backbone], Method]
    augment: list[Augmentation] = field(default_factory=list[Augmentation])
    mixing: Mixing | None = None
    adversary: Adversary | None = None
    balance: Balance = "none"
    balance_beta: float | None = None
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Callable[[Optimizer], LRScheduler]
    backbone_lr_scale: float = 1.0
    decay_biases: bool = True
    warmup_epochs: int = 0
    init: Path | None = None
    epochs: int
    batch_size: int | Literal["auto"] = 128
    drop_last: bool = True
    accumulation: int = 1
    ema_decay: float | None = None
    seed: int = 0
    precision: PrecisionChoice = "auto"
    compile: CompileChoice = False
    deterministic: bool = False
    validate_every: int = 1
    select: Literal["accuracy", "macro", "nll"] = "accuracy"
    patience: int | None = None
    legacy_test_curve: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name in ("epochs", "batch_size", "accumulation", "validate_every"):
            value = getattr(self, name)
            if value != "auto" and value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must lie below epochs={self.epochs}"
            )
        if not 0 < self.backbone_lr_scale <= 1:
            raise ValueError(
                f"backbone_lr_scale={self.backbone_lr_scale} must lie above 0, up to 1"
            )
        if self.balance_beta is not None:
            if self.balance == "none":
                raise ValueError(
                    f"balance_beta={self.balance_beta} needs --balance loss or sampling"
                )
            if not 0 <= self.balance_beta < 1:
                raise ValueError(f"balance_beta={self.balance_beta} must lie within 0 to below 1")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience={self.patience} must be at least 1")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay={self.ema_decay} must lie between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where a run is computed; may change when it goes on.

    Args:
        out: The run directory; by default runs/RECIPE/METHOD-HASH/seedSEED.
        overwrite: Start afresh over what the run directory holds.
        accelerator: Kind of device, as Lightning names them: auto, cpu, cuda, mps.
        devices: Devices (processes) on each machine.
        num_nodes: Machines.
        threads: Processor threads of each process; by default torch's choice.
        checkpoint_seconds: Seconds between two checkpoints.
        stop_after: Seconds after which training saves and stops, as if by a signal.
        test: Read the test images after the last epoch even if there are validation images.
        logger: Trackers that are told each epoch: tensorboard, wandb, mlflow; several with commas.
        allow_own_code: Run files of the current folder that a stored recipe names, even if they are
            not those that its run was trained with.
    """

    out: Path | None = None
    overwrite: bool = False
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    threads: int | None = None
    checkpoint_seconds: float = 60.0
    stop_after: float | None = None
    test: bool = False
    logger: str | None = None
    allow_own_code: bool = False


SHORT_FORMS = {
    "backbone": "backbone.name",
    "image_size": "data.image_size",
    "cache_dir": "data.cache_dir",
    "lr": "optimizer.lr",
}
"""Options that have a shorter name than their place in the recipe gives them."""
ALL_OPTIONS = (
    *("config", *SHORT_FORMS),
    *inspect.get_annotations(Ingredients),
    *inspect.get_annotations(Execution),
    *(f"backbone.{name}" for name in inspect.get_annotations(BackboneChoice)),
    *(f"adversary.{name}" for name in inspect.get_annotations(Adversary)),
)
"""Names of options, but for those of classes."""
