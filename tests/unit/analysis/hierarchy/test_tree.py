"""The class tree against scipy's other routes, a naive agglomeration, and properties that any tree has."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.cluster import hierarchy as sch
from scipy.spatial import distance as ssd

from lwal_core.analysis.hierarchy import EUCLIDEAN_METHODS, METHODS, METRICS, Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.leaf_order import _min_plus
from lwal_core.errors import AnalysisError


def named(n: int) -> list[str]:
    return [f"class {i}" for i in range(n)]


def scattered(n: int, dim: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


def tree(n: int, method: str = "average", metric: str = "euclidean", seed: int = 0) -> Hierarchy:
    return build_hierarchy(scattered(n, seed=seed), named(n), method, metric)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def inverted() -> Hierarchy:
    """Three nearly equidistant points: the third joins the centroid of the others below the height at which these
    joined."""
    points = [[0.0, 0.0], [1.0, 0.0], [0.5, 0.88], [9.0, 9.0], [9.0, 9.3], [20.0, 0.0]]
    return build_hierarchy(points, named(6), "centroid")


def chain(n: int) -> Hierarchy:
    return build_hierarchy(np.arange(n, dtype=float)[:, None] ** 2, named(n), "single")


def naive_clusters(points: np.ndarray, method: str) -> list[tuple[set[frozenset[int]], float]]:
    """Partitions and heights of an agglomeration that measures every pair of groups from the points anew at each
    step."""

    def apart(a: frozenset[int], b: frozenset[int]) -> float:
        pairs = [float(np.linalg.norm(points[i] - points[j])) for i in a for j in b]
        if method == "single":
            return min(pairs)
        if method == "complete":
            return max(pairs)
        if method == "average":
            return sum(pairs) / len(pairs)
        between = float(np.linalg.norm(points[list(a)].mean(axis=0) - points[list(b)].mean(axis=0)))
        return between if method == "centroid" else between * math.sqrt(2 * len(a) * len(b) / (len(a) + len(b)))  # ward

    groups = {frozenset([i]) for i in range(len(points))}
    steps = []
    while len(groups) > 1:
        a, b = min(itertools.combinations(sorted(groups, key=sorted), 2), key=lambda pair: apart(*pair))
        height = apart(a, b)
        groups = groups - {a, b} | {a | b}
        steps.append((groups, height))
    return steps


@pytest.mark.parametrize("method", ["single", "complete", "average", "ward", "centroid"])
def test_merges_are_those_of_a_naive_agglomeration(method: str) -> None:
    points = scattered(9, 3, seed=5)
    h = build_hierarchy(points, named(9), method)
    for step, (groups, height) in enumerate(naive_clusters(points, method), start=1):
        assert partition(h.cut(k=9 - step)) == groups
        assert h.linkage[step - 1, 2] == pytest.approx(height)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("method", METHODS)
def test_linkage_is_scipys(method: str, metric: str) -> None:
    x = scattered(30, 5)
    if method in EUCLIDEAN_METHODS and metric != "euclidean":
        with pytest.raises(AnalysisError, match="Euclidean"):
            build_hierarchy(x, named(30), method, metric)
        return
    h = build_hierarchy(x, named(30), method, metric)
    expected = sch.linkage(x, method, metric)
    np.testing.assert_allclose(h.linkage[:, 2:], expected[:, 2:], rtol=1e-9)
    np.testing.assert_array_equal(np.sort(h.linkage[:, :2], axis=1), expected[:, :2])
    np.testing.assert_array_equal(h.order, sch.leaves_list(h.linkage))
    np.testing.assert_allclose(h.distances, ssd.pdist(x, metric), rtol=1e-9, atol=1e-12)
    assert h.optimal_order
    assert sch.is_valid_linkage(h.linkage)


def neighbour_sum(h: Hierarchy, order: np.ndarray | list[int]) -> float:
    square = h.square()
    return float(sum(square[a, b] for a, b in itertools.pairwise(order)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 3, 4, 7, 9])
def test_leaf_order_is_the_best_of_all_orders_of_the_tree(n: int, method: str) -> None:
    for seed in range(4):
        x = (
            scattered(n, seed=seed) if seed % 2 else np.random.default_rng(seed).integers(0, 3, size=(n, 2))
        )  # the latter with ties
        h = build_hierarchy(x, named(n), method)
        orders: list[list[list[int]]] = [[[leaf]] for leaf in range(n)]
        for left, right in h.children:
            pairs = itertools.product(orders[left], orders[right])
            orders.append([first + second for a, b in pairs for first, second in ((a, b), (b, a))])
        assert neighbour_sum(h, h.order) == pytest.approx(min(neighbour_sum(h, order) for order in orders[-1]))


@pytest.mark.parametrize("method", ["average", "single", "centroid"])
def test_leaf_order_of_many_classes_is_at_least_as_good_as_scipys(method: str) -> None:
    h = tree(150, method)
    plain = sch.linkage(scattered(150), method)
    theirs = sch.leaves_list(sch.optimal_leaf_ordering(plain, h.distances))
    assert neighbour_sum(h, h.order) <= neighbour_sum(h, theirs) + 1e-9
    assert neighbour_sum(h, theirs) < neighbour_sum(h, sch.leaves_list(plain))
    np.testing.assert_array_equal(sch.leaves_list(h.linkage), h.order)
    assert h.order[0] < h.order[-1]


def test_min_plus_product_by_every_route() -> None:
    for shape in [(2, 3, 4), (90, 40, 70), (40, 90, 70), (70, 90, 40)]:
        r = np.random.default_rng(0)
        a, b = r.normal(size=shape[:2]), r.normal(size=shape[1:])
        i, j = shape[0] - 1, shape[2] // 2
        out = _min_plus(a, b)
        assert out.shape == (shape[0], shape[2])
        assert out[i, j] == min(a[i, m] + b[m, j] for m in range(shape[1]))
        assert out.sum() == pytest.approx(sum((a[i] + b.T).min(axis=1).sum() for i in range(shape[0])))


def test_plain_order_above_the_limit_is_recorded() -> None:
    h = build_hierarchy(scattered(12), named(12), optimal_limit=11)
    assert not h.optimal_order
    np.testing.assert_array_equal(h.order, sch.leaves_list(sch.linkage(scattered(12), "average")))


@pytest.mark.parametrize("method", METHODS)
def test_cut_into_k_groups_against_scipy(method: str) -> None:
    h = tree(25, method)
    by_scipy = sch.cut_tree(h.linkage)  # columns: n groups, n - 1, ..., 1
    for k in range(1, 26):
        assert partition(h.cut(k=k)) == partition(by_scipy[:, 25 - k]) or h.has_inversions
        assert len(np.unique(h.cut(k=k))) == k


@pytest.mark.parametrize("method", METHODS)
def test_cut_at_a_height_against_scipy(method: str) -> None:
    h = tree(25, method)
    for height in [0.0, *(h.linkage[:, 2] * 1.0001), 1e9]:
        assert partition(h.cut(height=height)) == partition(sch.fcluster(h.linkage, height, "distance"))


def test_labels_count_up_in_leaf_order() -> None:
    h = tree(20)
    for k in (1, 4, 20):
        labels = h.cut(k=k)[h.order]
        assert labels[0] == 0
        assert set(np.diff(labels)) <= {0, 1}
        assert labels[-1] == k - 1


def test_cut_nodes_are_the_tops_of_the_groups() -> None:
    h = tree(20)
    labels = h.cut(k=6)
    for group, node in enumerate(h.cut_nodes(k=6)):
        np.testing.assert_array_equal(np.sort(h.members(int(node))), np.flatnonzero(labels == group))


def test_inversion_is_seen_and_cut_by_merge_order() -> None:
    h = inverted()
    assert h.has_inversions
    assert not tree(10).has_inversions
    assert [len(np.unique(h.cut(k=k))) for k in range(1, 7)] == [1, 2, 3, 4, 5, 6]
    lower, upper = sorted(h.linkage[1:3, 2])
    assert h.linkage[2, 2] == lower  # the third class joins below the merge that it joins
    # Between the two, no height keeps the pair together and the third class out.
    assert partition(h.cut(height=(lower + upper) / 2)) == partition(
        sch.fcluster(h.linkage, (lower + upper) / 2, "distance")
    )
    assert math.isnan(h.height_for(4))


def test_height_for_gives_the_same_groups() -> None:
    for h in (tree(15), tree(15, "ward"), inverted(), chain(12)):
        defined = 0
        for k in range(1, h.n + 1):
            height = h.height_for(k)
            if not math.isnan(height):
                defined += 1
                np.testing.assert_array_equal(h.cut(height=height), h.cut(k=k))
        assert defined >= h.n - 1


def test_one_hot_start_is_flat_and_still_works() -> None:
    h = build_hierarchy(np.eye(10, dtype=np.float32), named(10))
    assert h.is_flat
    assert h.optimal_order
    np.testing.assert_allclose(h.linkage[:, 2], math.sqrt(2))
    assert [len(np.unique(h.cut(k=k))) for k in range(1, 11)] == list(range(1, 11))
    assert math.isnan(h.height_for(4))
    assert 0 < h.height_for(10) < math.sqrt(2) < h.height_for(1)
    assert len(np.unique(h.cut(height=1.4))) == 10
    assert len(np.unique(h.cut(height=1.5))) == 1


@pytest.mark.parametrize("method", METHODS)
def test_nearly_tied_distances_are_flat_for_every_method(method: str) -> None:
    x = np.eye(8) + np.random.default_rng(0).normal(size=(8, 8)) * 1e-8
    h = build_hierarchy(x, named(8), method)
    assert h.is_flat
    assert len(np.unique(h.cut(k=5))) == 5


def test_evenly_spaced_points_are_flat_under_single_linkage_only() -> None:
    x = np.arange(8.0)[:, None]
    assert build_hierarchy(x, named(8), "single").is_flat
    assert not build_hierarchy(x, named(8), "average").is_flat
    assert not tree(8).is_flat


def test_identical_vectors() -> None:
    h = build_hierarchy(np.ones((5, 3)), named(5))
    assert h.is_flat
    np.testing.assert_array_equal(h.linkage[:, 2], 0)
    assert h.height_for(1) == 0
    assert math.isnan(h.height_for(5))
    assert len(np.unique(h.cut(k=5))) == 5
    assert len(np.unique(h.cut(height=0.0))) == 1


def test_one_class() -> None:
    h = build_hierarchy([[1.0, 2.0]], ["only"])
    assert h.linkage.shape == (0, 4)
    assert h.order.tolist() == [0]
    assert h.cut(k=1).tolist() == [0]
    assert h.cut(height=3.0).tolist() == [0]
    assert h.cut(height=h.height_for(1)).tolist() == [0]
    assert h.square().tolist() == [[0.0]]
    assert h.nearest(0)[0].tolist() == []
    assert h.members(0).tolist() == [0]
    assert h.layout().place.tolist() == [0.0]
    assert h.layout().bracket_places.shape == (0, 4)
    assert h.is_flat
    assert not h.has_inversions


def test_two_classes() -> None:
    h = build_hierarchy([[0.0], [3.0]], ["a", "b"])
    assert h.linkage.tolist() == [[0, 1, 3, 2]]
    assert h.cut(k=2).tolist() == [0, 1]
    assert h.height_for(2) == 1.5
    assert h.nearest(0)[1].tolist() == [3.0]


def test_three_classes() -> None:
    h = build_hierarchy([[0.0], [10.0], [1.0]], ["a", "b", "c"])
    assert partition(h.cut(k=2)) == {frozenset({0, 2}), frozenset({1})}
    assert h.order.tolist() in ([1, 2, 0], [0, 2, 1])  # c lies between a and b
    assert h.height_for(2) == pytest.approx((1 + 9.5) / 2)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_direction_metrics_ignore_scale_even_where_squares_overflow(metric: str) -> None:
    x = scattered(6)
    scaled = x * np.array([1e-200, 1.0, 1e200, 3.0, 1e-3, 7.0])[:, None]
    np.testing.assert_allclose(
        build_hierarchy(scaled, named(6), metric=metric).distances, ssd.pdist(x, metric), rtol=1e-9
    )


def test_equal_directions_have_distance_zero_not_less() -> None:
    x = np.array([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6], [0.7, 0.1, 0.2]])
    h = build_hierarchy(x, named(3), metric="cosine")
    assert h.distances.min() >= 0
    assert h.distances[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("vectors", "names", "options", "says"),
    [
        ([[0.0, 1.0], [math.nan, 1.0]], ["cat", "dog"], {}, "'dog'"),
        ([[0.0, math.inf], [0.0, 1.0]], ["cat", "dog"], {}, "'cat'"),
        ([[0.0, 0.0], [0.0, 1.0]], ["cat", "dog"], {"metric": "cosine"}, "'cat'"),
        ([[1.0, 2.0], [0.3, 0.3]], ["cat", "dog"], {"metric": "correlation"}, "'dog'"),
        ([[1.0], [2.0]], ["cat", "dog"], {"metric": "correlation"}, "'cat'"),
        ([[0.0], [1.0]], ["cat", "cat"], {}, "more than once"),
        ([[0.0], [1.0]], ["cat"], {}, "2 class vectors and 1 names"),
        ([[0.0], [1.0]], "ab", {}, "one text"),
        ([0.0, 1.0], ["cat", "dog"], {}, "shape"),
        (np.zeros((0, 3)), [], {}, "shape"),
        (np.zeros((2, 0)), ["cat", "dog"], {}, "shape"),
        ([["x"], ["y"]], ["cat", "dog"], {}, "numbers"),
        ([[1j], [2.0]], ["cat", "dog"], {}, "complex"),
        ([[1e200], [-1e200]], ["cat", "dog"], {}, "too large"),
        ([[0.0], [1.0]], ["cat", "dog"], {"method": "upgma"}, "'upgma'"),
        ([[0.0], [1.0]], ["cat", "dog"], {"metric": "hamming"}, "'hamming'"),
    ],
)
def test_refused_with_a_reason(vectors: object, names: object, options: dict[str, str], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        build_hierarchy(vectors, names, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cut", [{}, {"k": 2, "height": 1.0}, {"k": 0}, {"k": 11}, {"k": -1}, {"k": 2.0}, {"k": True}, {"k": "2"}, {"height": -0.1},
            {"height": math.nan}]
)  # fmt: skip
def test_cuts_that_are_refused(cut: dict[str, object]) -> None:
    with pytest.raises(AnalysisError):
        tree(10).cut(**cut)  # type: ignore[arg-type]


def test_nodes_and_classes_that_are_not_there() -> None:
    h = tree(4)
    for ask in (
        lambda: h.members(7),
        lambda: h.members(-1),
        lambda: h.nearest(4),
        lambda: h.nearest(-1),
        lambda: h.height_for(5),
    ):
        with pytest.raises(AnalysisError):
            ask()


def test_layout_is_scipys_dendrogram() -> None:
    for h in (tree(12), tree(12, "centroid", seed=2), build_hierarchy(np.eye(6), named(6))):
        drawn = sch.dendrogram(h.linkage, no_plot=True)
        theirs = {
            (tuple(np.round((np.array(i) - 5) / 10, 9)), tuple(np.round(d, 9)))
            for i, d in zip(drawn["icoord"], drawn["dcoord"], strict=True)
        }
        layout = h.layout()
        ours = {
            (tuple(np.round(i, 9)), tuple(np.round(d, 9)))
            for i, d in zip(layout.bracket_places, layout.bracket_heights, strict=True)
        }
        assert ours == theirs
        assert drawn["leaves"] == h.order.tolist()
        assert layout is h.layout()


def test_deep_chain_of_5000_leaves() -> None:
    h = chain(5_000)
    labels = h.cut(k=3)
    assert np.bincount(labels).tolist() in ([4_998, 1, 1], [1, 1, 4_998])
    assert h.members(2 * h.n - 2).tolist() == h.order.tolist()
    assert h.layout().height[-1] == 4_999**2 - 4_998**2
    assert sorted(h.order.tolist()) == list(range(5_000))


def test_names_of_clades() -> None:
    h = build_hierarchy([[0.0], [1.0], [10.0], [12.0], [40.0]], ["a", "b", "c", "d", "e"])
    assert h.clade_name(2) == "c"
    pair = next(node for node in range(5, 9) if set(h.members(node)) == {0, 1})
    assert h.clade_name(pair) in ("a and b", "b and a")
    assert h.clade_name(8, limit=2).endswith(" and 3 more")
    assert h.clade_name(8, limit=0).endswith(" and 4 more")


def test_nearest_and_rows_against_the_square_matrix() -> None:
    h = tree(17)
    square = ssd.cdist(scattered(17), scattered(17))
    np.testing.assert_allclose(h.square(), square, atol=1e-12)
    np.testing.assert_allclose(h.rows([3, 0, 16]), square[[3, 0, 16]], atol=1e-12)
    for i in range(17):
        found, away = h.nearest(i, 4)
        expected = [j for j in np.argsort(square[i]) if j != i][:4]
        assert found.tolist() == expected
        np.testing.assert_allclose(away, square[i, expected])
    assert len(h.nearest(2, 100)[0]) == 16
    assert len(h.nearest(2, 0)[0]) == 0


def test_ties_in_nearest_go_by_class_index() -> None:
    assert build_hierarchy(np.eye(5), named(5)).nearest(2, 3)[0].tolist() == [0, 1, 3]


def test_reordered_turns_branches_and_nothing_else() -> None:
    h = tree(14)
    mirrored = h.reordered(h.order[::-1])
    assert mirrored.order.tolist() == h.order[::-1].tolist()
    np.testing.assert_array_equal(sch.leaves_list(mirrored.linkage), mirrored.order)
    np.testing.assert_array_equal(np.sort(mirrored.linkage[:, :2], axis=1), np.sort(h.linkage[:, :2], axis=1))
    assert not mirrored.optimal_order
    assert partition(mirrored.cut(k=5)) == partition(h.cut(k=5))
    first, second = h.linkage[0, :2].astype(int)  # a pair, torn apart
    torn = [first, *(i for i in h.order if i not in (first, second)), second]
    for wrong in (torn, h.order[:-1], np.zeros(14, dtype=int)):
        with pytest.raises(AnalysisError):
            h.reordered(wrong)


def test_a_tree_can_be_cached() -> None:
    h = tree(9)
    h.layout()
    again = pickle.loads(pickle.dumps(h))
    np.testing.assert_array_equal(again.linkage, h.linkage)
    assert again.names == h.names


grids = st.integers(1, 12).flatmap(
    lambda n: hnp.arrays(np.float64, (n, 2), elements=st.integers(-4, 4).map(lambda v: v / 10))
)  # a coarse grid makes ties and identical vectors common


@given(points=grids, method=st.sampled_from(METHODS))
@settings(max_examples=80)
def test_any_vectors_give_a_consistent_tree(points: np.ndarray, method: str) -> None:
    n = len(points)
    h = build_hierarchy(points, named(n), method)
    assert sorted(h.order.tolist()) == list(range(n))
    if n > 1:
        np.testing.assert_array_equal(sch.leaves_list(h.linkage), h.order)
    coarser = None
    for k in range(n, 0, -1):
        labels = h.cut(k=k)
        assert len(np.unique(labels)) == k
        assert set(np.diff(labels[h.order])) <= {0, 1}  # groups are unbroken in leaf order and count up
        groups = partition(labels)
        if coarser is not None:  # one merge at a time
            assert len(coarser - groups) == 2
        coarser = groups
        height = h.height_for(k)
        if not math.isnan(height):
            np.testing.assert_array_equal(h.cut(height=height), labels)
    for node in range(2 * n - 1):
        assert len(h.members(node)) == h.sizes[node]
    layout = h.layout()
    leaves = layout.place[:n]
    for row, (left, right) in enumerate(h.children):
        np.testing.assert_array_equal(np.sort(h.members(n + row)), np.sort(np.r_[h.members(left), h.members(right)]))
        below = leaves[h.members(n + row)]
        assert below.min() < layout.place[n + row] < below.max()
        assert layout.place[left] < layout.place[n + row] < layout.place[right]


@given(points=grids, permutation=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_renumbering_the_classes_changes_no_height(points: np.ndarray, permutation) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(range(len(points)))
    permutation.shuffle(shuffled)
    first = build_hierarchy(points, named(len(points)), "single")
    second = build_hierarchy(points[shuffled], named(len(points)), "single")
    np.testing.assert_allclose(second.linkage[:, 2], first.linkage[:, 2], atol=1e-12)
