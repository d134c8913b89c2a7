"""Strips beside the leaves of a drawn tree, and the looks of their names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.colouring import SCALE, Colouring, LeafLooks, category_color, category_symbol, readable
from lwal_core.figures.labels import one_line, shown_name
from lwal_core.figures.palette import Theme, neutral

_TEXT_CHARS = 16  # of what stands after a name


def strip_traces(
    part: TreePart,
    strips: Sequence[Colouring],
    heights: Sequence[float],
    size: int,
    names: Sequence[str],
    xy: Callable[[FloatArray, FloatArray], dict[str, Any]],
    theme: Theme,
    numbers_at: float = -0.75,
) -> list[dict[str, Any]]:
    """Squares and shapes of strips beside the tips that have a value, as traces ``"strip"``; where there are several, each
    with its number at the end of the row, as the trace ``"strip numbers"``.

    Args:
        part: What is drawn.
        strips: Numbers or categories of all classes.
        heights: Height that each stands at, below 0.
        size: Pixels of a square, at least 3.
        names: Of the tips, escaped.
        xy: Turns places and heights into a trace's ``x`` and ``y``.
        theme: For the numbers of the strips.
        numbers_at: Place of these numbers along the row of leaves.
    """
    edge = {"width": 1 if theme == "dark" else 0, "color": neutral("line", theme)}  # the lowest number is a dark blue
    still = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
    traces = []
    for strip, at in zip(strips, heights, strict=True):
        shown, said, marker = _strip_marks(part, strip)
        title = style.escape(style.shorten(one_line(strip.title), 40))
        traces.append(
            {"type": "scatter", "name": "strip", "mode": "markers", "cliponaxis": False,
             **xy(shown.astype(np.float32), np.full(len(shown), at, dtype=np.float32)),
             "marker": {"size": max(3, size), "opacity": 1, "line": edge if strip.kind == "number" else {"width": 0}, **marker},
             "hovertext": [f"<b>{names[i]}</b><br>{title} {text}" for i, text in zip(shown.tolist(), said, strict=True)],
             "hovertemplate": "%{hovertext}<extra></extra>", **still}
        )  # fmt: skip
    if len(strips) > 1:
        traces.append(
            {"type": "scatter", "name": "strip numbers", "mode": "text", "cliponaxis": False, "hoverinfo": "skip",
             **xy(np.full(len(strips), numbers_at, dtype=np.float32), np.array(heights, dtype=np.float32)),
             "text": [str(i + 1) for i in range(len(strips))],
             "textfont": {"size": style.FONT_SIZE - 4, "color": neutral("muted", theme)}}
        )  # fmt: skip
    return traces


def _strip_marks(part: TreePart, strip: Colouring) -> tuple[IntArray, list[str], dict[str, Any]]:
    """Places of the tips that have a value, its text for each, and plotly's marker."""
    if strip.kind == "number":
        values = mean_of_tips(part, strip.numbers, strip.title)
        shown = np.flatnonzero(~np.isnan(values))
        scale = {"color": strip.placed(values[shown]), "colorscale": SCALE, "cmin": 0, "cmax": 1}
        return shown, [strip.said(value) for value in values[shown].tolist()], {"symbol": "square", **scale}
    codes, counts = commonest_of_tips(part, strip.codes, strip.title)
    shown = np.flatnonzero(codes >= 0)
    found, said = codes[shown].tolist(), []
    for place, code in zip(shown.tolist(), found, strict=True):
        size = int(part.tree.sizes[part.tips[place]])
        text = style.escape(style.shorten(one_line(strip.texts[code]), 40))
        said.append(text if size == 1 else f"{text}: {counts[place]:,} of {size:,} classes")
    return (
        shown,
        said,
        {"symbol": [category_symbol(code) for code in found], "color": [category_color(code) for code in found]},
    )


def round_steps(end: float, most: int) -> list[float]:
    """Round numbers from 0 to the end of an axis, at most so many and the 0: steps of 1, 2, 2.5 or 5 times a power of ten."""
    raw = end / most
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * (1 - 1e-9))
    return [step * i for i in range(int(end / step + 1e-9) + 1)]


def mean_of_tips(part: TreePart, values: FloatArray, what: str = "values") -> FloatArray:
    """Mean over the classes of each tip that have a value, ``[tips]``; nan when none has.

    Args:
        part: What is drawn.
        values: ``[n]``, nan for none.
        what: What they are, for the message.

    Raises:
        AnalysisError: Not one value a class of the tree.
    """
    order, first, after = _slices(part, len(values), what)
    known = ~np.isnan(values[order])
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values[order], 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    count = counts[after] - counts[first]
    return np.where(count > 0, (sums[after] - sums[first]) / np.maximum(count, 1), np.nan)


def commonest_of_tips(part: TreePart, codes: IntArray, what: str = "values") -> tuple[IntArray, IntArray]:
    """The category that most classes of each tip have, -1 when none has one, and how many have it, ``[tips]`` each; of
    several the one that comes first in the column.

    Args:
        part: What is drawn.
        codes: ``[n]``, -1 for none.
        what: What they are, for the message.

    Raises:
        AnalysisError: Not one value a class of the tree.
    """
    order, first, after = _slices(part, len(codes), what)
    found, most = np.full(len(first), -1, dtype=np.intp), np.zeros(len(first), dtype=np.intp)
    for tip, (start, end) in enumerate(zip(first.tolist(), after.tolist(), strict=True)):
        own = codes[order[start:end]]
        counts = np.bincount(own[own >= 0])
        if len(counts):
            found[tip], most[tip] = counts.argmax(), counts.max()
    return found, most


def _slices(part: TreePart, count: int, what: str) -> tuple[IntArray, IntArray, IntArray]:
    """The classes in leaf order, and where those of each tip begin and end."""
    h = part.tree
    if count != h.n:
        raise AnalysisError(f"There are {count} values of {what} for a tree of {h.n} classes.")
    first = h.first_place[part.tips]
    return h.order, first, first + h.sizes[part.tips]


def with_looks(names: Sequence[str], part: TreePart, looks: LeafLooks | None, theme: Theme) -> list[str]:
    """Names of the tips as :func:`tip_names` gives them, in their colours, with what stands after them; those of closed
    clades as they are."""
    if looks is None:
        return list(names)
    looks.check(part.tree.n)
    muted = neutral("muted", theme)
    texts = []
    for tip, name in zip(part.tips.tolist(), names, strict=True):
        if tip < part.tree.n:
            if looks.texts and looks.texts[tip]:
                name += f' <span style="color:{muted}">{shown_name(looks.texts[tip], _TEXT_CHARS)}</span>'
            if looks.stands_out is not None and not looks.stands_out[tip]:
                name = f'<span style="color:{neutral("line", theme)}">{name}</span>'
            else:
                if looks.colors and looks.colors[tip]:
                    name = f'<span style="color:{readable(looks.colors[tip], theme)}">{name}</span>'
                if looks.stands_out is not None:
                    name = f"<b>{name}</b>"
        texts.append(name)
    return texts
