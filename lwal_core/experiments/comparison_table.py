"""Comparison table: rows of figures, as text and as JSON. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lwal_core.analysis.base.formatting import format_mean_sd, format_number, format_percent, inline_label, undefined
from lwal_core.analysis.comparison.intervals import Difference, Ratio
from lwal_core.analysis.comparison.speed import SHARES
from lwal_core.analysis.comparison.verdict_table import (
    NOT_MEASURED,
    difference_text,
    epochs_text,
    ratio_text,
    shares_text,
)
from lwal_core.export.text_tables import markdown_row, markdown_text
from lwal_core.runs import EVERY_READING, Reading
from lwal_core.runs.metrics import MEASURES


@dataclass(frozen=True)
class Figures:
    """One figure of a row, seed by seed.

    Attributes:
        values: In the order of the row's seeds; nan where a seed has none.
        unit: ``"%"`` (values are fractions), ``"s"``, ``"epochs"`` or nothing.
        reason: Why values are missing; empty when none is.
    """

    values: tuple[float, ...]
    unit: str = ""
    reason: str = ""

    @property
    def defined(self) -> np.ndarray:
        """The values there are, ``[n]``."""
        values = np.array(self.values, dtype=np.float64)
        return values[np.isfinite(values)]

    @property
    def mean(self) -> float:
        """Mean of the values there are; nan without any."""
        return float(self.defined.mean()) if self.defined.size else math.nan

    @property
    def sd(self) -> float:
        """Sample standard deviation; nan for fewer than two values."""
        return float(self.defined.std(ddof=1)) if self.defined.size > 1 else math.nan

    @property
    def text(self) -> str:
        """``"97.8 ± 0.3 % (n=3)"``, or ``"undefined (reason)"``."""
        return format_mean_sd(self.values, self.unit) if self.defined.size else undefined(self.reason)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        return {
            "mean": _null(self.mean),
            "sd": _null(self.sd),
            "n": int(self.defined.size),
            "values": [_null(value) for value in self.values],
            "reason": self.reason or None,
        }


@dataclass(frozen=True)
class EpochsToTarget:
    """How long the runs of a row took to their target.

    Attributes:
        values: First epoch at or above the target, in the order of the row's seeds; nan for one that never got there.
        targets: Accuracy that each seed had to reach, a fraction; nan without a target.
        trained: Last measured epoch of each seed: "never" means not up to there. nan where none was measured.
    """

    values: tuple[float, ...]
    targets: tuple[float, ...]
    trained: tuple[float, ...]

    @property
    def has_target(self) -> bool:
        """Whether there was anything to reach."""
        return any(math.isfinite(target) for target in self.targets)

    @property
    def measured(self) -> int:
        """Seeds with a measured accuracy."""
        return sum(math.isfinite(epoch) for epoch in self.trained)

    @property
    def reached(self) -> int:
        """Seeds that got there."""
        return sum(math.isfinite(value) for value in self.values)

    @property
    def text(self) -> str:
        """``"4.3 ± 0.6 epochs (n=3)"``, with the seeds that never got there counted, or ``"never reached within 10
        epochs (n=3)"``."""
        if not self.measured:
            return undefined("accuracy was not measured")
        if not self.has_target:
            return undefined("no baseline")
        lengths = [epoch for epoch in self.trained if math.isfinite(epoch)]
        low, high = format_number(min(lengths)), format_number(max(lengths))
        within = f"within {low if low == high else f'{low} to {high}'} epoch{'' if low == high == '1' else 's'}"
        missing = self.measured - self.reached
        if not self.reached:
            return f"never reached {within} (n={self.measured})"
        text = format_mean_sd(self.values, "epochs")
        return f"{text}; {missing} never {within}" if missing else text

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON. ``mean`` and ``sd`` are over the seeds that got there; ``reached`` says how many."""
        figures = Figures(self.values)
        return {
            "mean": _null(figures.mean),
            "sd": _null(figures.sd),
            "reached": self.reached,
            "of": self.measured,
            "values": [_null(value) for value in self.values],
            "targets": [_null(target) for target in self.targets],
            "trained": [_null(epoch) for epoch in self.trained],
        }


@dataclass(frozen=True)
class Row:
    """One group of runs.

    Attributes:
        label: Tells it from the other rows of its table.
        group: Key of the group.
        method: Method in words.
        encoder: Encoder's name.
        runs: Ids, one per seed.
        seeds: Their seeds, ascending.
        chosen: Test accuracy at the epoch that the validation part chooses; nan without one.
        best: Best test accuracy over the epochs, epoch 0 included.
        mean: Mean test accuracy over epochs 1 to the last.
        to_target: Epochs to the target.
        early: Median epochs to 50, 75, 90 and 95 % of it, ``inf`` where fewer than half got there; empty without one.
        rule: By which rule its accuracies are read where methods differ in it; else empty.
        final: Test accuracy after the last measured epoch.
        area: Area under accuracy over epochs, divided by their number; a fraction.
        seconds_to_target: Seconds of training to the target; nan for a seed that never got there.
        samples_to_target: Training samples to the target, likewise.
        best_difference: Best accuracy against the baseline, paired by seed; None for the baseline itself.
        time_ratio: Time of an epoch to the baseline's, paired by seed; None likewise.
        label_share: The label method's share of a step.
        seconds: Seconds of training per epoch, without evaluation.
        parameters: Trained parameters, None when they were not counted or differ between seeds.
        parameters_added: Those beyond the baseline's; None when either is not known or there is no baseline.
        baseline_parameters: The baseline's.
        tau: Kendall's tau with the taxonomy of the classes, from the class means of the last epoch.
        recall: Share of the taxonomy's groups that are clades of the tree of these class means by average linkage.
        taxonomy: Name of that taxonomy; None when there is none.
        is_baseline: Whether the others are measured against this row.
        chosen_difference: Accuracy at the chosen epoch against the baseline, as ``best_difference``.
        measures: Each of :data:`lwal_core.runs.metrics.MEASURES` after the epoch whose model is kept, by column.
        collapse: Neural collapse after that epoch, by column; those that a run has.
    """

    label: str
    group: str
    method: str
    encoder: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    best: Figures
    mean: Figures
    to_target: EpochsToTarget
    early: tuple[float, ...]
    rule: str
    chosen: Figures
    final: Figures
    area: Figures
    seconds_to_target: Figures
    samples_to_target: Figures
    best_difference: Difference | None
    time_ratio: Ratio | None
    label_share: Figures
    seconds: Figures
    parameters: int | None
    parameters_added: int | None
    baseline_parameters: int | None
    tau: Figures
    recall: Figures
    taxonomy: str | None
    is_baseline: bool
    chosen_difference: Difference | None = None
    measures: Mapping[str, Figures] = field(default_factory=dict)
    collapse: Mapping[str, Figures] = field(default_factory=dict)

    @property
    def difference_text(self) -> str:
        """``"+0.4 points (95 % interval ...)"``, or ``"baseline"``."""
        return "baseline" if self.best_difference is None else difference_text(self.best_difference)

    @property
    def ratio_text(self) -> str:
        """``"1.12 times (95 % interval ...)"``, or ``"baseline"``."""
        return "baseline" if self.time_ratio is None else ratio_text(self.time_ratio)

    @property
    def parameters_text(self) -> str:
        """``"+9,000 (+3.1 %)"``, the baseline's own number, or why it is undefined."""
        if self.parameters is None:
            return undefined("not counted")
        if self.is_baseline:
            return f"{self.parameters:,} (baseline)"
        if self.parameters_added is None:
            return f"{self.parameters:,} (no baseline)"
        if not self.parameters_added:
            return "none"
        sign = "+" if self.parameters_added > 0 else "−"
        text = f"{sign}{abs(self.parameters_added):,}"
        if not self.baseline_parameters:
            return text
        return f"{text} ({sign}{format_percent(abs(self.parameters_added) / self.baseline_parameters)})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "label": self.label,
            "group": self.group,
            "method": self.method,
            "encoder": self.encoder,
            "read_by": self.rule or None,
            "baseline": self.is_baseline,
            "runs": list(self.runs),
            "seeds": list(self.seeds),
            "accuracy_at_chosen_epoch": self.chosen.to_dict(),
            "best_accuracy": self.best.to_dict(),
            "mean_accuracy": self.mean.to_dict(),
            "epochs_to_target": self.to_target.to_dict(),
            "median_epochs_to_shares_of_target": {
                f"{share:g}": _null(epoch) for share, epoch in zip(SHARES, self.early, strict=False)
            },
            "final_accuracy": self.final.to_dict(),
            "area_under_curve": self.area.to_dict(),
            "seconds_to_target": self.seconds_to_target.to_dict(),
            "samples_to_target": self.samples_to_target.to_dict(),
            "chosen_against_baseline": _paired(self.chosen_difference),
            "best_against_baseline": _paired(self.best_difference),
            "epoch_time_ratio": _paired(self.time_ratio),
            "label_share_of_step": self.label_share.to_dict(),
            "seconds_per_epoch": self.seconds.to_dict(),
            "parameters": self.parameters,
            "parameters_added": self.parameters_added,
            "measures": {name: figures.to_dict() for name, figures in self.measures.items()},
            "collapse": {name: figures.to_dict() for name, figures in self.collapse.items()},
            "kendall_tau": {**self.tau.to_dict(), "taxonomy": self.taxonomy},
            "taxonomy_groups_found": {**self.recall.to_dict(), "taxonomy": self.taxonomy},
        }


