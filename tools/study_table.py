"""Every method against one-hot on every data set, from the runs of the home: the table of docs/science/index.md, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lwal_core.analysis.comparison.intervals import Difference
from lwal_core.analysis.comparison.speed import compare
from lwal_core.experiments.comparison import group_labels, select_runs
from lwal_core.results.run_curves import group_curves
from lwal_core.runs import RunGroup, RunSummary, baseline_among, group_runs

TITLES = {
    "sweep:digits": "digits",
    "sweep:shapes": "shapes",
    "sweep:cifar10-frozen": "CIFAR-10, frozen features",
    "sweep:cifar10-resnet18": "CIFAR-10, ResNet-18 from scratch",
    "sweep:hybrid-few": "CIFAR-10, 50 images a class",
    "sweep:hybrid=digits": "digits, second sweep",
    "sweep:hybrid=shapes": "shapes, second sweep",
    "sweep:hybrid=pictograms": "pictograms",
    "sweep:hybrid=cifar10-images": "CIFAR-10, 400 images a class",
}


def study_table(runs: Sequence[RunSummary], columns: Sequence[str]) -> str:
    """Best accuracy, as used, less that of one-hot with the same seed: a row for each method, and rows of what was run.

    Args:
        runs: Of the home.
        columns: A tag for each data set, or ``"TAG=DATA"`` for one data set of several with this tag.

    Raises:
        RunNotFound: No run has a tag.
    """
    cells: dict[str, dict[str, str]] = {}
    counts, hours = [], []
    for column in columns:
        tag, _, data = column.partition("=")
        members = [run for run in select_runs(runs, [tag]) if data in ("", run.opened().config.data.title)]
        groups = group_runs(members)
        base, labels = baseline_among(groups), group_labels(groups)
        counts.append(f"{len(members)}")
        hours.append(f"{sum(_seconds(run) for run in members) / 3600:.1f}")
        for label, difference in _differences(groups, labels, base).items():
            cells.setdefault(label, {})[column] = cell(difference)
    lines = [["label method", *(TITLES.get(column, column) for column in columns)], ["---"] * (len(columns) + 1)]
    lines += [[label, *(found.get(column, "—") for column in columns)] for label, found in sorted(cells.items())]
    lines += [["*runs*", *counts], ["*hours of training, all runs*", *hours]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(difference: Difference) -> str:
    """Points with their 95 % interval, bold where that leaves 0 out."""
    mean, low, high = (100 * value for value in (difference.mean, difference.interval.low, difference.interval.high))
    if not math.isfinite(mean):
        return "—"
    known = [value for value in (mean, low, high) if math.isfinite(value)]
    digits = 2 if min(map(abs, known)) < 0.05 else 1
    if len(known) < 3:
        return f"{mean:+.{digits}f}".replace("-", "−")
    text = f"{mean:+.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")
    return f"**{text}**" if low > 0 or high < 0 else text


def _differences(groups: Sequence[RunGroup], labels: dict[str, str], base: RunGroup | None) -> dict[str, Difference]:
    if base is None:
        return {}
    compared = compare({labels[group.key]: group_curves(group.runs, "as-used") for group in groups}, labels[base.key])
    found = {label: score.best_difference for label, score in compared.groups.items() if label != labels[base.key]}
    return {label: difference for label, difference in found.items() if difference is not None}


def _seconds(run: RunSummary) -> float:
    seconds = float(run.opened().metrics().seconds[-1])
    return seconds if math.isfinite(seconds) else 0.0
