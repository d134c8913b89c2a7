"""Parts of a drawn class tree: cut, node colours, strokes, text.

Strokes are in places along the row of leaves and in heights; a layout turns them into x and y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.cuts import CutAt, cut_tops
from lwal_core.figures import style
from lwal_core.figures.clade_colors import LARGE, GroupMark, clade_colors
from lwal_core.figures.labels import NAME_CHARS, one_line, shown_members, shown_name
from lwal_core.figures.palette import OKABE_ITO, Theme, neutral

LINE_WIDTH = 1.5  # px
CLOSED_HALF = 0.32  # half the rows that a closed clade's triangle takes
CLADE_CHARS = 22  # of a clade's given name beside its merge

_HOVER_NAMES, _HOVER_NAMES_LARGE = 5, 2

Strokes = dict[int, list[tuple[FloatArray, FloatArray]]]
"""Per tint (-1: neutral) pieces ``(places, heights)``, each ``[lines, corners]``."""


@dataclass(frozen=True, eq=False)
class TreeCut:
    """A cut ready to be drawn: top nodes of its groups (None without a cut), its height (nan: none), what to say about
    it; whether each group has a height of its own, midway up its stem."""

    tops: IntArray | None = None
    height: float = math.nan
    note: str = ""
    several: bool = False

    @property
    def groups(self) -> str:
        """``"3 groups"``."""
        count = 0 if self.tops is None else len(self.tops)
        return f"{count:,} group{'' if count == 1 else 's'}"


def overlay_traces(
    part: TreePart,
    cut: TreeCut,
    marks: Sequence[GroupMark],
    chosen: int | None,
    theme: Theme,
    xy: Callable[[FloatArray, FloatArray], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Marker traces over the tree: ``"groups"`` on the cut and a ring around what was chosen, or around the tip that
    hides it.

    Args:
        part: What is drawn.
        cut: The cut; without any height there are no marks.
        marks: Of the groups; those that are not drawn are left out.
        chosen: A node, or None.
        theme: For the ring.
        xy: Turns places and heights into a trace's ``x`` and ``y``.
    """
    traces: list[dict[str, Any]] = []
    sizes = part.tree.sizes
    still = {"unselected": {"marker": {"opacity": 1}}, "selected": {"marker": {"opacity": 1}}}
    shown = [mark for mark in marks if part.shows[mark.node]]
    if shown and (math.isfinite(cut.height) or cut.several):
        nodes = [mark.node for mark in shown]
        at = np.full(len(nodes), cut.height)
        if cut.several:
            at = (part.height[nodes] + part.height[part.tree.parents[nodes]]) / 2
        counts = sizes[nodes].tolist()
        traces.append(
            {"type": "scatter", "name": "groups", "mode": "markers", "cliponaxis": False,
             **xy(part.place[nodes], at),
             "customdata": [[node, count] for node, count in zip(nodes, counts, strict=True)],
             "hovertext": [f"{count:,} class{'es' if count > 1 else ''} below the cut" for count in counts],
             "hovertemplate": "%{hovertext}<extra></extra>",
             "marker": {"color": [mark.color for mark in shown], "symbol": [mark.symbol for mark in shown], "size": 9,
                        "opacity": 1}, **still}
        )  # fmt: skip
    if chosen is not None:
        node = next((step for step in part.tree.path_to_root(chosen) if part.shows[step]), None)
        if node is not None:
            ink = neutral("ink", theme)
            ring = 0.0 if node in part.closed else float(part.height[node])
            traces.append(
                {"type": "scatter", "name": "chosen", "mode": "markers", "cliponaxis": False, "hoverinfo": "skip",
                 **xy(part.place[[node]], np.array([ring])), "customdata": [[node, int(sizes[node])]],
                 "marker": {"color": ink, "symbol": "circle-open", "size": 16, "opacity": 1, "line": {"width": 2}},
                 **still}
            )  # fmt: skip
    return traces


def extent(part: TreePart) -> float:
    """The height at which the drawing ends."""
    top = float(part.height[part.merges].max(initial=float(part.height[part.root])))
    return 1.08 * top if top > 0 else 1.0


def resolve_cut(part: TreePart, cut: CutAt | None) -> TreeCut:
    """A number of groups, a height or top nodes as a cut of the whole tree, and what to say where it is not in the drawing.

    Raises:
        AnalysisError: None of these, or one that does not fit the tree.
    """
    h = part.tree
    if cut is None:
        return TreeCut()
    tops = cut_tops(h, cut)
    if isinstance(cut, tuple):
        return TreeCut(tops, several=True)
    at = h.height_for(int(cut)) if isinstance(cut, (int, np.integer)) else float(cut)
    if h.n == 1:
        return TreeCut(tops)
    found = TreeCut(tops, at)
    if math.isnan(at):
        return TreeCut(tops, at, f"{found.groups}, but no height gives them: merges are tied")
    if at > extent(part):
        what = "the tree" if part.root == 2 * h.n - 2 else "this clade"
        return TreeCut(tops, math.nan, f"the cut at {format_number(at)} lies above {what}: {found.groups}")
    return found


