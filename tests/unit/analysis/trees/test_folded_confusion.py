"""Folded confusion matrices: equal to summing the unfolded one; measures of clades against scikit-learn and loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.trees.confusion import OTHER, clade_measures, fold_confusion, largest_first, top_mistakes
from lwal_core.errors import AnalysisError
from lwal_core.runs.evaluation import confusion_counts


def random_tree(n: int, seed: int) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(n, 3)), [f"c{i}" for i in range(n)])


def random_counts(n: int, seed: int, most: int = 6) -> np.ndarray:
    counts = np.random.default_rng(seed + 1).integers(0, most, (n, n))
    counts[np.random.default_rng(seed + 2).random(n) < 0.2] = 0  # classes without samples
    return counts


def members(h: Hierarchy, tips: np.ndarray) -> list[set[int]]:
    """Classes of each tip, those of all others for the last one."""
    found = [set(h.members(tip).tolist()) for tip in tips.tolist() if tip != OTHER]
    return [*found, set(range(h.n)) - set().union(*found)] if OTHER in tips else found


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 14), st.integers(0, 1_000), st.integers(1, 14), st.data())
def test_folding_is_summing(n: int, seed: int, most: int, data: st.DataObject) -> None:
    h, counts = random_tree(n, seed), random_counts(n, seed)
    nodes = st.sets(st.integers(n, 2 * n - 2), max_size=3) if n > 1 else st.just(set())
    root = data.draw(st.none() | st.integers(0, 2 * n - 2))
    part = largest_first(h, most, root, data.draw(nodes), data.draw(nodes))
    folded = fold_confusion(counts, part)
    groups = members(h, folded.tips)
    for i, a in enumerate(groups):
        assert folded.correct[i] == sum(counts[c, c] for c in a)
        for j, b in enumerate(groups):
            assert folded.counts[i, j] == sum(counts[c, d] for c in a for d in b)
    assert folded.counts.sum() == counts.sum()
    assert folded.samples.sum() == folded.predicted.sum() == counts.sum()
    assert sorted(c for group in groups for c in group) == list(range(n))
    assert (folded.within >= 0).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 9), st.integers(0, 1_000))
def test_measures_of_a_clade_are_those_of_a_problem_with_the_clade_and_the_rest(n: int, seed: int) -> None:
    h, counts = random_tree(n, seed), random_counts(n, seed)
    found = clade_measures(counts, h)
    true, taken = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    for node in range(2 * n - 1):
        inside = h.members(node)
        a, b = np.isin(true, inside), np.isin(taken, inside)
        assert found.samples[node] == a.sum() and found.predicted[node] == b.sum()
        values = (found.precision[node], found.recall[node], found.f1[node])
        if len(a):
            with np.errstate(invalid="ignore"):
                expected = precision_recall_fscore_support(a, b, average="binary", zero_division=np.nan)[:3]
            np.testing.assert_allclose(values, expected, equal_nan=True)
        else:
            assert np.isnan(values).all()
        wrong = a & (true != taken)
        share = (wrong & b).sum() / wrong.sum() if wrong.any() else np.nan
        np.testing.assert_allclose(found.inside[node], share)
        np.testing.assert_allclose(found.accuracy[node], (a & (true == taken)).sum() / a.sum() if a.any() else np.nan)


def test_shares_are_of_rows_columns_or_all_and_undefined_without_samples() -> None:
    h = random_tree(3, 0)
    folded = fold_confusion([[6, 2, 0], [0, 0, 0], [1, 1, 0]], tree_part(h))
    at = {int(tip): i for i, tip in enumerate(folded.tips)}
    rows, columns = folded.shares("row"), folded.shares("column")
    assert rows[at[0], at[0]] == 0.75 and np.isnan(rows[at[1]]).all()
    assert columns[at[0], at[0]] == 6 / 7 and np.isnan(columns[:, at[2]]).all()
    assert folded.shares("all").sum() == pytest.approx(1)


def test_a_selection_has_all_other_classes_in_one_row_and_column() -> None:
    h = build_hierarchy([[0.0], [1.0], [10.0], [11.0]], list("abcd"))
    folded = fold_confusion(np.arange(16).reshape(4, 4), tree_part(h, h.smallest_clade([0, 1])))
    assert folded.tips.tolist() == [0, 1, OTHER]
    assert folded.counts.tolist() == [[0, 1, 5], [4, 5, 13], [8 + 12, 9 + 13, 10 + 11 + 14 + 15]]
    assert folded.correct.tolist() == [0, 5, 25]


def test_the_largest_clades_are_open_first() -> None:
    h = build_hierarchy([[2.0**i] for i in range(30)], [f"c{i}" for i in range(30)])  # each joins alone
    assert len(largest_first(h, 12).tips) == 12
    vectors = np.random.default_rng(3).normal(size=(1_000, 8))
    big = build_hierarchy(vectors, [f"c{i}" for i in range(1_000)], "ward")
    part = largest_first(big, 40)
    assert len(part.tips) == 40
    biggest_closed = max(int(big.sizes[tip]) for tip in part.closed)
    assert all(big.sizes[node] >= biggest_closed for node in part.merges.tolist())


def test_what_is_closed_or_opened_moves_nothing_else() -> None:
    h = random_tree(60, 5)
    at_first = set(largest_first(h, 20).tips.tolist())
    closed = min(largest_first(h, 20).merges.tolist(), key=lambda node: int(h.sizes[node]))
    after = set(largest_first(h, 20, closed=[closed]).tips.tolist())
    assert after - at_first == {closed} and len(after) < 20
    assert all(set(h.members(tip)) <= set(h.members(closed)) for tip in at_first - after)
    opened = int(largest_first(h, 20).closed[0])
    after = set(largest_first(h, 20, opened=[opened]).tips.tolist())
    assert at_first - after == {opened} and after - at_first == set(h.children[opened - h.n].tolist())


def test_a_tree_of_one_class_and_of_thousands() -> None:
    one = fold_confusion([[4]], largest_first(random_tree(1, 0), 40))
    assert one.counts.tolist() == [[4]] and one.tips.tolist() == [0]
    n = 3_000
    chain = build_hierarchy(np.arange(n)[:, None] * 1.0, [f"c{i}" for i in range(n)], "single", optimal_limit=0)
    y = np.random.default_rng(0).integers(0, n, 9_000)
    counts = confusion_counts(y, (y + 1) % n, n)
    assert fold_confusion(counts, largest_first(chain, 40)).counts.sum() == 9_000
    assert clade_measures(counts, chain).stays[-1] == 9_000


def test_top_mistakes_leave_out_what_is_right() -> None:
    counts = np.array([[9, 3, 0], [5, 9, 3], [0, 1, 9]])
    assert top_mistakes(counts, [0, 1, 2], [2, 1, 0], 3) == [(1, 0, 5), (0, 1, 3), (1, 2, 3)]
    assert top_mistakes(counts, [0], [2]) == [] and top_mistakes(counts, [], [1]) == []


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 3)), np.zeros((4, 4)), [[1, 0, 0], [0, -1, 0], [0, 0, 1]], np.full((3, 3), np.nan)]
)
def test_what_is_no_confusion_matrix_of_the_tree_is_refused(bad: np.ndarray) -> None:
    h = random_tree(3, 0)
    for work in (lambda: fold_confusion(bad, tree_part(h)), lambda: clade_measures(bad, h)):
        with pytest.raises(AnalysisError, match="confusion matrix"):
            work()
