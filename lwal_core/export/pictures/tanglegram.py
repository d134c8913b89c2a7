"""Tanglegram as SVG, PDF or PNG, by matplotlib.

The picture of :mod:`lwal_core.figures.tanglegram` in the manner of :mod:`lwal_core.export.pictures.dendrogram`: roots on the
outside, names inside, a line between equal classes; nothing is cut or drawn over another, and the same input gives the
same bytes.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np

from lwal_core.analysis.base.formatting import HEIGHT_TITLES
from lwal_core.analysis.base.linkage import IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import multiway
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.analysis.trees.correspondence import Correspondence, connections
from lwal_core.analysis.trees.matching import TAXONOMY, groups_of_nodes, node_masks, renumbered
from lwal_core.errors import AnalysisError, ExportError
from lwal_core.export.pictures.file import (
    DRAWING,
    SETTINGS,
    Format,
    check_picture,
    check_pixels,
    render,
    write_picture,
)
from lwal_core.export.pictures.rows import MARGIN, MM, SMALL, SMALL_LINE, TIGHT, Rows, arrange_rows, rows_of
from lwal_core.export.pictures.tanglegram_drawing import NAME_GAP, TITLE, Side, TanglegramPage, draw_tanglegram
from lwal_core.export.pictures.text import MAX_NAME_CHARACTERS, TextMeasure, drawable, shown_name
from lwal_core.figures.clade_colors import GroupMark, group_marks
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.style import shorten
from lwal_core.figures.tanglegram.sides import match_color

NAMES_SHARE = 0.21  # of the width that the names of one side may take; longer ones are wrapped
MIN_WIDTH_MM = 80

_LINES_SHARE, _LEAST_LINES = 0.22, 40.0  # of the width between the names, and points at least
_LEAST_TREE = 30.0  # points


def tanglegram_picture(
    left: Hierarchy,
    right: Hierarchy,
    path_or_buffer: str | os.PathLike[str] | IO[bytes],
    format: Format = "svg",
    *,
    groups: int | None = None,
    labels: tuple[str, str] = ("Left", "Right"),
    units: tuple[str | None, str | None] = (None, None),
    width_mm: float = 180,
    height_mm: float | None = None,
    dpi: int = 300,
    caption: str | None = None,
    theme: Theme = "light",
    parts: tuple[TreePart, TreePart] | None = None,
    alike: tuple[Correspondence, Correspondence] | None = None,
) -> None:
    """Draw two trees of the same classes face to face, leaf orders as they come.

    Lines and clades have the colours of the left tree's groups at the cut; lines of a group that the right tree has, too,
    are pale. Clades of both trees are diamonds, those of one are rings; tied merges are one node.

    Args:
        left: The tree on the left, as :func:`lwal_core.analysis.trees.matching.face` turns it.
        right: The tree on the right, over the same classes in any order.
        path_or_buffer: File name, or an object with ``write`` for bytes.
        format: ``"svg"``, ``"pdf"`` or ``"png"``, whatever the file is called.
        groups: Number of groups to cut both trees into, 1 to n; None for no cut and no colours.
        labels: What each tree is, plain text.
        units: Units of the two distance axes; None for that of the tree's metric.
        width_mm: Width, 80 to 2000 mm.
        height_mm: Height, at most 5000 mm; None lets it grow with the number of classes.
        dpi: Dots per inch of a PNG, 50 to 1200.
        caption: Plain text below, wrapped; a line break starts a new line.
        theme: ``"light"`` or ``"dark"``.
        parts: What of the two is drawn; None for all. The classes of both must then come in the same order.
        alike: Which clade of the other tree is most like each clade, left and right: clades then have the colours of that
            match, and ``groups`` none.

    Raises:
        ExportError: An unknown format or theme, sizes out of range, a height too small for axes and caption, a PNG with
            too many pixels, or a file that cannot be written.
        AnalysisError: Different classes, parts of other trees, or a number of groups that does not fit.
    """
    check_picture(format, theme, width_mm, height_mm, dpi)
    if width_mm < MIN_WIDTH_MM:
        raise ExportError(f"The picture's width_mm is {width_mm!r}; two trees need {MIN_WIDTH_MM} to 2000.")
    if parts is None:
        right = renumbered(right, left.names)
        parts = (tree_part(left), tree_part(right))
    elif parts[0].tree is not left or parts[1].tree is not right or left.names != right.names:
        raise AnalysisError("The parts are not of these two trees.", "Make them of the trees that are drawn.")
    groups = None if alike is not None else groups
    marks = [] if groups is None else group_marks(left, groups)
    in_left = np.full(left.n, -1, dtype=np.intp)
    for number, mark in enumerate(marks):
        in_left[left.members(mark.node)] = number
    in_right = None if groups is None else right.cut(k=groups)
    with DRAWING:
        import matplotlib

        with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": "facing trees"}):
            grey = neutral("line", theme)
            colors = [_colors(h, in_left, marks, alike and alike[at], grey) for at, h in enumerate((left, right))]
            page, measure = _lay_out(
                parts, (width_mm * MM, None if height_mm is None else height_mm * MM), groups, labels, units,
                in_left, colors, caption or "", format, by_match=alike is not None,
            )  # fmt: skip
            if format == "png":
                check_pixels(page.width, page.height, dpi)
            links = _links(parts, page.sides[0].group, marks, _agreeing(in_left, in_right, marks), grey)
            figure = draw_tanglegram(page, marks, in_left, links, measure, theme)
            what = f"{left.n:,} {'class' if left.n == 1 else 'classes'}"
            title = f"{drawable(labels[0])} facing {drawable(labels[1])}: {what}"
            data = render(figure, title, format, dpi)
    write_picture(data, path_or_buffer)


def tanglegram_bytes(left: Hierarchy, right: Hierarchy, format: Format, **options: Any) -> bytes:
    """The picture as bytes; arguments and errors as :func:`tanglegram_picture`."""
    buffer = io.BytesIO()
    tanglegram_picture(left, right, buffer, format, **options)
    return buffer.getvalue()


def _colors(
    h: Hierarchy, in_left: IntArray, marks: Sequence[GroupMark], alike: Correspondence | None, grey: str
) -> list[str]:
    """Colour of every node, ``[2n - 1]``: of its group, or of how well it is matched."""
    if alike is not None:
        scores = alike.jaccard.tolist()
        return [grey if node < h.n else match_color(scores[node]) for node in range(2 * h.n - 1)]
    return [grey if group < 0 else marks[group].color for group in groups_of_nodes(h, in_left).tolist()]


def _links(
    parts: tuple[TreePart, TreePart], group: Sequence[int], marks: Sequence[GroupMark], agreeing: set[int], grey: str
) -> list[tuple[int, int, float, str, bool]]:
    """The lines as the drawing takes them."""
    links = connections(*parts)
    most = int(links[:, 2].max(initial=1))
    return [
        (
            tip,
            there,
            line_width(count, most),
            grey if group[tip] < 0 else marks[group[tip]].color,
            group[tip] in agreeing,
        )
        for tip, there, count in links.tolist()
    ]


def line_width(count: int, most: int) -> float:
    """How many times as thick as the line of one class a line of several is, 1 to 4."""
    return 1.0 if count == 1 else 2.0 + 2.0 * math.sqrt((count - 1) / max(most - 1, 1))


def _agreeing(in_left: IntArray, in_right: IntArray | None, marks: Sequence[GroupMark]) -> set[int]:
    """Groups that both trees have; none for a single group, about which nothing is said."""
    if in_right is None or len(marks) < 2:
        return set()
    there = {frozenset(np.flatnonzero(in_right == g).tolist()) for g in range(len(marks))}
    return {g for g in range(len(marks)) if frozenset(np.flatnonzero(in_left == g).tolist()) in there}


def _tip_texts(part: TreePart) -> list[str]:
    """What to call each end of a branch: a class, or one of a closed clade's and how many more."""
    h = part.tree
    return [
        shown_name(h.names[int(h.members(tip)[0])]) + (f" + {int(h.sizes[tip]) - 1:,}" if tip >= h.n else "")
        for tip in part.tips.tolist()
    ]


