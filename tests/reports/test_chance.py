import numpy as np
import pytest

from selfdistill.reports import compare, read
from selfdistill.reports.sections import classes
from selfdistill.reports.sections.classes import chance


@pytest.mark.parametrize("seeds", [(5, 5), (2, 3), (1, 3)])
def test_one_class_in_twenty_leaves_the_band_by_chance(seeds):
    rng = np.random.default_rng(0)
    images = np.repeat([25, 100, 400], 1000)
    hard = [rng.beta(0.6, 0.8, size=n) for n in images]  # of each image, the same for all runs

    def accuracies(runs):
        return 100 * np.array([(rng.random((runs, len(h))) < h).mean(1) for h in hard]).T

    own, other = (accuracies(runs) for runs in seeds)
    band = chance(own, other, images)
    outside = abs(own.mean(0) - other.mean(0)) > band.widths
    for size in (25, 100, 400):
        assert 0.03 < outside[images == size].mean() < 0.07


def test_of_single_runs_the_band_is_that_of_independent_answers():
    one = np.array([[50.0, 50.0, np.nan]])
    band = chance(one, one, np.array([100, 25, 0]))
    assert not band.measured
    expected = [196 * np.sqrt(2 * 0.25 / n) for n in (100, 25)]
    np.testing.assert_allclose(band.widths, [*expected, np.nan], rtol=1e-4)
    assert f"±{expected[0]:.1f} to ±{expected[1]:.1f} points, by class" in band.words(one[0])


def test_every_picture_states_the_band_of_its_own_seeds(directory):
    runs = [directory(seed=k, accuracy=70) for k in range(3)]
    runs += [directory("BYOT", seed=k, accuracy=70) for k in range(2)]
    runs += [directory("SKDSAM", accuracy=70)]
    comparison = compare([read(run) for run in runs])
    found = [p for p in classes.section(comparison).plots if p.name.startswith("classes")]
    for plot, seeds in zip(found, ("1 and 3", "2 and 3"), strict=True):
        width = plot.figure.axes[0].patches[0].get_width() / 2
        assert f"±{width:.1f} points" in plot.caption
        assert f"means of {seeds} seeds" in plot.caption


def test_every_class_has_the_band_of_its_own_images(directory):
    runs = [directory(m, seed=k, accuracy=70) for m in ("CrossEntropy", "BYOT") for k in range(3)]
    for run in runs:
        with np.load(run / "predictions.npz") as stored:
            arrays = dict(stored)
        kept = np.flatnonzero((arrays["labels"] != 1) | (np.arange(400) % 40 == 1))
        assert (arrays["labels"][kept] == 1).sum() == 10
        np.savez(run / "predictions.npz", **{name: part[kept] for name, part in arrays.items()})
        summary = (run / "summary.json").read_text()
        (run / "summary.json").write_text(summary.replace('"test": 400', '"test": 310'))
    comparison = compare([read(run) for run in runs])
    section = classes.section(comparison)
    panel = section.plots[0].figure.axes[0]
    names = [text.get_text() for text in panel.get_yticklabels()]
    widths = {name: bar.get_width() for name, bar in zip(names, panel.patches, strict=True)}
    (rare,) = (width for name, width in widths.items() if name.endswith("(10)"))
    others = {width for name, width in widths.items() if name.endswith("(100)")}
    assert len(widths) == 4
    assert sorted(others) == pytest.approx([rare / 10**0.5])
    assert f"±{min(widths.values()) / 2:.1f} to ±{rare / 2:.1f} points" in (
        section.plots[0].caption
    )
