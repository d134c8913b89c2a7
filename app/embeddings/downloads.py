"""Downloads of the Embeddings page: pictures, the whole view, coordinates, TensorBoard's projector files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from app.embeddings.colours import own_values, sample_column
from app.embeddings.picture import axis_titles, scale_of, shown_links
from app.embeddings.report import View, report
from app.embeddings.text import provenance
from app.embeddings.toolbar import METHODS
from lwal_core.analysis.projection import Projection
from lwal_core.export.itol import column_cells
from lwal_core.export.pictures.embedding import EmbeddingView, embedding_bytes
from lwal_core.export.tables import coordinates_csv
from lwal_core.figures.palette import Theme, neutral
from lwal_core.results.projector_files import run_projector
from lwal_core.results.run_tree import run_caption
from lwal_core.results.tree_spec import vectors_file_word
from lwal_core.runs import SOURCE_TITLES, Run
from lwal_core.security.redact import for_others

Entry = tuple[str, str, str, Callable[[], bytes]]

_PROVENANCE = ("vectors", "run", "method", "seed", "parameters")

Format = Literal["svg", "png", "pdf"]

_MEDIA: dict[Format, str] = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}


def download_entries(view: View, theme: Theme, *, trial: bool = False) -> list[Entry]:
    """All files of a view for :func:`app.common.widgets.downloads`; each is made when its button is pressed.

    Args:
        view: What the page shows.
        theme: Of the pictures.
        trial: Whether the page shows an image that was tried, too, which pictures do not.
    """
    run, epoch, shown = view.run, view.epoch, view.shown.frames[view.epoch]
    source = vectors_file_word(view.shown.request.source)
    stem = f"{run.id}-{source}-{shown.method}-{shown.points.shape[1]}d"
    unlike = [f"of epoch {epoch}"] if view.options.film else []
    unlike += ["seen from a corner"] if shown.points.shape[1] == 3 else []
    unlike += ["without the image that was tried"] if trial else []
    said = f" ({', '.join(unlike)})" if unlike else ""
    at = f"{stem}-epoch-{epoch:04d}"
    return [
        *(
            (f"Picture, {format.upper()}{said}", f"{at}.{format}", media, partial(picture_file, view, format, theme))
            for format, media in _MEDIA.items()
        ),
        ("The whole view, HTML (about 5 MB, opens offline)", f"{at}.html", "text/html", partial(report, view)),
        *_coordinates(view, stem),
        (
            "TensorBoard projector, zip",
            f"{run.id}-projector.zip",
            "application/zip",
            partial(run_projector, run, epoch),
        ),
    ]


def picture_file(view: View, format: Format, theme: Theme) -> bytes:
    """The picture that is shown, with samples and trails where it has them."""
    run, layouts, epoch = view.run, view.shown, view.epoch
    shown = layouts.frames[epoch]
    with_samples = view.samples is not None and layouts.samples is not None
    trails = np.stack([frame.points for e, frame in layouts.frames.items() if e <= epoch])
    how = f"{METHODS[shown.method]} in {shown.points.shape[1]} dimensions, seed {shown.params.get('seed', 0)}, {provenance(shown)}."
    caption = run_caption(run, epoch, layouts.request.source, how)
    if with_samples:
        assert view.samples is not None
        caption += (
            f"\n{len(view.samples.y):,} of {view.samples.total:,} test samples, after epoch {view.samples.epoch}."
        )
    column = None
    if with_samples and view.samples is not None:
        column = sample_column(run, view.styles, view.samples.rows.tolist())
    drawn = EmbeddingView(
        shown.points,
        run.class_names,
        view.styles.colors if column is None else (neutral("line", theme),) * len(run.class_names),
        view.styles.symbols,
        samples=layouts.samples if with_samples else None,
        sample_classes=view.samples.y if with_samples and view.samples is not None else np.zeros(0, dtype=np.intp),
        sample_colors=() if column is None else column.colors(theme),
        trails=trails if view.options.trails else None,
        chosen=view.picked,
        links=shown_links(view.near, view.picked),
        axis_titles=axis_titles(shown),
        frame=scale_of(layouts, view.options.fit),
    )
    return embedding_bytes(drawn, format, caption=caption, theme=theme)


def for_file(columns: Mapping[str, Sequence[Any]], taken: Collection[str]) -> dict[str, list[Any]]:
    """Columns of one's own as they may leave, under heads that no other column has."""
    found: dict[str, list[Any]] = {}
    for title, cells in columns.items():
        head = for_others(title)
        if head in ("class", "x", "y", "z", *_PROVENANCE, *taken, *found):
            head += " (column)"
        found[head] = [for_others(cell) if isinstance(cell, str) else cell for cell in cells]
    return found


def _coordinates(view: View, stem: str) -> list[Entry]:
    """Coordinates, with the seed and all parameters in every row."""
    run, layouts, epoch, test, group_of = view.run, view.shown, view.epoch, view.samples, view.styles.groups
    names, source, shown = run.class_names, layouts.request.source, layouts.frames[view.epoch]

    test_column = None if test is None else sample_column(run, view.styles, test.rows.tolist())

    def classes(epochs: Sequence[int]) -> bytes:
        frames = [layouts.frames[e] for e in epochs]
        extra: dict[str, list[Any]] = {"epoch": [e for e in epochs for _ in names]}
        if group_of is not None and list(epochs) == [epoch]:
            extra["group"] = (group_of + 1).tolist()
        if list(epochs) == [epoch]:
            extra |= for_file(own_values(run), extra)
        return coordinates_csv(
            list(names) * len(frames),
            np.vstack([frame.points for frame in frames]),
            extra=extra | _provenance(run, SOURCE_TITLES[source], [frame for frame in frames for _ in names]),
        ).encode()

    def samples() -> bytes:
        assert test is not None and layouts.samples is not None
        extra: dict[str, list[Any]] = {
            "predicted": [names[p] if 0 <= p < len(names) else "" for p in test.pred.tolist()],
            "test_index": test.rows.tolist(),
            "epoch": [test.epoch] * len(test.y),
        }
        if test_column is not None:
            extra |= for_file({test_column.title: column_cells(test_column)}, extra)
        known = _provenance(run, "Test samples", [shown] * len(test.y))
        return coordinates_csv([names[i] for i in test.y.tolist()], layouts.samples, extra=extra | known).encode()

    entries: list[Entry] = [
        ("Classes at this epoch, CSV", f"{stem}-epoch-{epoch:04d}.csv", "text/csv", partial(classes, [epoch]))
    ]
    if layouts.shared():
        laid_out, every = len(layouts.frames), len(run.label_epochs())
        which = f"{laid_out:,} of {every:,}" if laid_out < every else "all"
        entries.append(
            (
                f"Classes at {which} epochs, CSV",
                f"{stem}-all-epochs.csv",
                "text/csv",
                partial(classes, list(layouts.frames)),
            )
        )
    if test is not None and layouts.samples is not None:
        entries.append(("Test samples, CSV", f"{stem}-samples.csv", "text/csv", samples))
    return entries


def _provenance(run: Run, kind: str, rows: Sequence[Projection]) -> dict[str, list[Any]]:
    parameters = {id(p): provenance(p) for p in rows}
    return {
        "vectors": [kind] * len(rows),
        "run": [run.id] * len(rows),
        "method": [p.method for p in rows],
        "seed": [p.params.get("seed", 0) for p in rows],
        "parameters": [parameters[id(p)] for p in rows],
    }
