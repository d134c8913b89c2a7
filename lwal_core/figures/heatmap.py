"""Heat maps in leaf order: class distances and confusions.

In the leaf order of the tree, groups of classes show as blocks along the diagonal. Cells are square, names stand on
both sides, and above 300 classes a cell stands for a block of classes, which the figure says: a screen shows no more, and
all cells of 1,000 classes would be 10 MB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.labels import heading, one_line, step_for, thinning_note
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

HEATMAP_HEIGHT = 600  # px
MAX_CLASSES = 300  # above it a cell is a block of classes; two pixels each in the figure's 600
ALL_TARGETS = 40  # classes up to which every cell of a confusion matrix can be clicked
MOST_TARGETS = 4_000  # cells that can be clicked beyond it: the diagonal, then the most frequent mistakes
MAX_NAMES = 22  # a side; what fits 400 px
TEXT_CLASSES = 12  # up to so many classes the numbers stand in the cells

_NAME_CHARS, _HOVER_CHARS = 16, 40
_BAR_HEIGHT = 54  # px above the cells for the colour bar, its ticks and its title
# One hue from strong to the page's surface, so that it reads without colour vision; strong is dark on light and light
# on dark.
_STRONG_TO_WEAK: dict[Theme, tuple[str, ...]] = {
    "light": ("#03283F", "#0B4F7D", "#0072B2", "#4FA3D1", "#A6D0E8", "#EFF5F9"),
    "dark": ("#EDF6FC", "#A6D3EE", "#56B4E9", "#1F83BD", "#124E75", "#18232E"),
}


def distance_heatmap(
    h: Hierarchy,
    *,
    theme: Theme = "light",
    title: str | None = None,
    height: int | None = None,
    unit: str | None = None,
    max_labels: int | None = None,
) -> go.Figure:
    """Distances between classes in leaf order; the nearer, the stronger the colour.

    The colours span the distances between different classes, so that classes that all lie far apart still differ in
    colour; the diagonal has the colour of the smallest one. Above ``MAX_CLASSES`` classes a cell is the mean over the
    pairs of two blocks of classes that follow one another in leaf order.

    Args:
        h: The tree.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
        height: Pixels; None for 600.
        unit: Unit of the distances; None for that of the tree's metric.
        max_labels: Most names per side; None for the 22 that fit a phone.
    """
    import plotly.graph_objects as go

    starts = _block_starts(h.n)
    z = _mean_distances(h, starts)
    between = z[~np.eye(len(z), dtype=bool)] if len(z) > 1 else z.ravel()
    low, high = float(between.min()), float(between.max())
    if high - low <= 1e-6 * high:
        low, high = 0.0, max(high, 1.0) if high == 0 else high
    labels = _labels(h.names, h.order, starts)
    unit = h.unit if unit is None else unit
    trace = go.Heatmap(
        x=labels, y=labels, z=z.astype(np.float32), zmin=low, zmax=high, colorscale=strength_scale(theme),
        hovertemplate="%{y} – %{x}: %{z:.3~r}<extra></extra>", colorbar=_color_bar(theme),
        name="distances",
    )  # fmt: skip
    fig = go.Figure(trace)
    notes = [_block_note(h.n, starts, "the mean over")]
    bar_title = f"Distance ({unit})" if unit else "Distance"
    return _finish(fig, h.names, h.order, starts, labels, theme, title, bar_title, notes, height, max_labels)


def confusion_heatmap(
    confusion: npt.ArrayLike,
    names: Sequence[str],
    order: npt.ArrayLike,
    *,
    rates: bool = True,
    theme: Theme = "light",
    title: str | None = None,
    height: int | None = None,
    max_labels: int | None = None,
    chosen: Sequence[int] = (),
    targets: bool = False,
    max_cells: int = MAX_CLASSES,
) -> go.Figure:
    """Which classes are taken for which, in leaf order.

    The mistakes have the colours, from none to the most frequent one; the diagonal, mostly many times larger, is grey
    and outside their scale, with its value in the hover text. Classes without samples have no shares: their rows are
    empty and marked.

    Args:
        confusion: ``[C, C]`` numbers of test samples, rows the true class, columns the predicted one.
        names: C class names.
        order: ``[C]`` class indices from top to bottom, for example ``Hierarchy.order``.
        rates: Percent of the true class's samples; False for numbers of samples.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
        height: Pixels; None for 600.
        max_labels: Most names per side; None for the 22 that fit a phone.
        chosen: Class indices whose rows and columns are framed.
        targets: Lay unseen points named ``"targets"`` on the cells, so that a click tells which one was meant: a heat
            map by itself reports none. Their ``customdata`` is the true and the predicted class. All cells up to
            ``ALL_TARGETS`` classes, then those of the diagonal and of the most frequent mistakes. On a cell that stands
            for blocks they are those of the most frequent mistake in it.
        max_cells: Cells a side; more classes are put into blocks.

    Raises:
        AnalysisError: The matrix is not square, holds something that is no number of samples, or does not fit names and
            order; a chosen class is not there.
    """
    import plotly.graph_objects as go

    table, ordered = _checked_confusion(confusion, names, order)
    starts = _block_starts(len(table), max_cells)
    counts = np.add.reduceat(np.add.reduceat(table[np.ix_(ordered, ordered)], starts, axis=0), starts, axis=1)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    z = shares if rates else np.where(totals > 0, counts, np.nan)
    diagonal = np.eye(len(z), dtype=bool)
    mistakes = np.where(diagonal, np.nan, z)
    most = float(np.nanmax(mistakes, initial=0.0))
    labels = _labels(names, ordered, starts)
    grey, pale = neutral("line", theme), neutral("grid", theme)
    empty = np.where(totals > 0, np.nan, 1.0) + np.zeros_like(z)
    detail, custom = _sample_counts(counts, totals, rates)
    amount = f"%{{z:.3~r}}{' %' if rates else ''}{detail}"
    common: dict[str, Any] = {"x": labels, "y": labels, "hoverongaps": False, "xgap": 1, "ygap": 1}
    if len(z) > 30:
        common.update(xgap=0, ygap=0)
    fig = go.Figure([
        go.Heatmap(
            z=np.where(diagonal, z, np.nan).astype(np.float32), colorscale=[[0, grey], [1, grey]], showscale=False, customdata=custom,
            name="correct", hovertemplate=f"%{{y}} recognised: {amount}<extra></extra>", **_cell_text(z, rates), **common,
        ),
        # Left out where it is empty: of 1,000 classes it would be 5 MB.
        *([go.Heatmap(
            z=empty.astype(np.float32), colorscale=[[0, pale], [1, pale]], showscale=False,
            name="no samples", hovertemplate="%{y}: undefined (no test samples)<extra></extra>", **common,
        )] if (totals == 0).any() else []),
        go.Heatmap(
            z=mistakes.astype(np.float32), zmin=0, zmax=most or 1, colorscale=strength_scale(theme, weak_first=True), customdata=custom,
            name="mistakes", hovertemplate=f"%{{y}} taken for %{{x}}: {amount}<extra></extra>",
            colorbar=_color_bar(theme), **_cell_text(mistakes, rates), **common,
        ),
    ])  # fmt: skip
    bar_title = "Mistakes, % of the true class" if rates else "Mistakes, test samples"
    absent = np.flatnonzero(table.sum(axis=1) == 0)
    notes = [
        "no mistakes: all samples lie on the diagonal" if most == 0 and totals.any() else "",
        "diagonal (correct) in grey, outside the colour scale",
        f"{len(absent):,} of {len(table):,} classes without test samples: undefined" if len(absent) else "",
        _block_note(len(table), starts, "the sum over"),
    ]
    without = {int(i) for i in absent} if len(starts) == len(table) else set()
    fig = _finish(fig, names, ordered, starts, labels, theme, title, bar_title, notes, height, max_labels, without)
    fig.update_xaxes(title={"text": "predicted class", "standoff": 8})
    fig.update_yaxes(title={"text": "true class", "standoff": 8})
    if targets:
        alone = len(starts) == len(table)
        inside = None if alone else _most_frequent_inside(table[np.ix_(ordered, ordered)], starts)
        fig.add_trace(_targets(counts, ordered, labels, inside, names))
        # Points would push the axes outwards; categories stand at 0, 1, 2, ...
        fig.update_xaxes(range=[-0.5, len(starts) - 0.5])
        fig.update_yaxes(range=[len(starts) - 0.5, -0.5], autorange=None)
        if len(starts) > ALL_TARGETS:  # on a cell without a target the next one must not answer
            fig.update_layout(hoverdistance=4)
    for low, high in _runs_of_cells(chosen, ordered, starts):
        for one, other in (("x", "y"), ("y", "x")):
            fig.add_shape(
                type="rect", line={"color": neutral("ink", theme), "width": 1.5}, name="chosen",
                **{f"{one}0": low - 0.5, f"{one}1": high + 0.5, f"{other}0": -0.5, f"{other}1": len(starts) - 0.5},
            )  # fmt: skip
    return fig


def _most_frequent_inside(ordered: FloatArray, starts: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """For each cell of blocks the places of the most frequent mistake in it, and how often it was made; where there is
    none, of the block's first class."""
    n, size = len(ordered), int(starts[1] - starts[0])
    padded = np.full((len(starts) * size,) * 2, -1.0)
    padded[:n, :n] = ordered
    np.fill_diagonal(padded[:n, :n], 0.0)
    cells = padded.reshape(len(starts), size, len(starts), size).swapaxes(1, 2).reshape(len(starts), len(starts), -1)
    best = cells.argmax(axis=2)
    rows, columns = np.divmod(best, size)
    return rows + starts[:, None], columns + starts, np.take_along_axis(cells, best[:, :, None], axis=2)[:, :, 0]


