"""Cuts: every one a partition into clades; sizes, silhouettes and merges against slow versions and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples, silhouette_score

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees import dynamic_tree_cut
from lwal_core.analysis.trees.cuts import (
    CutRule,
    balanced_cut,
    cut_by_rule,
    cut_here,
    cut_labels,
    cut_tops,
    dynamic_cut,
    group_names,
    join_here,
    mean_silhouette,
    merges_above,
    parse_rule,
    silhouette_cut,
    tops_below,
)
from lwal_core.errors import AnalysisError
from lwal_core.figures.clade_colors import group_marks


def tree(n: int, seed: int = 0, levels: int = 0, method: str = "average") -> Hierarchy:
    """Of random points; with ``levels`` their coordinates are a few whole numbers, so that distances are tied."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, levels, (n, 2)).astype(float) if levels else rng.normal(size=(n, 3))
    return build_hierarchy(points, [f"class {i}" for i in range(n)], method)


def clusters() -> Hierarchy:
    """Five clouds of 2, 3, 4, 5 and 6 points, each of its own width."""
    rng = np.random.default_rng(4)
    clouds = [rng.normal(scale=0.1 + 0.1 * k, size=(k + 2, 2)) + 9 * np.array([k, k % 2]) for k in range(5)]
    points = np.concatenate(clouds)
    return build_hierarchy(points, [f"class {i}" for i in range(len(points))])


trees = st.builds(
    tree,
    st.integers(1, 14),
    st.integers(0, 10_000),
    st.sampled_from([0, 1, 3]),
    st.sampled_from(["average", "single", "centroid"]),
)


def is_partition_into_clades(h: Hierarchy, tops: tuple[int, ...]) -> bool:
    members = [set(h.members(top).tolist()) for top in tops]
    return sorted(i for group in members for i in group) == list(range(h.n))


@given(trees, st.data())
@settings(max_examples=150, deadline=None)
def test_every_cut_is_a_partition_into_clades(h: Hierarchy, data: st.DataObject) -> None:
    merges = data.draw(st.lists(st.integers(h.n, 2 * h.n - 2), max_size=4)) if h.n > 1 else []
    most = data.draw(st.integers(1, h.n + 1))
    cuts = {
        "size": balanced_cut(h, most),
        "dynamic": dynamic_cut(h, data.draw(st.integers(2, 4))),
        "silhouette": silhouette_cut(h),
        "merges": tops_below(h, merges),
    }
    for how, tops in cuts.items():
        assert is_partition_into_clades(h, tops), how
        assert cut_tops(h, tops).tolist() == list(tops), how  # in leaf order already
        assert [mark.node for mark in group_marks(h, tops)] == list(tops)
        assert tops_below(h, merges_above(h, tops)) == tops  # by the merges that are undone it is the same
        labels = cut_labels(h, tops)
        assert all(set(labels[h.members(top)].tolist()) == {group} for group, top in enumerate(tops))
    assert all(h.sizes[top] <= most for top in cuts["size"])
    assert set(merges) <= set(merges_above(h, cuts["merges"]))


@given(trees, st.data())
@settings(max_examples=100, deadline=None)
def test_cutting_a_merge_and_joining_it_again(h: Hierarchy, data: st.DataObject) -> None:
    if h.n == 1:
        return
    k, node = data.draw(st.integers(1, h.n)), data.draw(st.integers(h.n, 2 * h.n - 2))
    apart = tops_below(h, cut_here(h, k, node))
    assert not any(set(h.members(node).tolist()) <= set(h.members(top).tolist()) for top in apart)
    joined = tops_below(h, join_here(h, apart, node))
    assert node in joined
    assert is_partition_into_clades(h, joined)
    beside = [top for top in apart if not set(h.members(top).tolist()) <= set(h.members(node).tolist())]
    assert set(beside) == set(joined) - {node}  # nothing else has changed


@given(trees, st.integers(1, 15))
@settings(max_examples=100, deadline=None)
def test_no_partition_has_fewer_groups_of_so_many_classes(h: Hierarchy, most: int) -> None:
    def fewest(node: int) -> int:
        """From the top down: a clade that is small enough is one group."""
        return 1 if h.sizes[node] <= most else sum(fewest(int(child)) for child in h.children[node - h.n])

    assert len(balanced_cut(h, most)) == fewest(2 * h.n - 2)


