"""Parts of a tree, closed clades, paths, marks, squares and pictures in the dendrogram, and the tree as a wheel."""

from __future__ import annotations

import itertools
import json
import math
from typing import get_args

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.errors import AnalysisError
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import GroupMark, group_marks
from lwal_core.figures.colouring import Colouring
from lwal_core.figures.dendrogram import Orientation
from lwal_core.figures.leaf_strips import mean_of_tips
from lwal_core.figures.palette import OKABE_ITO
from lwal_core.figures.radial import MOST_NAMES
from lwal_core.figures.tree_drawing import cut_handles, path_corners, tip_names

NAMES = ["cat", "dog", "horse", "deer", "ship", "truck"]


def tree(n: int, seed: int = 0, method: str = "average") -> Hierarchy:
    x = np.random.default_rng(seed).normal(size=(n, 4))
    return build_hierarchy(x, [f"class {i}" for i in range(n)], method)


def animals() -> Hierarchy:
    """cat | dog join at 1 (node 6), horse | deer at 1.5 (7), ship | truck at 3 (8), the animals at 8.25 (9)."""
    return build_hierarchy([[0, 0], [1, 0], [8, 0], [9.5, 0], [30, 0], [33, 0]], NAMES)


def trace(fig: go.Figure, name: str) -> go.Scatter:
    return next(t for t in fig.data if t.name == name)


def has(fig: go.Figure, name: str) -> bool:
    return any(t.name == name for t in fig.data)


def test_a_closed_clade_is_a_triangle_with_a_square_that_can_be_clicked() -> None:
    h = animals()
    fig = dendrogram_figure(h, part=tree_part(h, closed=[9]), clade_names={9: "animals <i>"})
    closed = trace(fig, "closed")
    assert [list(row[:2]) for row in closed.customdata] == [[9, 4]]
    assert "click to open" in closed.customdata[0][2]
    assert closed.x[0] == 0  # at the tips, where its name is
    triangle = trace(fig, "closed clades")
    x = np.asarray(triangle.x, dtype=float)
    assert np.nanmax(x) == pytest.approx(h.linkage[9 - 6, 2], rel=1e-6)
    assert np.nanmin(x) == 0
    assert list(fig.layout.yaxis.ticktext) == ["animals &lt;i&gt; (4)", "ship", "truck"]
    assert [row[0] for row in trace(fig, "leaves").customdata] == [4, 5]
    assert [row[0] for row in trace(fig, "merges").customdata] == [8, 10]


def test_an_unnamed_closed_clade_is_called_by_its_first_class() -> None:
    h = animals()
    names = tip_names(tree_part(h, closed=[9]), {})
    first = h.names[h.order[h.first_place[9]]]
    assert f"{first} + 3" in names


def test_a_zoomed_clade_fills_the_figure_and_keeps_its_colours() -> None:
    h = tree(30, 2)
    root = int(h.children[-1, 0])
    whole, zoomed = dendrogram_figure(h, 5), dendrogram_figure(h, 5, part=tree_part(h, root))
    assert max(zoomed.layout.xaxis.range) == pytest.approx(1.08 * h.linkage[root - 30, 2])
    colors = {row[0]: color for t in ("merges",) for row, color in zip(
        trace(whole, t).customdata, trace(whole, t).marker.color, strict=True)}  # fmt: skip
    merges = trace(zoomed, "merges")
    for row, color in zip(merges.customdata, merges.marker.color, strict=True):
        assert colors[row[0]] == color
    assert sorted(row[0] for row in trace(zoomed, "leaves").customdata) == sorted(h.members(root).tolist())


def test_a_cut_above_the_zoomed_clade_is_said() -> None:
    h = animals()
    fig = dendrogram_figure(h, 2, part=tree_part(h, 6))
    assert "lies above this clade: 2 groups" in fig.layout.title.text
    assert not fig.layout.shapes


@given(st.integers(1, 25), st.integers(0, 50), st.data())
@settings(max_examples=60)
def test_the_path_climbs_to_the_drawn_root(n: int, seed: int, data: st.DataObject) -> None:
    h = tree(n, seed)
    node = data.draw(st.integers(0, 2 * n - 2))
    part = tree_part(h, most_tips=data.draw(st.integers(1, n)))
    places, heights = path_corners(part, node)
    assert heights[-1] == part.height[part.root]
    assert places[-1] == part.place[part.root]
    assert (np.diff(heights) >= 0).all()
    # Every step runs along one axis only.
    assert ((np.diff(places) == 0) | (np.diff(heights) == 0)).all()


