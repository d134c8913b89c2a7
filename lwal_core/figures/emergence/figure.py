"""Film of a class tree through training: the tree above, curves below, one frame per epoch.

Between two frames the leaves slide to their new places with their names, and each merge keeps its lines: that of the
same two parts glides, others take each other's place. A merge is known by the lowest class of the part that ends in
it (the other part goes on under its own lowest class), which is different for every merge and needs no clade to stay.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import HEIGHT_TITLES, format_number
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.base.subsample import subsample
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.emergence import Emergence
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.emergence.colors import group_colors, set_colors
from lwal_core.figures.emergence.curves import EpochCurves
from lwal_core.figures.film_controls import CONTROLS, add_controls, pace
from lwal_core.figures.labels import heading, one_line, shown_members, shown_name
from lwal_core.figures.palette import OKABE_ITO, Theme, class_color, class_symbol, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_FRAMES = 60
"""Epochs shown at most; of more every so many-th, always the first and the last."""
MOST_NAMES = 150
"""Classes up to which names stand at the leaves and lines glide; above it names are in the hover text."""

# Leaves of all frames together that make about 3 MB: where lines glide, and where there is no need to.
_GLIDING_LEAVES, _LEAVES = 4_200, 36_000
_ROW_HEIGHT, _LEAST_ROW = 22, 13  # px a leaf, and where the tree has reached its usual height
_MIN_TREE, _MAX_TREE = 180, 520  # px, before rows get too low for their names
_AXIS, _CURVES, _BELOW = 52, 150, 46  # px of the distance axis with its title, the curves, and the epoch axis
_ROOMY = 16  # px a leaf from which marks have their full size
_REMARK = 24  # px of a line above the tree
_NAME_CHARS, _CHAR = 20, 7.0  # characters of a name, px of each
_LABEL_MARGIN = 106  # px that the names of the curves need
_GAP: list[float | None] = [None]

Pairs = list[tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A tree ready to be drawn, its merges sorted by the class that ends in them.

    Attributes:
        rows: ``[n - 1]`` linkage row of each merge.
        places: ``[n - 1, 4]`` places of the corners of its bracket.
        heights: ``[n - 1, 4]`` their heights.
        colors: ``[n - 1]`` index into the palette, -1 for neutral.
        stems: By colour, the lines from the cut down to the top of a group: ``(place, upper, lower)``.
    """

    tree: Hierarchy
    rows: IntArray
    places: FloatArray
    heights: FloatArray
    colors: IntArray
    stems: dict[int, list[tuple[float, float, float]]]


