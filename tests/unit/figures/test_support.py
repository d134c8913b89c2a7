"""The figure of clade support: every value at its place, undefined ones left out, names harmless."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lwal_core.errors import AnalysisError
from lwal_core.figures.palette import BLUE, ORANGE, neutral
from lwal_core.figures.support import MAX_ROWS, SupportSeries, support_figure

NAN = math.nan


def series(values: list[float], name: str = "4 other seeds", symbol: str = "circle") -> SupportSeries:
    return SupportSeries(name, values, BLUE if symbol == "circle" else ORANGE, symbol)


def test_values_stand_in_percent_at_their_rows() -> None:
    seeds, samples = series([1.0, NAN, 0.25]), series([0.5, 0.0, NAN], "200 draws", "diamond")
    fig = support_figure(["a and b", "c", "d"], [seeds, samples])
    first, second = fig.data
    assert list(first.x) == [100, 25] and list(second.x) == [50, 0]
    assert np.rint(first.y).tolist() == [0, 2] and np.rint(second.y).tolist() == [0, 1]
    assert first.y[0] < second.y[0]  # equal values of a row do not hide each other
    assert (first.marker.symbol, second.marker.symbol) == ("circle", "diamond")
    assert first.hovertext[1] == "<b>d</b><br>25.0 %: 4 other seeds"
    assert list(fig.layout.yaxis.ticktext) == ["a and b", "c", "d"]
    assert fig.layout.yaxis.range[0] > fig.layout.yaxis.range[1]  # the first row is on top


def test_the_key_has_the_marks_in_their_colours() -> None:
    fig = support_figure(["a"], [series([1.0]), series([1.0], "200 draws", "diamond")], title="1 of 1 clade")
    text = fig.layout.title.text
    assert f'<span style="color:{BLUE}">●</span> 4 other seeds' in text
    assert f'<span style="color:{ORANGE}">◆</span> 200 draws' in text
    assert text.startswith("1 of 1 clade")


def test_one_kind_stands_on_the_row() -> None:
    assert list(support_figure(["a", "b"], [series([0.1, 0.2])]).data[0].y) == [0, 1]


def test_many_clades_are_cut_off_and_it_is_said() -> None:
    count = MAX_ROWS + 30
    fig = support_figure([f"clade {i}" for i in range(count)], [series([0.5] * count)])
    assert len(fig.data[0].x) == len(fig.layout.yaxis.ticktext) == MAX_ROWS
    assert f"The {MAX_ROWS} highest of {count} clades" in fig.layout.title.text
    assert fig.layout.height < 1_300


def test_names_are_shown_as_text() -> None:
    fig = support_figure(["<b>bold</b>\nx", ""], [series([1, 1], "seeds of <i>this</i>")])
    spec = json.dumps(fig.to_plotly_json(), default=list)
    assert "<b>bold" not in spec and "<i>this" not in spec
    assert list(fig.layout.yaxis.ticktext) == ["&lt;b&gt;bold&lt;/b&gt; x", "(no name)"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_half_is_marked_in_both_themes(theme: str) -> None:
    fig = support_figure(["a"], [series([NAN])], theme=theme)  # type: ignore[arg-type]
    (line,) = fig.layout.shapes
    assert line.x0 == line.x1 == 50 and line.line.color == neutral("muted", theme)  # type: ignore[arg-type]
    assert len(fig.data[0].x) == 0


def test_what_is_refused() -> None:
    for bad, match in [
        (series([1.0]), "1 values for 2 clades"),
        (series([1.0, 1.5]), "outside 0 to 1"),
        (series([0.5, math.inf]), "outside 0 to 1"),
        (series([0.5, 0.5], symbol="cross"), "'cross'"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            support_figure(["a", "b"], [bad])
