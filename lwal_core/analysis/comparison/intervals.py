"""Intervals from few seeds: bootstrap and Student intervals, paired differences, censored median.

With the three to five seeds of a typical comparison the percentile bootstrap is too sure of itself: for three seeds
its 95 % interval is simply the range of the three values, which leaves out the true mean of a normal sample one time
in four. Both intervals are therefore computed, the wider one is reported, and a difference counts as clear only when
both leave out 0. Two seeds have no interval at all: Student's would be 13 standard deviations wide to either side.

Sources: B. Efron, R. Tibshirani, *An Introduction to the Bootstrap* (1993), ch. 13 (percentile interval); E. Kaplan,
P. Meier, *Nonparametric estimation from incomplete observations*, JASA 53 (1958).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import undefined
from lwal_core.errors import AnalysisError

FloatArray = npt.NDArray[np.float64]

LEVEL = 0.95
MIN_SEEDS = 3  # fewest seeds with an interval
RESAMPLES = 9999  # 2.5 % quantiles of the resampled mean are then stable to about 1 % of the interval's width
MIN_EQUAL_SEEDS = 6  # two-sided sign test: 2 * 0.5**6 = 0.031 < 0.05
_EQUAL = 1e-12  # differences of accuracies that agree to this are one value and rounding


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a mean; ``low`` and ``high`` are nan for fewer than :data:`MIN_SEEDS` values."""

    low: float
    high: float
    method: str
    n: int
    level: float = LEVEL

    @property
    def defined(self) -> bool:
        """Whether there were enough values."""
        return not math.isnan(self.low)

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside; False for an undefined interval."""
        return self.defined and (self.low > 0 or self.high < 0)

    @property
    def width(self) -> float:
        """From end to end; nan for an undefined interval."""
        return self.high - self.low


def bootstrap_interval(
    values: npt.ArrayLike, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Percentile bootstrap interval of the mean.

    Args:
        values: Finite numbers, ``[n]``.
        level: Coverage aimed at, between 0 and 1.
        resamples: Samples drawn with replacement.
        seed: Of the generator, so that the same values always give the same interval.

    Raises:
        AnalysisError: ``values`` are not one-dimensional or not finite, or ``level`` is not between 0 and 1.
    """
    array = _checked(values, level)
    n = array.size
    if n < MIN_SEEDS:
        return Interval(math.nan, math.nan, "bootstrap", n, level)
    means = array[_draws(n, resamples, seed)].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), "bootstrap", n, level)


@lru_cache(maxsize=4)  # a comparison takes many intervals of the same few numbers of seeds
def _draws(n: int, resamples: int, seed: int) -> npt.NDArray[np.int64]:
    """Which of ``n`` values each resample has, ``[resamples, n]``; shared: never changed."""
    draws = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    draws.flags.writeable = False
    return draws


def student_interval(values: npt.ArrayLike, *, level: float = LEVEL) -> Interval:
    """Student's t interval of the mean, ``mean ± t * sd / sqrt(n)``; arguments and errors as for
    :func:`bootstrap_interval`."""
    array = _checked(values, level)
    n = array.size
    if n < MIN_SEEDS:
        return Interval(math.nan, math.nan, "Student t", n, level)
    half = float(student_factor(np.array([n]), level)[0]) * float(array.std(ddof=1))
    mean = float(array.mean())
    return Interval(mean - half, mean + half, "Student t", n, level)


def wider(student: Interval, bootstrap: Interval) -> Interval:
    """The wider of two intervals of one mean; Student's where neither is defined."""
    return student if not student.defined or student.width >= bootstrap.width else bootstrap


def student_factor(n: npt.NDArray[np.integer], level: float = LEVEL) -> FloatArray:
    """Half width of the t interval in standard deviations, ``t(n - 1) / sqrt(n)``; nan where ``n`` is below
    :data:`MIN_SEEDS`."""
    from scipy.special import stdtrit

    out = np.full(n.shape, np.nan)
    several = n >= MIN_SEEDS
    out[several] = stdtrit(n[several] - 1, (1 + level) / 2) / np.sqrt(n[several])
    return out


@dataclass(frozen=True, eq=False)
class Difference:
    """Paired differences, one per seed, group minus baseline.

    Attributes:
        seeds: The seeds that both sides have, ascending; ``n`` is their number.
        values: One difference a seed, ``[n]``.
        mean: Their mean, nan when ``n`` is 0.
        bootstrap: Percentile bootstrap interval of the mean (nan ends for fewer than three seeds).
        student: Student's t interval of the mean (nan ends for fewer than three seeds).
        reason: Why there is no difference or no interval, e.g. ``"1 seed"``; empty when there is one.
    """

    seeds: tuple[int, ...]
    values: FloatArray
    mean: float
    bootstrap: Interval
    student: Interval
    reason: str

    @property
    def n(self) -> int:
        """Number of seeds that both sides have."""
        return len(self.seeds)

    @property
    def interval(self) -> Interval:
        """The wider of the two intervals: the one to print."""
        return wider(self.student, self.bootstrap)

    @property
    def defined(self) -> bool:
        """Whether there is an interval, that is, at least :data:`MIN_SEEDS` seeds."""
        return self.n >= MIN_SEEDS

    @property
    def clear(self) -> bool:
        """Whether both intervals leave out 0.

        When all differences are the same number both intervals have no width, which says more about the test set's
        granularity than about the seeds; then the sign test decides, which needs six seeds.
        """
        if not self.defined:
            return False
        if float(np.ptp(self.values)) < _EQUAL:
            return abs(self.mean) > _EQUAL and self.n >= MIN_EQUAL_SEEDS
        return self.bootstrap.excludes_zero and self.student.excludes_zero

    @property
    def undefined_text(self) -> str:
        """What to print in the place of a difference that does not exist: ``"undefined (1 seed)"``."""
        return undefined(self.reason)


