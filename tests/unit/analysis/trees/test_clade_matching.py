"""Graded correspondence of clades: against sets on all trees of five classes, and by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lwal_core.analysis.trees import best_matching_clades, clade_support, transfer_support
from lwal_core.errors import AnalysisError

Tree = Any  # a class, or a pair of trees


def topologies(leaves: tuple[int, ...]) -> Iterator[Tree]:
    """All rooted trees with two children a node: the last leaf beside each branch of each smaller tree."""
    if len(leaves) == 1:
        yield leaves[0]
        return
    *rest, last = leaves

    def insert(tree: Tree) -> Iterator[Tree]:
        yield (tree, last)
        if isinstance(tree, tuple):
            left, right = tree
            yield from ((new, right) for new in insert(left))
            yield from ((left, new) for new in insert(right))

    for tree in topologies(tuple(rest)):
        yield from insert(tree)


def linkage(tree: Tree) -> npt.NDArray[np.float64]:
    """Rows from the leaves up, each higher than the one before."""
    rows: list[list[float]] = []
    n = len(members(tree))

    def join(node: Tree) -> int:
        if not isinstance(node, tuple):
            return int(node)
        left, right = join(node[0]), join(node[1])
        rows.append([left, right, len(rows) + 1, len(members(node))])
        return n + len(rows) - 1

    join(tree)
    return np.array(rows)


def members(tree: Tree) -> frozenset[int]:
    return members(tree[0]) | members(tree[1]) if isinstance(tree, tuple) else frozenset({tree})


def row_sets(Z: npt.NDArray[np.float64]) -> list[frozenset[int]]:
    n = len(Z) + 1
    sets = [frozenset({i}) for i in range(n)]
    for left, right, _, _ in Z:
        sets.append(sets[int(left)] | sets[int(right)])
    return sets[n:]


@cache
def five() -> list[npt.NDArray[np.float64]]:
    return [linkage(tree) for tree in topologies(tuple(range(5)))]


def naive_transfer(clade: frozenset[int], Z: npt.NDArray[np.float64]) -> int:
    """Fewest classes that change sides, over all branches of the other tree, its leaves' among them."""
    n = len(Z) + 1
    branches = [*row_sets(Z), *(frozenset({i}) for i in range(n))]
    return min(min(len(clade ^ other), n - len(clade ^ other)) for other in branches)


def test_all_trees_of_five_are_105() -> None:
    assert len({frozenset(row_sets(Z)) for Z in five()}) == 105  # (2 n - 3)!! for n = 5


def test_jaccard_against_sets_on_all_pairs_of_trees_of_five() -> None:
    sets = [row_sets(Z) for Z in five()]
    for Za, a in zip(five(), sets, strict=True):
        for Zb, b in zip(five()[::12], sets[::12], strict=True):
            for clade, (merge, jaccard) in zip(a, best_matching_clades(Za, Zb), strict=True):
                scores = [len(clade & other) / len(clade | other) for other in b]
                assert jaccard == pytest.approx(max(scores)) == pytest.approx(scores[merge])


def test_transfer_support_against_sets_on_all_trees_of_five() -> None:
    for Z in five():
        others = five()[::6]
        for clade, value in zip(row_sets(Z), transfer_support(Z, others), strict=True):
            smaller = min(len(clade), 5 - len(clade))
            if smaller < 2:
                assert math.isnan(value)
                continue
            mean = float(np.mean([naive_transfer(clade, other) for other in others]))
            assert value == pytest.approx(1 - mean / (smaller - 1))


@pytest.mark.parametrize("n", [2, 3, 9, 30])
def test_larger_trees_against_sets(n: int) -> None:
    from scipy.cluster.hierarchy import linkage as scipy_linkage

    trees = [np.asarray(scipy_linkage(np.random.default_rng(seed).normal(size=(n, 3)), "average")) for seed in range(4)]
    a = row_sets(trees[0])
    for clade, (merge, jaccard) in zip(a, best_matching_clades(trees[0], trees[1]), strict=True):
        scores = [len(clade & other) / len(clade | other) for other in row_sets(trees[1])]
        assert jaccard == max(scores) and merge == scores.index(max(scores))
    for clade, value in zip(a, transfer_support(trees[0], trees[1:]), strict=True):
        smaller = min(len(clade), n - len(clade))
        mean = np.mean([naive_transfer(clade, other) for other in trees[1:]])
        assert math.isnan(value) if smaller < 2 else value == pytest.approx(1 - mean / (smaller - 1))


