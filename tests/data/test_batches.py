from itertools import pairwise

import pytest
import torch
from scipy.stats import chisquare

from selfdistill.data import (
    Batches,
    Cutout,
    Flip,
    ImageSet,
    PadCrop,
    Pipeline,
    Preprocessing,
    generator,
)
from selfdistill.data.batches import same_class
from selfdistill.pairing import Partner

COUNT = 26


@pytest.fixture
def train():
    images = torch.randint(0, 256, (COUNT, 3, 8, 8), dtype=torch.uint8)
    return ImageSet(images, torch.arange(COUNT) % 3, ("a", "b", "c"))


@pytest.fixture
def make(train):
    steps = [PadCrop(padding=2), Flip(), Cutout(length=3)]
    pipeline = Pipeline(steps, Preprocessing((8, 8), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))

    def batches(partner=Partner.NONE, **options):
        options = {"batch_size": 8, "seed": 0, **options}
        return Batches(train, pipeline=pipeline, partner=partner, **options)

    return batches


def equal(one, other):
    return all(a is b is None or torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("partner", Partner)
def test_a_batch_is_a_function_of_seed_epoch_and_step(make, partner):
    epoch = make(partner).epoch(3)
    forwards = [epoch.batch(step) for step in range(3)]
    torch.manual_seed(1)
    torch.rand(10)
    again = make(partner).epoch(3)
    backwards = [again.batch(step) for step in (2, 1, 0)][::-1]
    assert all(equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    for other in (make(partner, seed=1).epoch(3), make(partner).epoch(4)):
        assert not torch.equal(other.order, epoch.order)
        assert not torch.equal(other.draws, epoch.draws)


def test_the_next_epoch_is_not_the_next_seed(make):
    assert not torch.equal(make(seed=0).epoch(1).order, make(seed=1).epoch(0).order)


def test_neighbouring_seeds_and_epochs_share_no_generator():
    drawn = {
        torch.rand(1, generator=generator(*keys)).item()
        for keys in ((0, 1), (1, 0), (1,), (0,), (11,), (1, 1), (0, "1/1"), (0, "split"))
    }
    assert len(drawn) == 8


def test_an_epoch_visits_images_once_and_drops_the_last_partial_batch(make):
    batches = make()
    assert batches.steps == 3
    seen = torch.cat([batches.epoch(0).batch(step).indices for step in range(3)])
    assert len(seen.unique()) == 24


@pytest.mark.parametrize("size", [1, 8, 13, 26])
def test_a_last_batch_is_filled_with_the_images_that_came_first(make, size):
    batches = make(batch_size=size, drop_last=False)
    epochs = [batches.epoch(number) for number in range(2)]
    for epoch in epochs:
        seen = torch.cat([epoch.batch(step).indices for step in range(batches.steps)])
        assert torch.equal(seen[:COUNT].sort().values, torch.arange(COUNT))
        assert torch.equal(seen[COUNT:], seen[: len(seen) - COUNT])
        assert len(seen) < COUNT + size
    dropping = make(batch_size=size).epoch(0)
    assert equal(epochs[0].batch(0), dropping.batch(0))  # nothing else of an epoch is drawn anew


def test_labels_and_indices_belong_to_the_anchors(make, train):
    batch = make(Partner.SAME_CLASS).epoch(0).batch(1)
    assert torch.equal(batch.labels, train.labels[batch.indices])


@pytest.mark.parametrize("partner", Partner)
@pytest.mark.parametrize("parts", [1, 2, 4, 8])
def test_parts_in_order_are_the_whole(make, partner, parts):
    epoch = make(partner).epoch(0)
    whole = epoch.batch(2)
    pieces = [epoch.batch(2, part=part, parts=parts) for part in range(parts)]
    axis = whole.images.ndim - 4
    assert torch.equal(torch.cat([piece.images for piece in pieces], axis), whole.images)
    assert torch.equal(torch.cat([piece.labels for piece in pieces]), whole.labels)
    assert torch.equal(torch.cat([piece.indices for piece in pieces]), whole.indices)


@pytest.mark.parametrize("partner", Partner)
def test_an_image_is_augmented_by_its_own_row_whatever_the_batch(make, train, partner):
    batches = make(partner)
    epoch = batches.epoch(0)
    batch = epoch.batch(0)
    views = batch.images if batch.images.ndim == 5 else batch.images[None]
    assert views.shape == (len(epoch.sources), 8, 3, 8, 8)
    for place, anchor in enumerate(batch.indices.tolist()):
        for view, images in enumerate(views):
            source = epoch.sources[view, anchor : anchor + 1]
            alone = batches.pipeline.apply(
                train.images[source], epoch.draws[view, anchor : anchor + 1]
            )
            assert torch.equal(images[place], alone[0])
    large = make(partner, batch_size=13).epoch(0).batch(0)
    assert torch.equal(large.indices[:8], batch.indices)
    assert torch.equal(large.images[..., :8, :, :, :], batch.images)


def test_partners_change_neither_order_nor_first_view(make):
    alone, *paired = (make(partner).epoch(1).batch(0) for partner in Partner)
    for batch in paired:
        assert torch.equal(batch.images[0], alone.images)
        assert not torch.equal(batch.images[1], alone.images)


def test_views_are_channels_last(make):
    images = make(Partner.SAME_IMAGE).epoch(0).batch(0).images
    assert images.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def test_partners_of_the_same_image_are_the_image(make):
    assert torch.equal(*make(Partner.SAME_IMAGE).epoch(0).sources)


def test_partners_of_the_batch_before_are_its_images_in_their_places(make, train):
    batches = make(Partner.BATCH_BEFORE)
    shown = [batches.epoch(epoch).batch(step) for epoch in (0, 1) for step in range(batches.steps)]
    assert torch.equal(shown[0].partners, shown[0].indices)
    for before, batch in pairwise(shown):
        assert torch.equal(batch.partners, before.indices)
        assert torch.equal(batch.partner_labels, train.labels[before.indices])
        assert not torch.equal(batch.images[1], before.images[0])


def test_partners_are_uniform_over_the_others_of_the_class():
    labels = torch.tensor([2, 0, 0, 2, 2, 0, 2])
    counts = torch.zeros(7, 7)
    for _ in range(3000):
        counts[torch.arange(7), same_class(labels, torch.rand(7), torch.arange(7))] += 1
    allowed = (labels[:, None] == labels) & ~torch.eye(7, dtype=torch.bool)
    assert torch.equal(counts > 0, allowed)
    for row, others in zip(counts, allowed, strict=True):
        assert chisquare(row[others]).pvalue > 1e-3


def test_draws_at_the_edges_still_find_a_partner():
    labels = torch.arange(8) % 2
    for edge in (0.0, 1 - 2**-24, 1.0):
        partners = same_class(labels, torch.full((8,), edge), torch.arange(8))
        assert torch.equal(labels[partners], labels)
        assert not (partners == torch.arange(8)).any()


def test_a_class_of_one_image_is_refused_by_name():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    train = ImageSet(images, torch.tensor([0, 0, 2]), ("a", "b", "c"))
    pipeline = Pipeline([], Preprocessing((8, 8), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    options = {"pipeline": pipeline, "batch_size": 2, "seed": 0}
    with pytest.raises(ValueError, match="class 'c' has a single training image"):
        Batches(train, partner=Partner.SAME_CLASS, **options)
    assert Batches(train, partner=Partner.SAME_IMAGE, **options).steps == 1


def test_batches_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError, match="batch size 27 must be within 1 to 26"):
        make(batch_size=27)
    with pytest.raises(ValueError, match="batch size 0"):
        make(batch_size=0)
    with pytest.raises(ValueError, match="batch of 8 does not divide into 3"):
        make().epoch(0).batch(0, parts=3)
