"""View as one HTML file: figure, film, tree, confusion matrix, classes, provenance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from app.common.class_distances import ClassDistances
from app.common.evaluation import Confusion, SampledTestSet, confusion, predictions
from app.common.projections import Projections
from app.embeddings.colours import ClassStyles
from app.embeddings.film import film_notes, movement_sentence
from app.embeddings.film_samples import FilmSamples, film_samples
from app.embeddings.picture import axis_titles, shown_links
from app.embeddings.text import answer, finding, notes, provenance
from app.embeddings.toolbar import METHODS, Options
from app.linked.views import confusion_finding
from lwal_core import __version__
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.projection import ALGORITHM_VERSION
from lwal_core.errors import LwalError
from lwal_core.export.figure_page import Section, view_page
from lwal_core.figures import confusion_heatmap, dendrogram_figure, embedding_figure
from lwal_core.figures.embedding_film import embedding_film
from lwal_core.figures.palette import Theme
from lwal_core.results.run_tree import run_hierarchy, tree_caption
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import SOURCE_TITLES, Run
from lwal_core.security.redact import for_others, without_paths

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_BYTES = 6_000_000
"""Size of the file that is not passed; plotly.js is 4.8 MB of it."""
MOST_CELLS = 125
"""Cells a side of the confusion matrix; of more classes a cell is a block."""


class View(NamedTuple):
    """What the page shows.

    Attributes:
        run: The run.
        epoch: The epoch that is looked at.
        shown: Projections with that epoch, perhaps with samples.
        film: Projections of several epochs in one frame of reference; those of one epoch make no film.
        near: Who is near whom.
        samples: Test samples, or None.
        styles: Colours and shapes.
        options: What the toolbar says.
        picked: The class that is picked, or None.
        reliability: How far to believe the picture; empty while that is not known.
    """

    run: Run
    epoch: int
    shown: Projections
    film: Projections
    near: ClassDistances
    samples: SampledTestSet | None
    styles: ClassStyles
    options: Options
    picked: int | None
    reliability: str


def report(view: View) -> bytes:
    """Write the view as a page of at most ``MOST_BYTES``: trails, then the film are left out where it would be larger."""
    run, epoch, source = view.run, view.epoch, view.shown.request.source
    h = run_hierarchy(run, TreeSpec.of(run, epoch, source))
    said = without_escapes(
        answer(
            run.class_names,
            view.near,
            None if run.config.imported else epoch,
            source,
            run.config.method.equidistant_labels,
        )
    )
    steps = [(view.options.trails, True), (False, True), (False, False)]
    page = b""
    for trails, film in steps[not view.options.trails :]:
        left_out = []
        if view.options.trails and not trails:
            left_out.append("Trails are left out to keep the file small.")
        if not film:
            left_out.append("The film is left out to keep the file small.")
        sections = [
            *_pictures(view, trails=trails, film=film, left_out=left_out),
            _tree(view, h),
            *_confusion(view, h),
            _classes(view, h),
            *_making(view),
        ]
        page = view_page(
            title=f"What is near what? {run.name}", summary=said, sections=sections,
            caption=f"LwAL Explorer {__version__}, run {run.id}. This file loads nothing and sends nothing.",
        )  # fmt: skip
        if len(page) <= MOST_BYTES:
            break
    return page


def without_escapes(text: str) -> str:
    """Text as it was before :func:`app.common.widgets.plain` escaped it for markdown."""
    return re.sub(r"\\(.)", r"\1", text)


def _look(view: View) -> dict[str, Any]:
    return {"colors": view.styles.colors, "symbols": view.styles.symbols}


def _pictures(view: View, *, trails: bool, film: bool, left_out: list[str]) -> list[Section]:
    run, names = view.run, view.run.class_names
    shown = view.shown.frames[view.epoch]
    sections = []
    plays = film and view.film.shared()
    cloud = film_samples(run, view.film) if plays and view.options.samples else None
    moved = cloud if isinstance(cloud, FilmSamples) else None
    test = view.samples if view.shown.samples is not None else None
    if plays:

        def moving(theme: Theme) -> go.Figure:
            return embedding_film(
                {epoch: frame.points for epoch, frame in view.film.frames.items()}, names, shown=view.epoch, trails=trails,
                chosen=view.picked, theme=theme, axis_titles=axis_titles(view.film.frames[view.epoch], shares=False),
                samples=moved and moved.places, sample_classes=moved and moved.y, **_look(view),
            )  # fmt: skip

        first, last = min(view.film.frames), max(view.film.frames)
        text = [
            f"{METHODS[view.film.request.method]} of the class vectors, epochs {first} to {last}, in one frame of reference."
        ]
        said = movement_sentence(view.film, None)
        sections.append(
            Section("Through training", text, moving, f"Film of epochs {first} to {last}",
                    notes=[said, *film_notes(run, view.film, view.options, len(names), cloud), *left_out])
        )  # fmt: skip
    if not plays or test is not None:

        def still(theme: Theme) -> go.Figure:
            cloud: dict[str, Any] = (
                {} if test is None else {"samples": view.shown.samples, "sample_classes": test.y, "webgl": False}
            )
            return embedding_figure(
                shown.points, names, chosen=view.picked, chosen_links=shown_links(view.near, view.picked),
                axis_titles=axis_titles(shown), theme=theme,
                title=finding(names, view.near), **_look(view), **cloud,
            )  # fmt: skip

        title = f"Epoch {view.epoch}" if test is None else f"Epoch {view.epoch} with test samples"
        facts = notes(view.shown, shown, view.epoch, test, len(names))
        sections.append(
            Section(title, [f"{METHODS[shown.method]} in {view.options.dimensions} dimensions."], still, title,
                    notes=[*facts, *(left_out if not plays else [])])
        )  # fmt: skip
    if view.reliability:
        last_one = sections[-1]
        sections[-1] = Section(
            last_one.title,
            last_one.text,
            last_one.figure,
            last_one.summary,
            notes=[without_escapes(view.reliability), *last_one.notes],
        )
    return sections


def _tree(view: View, h: Hierarchy) -> Section:
    groups = view.options.group_count or h.default_groups
    return Section(
        "The tree of the classes",
        figure=lambda theme: dendrogram_figure(h, min(groups, h.n), theme=theme, chosen=view.picked),
        summary=f"Class tree of {h.n} classes",
        notes=[tree_caption(view.run, TreeSpec.of(view.run, view.epoch, view.shown.request.source))],
    )


def _tested(run: Run) -> Confusion | None:
    """Confusion matrix of the test set; None while there are no results."""
    try:
        return confusion(run)
    except LwalError:
        return None


def _confusion(view: View, h: Hierarchy) -> list[Section]:
    tested = _tested(view.run)
    if tested is None or h.n < 2:
        return []
    title = confusion_finding(h, tested.counts, rates=True)
    chosen = [] if view.picked is None else [view.picked]
    return [
        Section(
            "What is taken for what",
            figure=lambda theme: confusion_heatmap(
                tested.counts, h.names, h.order, theme=theme, title=title, chosen=chosen, max_cells=MOST_CELLS
            ),
            summary=title,
            notes=[
                f"Test set after epoch {tested.epoch}, by {predictions(view.run).by}; classes in the order of the tree's leaves."
            ],
        )
    ]


def _classes(view: View, h: Hierarchy) -> Section:
    """Nearest class, accuracy, most frequent mistake and place of each class, in the order of the tree's leaves."""
    names, points = h.names, view.shown.frames[view.epoch].points
    columns = ["Class"]
    grouped, tested = view.styles.groups is not None, _tested(view.run)
    columns += ["Group"] * grouped + ["Nearest class", "Distance"]
    columns += ["Accuracy", "Test samples", "Most often taken for"] * (tested is not None)
    columns += list("xyz"[: points.shape[1]])
    rows = []
    for i in h.order.tolist():
        row: list[Any] = [names[i]]
        if view.styles.groups is not None:
            row.append(int(view.styles.groups[i]) + 1)
        nearest = view.near.neighbours[i][:1].tolist()
        row += [names[nearest[0]], format_number(view.near.distances[i, nearest[0]])] if nearest else ["none", ""]
        if tested is not None:
            row += _accuracy(tested.counts[i], i, names)
        rows.append([*row, *(format_number(value) for value in points[i].tolist())])
    return Section("The classes", columns=columns, rows=rows)