def _lay_out(
    parts: tuple[TreePart, TreePart],
    size: tuple[float, float | None],
    groups: int | None,
    labels: tuple[str, str],
    units: tuple[str | None, str | None],
    in_left: IntArray,
    colors: Sequence[list[str]],
    caption: str,
    format: Format,
    *,
    by_match: bool,
) -> tuple[TanglegramPage, TextMeasure]:
    """Decide where everything stands, in points."""
    width, height = size
    trees = (parts[0].tree, parts[1].tree)
    n, inner = trees[0].n, width - 2 * MARGIN
    names = [_tip_texts(part) for part in parts]
    titles = [shown_name(label) for label in labels]
    paragraphs = [drawable(line) for line in caption.splitlines()]
    axes = [drawable(_axis_title(h, unit)) for h, unit in zip(trees, units, strict=True)]
    measure = TextMeasure([*names[0], *names[1], *paragraphs, *titles, *axes, "◆○"])
    shortened = [[shorten(name, MAX_NAME_CHARACTERS) for name in side] for side in names]
    notes = _notes(parts, [*names[0], *names[1]], labels, groups, measure, format, by_match=by_match)
    title_lines = [measure.wrap(shorten(title, 120), TITLE, inner / 2 - 6) for title in titles]
    above = MARGIN + 11 * max(len(lines) for lines in title_lines) + 4

    def below(every: int) -> list[str]:
        rows = max(map(len, names))
        shown = len(range(every // 2, rows, every))
        thinned = (
            f"Names are shown for {shown:,} of {rows:,} {'classes' if rows == n else 'branches'} on each side."
            if every > 1
            else ""
        )
        said = " ".join(note for note in [*notes, thinned] if note)
        wrapped = [measure.wrap(text, SMALL, inner) for text in [*paragraphs, said] if text]
        return [line for lines in wrapped for line in lines]

    # The trees are at least as wide as this, so an axis title that fits it fits.
    axis_width = max(_LEAST_TREE, (1 - _LINES_SHARE - 2 * NAMES_SHARE) / 2 * inner)
    axis_lines = [measure.wrap(axis, SMALL, axis_width) if n > 1 else [] for axis in axes]
    axis_height = (max(len(lines) for lines in axis_lines) + 1) * SMALL_LINE + 4 if n > 1 else 0

    def under(every: int) -> float:
        text = len(below(every)) * SMALL_LINE
        return MARGIN + axis_height + (text + 8 if text else 0)

    room: Callable[[int], float] | None = None if height is None else lambda every: height - above - under(every)
    sides = _columns(shortened, measure, NAMES_SHARE * inner, room)
    every = sides[0].every
    # A given height is filled, whatever the names need.
    tall = max(rows.height for rows in sides) if room is None else room(every)
    names_width = max(rows.names_width for rows in sides) + 2 * NAME_GAP
    lines_width = max(_LEAST_LINES, _LINES_SHARE * inner)
    tree_width = (inner - lines_width - 2 * names_width) / 2
    bottom = under(every)
    page = TanglegramPage(
        width=width,
        height=above + tall + bottom,
        bottom=bottom,
        top=bottom + tall,
        sides=tuple(
            _side(part, other, rows, tall, lines, axis, groups, in_left, colors[at], names_width,
                  MARGIN if at == 0 else width - MARGIN, tree_width)
            for at, (part, other, rows, lines, axis) in enumerate(
                zip(parts, trees[::-1], sides, title_lines, axis_lines, strict=True)
            )
        ),
        below=below(every),
    )  # fmt: skip
    return page, measure


def _columns(
    names: list[list[str]], measure: TextMeasure, limit: float, room: Callable[[int], float] | None
) -> list[Rows]:
    """The rows of both sides with one font size, and with names for every k-th leaf of either."""
    sides = [arrange_rows(side, measure, limit, room) for side in names]
    size, every = min(rows.size for rows in sides), max(rows.every for rows in sides)
    if all((rows.size, rows.every) == (size, every) for rows in sides):
        return sides
    # Where names are left out, the sides show different ones, which may need different room.
    while True:
        sides = [rows_of(side, measure, limit, size, every, TIGHT) for side in names]
        if room is None or every >= max(map(len, names)) or max(rows.height for rows in sides) <= room(every):
            return sides
        every += 1


def _side(
    part: TreePart,
    other: Hierarchy,
    rows: Rows,
    tall: float,
    title: list[str],
    axis_title: list[str],
    groups: int | None,
    in_left: IntArray,
    colors: list[str],
    names_width: float,
    root_at: float,
    tree_width: float,
) -> Side:
    inward, h = (1 if root_at <= MARGIN else -1), part.tree
    cut = math.nan if groups is None or h.n < 2 else h.height_for(groups)
    return Side(
        part=part,
        nodes=multiway(h, part),
        group=groups_of_nodes(h, in_left).tolist(),
        colors=colors,
        shared=_shared(h, other),
        cut=cut,
        # Where names take two lines on one side only, the two columns would differ in height.
        rows=rows,
        stretch=tall / rows.height if rows.height else 1.0,
        title=title,
        axis_title=axis_title,
        root=root_at,
        leaves=root_at + inward * tree_width,
        lines=root_at + inward * (tree_width + names_width),
        names_width=names_width,
    )


def _axis_title(h: Hierarchy, unit: str | None) -> str:
    if h.method == TAXONOMY:
        return "Levels of the taxonomy"
    given = h.unit if unit is None else unit
    return f"{HEIGHT_TITLES.get(h.method, h.method.capitalize())} ({given})"


def _notes(
    parts: tuple[TreePart, TreePart],
    names: list[str],
    labels: tuple[str, str],
    groups: int | None,
    measure: TextMeasure,
    format: Format,
    *,
    by_match: bool,
) -> list[str]:
    """What a reader has to know to read the picture right."""
    trees = (parts[0].tree, parts[1].tree)
    n, notes = trees[0].n, []
    if n == 1:
        notes.append("One class: there is nothing to compare.")
    if n > 2:
        notes += [
            f"{drawable(label)} joins all classes at one height: this tree says nothing."
            for label, h in zip(labels, trees, strict=True)
            if h.is_flat
        ]
        notes.append("◆ clade of both trees, ○ of one.")
    if any(len(part.closed) for part in parts):
        notes.append("Triangles are closed clades; the thicker a line, the more classes.")
    if by_match and n > 2:
        notes.append("Colours: Jaccard index with the best match in the other tree, from orange (0) to blue (1).")
    if groups is not None and n > 1:
        text = f"Colours: {groups} {'group' if groups == 1 else 'groups'} of the left tree"
        notes.append(text + (", pale where the right tree has the same group." if groups > 1 else "."))
        if any(math.isnan(h.height_for(groups)) for h in trees):
            notes.append(f"No height gives {groups} groups in both: merges are tied.")
    if any(len(name) > MAX_NAME_CHARACTERS for name in names):
        notes.append(f"Names of more than {MAX_NAME_CHARACTERS} characters are shortened in the middle.")
    if measure.boxes and format != "svg":  # an SVG is drawn with the fonts of the reader's machine
        notes.append("Boxes stand for characters that no font here has; an SVG keeps them as text.")
    return notes


def _shared(h: Hierarchy, other: Hierarchy) -> frozenset[int]:
    """Nodes of a tree whose classes are a clade of the other one, too."""
    masks = node_masks(other)
    theirs = {masks[node] for node in multiway(other).children}
    mine = node_masks(h)
    return frozenset(node for node in multiway(h).children if mine[node] in theirs)
