"""Figure of a folded confusion matrix, or of the difference of two, with the tree that folds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lwal_core.analysis.base.formatting import format_number, format_percent, format_points
from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.trees.confusion import OTHER, FoldedConfusion
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.confusion.grid import MatrixGrid, axes, folding_tree, frames, targets
from lwal_core.figures.heatmap import TEXT_CLASSES, strength_scale
from lwal_core.figures.labels import heading
from lwal_core.figures.palette import BLUE, VERMILLION, Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

Amount = Literal["row", "column", "all", "counts"]
AMOUNT_TITLES: dict[Amount, str] = {
    "row": "Mistakes, % of the true class",
    "column": "Mistakes, % of the predicted class",
    "all": "Mistakes, % of all samples",
    "counts": "Mistakes, test samples",
}
_BAR = 54  # px for the colour bar, its ticks and its title
_BOTTOM = 30


def folded_confusion_figure(
    folded: FoldedConfusion,
    grid: MatrixGrid,
    *,
    amount: Amount = "row",
    log: bool = False,
    beside: FoldedConfusion | None = None,
    chosen: int | None = None,
    theme: Theme = "light",
    title: str | None = None,
    notes: Sequence[str] = (),
    most_names: int | None = None,
) -> go.Figure:
    """Which classes and clades are taken for which.

    Mistakes have the colours; the diagonal, what stays within a class or clade, is grey and outside their scale. Points
    named ``"cells"`` have ``customdata`` ``[true tip, predicted tip]``, those of the tree beside the rows ``[node]``.

    Args:
        folded: The matrix.
        grid: Where its tips lie, from :func:`lwal_core.figures.confusion.grid.matrix_grid`.
        amount: What a cell says: its share of the true class's samples, of the predicted one's, of all, or samples.
        log: Colours by the logarithm, so that rare mistakes are seen beside frequent ones; cells without any are empty.
        beside: Another run's matrix of the same tips: cells are then its shares of the true class less those of ``folded``, in
            points, and ``amount`` and ``log`` have no part in it.
        chosen: Node whose rows and columns are framed.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
        notes: Small lines under it, plain text.
        most_names: Most names below the columns; None for the 12 that fit a phone.

    Raises:
        AnalysisError: The matrices are of other tips than the grid.
    """
    import plotly.graph_objects as go

    for matrix in (folded, *([] if beside is None else [beside])):
        if not np.array_equal(matrix.tips, grid.tips):
            raise AnalysisError("The confusion matrix is folded in another way than its grid.")
    if beside is None:
        cells, bar_title = _mistake_cells(folded, grid, amount, log, theme)
        texts = _cell_texts(folded, grid)
    else:
        cells, bar_title = _difference_cells(folded, beside, grid, theme)
        texts = _difference_texts(folded, beside, grid)
    headline, top = heading(title, notes, theme)
    height = grid.height + top + _BAR + _BOTTOM + 110
    fig = go.Figure([*cells, targets(grid, texts, grid.height), *folding_tree(grid, theme)])
    style.apply(fig, theme=theme, height=height)
    fig.update_traces(
        colorbar={"yref": "container", "y": 1 - (top + _BAR / 2) / height, "yanchor": "middle"},
        selector={"type": "heatmap"},
    )
    fig.add_annotation(
        text=style.escape(bar_title), name="colour bar title", showarrow=False, x=0, xref="paper", xanchor="left", xshift=-1,
        y=1, yref="paper", yanchor="bottom", yshift=_BAR // 2 + 12,
        font={"color": neutral("muted", theme), "size": style.FONT_SIZE - 2},
    )  # fmt: skip
    style.apply_layout(fig, axes(grid, theme, most_names))
    fig.update_layout(
        title=headline, margin={"l": 12, "r": 12, "t": top + _BAR, "b": 8}, hovermode="closest", hoverdistance=30,
        hoverlabel={"align": "left"}, shapes=frames(grid, chosen, theme),
    )  # fmt: skip
    return fig


def _mistake_cells(
    folded: FoldedConfusion, grid: MatrixGrid, amount: Amount, log: bool, theme: Theme
) -> tuple[list[dict[str, Any]], str]:
    diagonal = np.eye(len(grid.tips), dtype=bool)
    if amount == "counts":
        values = np.where(folded.samples[:, None] > 0, folded.counts, np.nan)
    else:
        values = 100 * folded.shares(amount)
    mistakes = np.where(diagonal, np.nan, values)
    grey, pale = neutral("line", theme), neutral("grid", theme)
    flat = [[0, grey], [1, grey]]
    found = [_cells("stays", grid, np.where(diagonal, values, np.nan), colorscale=flat, showscale=False)]
    undefined = np.isnan(values)
    if undefined.any():
        found.append(
            _cells(
                "no samples", grid, np.where(undefined, 1.0, np.nan), colorscale=[[0, pale], [1, pale]], showscale=False
            )
        )
    bar: dict[str, Any] = {**_bar(theme)}
    scale = strength_scale(theme, weak_first=True)
    if log:
        positive = mistakes[mistakes > 0]
        low, high = (float(positive.min()), float(positive.max())) if positive.size else (1.0, 10.0)
        low = min(low, high / 1.01)
        mistakes = np.log10(np.where(mistakes > 0, mistakes, np.nan))
        ticks = _log_ticks(low, high)
        bar |= {"tickvals": np.log10(ticks).tolist(), "ticktext": [format_number(tick) for tick in ticks]}
        shades = {"zmin": math.log10(low), "zmax": math.log10(high)}
    else:
        shades = {"zmin": 0.0, "zmax": float(np.nanmax(mistakes, initial=0.0)) or 1.0}
        bar["nticks"] = 5
    found.append(_cells("mistakes", grid, mistakes, colorscale=scale, colorbar=bar, **shades))
    if len(grid.tips) <= TEXT_CLASSES and not (amount == "counts" and np.nanmax(values, initial=0) >= 1_000):
        _write_numbers(found, grid, values)
    return found, AMOUNT_TITLES[amount] + (" (logarithmic)" if log else "")


def _write_numbers(traces: list[dict[str, Any]], grid: MatrixGrid, values: FloatArray) -> None:
    """Whole numbers in the cells; nothing for those that round to 0, and 99.6 is 99."""
    rounded = np.where((values > 99) & (values < 100), 99, np.round(values))
    spread = grid.spread(rounded)
    text = [[f"{value:.0f}" if value >= 1 else "" for value in row] for row in spread]
    for trace in traces:
        if trace["name"] in ("stays", "mistakes"):
            shown = ~np.isnan(trace["z"])
            own = [[t if s else "" for t, s in zip(*both, strict=True)] for both in zip(text, shown, strict=True)]
            trace |= {"text": own, "texttemplate": "%{text}", "textfont": {"size": style.FONT_SIZE - 3}}


def _difference_cells(
    first: FoldedConfusion, second: FoldedConfusion, grid: MatrixGrid, theme: Theme
) -> tuple[list[dict[str, Any]], str]:
    values = 100 * (second.shares("row") - first.shares("row"))
    most = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    surface = "#F7F7F7" if theme == "light" else "#20262E"
    scale = [[0, VERMILLION], [0.5, surface], [1, BLUE if theme == "light" else "#56B4E9"]]
    bar = {**_bar(theme), "nticks": 5}
    found = [_cells("difference", grid, values, colorscale=scale, zmin=-most, zmax=most, colorbar=bar)]
    if np.isnan(values).any():
        pale = neutral("grid", theme)
        blank = np.where(np.isnan(values), 1.0, np.nan)
        found.append(_cells("no samples", grid, blank, colorscale=[[0, pale], [1, pale]], showscale=False))
    return found, "Difference, points of the true class's samples"


def _cells(name: str, grid: MatrixGrid, values: FloatArray, **options: Any) -> dict[str, Any]:
    edges = grid.edges.tolist()
    many = len(grid.tips) > 30
    return {
        "type": "heatmap", "name": name, "x": edges, "y": edges, "z": grid.spread(values).astype(np.float32),
        "hoverinfo": "skip", "hoverongaps": False, "xgap": 0 if many else 1, "ygap": 0 if many else 1, **options,
    }  # fmt: skip


def _bar(theme: Theme) -> dict[str, Any]:
    return {
        "orientation": "h", "thickness": 8, "lenmode": "pixels", "len": 220, "x": 0, "xanchor": "left", "ypad": 0, "xpad": 0,
        "outlinewidth": 0, "ticks": "", "tickfont": {"color": neutral("muted", theme), "size": style.FONT_SIZE - 2},
    }  # fmt: skip


def _log_ticks(low: float, high: float) -> FloatArray:
    """About five ticks at 1, 2 and 5 times powers of ten, or at powers of ten alone."""
    powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = np.array([power * step for power in powers for step in steps])
        ticks = ticks[(ticks >= low * 0.999) & (ticks <= high * 1.001)]
        if len(ticks) <= 6:
            break
    return ticks if len(ticks) else np.array([low, high])


def _pairs(grid: MatrixGrid) -> list[tuple[int, int, str]]:
    """Row, column and what happened, in words, of every cell."""
    m, tips, full, n = len(grid.tips), grid.tips.tolist(), grid.full, grid.part.tree.n
    found = []
    for i in range(m):
        clade = tips[i] == OTHER or tips[i] >= n
        for j in range(m):
            same = f"{full[i]}: stays within" if clade else f"{full[i]}: recognised"
            found.append((i, j, same if i == j else f"{full[i]}<br>taken for {full[j]}"))
    return found


def _cell_texts(folded: FoldedConfusion, grid: MatrixGrid) -> list[str]:
    samples, predicted = folded.samples.tolist(), folded.predicted.tolist()
    counts, correct, tips, n = folded.counts.tolist(), folded.correct.tolist(), grid.tips.tolist(), grid.part.tree.n
    texts = []
    for i, j, what in _pairs(grid):
        count = counts[i][j]
        if not samples[i]:
            texts.append(f"{what}<br>undefined (no test samples)")
            continue
        text = f"{what}<br>{count:,.0f} of {samples[i]:,.0f} ({format_percent(count / samples[i])})"
        if i == j and (tips[i] == OTHER or tips[i] >= n):
            text += f"<br>right class: {correct[i]:,.0f}"
        elif i == j:
            precise = format_percent(count / predicted[i] if predicted[i] else math.nan, reason="never predicted")
            text += f"<br>precision: {precise}"
        texts.append(text)
    return texts


def _difference_texts(first: FoldedConfusion, second: FoldedConfusion, grid: MatrixGrid) -> list[str]:
    a, b = first.shares("row").tolist(), second.shares("row").tolist()
    texts = []
    for i, j, what in _pairs(grid):
        shares = [format_percent(side[i][j], reason="no test samples") for side in (a, b)]
        texts.append(
            f"{what}<br>{shares[0]} → {shares[1]}<br>{format_points(b[i][j] - a[i][j], reason='no test samples')}"
        )
    return texts
