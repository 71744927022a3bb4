"""From a recipe's ingredients and its images to a method and the batches that train it."""

import copy
from collections.abc import Callable
from dataclasses import replace

import torch

from ..backbones import Backbone, published_statistics
from ..config import Ingredients, provenance
from ..data import Batches, ImageSet, Pipeline, Splits
from ..evaluation import place
from ..methods import Method
from .state import call_method, context_for

MAX_MEMORY_SHARE = 0.5
"""Share of a device's free memory that images may take; more of them stay where they are."""


def build(
    ingredients: Ingredients,
    splits: Splits,
    passed: Backbone | None,
    device: torch.device,
    log: Callable[[str], None],
) -> tuple[Method, Splits]:
    """Build a method adapted to its images, and the images standardised as its network expects.

    Raises:
        ValueError: If the network does not suit the images, or the method either of them.
    """
    method = place(build_method(ingredients, splits, passed, log=log), device)
    splits = with_pretrained_statistics(ingredients, splits, method)
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

    Raises:
        ValueError: If the network does not suit the images, or the method the network.
    """
    torch.manual_seed(ingredients.seed)
    _check_held_out(splits)
    classes = len(splits.train.classes)
    input_size = (splits.train.images.shape[1], *splits.preprocessing.size)
    if passed is not None:
        _check_size(passed, classes, input_size)
        backbone = _copied(passed)
    else:
        backbone = ingredients.backbone.build(classes, input_size)
    _check_format(backbone)
    note = ingredients.init and provenance.load_weights(
        backbone, ingredients.init, splits.train.classes
    )
    if note:
        log(note)
    method = ingredients.method(backbone)
    enter_training(method)
    if not any(parameter.requires_grad for parameter in method.parameters()):
        raise ValueError("nothing can learn: every parameter is frozen (requires_grad is False)")
    return method


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


def _check_held_out(splits: Splits) -> None:
    """Refuse before training what could not be evaluated after it."""
    height, width = splits.preprocessing.size
    for part in (splits.validation, splits.test):
        if part and (part.images.shape[2] < height or part.images.shape[3] < width):
            raise ValueError(
                f"images of {part.images.shape[2]} × {part.images.shape[3]} pixels cannot test a "
                f"network that sees {height} × {width}: scale them to that size"
            )


def _copied(backbone: Backbone) -> Backbone:
    try:
        return copy.deepcopy(backbone)
    except Exception as error:  # a module of anybody's raises anything
        raise ValueError(
            f"the network cannot be copied, so that the one passed would be trained "
            f"({type(error).__name__}: {error}): let copy.deepcopy take it"
        ) from error


def _check_format(backbone: Backbone) -> None:
    for name, parameter in backbone.network.named_parameters():
        if parameter.dtype != torch.float32:
            raise ValueError(
                f"the network's {name} is {parameter.dtype}: training takes float32 weights; "
                "network.float() converts them"
            )


def _check_size(backbone: Backbone, classes: int, input_size: tuple[int, int, int]) -> None:
    if (backbone.num_classes, backbone.input_size) != (classes, input_size):
        raise ValueError(
            f"the network is made for {backbone.num_classes} classes and images of "
            f"{backbone.input_size}, the images have {classes} classes and {input_size}: build it "
            "for these"
        )


def with_pretrained_statistics(ingredients: Ingredients, splits: Splits, method: Method) -> Splits:
    """Standardise images as pretrained weights expect, where the network starts from such."""
    statistics = (
        published_statistics(method.backbone.network) if ingredients.backbone.pretrained else None
    )
    if statistics is None:
        return splits
    mean, std = statistics
    return replace(splits, mean=mean, std=std)


def build_batches(
    ingredients: Ingredients, splits: Splits, method: Method, device: torch.device | str
) -> Batches:
    """Build the batches of a run.

    Raises:
        ValueError: If the augmentation does not suit the method, or the images the batch size.
    """
    batches = Batches(
        _moved(splits.train, torch.device(device)),
        pipeline=Pipeline(ingredients.augment, splits.preprocessing),
        partner=method.partner,
        batch_size=ingredients.batch_size,
        seed=ingredients.seed,
        mixing=ingredients.mixing,
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


def _moved(images: ImageSet, device: torch.device) -> ImageSet:
    """Images on the device that computes, or where they lie if they are too many for it."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if images.images.nbytes > MAX_MEMORY_SHARE * free:
            return images
    return images.to(device)


def check_parts(ingredients: Ingredients, method: Method, batches: Batches, processes: int) -> None:
    """Refuse parts of a batch that are single images where a BatchNorm would see one value each."""
    parts = processes * ingredients.accumulation
    if ingredients.batch_size != parts:
        return
    batch = batches.epoch(0).batch(0, parts=parts)
    trial = copy.deepcopy(method)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            call_method(trial, batch, context_for(trial, batch))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        sizes = {"batch-size": ingredients.batch_size, "accumulation": ingredients.accumulation}
        words = [f"--{name} {n}" for name, n in {**sizes, "devices": processes}.items() if n > 1]
        fewer = parts // (2 * processes)
        ways = [f"--accumulation {fewer}"] if fewer else []
        raise ValueError(
            f"{' '.join(words) or '--batch-size 1'}: each part of a batch is one image, and a "
            "BatchNorm sees one value per channel: choose "
            f"{' or '.join([*ways, f'--batch-size {2 * parts}'])}"
        ) from error
