"""Run in a notebook: its class tree, projection, curves and confusions as plotly figures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_accuracy
from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.analysis.projection import project, project_with_samples
from lwal_core.errors import LwalError, RunError
from lwal_core.export.text_tables import html_table
from lwal_core.figures import embedding_figure
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.curves import accuracy_figure
from lwal_core.figures.dendrogram import dendrogram_figure
from lwal_core.figures.heatmap import confusion_heatmap
from lwal_core.figures.palette import Theme, class_color, class_symbol
from lwal_core.results.run_curves import curve_of
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import DEFAULT_DISTANCE, DEFAULT_LINKAGE, TreeSpec
from lwal_core.runs import Layer, Reading, Run, RunSummary
from lwal_core.runs import list_runs as list_all_runs
from lwal_core.runs import open_run as open_plain_run
from lwal_core.sanitize import quoted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from lwal_core.recording import Recorder

MOST_SAMPLES = 2_000
"""Test samples in a projection."""


class NotebookRun(Run):
    """A run, opened for reading, whose pictures are plotly figures."""

    def tree(
        self,
        epoch: int | None = None,
        *,
        vectors: str | None = None,
        linkage: str = DEFAULT_LINKAGE,
        distance: str = DEFAULT_DISTANCE,
        groups: int | None = None,
        theme: Theme = "light",
        title: str | None = None,
    ) -> go.Figure:
        """The class tree.

        Args:
            epoch: Of the class vectors; None for the newest.
            vectors: ``"centroids"`` for class means, ``"features"`` for those of the features, ``"labels"`` for the label table or
                ``"confusion"`` for the confusion matrix; None for class means, or what there is in their place.
            linkage: How clusters are joined, such as ``"average"`` or ``"ward"``.
            distance: Between class vectors: ``"euclidean"``, ``"cosine"`` or ``"correlation"``.
            groups: Number of groups to colour; None for one colour.
            theme: ``"light"`` or ``"dark"``.
            title: Above the figure.

        Raises:
            LwalError: There are no such vectors, or there is no such rule.
        """
        h = run_hierarchy(self, TreeSpec.of(self, epoch, vectors, linkage, distance))
        return dendrogram_figure(h, groups, theme=theme, title=title)

    def projection(
        self,
        epoch: int | None = None,
        *,
        method: str = "pca",
        dimensions: int = 2,
        vectors: str | None = None,
        samples: bool = False,
        groups: int | None = None,
        seed: int = 0,
        theme: Theme = "light",
        title: str | None = None,
    ) -> go.Figure:
        """The classes in two or three dimensions.

        Args:
            epoch: Of the class vectors; None for the newest, or with samples the one that they are from.
            method: ``"pca"``, ``"umap"``, ``"mds"`` or ``"tsne"``.
            dimensions: 2 or 3.
            vectors: As for :meth:`tree`.
            samples: With up to 2,000 test samples, which are kept of the best epoch alone.
            groups: Number of groups of the class tree to colour; None for one colour a class.
            seed: Of the layout.
            theme: ``"light"`` or ``"dark"``.
            title: Above the figure.

        Raises:
            LwalError: There are no such vectors or samples, or there is no such projection of them.
        """
        test = self.evaluation("features" if vectors == "features" else "outputs") if samples else None
        spec = TreeSpec.of(self, test.epoch if test is not None and epoch is None else epoch, vectors)
        if test is not None and test.epoch != spec.epoch:
            raise RunError(
                f"The test samples of run {self.id} are those of epoch {test.epoch}.",
                "Leave the epoch out, or samples.",
            )
        table = self.vectors(spec.epoch, spec.vectors)
        names, count = self.class_names, len(self.class_names)
        colors, symbols = [class_color(i) for i in range(count)], [class_symbol(i) for i in range(count)]
        if groups is not None:
            h = run_hierarchy(self, spec)
            for mark in group_marks(h, groups):
                for i in h.members(mark.node).tolist():
                    colors[i], symbols[i] = mark.color, mark.symbol
        look: dict[str, Any] = {"colors": colors, "symbols": symbols, "theme": theme, "title": title}
        if test is None:
            shown = project(table, method, dimensions, seed)  # type: ignore[arg-type]
            return embedding_figure(shown.points, names, **look)
        if test.z.shape[1] != table.shape[1]:
            raise RunError(
                f"Run {self.id} has no embeddings of its test samples beside these vectors.", "Leave samples out."
            )
        kept = subsample_per_class(test.y, MOST_SAMPLES)
        shown, cloud = project_with_samples(table, test.z[kept].astype(np.float64), method, dimensions, seed)  # type: ignore[arg-type]
        return embedding_figure(shown.points, names, samples=cloud.points, sample_classes=test.y[kept], **look)

    def curves(
        self,
        *others: Run | RunSummary | Recorder | str,
        reading: Reading = "as-used",
        x: str = "epoch",
        theme: Theme = "light",
        title: str | None = None,
    ) -> go.Figure:
        """Test accuracy by epoch, of this run and others; runs that differ in nothing but the seed are one line with a band.

        Args:
            *others: Further runs, or their ids.
            reading: ``"as-used"``, ``"mean"`` (nearest class mean), ``"own"`` or ``"features"`` (nearest class mean of features).
            x: ``"epoch"``, ``"step"``, ``"samples"`` or ``"seconds"``.
            theme: ``"light"`` or ``"dark"``.
            title: Above the figure.
        """
        return curves_of([self, *map(opened, others)], reading=reading, x=x, theme=theme, title=title)

    def confusion(
        self,
        epoch: int | None = None,
        *,
        layer: Layer = "outputs",
        rates: bool = True,
        theme: Theme = "light",
        title: str | None = None,
    ) -> go.Figure:
        """Which classes of the test set are taken for which, in the order of the leaves of the class tree.

        Args:
            epoch: One whose sample of the test set is kept (``tested_epochs()``); None for the best one and the whole test set.
            layer: ``"outputs"``, or ``"features"`` for predictions by the nearest class mean of features, of the best epoch.
            rates: Shares of each true class; False for counts.
            theme: ``"light"`` or ``"dark"``.
            title: Above the figure.

        Raises:
            LwalError: No test results were recorded.
        """
        test = self.evaluation(layer, epoch)
        try:
            order = run_hierarchy(self).order
        except RunError:  # no class vectors: the order in which the classes are named
            order = np.arange(len(self.class_names))
        return confusion_heatmap(test.confusion, self.class_names, order, rates=rates, theme=theme, title=title)

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.name!r}, seed {self.config.training.seed}, {self.status}>"


class RunList(list[RunSummary]):
    """Runs, newest first; a notebook shows them as a table."""

    def _repr_html_(self) -> str:
        rows = [
            (run.id, run.name, run.data_title, str(run.seed), f"{run.epochs_done} of {run.epochs}",
             format_accuracy(run.best_accuracy) if run.best_accuracy == run.best_accuracy else "", run.status)
            for run in self
        ]  # fmt: skip
        return html_table(("Run", "Name", "Data", "Seed", "Epochs", "Best accuracy", "Status"), rows)


def open_run(run_id: str, home: str | os.PathLike[str] | None = None) -> NotebookRun:
    """Open a run by its id, for reading.

    Args:
        run_id: Its id.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Raises:
        RunNotFound: There is no such run. RunError: Its record is damaged or foreign.
    """
    return NotebookRun(open_plain_run(run_id, home).path)


def list_runs(home: str | os.PathLike[str] | None = None) -> RunList:
    """Every run of a home, newest first; a damaged one has its ``problem``."""
    return RunList(list_all_runs(home))


def opened(run: Run | RunSummary | Recorder | str) -> Run:
    """A run that was given as whatever stands for one.

    Args:
        run: An opened run, an entry of :func:`list_runs`, a recorder, or the id of a run in the default home.

    Raises:
        RunNotFound: There is no run of that id. LwalError: It stands for no run.
    """
    if isinstance(run, Run):
        return run
    if isinstance(run, str):
        return open_run(run)
    folder = getattr(run, "path", None) or getattr(run, "folder", None)
    if not isinstance(folder, Path):
        raise LwalError(f"{quoted(run, 60)} is no run.", "Give runs from open_run or list_runs, or their ids.")
    return NotebookRun(folder)


def curves_of(
    runs: Iterable[Run], *, reading: Reading, x: str, theme: Theme, title: str | None, baseline: str | None = None
) -> go.Figure:
    """Test accuracy by epoch of groups of runs, one line a group."""
    from lwal_core.results.run_curves import distinct_labels

    groups: dict[str, dict[int, Run]] = {}
    for run in runs:
        groups.setdefault(run.group, {})[run.config.training.seed] = run
    labels = distinct_labels({key: next(iter(members.values())).config for key, members in groups.items()})
    curves = {labels[key]: [curve_of(run, reading) for run in members.values()] for key, members in groups.items()}
    return accuracy_figure(curves, x=x, theme=theme, title=title, baseline=baseline)  # type: ignore[arg-type]
