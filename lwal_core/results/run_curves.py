"""Training curves of runs, per run, per group and per class, with the caption that a figure of them needs. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.config import RunConfig, differences
from lwal_core.runs import (
    EVERY_READING,
    Reading,
    Run,
    RunSummary,
    one_per_seed,
)
from lwal_core.runs.metrics import MEASURES, Metrics

FRACTIONS = ("Training accuracy", "Validation accuracy", *MEASURES.values())
"""What curves may have beside test accuracy and losses, as it is called."""


def run_curve(run: RunSummary, reading: Reading = "as-used") -> Curve:
    """Test accuracy of a run by epoch, as the comparison takes it."""
    return curve_of(run.opened(), reading)


def curve_of(run: Run, reading: Reading = "as-used") -> Curve:
    """Test accuracy of a run by epoch, wherever its folder is."""
    metrics = run.metrics()
    return Curve(
        run_id=run.id,
        group=run.group,
        method_label=run.config.method_label(),
        seed=run.config.training.seed,
        epoch=metrics.epoch,
        accuracy=metrics.accuracy(run.predictor(reading)),
        samples=metrics.samples,
        seconds=metrics.seconds,
        loss=metrics.loss,
        pull=metrics.pull,
        push=metrics.push,
        step=metrics.step,
        validation=run.validation_accuracy(reading),
        parameters=run.record.parameters,
        label_share=_share(run.record.label_seconds, run, metrics),
        output_share=_share(run.record.output_seconds, run, metrics),
        rule=run.rule if reading == "as-used" else "",
        learned=run.config.method.learns_labels,
        extra=metrics.extra,
        measured=_measured(run, metrics, reading),
    )


def _measured(run: Run, metrics: Metrics, reading: Reading) -> dict[str, np.ndarray]:
    """Accuracies on the other parts of the data, and measures, where they were taken."""
    rule = run.predictor(reading)
    columns = [metrics.accuracy(rule, "train"), run.validation_accuracy(reading)]
    columns += [getattr(metrics, name) for name in MEASURES]
    return {name: column for name, column in zip(FRACTIONS, columns, strict=True) if np.isfinite(column).any()}


def fractions_of(curves: Iterable[Curve]) -> list[str]:
    """Names of the other fractions that curves have, accuracies first."""
    there = {name for curve in curves for name in curve.measured}
    return [name for name in FRACTIONS if name in there]


def distinct_labels(configs: Mapping[str, RunConfig]) -> dict[str, str]:
    """A label for each group's key that tells it from the others: its method, with the options that differ where that is
    not enough."""
    labels: dict[str, str] = {}
    for key, config in configs.items():
        label = config.method_label()
        alike = [other for other in configs if configs[other].method_label() == label]
        if len(alike) > 1:
            place = alike.index(key)
            differing = differences([configs[other] for other in alike])
            details = ", ".join(
                f"{option.partition('.')[2].replace('_', ' ')} {option_text(values[place])}"
                for option, values in differing.items()
            )
            label = f"{label} ({details or key})"
        labels[key] = label
    return labels


def option_text(value: Any) -> str:
    """An option's value for people."""
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _share(work: float | None, run: Run, metrics: Metrics) -> float:
    """Seconds of a part of a step as a share of the whole; nan where it was not measured. The median epoch stands
    for all, as the first one is often slower."""
    batches = run.record.batches_per_epoch
    epochs = np.diff(metrics.seconds) / np.diff(metrics.epoch)
    epochs = epochs[np.isfinite(epochs) & (epochs > 0)]
    if work is None or not batches or not epochs.size:
        return math.nan
    return work * batches / float(np.median(epochs))


def group_curves(runs: Iterable[RunSummary], reading: Reading = "as-used") -> list[Curve]:
    """Curves of one group's runs, one per seed."""
    return [run_curve(run, reading) for run in one_per_seed(runs)]


