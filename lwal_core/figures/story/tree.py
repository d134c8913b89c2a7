"""A class tree that grows once through the epochs: leaves stand where the last tree has them, branches find their way. HTML and
CSS, no script.

Pictures and names stay in their rows, so that none lies on another at any time; where an epoch's tree is another one than the last,
its branches cross. A reader who has asked for less motion sees the last epoch at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.story.groups import StoryGroup

SECONDS = 6.0
"""How long the epochs play, once."""
ROW = 26
"""Height of a leaf in px."""
CAPTION = 22
"""Room below the tree for the epoch in px."""
NAMES_WIDTH = 150
"""Room for pictures and names in px, to the right of the branches."""


class Stroke(NamedTuple):
    """A straight line: shares of the width from the root (0) to the leaves (1), rows from the first leaf, a colour."""

    x1: float
    y1: float
    x2: float
    y2: float
    color: str


def strokes(h: Hierarchy, places: FloatArray, groups: Sequence[StoryGroup], plain: str) -> list[Stroke]:
    """Lines of a tree with the leaves to the right: for each merge one line down and one to each child.

    Args:
        h: The tree.
        places: Row of each class, ``[C]``; branches cross where it is not the tree's own order.
        groups: Those with a colour give it to the branches that hold no other class.
        plain: Colour of all other branches.
    """
    top = float(h.linkage[:, 2].max(initial=0.0)) or 1.0
    height = np.concatenate([np.zeros(h.n), h.linkage[:, 2] / top])
    middle = np.concatenate([places, np.zeros(h.n - 1)])
    members: list[frozenset[int]] = [frozenset([i]) for i in range(h.n)]
    found = []
    for row, (left, right) in enumerate(h.children, start=h.n):
        middle[row] = (middle[left] + middle[right]) / 2
        members.append(members[left] | members[right])
        color = _color(members[row], groups, plain)
        across = 1 - float(height[row])
        found.append(Stroke(across, float(middle[left]), across, float(middle[right]), color))
        for child in (int(left), int(right)):
            own = _color(members[child], groups, plain)
            y = float(middle[child])
            found.append(Stroke(across, y, 1 - float(height[child]), y, own))
    return found


def _color(members: frozenset[int], groups: Sequence[StoryGroup], plain: str) -> str:
    return next((group.color for group in groups if group.color and members <= group.members), plain)


def growing_tree(
    trees: Mapping[int, Hierarchy],
    pictures: Sequence[str],
    groups: Sequence[StoryGroup],
    summary: str,
    theme: Theme = "light",
) -> str:
    """The tree of the last epoch, after those before it have played once (HTML; its style is that of ``story_page``).

    Args:
        trees: By epoch; all of the same C classes.
        pictures: A picture of each class as a data address, or empty.
        groups: What has a colour.
        summary: What the figure shows, for who cannot see it.
        theme: ``"light"`` or ``"dark"``.
    """
    epochs = sorted(trees)
    last_tree = trees[epochs[-1]]
    names, n = last_tree.names, last_tree.n
    last = np.empty(n)
    last[last_tree.order] = np.arange(n)
    plain, count = neutral("line", theme), len(epochs)
    frames, rules = [], []
    for at, epoch in enumerate(epochs):
        lines = "".join(map(_line, strokes(trees[epoch], last, groups, plain)))
        end = " lws-end" if at == count - 1 else ""
        frames.append(f'<div class="lws-f lws-f{at}{end}"><span>epoch {epoch}</span>{lines}</div>')
        rules += [f"@keyframes lws-f{at}{{{_shown(at, count)}}}", f".lws-f{at}{{animation-name:lws-f{at}}}"]
    leaves = []
    for index in range(n):
        image = f'<img src="{escape(pictures[index])}" alt="">' if index < len(pictures) and pictures[index] else ""
        known = " lws-known-leaf" if any(index in group.members for group in groups if group.color) else ""
        leaves.append(
            f'<div class="lws-l{known}" style="top:{last[index] * ROW:g}px">{image}'
            f"<span>{escape(names[index])}</span></div>"
        )
    moving = f"@media (prefers-reduced-motion: no-preference){{{''.join(rules)}}}" if count > 1 else ""
    return (
        f'<style>{moving}</style><div class="lws-tree" role="img" aria-label="{escape(summary)}" style="height:{n * ROW + CAPTION}px">'
        f'<div class="lws-branches" style="right:{NAMES_WIDTH}px">{"".join(frames)}</div>{"".join(leaves)}</div>'
    )


def _percent(at: int, count: int) -> float:
    """Share of the time, in per cent, at which an epoch's tree is there."""
    return round(100 * at / max(count - 1, 1), 2)


def _shown(at: int, count: int) -> str:
    """Keyframes of an epoch's branches: they fade in after those of the epoch before, and out before the next."""
    step = 100 / max(count - 1, 1)
    middle = _percent(at, count)
    stops: dict[float, int] = {0.0: int(at == 0), 100.0: int(at == count - 1)}
    if at:
        stops |= {round(middle - 0.55 * step, 2): 0, round(middle - 0.3 * step, 2): 1}
    if at < count - 1:
        stops |= {round(middle + 0.45 * step, 2): 1, round(middle + 0.7 * step, 2): 0}
    return "".join(f"{max(0.0, share):g}%{{opacity:{stops[share]}}}" for share in sorted(stops))


def _line(stroke: Stroke) -> str:
    """A line as an element: shares of the width, px from the top (the middle of a row)."""
    x, top = min(stroke.x1, stroke.x2), (min(stroke.y1, stroke.y2) + 0.5) * ROW
    if stroke.x1 == stroke.x2:
        size = f"width:2px;height:{abs(stroke.y1 - stroke.y2) * ROW + 2:g}px"
    else:
        size = f"width:{100 * abs(stroke.x1 - stroke.x2):.2f}%;height:2px"
    return f'<b style="left:{100 * x:.2f}%;top:{top:g}px;{size};background:{stroke.color}"></b>'
