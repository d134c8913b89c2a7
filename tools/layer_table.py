"""Methods beside each other in both layers, the outputs and the features that they are made of: a Markdown table for docs/results.md.

Everything is of a run's last epoch and comes from its metrics and its last class means, which a bundle behind a table holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.errors import LwalError
from lwal_core.results.run_tree import run_hierarchy, run_taxonomy, taxonomy_agreement
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunSummary, group_runs, one_per_seed

HEAD = (
    "label method", "rate", "accuracy as used", "by nearest mean, outputs", "by nearest mean, features", "Kendall tau, outputs",
    "Kendall tau, features", "groups found, outputs", "groups found, features", "NC1, outputs", "NC1, features", "NC2, features",
)  # fmt: skip
UNITS = ("%", "%", "%", "", "", "%", "%", "", "", "")


def layer_table(runs: Iterable[RunSummary]) -> str:
    """A row for each method and learning rate, one-hot first, over the newest run of each seed."""
    groups = sorted(group_runs(runs), key=lambda group: (not group.first.is_baseline, group.first.method_label))
    rows = [_row([run.opened() for run in one_per_seed(group.runs)]) for group in groups]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(runs: Sequence[Run]) -> tuple[str, ...]:
    config = runs[0].config
    found = np.array([_figures(run) for run in runs]).T
    texts = [
        format_mean_sd(values, unit) if np.isfinite(values).any() else "—"
        for values, unit in zip(found, UNITS, strict=True)
    ]
    return (config.method_label(), f"{config.training.learning_rate:g}", *texts)


def _figures(run: Run) -> tuple[float, ...]:
    metrics = run.metrics()
    outputs, features = metrics.collapse("outputs"), metrics.collapse("features")
    (tau, groups), (tau_features, groups_features) = _agreement(run, "centroids"), _agreement(run, "features")
    return (
        float(metrics.accuracy(run.predictor())[-1]), float(metrics.accuracy("mean")[-1]),
        float(metrics.test_accuracy_features[-1]), tau, tau_features, groups, groups_features,
        _last(outputs, "nc1"), _last(features, "nc1"), _last(features, "nc2"),
    )  # fmt: skip


def _last(measures: dict[str, np.ndarray], name: str) -> float:
    return float(measures[name][-1]) if name in measures else math.nan


def _agreement(run: Run, vectors: str) -> tuple[float, float]:
    """Kendall's tau of the last class means with the taxonomy, and the share of its groups that are clades; nan where undefined."""
    if vectors not in run.sources():
        return math.nan, math.nan
    try:
        h = run_hierarchy(run, TreeSpec.of(run, vectors=vectors), optimal=False)
        found = taxonomy_agreement(h.names, h.square(), run_taxonomy(run))
    except LwalError:
        return math.nan, math.nan
    if found is None:
        return math.nan, math.nan
    there, missing = found.groups_in(h.linkage)
    return found.tau, math.nan if h.is_flat or not (there or missing) else len(there) / (len(there) + len(missing))