def shown_epochs(epochs: Sequence[int], classes: int, most: int = MOST_FRAMES) -> tuple[int, ...]:
    """The epochs that get a frame: evenly spread, with the first and the last, fewer for many classes.

    Args:
        epochs: Ascending.
        classes: Number of classes.
        most: Frames at most, from 2 up.
    """
    leaves = _GLIDING_LEAVES if classes <= MOST_NAMES else _LEAVES
    room = max(2, min(most, leaves // max(classes, 1)))
    return tuple(subsample(epochs, room))


def emergence_figure(
    e: Emergence,
    groups: int | Sequence[Collection[int]] | None = None,
    *,
    theme: Theme = "light",
    title: str | None = None,
    taxonomy: str = "the taxonomy",
    unit: str | None = None,
    most_frames: int = MOST_FRAMES,
) -> go.Figure:
    """Draw a film of the trees of successive epochs. It opens on the last one; playing begins with the first.

    The size of the figure as JSON is bounded by about 3 MB: 100 classes over 20 epochs take 1.1 MB, and of more than 70
    classes fewer epochs than ``MOST_FRAMES`` are shown.

    Args:
        e: The trees.
        groups: Number of groups to colour, 1 to n, where one height cuts each tree; or the classes of each group, which is
            coloured in the trees that have it as a clade; None for no colours.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
        taxonomy: What to call the taxonomy, plain text.
        unit: Unit of the distance axis; None for that of the trees' metric.
        most_frames: Frames at most, from 2 up.

    Returns:
        The figure; frames are named by their epochs. With one epoch it has neither frames nor controls.

    Raises:
        AnalysisError: Groups that do not fit the trees, or fewer than two frames.
    """
    import plotly.graph_objects as go

    last = e.trees[-1]
    n = last.n
    if isinstance(groups, int) and not 1 <= groups <= n:
        raise AnalysisError(f"Trees of {n} classes cannot be cut into {groups!r} groups.", f"Use 1 to {n}.")
    if most_frames < 2:
        raise AnalysisError(f"A film cannot have {most_frames!r} frames.", "Use at least 2.")
    epochs = shown_epochs(e.epochs, n, most_frames)
    at = [e.epochs.index(epoch) for epoch in epochs]
    trees = [e.trees[i] for i in at]
    count = groups if isinstance(groups, int) else None
    sets: Sequence[Collection[int]] = () if groups is None or isinstance(groups, int) else groups
    colors: list[dict[int, int]] = [{} for _ in trees]
    if count is not None or sets:
        colors = set_colors(trees, sets) if count is None else group_colors(trees, count)
    drawn = [_drawn(tree, found, count) for tree, found in zip(trees, colors, strict=True)]
    top = max((float(tree.linkage[:, 2].max(initial=0.0)) for tree in trees), default=0.0)
    top = 1.05 * top if top > 0 else 1.0
    unit = last.unit if unit is None else unit

    curves = EpochCurves(e, theme, taxonomy)
    tree_px = min(max(_MIN_TREE, _ROW_HEIGHT * n), max(_MAX_TREE, _LEAST_ROW * n if n <= MOST_NAMES else 0))
    # Room for a line above the first leaf, in leaves, where some frame needs it.
    said = _REMARK * n / tree_px if n > 2 and any(tree.is_flat for tree in trees) else 0.0
    remark_at = -0.6 - said / 2
    several = "groups are coloured where they are clades" if sets else ""
    headline, heading_px = heading(title, [*_notes(e, epochs, trees), several], theme)
    controls_px = CONTROLS if len(epochs) > 1 else 0
    curves_px = _CURVES if curves.any else 0
    plot_px = tree_px + (_AXIS + curves_px if curves_px else 0)
    below_px = _BELOW if curves_px else _AXIS

    lines = _line_traces(drawn, top)
    row = tree_px / n
    moving = []
    for d, strokes, i in zip(drawn, lines, at, strict=True):
        tips, remark = _tips(d.tree, theme, row), _remark(d.tree, top, remark_at, theme)
        moving.append([*strokes, *_markers(d, e, unit, top, row), tips, remark, *curves.now(i)])
    fixed = curves.lines()
    time, glide = pace(len(epochs), glides=n <= MOST_NAMES)
    numbers = list(range(len(fixed), len(fixed) + len(moving[0])))
    frames = [
        {"name": str(epoch), "traces": numbers, "data": [_changes(trace) for trace in traces]}
        for epoch, traces in zip(epochs, moving, strict=True)
    ] if len(epochs) > 1 else []  # fmt: skip
    second = {"xaxis2": {"anchor": "y2"}, "yaxis2": {"anchor": "x2"}} if curves.any else {}
    fig = go.Figure(data=[*fixed, *moving[-1]], layout=second, frames=frames)

    style.apply(fig, theme=theme, height=heading_px + controls_px + plot_px + below_px)
    longest = max(len(style.shorten(one_line(name), _NAME_CHARS)) for name in last.names) if n <= MOST_NAMES else 0
    fig.update_layout(
        title=headline, hovermode="closest", hoverlabel={"align": "left"}, dragmode=False,
        margin={"l": 52, "r": max(14 + _CHAR * longest, _LABEL_MARGIN if curves.any else 16),
                "t": heading_px + controls_px, "b": below_px},
        uirevision=f"film {n} {len(epochs)}",
    )  # fmt: skip
    axis_title = f"{HEIGHT_TITLES.get(last.method, last.method.capitalize())} ({unit})"
    floor = 1 - tree_px / plot_px
    fig.update_layout(
        xaxis={"range": [top, 0], "anchor": "y", "nticks": 6, "showgrid": True, "showline": False, "automargin": False,
               "fixedrange": True, "title": {"text": style.escape(axis_title), "standoff": 6}},
        yaxis={"range": [n - 0.4, -0.6 - said], "domain": [floor, 1], "visible": False, "fixedrange": True},
    )  # fmt: skip
    if curves.any:
        curves.lay_out(fig, curves_px / plot_px, curves_px)
    if len(epochs) > 1:
        add_controls(fig, epochs, time, glide, theme)
    return fig


def _drawn(h: Hierarchy, colors: dict[int, int], groups: int | None) -> _Drawn:
    n, layout = h.n, h.layout()
    lowest = list(range(2 * n - 1))
    ends = np.zeros(n - 1, dtype=np.intp)
    group = [-1] * (2 * n - 1)
    for row, (left, right) in enumerate(h.children.tolist()):
        lowest[n + row] = min(lowest[left], lowest[right])
        ends[row] = max(lowest[left], lowest[right])
    for node, color in colors.items():
        group[node] = color
    tops = set(colors)
    places, heights = layout.bracket_places.copy(), layout.bracket_heights.copy()
    cut = h.height_for(groups) if colors and groups is not None else math.nan
    stems: dict[int, list[tuple[float, float, float]]] = {}
    for row in range(n - 2, -1, -1):
        for child, corner in zip(h.children[row].tolist(), (0, 3), strict=True):
            if group[n + row] >= 0:
                group[child] = group[n + row]
            elif child in tops:
                # From the cut to the top of a group its stem has the group's colour, above it is neutral.
                low, high = sorted((float(heights[row, corner]), float(heights[row, 1])))
                turn = float(heights[row, 1]) if math.isnan(cut) else min(max(cut, low), high)
                stem = (float(places[row, corner]), turn, float(heights[row, corner]))
                stems.setdefault(colors[child], []).append(stem)
                heights[row, corner] = turn
    rows = np.argsort(ends)
    return _Drawn(h, rows, places[rows], heights[rows], np.array(group[n:], dtype=np.intp)[rows], stems)


def _line_traces(drawn: Sequence[_Drawn], top: float) -> list[list[dict[str, Any]]]:
    """The lines of each frame, one trace a colour, the neutral one first and the same colours in all frames.

    Every trace has a line for every merge, so that they can glide; those that have another colour are a point.
    """
    used = sorted({color for d in drawn for color in [*d.colors.tolist(), *d.stems]} | {-1})
    most = {color: max(len(d.stems.get(color, ())) for d in drawn) for color in used}
    decimals = 4 - math.ceil(math.log10(top))
    frames = []
    for d in drawn:
        glides = d.tree.n <= MOST_NAMES
        traces = []
        for color in used:
            own = d.colors == color
            places, heights = d.places, d.heights
            if glides:
                middle = places[:, 1:3].mean(axis=1, keepdims=True)
                places = np.where(own[:, None], places, middle)
                heights = np.where(own[:, None], heights, heights[:, 1:2])
            else:
                places, heights = places[own], heights[own]
            stems = d.stems.get(color, [])
            x, y = _path(heights, decimals), _path(places, 2)
            points = np.array(stems, dtype=np.float64).reshape(-1, 3)
            if glides and len(stems) < most[color]:
                root = [float(d.tree.layout().place[-1]), *[float(d.tree.layout().height[-1])] * 2]
                points = np.vstack([points, [root] * (most[color] - len(stems))])
            x += _path(points[:, 1:], decimals)
            y += _path(points[:, [0, 0]], 2)
            stroke = neutral("line") if color < 0 else OKABE_ITO[color]
            traces.append(
                {"type": "scatter", "name": "lines", "mode": "lines", "hoverinfo": "skip", "x": x, "y": y,
                 "line": {"color": stroke, "width": 1.5 if d.tree.n <= 300 else 0.8, "simplify": not glides}}
            )  # fmt: skip
        frames.append(traces)
    return frames


def _path(corners: FloatArray, decimals: int) -> list[float | None]:
    """Rows of corners one after the other with a gap behind each."""
    path: list[float | None] = []
    for row in corners.round(decimals).tolist():
        path += row + _GAP
    return path


def _markers(d: _Drawn, e: Emergence, unit: str, top: float, row: float) -> list[dict[str, Any]]:
    """The merges, large where their classes are a clade of the last tree. None for very many classes."""
    h = d.tree
    if h.n > MOST_NAMES:
        return []
    last = e.trees[-1]
    since = {frozenset(last.members(node).tolist()): epoch for node, epoch in e.since.items()}
    decimals = 4 - math.ceil(math.log10(top))
    nodes = (d.rows + h.n).tolist()
    sets = [frozenset(h.members(node).tolist()) for node in nodes]
    final = [members in since for members in sets]
    large, small = (9, 4) if row >= _ROOMY else (6, 3)
    # All merges in one trace in the same order, so that each glides and none flies in from nowhere.
    return [
        {
            "type": "scatter", "name": "merges", "mode": "markers", "cliponaxis": False,
            "x": [round(float(h.layout().height[node]), decimals) for node in nodes],
            "y": [round(float(h.layout().place[node]), 2) for node in nodes],
            "hovertext": [_merge_text(h, node, unit, since.get(key)) for node, key in zip(nodes, sets, strict=True)],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                # One symbol for all: a browser cannot turn one into another on the way.
                "symbol": "diamond", "size": [0 if h.is_flat else large if there else small for there in final],
                "color": neutral("line"), "opacity": 1, "line": {"width": 0},
            },
        }
    ]  # fmt: skip


def _merge_text(h: Hierarchy, node: int, unit: str, since: int | None) -> str:
    members = h.members(node)
    names = [style.shorten(one_line(h.names[i]), _NAME_CHARS) for i in members[:3]]
    height = format_number(float(h.linkage[node - h.n, 2]))
    text = f"{len(members):,} classes, joined at {height}{f' {style.escape(unit)}' if unit else ''}<br>"
    text += shown_members(names, len(members))
    return text if since is None else f"{text}<br>in the tree since epoch {since}"


def _tips(h: Hierarchy, theme: Theme, row: float) -> dict[str, Any]:
    """The leaves in class order, so that each slides to its place with its name."""
    n = h.n
    named = n <= MOST_NAMES
    trace: dict[str, Any] = {
        "type": "scatter", "name": "leaves", "mode": "markers+text" if named else "markers", "cliponaxis": False,
        "x": [0] * n, "y": np.argsort(h.order).tolist(),
        "hovertext": [shown_name(name, 40) for name in h.names], "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": [class_color(i) for i in range(n)], "symbol": [class_symbol(i) for i in range(n)],
                   "size": 8 if row >= _ROOMY else 5 if row >= 5 else 3, "opacity": 1},
    }  # fmt: skip
    if named:
        trace["text"] = [f" {shown_name(name, _NAME_CHARS)}" for name in h.names]
        trace["textposition"] = "middle right"
        trace["textfont"] = {"size": style.FONT_SIZE - (1 if row >= 18 else 3), "color": neutral("ink", theme)}
    return trace


