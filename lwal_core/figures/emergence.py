"""A film of a class tree through training: the tree above, what it has reached by each epoch below, one frame an epoch.

The frames are plotly's own, with its play button and slider, so that the film runs in any browser without a server.
Between two frames the leaves slide to their new places with their names, and each merge keeps its lines: that of the
same two parts glides, others take each other's place. A merge is known by the lowest class of the part that ends in
it (the other part goes on under its own lowest class), which is different for every merge and needs no clade to stay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.emergence import Emergence
from lwal_core.analysis.formatting import DISTANCE_UNITS, HEIGHT_TITLES, format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.linkage import FloatArray, IntArray
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.clade_colors import clade_colors
from lwal_core.figures.labels import heading, one_line, shown_members, shown_name
from lwal_core.figures.palette import OKABE_ITO, Theme, class_color, class_symbol, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_FRAMES = 60
"""Epochs shown at most; of more every so many-th, always the first and the last."""
MOST_NAMES = 150
"""Classes up to which names stand at the leaves and lines glide; above it names are in the hover text."""
TRANSITION = 350
"""Longest transition from frame to frame, ms."""

_LEAVES_IN_ALL = 36_000  # leaves of all frames together: 60 frames of 600 classes, which are 3 MB
_FILM = 15_000  # ms that playing takes, within the limits of a frame's time
_FRAME_TIME = (250, 900)  # ms a frame
_ROW_HEIGHT, _LEAST_ROW = 22, 13  # px a leaf, and where the tree has reached its usual height
_MIN_TREE, _MAX_TREE = 180, 520  # px, before rows get too low for their names
_AXIS, _CURVES, _BELOW = 52, 150, 46  # px of the distance axis with its title, the curves, and the epoch axis
_CONTROLS = 86  # px of play button and slider
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
    """The epochs that get a frame: evenly spread, with the first and the last, fewer for very many classes.

    Args:
        epochs: Ascending.
        classes: Number of classes.
        most: Frames at most, from 2 up.
    """
    room = max(2, min(most, _LEAVES_IN_ALL // max(classes, 1)))
    if len(epochs) <= room:
        return tuple(epochs)
    places = np.unique(np.linspace(0, len(epochs) - 1, room).round().astype(int))
    return tuple(epochs[at] for at in places.tolist())


def group_colors(trees: Sequence[Hierarchy], groups: int) -> list[dict[int, int]]:
    """Colours of the groups of a cut in trees that follow one another, so that a group keeps its colour.

    The last tree's groups have the colours that they have in the dendrogram. Going back, a group has the colour of the
    group that it shares most classes with in the next tree, each of which gives its colour once; a group of the same
    classes thus has the same colour. What is left takes the colour that its classes had later, or else a free one. A
    flat tree has no groups.

    Args:
        trees: In the order of the epochs.
        groups: Number of groups, at most that of the classes.

    Returns:
        For each tree, top node of a group to index into ``OKABE_ITO``. Up to seven groups of a tree differ.
    """
    found: list[dict[int, int]] = []
    known: dict[frozenset[int], int] = {}
    later: list[tuple[frozenset[int], int]] = []
    for tree in reversed(trees):
        colors: dict[int, int] = {}
        if not tree.is_flat:
            tops = {top: frozenset(tree.members(top).tolist()) for top in tree.cut_nodes(k=groups).tolist()}
            if not later:
                own = clade_colors(tree)
                colors = {top: int(own[top]) for top in tops}
            shared = sorted(
                (-len(members & other), min(members), top, at)
                for top, members in tops.items()
                for at, (other, _) in enumerate(later)
                if members & other
            )
            used: set[int] = set()
            for _, _, top, at in shared:
                if top not in colors and at not in used:
                    colors[top] = later[at][1]
                    used.add(at)
            for top, members in sorted(tops.items(), key=lambda item: min(item[1])):
                if top not in colors:
                    wanted = known.get(members, min(members) % len(OKABE_ITO))
                    order = [(wanted + step) % len(OKABE_ITO) for step in range(len(OKABE_ITO))]
                    colors[top] = next((color for color in order if color not in colors.values()), wanted)
            later = [(members, colors[top]) for top, members in tops.items()]
            known = dict(later) | known
        found.append(colors)
    return found[::-1]


def emergence_figure(
    e: Emergence,
    groups: int | None = None,
    *,
    theme: Theme = "light",
    title: str | None = None,
    taxonomy: str = "the taxonomy",
    unit: str | None = None,
    most_frames: int = MOST_FRAMES,
) -> go.Figure:
    """Draw a film of the trees of successive epochs. It opens on the last one; playing begins with the first.

    The size of the figure as JSON is bounded: 100 classes over 20 epochs take about 1 MB, and of very many classes
    fewer epochs are shown.

    Args:
        e: The trees.
        groups: Number of groups to colour, 1 to n; None for no colours.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
        taxonomy: What to call the taxonomy, plain text.
        unit: Unit of the distance axis; None for that of the trees' metric.
        most_frames: Frames at most, from 2 up.

    Returns:
        The figure; frames are named by their epochs. With one epoch it has neither frames nor controls.

    Raises:
        AnalysisError: A number of groups that does not fit the trees, or fewer than two frames.
    """
    import plotly.graph_objects as go

    last = e.trees[-1]
    n = last.n
    if groups is not None and not 1 <= groups <= n:
        raise AnalysisError(f"Trees of {n} classes cannot be cut into {groups!r} groups.", f"Use 1 to {n}.")
    if most_frames < 2:
        raise AnalysisError(f"A film cannot have {most_frames!r} frames.", "Use at least 2.")
    epochs = shown_epochs(e.epochs, n, most_frames)
    at = [e.epochs.index(epoch) for epoch in epochs]
    trees = [e.trees[i] for i in at]
    colors = [{} for _ in trees] if groups is None else group_colors(trees, groups)
    drawn = [_drawn(tree, found, groups) for tree, found in zip(trees, colors, strict=True)]
    top = max((float(tree.linkage[:, 2].max(initial=0.0)) for tree in trees), default=0.0)
    top = 1.05 * top if top > 0 else 1.0
    unit = DISTANCE_UNITS.get(last.metric, last.metric) if unit is None else unit

    curves = _Curves(e, theme, taxonomy)
    tree_px = min(max(_MIN_TREE, _ROW_HEIGHT * n), max(_MAX_TREE, _LEAST_ROW * n if n <= MOST_NAMES else 0))
    headline, heading_px = heading(title, _notes(e, epochs, trees), theme)
    controls_px = _CONTROLS if len(epochs) > 1 else 0
    curves_px = _CURVES if curves.any else 0
    plot_px = tree_px + (_AXIS + curves_px if curves_px else 0)
    below_px = _BELOW if curves_px else _AXIS

    lines = _line_traces(drawn, top)
    moving = [
        [*lines[k], *_markers(d, e, unit, top), _tips(d.tree, theme, tree_px / n), _remark(d.tree, top, theme), *curves.now(i)]
        for k, (d, i) in enumerate(zip(drawn, at, strict=True))
    ]  # fmt: skip
    fixed = curves.lines()
    time = int(min(max(_FILM / len(epochs), _FRAME_TIME[0]), _FRAME_TIME[1]))
    glide = int(min(TRANSITION, 0.6 * time)) if n <= MOST_NAMES else 0
    numbers = list(range(len(fixed), len(fixed) + len(moving[0])))
    frames = [
        {"name": str(epoch), "traces": numbers, "data": [_changes(trace) for trace in traces]}
        for epoch, traces in zip(epochs, moving, strict=True)
    ] if len(epochs) > 1 else []  # fmt: skip
    fig = go.Figure(data=[*fixed, *moving[-1]], frames=frames)

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
        yaxis={"range": [n - 0.4, -0.6], "domain": [floor, 1], "visible": False, "fixedrange": True},
    )  # fmt: skip
    if curves.any:
        curves.lay_out(fig, curves_px / plot_px)
    if len(epochs) > 1:
        _add_controls(fig, epochs, time, glide, theme)
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


def _markers(d: _Drawn, e: Emergence, unit: str, top: float) -> list[dict[str, Any]]:
    """The merges: those whose classes are a clade of the last tree, and the others. None for very many classes."""
    h = d.tree
    if h.n > MOST_NAMES:
        return []
    last = e.trees[-1]
    since = {frozenset(last.members(node).tolist()): epoch for node, epoch in e.since.items()}
    decimals = 4 - math.ceil(math.log10(top))
    traces = []
    nodes = (d.rows + h.n).tolist()
    sets = [frozenset(h.members(node).tolist()) for node in nodes]
    for name, final in (("final clades", True), ("other merges", False)):
        x: list[float | None] = []
        y: list[float | None] = []
        texts = []
        for node, members in zip(nodes, sets, strict=True):
            shown = not h.is_flat and (members in since) == final
            x.append(round(float(h.layout().height[node]), decimals) if shown else None)
            y.append(round(float(h.layout().place[node]), 2) if shown else None)
            texts.append(_merge_text(h, node, unit, since.get(members)) if shown else "")
        traces.append(
            {"type": "scatter", "name": name, "mode": "markers", "x": x, "y": y, "hovertext": texts,
             "hovertemplate": "%{hovertext}<extra></extra>", "cliponaxis": False,
             "marker": {"symbol": "diamond" if final else "circle-open", "size": 8 if final else 5,
                        "color": neutral("muted") if final else neutral("line"), "opacity": 1}}
        )  # fmt: skip
    return traces


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
                   "size": 8 if row >= 16 else 5 if row >= 5 else 3, "opacity": 1},
    }  # fmt: skip
    if named:
        trace["text"] = [f" {shown_name(name, _NAME_CHARS)}" for name in h.names]
        trace["textposition"] = "middle right"
        trace["textfont"] = {"size": style.FONT_SIZE - (1 if row >= 18 else 3), "color": neutral("ink", theme)}
    return trace


def _remark(h: Hierarchy, top: float, theme: Theme) -> dict[str, Any]:
    """What has to be said of one frame, at the top left of the tree."""
    said = "All classes are equally far apart" if h.n > 2 and h.is_flat else ""
    return {
        "type": "scatter", "name": "remark", "mode": "text", "hoverinfo": "skip", "x": [0.98 * top], "y": [-0.3],
        "text": [said], "textposition": "bottom right", "cliponaxis": False,
        "textfont": {"size": style.FONT_SIZE - 1, "color": neutral("muted", theme)},
    }  # fmt: skip


def _changes(trace: dict[str, Any]) -> dict[str, Any]:
    """What of a trace differs from frame to frame."""
    moving = {key: trace[key] for key in ("x", "y", "text", "hovertext") if key in trace}
    if trace["name"] == "leaves":
        moving = {"y": trace["y"]}
    return {"type": trace["type"], **moving}


def _notes(e: Emergence, epochs: Sequence[int], trees: Sequence[Hierarchy]) -> list[str]:
    n, notes = trees[-1].n, []
    if n == 1:
        notes.append("one class: nothing to join")
    elif e.clades and n <= MOST_NAMES:
        notes.append("◆ clades of the last tree, ○ others. Lines turned so that leaves move little")
    elif n > 2 and not e.clades:
        notes.append("the last tree has no clade: all distances are equal")
    if len(epochs) < len(e.epochs):
        notes.append(f"{len(epochs)} of {len(e.epochs):,} epochs shown")
    if n > MOST_NAMES:
        notes.append(f"names of {n:,} classes are in the hover text")
    if not e.complete:
        notes.append("too many classes to turn the lines for calm and to compute tau")
    return notes


class _Curves:
    """The two curves under the tree, and the marks in them that move with the frame."""

    def __init__(self, e: Emergence, theme: Theme, taxonomy: str) -> None:
        self.e, self.theme, self.taxonomy = e, theme, taxonomy
        self.share = e.share
        self.has_tau = bool(np.isfinite(e.tau).any())
        self.has_share = bool(np.isfinite(self.share).any())
        self.any = len(e.epochs) > 1 and (self.has_tau or self.has_share)
        lowest = float(np.nanmin(e.tau)) if self.has_tau else 0.0
        self.range = [min(-0.06, lowest - 0.08), 1.08]
        self.kinds = [("tau", e.tau, "circle", neutral("ink", theme))] if self.has_tau else []
        if self.has_share:
            self.kinds.append(("clades", self.share, "diamond", neutral("muted", theme)))

    def lines(self) -> list[dict[str, Any]]:
        """The curves over all epochs."""
        traces = []
        for name, values, symbol, color in self.kinds if self.any else ():
            texts = [self._text(name, at) for at in range(len(values))]
            traces.append(
                {"type": "scatter", "name": name, "mode": "lines+markers" if len(values) <= 40 else "lines",
                 "xaxis": "x2", "yaxis": "y2", "x": list(self.e.epochs), "y": _numbers(values),
                 "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>", "cliponaxis": False,
                 "line": {"color": color, "width": 1.5}, "marker": {"symbol": symbol, "size": 5, "color": color}}
            )  # fmt: skip
        return traces

    def now(self, at: int) -> list[dict[str, Any]]:
        """Marks at one epoch."""
        if not self.any:
            return []
        epoch, color = self.e.epochs[at], neutral("line", self.theme)
        traces: list[dict[str, Any]] = [
            {"type": "scatter", "name": "now", "mode": "lines", "hoverinfo": "skip", "xaxis": "x2", "yaxis": "y2",
             "x": [epoch, epoch], "y": self.range, "line": {"color": color, "width": 1}}
        ]  # fmt: skip
        for _, values, symbol, own in self.kinds:
            traces.append(
                {"type": "scatter", "name": "now", "mode": "markers", "hoverinfo": "skip", "xaxis": "x2",
                 "yaxis": "y2", "x": [epoch], "y": _numbers(values[at : at + 1]), "cliponaxis": False,
                 "marker": {"symbol": symbol, "size": 12, "color": own, "opacity": 1}}
            )  # fmt: skip
        return traces

    def lay_out(self, fig: go.Figure, height: float) -> None:
        """Axes, ceiling and direct labels; ``height`` is the share of the plot that the curves have."""
        e, ink, muted = self.e, neutral("ink", self.theme), neutral("muted", self.theme)
        span = max(e.epochs[-1] - e.epochs[0], 1)
        ends = [e.epochs[0] - 0.03 * span, e.epochs[-1] + 0.03 * span]
        fig.update_layout(
            xaxis2={"anchor": "y2", "range": ends, "nticks": 8, "tickformat": "d", "showgrid": False, "fixedrange": True,
                    "automargin": False, "title": {"text": "Epoch", "standoff": 4}},
            yaxis2={"anchor": "x2", "domain": [0, height], "range": self.range, "nticks": 4, "fixedrange": True,
                    "automargin": False, "showgrid": True, "title": {"text": "0 to 1", "standoff": 4}},
        )  # fmt: skip
        if span < 8:
            fig.update_layout(xaxis2={"dtick": 1})
        values = {name: float(_last(numbers)) for name, numbers, _, _ in self.kinds}
        apart = 0.34 * (self.range[1] - self.range[0])
        places = dict(values)
        if len(places) == 2 and abs(places["clades"] - places["tau"]) < apart:
            upper, lower = sorted(places, key=lambda name: -places[name])
            places[upper] = max(places[upper], min(1.0, places[lower] + apart / 2))
            places[lower] = places[upper] - apart
        said = {
            "tau": f"agreement with<br>{style.escape(style.shorten(one_line(self.taxonomy), 16))}<br>(tau)",
            "clades": "share of the<br>final clades",
        }
        for name, _, symbol, color in self.kinds:
            glyph = "●" if symbol == "circle" else "◆"
            fig.add_annotation(
                text=f"{glyph} {said[name]}", x=1, xref="paper", xanchor="left", xshift=8, y=places[name], yref="y2",
                yanchor="middle", align="left", showarrow=False, font={"size": style.FONT_SIZE - 3, "color": color},
            )  # fmt: skip
        if self.has_tau and math.isfinite(e.ceiling):
            fig.add_shape(
                type="line", xref="x2 domain", x0=0, x1=1, yref="y2", y0=e.ceiling, y1=e.ceiling, layer="below",
                line={"color": muted, "width": 1.2, "dash": "dash"},
            )  # fmt: skip
            fig.add_annotation(
                text=f"ceiling of tau {format_number(e.ceiling)}", x=0, xref="paper", xanchor="left", xshift=4,
                y=e.ceiling, yref="y2", yanchor="top", showarrow=False,
                font={"size": style.FONT_SIZE - 3, "color": ink},
            )  # fmt: skip

    def _text(self, name: str, at: int) -> str:
        e, epoch = self.e, self.e.epochs[at]
        if name == "tau":
            title = style.escape(style.shorten(one_line(self.taxonomy), 40))
            return f"Epoch {epoch}: tau {format_number(float(e.tau[at]))} with {title}"
        return f"Epoch {epoch}: {e.shared[at]:,} of {e.clades:,} final clades ({format_percent(float(self.share[at]))})"


def _numbers(values: FloatArray) -> list[float | None]:
    """Values for JSON, with gaps where they are undefined."""
    return [round(value, 4) if math.isfinite(value) else None for value in values.tolist()]


def _last(values: FloatArray) -> float:
    return float(values[np.isfinite(values)][-1])


def _add_controls(fig: go.Figure, epochs: Sequence[int], time: int, glide: int, theme: Theme) -> None:
    """Play, pause and the slider, above the tree so that they and it are seen together."""
    ink, muted, line = neutral("ink", theme), neutral("muted", theme), neutral("line", theme)
    ease = {"duration": glide, "easing": "cubic-in-out"}
    play = [None, {"frame": {"duration": time, "redraw": False}, "transition": ease, "fromcurrent": True,
                   "mode": "immediate"}]  # fmt: skip
    pause = [[None], {"frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}, "mode": "immediate"}]
    step = {"frame": {"duration": 0, "redraw": False}, "transition": ease, "mode": "immediate"}
    surface = neutral("surface", theme)
    fig.update_layout(
        updatemenus=[
            {"type": "buttons", "direction": "right", "showactive": False, "x": 0, "xanchor": "left", "y": 1,
             "yanchor": "bottom", "pad": {"l": -44, "t": 0, "b": 48, "r": 0}, "bgcolor": surface, "bordercolor": line,
             "font": {"color": ink, "size": style.FONT_SIZE - 1},
             "buttons": [{"label": "▶ Play", "method": "animate", "args": play},
                         {"label": "❚❚ Pause", "method": "animate", "args": pause}]}
        ],
        sliders=[
            {"active": len(epochs) - 1, "x": 0, "xanchor": "left", "len": 1, "y": 1, "yanchor": "bottom",
             "pad": {"l": 0, "r": 0, "t": 0, "b": 4}, "ticklen": 4, "minorticklen": 3, "tickcolor": line, "bgcolor": line,
             "activebgcolor": muted, "bordercolor": line, "borderwidth": 1,
             "font": {"size": style.FONT_SIZE - 3, "color": muted}, "transition": ease,
             "currentvalue": {"prefix": "Epoch ", "xanchor": "right", "offset": 12,
                              "font": {"size": style.FONT_SIZE, "color": ink}},
             "steps": [{"label": str(epoch), "method": "animate", "args": [[str(epoch)], step]} for epoch in epochs]}
        ],
    )  # fmt: skip
