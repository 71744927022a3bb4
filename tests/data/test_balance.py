"""Weights of classes by hand, and epochs drawn by them."""

import pytest
import torch

from selfdistill.data import (
    Batches,
    Cutout,
    Flip,
    ImageSet,
    Mixup,
    PadCrop,
    Pipeline,
    Preprocessing,
)
from selfdistill.data.balance import class_weights, draw_by_weight, imbalance
from selfdistill.pairing import Partner

SIZES = (30, 12, 3)
LABELS = torch.arange(3).repeat_interleave(torch.tensor(SIZES))[torch.randperm(sum(SIZES))]


def test_weights_are_the_inverse_of_sizes_with_mean_one():
    found = class_weights(LABELS, 3)
    assert found.tolist() == pytest.approx([45 / 3 / n for n in SIZES])
    assert found[LABELS].mean() == pytest.approx(1)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.99, 0.999999999])
def test_weights_by_effective_numbers_are_those_of_the_paper(beta):
    """Equation 6 of Cui et al.: a sum of powers, which its closed form abbreviates."""
    effective = [sum(beta**k for k in range(n)) for n in SIZES]
    expected = [1 / e for e in effective]
    scale = 45 / sum(n * w for n, w in zip(SIZES, expected, strict=True))
    found = class_weights(LABELS, 3, beta)
    assert found.tolist() == pytest.approx([scale * w for w in expected], rel=1e-6)
    if beta == 0:
        assert found.tolist() == [1, 1, 1]


def draw(epoch, *, beta=None, seed=0, labels=LABELS):
    weights = class_weights(labels, int(labels.max()) + 1, beta)
    return draw_by_weight(labels, weights, seed=seed, epoch=epoch)


@pytest.mark.parametrize("beta", [None, 0.0, 0.9])
def test_an_epoch_has_each_class_as_often_as_its_weight_says(beta):
    weights = class_weights(LABELS, 3, beta)
    for epoch in range(3):
        drawn = LABELS[draw(epoch, beta=beta)].bincount()
        assert drawn.sum() == 45
        assert (drawn - torch.tensor(SIZES) * weights).abs().max() < 1
    if beta == 0:
        assert torch.equal(draw(4, beta=beta).sort().values, torch.arange(45))


@pytest.mark.parametrize("epochs", [1, 2, 5, 7])
def test_images_of_a_class_take_turns(epochs):
    times = torch.cat([draw(epoch) for epoch in range(epochs)]).bincount(minlength=45)
    for label in range(3):
        assert times[label == LABELS].max() - times[label == LABELS].min() <= 1


def test_an_epoch_is_drawn_by_seed_and_number_alone():
    drawn = [draw(epoch) for epoch in range(4)]
    assert torch.equal(draw(3), drawn[3])
    assert not torch.equal(draw(3, seed=1).sort().values, drawn[3].sort().values)
    assert not torch.equal(drawn[2].sort().values, drawn[3].sort().values)


def test_single_images_and_many_classes():
    labels = torch.cat((torch.zeros(1000, dtype=torch.long), torch.arange(1, 50)))
    drawn = labels[draw(5, labels=labels)].bincount(minlength=50)
    assert drawn.sum() == 1049
    assert drawn.min() >= 20
    assert drawn.max() <= 22


@pytest.fixture
def make():
    images = torch.randint(0, 256, (45, 3, 8, 8), dtype=torch.uint8)
    train = ImageSet(images, LABELS, ("many", "some", "few"))
    steps = [PadCrop(padding=2), Flip(), Cutout(length=3)]
    pipeline = Pipeline(steps, Preprocessing((8, 8), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))

    def batches(balance="none", partner=Partner.NONE, **options):
        return Batches(
            train, pipeline=pipeline, partner=partner, batch_size=15, seed=0, balance=balance,
            **options,
        )  # fmt: skip

    return batches


@pytest.mark.parametrize("partner", Partner)
def test_sampling_shows_classes_alike_and_keeps_images_with_their_labels(make, partner):
    batches = make("sampling", partner)
    before = None
    for number in (0, 1):
        epoch = batches.epoch(number)
        assert batches.steps == 3
        for step in range(3):
            batch = epoch.batch(step)
            assert torch.equal(batch.labels, LABELS[batch.indices])
            if partner is Partner.SAME_IMAGE:
                assert torch.equal(batch.partners, batch.indices)
            elif partner is Partner.SAME_CLASS:
                assert torch.equal(LABELS[batch.partners], batch.labels)
                assert not (batch.partners == batch.indices).any()
            elif partner is Partner.BATCH_BEFORE and before is not None:
                assert torch.equal(batch.partners, before.indices)
            before = batch
        seen = torch.cat([epoch.batch(step).indices for step in range(3)])
        assert LABELS[seen].bincount().tolist() == [15, 15, 15]


def test_an_image_shown_again_is_augmented_anew(make):
    batch = make("sampling").epoch(0).batch(0)
    few = batch.images[batch.labels == 2]
    indices = batch.indices[batch.labels == 2]
    again = few[indices == indices.mode().values]
    assert len(again) > 1
    assert not torch.equal(again[0], again[1])


@pytest.mark.parametrize("partner", Partner)
def test_parts_of_a_sampled_batch_are_the_whole(make, partner):
    whole = make("sampling", partner).epoch(2).batch(1)
    epoch = make("sampling", partner).epoch(2)
    parts = [epoch.batch(1, part=part, parts=3) for part in range(3)]
    assert torch.equal(torch.cat([p.images for p in parts], whole.images.ndim - 4), whole.images)
    assert torch.equal(torch.cat([p.indices for p in parts]), whole.indices)


@pytest.mark.parametrize("partner", Partner)
def test_balance_in_the_loss_weighs_labels_and_changes_nothing_else(make, partner):
    batch, plain = (make(b, partner).epoch(1).batch(2) for b in ("loss", "none"))
    assert torch.equal(batch.images, plain.images)
    assert torch.equal(batch.indices, plain.indices)
    weights = class_weights(LABELS, 3).float()
    assert torch.equal(batch.labels.argmax(1), plain.labels)
    assert torch.allclose(batch.labels.sum(1), weights[plain.labels])
    if partner is not Partner.NONE:
        assert torch.allclose(batch.partner_labels.sum(1), weights[plain.partner_labels])


def test_a_mixture_weighs_what_its_parts_do(make):
    batch, plain = (make(b, mixing=Mixup()).epoch(1).batch(2) for b in ("loss", "none"))
    assert torch.equal(batch.images, plain.images)
    assert torch.allclose(batch.labels, plain.labels * class_weights(LABELS, 3).float())


def test_sampled_mixtures_are_of_classes_alike(make):
    epoch = make("sampling", mixing=Mixup()).epoch(0)
    labels = torch.cat([epoch.batch(step).labels for step in range(3)]).sum(0)
    plain = make(mixing=Mixup()).epoch(0)
    unequal = torch.cat([plain.batch(step).labels for step in range(3)]).sum(0)
    assert labels.max() < 2 * labels.min()
    assert unequal.max() > 4 * unequal.min()


@pytest.mark.parametrize(("most", "said"), [(29, False), (30, True)])
def test_a_class_ten_times_another_is_named(most, said):
    labels = torch.tensor([0] * most + [1] * 3 + [2] * 5)
    train = ImageSet(torch.zeros(len(labels), 3, 2, 2, dtype=torch.uint8), labels, ("a", "b", "c"))
    note = imbalance(train)
    assert bool(note) == said
    if said:
        assert note.startswith(
            "class 'a' has 30 training images, 'b' 3: --balance loss or sampling"
        )
