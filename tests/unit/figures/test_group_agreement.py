"""Bk by number of groups: the points against sklearn and shuffles, the figure's traces, degenerate trees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import fowlkes_mallows_score

from lwal_core.analysis.trees import fowlkes_mallows
from lwal_core.figures.group_agreement import GroupAgreement, group_agreement_figure


def points(n: int, seed: int = 0) -> tuple[list[GroupAgreement], np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    a, b = (linkage(r.normal(size=(n, 3)), "average") for _ in range(2))
    return [GroupAgreement.of(k, fowlkes_mallows(a, b, k)) for k in range(2, n)], a, b


def test_points_are_sklearns_and_the_line_holds_back_shuffles() -> None:
    found, a, b = points(14)
    r = np.random.default_rng(1)
    for point in found:
        left, right = (fcluster(z, point.groups, "maxclust") for z in (a, b))
        assert point.bk == pytest.approx(fowlkes_mallows_score(left, right))
        shuffled = [fowlkes_mallows_score(left, r.permutation(right)) for _ in range(200)]
        assert np.mean(shuffled) == pytest.approx(point.expected, abs=0.05)
        if 3 <= point.groups <= 8:  # near n groups the distribution is far from normal
            assert np.mean(np.array(shuffled) <= point.line) > 0.85
        assert point.beyond_chance == (point.bk > point.line)


def test_the_figure_has_bk_chance_line_and_the_chosen_cut() -> None:
    found, _, _ = points(10)
    fig = group_agreement_figure(found, chosen=4, title="A <b>finding</b>")
    traces = {t.name: t for t in fig.data}
    assert list(traces["Bk"].x) == list(range(2, 10))
    assert list(traces["Bk"].y) == [point.bk for point in found]
    assert list(traces["chance"].y) == [point.expected for point in found]
    assert traces["chosen"].x == (4,) and traces["chosen"].y == (found[2].bk,)
    assert "&lt;b&gt;" in fig.layout.title.text
    assert "chosen" not in {t.name for t in group_agreement_figure(found, chosen=99).data}


def test_three_classes_have_no_line() -> None:
    (point,), _, _ = points(3)
    assert math.isnan(point.line) and point.beyond_chance is None
    assert "undefined (fewer than 4 classes)" in group_agreement_figure([point]).data[2].hovertext[0]


def test_equal_trees_agree_fully() -> None:
    z = linkage(np.random.default_rng(0).normal(size=(12, 3)))
    found = [GroupAgreement.of(k, fowlkes_mallows(z, z, k)) for k in range(2, 12)]
    assert all(point.bk == 1 for point in found)
    assert all(point.line <= 1 for point in found)
