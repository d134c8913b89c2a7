"""Distance against confusion as a figure, read back."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import plotly.graph_objects as go
import pytest

from lwal_core.analysis.trees.distance_vs_confusion import (
    PairConfusions,
    RankCorrelation,
    pair_confusions,
    rank_correlation,
)
from lwal_core.errors import AnalysisError
from lwal_core.figures.distance_vs_confusion import (
    MOST_POINTS,
    NAMED_PAIRS,
    WEBGL_ABOVE,
    distance_vs_confusion_figure,
    drawn_pairs,
    finding,
)
from lwal_core.figures.palette import neutral


def made_up(n: int, share: float = 0.3, seed: int = 0) -> PairConfusions:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n, 4))
    squares = (points**2).sum(axis=1)
    away = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    counts = generator.integers(1, 9, (n, n)) * (generator.random((n, n)) < share)
    np.fill_diagonal(counts, 50)
    return pair_confusions(counts, (away + away.T) / 2)


def names_of(pairs: PairConfusions) -> list[str]:
    return [f"c{i}" for i in range(pairs.classes)]


def draw(pairs: PairConfusions, **options: object) -> go.Figure:
    return distance_vs_confusion_figure(pairs, names_of(pairs), rank_correlation(pairs, 0), **options)  # type: ignore[arg-type]


def trace(fig: go.Figure, name: str) -> go.Scatter:
    return next(t for t in fig.data if t.name == name)


def test_every_pair_is_a_point_with_its_two_classes() -> None:
    pairs = made_up(9)
    fig = draw(pairs)
    seen = {}
    for t in fig.data:
        assert t.type == "scatter"
        for x, y, custom, text in zip(t.x, t.y, t.customdata, t.hovertext, strict=True):
            seen[tuple(custom)] = (x, y, text)
    assert sorted(seen) == list(itertools.combinations(range(9), 2))
    for k in range(len(pairs.rates)):
        x, y, text = seen[int(pairs.first[k]), int(pairs.second[k])]
        assert x == pairs.distances[k]
        assert y == pytest.approx(100 * pairs.rates[k]) if pairs.rates[k] else y < 0
        assert f"<b>c{pairs.first[k]}</b> and <b>c{pairs.second[k]}</b>" in text
        assert f"{pairs.mistakes[k]:.0f} of {pairs.samples[k]:.0f} test samples" in text
    never = int((pairs.rates == 0).sum())
    assert len(trace(fig, "never confused").x) == never
    assert f"{never} of 36 pairs never confused" in fig.layout.title.text
    assert "showing" not in fig.layout.title.text.lower()
    assert fig.layout.xaxis.title.text == "Distance (label units)"


@pytest.mark.parametrize("pixels", [250, 850])
@pytest.mark.parametrize("seed", range(8))
def test_names_cover_neither_each_other_nor_the_edge(pixels: int, seed: int) -> None:
    pairs = made_up(12, 0.5, seed)
    fig = distance_vs_confusion_figure(
        pairs, [f"class of name {i}" for i in range(12)], rank_correlation(pairs, 0), height=460, title="t"
    )
    named = [a for a in fig.layout.annotations if a.name == "pair"]
    assert 1 <= len(named) <= NAMED_PAIRS
    (low, high), (bottom, top) = fig.layout.xaxis.range, fig.layout.yaxis.range
    height = 460 - fig.layout.margin.t - 60
    boxes = []
    for a in named:
        x = (a.x - low) / (high - low) * pixels + a.xshift
        y = (a.y - bottom) / (top - bottom) * height + a.yshift
        width = 6.5 * len(a.text)
        left = x - {"left": 0, "center": width / 2, "right": width}[a.xanchor]
        boxes.append((left, y - 7, left + width, y + 7))
        assert left >= -1 and left + width <= pixels + 1 and y - 7 >= -1
    for one, other in itertools.combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_most_confused_pair_is_named() -> None:
    counts = np.diag([90] * 5)
    counts[1, 3] = 30
    pairs = pair_confusions(counts, np.abs(np.subtract.outer(np.arange(5), np.arange(5))).astype(float))
    (name,) = [a.text for a in draw(pairs).layout.annotations]
    assert name == "c1, c3"


def test_many_pairs_are_thinned_and_it_is_said() -> None:
    pairs = made_up(300, share=0.05)
    assert len(pairs.rates) > MOST_POINTS
    drawn = drawn_pairs(pairs)
    confused = np.flatnonzero(pairs.rates > 0)
    assert set(confused) <= set(drawn.tolist()) and len(drawn) <= MOST_POINTS
    never = np.setdiff1d(drawn, confused)
    ends = pairs.distances[pairs.rates == 0]
    assert pairs.distances[never].min() == ends.min() and pairs.distances[never].max() == ends.max()
    # Evenly over the distances: the quartiles stay where they are.
    np.testing.assert_allclose(
        np.quantile(pairs.distances[never], [0.25, 0.5, 0.75]), np.quantile(ends, [0.25, 0.5, 0.75]), rtol=0.01
    )
    fig = draw(pairs)
    assert {t.type for t in fig.data} == {"scattergl"}
    said = fig.layout.title.text.replace("<br>", " ")
    assert f"Showing {len(drawn):,} of {len(pairs.rates):,} pairs, the confused ones first" in said.replace(
        "</span> ", " "
    ).replace('<span style="font-size:12px;color:#5B6672">', "")


def test_more_confused_pairs_than_can_be_drawn() -> None:
    pairs = made_up(300, share=0.9)
    drawn = drawn_pairs(pairs)
    assert len(drawn) == MOST_POINTS
    left = np.setdiff1d(np.arange(len(pairs.rates)), drawn)
    assert pairs.rates[drawn].min() >= pairs.rates[left].max()
    chosen = drawn_pairs(pairs, [7])
    assert ((pairs.first[chosen] == 7) | (pairs.second[chosen] == 7)).sum() == 299


def test_webgl_only_for_many() -> None:
    few, many = made_up(63), made_up(64)
    assert len(few.rates) <= WEBGL_ABOVE < len(many.rates)
    assert draw(few).data[0].type == "scatter" and draw(many).data[0].type == "scattergl"


def test_chosen_classes_mark_their_pairs() -> None:
    pairs = made_up(6, 1.0)
    one = trace(draw(pairs, chosen=[2]), "chosen")
    assert len(one.x) == 5 and all(2 in custom for custom in one.customdata)
    some = trace(draw(pairs, chosen=[0, 2, 5]), "chosen")
    assert {tuple(c) for c in some.customdata} == {(0, 2), (0, 5), (2, 5)}
    assert not any(t.name == "chosen" for t in draw(pairs).data)


def test_directions() -> None:
    counts = np.array([[9, 3, 0], [1, 9, 0], [0, 0, 9]])
    pairs = pair_confusions(counts, 1 + np.eye(3), directed=True)
    fig = distance_vs_confusion_figure(pairs, ["cat", "dog", "ship"], rank_correlation(pairs, 0))
    assert "<b>cat</b> taken for <b>dog</b>" in trace(fig, "confused").hovertext[0]
    assert fig.layout.annotations[0].text == "cat → dog"


@pytest.mark.parametrize(
    ("rho", "p", "reason", "says"),
    [
        (-0.612, 0.001, "", "Near labels are confused more: rank correlation −0.61, p = 0.001"),
        (0.4, 0.01, "", "Far labels are confused more: rank correlation 0.4, p = 0.01"),
        (-0.05, 0.4, "", "Near labels are not clearly confused more: rank correlation −0.05, p = 0.4"),
        (
            -0.3,
            math.nan,
            "",
            "Near labels are confused more: rank correlation −0.3 (chance not tested: too many classes)",
        ),
        (math.nan, math.nan, "no mistakes", "Whether near labels are confused more is undefined (no mistakes)"),
    ],
)
def test_the_finding(rho: float, p: float, reason: str, says: str) -> None:
    assert finding(RankCorrelation(rho, p, 0 if math.isnan(p) else 999, 10, reason)) == says


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_classes_and_no_mistakes(n: int) -> None:
    for share in (0.0, 1.0):
        fig = draw(made_up(n, share))
        json.loads(fig.to_json())
        assert ("undefined" in fig.layout.title.text.lower()) == (n < 3 or share == 0)
    empty = pair_confusions(np.zeros((n, n)), np.zeros((n, n)))
    said = draw(empty).layout.title.text.replace("<br>", " ")
    assert "classes without test samples" in said or n == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_are_escaped_and_themes_differ(theme: str) -> None:
    pairs = made_up(3, 1.0)
    fig = distance_vs_confusion_figure(
        pairs, ["<b>bold</b>", "line\nbreak", "very " * 30], rank_correlation(pairs, 0), theme=theme,  # type: ignore[arg-type]
        unit="<u>",
    )  # fmt: skip
    assert "<b>bold</b>" not in fig.to_json().replace("\\u003c", "<").replace("\\u003e", ">")
    assert fig.layout.font.color == neutral("ink", theme)  # type: ignore[arg-type]


def test_names_that_do_not_fit() -> None:
    pairs = made_up(4)
    with pytest.raises(AnalysisError, match="3 names"):
        distance_vs_confusion_figure(pairs, ["a", "b", "c"], rank_correlation(pairs, 0))
