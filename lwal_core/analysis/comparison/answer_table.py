"""The comparison of methods in five columns: what was reached, and how sure that is."""

from __future__ import annotations

import numpy as np

from lwal_core.analysis.base.formatting import (
    format_number,
    format_percent,
    format_points,
    format_points_interval,
    undefined,
)
from lwal_core.analysis.comparison.intervals import Difference, Interval, bootstrap_interval, student_interval, wider
from lwal_core.analysis.comparison.speed import Comparison, GroupScore, epoch_range

METHOD, SEEDS, BEST, CHOSEN = "Method", "Seeds", "Best accuracy", "At chosen epoch"
DIFFERENCE, EPOCHS = "To the baseline", "Epochs to the baseline's best"


def answer_table(comparison: Comparison) -> list[dict[str, str]]:
    """One row for each method, the baseline first: its best accuracy with the interval of the mean, the difference to the baseline
    with its interval, the epochs to the baseline's best (or to the target that was asked for), and its seeds. Where every run chose
    an epoch on a validation part, the accuracy is that of the chosen epoch, as in the verdict.

    Intervals are 95 % intervals over seeds, the wider of Student's and the bootstrap; fewer than three seeds have none.

    Args:
        comparison: All groups, as one predictor reads them.
    """
    scores = sorted(comparison.groups.values(), key=lambda score: score.label != comparison.baseline)
    choice = any(score.n for score in scores) and all(score.has_choice for score in scores if score.n)
    return [_row(score, comparison, choice) for score in scores]


def _row(score: GroupScore, comparison: Comparison, choice: bool) -> dict[str, str]:
    difference = score.chosen_difference if choice else score.best_difference
    return {
        METHOD: score.label,
        CHOSEN if choice else BEST: _mean(score.values("chosen" if choice else "best")),
        DIFFERENCE: "baseline" if score.label == comparison.baseline else short_difference(difference),
        epochs_column(comparison): epochs_text(score),
        SEEDS: str(score.n),
    }


def epochs_column(comparison: Comparison) -> str:
    """Name of the column of epochs: what is to be reached."""
    return EPOCHS if comparison.target is None else f"Epochs to {format_percent(comparison.target)}"


def _mean(values: np.ndarray) -> str:
    if not values.size:
        return undefined("no values")
    mean = format_percent(float(values.mean()))
    interval = mean_interval(values)
    if not interval.defined:
        return mean
    low, high = (format_percent(min(max(end, 0.0), 1.0)) for end in (interval.low, interval.high))
    return f"{mean} ({low.removesuffix(' %')} to {high.removesuffix(' %')})"


def mean_interval(values: np.ndarray) -> Interval:
    """95 % interval of the mean of ``values [n]``: the wider of Student's and the bootstrap; undefined for fewer than three."""
    return wider(student_interval(values), bootstrap_interval(values))


def short_difference(difference: Difference) -> str:
    """A paired accuracy difference with its interval: ``"+0.4 points (0.1 to 0.7)"``."""
    if difference.n == 0:
        return difference.undefined_text
    mean = format_points(difference.mean)
    if not difference.defined:
        return f"{mean}, no interval"
    between = format_points_interval(difference.interval.low, difference.interval.high)
    return f"{mean} ({between.removesuffix(' points')})"


def reached_text(score: GroupScore) -> str:
    """How many runs got to their target: ``"reached by 1 of 5 seeds"``, ``"not reached"``."""
    if not score.reached:
        return "not reached"
    return f"reached by {score.reached} of {score.n} seed{'' if score.n == 1 else 's'}"


def epochs_text(score: GroupScore) -> str:
    """Mean epochs to the target; how many got there, where not all did: ``"4.5, reached by 2 of 5 seeds"``."""
    if not score.has_target:
        return undefined("no baseline")
    if not score.reached:
        return f"not reached in {epoch_range(score)}"
    mean = format_number(float(np.nanmean(score.to_target())))
    return mean if score.reached == score.n else f"{mean}, {reached_text(score)}"
