"""Means, spreads and differences between groups of runs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

FEWEST_SEEDS = 3
"""Runs that both groups need before a difference gets an interval and a verdict."""
INTEGRATION_POINTS = 20_000


class Spread(NamedTuple):
    """Mean and spread of one figure over seeds."""

    mean: float
    sd: float | None
    """Standard deviation with ``n - 1`` in the denominator; ``None`` for a single run."""


class Difference(NamedTuple):
    """A group's mean minus the control's, and what may be said of it."""

    mean: float
    interval: tuple[float, float] | None = None
    """Family-wise 95 % interval; ``None`` where the runs do not allow one."""
    obstacle: str | None = None
    """Why there is no verdict."""

    @property
    def verdict(self) -> str | None:
        """``better``, ``worse`` or ``not distinguishable``; ``None`` where none may be given."""
        if self.interval is None or self.obstacle is not None:
            return None
        low, high = self.interval
        return "better" if low > 0 else "worse" if high < 0 else "not distinguishable"


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of at least one value."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), sd)


def differences(control: Sequence[float], groups: Sequence[Sequence[float]]) -> list[Difference]:
    r"""Difference of each group's mean to the control's, with intervals that hold jointly.

    .. math:: \bar x_i - \bar x_0 \pm c \, s \sqrt{1/n_i + 1/n_0}

    with the pooled standard deviation :math:`s` and Dunnett's critical value :math:`c`. Groups
    below three runs, and all if the control is, stay out of the family and get no interval; nor
    does any group when runs of the same group never differ, as nothing then measures chance.
    A single group in the family pools nothing: its interval is Welch's.

    Reference: B. L. Welch, The generalization of 'Student's' problem when several different
    population variances are involved, Biometrika 34 (1947); C. W. Dunnett, A multiple comparison
    procedure for comparing several treatments with a control, Journal of the American Statistical
    Association 50 (1955).
    """
    family = [group for group in groups if len(group) >= FEWEST_SEEDS]
    if len(control) < FEWEST_SEEDS:
        family = []
    if len(family) == 1:
        return [_welch(control, group, tested=group is family[0]) for group in groups]
    scale = _allowance(control, family) if family else None
    return [_difference(control, group, scale) for group in groups]


def critical_value(sizes: Sequence[int], control_size: int) -> float:
    r"""Two-sided 95 % point of Dunnett's test.

    The :math:`c` with :math:`P(\max_i |T_i| \le c) = 0.95`, where :math:`T` follows the
    multivariate t-distribution whose correlations come from sharing one control. For a single
    group it is the ordinary two-sample t-test's.

    Args:
        sizes: Runs in each group.
        control_size: Runs in the control.
    """
    # scipy.stats.dunnett finds the same point by a noisy search, which fails now and then for one
    # or two groups; with fixed integration points the probability is smooth
    loadings = np.sqrt([n / (n + control_size) for n in sizes])
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    freedom = sum(sizes) + control_size - len(sizes) - 1

    def excess(point: float) -> float:
        corner = np.full(len(sizes), point)
        inside = stats.multivariate_t.cdf(
            corner,
            lower_limit=-corner,
            shape=correlation,  # pyright: ignore[reportArgumentType]  (scipy infers int)
            df=freedom,
            maxpts=INTEGRATION_POINTS,
            random_state=0,
        )
        return float(inside) - 0.95

    return optimize.root_scalar(excess, bracket=(1.0, 50.0), xtol=1e-6).root


def sampling_error(accuracy: float, images: int) -> float:
    r"""Standard error, in points, of an accuracy measured on a sample of images.

    .. math:: 100 \sqrt{p (1 - p) / n}, \qquad p = \mathrm{accuracy} / 100

    Args:
        accuracy: In percent.
        images: Size :math:`n` of the split.
    """
    share = accuracy / 100
    return 100 * math.sqrt(share * (1 - share) / images)


def _allowance(control: Sequence[float], family: Sequence[Sequence[float]]) -> float:
    """Critical value times pooled standard deviation; 0 if runs of a group never differ."""
    groups = [control, *family]
    if all(min(values) == max(values) for values in groups):
        return 0.0
    freedom = sum(len(values) - 1 for values in groups)
    squares = sum(float(np.var(values)) * len(values) for values in groups)
    return critical_value([len(g) for g in family], len(control)) * math.sqrt(squares / freedom)


def _welch(control: Sequence[float], group: Sequence[float], *, tested: bool) -> Difference:
    if not tested or all(min(values) == max(values) for values in (control, group)):
        return _difference(control, group, 0.0 if tested else None)
    # scipy's ttest_ind warns where the runs of one of the two never differ
    sizes = np.array([len(group), len(control)])
    errors = np.array([np.var(values, ddof=1) for values in (group, control)]) / sizes
    freedom = errors.sum() ** 2 / (errors**2 / (sizes - 1)).sum()
    half = float(stats.t.ppf(0.975, freedom) * math.sqrt(errors.sum()))
    mean = float(np.mean(group) - np.mean(control))
    return Difference(mean, (mean - half, mean + half))


def _difference(
    control: Sequence[float], group: Sequence[float], allowance: float | None
) -> Difference:
    mean = float(np.mean(group) - np.mean(control))
    if allowance is None or len(group) < FEWEST_SEEDS:
        return Difference(mean, obstacle=f"under {FEWEST_SEEDS} seeds")
    if allowance == 0:
        return Difference(mean, obstacle="where no seed changes any accuracy")
    half = allowance * math.sqrt(1 / len(group) + 1 / len(control))
    return Difference(mean, (mean - half, mean + half))