def test_the_path_of_a_hidden_class_starts_at_what_hides_it_and_elsewhere_there_is_none() -> None:
    h = animals()
    closed = tree_part(h, closed=[9])
    places, heights = path_corners(closed, 0)
    assert (places[0], heights[0]) == (closed.place[9], closed.height[9])
    assert len(path_corners(tree_part(h, 9), 4)[0]) == 0
    assert trace(dendrogram_figure(h, part=tree_part(h, 9), chosen=4), "path").x is None or not len(
        trace(dendrogram_figure(h, part=tree_part(h, 9), chosen=4), "path").x
    )


def test_the_chosen_node_has_a_ring_also_when_it_is_hidden() -> None:
    h = animals()
    ring = trace(dendrogram_figure(h, chosen=7), "chosen")
    assert ring.customdata[0] == [7, 2]
    hidden = trace(dendrogram_figure(h, part=tree_part(h, closed=[9]), chosen=0), "chosen")
    assert hidden.customdata[0] == [9, 4]
    assert hidden.x[0] == 0
    assert not has(dendrogram_figure(h, part=tree_part(h, 9), chosen=4), "chosen")


def test_marks_stand_on_the_cut() -> None:
    h = animals()
    marks = [GroupMark(9, OKABE_ITO[0], "circle"), GroupMark(8, OKABE_ITO[1], "square")]
    groups = trace(dendrogram_figure(h, 2, marks=marks), "groups")
    np.testing.assert_allclose(groups.x, h.height_for(2))
    assert list(groups.hovertext) == ["4 classes below the cut", "2 classes below the cut"]
    only = trace(dendrogram_figure(h, 3, marks=marks, part=tree_part(h, 9)), "groups")
    assert [row[0] for row in only.customdata] == [9]
    assert not has(dendrogram_figure(h, None, marks=marks), "groups")


def test_handles_cut_where_they_stand() -> None:
    h = tree(20, 1)
    fig = dendrogram_figure(h, 3, handles=12)
    handles = trace(fig, "cuts")
    for row, at in zip(handles.customdata, handles.x, strict=True):
        assert row[0] == -row[1]
        assert len(h.cut_nodes(height=float(at))) == row[1]
    found = cut_handles(tree_part(h), 12, 0.1)
    assert all(a - b >= 0.1 for (_, a), (_, b) in itertools.pairwise(found))
    assert not has(dendrogram_figure(build_hierarchy(np.eye(4), list("abcd")), 2, handles=9), "cuts")


def test_squares_show_each_class_and_the_mean_of_a_closed_clade() -> None:
    h = animals()
    values = np.array([0.5, 1.0, math.nan, 0.25, 0.75, math.nan])
    strip = Colouring.of_numbers("test accuracy", values, percent=True)
    fig = dendrogram_figure(h, strips=[strip])
    assert "test accuracy: 25.0 % <span" in fig.layout.title.text and "</span> 100 %" in fig.layout.title.text
    squares = trace(fig, "strip")
    at = {h.order[int(place)]: value for place, value in zip(squares.y, squares.marker.color, strict=True)}
    assert at == pytest.approx({0: 1 / 3, 1: 1.0, 3: 0.0, 4: 2 / 3})
    assert {text.split(" ")[-2] for text in squares.hovertext} == {"50.0", "100", "25.0", "75.0"}
    assert all(x < 0 for x in squares.x)
    part = tree_part(h, closed=[9, 8])
    naive = [float(np.nanmean(values[h.members(int(tip))])) for tip in part.tips]
    np.testing.assert_allclose(mean_of_tips(part, values), naive)
    nothing = Colouring.of_numbers("test accuracy", np.full(6, math.nan))
    assert "no class has a test accuracy" in dendrogram_figure(h, strips=[nothing]).layout.title.text.lower()
    with pytest.raises(AnalysisError, match="2 values of test accuracy"):
        dendrogram_figure(h, strips=[Colouring.of_numbers("test accuracy", np.zeros(2))])


