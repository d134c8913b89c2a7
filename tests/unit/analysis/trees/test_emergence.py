"""The tree through training: against all turnings of small trees, loops over sets, and scipy's tau."""

from __future__ import annotations

import math
import time
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from lwal_core.analysis.hierarchy import METHODS, Hierarchy, build_hierarchy
from lwal_core.analysis.trees import clades, untangle
from lwal_core.analysis.trees.emergence import Emergence, calm, emergence
from lwal_core.analysis.trees.kendall import kendall_tau_ceiling
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import load_taxonomy
from tests.support.growing_trees import grown, names_of

SHAPES = list(load_taxonomy("shapes").classes)


def flat(n: int) -> Hierarchy:
    return build_hierarchy(np.eye(n), names_of(n))


def moved(orders: list[list[int]]) -> int:
    """Places that all leaves together move, one by one."""
    return sum(abs(a.index(i) - b.index(i)) for a, b in pairwise(orders) for i in range(len(a)))


def orders_of(film: list[Hierarchy] | tuple[Hierarchy, ...]) -> list[list[int]]:
    return [tree.order.tolist() for tree in film]


def all_turnings(h: Hierarchy) -> list[Hierarchy]:
    merges = range(h.n, 2 * h.n - 1)
    return [
        h.turned([node for node, turn in zip(merges, ways, strict=True) if turn])
        for ways in product((False, True), repeat=h.n - 1)
    ]


def leaf_sets(h: Hierarchy) -> set[frozenset[int]]:
    return {frozenset(h.members(node).tolist()) for node in range(h.n, 2 * h.n - 2)}


class TestCalm:
    @settings(max_examples=30)
    @given(st.integers(2, 6), st.integers(0, 10_000), st.sampled_from(METHODS))
    def test_of_two_trees_the_first_gets_the_best_of_all_turnings(self, n: int, seed: int, method: str) -> None:
        first, last = grown(n, 2, seed, method=method).values()
        film = calm([first, last])
        assert film[1].order.tolist() == last.order.tolist()
        least = min(moved([turned.order.tolist(), last.order.tolist()]) for turned in all_turnings(first))
        assert moved(orders_of(film)) == least

    @settings(max_examples=20)
    @given(st.integers(3, 5), st.integers(0, 10_000))
    def test_of_three_no_turning_of_one_tree_alone_is_calmer(self, n: int, seed: int) -> None:
        film = calm(list(grown(n, 3, seed).values()))
        for at in (0, 1):
            for turned in all_turnings(film[at]):
                other = [*film[:at], turned, *film[at + 1 :]]
                assert moved(orders_of(film)) <= moved(orders_of(other))

    def test_trees_stay_what_they_are_and_the_last_one_is_not_touched(self) -> None:
        trees = list(grown(30, 8).values())
        film = calm(trees)
        assert film[-1] is trees[-1]
        for before, after in zip(trees, film, strict=True):
            assert clades(before.linkage) == clades(after.linkage)
            assert np.array_equal(before.linkage[:, 2], after.linkage[:, 2])
            assert [set(pair) for pair in before.children.tolist()] == [set(pair) for pair in after.children.tolist()]
            assert np.argsort(after.first_place[: after.n]).tolist() == after.order.tolist()

    @pytest.mark.parametrize("seed", range(5))
    def test_calmer_than_greedy_turning_backwards(self, seed: int) -> None:
        trees = list(grown(40, 12, seed).values())
        greedy = [trees[-1]]
        for tree in reversed(trees[:-1]):
            order, _ = untangle(tree.linkage, greedy[-1].linkage, "step1side", 1.0)
            greedy.append(tree.reordered(order))
        assert moved(orders_of(calm(trees))) < moved(orders_of(greedy[::-1]))

    def test_same_film_twice(self) -> None:
        trees = list(grown(25, 6).values())
        assert orders_of(calm(trees)) == orders_of(calm(trees))

    def test_equal_trees_do_not_move_whatever_their_turns(self) -> None:
        tree = grown(12, 1)[0]
        film = calm([tree.turned([14, 20]), tree.turned([22]), tree])
        assert orders_of(film) == [tree.order.tolist()] * 3

    def test_flat_trees_stand_as_the_next_one(self) -> None:
        trees = list(grown(9, 3).values())
        film = calm([flat(9), flat(9), *trees])
        assert film[0].order.tolist() == film[1].order.tolist() == film[2].order.tolist()
        assert film[0].is_flat and np.argsort(film[0].first_place[:9]).tolist() == film[0].order.tolist()
        between = calm([trees[0], flat(9), trees[1]])
        assert between[1].order.tolist() == trees[1].order.tolist()
        assert moved(orders_of(between)) == moved(orders_of(calm(trees[:2])))

    def test_flat_last_trees_stand_as_the_one_before(self) -> None:
        tree = grown(7, 1)[0]
        assert orders_of(calm([flat(7), tree, flat(7)])) == [tree.order.tolist()] * 3

    @pytest.mark.parametrize("method", ["ward", "centroid"])
    def test_flat_by_its_distances_alone(self, method: str) -> None:
        """Ward puts equal distances at different heights; the tree still says nothing."""
        tree = grown(6, 1)[0]
        film = calm([build_hierarchy(np.eye(6), names_of(6), method), tree])
        assert film[0].order.tolist() == tree.order.tolist()
        assert np.argsort(film[0].first_place[:6]).tolist() == film[0].order.tolist()

    def test_deep_chains(self) -> None:
        vectors = np.cumsum(np.arange(1, 1501))[:, None].astype(float)
        chain = build_hierarchy(vectors, names_of(1500), "single", optimal_limit=0)
        film = calm([chain.reordered(chain.order[::-1]), chain])
        assert moved_fast(film) == 0