def curves_caption(groups: Mapping[str, Sequence[RunSummary]], reading: Reading) -> str:
    """What a reader needs to make a figure of curves again: methods with their seeds, data, reading and versions."""
    members = {label: one_per_seed(runs) for label, runs in groups.items()}
    opened = [run.opened() for runs in members.values() for run in runs]
    methods = "; ".join(
        f"{label}: seed{'s' if len(runs) > 1 else ''} {', '.join(str(run.seed) for run in runs)}"
        for label, runs in members.items()
    )
    data = sorted(
        {
            run.config.data.title + (f" (fingerprint {mark[:12]})" if (mark := run.record.fingerprint) else "")
            for run in opened
        }
    )
    encoders = sorted({run.config.encoder.name for run in opened if not run.config.external})
    versions = sorted(
        {
            f"{name} {version}"
            for run in opened
            for name, version in run.record.versions.items()
            if name in ("lwal", "torch", "numpy")
        }
    )
    encoder = f", encoder {', '.join(encoders)}" if encoders else ""
    return f"{methods}. Test accuracy by {EVERY_READING[reading]}, {', '.join(data)}{encoder}. {', '.join(versions)}."


def class_curves(
    runs: Iterable[RunSummary], reading: Reading = "as-used", quantity: Literal["accuracy", "precision"] = "accuracy"
) -> dict[str, list[Curve]]:
    """Test accuracy, which is the recall, or precision by epoch of each class, one curve a seed, by class name.

    Empty when no run has recorded it; runs that have not are left out, and so are epochs without it.
    """
    found: dict[str, list[Curve]] = {}
    for summary in one_per_seed(runs):
        run = summary.opened()
        metrics = run.metrics()
        rule = run.predictor(reading)
        labels = map(run.labels, run.label_epochs())
        snapshots = [each.accuracy(rule) if quantity == "accuracy" else each.precision(rule) for each in labels]
        rows = [
            (int(row), accuracy)
            for epoch, accuracy in zip(run.label_epochs(), snapshots, strict=True)
            for row in np.flatnonzero(metrics.epoch == epoch)
            if accuracy is not None
        ]
        if not rows:
            continue
        at = [row for row, _ in rows]
        table = np.array([accuracy for _, accuracy in rows], dtype=np.float64)
        for name, accuracy in zip(run.class_names, table.T, strict=True):
            found.setdefault(name, []).append(
                Curve(
                    run_id=run.id,
                    group=summary.group,
                    method_label=summary.method_label,
                    seed=summary.seed,
                    epoch=metrics.epoch[at],
                    accuracy=accuracy,
                    samples=metrics.samples[at],
                    seconds=metrics.seconds[at],
                    step=metrics.step[at],
                )
            )
    return found


def note_on_test_sets(groups: Mapping[str, Iterable[Run]]) -> str:
    """A sentence where groups were tested on different numbers of samples, as far as these are known; empty otherwise.

    Runs that a program recorded under the name of a data set of the app may hold out samples of their own.
    """
    sizes = {
        label: sorted({run.record.data.test_size for run in runs if run.record.data and run.record.data.test_size})
        for label, runs in groups.items()
    }
    if len({size for found in sizes.values() for size in found}) < 2:
        return ""
    listed = ", ".join(
        f"{label} {' and '.join(f'{size:,}' for size in found)}" for label, found in sizes.items() if found
    )
    return f"The numbers of test samples differ ({listed}): accuracies are not of one test set."


def comparability_notes(groups: Mapping[str, Run]) -> list[str]:
    """Sentences on why accuracies of groups do not compare: other numbers of test samples, other data; none where they do.

    Args:
        groups: A run of each, by what it is called.
    """
    notes = [note_on_test_sets({label: [run] for label, run in groups.items()})]
    if any(option.startswith("data.") for option in differences([run.config for run in groups.values()])):
        notes.append("The groups were trained on different data, so their accuracies do not compare.")
    return [note for note in notes if note]