EARLY = f"epochs to {shares_text()} of it"
COLUMNS = (
    "method",
    "read by",
    "at chosen epoch",
    "best accuracy",
    "mean accuracy",
    "best against baseline",
    "epochs to target",
    EARLY,
    "seconds per epoch",
    "time of an epoch",
    "parameters added",
    "label work in a step",
    "Kendall tau",
    "taxonomy groups found",
)

TERMINAL_COLUMNS = tuple(
    c for c in COLUMNS if c not in ("best against baseline", EARLY, "time of an epoch", "label work in a step")
)
"""Columns that a terminal has room for; Markdown and JSON have all."""

MEASURE_COLUMNS = tuple(title[:1].lower() + title[1:] for title in MEASURES.values())
"""Columns of the measures after the epoch whose model is kept, on demand."""


@dataclass(frozen=True)
class ComparisonTable:
    """All rows of one data set, read by one predictor.

    Attributes:
        data: Name of the data set as configured.
        data_title: The same for people.
        reading: By which rule accuracies are read.
        baseline: Label of the baseline's row; None without one.
        target: Accuracy to reach; None when it is the baseline's best of the same seed.
        rows: The baseline first.
        verdict: The answer in two or three sentences.
        notes: What a reader should know before believing the figures, one sentence each.
    """

    data: str
    data_title: str
    reading: Reading
    baseline: str | None
    target: float | None
    rows: tuple[Row, ...]
    verdict: str
    notes: tuple[str, ...] = field(default=())

    @property
    def title(self) -> str:
        """What is compared, by which predictor, and what the target is."""
        if self.target is not None:
            goal = f"target {format_percent(self.target)}"
        elif self.baseline is not None:
            goal = f"target: best of {inline_label(self.baseline)}, same seed"
        else:
            goal = "no baseline, so no target"
        return f"{self.data_title}, by {EVERY_READING[self.reading]}; {goal}"

    def shown(self, columns: Sequence[str] = COLUMNS) -> list[dict[str, str]]:
        """The rows as text by column, without the columns in which no row has a value."""
        rows = [dict(zip((*COLUMNS, *MEASURE_COLUMNS), cells, strict=True)) for cells in self.cells()]
        kept = [column for column in columns if not rows or any(_has_value(row[column]) for row in rows)]
        return [{column: row[column] for column in kept} for row in rows]

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text, one cell for each of :data:`COLUMNS` and :data:`MEASURE_COLUMNS`."""
        return [
            (
                f"{row.label} (baseline)" if row.is_baseline else row.label,
                row.rule or EVERY_READING[self.reading],
                row.chosen.text,
                row.best.text,
                row.mean.text,
                row.difference_text,
                row.to_target.text,
                epochs_text(row.early) or undefined("no baseline"),
                row.seconds.text,
                row.ratio_text,
                row.parameters_text,
                row.label_share.text if row.label_share.defined.size else NOT_MEASURED,
                row.tau.text,
                row.recall.text,
                *(row.measures[name].text if name in row.measures else undefined(NOT_MEASURED) for name in MEASURES),
            )
            for row in self.rows
        ]

    def markdown(self, *, measures: bool = False) -> str:
        """Title, table, verdict and notes as Markdown.

        Args:
            measures: Whether the table has a column for each measure.
        """
        lines = [f"### {markdown_text(self.title)}", ""]
        rows = self.shown((*COLUMNS, *MEASURE_COLUMNS) if measures else COLUMNS)
        if rows:
            lines += [markdown_row(list(rows[0])), "|" + "---|" * len(rows[0])]
            lines += [markdown_row(list(row.values())) for row in rows]
        lines += ["", markdown_text(self.verdict), ""]
        lines += [f"- {markdown_text(note)}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "data": self.data,
            "predictor": self.reading,
            "baseline": self.baseline,
            "target": self.target,
            "rows": [row.to_dict() for row in self.rows],
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def _has_value(cell: str) -> bool:
    return not cell.startswith(undefined()) and cell not in ("baseline", NOT_MEASURED)


def _paired(value: Difference | Ratio | None) -> dict[str, Any] | None:
    if value is None:
        return None
    seeds = (value.logs if isinstance(value, Ratio) else value).seeds
    low, high = _null(value.interval.low), _null(value.interval.high)
    return {"mean": _null(value.mean), "low": low, "high": high, "level": value.interval.level, "seeds": list(seeds)}


def _null(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