@pytest.mark.parametrize("orientation", get_args(Orientation))
def test_pictures_stand_between_leaf_and_name_in_every_layout(orientation: Orientation) -> None:
    h = animals()
    pictures = [f"data:image/png;base64,{i}" for i in range(5)] + [""]
    fig = dendrogram_figure(h, orientation=orientation, pictures=pictures)
    (leaves,) = [trace for trace in fig.data if trace.name == "leaves"]
    at = {int(custom[0]): (x, y) for custom, x, y in zip(leaves.customdata, leaves.x, leaves.y, strict=True)}
    shown = {image.source: image for image in fig.layout.images}
    assert set(shown) == set(pictures[:5])
    for leaf, picture in enumerate(pictures[:5]):
        image, (x, y) = shown[picture], at[leaf]
        if orientation == "radial":
            assert np.arctan2(image.x, image.y) == pytest.approx(np.arctan2(x, y), abs=1e-5)
            assert np.hypot(image.x, image.y) - image.sizex / 2 > 1
        else:
            assert (image.y if orientation in ("left", "right") else image.x) == (
                y if orientation in ("left", "right") else x
            )
            away = {"right": "left", "left": "right", "top": "bottom", "bottom": "top"}[orientation]
            assert away == (image.xanchor if orientation in ("left", "right") else image.yanchor)
    assert not dendrogram_figure(h, orientation=orientation, pictures=[""] * 6).layout.images
    many = build_hierarchy(np.random.default_rng(0).normal(size=(200, 3)), [f"c{i}" for i in range(200)])
    crowded = dendrogram_figure(many, orientation=orientation, pictures=["data:,"] * 200)
    assert not crowded.layout.images and "Pictures are shown for up to" in crowded.layout.title.text


@pytest.mark.parametrize(("count", "height"), [(2, 600), (6, 600), (6, None), (40, None), (6, 200)])
def test_a_picture_is_never_larger_than_the_room_before_its_name(count: int, height: int | None) -> None:
    h = build_hierarchy(np.random.default_rng(0).normal(size=(count, 3)), [f"c{i}" for i in range(count)])
    fig = dendrogram_figure(h, pictures=["data:,"] * count, height=height)
    row = (fig.layout.height - fig.layout.margin.t - 60) / count
    sizes = {image.sizey for image in fig.layout.images}
    assert len(sizes) == 1 and 0 < sizes.pop() * row <= 28 and len(fig.layout.images) == count


def test_as_many_pictures_as_classes() -> None:
    h = animals()
    with pytest.raises(AnalysisError, match="1 pictures"):
        dendrogram_figure(h, pictures=[""])


def test_a_part_of_another_tree_is_refused() -> None:
    with pytest.raises(AnalysisError, match="another tree"):
        dendrogram_figure(animals(), part=tree_part(animals()))


# --- the wheel -----------------------------------------------------------------------------------------------------


def polar(x: object, y: object) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return np.hypot(x, y), np.arctan2(x, y) % (2 * math.pi)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 60])
def test_leaves_stand_on_the_rim_and_merges_at_their_height(n: int) -> None:
    h = tree(n)
    fig = dendrogram_figure(h, None if n == 1 else 2, "radial")
    leaves = trace(fig, "leaves")
    radius, angle = polar(leaves.x, leaves.y)
    np.testing.assert_allclose(radius, 1, rtol=1e-6)
    in_order = angle[h.order]  # leaves come in class order
    assert (np.diff(in_order) > 0).all()
    if n == 1:
        return
    merges = trace(fig, "merges")
    radius, _ = polar(merges.x, merges.y)
    top = 1.08 * h.linkage[:, 2].max()
    np.testing.assert_allclose(radius, 1 - h.linkage[:, 2] / top, atol=1e-6)
    assert fig.layout.yaxis.scaleanchor == "x"


@pytest.mark.parametrize("strips", [0, 1, 3, 4])
@pytest.mark.parametrize("pictures", [False, True])
def test_a_name_has_as_much_room_on_a_phone_whatever_is_beside_the_leaves(strips: int, pictures: bool) -> None:
    h = build_hierarchy(np.random.default_rng(0).normal(size=(40, 4)), [f"{i:02d} abcdefghijk" for i in range(40)])
    columns = [Colouring.of_numbers(str(i), np.arange(40.0)) for i in range(strips)]
    fig = dendrogram_figure(
        h, 3, "radial", strips=columns, pictures=["data:image/png;base64,"] * 40 if pictures else None
    )
    names = [note for note in fig.layout.annotations if "abc" in note.text]
    assert len(names) == 40 and {len(note.text) for note in names} == {14}
    (begin,) = {round(math.hypot(note.x, note.y), 6) for note in names}
    edge = fig.layout.xaxis.range[1]
    px = (400 - fig.layout.margin.l - fig.layout.margin.r) / (2 * edge)  # of the radius, on a figure 400 px wide
    assert (edge - begin) * px >= 14 * 0.48 * names[0].font.size  # a letter is about half as wide as high