def _remark(h: Hierarchy, top: float, at: float, theme: Theme) -> dict[str, Any]:
    """What has to be said of one frame, above the tree."""
    said = "All classes are equally far apart" if h.n > 2 and h.is_flat else ""
    return {
        "type": "scatter", "name": "remark", "mode": "text", "hoverinfo": "skip", "x": [0.98 * top], "y": [at],
        "text": [said], "textposition": "middle right", "cliponaxis": False,
        "textfont": {"size": style.FONT_SIZE - 1, "color": neutral("muted", theme)},
    }  # fmt: skip


def _changes(trace: dict[str, Any]) -> dict[str, Any]:
    """What of a trace differs from frame to frame."""
    moving: dict[str, Any] = {key: trace[key] for key in ("x", "y", "text", "hovertext") if key in trace}
    if trace["name"] == "leaves":
        moving = {"y": trace["y"]}
    if trace["name"] == "merges":
        moving["marker"] = {"size": trace["marker"]["size"]}
    return {"type": trace["type"], **moving}


def _notes(e: Emergence, epochs: Sequence[int], trees: Sequence[Hierarchy]) -> list[str]:
    n, notes = trees[-1].n, []
    if n == 1:
        notes.append("one class: nothing to join")
    elif e.clades and n <= MOST_NAMES:
        notes.append("large ◆: clades that the last tree has, small ◆: others")
    elif n > 2 and not e.clades:
        notes.append("the last tree has no clade: all distances are equal")
    if len(epochs) < len(e.epochs):
        notes.append(f"{len(epochs)} of {len(e.epochs):,} epochs shown")
    if n > MOST_NAMES:
        notes.append(f"names of {n:,} classes are in the hover text")
    if not e.complete:
        notes.append("too many classes to turn the lines for calm and to compute tau")
    return notes