@pytest.mark.parametrize("method", ["average", "complete", "single", "ward", "centroid"])
def test_silhouettes_are_those_of_scikit_learn(method: str) -> None:
    h = tree(23, 5, method=method)
    for k in range(2, 23):
        labels = cut_labels(h, k)
        assert mean_silhouette(h, k) == pytest.approx(silhouette_score(h.square(), labels, metric="precomputed"))
    tops = balanced_cut(h, 4)  # groups at several heights
    assert mean_silhouette(h, tops) == pytest.approx(
        silhouette_samples(h.square(), cut_labels(h, tops), metric="precomputed").mean()
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_best_silhouette_is_the_best_of_all_cuts_by_height(seed: int) -> None:
    h = tree(17, seed)
    scores = {k: silhouette_score(h.square(), h.cut(k=k), metric="precomputed") for k in range(2, 17)}
    assert len(silhouette_cut(h)) == max(scores, key=lambda k: (round(scores[k], 12), -k))
    few = {k: score for k, score in scores.items() if k <= 4}
    assert len(silhouette_cut(h, 4)) == max(few, key=lambda k: (round(few[k], 12), -k))


def test_clouds_are_found() -> None:
    h = clusters()
    wanted = {frozenset(range(sum(range(2, 2 + k)), sum(range(2, 3 + k)))) for k in range(5)}
    assert {frozenset(h.members(top).tolist()) for top in silhouette_cut(h)} == wanted
    assigned = dynamic_tree_cut(h.linkage)
    found = {frozenset(h.members(top).tolist()) for top in dynamic_cut(h)}
    assert {frozenset(np.flatnonzero(assigned == label).tolist()) for label in set(assigned.tolist()) - {0}} <= found
    assert all(frozenset([i]) in found for i in np.flatnonzero(assigned == 0).tolist())


@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_classes_are_one_group(n: int) -> None:
    h = tree(n)
    for rule in ("silhouette", "dynamic", "size=5", "merges="):
        assert len(cut_tops(h, cut_by_rule(h, parse_rule(rule)))) == 1, rule
    assert math.isnan(mean_silhouette(h, 1))
    assert balanced_cut(h, 1) == tuple(h.order.tolist())


def test_a_flat_tree_has_no_groups_to_find() -> None:
    h = build_hierarchy(np.eye(6), list("abcdef"))
    assert h.is_flat
    assert silhouette_cut(h) == dynamic_cut(h) == (10,)
    assert sum(h.sizes[top] for top in balanced_cut(h, 2)) == 6
    same = build_hierarchy(np.zeros((5, 2)), list("abcde"))
    assert silhouette_cut(same) == (8,)
    assert mean_silhouette(same, 2) == 0  # as scikit-learn has it where all distances are 0


@pytest.mark.parametrize(
    "at",
    [(), (0, 1), (8, 0), (8, 8), (99,), (-1,), (True,), ("a",), True, "5", None, math.nan, -1.0, 0, 6, [8]],
)
def test_what_is_no_cut_is_refused(at: object) -> None:
    h = tree(5)
    with pytest.raises(AnalysisError):
        cut_tops(h, at)  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "3", None])
def test_sizes_that_no_group_has_are_refused(most: object) -> None:
    with pytest.raises(AnalysisError, match="at most"):
        balanced_cut(tree(5), most)  # type: ignore[arg-type]


def test_a_class_cannot_be_cut() -> None:
    with pytest.raises(AnalysisError, match="nothing to cut"):
        tops_below(tree(5), [2])


def test_rules_as_text() -> None:
    assert parse_rule("8") == parse_rule(" groups=8 ") == CutRule("groups", 8)
    assert parse_rule("height=1e-3") == CutRule("height", 0.001)
    assert parse_rule("dynamic") == CutRule("dynamic", 2)
    assert parse_rule("merges=12.10.12") == CutRule("merges", merges=(10, 12))
    for wrong in ("", "groups", "groups=", "groups=1.5", "height=nan", "height=1e999", "height=.", "size=-1", "tree=3",
                  "silhouette=3", "merges=1..2", "groups=٣", "8" * 9, "merges=" + "1." * 9_000):  # fmt: skip
        with pytest.raises(AnalysisError, match="no cut"):
            parse_rule(wrong)


rules = st.one_of(
    st.tuples(st.sampled_from(["groups", "dynamic", "size"]), st.integers(0, 10**7 - 1)).map(
        lambda pair: CutRule(*pair)
    ),
    st.floats(0, 1e300, allow_nan=False).map(lambda height: CutRule("height", height)),
    st.just(CutRule("silhouette")),
    st.lists(st.integers(0, 99_999), max_size=30).map(lambda ms: CutRule("merges", merges=tuple(sorted(set(ms))))),
)


@given(rules)
def test_a_rule_comes_back_from_its_text(rule: CutRule) -> None:
    assert parse_rule(str(rule)) == rule


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except AnalysisError:
        return
    assert parse_rule(str(rule)) == rule


def test_groups_are_called_by_their_names_and_no_two_alike() -> None:
    h = tree(6, 1)
    tops = cut_tops(h, 3).tolist()
    assert group_names(h, tops, {}) == tuple(h.clade_name(top) for top in tops)
    alike = group_names(h, tops, {top: "animals" for top in tops if top >= h.n})
    assert len(set(alike)) == 3
    assert "animals" in alike
    long = group_names(h, tops, {top: f"x{'y' * 300}" for top in tops if top >= h.n})
    assert len(set(long)) == 3 and max(map(len, long)) <= 80
