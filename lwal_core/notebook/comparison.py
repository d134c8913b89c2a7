"""Comparison of runs as an object: a table, the verdict in a sentence, and a figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from lwal_core.errors import LwalError
from lwal_core.experiments.comparison import compare_together
from lwal_core.experiments.comparison_table import ComparisonTable
from lwal_core.export.text_tables import html_table
from lwal_core.notebook.run import curves_of, opened
from lwal_core.runs import Reading, Run, RunSummary
from lwal_core.runs.listing import summary_of
from lwal_core.sanitize import quoted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from lwal_core.recording import Recorder


@dataclass(frozen=True, eq=False)
class Comparison:
    """Groups of runs beside a baseline.

    Attributes:
        runs: The runs that were given.
        content: The whole comparison: rows with their figures, notes.
    """

    runs: tuple[Run, ...]
    content: ComparisonTable

    @property
    def table(self) -> list[dict[str, str]]:
        """One row a group, the baseline first, as text by column."""
        return self.content.shown()

    @property
    def sentence(self) -> str:
        """The verdict, as the page Curves says it."""
        return self.content.verdict

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before believing it."""
        return self.content.notes

    @property
    def figure(self) -> go.Figure:
        """Test accuracy by epoch: one line a group, with a band over its seeds."""
        return curves_of(
            self.runs,
            reading=self.content.reading,
            x="epoch",
            theme="light",
            title=None,
            baseline=self.content.baseline,
        )

    def to_dict(self) -> dict[str, Any]:
        """Every figure as plain values for JSON."""
        return self.content.to_dict()

    def to_pandas(self) -> Any:
        """The table as a pandas data frame; pandas must be installed."""
        import pandas as pd  # type: ignore[import-untyped]

        return pd.DataFrame(self.table)

    def _repr_html_(self) -> str:
        rows = self.table
        table = html_table(list(rows[0]), [list(row.values()) for row in rows]) if rows else ""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(self.sentence)}</p>{table}" + (f"<ul>{notes}</ul>" if notes else "")

    def __repr__(self) -> str:
        groups = "1 group" if len(self.content.rows) == 1 else f"{len(self.content.rows)} groups"
        return f"<Comparison of {groups}: {self.sentence}>"


def compare(
    runs: Iterable[Run | RunSummary | Recorder | str],
    *,
    baseline: str | Run | None = None,
    reading: Reading = "as-used",
    target: float | None = None,
) -> Comparison:
    """Compare runs: those that differ in nothing but the seed are a group, and differences are paired by seed.

    Args:
        runs: Runs, recorded or trained here: opened ones, entries of ``list_runs()``, recorders or ids.
        baseline: A run of the group that the others are measured against, a method's name or a row's label; None for
            one-hot where it is among them, else the group of the first run.
        reading: By which rule accuracies are read: ``"as-used"``, ``"mean"`` (nearest class mean) or ``"own"``.
        target: Accuracy to reach, a fraction; None for the baseline's best of the same seed.

    Raises:
        LwalError: There is nothing to compare, or no group is that baseline.
    """
    if isinstance(runs, str) or not isinstance(runs, Iterable):
        raise LwalError(f"{quoted(runs, 60)} is no list of runs.", "Give a list, such as [run, other].")
    whole = [run for run in runs if getattr(run, "problem", None) is None]  # of list_runs(), without damaged ones
    given = tuple(map(opened, whole))
    if not given:
        raise LwalError("There is no run to compare.", "Give a list of runs.")
    summaries: list[RunSummary] = [summary_of(run.path) for run in given]
    wanted = baseline.id if isinstance(baseline, Run) else baseline
    if wanted is None and not any(run.is_baseline for run in summaries):
        wanted = next((run.id for run in summaries if run.problem is None), None)
    return Comparison(given, compare_together(summaries, reading=reading, target=target, baseline=wanted))
