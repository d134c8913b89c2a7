"""The growing tree: its lines against the tree's own layout, its text free of markup, its motion only where it is wanted."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.figures.story import story_groups, story_page
from lwal_core.figures.story.groups import fewest_told
from lwal_core.figures.story.tree import ROW, growing_tree, strokes

HOSTILE = ['<script>alert("x")</script>', "a & b", "' onload=x", "</style><b>"]


def tree(seed: int, n: int = 6, names: list[str] | None = None):
    vectors = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    return build_hierarchy(vectors, names or [f"class {i}" for i in range(n)], "average", "euclidean")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.images: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        elif tag != "br":
            self.open.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    assert not reader.open
    return reader


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.integers(2, 30))
def test_leaves_stand_still_in_the_order_of_the_last_tree(seed: int, n: int) -> None:
    trees = {epoch: tree(seed + epoch, n) for epoch in (0, 1, 5)}
    page = growing_tree(trees, [""] * n, [], "s")
    rows = [
        (name, float(top)) for top, name in re.findall(r'class="lws-l" style="top:([\d.]+)px"><span>(.*?)</span>', page)
    ]
    assert dict(rows) == {trees[5].names[i]: float(place * ROW) for place, i in enumerate(trees[5].order)}
    moving = page[: page.index("</style>")]
    assert moving.count("@keyframes") == 3 and "top" not in moving and "lws-l" not in moving


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.integers(2, 30))
def test_branches_of_another_order_lead_to_their_leaves(seed: int, n: int) -> None:
    h, rows = tree(seed, n), np.random.default_rng(seed).permutation(n).astype(float)
    ends = sorted(s.y1 for s in strokes(h, rows, [], "#000") if s.y1 == s.y2 and s.x2 == 1)
    assert ends == list(range(n))


def test_lines_are_those_of_the_trees_layout():
    h = tree(5, 9)
    last = np.empty(9)
    last[h.order] = np.arange(9)
    drawn = strokes(h, last, [], "#000")
    assert len(drawn) == 3 * 8
    top = h.linkage[:, 2].max()
    down = {(round(s.x1, 9), round(min(s.y1, s.y2), 9), round(max(s.y1, s.y2), 9)) for s in drawn if s.x1 == s.x2}
    wanted = {
        (
            round(1 - h.linkage[row, 2] / top, 9),
            round(min(corner[0], corner[3]), 9),
            round(max(corner[0], corner[3]), 9),
        )
        for row, corner in enumerate(h.layout().bracket_places)
    }
    assert down == wanted


def test_a_branch_has_the_colour_of_a_group_that_holds_all_below_it():
    h = tree(7, 8)
    node = next(n for n in range(8, 15) if h.sizes[n] == 3) if 3 in h.sizes[8:] else 8
    own = frozenset(int(i) for i in h.order[h.first_place[node] :][: h.sizes[node]])
    groups = story_groups({own: "those"}, {own: 1}, 1)
    last = np.empty(8)
    last[h.order] = np.arange(8)
    colored = [s for s in strokes(h, last, groups, "#000") if s.color == groups[0].color]
    assert len(colored) == 3 * (len(own) - 1) + 1  # each merge of the group, and the branch that leads to it


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_names_are_text_and_nothing_runs(theme: str) -> None:
    trees = {epoch: tree(epoch, 4, HOSTILE) for epoch in (0, 1, 2)}
    own = frozenset({0, 1})
    groups = story_groups({own: "<i>&"}, {own: 2}, 2)
    page = story_page(
        trees, ["data:image/png;base64,AA", "", '"><script>', ""], groups, source="<x>", summary='"<s>', theme=theme
    )
    reader = read(page)
    assert reader.tags <= {"style", "div", "img", "span", "b", "p", "ul", "li", "small", "br", "details", "summary"}
    assert reader.images == ["data:image/png;base64,AA", '"><script>']
    assert page.count("@keyframes") == 3 and "@media (prefers-reduced-motion: no-preference)" in page


def test_one_epoch_stands_still_and_without_a_taxonomy_there_is_no_list():
    page = story_page({4: tree(1)}, [""] * 6, [], source="", summary="s")
    assert "@keyframes" not in page and "<ul>" not in page and "epoch 4" in page
    read(page)


@pytest.mark.parametrize(
    ("found", "runs", "least"), [([3, 1], 3, 3), ([2, 1], 3, 2), ([0], 3, 2), ([1], 1, 1), ([], 0, 1), ([2, 3], 5, 3)]
)
def test_all_runs_or_else_most_of_them(found: list[int], runs: int, least: int) -> None:
    assert fewest_told(found, runs) == least


def test_a_group_inside_another_follows_it_and_has_its_colour():
    outer, inner, other = frozenset({0, 1, 2}), frozenset({0, 1}), frozenset({3, 4})
    groups = story_groups({inner: "plant", other: "animal", outer: "food"}, {inner: 2, other: 2, outer: 2}, 2)
    assert [(g.title, g.depth) for g in groups] == [("animal", 0), ("food", 0), ("plant", 1)]
    assert groups[1].color == groups[2].color != groups[0].color
    assert not re.search("plant", story_groups({inner: "x"}, {}, 2)[0].title)
