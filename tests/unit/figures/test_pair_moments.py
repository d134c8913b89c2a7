"""The strips of pairs: a mark for each epoch at which two classes belong together."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.trees.class_history import pair_moments
from lwal_core.errors import AnalysisError
from lwal_core.figures.pair_moments import MOST_ROWS, pair_moments_figure

NAMES = [f"c{i}" for i in range(6)]


def moments(n: int = 6, epochs: int = 7, groups: int = 3, names: list[str] | None = None):
    generator = np.random.default_rng(n)
    steps = np.cumsum(generator.normal(size=(epochs, n, 4)), axis=0)
    names = names or [f"c{i}" for i in range(n)]
    return pair_moments({3 * e: build_hierarchy(V, names) for e, V in enumerate(steps)}, groups)


def test_a_mark_for_each_epoch_and_pair() -> None:
    found = moments()
    pairs = found.ever_pairs()
    fig = pair_moments_figure(found, pairs, NAMES)
    drawn = fig.data[-1]
    marks = {(x, *custom): size for x, custom, size in zip(drawn.x, drawn.customdata, drawn.marker.size, strict=True)}
    for i, j in pairs:
        for at, epoch in enumerate(found.epochs):
            clade = found.partner[at, i] == j
            group = found.groups[at, i] == found.groups[at, j]
            size = marks.get((epoch, i, j))
            assert size == (10 if clade else 5 if group else None)
    assert [drawn.y[k] for k in range(len(drawn.y))] == sorted(drawn.y)


def test_lines_join_the_marks_of_unbroken_stretches() -> None:
    found = moments()
    pairs = found.ever_pairs()
    fig = pair_moments_figure(found, pairs, NAMES)
    covered = set()
    x, y = fig.data[1].x, fig.data[1].y
    for k in range(0, len(x), 3):
        assert x[k + 2] is None
        covered |= {(epoch, y[k]) for epoch in found.epochs if x[k] <= epoch <= x[k + 1]}
    large = {
        (a, b) for a, b, size in zip(fig.data[2].x, fig.data[2].y, fig.data[2].marker.size, strict=True) if size == 10
    }
    assert covered == large


def test_many_pairs_are_thinned_and_it_says_so() -> None:
    found = moments(60, 12, 20)
    pairs = found.ever_pairs()
    assert len(pairs) > MOST_ROWS
    fig = pair_moments_figure(found, pairs, [f"c{i}" for i in range(60)])
    assert len(fig.layout.yaxis.ticktext) == MOST_ROWS
    assert f"{MOST_ROWS} of {len(pairs)} pairs shown" in fig.layout.title.text


def test_names_are_escaped_and_the_chosen_are_bold() -> None:
    hostile = ["<img src=x>", *NAMES[1:]]
    found = moments(names=hostile)
    fig = pair_moments_figure(found, [(0, 1), (2, 3)], hostile, chosen=[1])
    assert "<img" not in fig.to_json().replace("\\u003c", "<")
    assert [text.startswith("<b>") for text in fig.layout.yaxis.ticktext] == [True, False]


def test_refused() -> None:
    with pytest.raises(AnalysisError):
        pair_moments_figure(moments(), [], NAMES)
    with pytest.raises(AnalysisError):
        pair_moments_figure(moments(), [(0, 1)], NAMES[:3])
