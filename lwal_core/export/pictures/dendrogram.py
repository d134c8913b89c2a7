"""Dendrogram as SVG, PDF or PNG, by matplotlib.

Leaves are on the right, so that names read without tilting, and the distance axis is below. No name is ever cut or
drawn over another: the picture grows with the number of classes, the font shrinks within limits, long names go on in a
second line, and past some hundred classes names are thinned out, which the picture then says. Text stays text: it can
be searched, copied and edited.

The same input gives the same bytes: there is no time stamp, and ids inside the SVG are derived from what they name.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from lwal_core.analysis.base.formatting import HEIGHT_TITLES, format_number
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.analysis.trees.cuts import CutAt, cut_tops
from lwal_core.errors import AnalysisError
from lwal_core.export.pictures.dendrogram_drawing import MARK_GAP, NAME_GAP, Cut, Page, draw
from lwal_core.export.pictures.file import (
    DRAWING,
    SETTINGS,
    Format,
    check_picture,
    check_pixels,
    render,
    write_picture,
)
from lwal_core.export.pictures.rows import MARGIN, MM, SMALL, SMALL_LINE, arrange_rows, name_limit
from lwal_core.export.pictures.strips import Strips, arrange_strips, legend_texts, named_with
from lwal_core.export.pictures.text import MAX_NAME_CHARACTERS, TextMeasure, drawable, shown_name
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.figures.palette import Theme
from lwal_core.figures.style import shorten
from lwal_core.figures.tree_drawing import TreeCut, extent, node_tints

if TYPE_CHECKING:
    from lwal_core.analysis.hierarchy import Hierarchy

TALL = 700.0  # points; a taller tree carries its axis at the top as well


def dendrogram_picture(
    h: Hierarchy,
    path_or_buffer: str | os.PathLike[str] | IO[bytes],
    format: Format = "svg",
    *,
    cut: CutAt | None = None,
    width_mm: float = 160,
    height_mm: float | None = None,
    dpi: int = 300,
    caption: str | None = None,
    theme: Theme = "light",
    marks: bool | None = None,
    part: TreePart | None = None,
    clade_names: Mapping[int, str] | None = None,
    strips: Sequence[Colouring] = (),
    looks: LeafLooks | None = None,
) -> None:
    """Draw a hierarchy as it would stand in a paper.

    Args:
        h: The hierarchy.
        path_or_buffer: File name, or an object with ``write`` for bytes.
        format: ``"svg"``, ``"pdf"`` or ``"png"``, whatever the file is called.
        cut: None, a number of groups (``int``), a height (``float``) in the units of the distance axis, or top nodes. Groups have
            the colours that they have in the interactive figure, lines above the cut are grey.
        width_mm: Width, 40 to 2000 mm; a column of a journal is about 85, a page 160.
        height_mm: Height, at most 5000 mm; None lets it grow with the number of classes.
        dpi: Dots per inch of a PNG, 50 to 1200.
        caption: Plain text below, wrapped: method, linkage, data, seed and versions as the caller knows them. A line
            break starts a new line.
        theme: ``"light"`` or ``"dark"``: colours of text and surface.
        marks: Whether a mark beside each name shows the colour and shape that the class has in every view. None shows
            them without a cut only: with one, the colours stand for groups, and one picture has one meaning a colour.
        part: What of ``h`` to draw, from :func:`lwal_core.analysis.hierarchy.subtree.tree_part`; None for all. Closed clades
            are triangles.
        clade_names: Names that people gave to nodes; of closed clades they stand where a class's name would.
        strips: Numbers or categories of all classes, as marks between the leaves and their names, with a legend below.
        looks: Colours of the names, and what stands after them.

    Raises:
        ExportError: An unknown format or theme, sizes out of range, a height too small for axis and caption, a PNG with
            too many pixels, or a file that cannot be written.
        AnalysisError: A cut or a part that does not fit the tree.
    """
    check_picture(format, theme, width_mm, height_mm, dpi)
    part = tree_part(h) if part is None else part
    if part.tree is not h:
        raise AnalysisError("The part to be drawn is of another tree.", "Make it from the tree that is drawn.")
    resolved = _resolve_cut(part, cut)
    height = None if height_mm is None else height_mm * MM
    with DRAWING:
        import matplotlib

        with matplotlib.rc_context(SETTINGS):
            names = [shown_name(name) for name in named_with(_tip_names(part, clade_names or {}), part, looks)]
            paragraphs = [drawable(line) for line in (caption or "").splitlines()]
            measure = TextMeasure([*names, *paragraphs, *legend_texts(strips)])
            notes = _notes(part, names, resolved, measure, format)
            with_marks = cut is None if marks is None else marks
            beside = arrange_strips(strips, looks, measure, width_mm * MM - 2 * MARGIN)
            page = _lay_out(
                part, names, resolved, measure, (width_mm * MM, height), paragraphs, notes, with_marks, beside
            )
            if format == "png":
                check_pixels(page.width, page.height, dpi)
            title = f"Dendrogram of {h.n:,} {'class' if h.n == 1 else 'classes'}"
            data = render(draw(part, resolved, page, measure, theme), title, format, dpi)
    write_picture(data, path_or_buffer)


def _tip_names(part: TreePart, clade_names: Mapping[int, str]) -> list[str]:
    """Name of each tip: the class, or of a closed clade its given name, or one of its classes and how many more."""
    h = part.tree
    names = []
    for tip in part.tips.tolist():
        if tip < h.n:
            names.append(h.names[tip])
        elif tip in clade_names:
            names.append(f"{clade_names[tip]} ({h.sizes[tip]:,})")
        else:
            names.append(f"{h.names[h.order[h.first_place[tip]]]} + {h.sizes[tip] - 1:,}")
    return names


def _resolve_cut(part: TreePart, cut: CutAt | None) -> Cut:
    """Colours and line of a cut, by the rules of the interactive figure."""
    h = part.tree
    tints = np.full(2 * h.n - 1, -1, dtype=np.intp)
    if cut is None:
        return Cut(tints)
    tops = cut_tops(h, cut)
    if isinstance(cut, tuple):
        found = TreeCut(tops, several=True)
        return Cut(node_tints(h, found), note=f"The colours show {found.groups}, cut at several heights.", several=True)
    at = h.height_for(int(cut)) if isinstance(cut, (int, np.integer)) else float(cut)
    found = TreeCut(tops, at)
    tints, groups = node_tints(h, found), found.groups
    if math.isnan(at):
        return Cut(tints, note=f"The colours show {groups}; no height gives them, because merges are tied.")
    if at > extent(part):
        what = "the tree" if part.root == 2 * h.n - 2 else "this clade"
        return Cut(tints, note=f"The cut at {format_number(at)} lies above {what}: {groups}.")
    return Cut(tints, at, f"cut at {format_number(at)}: {groups}")


def _notes(part: TreePart, names: list[str], cut: Cut, measure: TextMeasure, format: Format) -> list[str]:
    """What a reader has to know to read the picture right."""
    h, notes = part.tree, [cut.note]
    if not part.is_whole:
        shown = int(h.sizes[part.root])
        which = f"{shown:,} of {h.n:,}" if shown < h.n else f"{h.n:,}"
        closed = f", {len(part.closed):,} closed clades as triangles" if len(part.closed) else ""
        notes.append(
            f"Shown: {which} classes{closed}.".replace(" 1 closed clades as triangles", " 1 closed clade as a triangle")
        )
    if h.n == 1:
        notes.append("One class: there is nothing to merge.")
    elif h.n > 2 and h.is_flat:
        notes.append("All distances are equal: this tree says nothing about the classes.")
    if any(len(name) > MAX_NAME_CHARACTERS for name in names):
        notes.append(f"Names of more than {MAX_NAME_CHARACTERS} characters are shortened in the middle.")
    if measure.boxes and format != "svg":  # an SVG is drawn with the fonts of the reader's machine
        notes.append("Boxes stand for characters that no font here has; an SVG keeps them as text.")
    return notes


def _lay_out(
    part: TreePart,
    names: list[str],
    cut: Cut,
    measure: TextMeasure,
    size: tuple[float, float | None],
    paragraphs: list[str],
    notes: list[str],
    marks: bool,
    strips: Strips,
) -> Page:
    """Decide where everything stands. Leaving names out takes a line that says so, hence the functions of ``every``."""
    width, height = size
    h, count = part.tree, len(part.tips)
    what = f"{HEIGHT_TITLES.get(h.method, h.method.capitalize())} ({h.unit})"
    axis_title = measure.wrap(what, SMALL, width - 2 * MARGIN) if count > 1 else []

    def below(every: int) -> list[str]:
        shown = len(range(every // 2, count, every))
        thinned = f"Names are shown for {shown:,} of {count:,} classes." if every > 1 else ""
        said = " ".join(note for note in [*notes, thinned] if note)
        wrapped = [measure.wrap(text, SMALL, width - 2 * MARGIN) for text in [*paragraphs, said] if text]
        return [line for lines in wrapped for line in lines]

    def above_and_under(every: int, tall: bool) -> tuple[float, float]:
        above = MARGIN + (SMALL_LINE + 3 if cut.label else 0) + (SMALL_LINE + 2 if tall else 0)
        axis = (len(axis_title) + 1) * SMALL_LINE + 4 if axis_title else 0
        text = (len(below(every)) + len(strips.legend)) * SMALL_LINE
        return above, MARGIN + axis + (text + 8 if text else 0)

    room = None if height is None else lambda every: height - sum(above_and_under(every, tall=False))
    shortened = [shorten(name, MAX_NAME_CHARACTERS) for name in names]
    rows = arrange_rows(shortened, measure, name_limit(width), room)
    tall = height is None and rows.height > TALL
    gap = (MARK_GAP if marks else NAME_GAP) + strips.width
    above, under = above_and_under(rows.every, tall)
    return Page(
        width=width,
        height=above + rows.height + under,
        left=MARGIN,
        right=width - MARGIN - rows.names_width - gap if count > 1 else MARGIN,
        bottom=under,
        rows=rows,
        axis_title=axis_title,
        axis_on_top=tall,
        marks=marks,
        below=below(rows.every),
        strips=strips,
    )
