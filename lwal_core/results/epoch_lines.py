"""Log of a training, one line per epoch."""

from __future__ import annotations

from lwal_core.analysis.base.formatting import format_number, format_percent, format_seconds
from lwal_core.runs import Run


def epoch_lines(run: Run) -> list[str]:
    """One line for each measured epoch, the untrained network (epoch 0) first.

    Args:
        run: What was not measured is left out of its line; the accuracy is by the rule that the method is used with.
    """
    metrics, epochs = run.metrics(), run.config.training.epochs
    accuracy, rule = metrics.accuracy(run.predictor()), run.rule
    width = len(str(epochs))
    lines = []
    for i, epoch in enumerate(metrics.epoch.astype(int).tolist()):
        said = []
        if metrics.loss[i] == metrics.loss[i]:
            said.append(f"loss {format_number(metrics.loss[i])}")
        if accuracy[i] == accuracy[i]:
            said.append(f"test accuracy {format_percent(accuracy[i])} by {rule}")
        if metrics.seconds[i] > 0:
            said.append(f"{format_seconds(metrics.seconds[i])} of training")
        lines.append(f"epoch {epoch:>{width}} of {epochs}: {', '.join(said) or 'not measured'}")
    return lines
