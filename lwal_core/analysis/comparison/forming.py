"""What curves of neural collapse say of two methods, in one or two sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lwal_core.analysis.base.formatting import format_mean_sd, format_number, inline_label
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.intervals import Difference, paired_difference

LOWER_MEANS: Mapping[str, str] = {
    "nc1": "the samples of a class lie closer together, compared with the distances between the classes",
    "cdnv": "the samples of a class lie closer together, compared with the distances between the classes",
    "nc2": "the class means are nearer to equal distances from each other",
    "cosine_spread": "the angles between the class means are more alike",
    "nc3": "labels or head and class means are more alike",
    "nc4": "the rule and the nearest class mean differ for fewer test samples",
}
"""What a lower value of a measure says, by its name."""


def last_values(curves: Sequence[Curve], measure: str) -> dict[int, float]:
    """The measure after the last epoch that has it, by seed; epoch 0 alone does not count."""
    found = {}
    for curve in curves:
        values = curve.extra.get(measure)
        if values is not None:
            known = np.flatnonzero(np.isfinite(values) & (curve.epoch > 0))
            if known.size:
                found[curve.seed] = float(values[known[-1]])
    return found


def collapse_answer(
    groups: Mapping[str, Sequence[Curve]], baseline: str, measure: str, title: str, lead: str = ""
) -> str:
    """The measure of one method after the last epoch, beside the baseline's; plain text.

    Args:
        groups: Runs by label.
        baseline: Label of the group that the others are measured against; it may lack values.
        measure: A key of :data:`LOWER_MEANS`, and of the extra measures of the curves.
        title: What it is called, with its layer.
        lead: Label of the method; the first that has values and is not the baseline when left out or without values.
    """
    ends = {label: last for label, curves in groups.items() if (last := last_values(curves, measure))}
    others = [lead] if lead in ends else [each for each in ends if each != baseline]
    label = next(iter(others or ends), "")
    if not label:
        return f"{title} is not defined for these runs after any epoch."
    name = inline_label(label)
    said = f"After the last epoch {title} is {format_mean_sd(ends[label].values())} with {name}"
    if label == baseline or baseline not in ends:
        return f"{said}."
    said += f" and {format_mean_sd(ends[baseline].values())} with {inline_label(baseline)}."
    return (
        f"{said} {_difference(paired_difference(ends[label], ends[baseline]), name, inline_label(baseline), measure)}"
    )


def _difference(difference: Difference, name: str, base: str, measure: str) -> str:
    if not difference.n:
        return "No seed is in both, so nothing is paired."
    if not difference.defined:
        return f"Of {difference.n} paired seed{'s' if difference.n > 1 else ''} there is no interval."
    low, high = (format_number(end) for end in (difference.interval.low, difference.interval.high))
    amount = ("+" if difference.mean > 0 else "") + format_number(difference.mean)
    said = f"The difference is {amount} (95 % interval {low} to {high}, {difference.n} paired seeds)"
    if not difference.clear or math.isclose(difference.mean, 0):
        return f"{said}, which is not clear."
    return f"{said}: with {name if difference.mean < 0 else base} {LOWER_MEANS[measure]}."
