"""From a recipe's ingredients and its images to a method and the batches that train it."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import torch

from ..backbones import Backbone, published_statistics
from ..config import Ingredients, provenance
from ..data import Batches, Pipeline, Splits
from ..evaluation import place
from ..methods import Method
from .step import context_words

TRIED_IMAGES = 8
MAX_MEMORY_SHARE = 0.5
"""Share of a device's free memory that images may take; more of them stay where they are."""
AUTO_STEPS, MIN_AUTO_BATCH, MAX_AUTO_BATCH = 10, 8, 64
"""How many steps an epoch has at least, where batches of 8 or more images allow it."""


def build(
    ingredients: Ingredients,
    splits: Splits,
    passed: Backbone | None,
    device: torch.device,
    log: Callable[[str], None],
) -> tuple[Method, Splits]:
    """Build a method adapted to its images, and the images standardised as its network expects."""
    method = place(build_method(ingredients, splits, passed, log=log), device)
    pretrained = ingredients.backbone.pretrained
    if pretrained and (statistics := published_statistics(method.backbone.network)):
        mean, std = statistics
        splits = replace(splits, mean=mean, std=std)
    if note := method.adapt(splits.train.classes, splits.preprocessing):
        log(note)
    return method, splits


def build_method(
    ingredients: Ingredients,
    splits: Splits,
    passed: Backbone | None = None,
    *,
    log: Callable[[str], None] = print,
) -> Method:
    """Build backbone and method with the initial weights that the seed gives.

    Of a backbone that is passed a copy is trained.
    """
    height, width = splits.preprocessing.size
    for part in (splits.validation, splits.test):
        if part and (part.images.shape[2] < height or part.images.shape[3] < width):
            raise ValueError(
                f"images of {part.images.shape[2]} × {part.images.shape[3]} pixels cannot test a "
                f"network that sees {height} × {width}: scale them to that size"
            )
    torch.manual_seed(ingredients.seed)
    classes = splits.train.classes
    input_size = (splits.train.images.shape[1], height, width)
    if passed is None:
        backbone = ingredients.backbone.build(len(classes), input_size)
    else:
        backbone = _copied(passed, len(classes), input_size)
    for name, parameter in backbone.network.named_parameters():
        if parameter.dtype != torch.float32:
            raise ValueError(
                f"the network's {name} is {parameter.dtype}: training takes float32 weights; "
                "network.float() converts them"
            )
    start = ingredients.init
    if start and (note := provenance.load_weights(backbone, start, classes)):
        log(note)
    method = ingredients.method(backbone)
    if ingredients.adversary is not None and method.needs_context:
        raise ValueError(
            f"{type(method).__name__} cannot be trained against an adversary: it keeps a "
            "memory of images or follows training, which the attack's passes would disturb; "
            "leave --adversary out"
        )
    enter_training(method)
    if not any(parameter.requires_grad for parameter in method.parameters()):
        raise ValueError("nothing can learn: every parameter is frozen (requires_grad is False)")
    return method


def _copied(passed: Backbone, classes: int, input_size: tuple[int, int, int]) -> Backbone:
    """A copy of a backbone that suits the images."""
    if (passed.num_classes, passed.input_size) != (classes, input_size):
        raise ValueError(
            f"the network is made for {passed.num_classes} classes and images of "
            f"{passed.input_size}, the images have {classes} classes and {input_size}: build it "
            "for these"
        )
    try:
        return copy.deepcopy(passed)
    except Exception as error:  # a module of anybody's raises anything
        raise ValueError(
            f"the network cannot be copied, so that the one passed would be trained "
            f"({type(error).__name__}: {error}): let copy.deepcopy take it"
        ) from error


def enter_training(method: Method) -> None:
    """Put a method into training mode, but for the parts of it that are frozen in evaluation mode.

    A network that is in evaluation mode as a whole was loaded or tried out, and is not frozen.
    """
    network = method.backbone.network
    if not network.training:
        network.train()
    frozen = [part for part in method.modules() if not part.training]
    method.train()  # a module of anybody's may freeze parts here
    for part in frozen:
        part.training = False


def build_batches(
    ingredients: Ingredients,
    splits: Splits,
    method: Method,
    device: torch.device,
    processes: int = 1,
) -> Batches:
    """Build the batches of a run."""
    train = splits.train
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf
    if train.images.nbytes <= MAX_MEMORY_SHARE * free:
        train = train.to(device)
    batches = Batches(
        train,
        pipeline=Pipeline(ingredients.augment, splits.preprocessing),
        partner=method.partner,
        batch_size=batch_size(ingredients, len(train), processes),
        drop_last=ingredients.drop_last,
        seed=ingredients.seed,
        mixing=ingredients.mixing,
        balance=ingredients.balance,
        balance_beta=ingredients.balance_beta,
        device=device,
    )
    rotating = [type(step).__name__ for step in ingredients.augment if step.rotates]
    if method.rotates_images and rotating:
        raise ValueError(
            f"{type(method).__name__} tells an image's rotations apart, and {rotating[0]} may turn "
            "it: leave that augmentation out"
        )
    if method.remembers and ingredients.mixing is not None:
        raise ValueError(
            f"{type(method).__name__} remembers what it said of each image, and "
            f"{type(ingredients.mixing).__name__} shows a mixture of two: leave mixing out"
        )
    return batches


def batch_size(ingredients: Ingredients, images: int, processes: int) -> int:
    """The batch size that is asked for; of itself a power of two that divides into its parts."""
    if ingredients.batch_size != "auto":
        return ingredients.batch_size
    size = min(MAX_AUTO_BATCH, max(MIN_AUTO_BATCH, images // AUTO_STEPS))
    parts = processes * ingredients.accumulation
    return max(parts, min(images, 2 ** (size.bit_length() - 1)) // parts * parts)


def check_weights(method: Method, batches: Batches) -> None:
    """Refuse a method of which images of other weights get the same loss, or none."""
    epoch, trial = batches.epoch(0), copy.deepcopy(method).eval()
    batch = epoch.assemble(epoch.order[:TRIED_IMAGES])
    losses: list[float] = []
    try:
        for scale in (1, 2):
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                words = context_words(trial, batch)
                output = trial(batch.images, scale * batch.labels, **words)
                losses.append(float(output.loss))
        reason = "its loss does not depend on them" if losses[0] == losses[1] else ""
    except Exception as error:  # a method of anybody's raises anything
        reason = f"it takes labels as class numbers alone ({type(error).__name__})"
    if reason:
        raise ValueError(
            f"--balance loss weighs images by labels of shape (batch, classes), and "
            f"{type(method).__name__} does not: {reason}; choose --balance sampling"
        )


def check_parts(ingredients: Ingredients, method: Method, batches: Batches, processes: int) -> None:
    """Refuse parts of a batch that are single images where a BatchNorm would see one value each."""
    parts = processes * ingredients.accumulation
    if batches.batch_size != parts:
        return
    batch = batches.epoch(0).batch(0, parts=parts)
    trial = copy.deepcopy(method)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            trial(batch.images, batch.labels, **context_words(trial, batch))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        sizes = {"batch-size": batches.batch_size, "accumulation": ingredients.accumulation}
        words = [f"--{name} {n}" for name, n in {**sizes, "devices": processes}.items() if n > 1]
        fewer = parts // (2 * processes)
        ways = [f"--accumulation {fewer}"] if fewer else []
        raise ValueError(
            f"{' '.join(words) or '--batch-size 1'}: each part of a batch is one image, and a "
            "BatchNorm sees one value per channel: choose "
            f"{' or '.join([*ways, f'--batch-size {2 * parts}'])}"
        ) from error
