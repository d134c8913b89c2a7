"""The majority-rule consensus: against DendroPy, a naive count of leaf sets, and what holds for any trees."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import is_valid_linkage, linkage

from lwal_core.analysis.hierarchy.polytomies import multiway
from lwal_core.analysis.trees.clades import clade_support, clades
from lwal_core.analysis.trees.consensus import CONSENSUS, Consensus, majority_consensus, tree_of_clades
from lwal_core.analysis.trees.severity import common_ancestor_heights
from lwal_core.errors import AnalysisError
from lwal_core.figures import dendrogram_figure
from lwal_core.taxonomy import load_taxonomy


def leaf_sets(Z: np.ndarray) -> set[frozenset[int]]:
    """Leaf sets of the inner nodes but the root; only for trees without ties."""
    n = len(Z) + 1
    below = [frozenset([i]) for i in range(n)]
    for left, right in Z[:, :2].astype(int):
        below.append(below[left] | below[right])
    return {s for s in below if 1 < len(s) < n}


def newick(Z: np.ndarray) -> str:
    text = [f"L{i}" for i in range(len(Z) + 1)]
    for left, right in Z[:, :2].astype(int):
        text.append(f"({text[left]},{text[right]})")
    return text[-1] + ";"


def noisy_trees(n: int, count: int, noise: float, seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n, 3))
    return [linkage(points + noise * generator.normal(size=points.shape), "average") for _ in range(count)]


def rotated(Z: np.ndarray, seed: int) -> np.ndarray:
    turned = Z.copy()
    swap = np.random.default_rng(seed).random(len(Z)) < 0.5
    turned[swap, :2] = turned[swap, 1::-1]
    return turned


def rows_of(found: Consensus) -> dict[frozenset[int], float]:
    """Members and share of every row that has a share."""
    n = len(found.linkage) + 1
    h = found.hierarchy([f"class {i}" for i in range(n)])
    rows = [(row, share) for row, share in enumerate(found.shares.tolist()) if not math.isnan(share)]
    return {frozenset(h.members(n + row).tolist()): share for row, share in rows}


@pytest.mark.parametrize("n", [4, 7, 12, 30])
@pytest.mark.parametrize(("count", "noise"), [(3, 0.3), (4, 0.2), (9, 0.5), (10, 1.0)])
def test_against_dendropy(n: int, count: int, noise: float) -> None:
    import dendropy

    trees = noisy_trees(n, count, noise, seed=n + count)
    read = dendropy.TreeList.get(data="\n".join(map(newick, trees)), schema="newick", rooting="force-rooted")
    found = read.consensus(min_freq=0.5 + 1e-9)
    expected = {}
    for node in found.postorder_internal_node_iter():
        members = frozenset(int(leaf.taxon.label[1:]) for leaf in node.leaf_iter())
        if len(members) < n:
            expected[members] = float(node.support)
    ours = majority_consensus(trees)
    assert rows_of(ours) == pytest.approx(expected)
    assert set(clades(ours.linkage)) == set(expected)  # the linkage says the same, ties read as one node


@given(st.integers(1, 14), st.integers(1, 7), st.sampled_from([0.1, 0.5, 2.0]), st.integers(0, 50))
@settings(max_examples=60)
def test_against_a_naive_count(n: int, count: int, noise: float, seed: int) -> None:
    trees = noisy_trees(n, count, noise, seed) if n > 1 else [np.zeros((0, 4))] * count
    counted = Counter(s for Z in trees for s in leaf_sets(Z))
    expected = {s: c / count for s, c in counted.items() if 2 * c > count}
    found = majority_consensus(trees)
    assert found.trees == count and set(found.clades) == set(expected)
    assert n == 1 or is_valid_linkage(found.linkage)
    assert (np.diff(found.linkage[:, 2]) >= 0).all()
    assert rows_of(found) == expected
    # Shares by row are those of the usual support of the consensus tree, the root and parts of nodes undefined.
    assert found.shares == pytest.approx(clade_support(found.linkage, trees), nan_ok=True)


@pytest.mark.parametrize("noise", [0.1, 1.0, 30.0])
def test_it_can_be_drawn_with_its_shares(noise: float) -> None:
    found = majority_consensus(noisy_trees(12, 5, noise, 1))
    fig = dendrogram_figure(found.hierarchy("abcdefghijkl"), support=found.shares)
    shown = sorted(text for trace in fig.data if trace.name == "merges" for text in trace.text or () if text)
    assert shown == sorted(f"{100 * share:.0f}" for share in rows_of(found).values())


def test_identical_trees_give_that_tree() -> None:
    (tree,) = noisy_trees(9, 1, 0.1, 3)
    found = majority_consensus([tree] * 5)
    assert set(found.clades) == leaf_sets(tree)
    assert found.shares[:-1].tolist() == [1.0] * 7 and math.isnan(found.shares[-1])


def test_a_hand_made_case() -> None:
    """((0,1),2),3 and ((0,1),3),2 and ((0,2),1),3: 01 in two of three, 012 in two of three."""
    trees = [
        np.array([[0, 1, 1, 2], [4, 2, 2, 3], [5, 3, 3, 4]], dtype=float),
        np.array([[0, 1, 1, 2], [4, 3, 2, 3], [5, 2, 3, 4]], dtype=float),
        np.array([[0, 2, 1, 2], [4, 1, 2, 3], [5, 3, 3, 4]], dtype=float),
    ]
    found = majority_consensus(trees)
    assert found.linkage.tolist() == [[0, 1, 1, 2], [4, 2, 2, 3], [5, 3, 3, 4]]
    assert found.shares == pytest.approx([2 / 3, 2 / 3, math.nan], nan_ok=True)
    strict = majority_consensus(trees, threshold=0.7)
    assert len(strict.clades) == 0 and set(strict.linkage[:, 2]) == {1.0}
    # Half of the trees are no majority.
    assert set(majority_consensus(trees[1:]).clades) == set()
    assert set(majority_consensus(trees[:2]).clades) == {frozenset([0, 1])}


def test_a_node_with_several_children_is_one_level() -> None:
    trees = [linkage(np.array([[0.0], [0.1], a, b, [50.0]]), "average") for a, b in ([[3], [9]], [[9], [3]])]
    found = majority_consensus(trees)
    assert set(found.clades) == {frozenset([0, 1]), frozenset([0, 1, 2, 3])}
    assert found.linkage[:, 2].tolist() == [1, 2, 2, 3]
    assert found.shares == pytest.approx([1, math.nan, 1, math.nan], nan_ok=True)


@given(st.integers(3, 12), st.integers(1, 5), st.integers(0, 30))
@settings(max_examples=30)
def test_turned_branches_change_nothing(n: int, count: int, seed: int) -> None:
    trees = noisy_trees(n, count, 0.5, seed)
    a, b = majority_consensus(trees), majority_consensus([rotated(Z, seed + i) for i, Z in enumerate(trees)])
    assert a.linkage.tolist() == b.linkage.tolist()
    assert a.shares == pytest.approx(b.shares, nan_ok=True)


def test_children_come_in_the_order_of_their_places() -> None:
    order = np.random.default_rng(0).permutation(8)
    places = np.argsort(order)
    for noise in (0.3, 3.0, 50.0):
        h = majority_consensus(noisy_trees(8, 3, noise, 1), places=places).hierarchy("abcdefgh")
        for part in multiway(h).children.values():
            means = [places[h.members(child)].mean() for child in part]
            assert means == sorted(means)
    star = majority_consensus([linkage(np.eye(8), "average")], places=places)
    assert star.hierarchy("abcdefgh").order.tolist() == order.tolist()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_classes(n: int) -> None:
    tree = linkage(np.arange(n, dtype=float)[:, None] ** 2) if n > 1 else np.zeros((0, 4))
    found = majority_consensus([tree, tree])
    assert found.linkage.shape == (n - 1, 4) and len(found.clades) == max(n - 2, 0)
    h = found.hierarchy("abc"[:n])
    assert h.method == CONSENSUS and h.order.tolist() == list(range(n)) and h.is_flat == (n < 3)


def test_flat_trees_have_a_flat_consensus() -> None:
    star = linkage(np.eye(6), "average")
    found = majority_consensus([star] * 3)
    assert len(found.clades) == 0 and np.isnan(found.shares).all()
    assert found.hierarchy("abcdef").is_flat


def test_a_chain_of_many_classes_takes_no_recursion() -> None:
    tree = linkage(np.arange(3000, dtype=float)[:, None] ** 1.5, "single")
    found = majority_consensus([tree])
    assert len(found.clades) == 2998
    assert found.linkage[-1].tolist()[2:] == [2999, 3000]


def test_what_is_refused() -> None:
    (tree,) = noisy_trees(5, 1, 1, 0)
    (other,) = noisy_trees(6, 1, 1, 0)
    with pytest.raises(AnalysisError, match="no trees"):
        majority_consensus([])
    for threshold in (0.49, 1.0, math.nan):
        with pytest.raises(AnalysisError, match="threshold"):
            majority_consensus([tree], threshold)
    with pytest.raises(AnalysisError, match="5 classes and the second 6"):
        majority_consensus([tree, other])
    with pytest.raises(AnalysisError, match="places"):
        majority_consensus([tree], places=[1, 2])
    with pytest.raises(AnalysisError, match="2 names"):
        majority_consensus([tree]).hierarchy("ab")


def test_a_tree_of_given_clades() -> None:
    groups = [{0, 1}, {3, 4}, {0, 1, 2}, {5}, range(7)]
    assert set(clades(tree_of_clades(7, groups))) == {frozenset([0, 1]), frozenset([3, 4]), frozenset([0, 1, 2])}
    assert tree_of_clades(1, []).shape == (0, 4) and tree_of_clades(3, [])[:, 2].tolist() == [1, 1]
    taxonomy = load_taxonomy("cifar10")
    names = list(taxonomy.classes)
    ours = tree_of_clades(10, [[names.index(name) for name in clade] for clade in taxonomy.clades(names)])
    theirs = taxonomy.linkage(names)
    assert clades(ours).masks == clades(theirs).masks
    for form in ("height", "depth"):
        assert common_ancestor_heights(ours, form).tolist() == common_ancestor_heights(theirs, form).tolist()
    with pytest.raises(AnalysisError, match="overlaps"):
        tree_of_clades(4, [{0, 1}, {1, 2}])
    with pytest.raises(AnalysisError, match="class 4"):
        tree_of_clades(4, [{0, 4}])
