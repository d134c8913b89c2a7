"""The film of a tree: what its frames hold, against the trees themselves."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.trees.emergence import Emergence, emergence
from lwal_core.errors import AnalysisError
from lwal_core.figures.clade_colors import clade_colors
from lwal_core.figures.emergence import MOST_NAMES, emergence_figure, shown_epochs
from lwal_core.figures.emergence.colors import group_colors, set_colors
from lwal_core.figures.film_controls import TRANSITION
from lwal_core.figures.palette import OKABE_ITO, class_color, neutral
from lwal_core.taxonomy import load_taxonomy
from tests.support.growing_trees import grown

SHAPES = list(load_taxonomy("shapes").classes)
HOSTILE = ["<b>bold</b>", "a & b", "<script>alert(1)</script>", "two\nlines", "x" * 60, ""]


def film(n: int = 12, epochs: int = 6, groups: int | None = 3, **options: Any) -> tuple[Emergence, Any]:
    e = emergence(grown(n, epochs))
    return e, emergence_figure(e, groups, **options)


def frame(fig: Any, epoch: int) -> dict[str, list[Any]]:
    """Traces of a frame by the name of the trace that they change."""
    chosen = next(f for f in fig.frames if f.name == str(epoch))
    found: dict[str, list[Any]] = {}
    for number, data in zip(chosen.traces, chosen.data, strict=True):
        found.setdefault(fig.data[number].name, []).append((fig.data[number], data))
    return found


def drawn_lines(frame_: dict[str, list[Any]]) -> list[tuple[str, tuple[tuple[float, float], ...]]]:
    """Colour and corners of every line that is more than a point."""
    lines = []
    for trace, data in frame_["lines"]:
        corners: list[tuple[float, float]] = []
        for x, y in zip(data.x, data.y, strict=True):
            if x is None:
                if len(set(corners)) > 1:
                    lines.append((trace.line.color, tuple(corners)))
                corners = []
            else:
                corners.append((x, y))
        assert not corners
    return lines


class TestFrames:
    def test_one_an_epoch_and_it_opens_on_the_last(self) -> None:
        e, fig = film()
        assert [f.name for f in fig.frames] == [str(epoch) for epoch in e.epochs]
        assert fig.layout.sliders[0].active == 5
        last = frame(fig, 5)
        for parts in last.values():
            for trace, data in parts:
                assert data.y is None or list(data.y) == list(trace.y)

    def test_every_frame_changes_the_same_traces(self) -> None:
        _, fig = film(16, 8, 5)
        assert len({tuple(f.traces) for f in fig.frames}) == 1
        kinds = {tuple((data.type, len(data.y)) for data in f.data) for f in fig.frames}
        assert len(kinds) == 1  # lines and leaves of one frame have all their counterparts in the next

    @pytest.mark.parametrize("groups", [None, 1, 3, 9, 12])
    def test_lines_are_the_brackets_of_the_tree(self, groups: int | None) -> None:
        e, fig = film(groups=groups)
        for epoch, tree in zip(e.epochs, e.trees, strict=True):
            length = sum(
                abs(a[0] - b[0]) + abs(a[1] - b[1])
                for _, corners in drawn_lines(frame(fig, epoch))
                for a, b in pairwise(corners)
            )
            layout = tree.layout()
            expected = (
                np.abs(np.diff(layout.bracket_places, axis=1)).sum()
                + np.abs(np.diff(layout.bracket_heights, axis=1)).sum()
            )
            assert length == pytest.approx(expected, rel=1e-3)

    def test_leaves_stand_where_the_order_says_and_names_belong_to_classes(self) -> None:
        e, fig = film()
        names = None
        for epoch, tree in zip(e.epochs, e.trees, strict=True):
            ((trace, data),) = frame(fig, epoch)["leaves"]
            assert [tree.order[place] for place in data.y] == list(range(12))
            names = [text.strip() for text in trace.text]
            assert data.text is None  # names never change hands
        assert names == [f"class {i}" for i in range(12)]
        ((trace, _),) = frame(fig, 0)["leaves"]
        assert list(trace.marker.color) == [class_color(i) for i in range(12)]

    def test_large_marks_are_the_clades_of_the_last_tree(self) -> None:
        e, fig = film()
        final = {frozenset(e.trees[-1].members(node).tolist()) for node in e.since}
        for epoch, tree in zip(e.epochs, e.trees, strict=True):
            ((_, data),) = frame(fig, epoch)["merges"]
            heights = {round(float(tree.linkage[node - 12, 2]), 3): node for node in range(12, 23)}
            large = [x for x, size in zip(data.x, data.marker.size, strict=True) if size > 5]
            expected = sum(frozenset(tree.members(node).tolist()) in final for node in range(12, 23))
            assert len(large) == expected == int(e.shared[e.epochs.index(epoch)])
            assert all(frozenset(tree.members(heights[round(x, 3)]).tolist()) in final for x in large)

    def test_marks_in_the_curves_move_with_the_frame(self) -> None:
        e = emergence(grown(16, 5, names=SHAPES), load_taxonomy("shapes"))
        fig = emergence_figure(e, 4, taxonomy="<i>Families</i>")
        for at, epoch in enumerate(e.epochs):
            marks = frame(fig, epoch)["now"]
            assert [list(data.x) for _, data in marks] == [[epoch, epoch], [epoch], [epoch]]
            assert marks[1][1].y[0] == pytest.approx(e.tau[at], abs=1e-4)
            assert marks[2][1].y[0] == pytest.approx(e.share[at], abs=1e-4)
        ceiling = fig.layout.shapes[0]
        assert ceiling.y0 == ceiling.y1 == pytest.approx(e.ceiling) and ceiling.line.dash == "dash"
        said = " ".join(note.text for note in fig.layout.annotations)
        assert "ceiling of tau" in said and "&lt;i&gt;Families" in said and "<i>" not in said

    def test_flat_frames_say_so_and_have_no_colour_and_no_clade(self) -> None:
        trees = grown(9, 3)
        flat = build_hierarchy(np.eye(9), trees[0].names)
        e = emergence({0: flat, 1: trees[1], 2: trees[2]})
        fig = emergence_figure(e, 3)
        first = frame(fig, 0)
        assert first["remark"][0][1].text[0] == "All classes are equally far apart"
        assert frame(fig, 1)["remark"][0][1].text[0] == ""
        assert {color for color, _ in drawn_lines(first)} == {neutral("line")}
        assert set(first["merges"][0][1].marker.size) == {0}
        assert list(first["leaves"][0][1].y) == list(frame(fig, 1)["leaves"][0][1].y)

    def test_one_axis_for_all_heights(self) -> None:
        e, fig = film()
        highest = max(tree.linkage[-1, 2] for tree in e.trees)
        assert fig.layout.xaxis.range[0] > highest and fig.layout.xaxis.range[1] == 0
        assert all(f.layout.xaxis.range is None for f in fig.frames)


class TestColours:
    @pytest.mark.parametrize("groups", [2, 4, 7, 12])
    def test_a_group_keeps_its_colour(self, groups: int) -> None:
        trees = list(emergence(grown(30, 12)).trees)
        colors = group_colors(trees, groups)
        sets = [
            {frozenset(tree.members(top).tolist()): color for top, color in found.items()}
            for tree, found in zip(trees, colors, strict=True)
        ]
        for one, next_ in pairwise(sets):
            assert len(one) == groups
            assert all(one[members] == next_[members] for members in one.keys() & next_.keys())
            if groups <= len(OKABE_ITO):
                assert len(set(one.values())) == groups
        assert groups == 2 or any(one.keys() & next_.keys() for one, next_ in pairwise(sets))

    def test_the_last_tree_has_the_colours_of_the_dendrogram(self) -> None:
        e, fig = film(14, 5, 4)
        own = clade_colors(e.trees[-1])
        expected = {OKABE_ITO[own[top]] for top in e.trees[-1].cut_nodes(k=4).tolist()} | {neutral("line")}
        assert {color for color, _ in drawn_lines(frame(fig, 4))} == expected

    def test_a_group_that_lost_a_class_keeps_its_colour(self) -> None:
        near = np.array([0.0, 1, 2, 30, 31, 32])[:, None]
        lost = np.array([0.0, 1, 25, 30, 31, 32])[:, None]
        trees = [build_hierarchy(v, list("abcdef")) for v in (lost, near)]
        before, after = group_colors(trees, 2)
        tops = [trees[0].cut_nodes(k=2).tolist(), trees[1].cut_nodes(k=2).tolist()]
        for color in after.values():
            one = next(set(trees[1].members(top).tolist()) for top in tops[1] if after[top] == color)
            other = next(set(trees[0].members(top).tolist()) for top in tops[0] if before[top] == color)
            assert len(one & other) >= 2

    def test_flat_trees_have_none(self) -> None:
        flat = build_hierarchy(np.eye(5), list("abcde"))
        tree = build_hierarchy(np.arange(5.0)[:, None] ** 2, list("abcde"))
        colors = group_colors([flat, tree, flat], 2)
        assert colors[0] == colors[2] == {} and len(colors[1]) == 2


class TestControls:
    def test_play_pause_and_a_step_an_epoch(self) -> None:
        _, fig = film(epochs=4)
        play, pause = fig.layout.updatemenus[0].buttons
        assert play.method == pause.method == "animate"
        assert play.args[1]["fromcurrent"] and not play.args[1]["frame"]["redraw"]
        assert [step.label for step in fig.layout.sliders[0].steps] == ["0", "1", "2", "3"]
        assert [list(step.args[0]) for step in fig.layout.sliders[0].steps] == [["0"], ["1"], ["2"], ["3"]]

    @pytest.mark.parametrize(("n", "epochs"), [(10, 2), (10, 60), (MOST_NAMES + 1, 3)])
    def test_no_transition_is_long_or_longer_than_its_frame(self, n: int, epochs: int) -> None:
        fig = emergence_figure(emergence(grown(n, epochs)), None)
        play = fig.layout.updatemenus[0].buttons[0].args[1]
        assert play["transition"]["duration"] <= min(TRANSITION, play["frame"]["duration"]) <= 400
        assert fig.layout.sliders[0].transition.duration <= 400
        assert (play["transition"]["duration"] > 0) == (n <= MOST_NAMES)

    def test_one_epoch_has_nothing_to_play(self) -> None:
        _, fig = film(epochs=1)
        assert not fig.frames and not fig.layout.sliders and not fig.layout.updatemenus
        assert "xaxis2" not in fig.layout


class TestSize:
    def test_epochs_are_thinned_evenly_with_both_ends(self) -> None:
        assert shown_epochs(range(60), 10) == tuple(range(60))
        many = shown_epochs(range(0, 2010, 10), 10)
        assert len(many) == 60 and many[0] == 0 and many[-1] == 2000
        assert max(np.diff(many)) - min(np.diff(many)) <= 10
        assert len(shown_epochs(range(100), 3_000)) == 12
        assert shown_epochs(range(100), 10**6) == (0, 99)
        assert shown_epochs([4], 10) == (4,)

    def test_thinning_is_said_and_the_curve_has_all_epochs(self) -> None:
        _, fig = film(5, 80, 2)
        assert len(fig.frames) == 60
        assert "60 of 80 epochs shown" in fig.layout.title.text
        assert len(next(trace for trace in fig.data if trace.name == "clades").x) == 80

    def test_a_hundred_classes_over_twenty_epochs_stay_under_three_megabytes(self) -> None:
        e = emergence(grown(100, 20, names=[f"a rather long class name {i}" for i in range(100)]))
        assert len(emergence_figure(e, 10).to_json()) < 1_500_000

    @pytest.mark.parametrize("n", [70, 150, 600])
    def test_many_epochs_of_many_classes_stay_bounded(self, n: int) -> None:
        e = emergence(grown(n, 61, names=[f"a class name of some length {i}" for i in range(n)]), most_work=0)
        assert len(emergence_figure(e, 12).to_json()) < 3_100_000

    def test_very_many_classes_have_names_in_the_hover_text(self) -> None:
        fig = emergence_figure(emergence(grown(320, 3)), 5)
        leaves = next(trace for trace in fig.data if trace.name == "leaves")
        assert leaves.mode == "markers" and len(leaves.hovertext) == 320
        assert "Names of 320 classes are in the hover text" in fig.layout.title.text
        assert not any(trace.name == "merges" for trace in fig.data)
        assert len(fig.to_json()) < 1_000_000

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_few_classes(self, n: int) -> None:
        _, fig = film(n, 3, 1)
        json.loads(fig.to_json())
        assert len(fig.frames) == 3
        assert ("One class" in (fig.layout.title.text or "")) == (n == 1)
        assert ("xaxis2" in fig.layout) == (n == 3)  # without clades and taxonomy there is no curve

    def test_names_are_escaped_everywhere(self) -> None:
        e = emergence(grown(6, 2, names=HOSTILE))
        fig = emergence_figure(e, 2, title="<b>title</b>", taxonomy="<u>")
        text = fig.to_json()
        assert "<script" not in text and "<b>bold" not in text and "<b>title" not in text and "<u>" not in text
        leaves = next(trace for trace in fig.data if trace.name == "leaves")
        assert max(len(name) for name in leaves.text) < 40 and " (no name)" in leaves.text

    def test_no_nan_in_the_json(self) -> None:
        trees = grown(16, 3, names=SHAPES)
        flat = build_hierarchy(np.eye(16), SHAPES)
        fig = emergence_figure(emergence({**trees, 0: flat}, load_taxonomy("shapes")), 3)
        values = json.loads(fig.to_json(), parse_constant=lambda name: pytest.fail(name))
        tau = next(trace for trace in values["data"] if trace["name"] == "tau")
        assert tau["y"][0] is None and all(math.isfinite(value) for value in tau["y"][1:])


def test_refused() -> None:
    e = emergence(grown(4, 2))
    for groups in (0, 5):
        with pytest.raises(AnalysisError, match="groups"):
            emergence_figure(e, groups)
    with pytest.raises(AnalysisError, match="frames"):
        emergence_figure(e, 2, most_frames=1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme(theme: Any) -> None:
    _, fig = film(theme=theme)
    assert fig.layout.font.color == neutral("ink", theme)
    assert fig.layout.sliders[0].currentvalue.font.color == neutral("ink", theme)
    assert fig.layout.updatemenus[0].bgcolor == neutral("surface", theme)
    assert fig.layout.yaxis2.tickfont.color == neutral("muted", theme)


class TestGivenGroups:
    """A cut at several heights: its groups are coloured where they are clades."""

    def test_a_group_has_one_colour_in_every_tree_that_has_it_and_none_in_the_others(self) -> None:
        together = np.array([0.0, 1, 10, 11, 40, 44])[:, None]
        apart = np.array([0.0, 20, 10, 11, 40, 44])[:, None]
        trees = [build_hierarchy(v, list("abcdef")) for v in (apart, together)]
        sets = [(0, 1), (2, 3), (4,), (5,)]
        colors = set_colors(trees, sets)
        found = [{frozenset(t.members(top).tolist()) for top in c} for t, c in zip(trees, colors, strict=True)]
        assert found == [{frozenset(s) for s in sets[1:]}, {frozenset(s) for s in sets}]
        own = clade_colors(trees[1])
        for tree, shown in zip(trees, colors, strict=True):
            for top, color in shown.items():
                (there,) = (node for node in range(11) if set(trees[1].members(node)) == set(tree.members(top)))
                assert color == own[there]

    def test_lines_are_coloured_from_the_merge_above_and_it_is_said(self) -> None:
        e = emergence(grown(12, 4))
        last = e.trees[-1]
        node = last.n  # the first merge
        fig = emergence_figure(e, [last.members(node).tolist()])
        color = OKABE_ITO[int(clade_colors(last)[node])]
        drawn = {c for c, _ in drawn_lines(frame(fig, 3))}
        assert drawn == {color, neutral("line")}
        assert "Groups are coloured where they are clades" in fig.layout.title.text
        assert "coloured" not in emergence_figure(e, 3).layout.title.text

    def test_flat_trees_and_classes_that_are_not_there(self) -> None:
        flat = build_hierarchy(np.eye(5), list("abcde"))
        assert set_colors([flat], [(0,), (1, 2)]) == [{}]
        with pytest.raises(AnalysisError, match="not all in this tree"):
            emergence_figure(emergence(grown(4, 2)), [(3, 4)])
