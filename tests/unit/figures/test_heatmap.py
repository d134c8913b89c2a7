"""Heat maps of distances and of mistakes, read back from the figure and compared with naive loops."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.errors import AnalysisError
from lwal_core.figures import confusion_heatmap, distance_heatmap
from lwal_core.figures.heatmap import ALL_TARGETS, MAX_CLASSES, MOST_TARGETS, _mean_distances
from lwal_core.figures.palette import neutral


def tree(n: int, names: list[str] | None = None) -> Hierarchy:
    return build_hierarchy(
        np.random.default_rng(0).normal(size=(n, 4)), names or [f"c{i}" for i in range(n)], optimal_limit=200
    )


def trace(fig: go.Figure, name: str) -> go.Heatmap:
    return next(t for t in fig.data if t.name == name)


def lightness(color: str) -> float:
    return sum(w * int(color[i : i + 2], 16) for w, i in ((0.299, 1), (0.587, 3), (0.114, 5)))


def test_distances_stand_in_leaf_order() -> None:
    h = tree(9)
    heat = distance_heatmap(h).data[0]
    assert list(heat.x) == list(heat.y) == [h.names[i] for i in h.order]
    for row, i in enumerate(h.order):
        for column, j in enumerate(h.order):
            expected = math.dist(*(np.random.default_rng(0).normal(size=(9, 4))[c] for c in (i, j)))
            assert heat.z[row][column] == pytest.approx(expected, rel=1e-6)


def test_axes_are_square_labelled_and_start_at_the_upper_left() -> None:
    h = tree(9)
    fig = distance_heatmap(h, title="<b>")
    assert fig.layout.yaxis.scaleanchor == "x"
    assert fig.layout.yaxis.autorange == "reversed"
    assert fig.layout.xaxis.constrain == fig.layout.yaxis.constrain == "domain"
    assert list(fig.layout.xaxis.ticktext) == list(fig.layout.yaxis.ticktext) == [h.names[i] for i in h.order]
    assert fig.layout.annotations[0].text == "Distance (label units)"
    assert distance_heatmap(h, unit="hops").layout.annotations[0].text == "Distance (hops)"
    assert "<b>" not in fig.layout.title.text
    assert fig.layout.height == 600
    assert distance_heatmap(h, height=300).layout.height == 300
    assert fig.data[0].hovertemplate == "%{y} – %{x}: %{z:.3~r}<extra></extra>"


def test_colours_span_the_distances_between_different_classes() -> None:
    h = tree(9)
    heat = distance_heatmap(h).data[0]
    assert heat.zmin == pytest.approx(h.distances.min())
    assert heat.zmax == pytest.approx(h.distances.max())


@pytest.mark.parametrize(("theme", "near_is"), [("light", "dark"), ("dark", "light")])
def test_scale_is_monotone_in_lightness_and_fades_into_the_surface(theme: str, near_is: str) -> None:
    scale = [lightness(color) for _, color in distance_heatmap(tree(5), theme=theme).data[0].colorscale]  # type: ignore[arg-type]
    assert scale == sorted(scale, reverse=near_is == "light")
    surface = lightness(neutral("surface", theme))  # type: ignore[arg-type]
    assert abs(scale[-1] - surface) < 25 < abs(scale[0] - surface)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_classes(n: int) -> None:
    fig = distance_heatmap(tree(n))
    assert np.asarray(fig.data[0].z).shape == (n, n)
    assert fig.data[0].zmin < fig.data[0].zmax


def test_equal_distances() -> None:
    heat = distance_heatmap(build_hierarchy(np.eye(4), list("abcd"))).data[0]
    assert heat.zmin == 0
    assert heat.zmax == pytest.approx(math.sqrt(2))
    same = distance_heatmap(build_hierarchy(np.ones((4, 2)), list("abcd"))).data[0]
    assert (same.zmin, same.zmax) == (0, 1)


def test_names_are_thinned_and_said_so() -> None:
    fig = distance_heatmap(tree(60))
    assert len(fig.layout.xaxis.tickvals) == len(fig.layout.yaxis.tickvals) == 20
    assert "Names shown for every 3rd of 60 classes" in fig.layout.title.text
    assert len(distance_heatmap(tree(60), max_labels=60).layout.yaxis.tickvals) == 60


def test_names_that_look_like_numbers_or_markup_or_each_other() -> None:
    names = ["3", "1", "2", "0", "<b>x</b>", "a b", "a  b", ""]
    h = build_hierarchy(np.random.default_rng(0).normal(size=(8, 3)), names)
    fig = distance_heatmap(h)
    assert fig.layout.xaxis.type == "category"
    ticks = list(fig.layout.xaxis.tickvals)
    assert len(set(ticks)) == 8
    assert ticks == list(fig.data[0].x)  # by name, never by number
    assert {"&lt;b&gt;x&lt;/b&gt;", "(no name)", "a b"} <= set(fig.layout.xaxis.ticktext)
    assert "<b>" not in str(fig.to_plotly_json())


def test_block_means_against_a_loop() -> None:
    h = tree(11)
    starts = np.array([0, 4, 8])
    blocks = [h.order[0:4], h.order[4:8], h.order[8:11]]
    square = h.square()
    for a, rows in enumerate(blocks):
        for b, columns in enumerate(blocks):
            pairs = [square[i, j] for i in rows for j in columns if i != j]
            assert _mean_distances(h, starts)[a, b] == pytest.approx(sum(pairs) / len(pairs))
    lonely = _mean_distances(h, np.array([0, 10]))
    assert lonely[1, 1] == 0  # a block of one class has no pairs


def test_many_classes_become_blocks_and_the_figure_says_so() -> None:
    n = MAX_CLASSES + 3
    fig = distance_heatmap(tree(n))
    assert len(fig.data[0].z) <= MAX_CLASSES
    assert "303 classes: a cell is the mean over 2 × 2 neighbouring" in fig.layout.title.text.replace("<br>", " ")
    assert fig.data[0].x[0].endswith("(2)")
    assert len(fig.to_json()) < 3_000_000
    assert len(distance_heatmap(tree(300)).data[0].z) == 300


CONFUSION = np.array([[90, 8, 2], [5, 45, 0], [0, 0, 0]])


def test_shares_of_the_true_class() -> None:
    fig = confusion_heatmap(CONFUSION, ["cat", "dog", "ship"], [1, 0, 2])
    mistakes, correct = trace(fig, "mistakes"), trace(fig, "correct")
    np.testing.assert_allclose(mistakes.z, [[np.nan, 10, 0], [8, np.nan, 2], [np.nan] * 3], rtol=1e-6)
    np.testing.assert_allclose(np.diag(correct.z)[:2], [90, 90], rtol=1e-6)
    assert mistakes.zmin == 0
    assert mistakes.zmax == pytest.approx(10)  # the diagonal does not stretch the scale
    assert len({color for _, color in correct.colorscale}) == 1
    assert mistakes.customdata[0][1] == [5, 50] or list(mistakes.customdata[0][1]) == [5, 50]
    assert "%{y} taken for %{x}: %{z:.3~r} %" in mistakes.hovertemplate
    assert "Diagonal (correct) in grey" in fig.layout.title.text
    assert fig.layout.xaxis.title.text == "predicted class"
    assert fig.layout.yaxis.title.text == "true class"
    assert fig.layout.annotations[0].text == "Mistakes, % of the true class"


def test_rows_without_samples_are_undefined_not_zero() -> None:
    for rates in (True, False):
        fig = confusion_heatmap(CONFUSION, ["cat", "dog", "ship"], [1, 0, 2], rates=rates)
        none = trace(fig, "no samples")
        np.testing.assert_array_equal(np.isnan(none.z), [[True] * 3, [True] * 3, [False] * 3])
        assert np.isnan(trace(fig, "mistakes").z[2]).all()
        assert np.isnan(trace(fig, "correct").z[2]).all()
        assert "undefined" in none.hovertemplate
        assert "1 of 3 classes without test samples: undefined" in fig.layout.title.text
        assert list(fig.layout.yaxis.ticktext) == ["dog", "cat", "ship (none)"]
        assert list(fig.layout.xaxis.ticktext) == ["dog", "cat", "ship"]


def test_counts() -> None:
    fig = confusion_heatmap(CONFUSION, ["cat", "dog", "ship"], [0, 1, 2], rates=False)
    assert trace(fig, "mistakes").z[0][1] == 8
    assert trace(fig, "mistakes").zmax == 8
    assert fig.layout.annotations[0].text == "Mistakes, test samples"
    assert trace(fig, "correct").text[0][0] == "90"


def test_text_in_cells_never_rounds_up_to_all() -> None:
    confusion = np.array([[996, 4], [0, 7]])
    correct = trace(confusion_heatmap(confusion, ["a", "b"], [0, 1]), "correct")
    assert [correct.text[0][0], correct.text[1][1]] == ["99", "100"]
    assert trace(confusion_heatmap(np.eye(13), [str(i) for i in range(13)], range(13)), "correct").text is None


def test_perfect_and_empty_matrices() -> None:
    perfect = confusion_heatmap(np.eye(3) * 5, list("abc"), [0, 1, 2])
    assert "No mistakes" in perfect.layout.title.text
    assert trace(perfect, "mistakes").zmax == 1
    empty = confusion_heatmap(np.zeros((3, 3)), list("abc"), [0, 1, 2])
    assert "No mistakes" not in empty.layout.title.text
    assert "3 of 3 classes without test samples" in empty.layout.title.text
    one = confusion_heatmap([[4]], ["only"], [0])
    assert np.asarray(trace(one, "mistakes").z).shape == (1, 1)


def test_many_classes_in_blocks_keep_every_sample() -> None:
    n = MAX_CLASSES + 1
    confusion = np.random.default_rng(0).integers(0, 3, size=(n, n))
    fig = confusion_heatmap(confusion, [f"c{i}" for i in range(n)], range(n), rates=False)
    total = np.nansum(trace(fig, "mistakes").z) + np.nansum(trace(fig, "correct").z)
    assert total == pytest.approx(confusion.sum())
    assert len(trace(fig, "mistakes").z) <= MAX_CLASSES
    assert "sum over 2 × 2" in fig.layout.title.text.replace("<br>", " ")


def test_a_click_on_a_cell_tells_its_two_classes() -> None:
    names, order = ["cat", "dog", "ship"], [1, 0, 2]
    plain = confusion_heatmap(CONFUSION, names, order)
    assert [t.name for t in plain.data] == ["correct", "no samples", "mistakes"]
    targets = trace(confusion_heatmap(CONFUSION, names, order, targets=True), "targets")
    seen = dict(
        zip(map(tuple, targets.customdata), zip(targets.x, targets.y, targets.hovertext, strict=True), strict=True)
    )
    assert len(seen) == 9
    for (true, predicted), (x, y, text) in seen.items():
        assert (x, y) == (names[predicted], names[true])
        count, total = CONFUSION[true][predicted], sum(CONFUSION[true])
        if total:
            assert f"{count:,.0f} of {total:,.0f} (" in text
        else:
            assert "undefined (no test samples)" in text
        assert ("recognised" in text) == (true == predicted)
    assert targets.marker.opacity == 0 == targets.unselected.marker.opacity
    axes = confusion_heatmap(CONFUSION, names, order, targets=True).layout
    assert axes.xaxis.range == (-0.5, 2.5) and axes.yaxis.range == (2.5, -0.5)  # the cells fill the plot


def test_targets_of_many_classes_are_the_diagonal_and_the_most_frequent_mistakes() -> None:
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 50, (ALL_TARGETS + 60, ALL_TARGETS + 60))
    n = len(counts)
    targets = trace(
        confusion_heatmap(counts, [f"c{i}" for i in range(n)], generator.permutation(n), targets=True), "targets"
    )
    cells = {tuple(pair) for pair in targets.customdata}
    assert targets.type == "scattergl" and len(cells) == MOST_TARGETS
    few = confusion_heatmap(np.eye(50), [f"c{i}" for i in range(50)], range(50), targets=True)
    assert trace(few, "targets").type == "scattergl"  # plotly's other points overlap where cells are small
    assert len(trace(few, "targets").x) == 50 and few.layout.hoverdistance == 4
    assert all((i, i) in cells for i in range(n))
    least = min(counts[i, j] for i, j in cells if i != j)
    assert all((i, j) in cells for i in range(n) for j in range(n) if i != j and counts[i, j] > least)


def test_a_click_on_a_block_means_its_most_frequent_mistake() -> None:
    generator = np.random.default_rng(0)
    n = MAX_CLASSES + 2  # the last block is smaller than the others
    confusion = np.where(generator.random((n, n)) < 0.01, generator.integers(1, 30, (n, n)), 0)
    np.fill_diagonal(confusion, 100)
    order = generator.permutation(n)
    found = trace(confusion_heatmap(confusion, [f"c{i}" for i in range(n)], order, targets=True), "targets")
    labels = {label: at for at, label in enumerate(dict.fromkeys([*found.y, *found.x]))}
    assert len(labels) == 151 and len(found.x) <= MOST_TARGETS
    starts = np.arange(0, n, 2)
    place = np.argsort(order)
    for (true, taken), x, y, text in zip(found.customdata, found.x, found.y, found.hovertext, strict=True):
        rows, columns = (order[s : s + 2] for s in (starts[place[true] // 2], starts[place[taken] // 2]))
        mistakes = {(i, j): confusion[i, j] for i in rows for j in columns if i != j}
        assert f"c{rows[0]} " in f"{y} " and f"c{columns[0]} " in f"{x} "
        if any(mistakes.values()):
            assert mistakes[true, taken] == max(mistakes.values())
            assert f"c{true} taken for c{taken} ({confusion[true, taken]:,})" in text


def test_the_size_of_the_matrix_of_a_thousand_classes() -> None:
    confusion = np.random.default_rng(0).poisson(0.02, (1_000, 1_000)) + 50 * np.eye(1_000)
    fig = confusion_heatmap(confusion, [f"class {i}" for i in range(1_000)], range(1_000), targets=True)
    assert len(fig.to_json()) < 2_000_000


def test_rows_and_columns_of_chosen_classes_are_framed() -> None:
    names = [f"c{i}" for i in range(6)]
    fig = confusion_heatmap(np.eye(6), names, [5, 0, 3, 1, 2, 4], chosen=[0, 3, 4])
    frames = {(s.x0, s.x1, s.y0, s.y1) for s in fig.layout.shapes if s.name == "chosen"}
    assert frames == {(0.5, 2.5, -0.5, 5.5), (-0.5, 5.5, 0.5, 2.5), (4.5, 5.5, -0.5, 5.5), (-0.5, 5.5, 4.5, 5.5)}
    n = MAX_CLASSES + 1
    blocks = confusion_heatmap(np.eye(n), [f"c{i}" for i in range(n)], range(n), chosen=[7])
    assert {(s.x0, s.x1) for s in blocks.layout.shapes} == {(2.5, 3.5), (-0.5, 150.5)}
    with pytest.raises(AnalysisError, match="no class number 6"):
        confusion_heatmap(np.eye(6), names, range(6), chosen=[6])


@pytest.mark.parametrize(
    ("confusion", "names", "order", "says"),
    [
        ([[1, 2]], ["a"], [0], "square"),
        (np.zeros((0, 0)), [], [], "square"),
        ([[1, -1], [0, 2]], ["a", "b"], [0, 1], "below 0"),
        ([[1, math.nan], [0, 2]], ["a", "b"], [0, 1], "not finite"),
        ([[1, 0], [0, 2]], ["a"], [0, 1], "1 names"),
        ([[1, 0], [0, 2]], ["a", "b"], [0, 0], "leaf order"),
        ([[1, 0], [0, 2]], ["a", "b"], [0], "leaf order"),
    ],
)
def test_refused_with_a_reason(confusion: object, names: list[str], order: list[int], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        confusion_heatmap(confusion, names, order)  # type: ignore[arg-type]
