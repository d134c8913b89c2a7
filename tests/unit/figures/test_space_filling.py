"""Icicle and treemap: areas in proportion, parts inside the whole, names that are not cut, what a click tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.errors import AnalysisError
from lwal_core.figures.colouring import scale_color
from lwal_core.figures.palette import OKABE_ITO
from lwal_core.figures.space_filling import (
    AreaColours,
    Kind,
    icicle_rectangles,
    space_filling_figure,
    treemap_rectangles,
)
from lwal_core.figures.space_filling.figure import ink_on
from tests.support.many_classes import CIFAR100, class_names, vectors_along_tree

KINDS: list[Kind] = ["icicle", "treemap"]


def random_tree(n: int, seed: int, method: str = "average") -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(n, 3)), [f"c{i}" for i in range(n)], method)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(0, 500), st.integers(1, 30), st.sampled_from(["average", "single", "centroid"]))
def test_areas_are_weights_and_parts_lie_in_the_whole(n: int, seed: int, most: int, method: str) -> None:
    h = random_tree(n, seed, method)
    part = tree_part(h, most_tips=most)
    weights = np.random.default_rng(seed).integers(0, 5, n).astype(float)
    weights[0] += 1
    for boxes, exact in ((treemap_rectangles(part, weights), True), (icicle_rectangles(part, weights), False)):
        at = {node: i for i, node in enumerate(boxes.nodes.tolist())}
        wide, high = boxes.x_high - boxes.x_low, boxes.y_high - boxes.y_low
        assert sorted(at) == sorted([*part.tips.tolist(), *part.merges.tolist()])
        assert (wide >= -1e-12).all() and (high >= -1e-12).all()
        for node, i in at.items():
            share = sum(weights[c] for c in h.members(node).tolist()) / weights.sum()
            assert (wide[i] * high[i] / 1.4 if exact else high[i]) == pytest.approx(share)
        for node in part.merges.tolist():
            for child in h.children[node - h.n].tolist():
                i, j = at[node], at[child]
                assert boxes.y_low[i] - 1e-9 <= boxes.y_low[j] and boxes.y_high[j] <= boxes.y_high[i] + 1e-9
                if exact:
                    assert boxes.x_low[i] - 1e-9 <= boxes.x_low[j] and boxes.x_high[j] <= boxes.x_high[i] + 1e-9
                else:  # a part ends where the merge above begins
                    assert boxes.x_high[j] == pytest.approx(boxes.x_low[i])


def test_the_tips_of_a_treemap_cover_it_without_overlap() -> None:
    h = random_tree(25, 3)
    boxes = treemap_rectangles(tree_part(h), np.arange(1, 26))
    x, y = np.random.default_rng(0).uniform(size=(2, 400))
    x = x * 1.4
    tips = [values[: h.n] for values in boxes[1:]]
    inside = [(tips[0] <= a) & (a < tips[1]) & (tips[2] <= b) & (b < tips[3]) for a, b in zip(x, y, strict=True)]
    assert all(found.sum() == 1 for found in inside)


@pytest.mark.parametrize("weights", [np.zeros(4), np.ones(3), [1, -1, 1, 1], [1, np.nan, 1, 1]])
def test_weights_that_are_none_are_refused(weights: Any) -> None:
    part = tree_part(random_tree(4, 0))
    for work in (icicle_rectangles, treemap_rectangles):
        with pytest.raises(AnalysisError):
            work(part, weights)


def drawn(kind: Kind, h: Hierarchy, **options: Any) -> Any:
    numbers = options.pop("numbers", np.linspace(0, 1, 2 * h.n - 1))
    weights, part = options.pop("weights", np.ones(h.n)), options.pop("part", None) or tree_part(h)
    return space_filling_figure(kind, part, weights, AreaColours("Accuracy", numbers, percent=True), **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_click_tells_the_node_and_names_are_text(kind: Kind) -> None:
    h = build_hierarchy([[0.0], [1.0], [10.0], [11.5]], ["<b>cat</b>", "dog", "car", "bus"])
    fig = drawn(kind, h, groups=h.cut_nodes(k=2).tolist(), clade_names={4: "<i>pets"}, chosen=0)
    areas = next(trace for trace in fig.data if trace.name == "areas")
    nodes = [custom[0] for custom in areas.customdata]
    assert set(nodes) >= {0, 1, 2, 3}
    assert all("<b>cat" not in custom[2] for custom in areas.customdata) and "&lt;b&gt;" in fig.to_json().replace(
        "\\u003c", "<"
    )
    assert areas.marker.line.width[nodes.index(0)] == 3 and areas.marker.line.width[nodes.index(1)] < 3
    assert areas.unselected.marker.opacity == 1
    assert any("Accuracy: 0 %" in custom[2] for custom in areas.customdata)
    texts = [text for trace in fig.data if trace.text is not None for text in trace.text]
    assert any("&lt;i&gt;pets" in text for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_undefined_is_pale_and_classes_without_samples_are_said(kind: Kind) -> None:
    h = random_tree(4, 1)
    numbers = np.full(7, np.nan)
    fig = drawn(kind, h, numbers=numbers, weights=[1, 0, 2, 3])
    areas = next(trace for trace in fig.data if trace.name == "areas")
    assert set(areas.marker.color) == {"#E6E9ED"}
    assert "1 of 4 classes without test samples" in fig.layout.title.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2])
def test_one_class_and_two(kind: Kind, n: int) -> None:
    fig = drawn(kind, random_tree(n, 0))
    assert len(next(trace for trace in fig.data if trace.name == "areas").customdata) >= n


def test_letters_stand_out_on_every_colour() -> None:
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for color in [*(scale_color(i / 50) for i in range(51)), *OKABE_ITO, "#E6E9ED", "#2B313A"]:
        low, high = sorted((luminance(color), luminance(ink_on(color))))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_names_beside_an_icicle_never_lie_on_each_other() -> None:
    h = build_hierarchy(vectors_along_tree(CIFAR100), class_names(CIFAR100))
    weights = np.random.default_rng(0).integers(0, 100, 100).astype(float)
    fig = drawn("icicle", h, weights=weights)
    rows = fig.layout.height - fig.layout.margin.t - 50
    places = np.array(fig.layout.yaxis.tickvals) * rows
    assert 30 < len(places) < 100 and (np.diff(places) >= 12.9).all()
    assert len(drawn("icicle", h).layout.yaxis.tickvals) == 100