def _accuracy(row: np.ndarray, i: int, names: Sequence[str]) -> list[Any]:
    counts = row.astype(np.int64)
    total = int(counts.sum())
    share = format_percent(counts[i] / total) if total else "undefined (no test samples)"
    mistakes = counts.copy()
    mistakes[i] = 0
    most = int(mistakes.argmax())
    return [share, total, f"{names[most]} ({mistakes[most]:,})" if mistakes[most] else "none"]


def _making(view: View) -> list[Section]:
    """Parameters, seeds and versions, and the configuration of the run."""
    run, record = view.run, view.run.record
    rows = [
        ("Run", f"{for_others(run.name)} ({run.id})"),
        ("Vectors", f"{SOURCE_TITLES[view.shown.request.source]} after epoch {view.epoch}"),
    ]
    for title, layouts in (("Picture", view.shown), ("Film", view.film)):
        shown = layouts.frames[view.epoch]
        parameters = provenance(shown)
        rows.append((title, f"{METHODS[shown.method]}, seed {shown.params.get('seed', 0)}, {parameters}"))
    rows += [
        ("Layout version", str(ALGORITHM_VERSION)),
        ("Versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
        ("Device", for_others(record.device)),
    ]
    if record.origin is not None:
        rows.append(
            ("From", f"{for_others(record.origin.source or record.origin.file)}, SHA-256 {record.origin.sha256}")
        )
    else:
        rows.append(("Training seed", str(run.config.training.seed)))
    if record.data is not None:
        mark = f", fingerprint {record.fingerprint}" if record.fingerprint else ""
        rows.append(("Data", f"{for_others(run.config.data.title)}{mark}"))
    config = orjson.dumps(without_paths(run.config.to_dict()), option=orjson.OPT_INDENT_2).decode()
    return [
        Section("How it was made", columns=["", ""], rows=rows),
        Section("Configuration of the training", verbatim=config),
    ]
