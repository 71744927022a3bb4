import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from selfdistill.reports.statistics import critical_value, differences, sampling_error, spread

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
def test_the_point_is_that_of_the_published_examples(example):
    """Which pool the deviations."""
    control, groups, intervals, _ = DUNNETT_1955[example]
    freedom = sum(len(values) - 1 for values in (control, *groups))
    squares = sum(np.var(values) * len(values) for values in (control, *groups))
    loadings = [math.sqrt(len(group) / (len(group) + len(control))) for group in groups]
    for group, (low, high) in zip(groups, intervals, strict=True):
        error = math.sqrt(squares / freedom * (1 / len(group) + 1 / len(control)))
        assert critical_value(loadings, freedom) == pytest.approx(
            (high - low) / 2 / error, rel=1e-3
        )


@pytest.mark.parametrize("example", DUNNETT_1955)
def test_the_published_verdicts_need_no_pooling_where_runs_are_enough(example):
    control, groups, _, verdicts = DUNNETT_1955[example]
    found = [test.verdict for test in differences(control, groups)]
    # of three runs each, the strongest of three breaking strengths is not told apart unpooled
    assert found == [v if len(control) > 3 else "not distinguishable" for v in verdicts]


@pytest.mark.parametrize("freedom", [2, 3, 8, 20])
@pytest.mark.parametrize("loadings", [(0.2, 0.9), (0.7,) * 8, (0.0, 0.0, 0.5), (1.0, 0.6, 0.95)])
def test_the_point_leaves_one_in_twenty_of_the_multivariate_t(loadings, freedom):
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    corner = np.full(len(loadings), critical_value(loadings, freedom))
    inside = stats.multivariate_t.cdf(
        corner, lower_limit=-corner, shape=correlation, df=freedom, maxpts=20_000, random_state=0
    )
    assert inside == pytest.approx(0.95, abs=1e-3)


def test_where_only_the_control_varies_all_pairs_are_one():
    assert critical_value((1.0, 1.0, 1.0), 4) == pytest.approx(stats.t.ppf(0.975, 4), rel=5e-3)


@pytest.mark.parametrize("groups", [2, 30, 200])
def test_without_a_shared_control_it_is_the_maximum_modulus(groups):
    point = critical_value((0.0,) * groups, 1_000_000)
    single = stats.norm.cdf(point) - stats.norm.cdf(-point)
    assert single**groups == pytest.approx(0.95, abs=1e-4)


@pytest.mark.parametrize(
    ("control", "group"),
    [
        ([78.1, 78.4, 77.9], [78.9, 78.6, 79.3, 78.7]),
        ([42.6, 43.2, 43.1, 42.0, 42.7], [46.0, 45.9, 47.5, 46.2, 45.1]),
        ([95.3, 95.0, 95.6], [95.5, 95.1, 95.2]),
        ([95.3, 95.0, 95.6], [96.5, 96.5, 96.5]),
    ],
)
def test_a_single_pair_is_welchs_test_with_whole_degrees_of_freedom(control, group):
    (test,) = differences(control, [group])
    means = CompareMeans(DescrStatsW(group), DescrStatsW(control))
    low, high = means.tconfint_diff(alpha=0.05, usevar="unequal")
    exact = means.dof_satt()
    wider = stats.t.ppf(0.975, math.floor(exact + 1e-9)) / stats.t.ppf(0.975, exact)
    half, middle = (high - low) / 2, (low + high) / 2
    expected = middle - wider * half, middle + wider * half
    np.testing.assert_allclose(test.interval, expected, rtol=1e-9)


def test_a_family_is_judged_more_strictly_than_a_pair():
    control, group = [78.1, 78.4, 77.9], [79.0, 78.7, 79.4]
    others = [[78.1, 78.4, 77.9]] * 4
    alone, joint = differences(control, [group])[0], differences(control, [group, *others])[0]
    widths = [test.interval[1] - test.interval[0] for test in (alone, joint)]
    assert 1.3 < widths[1] / widths[0] < 2


def test_a_restless_group_widens_its_own_interval_alone():
    control, group = [78.1, 78.4, 77.9, 78.2, 78.0], [79.0, 78.7, 79.4, 79.1, 78.9]
    calm, restless = [79.0, 79.1, 78.9, 79.2, 79.0], [79.0, 82.1, 75.9, 84.2, 74.0]
    before, after = (differences(control, [group, other])[0] for other in (calm, restless))
    assert after.interval == pytest.approx(before.interval, abs=0.05)


