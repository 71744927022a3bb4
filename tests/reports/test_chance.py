import numpy as np
import pytest

from selfdistill.reports.entries import entries
from selfdistill.reports.evidence import read_evidence
from selfdistill.reports.figures import classes
from selfdistill.reports.figures.chance import chance


@pytest.mark.parametrize("seeds", [(5, 5), (2, 3), (1, 3)])
def test_one_class_in_twenty_leaves_the_band_by_chance(seeds):
    rng = np.random.default_rng(0)
    hard = rng.beta(0.6, 0.8, size=(2000, 100))  # of each image, the same for all runs

    def accuracies(runs):
        return 100 * (rng.random((runs, *hard.shape)) < hard).mean(2)

    own, other = (accuracies(runs) for runs in seeds)
    band = chance(own, other, 100)
    outside = abs(own.mean(0) - other.mean(0)) > band.width
    assert 0.035 < outside.mean() < 0.065


def test_of_single_runs_the_band_is_that_of_independent_answers():
    one = np.array([[50.0, 50.0, np.nan]])
    band = chance(one, one, 100)
    assert not band.measured
    assert band.width == pytest.approx(196 * np.sqrt(2 * 0.25 / 100), rel=1e-4)


def test_every_picture_states_the_band_of_its_own_seeds(directory):
    runs = [directory(seed=k, accuracy=70) for k in range(3)]
    runs += [directory("BYOT", seed=k, accuracy=70) for k in range(2)]
    runs += [directory("SKDSAM", accuracy=70)]
    rows = entries([read_evidence(run) for run in runs], "test", {})[1]
    found = [p for p in classes.section(rows).pictures if p.name.startswith("classes")]
    for picture, seeds in zip(found, ("1 and 3", "2 and 3"), strict=True):
        width = picture.figure.axes[0].patches[0].get_width() / 2
        assert f"±{width:.1f} points" in picture.caption
        assert f"means of {seeds} seeds" in picture.caption