def node_tints(h: Hierarchy, cut: TreeCut) -> IntArray:
    """Index into the palette of every node by the group that it is in, -1 for neutral, ``[2n - 1]``."""
    tints = np.full(2 * h.n - 1, -1, dtype=np.intp)
    if cut.tops is None:
        return tints
    colors = clade_colors(h, 2 if h.n > LARGE else len(OKABE_ITO))
    # A group's leaves follow one another, so the group at a node's first leaf holds the node, or else the node holds
    # the group.
    top_at_place = np.repeat(cut.tops, h.sizes[cut.tops])
    tops = top_at_place[h.first_place]
    inside = h.sizes <= h.sizes[tops]
    tints[inside] = colors[tops[inside]]
    return tints


def tree_strokes(part: TreePart, cut: TreeCut, tints: IntArray) -> Strokes:
    """The lines of each tint: brackets, and from the cut to the top of a group its stem."""
    h = part.tree
    places, heights = part.brackets()
    own_tints, children = tints[part.merges], h.children[part.merges - h.n]
    pieces: Strokes = {}
    for child, corner in ((0, 0), (1, 3)):
        node = children[:, child]
        # From the cut to the top of a group its stem has the group's colour, above it is neutral.
        stem = (own_tints < 0) & (tints[node] >= 0)
        upper, lower = heights[stem, 1], heights[stem, corner].copy()
        if cut.several:
            turns = (lower + upper) / 2
        elif math.isnan(cut.height):
            turns = upper
        else:
            turns = np.clip(cut.height, np.minimum(lower, upper), np.maximum(lower, upper))
        heights[stem, corner] = turns
        place = part.place[node[stem]]
        for tint in np.unique(tints[node[stem]]):
            here = tints[node[stem]] == tint
            stems = np.stack([place, place], axis=1)[here], np.stack([turns, lower], axis=1)[here]
            pieces.setdefault(int(tint), []).append(stems)
    for tint in np.unique(own_tints):
        here = own_tints == tint
        pieces.setdefault(int(tint), []).append((places[here], heights[here]))
    return dict(sorted(pieces.items()))


def path_corners(part: TreePart, node: int) -> tuple[FloatArray, FloatArray]:
    """Places and heights of the way from a node up to the drawn root; from the tip that hides it when it is hidden,
    empty when it lies elsewhere."""
    path = part.tree.path_to_root(node)
    if part.root not in path:
        return np.empty(0), np.empty(0)
    steps = [step for step in path[: path.index(part.root) + 1] if part.shows[step]]
    place, height = part.place[steps], part.height[steps]
    # Up to the parent's height at the own place, then across to the parent's place.
    places = np.stack([place[:-1], place[:-1]], axis=1).ravel()
    heights = np.stack([height[:-1], height[1:]], axis=1).ravel()
    return np.append(places, place[-1:]), np.append(heights, height[-1:])


def tip_names(
    part: TreePart, clade_names: Mapping[int, str], limit: int = NAME_CHARS, proposed: Collection[int] = ()
) -> list[str]:
    """Name of every tip, escaped: the class, or the name of a closed clade (in italics where it is proposed), or one of
    its classes and how many more."""
    h, names = part.tree, []
    for tip in part.tips.tolist():
        if tip < h.n:
            names.append(shown_name(h.names[tip], limit))
        elif tip in clade_names:
            given = shown_name(clade_names[tip], limit - 5)
            names.append(f"{f'<i>{given}</i>' if tip in proposed else given} ({h.sizes[tip]:,})")
        else:
            more = f" + {h.sizes[tip] - 1:,}"
            names.append(shown_name(h.names[h.order[h.first_place[tip]]], limit - len(more)) + more)
    return names


