"""Accuracies of an analysed model."""

from __future__ import annotations

from lwal_core.runs import Run

ONLY_EPOCH = 1
"""The epoch that such a run has."""
NEIGHBOURS_COLUMN = "test_accuracy_5_neighbours"


def accuracies(run: Run) -> dict[str, float]:
    """Test accuracies by what they are by, fractions, and ``seconds`` of embedding; empty before the analysis is done."""
    metrics = run.metrics()
    if not metrics.epochs_done:
        return {}
    neighbours = metrics.extra.get(NEIGHBOURS_COLUMN)
    found = {
        "nearest class mean": float(metrics.test_accuracy_mean[-1]),
        "5 nearest neighbours": float("nan") if neighbours is None else float(neighbours[-1]),
        "own head": float(metrics.test_accuracy_own[-1]),
        "seconds": float(metrics.seconds[-1]),
    }
    return {name: value for name, value in found.items() if value == value}