def paired_difference(
    group: Mapping[int, float], baseline: Mapping[int, float], *, reason: str = "", seed: int = 0
) -> Difference:
    """Differences ``group - baseline`` over the seeds that both have a finite value for.

    Args:
        group: Value by seed.
        baseline: Value by seed.
        reason: When given, nothing is paired and the difference is undefined for this reason.
        seed: Of the bootstrap's generator.
    """
    shared = [] if reason else [s for s in sorted(group) if s in baseline and math.isfinite(group[s] - baseline[s])]
    values = np.array([group[s] - baseline[s] for s in shared], dtype=np.float64)
    why = reason or {0: "no shared seeds", 1: "1 seed", 2: "2 seeds are too few"}.get(len(shared), "")
    return Difference(
        seeds=tuple(shared),
        values=values,
        mean=float(values.mean()) if shared else math.nan,
        bootstrap=bootstrap_interval(values, seed=seed),
        student=student_interval(values),
        reason=why,
    )


@dataclass(frozen=True, eq=False)
class Ratio:
    """Paired ratios, one per seed, group to baseline; their mean is geometric.

    Attributes:
        logs: The differences of the natural logarithms that it is made of; ``clear`` and ``reason`` are theirs.
    """

    logs: Difference

    @property
    def n(self) -> int:
        """Number of seeds for which both sides have a value above 0."""
        return self.logs.n

    @property
    def mean(self) -> float:
        """1 when both take as long; nan without a shared seed."""
        return math.exp(self.logs.mean)

    @property
    def interval(self) -> Interval:
        """Of the geometric mean; nan ends for fewer than three seeds."""
        inner = self.logs.interval
        return Interval(math.exp(inner.low), math.exp(inner.high), inner.method, inner.n, inner.level)


def paired_ratio(group: Mapping[int, float], baseline: Mapping[int, float], *, reason: str = "") -> Ratio:
    """Ratios ``group / baseline`` over the seeds for which both have a value above 0.

    Twice as long and half as long are equally far from 1, so means and intervals are taken of the logarithms.

    Args:
        group: Value by seed, e.g. seconds.
        baseline: Value by seed.
        reason: When given, nothing is paired and the ratio is undefined for this reason.
    """
    logs = [{seed: math.log(value) for seed, value in side.items() if value > 0} for side in (group, baseline)]
    return Ratio(paired_difference(logs[0], logs[1], reason=reason))


def censored_median(times: npt.ArrayLike, happened: npt.ArrayLike) -> float:
    """Median time to an event when some were never seen to happen (Kaplan-Meier).

    Without censoring it is the ordinary median. A run that stopped early at epoch 5 counts as "later than 5", not as
    never and not as 5.

    Args:
        times: When it happened, or until when it was watched, ``[n]``; finite.
        happened: Whether it happened, ``[n]``.

    Returns:
        The median, ``inf`` when fewer than half are known to get there, nan when ``n`` is 0.

    Raises:
        AnalysisError: The two are not of one length, or a time is not finite.
    """
    when, seen = np.asarray(times, dtype=np.float64), np.asarray(happened, dtype=bool)
    if when.shape != seen.shape or when.ndim != 1 or not np.isfinite(when).all():
        raise AnalysisError(
            f"times {when.shape} and happened {seen.shape} do not describe the same runs.",
            "Give two one-dimensional arrays of one length, times finite.",
        )
    if when.size == 0:
        return math.nan
    survival, half_since = 1.0, math.nan
    for time in np.unique(when[seen]):
        at_risk = int((when >= time).sum())
        survival *= 1 - int((seen & (when == time)).sum()) / at_risk
        if not math.isnan(half_since):
            return (half_since + float(time)) / 2  # level at one half until now: the usual midpoint for an even n
        if abs(survival - 0.5) < _EQUAL:
            half_since = float(time)
        elif survival < 0.5:
            return float(time)
    return math.inf


def _checked(values: npt.ArrayLike, level: float) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise AnalysisError(
            f"An interval needs finite numbers in one dimension, got {array!r}.",
            "Leave undefined values out first.",
        )
    if not 0 < level < 1:
        raise AnalysisError(f"The level of an interval is between 0 and 1, got {level!r}.", "Use 0.95.")
    return array