def hover_texts(
    part: TreePart,
    unit: str,
    clade_names: Mapping[int, str],
    support: Sequence[float] | None,
    proposed: Collection[int] = (),
) -> list[str]:
    """Hover text of every node, escaped, ``[2n - 1]``, empty where hidden; in the short form above ``LARGE`` classes,
    where it is most of the figure."""
    h = part.tree
    n, sizes, first = h.n, h.sizes.tolist(), h.first_place.tolist()
    parents, children, shows = h.parents.tolist(), h.children.tolist(), part.shows.tolist()
    large = n > LARGE
    limit = _HOVER_NAMES_LARGE if large else _HOVER_NAMES
    in_order = [style.shorten(one_line(h.names[i]), NAME_CHARS) for i in h.order.tolist()]
    suffix = f" {style.escape(unit)}" if unit and not large else ""
    heights = [f"{format_number(value)}{suffix}" for value in h.linkage[:, 2].tolist()]
    closed = set(part.closed.tolist())
    texts = []
    for leaf in range(n):
        if not shows[leaf]:
            texts.append("")
            continue
        text = f"<b>{shown_name(h.names[leaf], 40)}</b>"
        if n > 1 and not large:
            row = parents[leaf] - n
            beside = children[row][1] if children[row][0] == leaf else children[row][0]
            members = in_order[first[beside] : first[beside] + min(sizes[beside], 2)]
            text += f"<br>joins {shown_members(members, sizes[beside])}<br>at {heights[row]}"
        texts.append(text)
    for node in range(n, 2 * n - 1):
        if not shows[node]:
            texts.append("")
            continue
        size, start = sizes[node], first[node]
        given = clade_names.get(node)
        tag = "i" if node in proposed else "b"
        text = f"<{tag}>{shown_name(given, 40)}</{tag}><br>" if given else ""
        text += f"{size:,} classes, joined at {heights[node - n]}<br>"
        text += shown_members(in_order[start : start + min(size, limit)], size)
        if support is not None:
            text += f"<br>support {format_percent(support[node - n])}"
        if node in closed:
            text += "<br><i>closed: click to open it</i>"
        texts.append(text)
    return texts


def merge_labels(
    part: TreePart,
    clade_names: Mapping[int, str],
    support: Sequence[float] | None,
    proposed: Collection[int] = (),
) -> list[str]:
    """Text beside every drawn merge: its name, in bold where it was given and in italics where it is proposed, and its
    support in percent, escaped; empty where there is neither."""
    n, texts = part.tree.n, []
    for node in part.merges.tolist():
        tag = "i" if node in proposed else "b"
        pieces = [f"<{tag}>{shown_name(clade_names[node], CLADE_CHARS)}</{tag}>"] if node in clade_names else []
        if support is not None and not math.isnan(support[node - n]):
            pieces.append(f"{100 * support[node - n]:.0f}")
        texts.append(" ".join(pieces))
    return texts


def node_customdata(part: TreePart, nodes: IntArray, hover: Sequence[str]) -> npt.NDArray[Any]:
    """``[[node, number of classes, hover text], ...]`` as an array of objects, because plotly would look at every entry
    of a list several times."""
    custom = np.empty((len(nodes), 3), dtype=object)
    custom[:, 0], custom[:, 1] = nodes.tolist(), part.tree.sizes[nodes].tolist()
    custom[:, 2] = [hover[node] for node in nodes.tolist()]
    return custom


def crowd_trace(
    part: TreePart,
    colors: Sequence[str],
    hover: Sequence[str],
    xy: Callable[[FloatArray, FloatArray], dict[str, Any]],
) -> dict[str, Any]:
    """All drawn nodes as one trace, ``"nodes"``, which WebGL draws: for thousands of them."""
    nodes = np.flatnonzero(part.shows)
    own = [colors[node] for node in nodes.tolist()]
    known = list(dict.fromkeys(own))
    number = {color: i for i, color in enumerate(known)}
    # Numbers with a scale of as many flat steps: twenty thousand colours as text would be checked one by one.
    scale = [[step / len(known), color] for i, color in enumerate(known) for step in (i, i + 1)]
    codes = np.array([number[color] for color in own], dtype=np.int16)
    where = xy(part.place[nodes], part.height[nodes])
    return {
        "type": "scattergl", "name": "nodes", "mode": "markers",
        **{axis: np.asarray(values, dtype=np.float32) for axis, values in where.items()},
        "customdata": node_customdata(part, nodes, hover), "hovertemplate": "%{customdata[2]}<extra></extra>",
        "marker": {"color": codes, "colorscale": scale, "cmin": -0.5, "cmax": len(known) - 0.5, "showscale": False,
                   "size": 3, "opacity": 1, "line": {"width": 0}},
        "selected": {"marker": {"size": 12}}, "unselected": {"marker": {"opacity": 1}},
    }  # fmt: skip


def with_gaps(corners: FloatArray) -> npt.NDArray[np.float32]:
    """Rows of corners one after the other with nan between them; float32 is finer than any screen."""
    gaps = np.full((len(corners), 1), np.nan)
    return np.concatenate([corners, gaps], axis=1).astype(np.float32).ravel()


def cut_handles(part: TreePart, most: int, apart: float) -> list[tuple[int, float]]:
    """``(number of groups, height)`` of the cuts that a reader can click on, from 2 groups up; those less than
    ``apart`` (a height) below the one before are left out."""
    found: list[tuple[int, float]] = []
    for k in range(2, min(most, part.tree.n) + 1):
        at = part.tree.height_for(k)
        if math.isnan(at) or at > extent(part) or (found and found[-1][1] - at < apart):
            continue
        found.append((k, at))
    return found
