"""A training told in lines, one an epoch: for who watches it in a page, and for ``lwal train`` without a terminal."""

from __future__ import annotations

from lwal_core.analysis.base.formatting import format_number, format_percent, format_seconds
from lwal_core.runs import Metrics


def epoch_lines(metrics: Metrics, epochs: int) -> list[str]:
    """One line for each measured epoch, the untrained network (epoch 0) first.

    Args:
        metrics: Of the run; what was not measured is left out of its line.
        epochs: How many it will train.
    """
    width = len(str(epochs))
    lines = []
    for i, epoch in enumerate(metrics.epoch.astype(int).tolist()):
        said = []
        if metrics.loss[i] == metrics.loss[i]:
            said.append(f"loss {format_number(metrics.loss[i])}")
        if metrics.test_accuracy_mean[i] == metrics.test_accuracy_mean[i]:
            said.append(f"test accuracy {format_percent(metrics.test_accuracy_mean[i])}")
        if metrics.seconds[i] > 0:
            said.append(f"{format_seconds(metrics.seconds[i])} of training")
        lines.append(f"epoch {epoch:>{width}} of {epochs}: {', '.join(said) or 'not measured'}")
    return lines
