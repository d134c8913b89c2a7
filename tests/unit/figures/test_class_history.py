"""Distances by epoch as a figure, read back."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from lwal_core.analysis.trees.class_history import NeighbourHistory, neighbour_history
from lwal_core.errors import AnalysisError
from lwal_core.figures.curves.class_history import class_history_figure
from lwal_core.figures.palette import class_color


def made_up(n: int = 8, epochs: int = 6, index: int = 2) -> NeighbourHistory:
    films = np.cumsum(np.random.default_rng(0).normal(size=(epochs, n, 3)), axis=0)
    return neighbour_history(films, list(range(epochs)), index)


def test_one_line_a_neighbour_in_its_own_colour() -> None:
    history = made_up()
    fig = class_history_figure(history, [f"c{i}" for i in range(8)], epoch=3)
    assert len(fig.data) == 5
    for column, (line, other) in enumerate(zip(fig.data, history.neighbours, strict=True)):
        assert line.name == f"c{other}" and line.line.color == class_color(int(other))
        np.testing.assert_array_equal(line.y, history.distances[:, column])
        assert list(line.x) == list(range(6)) and line.hovertext[0].startswith("Epoch 0: ")
    assert fig.layout.shapes[0].x0 == 3


@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0])
def test_names_stand_beside_the_ends_without_meeting(spread: float) -> None:
    points = np.array([[0.0], *[[5 + spread * i] for i in range(6)]])
    history = neighbour_history([points, points], [0, 1], 0)
    fig = class_history_figure(history, [f"c{i}" for i in range(7)], height=340)
    pixels = 340 - fig.layout.margin.t - fig.layout.margin.b
    places = sorted(a.y / fig.layout.yaxis.range[1] * pixels for a in fig.layout.annotations)
    assert len(places) == 5 and all(b - a >= 15.9 for a, b in pairwise(places))
    assert places[0] >= 0 and places[-1] <= pixels


def test_gaps_are_said_and_hostile_names_escaped() -> None:
    films = [np.arange(8.0).reshape(4, 2) ** 2 for _ in range(3)]
    films[1][0, 0] = np.nan
    fig = class_history_figure(neighbour_history(films, [0, 1, 2], 0), ["a", "<b>b</b>", "", "x" * 90], title="<i>")
    assert "1 of 3 epochs undefined" in fig.layout.title.text and "<i>" not in fig.layout.title.text
    assert {a.text for a in fig.layout.annotations} >= {"&lt;b&gt;b&lt;/b&gt;", "(no name)"}
    assert fig.layout.margin.r < 160
    json.loads(fig.to_json())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_classes(n: int) -> None:
    fig = class_history_figure(made_up(n, index=0), [f"c{i}" for i in range(n)])
    assert len(fig.data) == n - 1
    everything = class_history_figure(neighbour_history([np.zeros((n, 2))], [0], 0), [f"c{i}" for i in range(n)])
    assert everything.layout.yaxis.range[1] > 0


def test_names_that_do_not_fit() -> None:
    with pytest.raises(AnalysisError, match="names"):
        class_history_figure(made_up(), ["a"])
