"""Grid of a folded matrix: where rows and columns lie, gaps between groups, names, and the tree that folds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.confusion import OTHER
from lwal_core.figures import style
from lwal_core.figures.labels import one_line, shown_members, step_for
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.tree_drawing import tip_names, with_gaps

ROW, LEAST, MOST = 18, 240, 1_600  # px of a row; of all rows
NAME_CHARS, HOVER_CHARS, HOVER_NAMES = 23, 40, 8
MOST_NAMES = 12  # side by side; what fits the cells of a phone, beside the names of rows
_GAP = 0.4  # of a cell, between groups
_TREE = (0.87, 1.0)  # of the width


@dataclass(frozen=True, eq=False)
class MatrixGrid:
    """Where the tips of a part lie in a matrix; made by :func:`matrix_grid`.

    Attributes:
        part: What is drawn.
        tips: ``[m]`` nodes in rows and columns, :data:`OTHER` last where the part leaves classes out.
        centers: ``[m]`` places of the middles of the cells.
        edges: ``[k + 1]`` places of the borders of the ``k`` bands: cells, and gaps between groups.
        band: ``[m]`` which band each cell is.
        names: ``[m]`` names beside the rows, escaped.
        full: ``[m]`` names for sentences and hover text, escaped.
    """

    part: TreePart
    tips: IntArray
    centers: FloatArray
    edges: FloatArray
    band: IntArray
    names: tuple[str, ...]
    full: tuple[str, ...]

    def spread(self, values: FloatArray) -> FloatArray:
        """Values of the cells ``[m, m]`` with gaps between, ``[k, k]``, nan in them."""
        bands = len(self.edges) - 1
        out = np.full((bands, bands), np.nan)
        out[np.ix_(self.band, self.band)] = values
        return out

    @property
    def height(self) -> int:
        """px that the rows need."""
        return int(np.clip(ROW * len(self.tips), LEAST, MOST))


def matrix_grid(
    part: TreePart,
    tips: IntArray,
    groups: Collection[int] = (),
    clade_names: Mapping[int, str] | None = None,
    proposed: Collection[int] = (),
) -> MatrixGrid:
    """Lay out the rows and columns of a folded matrix.

    Args:
        part: What is drawn.
        tips: Of :class:`lwal_core.analysis.trees.confusion.FoldedConfusion`.
        groups: Top nodes of the groups of a cut; between two groups there is a gap.
        clade_names: Names of clades, for the closed ones.
        proposed: Clades whose name is proposed; it is in italics.
    """
    h, given = part.tree, clade_names or {}
    inside = tips[tips != OTHER]
    group = np.zeros(h.n, dtype=np.intp)  # of each place in leaf order
    for number, top in enumerate(groups):
        first = int(h.first_place[top])
        group[first : first + int(h.sizes[top])] = number
    first, last = h.first_place[inside], h.first_place[inside] + h.sizes[inside] - 1
    gap = np.zeros(len(tips), dtype=bool)  # before a cell
    gap[1 : len(inside)] = group[last[:-1]] != group[first[1:]]
    if len(inside) < len(tips):
        gap[-1] = len(tips) > 1
    wide = np.where(gap, _GAP, 0.0)
    start = np.arange(len(tips)) + np.cumsum(wide)
    edges = [0.0]
    for left, before in zip(start.tolist(), gap.tolist(), strict=True):
        edges += [left, left + 1] if before else [left + 1]
    band = np.arange(len(tips)) + np.cumsum(gap)
    names = tip_names(part, given, NAME_CHARS, proposed)
    full = [_full_name(part, node, given) for node in inside.tolist()]
    if len(inside) < len(tips):
        rest = f"all others ({h.n - int(h.sizes[inside].sum()):,})"
        names, full = [*names, rest], [*full, rest]
    return MatrixGrid(part, tips, start + 0.5, np.array(edges), band, tuple(names), tuple(full))


def _full_name(part: TreePart, node: int, given: Mapping[int, str]) -> str:
    h = part.tree
    text = given.get(node) or h.clade_name(node, 2)
    size = f" ({h.sizes[node]:,})" if node >= h.n and node in given else ""
    return style.escape(style.shorten(one_line(text), HOVER_CHARS)) + size


def axes(grid: MatrixGrid, theme: Theme, most_names: int | None = None) -> dict[str, Any]:
    """Axes of the matrix and of the tree beside it: names of all rows, and of as many columns as fit a phone."""
    size = style.FONT_SIZE - (2 if len(grid.tips) <= 24 else 3)
    step = step_for(len(grid.tips), MOST_NAMES if most_names is None else most_names)
    common: dict[str, Any] = {
        "showgrid": False, "zeroline": False, "showline": False, "ticks": "", "fixedrange": False, "automargin": True,
        "tickfont": {"size": size, "color": neutral("ink", theme)},
        "title": {"font": {"size": style.FONT_SIZE - 1, "color": neutral("muted", theme)}, "standoff": 8},
    }  # fmt: skip
    end = float(grid.edges[-1])
    columns = list(grid.names[:: step or 1]) if step else []
    across = {
        **common, "range": [0, end], "domain": [0, _TREE[0] - 0.01] if len(grid.part.merges) else [0, 1], "tickangle": -90,
        "tickvals": grid.centers[:: step or 1].tolist() if step else [], "ticktext": columns,
    }  # fmt: skip
    down = {**common, "range": [end, 0], "tickvals": grid.centers.tolist(), "ticktext": list(grid.names)}
    across["title"] = {**common["title"], "text": "predicted"}
    down["title"] = {**common["title"], "text": "true"}
    beside = {"domain": list(_TREE), "range": [-0.06, 1.06], "visible": False, "fixedrange": True}
    return {"xaxis": across, "yaxis": down, "xaxis2": beside}


def folding_tree(grid: MatrixGrid, theme: Theme) -> list[dict[str, Any]]:
    """The tree beside the rows: lines, a point at each open clade and a triangle at each closed one. A point's ``customdata`` is
    ``[node]``."""
    part = grid.part
    if not len(part.merges):
        return []
    ranks = np.arange(len(part.tips), dtype=np.float64)
    centers = grid.centers[: len(part.tips)]
    top = max(float(part.height[part.merges].max()), 1e-12)
    places, heights = part.brackets()
    y, x = with_gaps(np.interp(places, ranks, centers)), with_gaps(heights / top)
    muted = neutral("line", theme)
    lines = {
        "type": "scatter", "name": "tree", "mode": "lines", "x": x, "y": y, "xaxis": "x2", "hoverinfo": "skip",
        "line": {"color": muted, "width": 1.2},
    }  # fmt: skip

    def points(name: str, nodes: IntArray, at: FloatArray, marker: dict[str, Any], ending: str) -> dict[str, Any]:
        said = [f"{_members(part, node)}<br><b>{ending}</b>" for node in nodes.tolist()]
        fixed = {"marker": {"opacity": 1}}
        return {
            "type": "scatter", "name": name, "mode": "markers", "x": at, "y": np.interp(part.place[nodes], ranks, centers),
            "xaxis": "x2", "cliponaxis": False, "customdata": [[node] for node in nodes.tolist()], "hovertext": said,
            "hovertemplate": "%{hovertext}<extra></extra>", "marker": marker, "selected": fixed, "unselected": fixed,
        }  # fmt: skip

    ink = neutral("muted", theme)
    found = [lines]
    found.append(
        points("open clades", part.merges, part.height[part.merges] / top, {"size": 7, "color": ink}, "click: close")
    )
    if len(part.closed):
        look = {"size": 9, "color": ink, "symbol": "triangle-left"}
        found.append(points("closed clades", part.closed, np.zeros(len(part.closed)), look, "click: open"))
    return found


def _members(part: TreePart, node: int) -> str:
    h = part.tree
    members = [style.shorten(one_line(h.names[i]), 24) for i in h.members(node)[:HOVER_NAMES].tolist()]
    text = f"{h.sizes[node]:,} classes, joined at {format_number(h.linkage[node - h.n, 2])}<br>"
    return text + shown_members(members, int(h.sizes[node]))


def frames(grid: MatrixGrid, chosen: int | None, theme: Theme) -> list[dict[str, Any]]:
    """Frames around the rows and the columns of what was picked."""
    if chosen is None:
        return []
    h = grid.part.tree
    low, high = int(h.first_place[chosen]), int(h.first_place[chosen] + h.sizes[chosen])
    inside = [
        rank
        for rank, tip in enumerate(grid.tips.tolist())
        if tip != OTHER and h.first_place[tip] < high and low < h.first_place[tip] + h.sizes[tip]
    ]
    if not inside:
        return []
    start, end = float(grid.centers[inside[0]] - 0.5), float(grid.centers[inside[-1]] + 0.5)
    line, last = {"color": neutral("ink", theme), "width": 1.5}, float(grid.edges[-1])
    return [
        {"type": "rect", "line": line, "name": "chosen", f"{one}0": start, f"{one}1": end, f"{other}0": 0, f"{other}1": last,
         "xref": "x", "yref": "y"}
        for one, other in (("x", "y"), ("y", "x"))
    ]  # fmt: skip


def targets(grid: MatrixGrid, texts: Sequence[str], height: int) -> dict[str, Any]:
    """Unseen points on the cells, with their hover text and ``customdata`` ``[true tip, predicted tip]``: a heat map reports no
    click."""
    m = len(grid.tips)
    rows, columns = np.divmod(np.arange(m * m), m)
    unseen = {"marker": {"opacity": 0}}
    return {
        "type": "scatter" if m <= 40 else "scattergl", "name": "cells", "mode": "markers",
        "x": grid.centers[columns], "y": grid.centers[rows],
        "marker": {"opacity": 0, "symbol": "square", "size": max(6, round(0.9 * height / max(m, 1)))},
        "selected": unseen, "unselected": unseen,
        "customdata": np.column_stack([grid.tips[rows], grid.tips[columns]]).tolist(),
        "hovertext": list(texts), "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip
