"""Options of each method, chosen by validation accuracy, and test accuracy with them.

Every method has the same grid. The test set has no say: options by the mean over seeds of the best validation accuracy, the epoch of a
run by its validation accuracy, and what is told is test accuracy there. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.analysis.comparison.intervals import Difference
from lwal_core.analysis.comparison.speed import Curve, compare
from lwal_core.errors import LwalError
from lwal_core.results.run_curves import group_curves
from lwal_core.runs import RunSummary, baseline_among, group_runs


@dataclass(frozen=True)
class Tuned:
    """A method with the options that were chosen.

    Attributes:
        option: What was chosen.
        tried: How many there were to choose from.
        validation: Mean over seeds of the best validation accuracy, a fraction.
        test: Test accuracy of each seed at its epoch of best validation accuracy, fractions.
        difference: Of ``test`` to the baseline's, paired by seed; None for the baseline.
    """

    option: str
    tried: int
    validation: float
    test: tuple[float, ...]
    difference: Difference | None


def tune(curves: Mapping[str, Mapping[str, Sequence[Curve]]], baseline: str) -> dict[str, Tuned]:
    """Choose the option of every method; of equal ones the first.

    Args:
        curves: By method, by option: one of each seed.
        baseline: The method that others are measured against.

    Raises:
        LwalError: A run has no validation part, options differ in their seeds, or the baseline is missing.
    """
    if baseline not in curves:
        raise LwalError(f"No run is of {baseline}.", "The others are measured against it.")
    if len({tuple(sorted(curve.seed for curve in one)) for options in curves.values() for one in options.values()}) > 1:
        raise LwalError("The options were not trained with the same seeds.", "Finish the sweep first.")
    if len({frozenset(options) for options in curves.values()}) > 1:
        raise LwalError("The methods do not have the same options to choose from.", "Finish the sweep first.")
    by_validation = {
        method: {option: _validation(one) for option, one in options.items()} for method, options in curves.items()
    }
    chosen = {method: max(found, key=found.__getitem__) for method, found in by_validation.items()}
    compared = compare({method: curves[method][option] for method, option in chosen.items()}, baseline).groups
    return {
        method: Tuned(
            option,
            len(curves[method]),
            by_validation[method][option],
            tuple(float(value) for value in compared[method].values("chosen")),
            None if method == baseline else compared[method].chosen_difference,
        )
        for method, option in chosen.items()
    }


def tuned_table(runs: Sequence[RunSummary]) -> str:
    """Learning rate of every label method by validation, and test accuracy with it: a Markdown table.

    Args:
        runs: Of one data set, alike in all but method, learning rate and seed.

    Raises:
        LwalError: See :func:`tune`.
    """
    groups = group_runs(runs)
    base = baseline_among(groups)
    if base is None:
        raise LwalError("No run is of one-hot labels.", "The others are measured against it.")
    curves: dict[str, dict[str, Sequence[Curve]]] = {}
    for group in sorted(groups, key=lambda group: (not group.first.is_baseline, group.first.method_label)):
        rate = f"{group.config.training.learning_rate:g}"
        curves.setdefault(group.first.method_label, {})[rate] = group_curves(group.runs, "as-used")
    lines = [
        ("label method", "rate chosen", "validation accuracy", "test accuracy", "less one-hot, points"),
        ("---",) * 5,
    ]
    for method, found in tune(curves, base.first.method_label).items():
        lines.append(
            (
                method,
                f"{found.option} of {found.tried}",
                f"{100 * found.validation:.1f} %",
                format_mean_sd(np.array(found.test), "%"),
                "baseline" if found.difference is None else _points(found.difference),
            )
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _points(difference: Difference) -> str:
    low, high = difference.interval.low, difference.interval.high
    return f"{100 * difference.mean:+.1f} ({100 * low:.1f} to {100 * high:.1f})".replace("-", "−")


def _validation(curves: Sequence[Curve]) -> float:
    best = []
    for curve in curves:
        known = None if curve.validation is None else curve.validation[curve.epoch > 0]
        if known is None or not np.isfinite(known).any():
            raise LwalError(f"Run {curve.run_id} has no validation part.", "Train with `--validation 0.1`.")
        best.append(float(np.nanmax(known)))
    return float(np.mean(best))
