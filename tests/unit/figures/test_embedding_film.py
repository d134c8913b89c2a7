"""A film of layouts: what each frame shows, that nothing else moves, and that its size is bounded."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lwal_core.errors import AnalysisError
from lwal_core.figures.embedding import HEIGHT
from lwal_core.figures.embedding_film import MOST_FRAMES, embedding_film, film_epochs, trail_epochs
from lwal_core.figures.palette import class_color, class_symbol

HOSTILE = '<img src=x onerror="alert(1)">'


def walk(n: int, epochs: int, d: int = 2) -> dict[int, np.ndarray]:
    generator = np.random.default_rng(n)
    return {5 * e: generator.normal(size=(n, d)) * (1 + e) for e in range(epochs)}


def film(layouts: dict[int, np.ndarray], **options: Any) -> Any:
    n = len(next(iter(layouts.values())))
    options = {"shown": max(layouts), "names": [f"c{i}" for i in range(n)]} | options
    look = {"colors": [class_color(i) for i in range(n)], "symbols": [class_symbol(i) for i in range(n)]}
    return embedding_film(layouts, options.pop("names"), **look, **options)


def trace(fig: Any, name: str) -> Any:
    return next(trace for trace in fig.data if trace.name == name)


@pytest.mark.parametrize("d", [2, 3])
def test_each_frame_has_its_epochs_places(d: int) -> None:
    layouts = walk(6, 4, d)
    fig = film(layouts)
    assert [frame.name for frame in fig.frames] == ["0", "5", "10", "15"]
    for frame, points in zip(fig.frames, layouts.values(), strict=True):
        (moved,) = [data for data, at in zip(frame.data, frame.traces, strict=True) if fig.data[at].name == "classes"]
        found = np.column_stack([moved[axis] for axis in "xyz"[:d]])
        np.testing.assert_allclose(found, points, atol=2e-4 * np.ptp(np.stack(list(layouts.values()))))


@pytest.mark.parametrize("shown", [0, 10])
def test_it_opens_on_the_epoch_that_is_looked_at(shown: int) -> None:
    layouts = walk(6, 4)
    fig = film(layouts, shown=shown)
    assert fig.layout.sliders[0].active == shown // 5
    np.testing.assert_allclose(trace(fig, "classes").x, layouts[shown][:, 0], atol=1e-2)


def test_nothing_moves_but_the_classes() -> None:
    layouts = walk(12, 5)
    every = np.vstack(list(layouts.values()))
    figs = [film(layouts, shown=epoch) for epoch in layouts]
    # One scale for all epochs, names on the same sides, the height of the picture that stands still.
    assert len({(tuple(fig.layout.xaxis.range), tuple(fig.layout.yaxis.range)) for fig in figs}) == 1
    assert figs[0].layout.xaxis.range[0] < every[:, 0].min() and every[:, 0].max() < figs[0].layout.xaxis.range[1]
    assert len({tuple(trace(fig, "classes").textposition) for fig in figs}) == 1
    assert {fig.layout.height for fig in figs} == {HEIGHT}
    assert all(set(data.to_plotly_json()) <= {"type", "x", "y"} for frame in figs[0].frames for data in frame.data)


def test_trails_end_at_the_frames_places_and_have_one_length() -> None:
    layouts = walk(12, 4)  # more than ten, so that a colour holds two classes
    fig = film(layouts, trails=True)
    lines = [at for at, drawn in enumerate(fig.data) if drawn.name == "trails"]
    assert len(lines) == 10
    for frame, points in zip(fig.frames, layouts.values(), strict=True):
        data = dict(zip(frame.traces, frame.data, strict=True))
        x = data[lines[0]].x
        ends = [x[i - 1] for i, value in enumerate(x) if value is None]
        np.testing.assert_allclose(ends, points[[0, 10], 0], atol=1e-2)
        assert [len(data[at].x) for at in lines] == [len(fig.data[at].x) for at in lines]
    # Before the first frame nothing has moved.
    first = dict(zip(fig.frames[0].traces, fig.frames[0].data, strict=True))[lines[0]].x
    assert len(set(first[:4])) == 1


def test_the_ring_and_its_lines_follow_the_chosen_class() -> None:
    layouts = walk(5, 3)
    links = {0: [1, 2], 5: [3, 4], 10: [0, 1]}
    fig = film(layouts, chosen=2, links=links)
    for frame, (epoch, points) in zip(fig.frames, layouts.items(), strict=True):
        data = {fig.data[at].name: found for at, found in zip(frame.traces, frame.data, strict=True)}
        np.testing.assert_allclose(data["chosen"].x, points[[2], 0], atol=1e-2)
        ends = [data["nearest"].y[1], data["nearest"].y[4]]
        np.testing.assert_allclose(ends, points[links[epoch], 1], atol=1e-2)
        assert data["nearest"].y[2] is None


def test_one_epoch_has_nothing_to_play() -> None:
    fig = film(walk(4, 1), trails=True)
    assert not fig.frames and not fig.layout.sliders and fig.layout.height == HEIGHT


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("d", [2, 3])
def test_few_classes_and_classes_in_one_place(n: int, d: int) -> None:
    layouts = {0: np.zeros((n, d)), 1: np.ones((n, d)), 2: np.ones((n, d))}
    fig = film(layouts, trails=True, chosen=0)
    assert "NaN" not in fig.to_json() and len(fig.frames) == 3


@pytest.mark.parametrize(("n", "epochs"), [(10, 300), (150, 100), (1_000, 21)])
def test_the_size_is_bounded_and_both_ends_are_there(n: int, epochs: int) -> None:
    layouts = walk(n, epochs)
    kept = film_epochs(list(layouts), n)
    assert len(kept) <= MOST_FRAMES and (kept[0], kept[-1]) == (0, 5 * (epochs - 1))
    assert trail_epochs(len(kept), n) >= 2
    fig = film(layouts, trails=True, names=[f"a class name of some length {i}" for i in range(n)])
    assert len(fig.to_json()) < 3_000_000


def test_places_far_from_one_keep_their_digits() -> None:
    layouts = {e: 1e-6 * points for e, points in walk(4, 2).items()}
    np.testing.assert_allclose(film(layouts, shown=0).frames[1].data[0].x, layouts[5][:, 0], rtol=1e-3, atol=1e-9)
    assert json.loads(film({e: 1e6 * points for e, points in layouts.items()}).to_json())


def test_names_are_escaped() -> None:
    assert "<img" not in film(walk(1, 2), names=[HOSTILE]).to_json().replace("\\u003c", "<")


def test_refused() -> None:
    with pytest.raises(AnalysisError, match="no film"):
        embedding_film({}, [], shown=0, colors=[], symbols=[])
    with pytest.raises(AnalysisError, match="no film"):
        film({0: np.zeros((3, 2)), 1: np.zeros((2, 2))}, names=["a", "b", "c"])
