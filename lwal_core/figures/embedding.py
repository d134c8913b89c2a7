"""Projection figure: class vectors and test samples in two or three dimensions.

One trace holds the classes, so that a click tells which one was meant (``customdata`` is ``[[class index]]``); the
samples lie under it as one WebGL trace, and a sample counts as its true class. Names are placed beside the markers
where they cover nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.labels import heading, shown_name
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

Array = NDArray[np.float64]

HEIGHT = 600  # px
MAX_NAMES = 120  # names that are tried; beyond it a picture is all text
SMALL = 14  # up to so many classes the names are placed so that they fit a phone, too

_ROOM = 0.06  # of the points' extent along an axis, on either side
_SMALLER = 0.7  # size of a sample on a phone, to that elsewhere
_CROWD = 4_000  # samples that are looked at, at most, when names are placed
_REST = 0.25  # opacity of the samples outside a lasso
_WIDE, _NARROW = 800, 380  # px that the picture is assumed to have
_CHAR, _LINE, _MARKER = 7.2, 17.0, 7.0  # px: of a letter, of a line of text, from a marker's centre to its edge
NAME_CHARS = 24
# Where a name may stand, best first: sign of the offset in x and y, and plotly's word for it.
_SIDES: tuple[tuple[int, int, str], ...] = (
    (0, 1, "top center"), (1, 0, "middle right"), (0, -1, "bottom center"), (-1, 0, "middle left"),
    (1, 1, "top right"), (-1, 1, "top left"), (1, -1, "bottom right"), (-1, -1, "bottom left"),
)  # fmt: skip
# plotly knows eight symbols in space; what it lacks is drawn as the nearest that differs from the others.
_IN_SPACE = {
    "circle": "circle", "square": "square", "diamond": "diamond", "cross": "cross", "x": "x",
    "triangle-up": "circle-open", "star": "square-open", "hexagon": "diamond-open", "triangle-down": "circle-open",
    "pentagon": "square-open",
}  # fmt: skip


def embedding_figure(
    points: ArrayLike,
    names: Sequence[str],
    *,
    colors: Sequence[str],
    symbols: Sequence[str],
    hover: Sequence[str] | None = None,
    trails: ArrayLike | None = None,
    samples: ArrayLike | None = None,
    sample_classes: ArrayLike | None = None,
    sample_hover: Sequence[str] | None = None,
    sample_colors: Sequence[str] | None = None,
    mistakes: Sequence[bool] | None = None,
    lassoed: Sequence[int] | None = None,
    chosen: int | None = None,
    chosen_links: Sequence[int] = (),
    frame: ArrayLike | None = None,
    names_width: float | None = None,
    named: bool = True,
    names_at: ArrayLike | None = None,
    webgl: bool = True,
    axis_titles: Sequence[str] = (),
    theme: Theme = "light",
    height: int = HEIGHT,
    title: str | None = None,
) -> go.Figure:
    """Draw a layout.

    Args:
        points: ``[C, d]`` with d = 2 or 3.
        names: C class names, untrusted text.
        colors: Colour of each class.
        symbols: Marker symbol of each class, of :data:`lwal_core.figures.palette.SHAPES`.
        hover: Lines under the class's name in its hover text, joined by ``<br>`` and already escaped; None for none.
        trails: ``[E, C, d]`` places of the classes in earlier epochs, oldest first, in the same frame.
        samples: ``[S, d]`` places of samples in the same frame.
        sample_classes: ``[S]`` true class index of each sample; needed with ``samples``.
        sample_hover: Hover text of each sample, already escaped.
        sample_colors: Colour of each sample; None for those of their classes.
        mistakes: Which samples are drawn as crosses, because they are mistakes; None for none.
        lassoed: Positions of the samples that stand out against the rest; None when none was lassoed. In the plane only.
        chosen: Class to mark with a ring.
        chosen_links: Classes to which lines go from the chosen one.
        frame: ``[*, d]`` points that must be inside the axes besides those drawn, so that several pictures have one
            scale.
        names_width: Pixels that the picture is wide, where they are known.
        named: Whether names stand beside the points; else only that of the chosen class.
        names_at: ``[C, d]`` places at which the names are to cover nothing; None for ``points``.
        webgl: Draw samples in the plane by WebGL; False for a browser that may not compile its shaders.
        axis_titles: Title of each axis; none for layouts whose axes mean nothing.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels.
        title: The finding, plain text.

    Returns:
        The figure; the trace of the classes is named ``"classes"``. Both axes have the same scale.

    Raises:
        AnalysisError: The numbers of points, names, colours, symbols or samples do not fit each other.
    """
    import plotly.graph_objects as go

    P = np.asarray(points, dtype=np.float64)
    if P.ndim != 2 or P.shape[1] not in (2, 3) or not len(P) == len(names) == len(colors) == len(symbols):
        raise AnalysisError(
            f"A picture needs [classes, 2 or 3] points with a name, a colour and a symbol each; these are {P.shape} points with "
            f"{len(names)} names, {len(colors)} colours and {len(symbols)} symbols."
        )
    flat = P.shape[1] == 2
    way = None if trails is None else np.asarray(trails, dtype=np.float64)
    cloud = None if samples is None else np.asarray(samples, dtype=np.float64)
    classes = np.zeros(0, dtype=np.intp) if sample_classes is None else np.asarray(sample_classes, dtype=np.intp)
    if cloud is not None and (cloud.ndim != 2 or cloud.shape[1] != P.shape[1] or len(classes) != len(cloud)):
        raise AnalysisError(f"There are {len(classes)} classes for samples of shape {cloud.shape}.")
    if cloud is not None and sample_colors is not None and len(sample_colors) != len(cloud):
        raise AnalysisError(f"There are {len(sample_colors)} colours for samples of shape {cloud.shape}.")
    inside = [P, *(part.reshape(-1, P.shape[1]) for part in (way, cloud) if part is not None and part.size)]
    if frame is not None:
        inside.append(np.asarray(frame, dtype=np.float64).reshape(-1, P.shape[1]))
    low, high = limits(np.vstack(inside))

    traces: list[dict[str, Any]] = []
    if cloud is not None:
        size = sample_size(len(cloud), flat) * (_SMALLER if names_width is not None and names_width < _NARROW else 1)
        traces.append(
            _samples(cloud, classes, sample_colors, colors, sample_hover, mistakes, lassoed, flat, webgl, size)
        )
    if way is not None and len(way) > 1:
        traces += _trails(way, colors, flat)
    if chosen is not None and len(chosen_links):
        traces.append(_links(P, chosen, chosen_links, flat, theme))
    if flat:
        at = P if names_at is None else np.asarray(names_at, dtype=np.float64)
        texts, places = place_names(at, names, low, high, height, chosen, width=names_width, around=cloud)
    else:
        named = len(names) <= MAX_NAMES
        texts, places = [shown_name(name, NAME_CHARS) if named else "" for name in names], ["top center"] * len(names)
    if not named:
        texts = [text if i == chosen else "" for i, text in enumerate(texts)]
    hidden = sum(not text for text in texts)
    traces.append(_classes(P, names, texts, places, colors, symbols, hover, flat, theme))
    if chosen is not None:
        traces.append(_ring(P[chosen], flat, theme))

    fig = go.Figure(traces)
    note = f"names of {hidden:,} of {len(names):,} classes are in the hover text" if hidden else ""
    note = note if named or not hidden else "names of classes are in the hover text"
    crosses = "crosses are mistakes" if cloud is not None and mistakes is not None and any(mistakes) else ""
    headline, top = heading(title, ["; ".join(filter(None, (crosses, note)))], theme)
    style.apply(fig, theme=theme, height=height)
    layout = {
        "title": headline, "margin": {"l": 4, "r": 4, "t": top, "b": 4}, "hovermode": "closest", "hoverlabel": {"align": "left"},
    }  # fmt: skip
    style.apply_layout(fig, layout | _axes_layout(low, high, axis_titles, flat, theme))
    return fig


def limits(points: Array) -> tuple[Array, Array]:
    """Corners of the box to show, ``[d]`` each, with room around; a cube around points that coincide."""
    finite = points[np.isfinite(points).all(axis=1)]
    if not len(finite):
        finite = np.zeros((1, points.shape[1]))
    low, high = finite.min(axis=0), finite.max(axis=0)
    span = high - low
    room = _ROOM * np.maximum(span, 0.5 * span.max()) if span.any() else 1.0
    return low - room, high + room


def _axes(points: Array) -> dict[str, Any]:
    return {axis: points[:, k] for k, axis in enumerate("xyz"[: points.shape[1]])}


def _kind(flat: bool, many: bool = False) -> str:
    return ("scattergl" if many else "scatter") if flat else "scatter3d"


def _samples(
    cloud: Array, classes: NDArray[np.intp], own: Sequence[str] | None, colors: Sequence[str], hover: Sequence[str] | None,
    mistakes: Sequence[bool] | None, lassoed: Sequence[int] | None, flat: bool, webgl: bool,
    size: float,
) -> dict[str, Any]:  # fmt: skip
    shown = (
        {"hovertext": list(hover), "hovertemplate": "%{hovertext}<extra></extra>"}
        if hover is not None
        else {"hoverinfo": "skip"}
    )
    marker: dict[str, Any] = {"size": size, "opacity": 0.6, "line": {"width": 0}}
    marker |= _scale_of(colors, classes) if own is None else _scale_of(own, np.arange(len(cloud)))
    if mistakes is not None and any(mistakes):
        wrong = np.asarray(mistakes, dtype=bool)
        marker |= {"symbol": np.where(wrong, "x", "circle"), "size": np.where(wrong, size + (1 if flat else 0), size)}
    picked = style.emphasis(size, rest=_REST) if flat else {}
    if flat and lassoed is not None:
        picked["selectedpoints"] = list(lassoed)
    return {
        "type": _kind(flat, many=webgl), "name": "samples", "mode": "markers", **_axes(cloud.astype(np.float32)),
        "marker": marker, "customdata": np.column_stack([classes, np.arange(len(classes))]).tolist(), **shown, **picked,
    }  # fmt: skip


def sample_size(count: int, flat: bool = True) -> float:
    """Diameter in px of so many samples: 7.5 of a hundred, 5 of two thousand, 3 of sixty thousand; in space half of it."""
    size = min(8.0, max(2.5, 7.5 * (100 / max(count, 1)) ** 0.14))
    return round(size if flat else size / 2, 1)


def class_size(count: int, flat: bool = True) -> float:
    """Diameter in px of so many classes: 12 up to thirty, 6 of a thousand; in space a little more than half of it."""
    size = min(12.0, max(5.0, 12.0 * (30 / max(count, 1)) ** 0.2))
    return round(size if flat else 0.6 * size, 1)


def _scale_of(colors: Sequence[str], classes: NDArray[np.intp]) -> dict[str, Any]:
    """Colours of points by their classes, as numbers into a scale of steps: plotly checks the text of every single
    colour, a second for 60,000 of them."""
    palette = list(dict.fromkeys(colors))
    place = {color: index for index, color in enumerate(palette)}
    index = np.array([place[color] for color in colors], dtype=np.int16)[classes]
    steps = [[(k + end) / len(palette), color] for k, color in enumerate(palette) for end in (0, 1)]
    return {"color": index, "colorscale": steps, "cmin": -0.5, "cmax": len(palette) - 0.5, "showscale": False}


def trail_line(way: Array, colors: Sequence[str]) -> list[tuple[str, Array]]:
    """For each colour the ways ``[E, C, d]`` of its classes one after the other, ``[*, d]``, nan between them."""
    epochs, _, d = way.shape
    found = []
    for color in dict.fromkeys(colors):
        members = [i for i, own in enumerate(colors) if own == color]
        line = np.full((len(members), epochs + 1, d), np.nan)
        line[:, :-1] = way[:, members].transpose(1, 0, 2)
        found.append((color, line.reshape(-1, d)))
    return found


def links_line(points: Array, chosen: int, others: Sequence[int]) -> Array:
    """Lines from one point to others, ``[*, d]``, nan between them."""
    line = np.full((len(others), 3, points.shape[1]), np.nan)
    line[:, 0], line[:, 1] = points[chosen], points[list(others)]
    return line.reshape(-1, points.shape[1])


def _trails(way: Array, colors: Sequence[str], flat: bool) -> list[dict[str, Any]]:
    return [
        {"type": _kind(flat), "name": "trails", "mode": "lines", "hoverinfo": "skip", "opacity": 0.5, **_axes(line),
         "line": {"color": color, "width": 1.5 if flat else 3}}
        for color, line in trail_line(way, colors)
    ]  # fmt: skip


def _links(points: Array, chosen: int, others: Sequence[int], flat: bool, theme: Theme) -> dict[str, Any]:
    return {
        "type": _kind(flat), "name": "nearest", "mode": "lines", "hoverinfo": "skip", **_axes(links_line(points, chosen, others)),
        "line": {"color": neutral("line", theme), "width": 1.5 if flat else 3, "dash": "dot"},
    }  # fmt: skip


def _ring(point: Array, flat: bool, theme: Theme) -> dict[str, Any]:
    return {
        "type": _kind(flat), "name": "chosen", "mode": "markers", "hoverinfo": "skip", **_axes(point[None]),
        "marker": {"symbol": "circle-open", "size": 22 if flat else 14, "color": neutral("ink", theme), "line": {"width": 2}},
        **(style.emphasis(22) if flat else {}),
    }  # fmt: skip


def _classes(
    points: Array, names: Sequence[str], texts: list[str], places: list[str], colors: Sequence[str],
    symbols: Sequence[str], hover: Sequence[str] | None, flat: bool, theme: Theme,
) -> dict[str, Any]:  # fmt: skip
    titles = [f"<b>{shown_name(name, 60)}</b>" for name in names]
    lines = (
        titles
        if hover is None
        else [f"{title}<br>{more}" if more else title for title, more in zip(titles, hover, strict=True)]
    )
    marker: dict[str, Any] = {
        "size": class_size(len(points), flat),
        **({"color": list(colors)} if len(names) <= MAX_NAMES else _scale_of(colors, np.arange(len(names)))),
        "symbol": [symbol if flat else _IN_SPACE.get(symbol, "circle") for symbol in symbols],
        "line": {"width": 1, "color": neutral("surface", theme)},
        "opacity": 1,
    }
    font: dict[str, Any] = {"size": style.FONT_SIZE - 1, "color": neutral("ink", theme)}
    if flat:
        font |= {"weight": 600, "shadow": _halo(theme)}
    trace: dict[str, Any] = {
        "type": _kind(flat), "name": "classes", "mode": "markers+text" if any(texts) else "markers", **_axes(points),
        "text": texts, "textposition": places, "textfont": font,
        "marker": marker, "customdata": [[i] for i in range(len(names))],
        "hovertext": lines, "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip
    if flat:  # a click or a lasso must not fade the classes: names are what the picture is read by
        trace |= {"cliponaxis": False, **style.emphasis(marker["size"])}
        trace["unselected"]["textfont"] = {"color": neutral("ink", theme)}
    return trace


def _halo(theme: Theme) -> str:
    """An outline around letters that stand on points, and light around it."""
    surface = neutral("surface", theme)
    outline = [f"{x}px {y}px 0 {surface}" for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
    return ", ".join([*outline, f"0 0 4px {surface}", f"0 0 4px {surface}"])


def place_names(
    points: Array,
    names: Sequence[str],
    low: Array,
    high: Array,
    height: float,
    first: int | None,
    *,
    width: float | None = None,
    around: Array | None = None,
) -> tuple[list[str], list[str]]:
    """Which names are shown, and on which side of their markers, so that they cover neither each other nor a marker, and as few
    samples as can be.

    Greedy: each name takes the first free side. The picture is as wide as its reader's window; the scale of a narrow
    one is assumed for few classes, whose names should all be there on a phone as well.

    Args:
        points: ``[C, 2]`` places.
        names: C class names.
        low: Lower left corner of the picture, in the units of the points.
        high: Upper right corner.
        height: Pixels.
        first: Class whose name is shown in any case; None for none.
        width: Pixels, where they are known.
        around: ``[S, 2]`` places of samples, of which names keep clear where they can; None for none.

    Returns:
        Text of each class, escaped, empty where it finds no place; and plotly's word for the side it stands on.
    """
    texts, places = [""] * len(names), ["top center"] * len(names)
    if width is None:
        width = _NARROW if len(names) <= SMALL else _WIDE
    span = np.maximum(high - low, 1e-300)
    scale = min(width / span[0], height / span[1])
    pixels = (points - low) * scale
    crowd = np.empty((0, 2)) if around is None else (around[:: max(1, len(around) // _CROWD)] - low) * scale
    tight = int(np.argmin([width / span[0], height / span[1]]))
    room = (width, height)[tight]
    order = sorted(range(len(names)), key=lambda i: (i != first, i))[:MAX_NAMES]
    # Boxes to keep clear of: the markers, then the names as they are placed; nan is in nobody's way.
    boxes = np.full((len(names) + len(order), 4), np.nan)
    boxes[: len(names)] = np.hstack([pixels - _MARKER, pixels + _MARKER])
    sides = np.array([(right, up) for right, up, _ in _SIDES])
    gaps = _MARKER * np.stack([sides[:, 0] * (sides[:, 1] == 0), sides[:, 1]], axis=1)
    for number, i in enumerate(order):
        text = style.shorten(" ".join(names[i].split()) or "(no name)", NAME_CHARS)
        half = np.array([len(text) * _CHAR, _LINE]) / 2
        centres = pixels[i] + sides * half + gaps
        tried = np.hstack([centres - half, centres + half])
        own, boxes[i] = boxes[i].copy(), np.nan
        reach_low, reach_high = tried[:, :2].min(axis=0), tried[:, 2:].max(axis=0)
        near = boxes[np.all((boxes[:, :2] < reach_high) & (boxes[:, 2:] > reach_low), axis=1)]
        boxes[i] = own
        covers = np.all((near[:, :2] < tried[:, None, 2:]) & (near[:, 2:] > tried[:, None, :2]), axis=2).any(axis=1)
        # Rather inside of the picture, if there is a free side there; across the tight direction there is room.
        leaves = (tried[:, tight] < 0) | (tried[:, 2 + tight] > room)
        if not covers.all():
            reached = crowd[np.all((crowd > reach_low) & (crowd < reach_high), axis=1)]
            hidden = np.all((reached > tried[:, None, :2]) & (reached < tried[:, None, 2:]), axis=2).sum(axis=1)
            side = int((2 * covers + leaves + hidden / (1 + hidden.max(initial=0))).argmin())
            place, box = _SIDES[side][2], tried[side]
        elif len(names) > SMALL and i != first:
            continue
        else:
            place, box = "top center", np.concatenate([pixels[i] - half, pixels[i] + half])
        texts[i], places[i] = shown_name(names[i], NAME_CHARS), place
        boxes[len(names) + number] = box
    return texts, places


def _axes_layout(low: Array, high: Array, titles: Sequence[str], flat: bool, theme: Theme) -> dict[str, Any]:
    look: dict[str, Any] = {
        "showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "showline": False,
    }  # fmt: skip
    named = [{"title": {"text": style.escape(titles[k]) if k < len(titles) else ""}} for k in range(len(low))]
    if flat:
        return {
            "xaxis": {"range": [low[0], high[0]], **look, **named[0]},
            "yaxis": {"range": [low[1], high[1]], "scaleanchor": "x", **look, **named[1]},
        }
    walls = {
        "backgroundcolor": "rgba(0,0,0,0)",
        "gridcolor": neutral("grid", theme),
        "showspikes": False,
        **look,
        "showgrid": True,
    }
    scene: dict[str, Any] = {
        f"{axis}axis": {"range": [low[k], high[k]], **walls, **named[k]} for k, axis in enumerate("xyz")
    }
    # "data" would keep the scale but let a long thin box shrink to nothing; the ratio keeps both.
    sides = (high - low) / float((high - low).max())
    scene["aspectmode"], scene["aspectratio"] = "manual", dict(zip("xyz", sides.tolist(), strict=True))
    return {"scene": scene}