@given(st.integers(2, 40), st.integers(0, 50), st.integers(1, 40))
@settings(max_examples=40)
def test_lines_run_along_spokes_and_arcs_only(n: int, seed: int, k: int) -> None:
    h = tree(n, seed)
    fig = dendrogram_figure(h, min(k, n), "radial")
    drawn = 0
    for t in fig.data:
        if t.name != "lines":
            continue
        radius, angle = polar(t.x, t.y)
        x = np.asarray(t.x, dtype=float)
        turn = np.abs(np.diff(angle))
        turn = np.minimum(turn, 2 * math.pi - turn)
        step = np.abs(np.diff(radius))
        inside = ~np.isnan(x[:-1]) & ~np.isnan(x[1:])
        small = (radius[:-1] < 1e-4) | (radius[1:] < 1e-4)
        assert ((turn < 2e-3) | (step < 1e-4) | small)[inside].all()
        drawn += int((np.isnan(x)).sum())
    # One line a bracket and one a stem of a group, each followed by a gap.
    groups = h.cut_nodes(k=min(k, n))
    assert drawn >= len(h.linkage)
    assert drawn <= len(h.linkage) + len(groups) + len(OKABE_ITO) * 4


def test_the_wheel_has_everything_the_other_layouts_have() -> None:
    h = animals()
    strip = Colouring.of_numbers("test accuracy", np.linspace(0, 1, 6), percent=True)
    fig = dendrogram_figure(
        h, 2, "radial", part=tree_part(h, closed=[8]), chosen=0, strips=[strip], clade_names={9: "animals", 8: "<b>"},
        support=[0.5] * 5, title="A finding", marks=[GroupMark(9, OKABE_ITO[0], "circle")],
    )  # fmt: skip
    for name in ("lines", "path", "merges", "closed", "leaves", "strip", "groups", "chosen"):
        assert has(fig, name), name
    circle = fig.layout.shapes[0]
    assert circle.type == "circle"
    assert circle.x1 == pytest.approx(1 - h.height_for(2) / (1.08 * h.linkage[-1, 2]))
    texts = [a.text for a in fig.layout.annotations]
    assert "&lt;b&gt; (2)" in texts and "cat" in texts
    assert "<b>animals</b> 50" in trace(fig, "merges").text
    assert all(-90 <= a.textangle <= 90 for a in fig.layout.annotations if a.textangle is not None)
    assert len(json.dumps(fig.to_plotly_json(), default=str)) > 0


def test_many_names_are_thinned_and_said() -> None:
    fig = dendrogram_figure(tree(3 * MOST_NAMES), None, "radial")
    named = [a for a in fig.layout.annotations if a.text.startswith("class")]
    assert len(named) == MOST_NAMES
    assert f"names shown for every 3rd of {3 * MOST_NAMES}" in fig.layout.title.text.lower()


def test_a_flat_tree_as_a_wheel() -> None:
    fig = dendrogram_figure(build_hierarchy(np.ones((4, 2)), list("abcd")), 2, "radial")
    assert "says nothing" in fig.layout.title.text


def test_thousands_of_leaves_as_a_wheel_are_four_traces() -> None:
    r = np.random.default_rng(0)
    x = 3 * r.normal(size=(100, 8))[np.arange(2_500) % 100] + r.normal(size=(2_500, 8))
    h = build_hierarchy(x, [f"class {i}" for i in range(2_500)], optimal_limit=0)
    fig = dendrogram_figure(h, 12, "radial")
    assert len(fig.data) <= 4
    nodes = trace(fig, "nodes")
    assert nodes.type == "scattergl"
    assert len(nodes.x) == 2 * 2_500 - 1


@given(st.integers(2, 60), st.integers(0, 50), st.integers(1, 12))
@settings(max_examples=40)
def test_marks_tell_groups_apart_however_branches_are_turned(n: int, seed: int, k: int) -> None:
    h = tree(n, seed)
    marks = group_marks(h, min(k, n))
    assert [mark.node for mark in marks] == h.cut_nodes(k=min(k, n)).tolist()
    assert len({mark[1:] for mark in marks}) == len(marks)
    turned = h.turned(range(n, 2 * n - 1))
    assert {mark.node: mark for mark in group_marks(turned, min(k, n))} == {mark.node: mark for mark in marks}
    at = h.height_for(min(k, n))
    assert group_marks(h, at) == marks
