"""Batches whose randomness is a function of (seed, epoch, image), never of history.

Before an epoch, one generator keyed by seed and epoch draws the order of the images and, for each
view, a row of uniform numbers an image. Row i belongs to image i as the anchor (the image itself,
as opposed to its partner), so what becomes of an image depends neither on its batch nor on the
worker, rank, device or point of resuming. Where classes are balanced by sampling, seed and epoch
decide which image anchor i shows; an image that several anchors show is augmented by each row.
Mixing has a generator of its own: it moves no other draw, nor does the number of views move it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..pairing import Partner
from .augment import Mixing, Pipeline
from .augment.mixing import SoftLabels, Views
from .balance import Balance, class_weights, draw_by_weight
from .image_set import ImageSet
from .randomness import generator

Labels = Int64[Tensor, " batch"] | SoftLabels


class Batch(NamedTuple):
    """What a training step gets."""

    images: Float[Tensor, "*views batch channels height width"]
    """Augmented and standardised; with a partner, anchors and partners on a first axis."""
    labels: Labels
    """Classes; with mixing that softens labels a row of probabilities an image, and with classes
    balanced in the loss such a row times the weight of each class."""
    indices: Int64[Tensor, " batch"]
    """Positions of the anchors in the training split."""
    partners: Int64[Tensor, " batch"] | None = None
    """Positions of the images in the second view, where there is one."""
    partner_labels: Labels | None = None
    """Their classes; with classes balanced in the loss as rows, too."""


@dataclass(frozen=True, eq=False)
class Mixtures:
    """With which image and how each anchor of an epoch is mixed, in all its views."""

    mixing: Mixing
    partners: Int64[Tensor, " n"]
    augmentation: Float[Tensor, "views n draws"]
    """Uniform draws for the partner in each view of each anchor."""
    draws: Float[Tensor, "n mixing_draws"]
    """What decides each mixture."""


@dataclass(frozen=True, eq=False)
class Epoch:
    """Everything random about one epoch, drawn.

    Args:
        train: The training split.
        pipeline: What is done to each image.
        batch_size: Images of a global batch.
        order: Anchors in the order they are visited: a whole number of batches.
        sources: Which image each view of each anchor shows; the first view of anchor i shows image
            i, unless classes are balanced by sampling.
        draws: Uniform draws for each view of each anchor.
        mixtures: With which image and how each anchor is mixed, if at all.
        weights: What the labels of each class are multiplied by, if at all.
    """

    train: ImageSet
    pipeline: Pipeline
    batch_size: int
    order: Int64[Tensor, " visited"]
    sources: Int64[Tensor, "views n"]
    draws: Float[Tensor, "views n draws"]
    mixtures: Mixtures | None = None
    weights: Float[Tensor, " classes"] | None = None

    def batch(self, step: int, *, part: int = 0, parts: int = 1) -> Batch:
        """Make one part of a global batch; the parts, in order, are the whole.

        Args:
            step: Which batch of the epoch, from 0.
            part: Which part of it, from 0.
            parts: Equal parts it is divided into: processes times accumulation steps.

        Raises:
            ValueError: If the batch does not divide into that many parts.
        """
        return self.assemble(self.positions(step, part=part, parts=parts))

    def positions(self, step: int, *, part: int = 0, parts: int = 1) -> Int64[Tensor, " batch"]:
        """Which images one part of a global batch shows, as :meth:`batch` counts parts."""
        size = part_size(self.batch_size, parts)
        first = step * self.batch_size + part * size
        assert 0 <= part < parts
        assert 0 <= step < len(self.order) // self.batch_size
        return self.order[first : first + size]

    def copy_(self, other: "Epoch") -> None:
        """Take over what another epoch of the same run drew, into the same memory."""
        for own, new in zip(self._drawn(), other._drawn(), strict=True):
            own.copy_(new)

    def _drawn(self) -> list[Tensor]:
        drawn = [self.order, self.sources, self.draws]
        if (mixtures := self.mixtures) is not None:
            drawn += [mixtures.partners, mixtures.augmentation, mixtures.draws]
        return drawn

    def assemble(self, anchors: Int64[Tensor, " batch"]) -> Batch:
        """Make the batch of the given anchors: device work only, and nothing but tensors decide."""
        sources = self.sources.index_select(1, anchors)
        views = self._views(sources, self.draws.index_select(1, anchors))
        labels = self._labels(sources[0])
        if (mixtures := self.mixtures) is not None:
            partners = mixtures.partners[anchors]
            others = self._views(
                partners.expand(len(views), -1), mixtures.augmentation.index_select(1, anchors)
            )
            views, soft = mixtures.mixing.apply(
                views,
                others,
                self._one_hot(labels),
                self._one_hot(self._labels(partners)),
                mixtures.draws[anchors],
            )
            labels = soft if mixtures.mixing.softens else labels
        labels = self._weighted(labels)
        if len(views) == 1:
            return Batch(views[0], labels, sources[0])
        others = self._weighted(self._labels(sources[1]))
        return Batch(views, labels, sources[0], sources[1], others)

    def _labels(self, indices: Int64[Tensor, " batch"]) -> Int64[Tensor, " batch"]:
        labels = self.train.labels
        return labels[indices.to(labels.device)].to(indices.device)

    def _views(
        self, sources: Int64[Tensor, "views batch"], draws: Float[Tensor, "views batch draws"]
    ) -> Views:
        images = self.train.images
        pixels = images.index_select(0, sources.flatten().to(images.device)).to(sources.device)
        return self.pipeline.apply(pixels, draws.flatten(0, 1)).unflatten(0, tuple(sources.shape))

    def _weighted(self, labels: Labels) -> Labels:
        if self.weights is None:
            return labels
        return (self._one_hot(labels) if labels.ndim == 1 else labels) * self.weights

    def _one_hot(self, labels: Int64[Tensor, " batch"]) -> SoftLabels:
        # Not torch's own: it waits for the device, to check the labels.
        classes = torch.arange(len(self.train.classes), device=labels.device)
        return (labels[:, None] == classes).float()


class Batches:
    """The training split as batches of fixed size, epoch after epoch.

    Args:
        train: The training split, on any device.
        pipeline: What is done to each image.
        partner: Which second view stands beside each image.
        batch_size: Images of a global batch, over all processes and accumulation steps.
        drop_last: Whether an epoch leaves out the images that do not fill a last batch; else that
            batch is filled with images from the epoch's first.
        seed: Decides order, draws and partners, together with the epoch.
        mixing: What each image is mixed with another by, once augmented; None mixes nothing.
        balance: How classes of unequal size are made to count alike: ``loss`` multiplies the labels
            by the weight of each class; ``sampling`` draws as many images an epoch, of each class
            as often as its weight says.
        balance_beta: Of what the weights are the inverse: see :func:`class_weights`.
        device: Where batches are made, also of images that are too many to lie there; None for the
            images' own device.

    Raises:
        ValueError: If the split is smaller than a batch, a class has no second image where
            partners of the same class are asked for, or these meet labels that are mixtures.

    Examples:
        >>> images = torch.zeros(10, 3, 8, 8, dtype=torch.uint8)
        >>> train = ImageSet(images, torch.zeros(10, dtype=torch.long), ("cat",))
        >>> pipeline = Pipeline([], Preprocessing((8, 8), mean=(0.5,) * 3, std=(0.25,) * 3))
        >>> batches = Batches(train, pipeline=pipeline, partner=Partner.NONE, batch_size=4, seed=0)
        >>> batches.steps
        2
        >>> batches.epoch(0).batch(1).images.shape
        torch.Size([4, 3, 8, 8])
    """

    def __init__(
        self,
        train: ImageSet,
        *,
        pipeline: Pipeline,
        partner: Partner,
        batch_size: int,
        drop_last: bool = True,
        seed: int,
        mixing: Mixing | None = None,
        balance: Balance = "none",
        balance_beta: float | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        if not 1 <= batch_size <= len(train):
            raise ValueError(
                f"batch size {batch_size} must be within 1 to {len(train)}, the training images: "
                "choose one with --batch-size"
            )
        self.train = train
        self.device = train.images.device if device is None else torch.device(device)
        self.pipeline = pipeline.to(self.device)
        self.partner = partner
        self.batch_size = batch_size
        self.seed = seed
        self.mixing = mixing
        self.steps = len(train) // batch_size if drop_last else -(-len(train) // batch_size)
        """Batches of an epoch."""
        self.balance = balance
        self._labels = train.labels.cpu()
        self._weights = class_weights(self._labels, len(train.classes), balance_beta)
        if partner is Partner.SAME_CLASS:
            lonely = (self._labels.bincount() == 1).nonzero()
            if len(lonely):
                raise ValueError(
                    f"class {train.classes[int(lonely[0, 0])]!r} has a single training image: a "
                    "method that pairs images of one class needs two or more"
                )
            if mixing is not None and mixing.softens:
                raise ValueError(
                    f"{type(mixing).__name__} gives an image labels of two classes: a method that "
                    "pairs images of one class has no partner for it; leave mixing out or choose "
                    "another method"
                )

    def epoch(self, epoch: int) -> Epoch:
        """Draw an epoch."""
        # What is drawn later never moves what is drawn before it: a method with a partner sees the
        # order and first views that one without sees.
        random, device = generator(self.seed, epoch), self.device
        count, per_image = len(self.train), self.pipeline.draws_per_image
        views = 1 if self.partner is Partner.NONE else 2
        order = torch.randperm(count, generator=random)
        visited = self._visited(order)
        draws = torch.rand(views, count, per_image, generator=random)
        shown = self._shown(epoch)
        sources = shown.repeat(views, 1)
        if self.partner is Partner.SAME_CLASS:
            sources[1] = same_class(self._labels, torch.rand(count, generator=random), shown)
        elif self.partner is Partner.BATCH_BEFORE:
            before = torch.randperm(count, generator=generator(self.seed, max(0, epoch - 1)))
            first = (self._visited(before) if epoch else visited[: self.batch_size])[
                -self.batch_size :
            ]
            shown_first = self._shown(max(0, epoch - 1))[first]
            sources[1, order] = torch.cat((shown_first, shown[order]))[:count]
        mixtures = None
        if self.mixing is not None:
            random = generator(self.seed, epoch, "mixing")
            partners = shown[torch.randint(count, (count,), generator=random)]
            rows = self.mixing.prepare(
                torch.rand(count, self.mixing.draws_per_image, generator=random)
            )
            augmentation = torch.rand(views, count, per_image, generator=random)
            mixtures = Mixtures(
                self.mixing, partners.to(device), augmentation.to(device), rows.to(device)
            )
        return Epoch(
            self.train,
            self.pipeline,
            self.batch_size,
            visited.to(device),
            sources.to(device),
            draws.to(device),
            mixtures,
            self._weights.float().to(device) if self.balance == "loss" else None,
        )

    def _shown(self, epoch: int) -> Int64[Tensor, " n"]:
        """Which image the first view of each anchor shows."""
        if self.balance != "sampling":
            return torch.arange(len(self.train))
        return draw_by_weight(self._labels, self._weights, seed=self.seed, epoch=epoch)

    def _visited(self, order: Int64[Tensor, " n"]) -> Int64[Tensor, " visited"]:
        return torch.cat((order, order))[: self.steps * self.batch_size]


def part_size(batch_size: int, parts: int) -> int:
    """Images in each of the equal parts of a global batch.

    Raises:
        ValueError: If it does not divide into that many.
    """
    if batch_size % parts:
        raise ValueError(
            f"a batch of {batch_size} does not divide into {parts} equal parts: choose a "
            f"multiple of {parts} (processes × accumulation steps)"
        )
    return batch_size // parts


def same_class(
    labels: Int64[Tensor, " n"], draws: Float[Tensor, " m"], shown: Int64[Tensor, " m"]
) -> Int64[Tensor, " m"]:
    """Choose for each image shown another of its class, uniformly; each class has two or more."""
    counts = labels.bincount()
    grouped = labels.argsort(stable=True)
    places = torch.empty_like(grouped)
    places[grouped] = torch.arange(len(labels))
    classes = labels[shown]
    firsts, sizes = (counts.cumsum(0) - counts)[classes], counts[classes]
    others = (draws * (sizes - 1)).long().minimum(sizes - 2)
    return grouped[firsts + others + (others >= places[shown] - firsts)]
