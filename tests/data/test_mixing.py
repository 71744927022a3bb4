import pytest
import torch
from scipy.stats import beta, chisquare, kstest

from selfdistill.data import (
    Batches,
    CutMix,
    Flip,
    ImageSet,
    Mixup,
    PadCrop,
    Pipeline,
    Preprocessing,
    StyleMixing,
)
from selfdistill.pairing import Partner

ALL = [Mixup(), Mixup(alpha=0.2), CutMix(), CutMix(alpha=2.0, probability=0.5), StyleMixing()]
COUNT = 30


@pytest.fixture
def train():
    images = torch.randint(0, 256, (COUNT, 3, 8, 8), dtype=torch.uint8)
    return ImageSet(images, torch.arange(COUNT) % 3, ("a", "b", "c"))


@pytest.fixture
def make(train):
    pipeline = Pipeline(
        [PadCrop(padding=2), Flip()], Preprocessing((8, 8), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    )

    def batches(mixing, partner=Partner.NONE, seed=0, batch_size=10):
        options = {"batch_size": batch_size, "seed": seed, "mixing": mixing}
        return Batches(train, pipeline=pipeline, partner=partner, **options)

    return batches


def one_hot(labels, classes=3):
    return torch.nn.functional.one_hot(labels, classes).float()


def sample(mixing, count=9, views=(), size=(8, 10)):
    images, partners = torch.randn(2, *views, count, 3, *size)
    labels, others = one_hot(torch.arange(count) % 3), one_hot(torch.arange(count) // 2 % 3)
    draws = mixing.prepare(torch.rand(count, mixing.draws_per_image))
    return images, partners, labels, others, draws


@pytest.mark.parametrize("mixing", ALL)
def test_an_image_depends_on_its_own_row_alone(mixing):
    given = sample(mixing)
    before = [one.clone() for one in given]
    images, labels = mixing.apply(*given)
    assert all(torch.equal(one, other) for one, other in zip(given, before, strict=True))
    for i in (0, 4, 8):
        alone, label = mixing.apply(*(one[i : i + 1] for one in given))
        assert torch.equal(alone[0], images[i])
        assert torch.equal(label[0], labels[i])


@pytest.mark.parametrize("mixing", ALL)
def test_views_mix_alike(mixing):
    images, partners, labels, others, draws = sample(mixing, views=(2,))
    mixed, soft = mixing.apply(images, partners, labels, others, draws)
    for view in (0, 1):
        alone, expected = mixing.apply(images[view], partners[view], labels, others, draws)
        assert torch.equal(mixed[view], alone)
        assert torch.equal(soft, expected)


@pytest.mark.parametrize("kind", [Mixup, CutMix, StyleMixing])
def test_nothing_is_mixed_at_no_probability(kind):
    mixing = kind(probability=0.0)
    images, partners, labels, others, draws = sample(mixing)
    mixed, soft = mixing.apply(images, partners, labels, others, draws)
    assert torch.equal(mixed, images)
    assert torch.equal(soft, labels)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_follow_the_beta_distribution(alpha):
    mixing = Mixup(alpha=alpha, probability=0.8)
    uniform = torch.rand(5000, 2)
    before = uniform.clone()
    draws = mixing.prepare(uniform)
    assert torch.equal(uniform, before)
    size = (5000, 3, 1, 1)
    labels, others = torch.eye(2)[:1].expand(5000, -1), torch.eye(2)[1:].expand(5000, -1)
    mixed, soft = mixing.apply(torch.ones(size), torch.zeros(size), labels, others, draws)
    torch.testing.assert_close(soft.sum(1), torch.ones(5000))
    assert torch.equal(mixed[:, 0, 0, 0], soft[:, 0])
    applied = draws[:, 0] < 0.8
    assert abs(applied.double().mean() - 0.8) < 0.025
    assert torch.equal(soft[~applied], labels[~applied])
    assert kstest(soft[applied, 0], beta(alpha, alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("size", [(8, 8), (7, 12)])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_the_pasted_area_is_the_partners_share_exactly(size, alpha):
    mixing = CutMix(alpha=alpha)
    count, pixels = 500, size[0] * size[1]
    shape = (count, 3, *size)
    labels, others = torch.eye(2)[:1].expand(count, -1), torch.eye(2)[1:].expand(count, -1)
    draws = mixing.prepare(torch.rand(count, 4))
    mixed, soft = mixing.apply(torch.zeros(shape), torch.ones(shape), labels, others, draws)
    pasted = mixed[:, 0].sum((1, 2))
    assert torch.equal(soft[:, 0], 1 - pasted / pixels)
    assert torch.equal(soft[:, 1], 1 - soft[:, 0])
    assert torch.equal(mixed.any(3).sum((1, 2)) * mixed.any(2).sum((1, 2)), 9 * pasted.long())


def test_the_rectangle_has_the_drawn_share_and_a_uniform_centre():
    mixing = CutMix()
    draws = torch.rand(6400, 4)
    draws[:, 1] = 1 - (2 / 8) ** 2
    zeros, labels = torch.zeros(6400, 1, 8, 8), torch.ones(6400, 1)
    mixed, _ = mixing.apply(zeros, zeros + 1, labels, labels, draws)
    # Sides of two pixels: from one before the centre up to the centre, unless cut by the border.
    last = mixed.flatten(1).flip(1).argmax(1).bincount(minlength=64)
    assert chisquare(last).pvalue > 1e-3
    inside = (draws[:, 2:] > 1 / 8).all(1)
    assert set(mixed[inside].sum((1, 2, 3)).tolist()) == {4.0}


def test_style_mixing_exchanges_statistics_and_nothing_else():
    mixing = StyleMixing(probability=1.0, share=0.3)
    images, partners, labels, others, draws = sample(mixing, size=(16, 16))
    partners = 2 * partners + 1
    mixed, soft = mixing.apply(images, partners, labels, others, draws)
    assert torch.equal(soft, labels)
    for statistic in (torch.mean, torch.std):
        own, other, new = (statistic(x.flatten(2), 2) for x in (images, partners, mixed))
        torch.testing.assert_close(new, 0.7 * own + 0.3 * other)
    standard = [
        (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True) for x in (images, mixed)
    ]
    torch.testing.assert_close(*standard, rtol=1e-4, atol=1e-5)
    flat = torch.ones_like(images)
    assert mixing.apply(flat, partners, labels, others, draws)[0].isfinite().all()


@pytest.mark.parametrize("partner", [Partner.NONE, Partner.SAME_IMAGE])
def test_mixing_moves_no_other_draw(make, partner):
    plain = make(None, partner).epoch(2)
    for mixing in ALL:
        mixed = make(mixing, partner).epoch(2)
        for name in ("order", "sources", "draws"):
            assert torch.equal(getattr(mixed, name), getattr(plain, name))
        unmixed = make(type(mixing)(probability=0.0), partner).epoch(2).batch(1)
        assert torch.equal(unmixed.images, plain.batch(1).images)
    assert plain.batch(1).labels.dtype == torch.int64


@pytest.mark.parametrize("mixing", ALL)
def test_a_batch_is_a_function_of_seed_and_epoch(make, mixing):
    batch, again = make(mixing).epoch(3).batch(1), make(mixing).epoch(3).batch(1)
    for one, other in zip(batch, again, strict=True):
        assert one is other is None or torch.equal(one, other)
    anchors = batch.indices
    for other in (make(mixing).epoch(4), make(mixing, seed=1).epoch(3)):
        assert not torch.equal(other.assemble(anchors).images, batch.images)
    large = make(mixing, batch_size=COUNT).epoch(3).batch(0)
    assert torch.equal(large.images[10:20], batch.images)
    assert torch.equal(large.labels[10:20], batch.labels)


@pytest.mark.parametrize("mixing", ALL)
def test_the_first_view_is_the_only_view_of_others(make, mixing):
    pair = make(mixing, Partner.SAME_IMAGE).epoch(0).batch(0)
    alone = make(mixing).epoch(0).batch(0)
    assert torch.equal(pair.images[0], alone.images)
    assert not torch.equal(pair.images[1], alone.images)
    assert torch.equal(pair.labels, alone.labels)


def test_a_batch_mixes_augmented_images_with_augmented_partners(make, train):
    batches = make(Mixup())
    epoch = batches.epoch(0)
    batch, mixtures = epoch.batch(0), epoch.mixtures
    for place, anchor in enumerate(batch.indices.tolist()):
        row = slice(anchor, anchor + 1)
        partner = mixtures.partners[row]
        own = batches.pipeline.apply(train.images[row], epoch.draws[0, row])
        other = batches.pipeline.apply(train.images[partner], mixtures.augmentation[0, row])
        share = mixtures.draws[anchor, 1]
        torch.testing.assert_close(batch.images[place], (share * own + (1 - share) * other)[0])
        labels = one_hot(train.labels[row]), one_hot(train.labels[partner])
        expected = share * labels[0] + (1 - share) * labels[1]
        torch.testing.assert_close(batch.labels[place], expected[0])


def test_seeds_and_epochs_mix_differently(make):
    first = make(CutMix()).epoch(3).mixtures
    for other in (make(CutMix()).epoch(4), make(CutMix(), seed=1).epoch(3)):
        for name in ("partners", "draws", "augmentation"):
            assert not torch.equal(getattr(other.mixtures, name), getattr(first, name))


def test_partners_are_uniform_over_the_split(make):
    drawn = torch.cat([make(Mixup()).epoch(epoch).mixtures.partners for epoch in range(100)])
    assert chisquare(drawn.bincount(minlength=COUNT)).pvalue > 1e-3


@pytest.mark.parametrize("mixing", [Mixup(), CutMix()])
def test_partners_of_one_class_and_labels_of_two_are_refused(make, mixing):
    with pytest.raises(ValueError, match=f"{type(mixing).__name__} gives an image labels of two"):
        make(mixing, Partner.SAME_CLASS)


def test_styles_keep_labels_and_so_partners_of_one_class(make, train):
    batch = make(StyleMixing(), Partner.SAME_CLASS).epoch(0).batch(0)
    assert torch.equal(batch.labels, train.labels[batch.indices])


@pytest.mark.parametrize(
    ("make_one", "message"),
    [
        (lambda: Mixup(alpha=0.0), "alpha 0"),
        (lambda: CutMix(probability=1.1), "probability 1.1"),
        (lambda: StyleMixing(share=2.0), "share 2"),
    ],
)
def test_what_makes_no_sense_is_refused(make_one, message):
    with pytest.raises(ValueError, match=message):
        make_one()
