import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from selfdistill.reports.statistics import differences, sampling_error, spread

DUNNETT_1955 = {
    # published data of the two worked examples; intervals by R's multcomp::glht
    "blood counts": (
        [7.40, 8.50, 7.20, 8.24, 9.84, 8.32],
        [[9.76, 8.80, 7.68, 9.36], [12.80, 9.68, 12.16, 9.20, 10.55]],
        [(-1.2564116, 2.5564116), (0.8396274, 4.4163726)],
        ["not distinguishable", "better"],
    ),
    "breaking strengths": (
        [55.0, 47.0, 48.0],
        [[55.0, 64.0, 64.0], [55.0, 49.0, 52.0], [50.0, 44.0, 41.0]],
        [(0.7529028, 21.2470972), (-8.2470972, 12.2470972), (-15.2470972, 5.2470972)],
        ["better", "not distinguishable", "not distinguishable"],
    ),
}


@pytest.mark.parametrize("example", DUNNETT_1955)
def test_intervals_are_those_of_the_published_examples(example):
    control, groups, intervals, verdicts = DUNNETT_1955[example]
    tests = differences(control, groups)
    np.testing.assert_allclose([t.interval for t in tests], intervals, rtol=1e-3, atol=5e-3)
    assert [t.verdict for t in tests] == verdicts


@pytest.mark.parametrize(
    ("control", "group"),
    [
        ([78.1, 78.4, 77.9], [78.9, 78.6, 79.3, 78.7]),
        ([42.6, 43.2, 43.1, 42.0, 42.7], [46.0, 45.9, 47.5, 46.2, 45.1]),
        ([95.3, 95.0, 95.6], [95.5, 95.1, 95.2]),
        ([95.3, 95.0, 95.6], [96.5, 96.5, 96.5]),
    ],
)
def test_a_single_pair_is_welchs_test(control, group):
    (test,) = differences(control, [group])
    means = CompareMeans(DescrStatsW(group), DescrStatsW(control))
    expected = means.tconfint_diff(alpha=0.05, usevar="unequal")
    np.testing.assert_allclose(test.interval, expected, rtol=1e-9)
    _, chance, _ = means.ttest_ind(usevar="unequal")
    assert (test.verdict == "not distinguishable") == (chance > 0.05)


def test_a_family_is_judged_more_strictly_than_a_pair():
    control, group = [78.1, 78.4, 77.9], [79.0, 78.7, 79.4]
    others = [[78.1, 78.4, 77.9]] * 4
    alone, joint = differences(control, [group])[0], differences(control, [group, *others])[0]
    degrees = [4, 12]
    ordinary = [stats.t.ppf(0.975, df) for df in degrees]
    halves = [(t.interval[1] - t.interval[0]) / 2 / np.sqrt(2 / 3) for t in (alone, joint)]
    pooled = [
        np.sqrt(np.mean([np.var(v, ddof=1) for v in family]))
        for family in ([control, group], [control, group, *others])
    ]
    factors = np.divide(halves, np.multiply(pooled, ordinary))
    assert factors[0] == pytest.approx(1, rel=0.05)
    assert factors[1] > 1.2


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0, "not distinguishable"), (2, "better"), (-2, "worse")]
)
def test_two_points_at_a_spread_of_a_third_are_told_from_none(shift, verdict):
    noise = [-0.3, 0.0, 0.3]
    (test,) = differences([78 + e for e in noise], [[78 + shift + e for e in noise]])
    assert test.mean == pytest.approx(shift)
    assert test.verdict == verdict


@pytest.mark.parametrize(("control", "group"), [(2, 3), (3, 2), (1, 1)])
def test_under_three_seeds_there_is_a_difference_and_no_verdict(control, group):
    (test,) = differences([78.0, 78.1, 78.3][:control], [[80.0, 80.2, 80.1][:group]])
    assert test.mean > 1.5
    assert test.interval is None
    assert test.verdict is None
    assert test.obstacle == "under 3 seeds"


def test_a_small_group_leaves_the_family_as_it_is():
    control, group = [78.1, 78.4, 77.9], [79.0, 78.7, 79.4]
    assert differences(control, [group, [70.0]])[0] == differences(control, [group])[0]


def test_runs_that_never_differ_measure_no_chance():
    (test,) = differences([95.3] * 3, [[96.1] * 3])
    assert test.mean == pytest.approx(0.8)
    assert test.verdict is None
    assert test.obstacle == "where no seed changes any accuracy"


def test_spread_is_the_sample_standard_deviation():
    assert spread([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, (7 / 3) ** 0.5))
    values = DescrStatsW([78.1, 78.4, 77.9, 79.0], ddof=1)
    assert spread(values.data.tolist()) == pytest.approx((values.mean, values.std))
    assert spread([1.0]) == (1.0, None)


def test_sampling_error_is_the_spread_of_many_test_sets():
    hits = np.random.default_rng(0).binomial(500, 0.8, size=20_000)
    assert sampling_error(80.0, 500) == pytest.approx(np.std(100 * hits / 500), rel=0.02)
    low, high = proportion_confint(4670, 10_000, alpha=0.05, method="normal")
    error = sampling_error(46.70, 10_000)
    assert 100 * (high - low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error)
