"""Proposed names of clades in the dendrogram: in italics, and never on each other."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_labels import names_with_room, places_of_names, text_width
from lwal_core.figures.colouring import Colouring


def tree(n: int = 40) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(0).normal(size=(n, 4)), [f"class {i}" for i in range(n)])


def merge_texts(fig: Any) -> list[str]:
    merges = next(trace for trace in fig.data if trace.name == "merges")
    return [text for text in merges.text or () if text]


@pytest.mark.parametrize("orientation", ["right", "left", "top", "bottom", "radial"])
def test_given_names_are_bold_and_proposed_ones_in_italics(orientation: Any) -> None:
    h = build_hierarchy(np.array([[0.0], [1], [10], [12], [30]]), list("abcde"))
    fig = dendrogram_figure(h, None, orientation, clade_names={5: "given"}, proposed_names={5: "other", 6: "<pro>"})
    assert sorted(merge_texts(fig)) == ["<b>given</b>", "<i>&lt;pro&gt;</i>"]
    merges = next(trace for trace in fig.data if trace.name == "merges")
    hover = {row[0]: row[2] for row in merges.customdata}
    assert hover[5].startswith("<b>given</b>") and hover[6].startswith("<i>&lt;pro&gt;</i>")


def test_a_closed_clade_has_its_proposed_name() -> None:
    h = build_hierarchy(np.array([[0.0], [1], [10], [12], [30]]), list("abcde"))
    fig = dendrogram_figure(h, part=tree_part(h, closed=[6]), proposed_names={6: "pair"})
    assert "<i>pair</i> (2)" in str(fig.layout.yaxis.ticktext)


@pytest.mark.parametrize("sideways", [True, False])
def test_no_name_lies_on_another(sideways: bool) -> None:
    h = tree()
    part = tree_part(h)
    names = {node: f"a name of node {node}" for node in range(h.n, 2 * h.n - 1)}
    places = places_of_names(part, 900, sideways=sideways)
    kept = names_with_room(part, names, names.keys(), places)
    assert 1 < len(kept) < len(names)
    for a, b in combinations(kept, 2):
        (along_a, across_a), (along_b, across_b) = places[a], places[b]
        beside = along_a + text_width(kept[a]) < along_b or along_b + text_width(kept[b]) < along_a
        assert beside or abs(across_a - across_b) >= 12, (a, b)
    for node in names.keys() - kept.keys():  # what is left out would lie on one that stays and is no smaller
        along, across = places[node]
        assert any(
            abs(places[other][1] - across) < 12
            and places[other][0] < along + text_width(names[node]) + 4
            and along < places[other][0] + text_width(names[other]) + 4
            and h.sizes[other] >= h.sizes[node]
            for other in kept
        )


@pytest.mark.parametrize("strips", [0, 3])
@pytest.mark.parametrize("orientation", ["right", "left"])
def test_no_name_is_cut_at_the_edge_of_a_phone(orientation: Any, strips: int) -> None:
    h = tree(30)
    nodes = range(h.n, 2 * h.n - 1)
    given = 2 * h.n - 3
    columns = [Colouring.of_numbers(str(i), np.arange(30.0)) for i in range(strips)]
    fig = dendrogram_figure(
        h, None, orientation, strips=columns, clade_names={given: "a name that somebody gave"},
        proposed_names={node: f"a proposed name {node}" for node in nodes if node != given},
    )  # fmt: skip
    merges = next(trace for trace in fig.data if trace.name == "merges")
    positions = merges.textposition if isinstance(merges.textposition, tuple) else [merges.textposition] * len(nodes)
    low, high = sorted(fig.layout.xaxis.range)
    longest = max(len(name) for name in h.names)
    px = (400 - 2 * 12 - 8 - 6 * longest) / (high - low)  # a figure on a phone less margins and the leaves' names
    outwards = {"right": "top left", "left": "top right"}[orientation]
    assert sum(map(bool, merges.text)) > 3
    for text, x, position in zip(merges.text, merges.x, positions, strict=True):
        if text and position == outwards:
            shown = re.sub("<[^>]*>", "", text)
            assert x * px + 5 * len(shown) <= high * px + 12, shown
    assert sum(text.startswith("<b>a name") for text in merges.text) == 1


@pytest.mark.parametrize("strips", [0, 3])
def test_names_in_a_wheel_lie_on_no_other_and_on_no_number_of_a_ring(strips: int) -> None:
    h = tree(60)
    columns = [Colouring.of_numbers(str(i), np.arange(60.0)) for i in range(strips)]
    proposed = {node: f"proposed {node}" for node in range(h.n, 2 * h.n - 1)}
    fig = dendrogram_figure(h, None, "radial", strips=columns, proposed_names=proposed)
    px = (400 - 8) / 2 / fig.layout.xaxis.range[1]
    merges = next(trace for trace in fig.data if trace.name == "merges")
    boxes = [
        (px * x, px * y + 9, 5 * len(re.sub("<[^>]*>", "", text)))
        for x, y, text in zip(merges.x, merges.y, merges.text, strict=True)
        if text
    ]
    rings = [(0.0, px * note.y, 6 * len(note.text)) for note in fig.layout.annotations if note.x == 0]
    assert len(boxes) > 2 and rings
    for (x, y, wide), (other_x, other_y, other_wide) in combinations([*boxes, *rings], 2):
        assert abs(x - other_x) >= (wide + other_wide) / 2 or abs(y - other_y) >= 11


def test_given_names_all_stay() -> None:
    h = tree()
    names = dict.fromkeys(range(h.n, 2 * h.n - 1), "a name")
    part = tree_part(h)
    assert names_with_room(part, names, (), places_of_names(part, 300, sideways=True)) == names