def test_a_group_that_never_differs_takes_no_verdict_from_others():
    steady, control = [80.0] * 3, [78.0, 78.2, 77.9]
    tests = differences(control, [steady, [78.1, 78.3, 77.8]])
    assert tests[0].verdict == "better"
    assert differences([78.0] * 3, [steady, control])[0].obstacle == (
        "where no seed changes any accuracy"
    )
    assert differences([78.0] * 3, [steady, control])[1] == differences([78.0] * 3, [control])[0]


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


DESIGNS = [
    (deviations, seeds, methods)
    for methods in (1, 2, 8)
    for seeds in ("3", "5", "3 and 5, control 5", "5 and 3, control 3")
    for deviations in ("equal", "one method's times 3", "control's times 2", "control's times 3")
]


def coverage(deviations, seeds, methods, studies):
    """Share of studies without any difference in which every interval holds 0."""
    rng = np.random.default_rng(0)
    sizes, control_size = {
        "3": ([3], 3),
        "5": ([5], 5),
        "3 and 5, control 5": ([3, 5], 5),
        "5 and 3, control 3": ([5, 3], 3),
    }[seeds]
    sizes = (sizes * methods)[:methods]
    spreads, control_spread = [0.3] * methods, 0.3
    if "method" in deviations:
        spreads[0] *= 3
    elif "control" in deviations:
        control_spread *= int(deviations[-1])
    held = 0
    for _ in range(studies):
        control = rng.normal(78, control_spread, control_size)
        groups = [rng.normal(78, sd, n) for sd, n in zip(spreads, sizes, strict=True)]
        held += holds(control, groups)
    return held / studies


def holds(control, groups):
    """Whether all intervals hold 0."""
    if len(groups) > 2 and (sure := surely_holds(control, groups)) is not None:
        return sure
    tests = differences(control.tolist(), [group.tolist() for group in groups])
    return all(test.interval[0] <= 0 <= test.interval[1] for test in tests)


def surely_holds(control, groups):
    """What the bounds of the point decide without it, which takes a while; None if nothing."""
    share = np.array([np.var(group, ddof=1) / len(group) for group in groups])
    other, sizes = np.var(control, ddof=1) / len(control), np.array(list(map(len, groups)))
    squares = share**2 / (sizes - 1) + other**2 / (len(control) - 1)
    freedom = np.floor((share + other) ** 2 / squares)
    ratios = abs(np.mean(control) - [np.mean(group) for group in groups]) / np.sqrt(share + other)
    if (ratios <= stats.t.ppf(0.975, freedom)).all():
        return True
    return None if (ratios <= stats.t.ppf(1 - 0.025 / len(groups), freedom)).all() else False


@pytest.mark.parametrize(
    ("deviations", "seeds", "methods"),
    [
        ("control's times 3", "3", 8),
        ("control's times 3", "5", 2),
        ("one method's times 3", "3 and 5, control 5", 1),
    ],
)
def test_intervals_hold_where_deviations_differ(deviations, seeds, methods):
    """Pooled, they do so in 77 % and fewer of such studies."""
    assert coverage(deviations, seeds, methods, 160) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("deviations", "seeds", "methods"), DESIGNS)
def test_intervals_hold_in_as_many_studies_as_they_say(deviations, seeds, methods):
    """To two standard errors."""
    studies = 1500 if methods > 2 else 5000
    error = math.sqrt(0.05 * 0.95 / studies)
    assert 0.94 - 2 * error < coverage(deviations, seeds, methods, studies) < 0.985


@pytest.mark.parametrize(("methods", "most"), [(1, 1.1), (2, 1.15), (8, 1.3)])
def test_of_equal_deviations_an_interval_is_little_wider_than_a_pooled_one(methods, most):
    """Of five runs each."""
    widths, pooled = 0.0, 0.0
    point = critical_value([0.5**0.5] * methods, 4 * methods + 4)
    for values in np.random.default_rng(0).normal(78, 0.3, (24 // methods, methods + 1, 5)):
        control, *groups = values.tolist()
        for low, high in (test.interval for test in differences(control, groups)):
            widths += high - low
            pooled += 2 * point * np.sqrt(values.var(axis=1, ddof=1).mean() * 2 / 5)
    assert 1 < widths / pooled < most