def _targets(
    counts: FloatArray,
    order: IntArray,
    labels: list[str],
    inside: tuple[IntArray, IntArray, FloatArray] | None,
    names: Sequence[str],
) -> dict[str, Any]:
    """Unseen points on cells, with the hover text that the cells below would show.

    ``counts`` are those of the cells in leaf order; ``inside`` says which classes a cell of blocks stands for when it
    is clicked.
    """
    n = len(counts)
    totals = np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)
    cells = np.arange(n * n)
    if n > ALL_TARGETS:
        weight = np.where(np.eye(n, dtype=bool), np.inf, counts).ravel()
        found = np.flatnonzero(weight > 0)
        cells = np.sort(found[np.argsort(-weight[found], kind="stable")][:MOST_TARGETS])
    rows, columns = np.divmod(cells, n)
    texts = []
    for row, column, count, total in zip(
        rows.tolist(), columns.tolist(), counts.ravel()[cells].tolist(), totals.ravel()[cells].tolist(), strict=True
    ):
        what = f"{labels[row]} recognised" if row == column else f"{labels[row]} taken for {labels[column]}"
        said = (
            f"{count:,.0f} of {total:,.0f} ({format_percent(count / total)})"
            if total
            else "undefined (no test samples)"
        )
        if inside is not None and (most := int(inside[2][row, column])) > 0:
            pair = (order[inside[k][row, column]] for k in (0, 1))
            true, taken = (style.escape(style.shorten(one_line(names[i]), _HOVER_CHARS)) for i in pair)
            said += f"<br>most: {true} taken for {taken} ({most:,})"
        texts.append(f"{what}: {said}")
    first, second = (rows, columns) if inside is None else (inside[0][rows, columns], inside[1][rows, columns])
    return {
        "type": "scatter" if n <= ALL_TARGETS else "scattergl", "name": "targets", "mode": "markers",
        "x": [labels[c] for c in columns.tolist()], "y": [labels[r] for r in rows.tolist()],
        "marker": {"size": 4, "opacity": 0}, "selected": {"marker": {"opacity": 0}}, "unselected": {"marker": {"opacity": 0}},
        "customdata": np.column_stack([order[first], order[second]]).tolist(),
        "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip


def _runs_of_cells(chosen: Sequence[int], order: IntArray, starts: IntArray) -> list[tuple[int, int]]:
    """First and last cell of each run of cells that hold chosen classes."""
    if not len(chosen):
        return []
    wanted = np.asarray(chosen, dtype=np.intp)
    if wanted.min() < 0 or wanted.max() >= len(order):
        raise AnalysisError(f"There is no class number {int(wanted.max())} to frame.", "Classes are numbered from 0.")
    places = np.flatnonzero(np.isin(order, wanted))
    cells = np.unique(np.searchsorted(starts, places, side="right") - 1)
    runs = np.split(cells, np.flatnonzero(np.diff(cells) > 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs]


def _finish(
    fig: go.Figure,
    names: Sequence[str],
    order: IntArray,
    starts: IntArray,
    labels: list[str],
    theme: Theme,
    title: str | None,
    bar_title: str,
    notes: list[str],
    height: int | None,
    max_labels: int | None,
    without: set[int] | None = None,
) -> go.Figure:
    """Common look: square cells at the upper left, names on both axes, the colour bar above the cells."""
    cells = len(starts)
    step = step_for(cells, MAX_NAMES if max_labels is None else max_labels)
    headline, top = heading(title, [*notes, thinning_note(cells, step) if cells == len(names) else ""], theme)
    pixels = HEATMAP_HEIGHT if height is None else height
    style.apply(fig, theme=theme, height=pixels)
    # Hung from the figure's top and with a title of our own: plotly moves the figure's title to make room for a bar
    # that stands on the plot, and sets a horizontal bar's own title across it.
    fig.update_traces(colorbar={"yref": "container", "y": 1 - (top + _BAR_HEIGHT / 2) / pixels, "yanchor": "middle"})
    fig.add_annotation(
        text=style.escape(bar_title), name="colour bar title", showarrow=False, x=0, xref="paper", xanchor="left", xshift=-1,
        y=1, yref="paper", yanchor="bottom", yshift=_BAR_HEIGHT // 2 + 12,
        font={"color": neutral("muted", theme), "size": style.FONT_SIZE - 2},
    )  # fmt: skip
    fig.update_layout(title=headline, margin={"l": 12, "r": 12, "t": top + _BAR_HEIGHT, "b": 8})
    shown = range(0, cells, step) if step else range(0)
    shorts = [style.shorten(one_line(str(names[order[starts[cell]]])), _NAME_CHARS) for cell in shown]
    ticks = [style.escape(short) for short in shorts]
    marked = [
        f"{tick} (none)" if order[starts[cell]] in (without or ()) else tick
        for cell, tick in zip(shown, ticks, strict=True)
    ]
    axis = {
        # Positions are the labels themselves: a number would be taken for the class of that name, say the digit 3.
        "type": "category", "categoryorder": "array", "categoryarray": labels, "tickmode": "array",
        "tickvals": [labels[cell] for cell in shown], "showgrid": False, "showline": False, "constrain": "domain",
        "ticks": "outside", "ticklen": 4, "tickcolor": "rgba(0,0,0,0)",
        "tickfont": {"size": style.FONT_SIZE - (3 if cells > 12 else 2), "color": fig.layout.font.color},
    }  # fmt: skip
    fits_flat = cells <= TEXT_CLASSES and all(len(short) <= 2 for short in shorts)
    fig.update_xaxes(ticktext=ticks, tickangle=0 if fits_flat else -90, constraintoward="left", **axis)
    fig.update_yaxes(ticktext=marked, autorange="reversed", scaleanchor="x", constraintoward="top", **axis)
    return fig


def strength_scale(theme: Theme, *, weak_first: bool = False) -> list[list[Any]]:
    """One hue from strong to the page's surface, or the other way round, as plotly takes colour scales."""
    colors = _STRONG_TO_WEAK[theme][::-1] if weak_first else _STRONG_TO_WEAK[theme]
    return [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]


def _color_bar(theme: Theme) -> dict[str, Any]:
    return {
        "orientation": "h", "thickness": 8, "lenmode": "pixels", "len": 220, "x": 0, "xanchor": "left", "ypad": 0, "xpad": 0,
         "nticks": 5, "outlinewidth": 0, "ticks": "",
        "tickfont": {"color": neutral("muted", theme), "size": style.FONT_SIZE - 2},
    }  # fmt: skip


def _block_starts(n: int, most: int = MAX_CLASSES) -> IntArray:
    """First place of each block of classes; blocks of one class up to ``most``."""
    return np.arange(0, n, math.ceil(n / most))


def _block_note(n: int, starts: IntArray, what: str) -> str:
    size = 1 if len(starts) == n else int(starts[1])
    return "" if size == 1 else f"{n:,} classes: a cell is {what} {size} × {size} neighbouring classes"


def _mean_distances(h: Hierarchy, starts: IntArray) -> FloatArray:
    """Mean distance between different classes of each pair of blocks, without a matrix of all pairs."""
    if len(starts) == h.n:
        return h.square()[np.ix_(h.order, h.order)]
    sizes = np.diff(np.append(starts, h.n))
    block = np.empty(h.n, dtype=np.intp)
    block[h.order] = np.repeat(np.arange(len(starts)), sizes)
    sums, end = np.zeros((len(starts), len(starts))), 0
    for i in range(h.n - 1):  # class i against those after it, as they follow one another in the condensed distances
        begin, end = end, end + h.n - 1 - i
        sums[block[i]] += np.bincount(block[i + 1 :], weights=h.distances[begin:end], minlength=len(starts))
    sums += sums.T
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    return np.divide(sums, pairs, out=np.zeros_like(sums), where=pairs > 0)


def _labels(names: Sequence[str], order: IntArray, starts: IntArray) -> list[str]:
    """A different text for each cell: the full class name, or the first and last name of a block. Escaped, for
    hover."""

    def name(place: int) -> str:
        return style.shorten(one_line(str(names[order[place]])), _HOVER_CHARS)

    texts = []
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        texts.append(
            style.escape(name(start) if end - start == 1 else f"{name(start)} to {name(end - 1)} ({end - start})")
        )
    seen: dict[str, int] = {}
    for i, text in enumerate(texts):
        seen[text] = seen.get(text, 0) + 1
        if seen[text] > 1:  # names that differ only in what is not shown
            texts[i] = f"{text} (class {order[starts[i]]})"
    return texts


def _cell_text(z: FloatArray, rates: bool) -> dict[str, Any]:
    """Whole numbers in the cells where there is room for them; nothing for cells that round to 0, 99.6 % stays 99."""
    if len(z) > TEXT_CLASSES or (not rates and np.nanmax(z, initial=0) >= 1000):
        return {}
    rounded = np.where((z > 99) & (z < 100), 99, np.round(z)) if rates else z
    text = [[f"{value:.0f}" if value >= 1 else "" for value in row] for row in rounded]
    return {"text": text, "texttemplate": "%{text}", "textfont": {"size": style.FONT_SIZE - 3}}


def _sample_counts(counts: FloatArray, totals: FloatArray, rates: bool) -> tuple[str, list[list[list[float]]] | None]:
    """Hover text and data for "16 of 500"; left out for many classes, where it would be most of the figure."""
    if not rates or len(counts) > 200:
        return "", None
    both = np.stack([counts, np.broadcast_to(totals, counts.shape)], axis=2)
    return " (%{customdata[0]} of %{customdata[1]})", both.tolist()


def _checked_confusion(
    confusion: npt.ArrayLike, names: Sequence[str], order: npt.ArrayLike
) -> tuple[FloatArray, IntArray]:
    table = np.asarray(confusion, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:
        raise AnalysisError(f"A confusion matrix is square; this one has the shape {table.shape}.")
    if not (np.isfinite(table) & (table >= 0)).all():
        raise AnalysisError(
            "A confusion matrix holds numbers of samples; this one has values below 0 or that are not finite."
        )
    if len(names) != len(table):
        raise AnalysisError(f"There are {len(names)} names for a confusion matrix of {len(table)} classes.")
    ordered = np.asarray(order, dtype=np.intp)
    if not np.array_equal(np.sort(ordered), np.arange(len(table))):
        raise AnalysisError(f"The leaf order does not name each of the {len(table)} classes once.")
    return table, ordered