def test_one_wanderer_of_a_large_clade() -> None:
    """Six of twelve classes; in the other tree one of the six stands elsewhere: 1 of at most 5 changes, support 0.8."""
    left, right = (((((0, 1), 2), 3), 4), 5), (((((6, 7), 8), 9), 10), 11)
    strayed = ((((0, 1), 2), 3), 4), ((((((6, 7), 5), 8), 9), 10), 11)
    Z, other = linkage((left, right)), linkage(strayed)
    row = row_sets(Z).index(frozenset(range(6)))
    assert clade_support(Z, [other])[row] == 0
    assert transfer_support(Z, [other])[row] == pytest.approx(0.8) == transfer_support(Z, other)[row]
    merge, jaccard = best_matching_clades(Z, other)[row]
    assert jaccard == pytest.approx(5 / 6) and row_sets(other)[merge] == frozenset(range(5))


def test_a_published_pair_of_trees() -> None:
    """The pair of trees of booster's own test (src/test.c, ``test_transfer_1``): three of the fifteen leaves of the branch
    above g to o stand elsewhere in the other tree, so its support is 1 - 3 / (6 - 1)."""
    abc, def_, ghi, jkl, mno = (((3 * k, 3 * k + 1), 3 * k + 2) for k in range(5))
    Z, other = linkage(((abc, def_), ((ghi, jkl), mno))), linkage(((ghi, mno), ((abc, jkl), def_)))
    support = dict(zip(row_sets(Z), transfer_support(Z, [other]), strict=True))
    assert support[frozenset(range(6, 15))] == pytest.approx(0.4) == support[frozenset(range(6))]
    assert support[frozenset({0, 1, 2})] == support[frozenset({9, 10})] == 1
    assert clade_support(Z, [other])[row_sets(Z).index(frozenset(range(6, 15)))] == 0


def test_merges_at_one_height_are_one_node_when_asked() -> None:
    """Four classes at one height in a node of three, which scipy stores as two rows: the first of these is no clade."""
    tied = linkage((((0, 1), 2), (3, 4)))
    tied[:, 2] = [1, 1, 2, 3]
    other = linkage((((0, 1), (3, 4)), 2))
    part, whole = row_sets(tied).index(frozenset({0, 1})), row_sets(tied).index(frozenset({0, 1, 2}))
    assert best_matching_clades(other, tied)[0] == (part, 1.0)
    assert best_matching_clades(other, tied, join_ties=True)[0] == (whole, pytest.approx(2 / 3))
    assert transfer_support(tied, [tied])[part] == 1
    assert np.isnan(transfer_support(tied, [tied], join_ties=True)).tolist() == [True, False, False, True]
    star = linkage(((((0, 1), 2), 3), 4))
    star[:, 2] = 1
    assert transfer_support(other, [star], join_ties=True)[row_sets(other).index(frozenset({0, 1}))] == 0


def test_equal_trees_and_none() -> None:
    Z = random_tree_of_ten()
    support = transfer_support(Z, [Z, Z])
    inner = [2 <= len(clade) <= 8 for clade in row_sets(Z)]
    assert (support[inner] == 1).all() and np.isnan(support[~np.array(inner)]).all()
    assert np.isnan(transfer_support(Z, [])).all()
    assert [match.merge for match in best_matching_clades(Z, Z)] == list(range(9))
    assert all(match.jaccard == 1 for match in best_matching_clades(Z, Z))


def random_tree_of_ten() -> npt.NDArray[np.float64]:
    return linkage((((0, 1), (2, 3)), ((4, (5, 6)), ((7, 8), 9))))


def test_other_classes() -> None:
    with pytest.raises(AnalysisError):
        best_matching_clades(five()[0], random_tree_of_ten())
    with pytest.raises(AnalysisError):
        transfer_support(five()[0], [random_tree_of_ten()])
