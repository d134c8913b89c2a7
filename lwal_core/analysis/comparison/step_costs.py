"""Time of an epoch by part of a step, against the baseline's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lwal_core.analysis.base.formatting import format_number, inline_label
from lwal_core.analysis.comparison.speed import GroupScore


@dataclass(frozen=True)
class TimeParts:
    """Time of an epoch beyond the baseline's, as fractions of the baseline's; over the seeds that both have.

    Attributes:
        more: The whole of it: the ratio of the times less 1.
        labels: Of the label work.
        output: Of the output layer with its share of the optimiser.
    """

    more: float
    labels: float
    output: float

    @property
    def rest(self) -> float:
        """What neither explains."""
        return self.more - self.labels - self.output


def time_parts(score: GroupScore, base: GroupScore) -> TimeParts | None:
    """The parts where both methods measured them in a shared seed; otherwise None."""
    theirs = {run.seed: run for run in base.runs}
    rows = []
    for mine in score.runs:
        other = theirs.get(mine.seed)
        if other is None or not other.epoch_seconds > 0:
            continue
        times = mine.epoch_seconds / other.epoch_seconds
        labels = mine.label_share * times - other.label_share
        output = mine.output_share * times - other.output_share
        if math.isfinite(labels) and math.isfinite(output):
            rows.append((labels, output))
    return TimeParts(score.time_ratio.mean - 1, *np.mean(rows, axis=0).tolist()) if rows else None


def time_parts_text(score: GroupScore, base: GroupScore) -> str:
    """A sentence that adds up to the ratio of the times; empty where the parts were not measured."""
    parts = time_parts(score, base)
    if parts is None:
        return ""
    return (
        f"Beside {inline_label(base.label)}'s, an epoch takes {_points(parts.more)} %: {_points(parts.labels)} points of label work, "
        f"{_points(parts.output)} of the output layer with its optimiser step, and {_points(parts.rest)} that neither explains "
        "(other work on the machine, caches)."
    )


def _points(fraction: float) -> str:
    text = format_number(round(100 * fraction, 1), digits=3)
    return text if text.startswith(("-", "−")) else f"+{text}"