def moved_fast(film: list[Hierarchy]) -> int:
    return sum(int(np.abs(np.argsort(a.order) - np.argsort(b.order)).sum()) for a, b in pairwise(film))


class TestEmergence:
    def test_clades_against_loops(self) -> None:
        trees = grown(14, 9, seed=3)
        e = emergence(trees)
        final = leaf_sets(trees[8])
        assert e.clades == len(final) == 12
        assert e.shared.tolist() == [len(leaf_sets(trees[epoch]) & final) for epoch in range(9)]
        assert e.share.tolist() == pytest.approx([len(leaf_sets(trees[t]) & final) / 12 for t in range(9)])
        for node, since in e.since.items():
            clade = frozenset(trees[8].members(node).tolist())
            there = [clade in leaf_sets(trees[epoch]) for epoch in range(9)]
            naive = 8
            while naive > 0 and there[naive - 1]:
                naive -= 1
            assert since == naive
        assert len(e.since) == 12
        counts = [sum(since <= epoch for since in e.since.values()) for epoch in range(9)]
        assert e.settled().tolist() == counts
        assert all(settled <= shared for settled, shared in zip(e.settled(), e.shared, strict=True))

    def test_a_clade_that_comes_goes_and_comes_back_counts_from_its_return(self) -> None:
        near = np.array([[0.0], [1.0], [10.0], [11.0]])  # 01 | 23
        crossed = np.array([[0.0], [10.0], [1.0], [11.0]])
        trees = {epoch: build_hierarchy(v, names_of(4)) for epoch, v in enumerate([near, near, crossed, near, near])}
        e = emergence(trees)
        assert e.since == {4: 3, 5: 3}
        assert e.shared.tolist() == [2, 2, 0, 2, 2]
        assert e.settled().tolist() == [0, 0, 0, 2, 2]

    def test_movement_is_that_of_the_film(self) -> None:
        e = emergence(grown(11, 6))
        orders = orders_of(e.trees)
        assert e.movement.tolist() == [0, *(moved([a, b]) for a, b in pairwise(orders))]

    def test_epochs_come_in_any_order_and_need_not_follow_one_another(self) -> None:
        trees = grown(8, 4)
        e = emergence({30: trees[3], 0: trees[0], 7: trees[2], 3: trees[1]})
        assert e.epochs == (0, 3, 7, 30)
        assert set(e.since.values()) <= {0, 3, 7, 30}
        assert e.shared.tolist() == emergence(trees).shared.tolist()

    def test_tau_against_scipy(self) -> None:
        taxonomy = load_taxonomy("shapes")
        trees = grown(16, 4, names=SHAPES)
        e = emergence(trees, taxonomy)
        hops = taxonomy.distances(SHAPES)
        for at, tree in enumerate(trees.values()):
            own = tree.square()
            taus = [kendalltau(np.delete(own[i], i), np.delete(hops[i], i)).statistic for i in range(16)]
            assert e.tau[at] == pytest.approx(np.mean(taus))
        assert e.ceiling == pytest.approx(np.mean(kendall_tau_ceiling(hops)))

    def test_tau_of_the_classes_that_the_taxonomy_has(self) -> None:
        taxonomy = load_taxonomy("shapes")
        names = ["nothing known", *SHAPES[:6], "neither"]
        trees = grown(8, 2, names=names)
        hops = taxonomy.distances(SHAPES[:6])
        own = trees[1].square()[1:7, 1:7]
        taus = [kendalltau(np.delete(own[i], i), np.delete(hops[i], i)).statistic for i in range(6)]
        assert emergence(trees, taxonomy).tau[1] == pytest.approx(np.nanmean(taus))

    def test_undefined_tau(self) -> None:
        generator = np.random.default_rng(0)
        rounded = build_hierarchy(np.eye(16) + 1e-8 * generator.normal(size=(16, 16)), SHAPES)
        assert math.isnan(emergence({0: rounded}, load_taxonomy("shapes")).tau[0])
        assert np.isnan(emergence(grown(5, 2)).tau).all() and math.isnan(emergence(grown(5, 2)).ceiling)
        unknown = emergence(grown(5, 2), load_taxonomy("shapes"))
        assert np.isnan(unknown.tau).all() and math.isnan(unknown.ceiling)
        one_hot = {0: build_hierarchy(np.eye(16), SHAPES), 1: grown(16, 1, names=SHAPES)[0]}
        tau = emergence(one_hot, load_taxonomy("shapes")).tau
        assert math.isnan(tau[0]) and not math.isnan(tau[1])

    def test_flat_trees_have_no_clade_however_they_are_rounded(self) -> None:
        generator = np.random.default_rng(0)
        rounded = build_hierarchy(np.eye(9) + 1e-8 * generator.normal(size=(9, 9)), names_of(9))
        assert rounded.is_flat and len(clades(rounded.linkage)) > 0
        tree = grown(9, 1)[0]
        assert emergence({0: rounded, 1: tree}).shared.tolist() == [0, 7]
        flat_end = emergence({0: tree, 1: rounded})
        assert flat_end.clades == 0 and flat_end.since == {} and np.isnan(flat_end.share).all()
        assert flat_end.shared.tolist() == [0, 0] and flat_end.settled().tolist() == [0, 0]

    def test_tied_merges_are_one_clade(self) -> None:
        tied = build_hierarchy(np.array([[0, 0], [1, 0], [0.5, math.sqrt(0.75)], [9.0, 9.0]]), names_of(4))
        e = emergence({0: tied, 1: tied})
        assert e.clades == 1 and list(e.since.values()) == [0]
        assert set(tied.members(next(iter(e.since))).tolist()) == {0, 1, 2}

    @pytest.mark.parametrize("n", [1, 2])
    def test_one_and_two_classes(self, n: int) -> None:
        e = emergence(grown(n, 3), load_taxonomy("shapes"))
        assert e.clades == 0 and e.since == {} and np.isnan(e.share).all() and np.isnan(e.tau).all()
        assert e.movement.tolist() == [0, 0, 0]
        assert [tree.n for tree in e.trees] == [n] * 3

    def test_three_classes(self) -> None:
        lines = [[0, 1, 9], [0, 8, 9], [0, 8, 9]]
        trees = {t: build_hierarchy(np.array(line, float)[:, None], ["a", "b", "c"]) for t, line in enumerate(lines)}
        e = emergence(trees)
        assert e.since == {3: 1} and e.shared.tolist() == [0, 1, 1]
        assert e.movement.tolist() == [0, 0, 0]  # a b c can be kept throughout

    def test_one_epoch(self) -> None:
        e = emergence({5: grown(6, 1)[0]})
        assert e.epochs == (5,) and e.movement.tolist() == [0] and set(e.since.values()) == {5}
        assert e.share.tolist() == [1.0]

    def test_refused(self) -> None:
        with pytest.raises(AnalysisError, match="no tree"):
            emergence({})
        with pytest.raises(AnalysisError, match="epochs 0 and 1 have different classes"):
            emergence({0: grown(4, 1)[0], 1: grown(5, 1)[0]})

    def test_above_the_limit_nothing_is_turned_and_it_says_so(self) -> None:
        trees = grown(16, 4, names=SHAPES)
        e = emergence(trees, load_taxonomy("shapes"), most_work=16 * 16 * 4 - 1)
        assert not e.complete and np.isnan(e.tau).all()
        assert orders_of(e.trees) == orders_of(list(trees.values()))
        whole: Emergence = emergence(trees, load_taxonomy("shapes"), most_work=16 * 16 * 4)
        assert whole.complete and not np.isnan(whole.tau).any()
        assert e.shared.tolist() == whole.shared.tolist() and e.since == whole.since
        assert e.movement.sum() > whole.movement.sum()

    def test_a_hundred_classes_over_twenty_epochs_take_a_moment(self) -> None:
        taxonomy = load_taxonomy("cifar100")
        trees = grown(100, 20, names=list(taxonomy.classes))
        start = time.process_time()
        emergence(trees, taxonomy)
        assert time.process_time() - start < 3  # half a second on an idle core
