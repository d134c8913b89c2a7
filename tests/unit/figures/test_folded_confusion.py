"""Figure of a folded confusion matrix: what stands in which cell, gaps, targets, the tree that folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.analysis.trees.confusion import OTHER, fold_confusion, largest_first
from lwal_core.errors import AnalysisError
from lwal_core.figures.confusion import folded_confusion_figure, matrix_grid
from tests.support.many_classes import IMAGENET, class_names, drawn_predictions, vectors_along_tree

NAMES = ["cat", "dog", "<b>car</b>", "bus"]
COUNTS = np.array([[8, 2, 0, 0], [1, 7, 2, 0], [0, 0, 0, 0], [0, 0, 4, 6]])


def animals() -> Hierarchy:
    return build_hierarchy([[0.0], [1.0], [10.0], [11.5]], NAMES)


def drawn(part: TreePart, counts: np.ndarray = COUNTS, **options: Any) -> dict[str, Any]:
    folded = fold_confusion(counts, part)
    fig = folded_confusion_figure(folded, matrix_grid(part, folded.tips, options.pop("groups", ())), **options)
    return {trace.name: trace for trace in fig.data} | {"figure": fig}


def at(traces: dict[str, Any], trace: str, true: int, predicted: int) -> float:
    """Value of a heat map at the place of a cell's target."""
    cells, z = traces["cells"], np.array(traces[trace].z, dtype=float)
    index = [list(pair) for pair in np.asarray(cells.customdata).tolist()].index([true, predicted])
    edges = np.array(traces[trace].x)
    column, row = (int(np.searchsorted(edges, axis[index])) - 1 for axis in (cells.x, cells.y))
    return float(z[row, column])


def test_cells_are_shares_of_the_true_class_and_the_diagonal_is_apart() -> None:
    h = animals()
    found = drawn(tree_part(h), groups=h.cut_nodes(k=2))
    assert at(found, "mistakes", 0, 1) == 20 and at(found, "stays", 0, 0) == 80 and at(found, "stays", 3, 3) == 60
    assert np.isnan(at(found, "mistakes", 0, 0)) and np.isnan(at(found, "stays", 0, 1))
    assert at(found, "no samples", 2, 0) == 1
    hover = dict(zip(map(tuple, found["cells"].customdata), found["cells"].hovertext, strict=True))
    assert hover[0, 1] == "cat<br>taken for dog<br>2 of 10 (20.0 %)"
    assert "precision: 88.9 %" in hover[0, 0]
    assert "undefined (no test samples)" in hover[2, 2] and "&lt;b&gt;" in hover[2, 2] and "<b>car" not in hover[2, 2]


@pytest.mark.parametrize(("amount", "expected"), [("column", 100 * 2 / 9), ("all", 100 * 2 / 30), ("counts", 2)])
def test_amounts(amount: Any, expected: float) -> None:
    assert at(drawn(tree_part(animals()), amount=amount), "mistakes", 0, 1) == pytest.approx(expected, rel=1e-6)


def test_a_folded_clade_is_one_cell_and_its_classes_are_named() -> None:
    h = animals()
    pets = h.smallest_clade([0, 1])
    found = drawn(tree_part(h, closed=[pets]), amount="counts")
    assert at(found, "stays", pets, pets) == 18 and at(found, "mistakes", pets, 2) == 2
    hover = dict(zip(map(tuple, found["cells"].customdata), found["cells"].hovertext, strict=True))
    assert hover[pets, pets].endswith("18 of 20 (90.0 %)<br>right class: 15")
    assert [list(each) for each in found["closed clades"].customdata] == [[pets]]
    assert "2 classes" in found["closed clades"].hovertext[0] and "cat" in found["closed clades"].hovertext[0]
    assert sorted(each[0] for each in found["open clades"].customdata) == [h.n + 1, h.n + 2]


def test_a_gap_parts_groups_and_all_other_classes() -> None:
    h = animals()
    without, with_gap = drawn(tree_part(h)), drawn(tree_part(h), groups=h.cut_nodes(k=2))
    assert len(without["mistakes"].x) == 5 and len(with_gap["mistakes"].x) == 6
    part = tree_part(h, h.smallest_clade([2, 3]))
    folded = fold_confusion(COUNTS, part)
    grid = matrix_grid(part, folded.tips)
    assert grid.names[-1] == "all others (2)" and len(grid.edges) == 5
    assert at(drawn(part, amount="counts"), "mistakes", OTHER, 2) == 2


def test_log_colours_leave_cells_without_mistakes_empty_and_have_ticks_in_their_range() -> None:
    found = drawn(tree_part(animals()), log=True)
    mistakes = found["mistakes"]
    assert at(found, "mistakes", 0, 1) == pytest.approx(np.log10(20), rel=1e-6)
    assert np.isnan(at(found, "mistakes", 0, 3))
    assert all(mistakes.zmin - 1e-3 <= tick <= mistakes.zmax + 1e-3 for tick in mistakes.colorbar.tickvals)
    perfect = drawn(tree_part(animals()), np.diag([3, 3, 3, 3]), log=True)  # no mistake at all
    assert np.isnan(np.array(perfect["mistakes"].z, dtype=float)).all()


def test_the_difference_of_two_runs_is_in_points_and_signed() -> None:
    h = animals()
    part = tree_part(h)
    better = np.array([[10, 0, 0, 0], [1, 7, 2, 0], [0, 0, 5, 0], [0, 0, 4, 6]])
    found = drawn(part, beside=fold_confusion(better, part))
    assert at(found, "difference", 0, 0) == pytest.approx(20) and at(found, "difference", 0, 1) == pytest.approx(-20)
    assert np.isnan(at(found, "difference", 2, 2)) and at(found, "no samples", 2, 2) == 1
    hover = dict(zip(map(tuple, found["cells"].customdata), found["cells"].hovertext, strict=True))
    assert hover[0, 1].endswith("20.0 % → 0 %<br>−20 points")
    assert found["difference"].zmin == -found["difference"].zmax
    with pytest.raises(AnalysisError, match="folded in another way"):
        drawn(part, beside=fold_confusion(better, tree_part(h, closed=[h.n])))


def test_one_class_and_what_is_picked() -> None:
    one = build_hierarchy([[0.0]], ["only"])
    assert at(drawn(tree_part(one), np.array([[4]])), "stays", 0, 0) == 100
    h = animals()
    pets = h.smallest_clade([0, 1])
    shapes = drawn(tree_part(h), chosen=pets)["figure"].layout.shapes
    assert len(shapes) == 2 and {shape.name for shape in shapes} == {"chosen"}
    assert not drawn(tree_part(h, h.smallest_clade([2, 3])), chosen=pets)["figure"].layout.shapes


def test_a_thousand_classes_open_at_forty_rows() -> None:
    vectors = vectors_along_tree(IMAGENET)
    h = build_hierarchy(vectors, class_names(IMAGENET), optimal_limit=0)
    y = np.arange(5_000) % 1_000
    counts = np.zeros((1_000, 1_000), dtype=np.int64)
    np.add.at(counts, (y, drawn_predictions(vectors, y, 34.0, 0)), 1)
    found = drawn(largest_first(h, 40), counts)
    assert len(found["figure"].layout.yaxis.ticktext) == 40 and len(found["figure"].layout.xaxis.ticktext) <= 12
    assert len(found["cells"].x) == 1_600
    assert len(found["figure"].to_json()) < 500_000
