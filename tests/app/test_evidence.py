"""The panel "Is it real?": its numbers against loops, its sentences, and what it says when a part is missing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import dendropy
import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from streamlit.testing.v1 import AppTest

from app.common import run_cache
from app.common.selection import Selection
from app.evidence.samples import Mistakes, SampleEvidence, mistakes_of
from app.evidence.seeds import BaselineEvidence, SeedEvidence
from app.evidence.stats import Evidence, evidence
from app.evidence.text import cannot_judge, clade_support_text, finding, p_text, source_note, taxonomy_relation, verdict
from app.evidence.view import _newick
from app.tree.stats import Agreement, TreeKey, agreement, tree_key
from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees import (
    bakers_gamma,
    clade_support,
    cross_agreement,
    majority_consensus,
    seed_agreement,
    set_difference,
    transfer_support,
)
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunWriter, group_runs, list_runs, open_run
from lwal_core.runs.paths import EVALUATION, label_file
from lwal_core.taxonomy import load_taxonomy
from lwal_core.taxonomy.store import fitting_taxonomy
from tests.app.conftest import open_script, text_of

HOSTILE = ["<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]", "=1+1", "tab\tname", "very " * 30 + "long"]
SHAPES = list(load_taxonomy("shapes").classes)

PAGE = """
from pathlib import Path
import streamlit as st
from app.common import run_cache
from app.tree.stats import agreement, tree_key
from lwal_core.results.tree_spec import TreeSpec
from app.evidence.view import draw_evidence
from app.common.selection import pick_run, selection
from app.common.selection_bar import draw_selection
from lwal_core.taxonomy.store import fitting_taxonomy
from lwal_core.runs import open_run

def panel():
    chosen = selection()
    run = open_run(pick_run().id)
    epoch = int(st.query_params.get("epoch", run.label_epochs()[-1]))
    source = st.query_params.get("vectors", "centroids")
    spec = TreeSpec.of(run, epoch, source)
    h = run_cache.hierarchy(spec)
    key = tree_key(spec)
    taxonomy = fitting_taxonomy(h.names)
    draw_evidence(chosen, run, key, h, agreement(key, h, taxonomy) if taxonomy else None)

page = st.navigation([st.Page(panel, default=True), st.Page(Path(__file__).parents[1] / "pages" / "train.py")])
draw_selection()
page.run()
"""

Make = Callable[..., Run]
Open = Callable[..., AppTest]


@pytest.fixture
def open_panel(tmp_path: Path) -> Open:
    """The panel on a page of its own, with the Train page beside it."""
    entry = tmp_path / "entry" / "main.py"
    for path, text in ((entry, PAGE), (tmp_path / "pages" / "train.py", "")):
        path.parent.mkdir()
        path.write_text(text)
    return partial(open_script, entry)


def selected(baseline: Run | None = None) -> Selection:
    groups = tuple(group_runs(list_runs()))
    return Selection(groups, next((g for g in groups if baseline and g.key == baseline.group), None))


def known(run: Run, baseline: Run | None = None, epoch: int = 3, **options: Any) -> tuple[Evidence, Hierarchy, TreeKey]:
    spec = TreeSpec.of(run, epoch, **options)
    h, key = run_cache.hierarchy(spec), tree_key(spec)
    taxonomy = fitting_taxonomy(h.names)
    return evidence(selected(baseline), run, key, h, agreement(key, h, taxonomy) if taxonomy else None), h, key


def leaf_sets(Z: np.ndarray) -> list[frozenset[int]]:
    n = len(Z) + 1
    below = [frozenset([i]) for i in range(n)]
    for left, right in Z[:, :2].astype(int):
        below.append(below[left] | below[right])
    return below[n:-1]


def tree(run: Run, epoch: int = 3) -> Hierarchy:
    return build_hierarchy(run.vectors(epoch), run.class_names)


def noisy(n: int, count: int, noise: float, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n, 3))
    return [linkage(points + noise * generator.normal(size=points.shape), "average") for _ in range(count)]


def judged(trees: list[np.ndarray], baseline: list[np.ndarray] | None = None) -> tuple[Evidence, Hierarchy]:
    """What is said of the first of several trees, with the real scores and no run."""
    names = [f"class {i}" for i in range(len(trees[0]) + 1)]
    h = majority_consensus(trees[:1]).hierarchy(names)
    others, n = trees[1:], len(names)
    seeds: SeedEvidence | str = "only one seed"
    if others:
        support = tuple(clade_support(h.linkage, others).tolist())
        consensus = majority_consensus(trees)
        near, there = (tuple(transfer_support(Z, trees).tolist()) for Z in (h.linkage, consensus.linkage))
        seeds = SeedEvidence(tuple(range(len(others))), (), support, seed_agreement(trees), consensus, near, there)
    theirs: BaselineEvidence | str = "none"
    if baseline:
        same = len(set(leaf_sets(h.linkage)) & set(leaf_sets(baseline[0])))
        support = tuple(clade_support(h.linkage, baseline).tolist())
        theirs = BaselineEvidence(
            "One-hot",
            tuple(range(len(baseline))),
            (3,),
            "centroids",
            True,
            support,
            same,
            cross_agreement(trees, baseline),
            set_difference(trees, baseline),
        )
    nodes = tuple(range(2 * n - 3, n - 1, -1))
    return Evidence(nodes, seeds, "no samples", "no taxonomy", theirs, "no taxonomy", None), h


# --- numbers -------------------------------------------------------------------------------------------------------


def test_seeds_against_loops(make_run: Make) -> None:
    runs = [make_run(seed=seed) for seed in (12, 123, 1234, 5)]
    r, h, _ = known(runs[0])
    assert isinstance(r.seeds, SeedEvidence) and r.seeds.seeds == (5, 123, 1234) and not r.seeds.absent
    others = [set(leaf_sets(tree(run).linkage)) for run in runs[1:]]
    expected = [np.mean([clade in sets for sets in others]) for clade in leaf_sets(h.linkage)]
    assert list(r.seeds.support[:-1]) == pytest.approx(expected)
    kept = sum(share > 0.5 for share in expected)
    assert r.found_again(r.seeds.support, h.n) == kept
    for clade, value in zip(leaf_sets(h.linkage), r.seeds.transfer, strict=False):
        smaller = min(len(clade), h.n - len(clade))
        apart = [min(min(len(clade ^ c), h.n - len(clade ^ c)) for c in sets) for sets in others]
        mean = np.mean([min(each, smaller - 1) for each in apart])
        assert math.isnan(value) if smaller < 2 else value == pytest.approx(1 - mean / (smaller - 1))
    gammas = [bakers_gamma(tree(a).linkage, tree(b).linkage) for a, b in combinations(runs, 2)]
    assert r.seeds.agreement.gamma.mean == pytest.approx(np.mean(gammas))
    every = [set(leaf_sets(h.linkage)), *others]
    majority = {clade for sets in every for clade in sets if sum(clade in s for s in every) > 2}
    assert set(r.seeds.consensus.clades) == majority
    heights = [float(h.linkage[node - h.n, 2]) for node in r.clades]
    assert len(heights) == 8 and heights == sorted(heights, reverse=True)
    assert f"{kept} of its 8 clades" in verdict(r, h) and "other 3 seeds' trees" in verdict(r, h)


def test_other_class_order_is_matched_by_name(make_run: Make) -> None:
    names = ["ant", "bee", "cat", "dog", "elk"]
    a = make_run(class_names=names, seed=1)
    make_run(class_names=names[::-1], seed=2)
    make_run(class_names=["x", "y", "z", "u", "v"], seed=3)
    r, h, _ = known(a)
    assert isinstance(r.seeds, SeedEvidence) and r.seeds.seeds == (2,)
    other = next(run for run in list_runs() if run.seed == 2)
    second = tree(open_run(other.id))
    sets = {frozenset(names[::-1][i] for i in clade) for clade in leaf_sets(second.linkage)}
    expected = [float(frozenset(names[i] for i in clade) in sets) for clade in leaf_sets(h.linkage)]
    assert list(r.seeds.support[:-1]) == expected


def test_turned_branches_change_the_drawing_alone(make_run: Make) -> None:
    run, _ = make_run(seed=1), make_run(seed=2)
    r, h, key = known(run)
    again = evidence(selected(), run, key._replace(optimal=False), h.reordered(h.order[::-1]), None)
    assert isinstance(r.seeds, SeedEvidence) and isinstance(again.seeds, SeedEvidence)
    assert r.clades == again.clades and np.array_equal(r.seeds.support, again.seeds.support, equal_nan=True)
    first, second = (e.consensus.hierarchy(h.names).order.tolist() for e in (r.seeds, again.seeds))
    assert first == second[::-1]


def test_a_seed_without_the_epoch_is_left_out_and_named(make_run: Make) -> None:
    a, b = make_run(seed=1), make_run(seed=2)
    make_run(seed=3)
    label_file(b.path, 2).unlink()
    r, _, _ = known(a, epoch=2)
    assert isinstance(r.seeds, SeedEvidence) and r.seeds.seeds == (3,) and r.seeds.absent == (2,)


def test_samples_name_their_source(make_run: Make) -> None:
    run = make_run(classes=20)
    r, h, key = known(run, epoch=2)
    assert isinstance(r.samples, SampleEvidence)
    assert (r.samples.draws, r.samples.samples, r.samples.epoch, r.samples.scarce) == (200, 40, 3, 0)
    assert len(r.samples.support) == 19 and 0 <= min(r.samples.support[:-1]) <= 1
    kept, sure = (sum(share >= at for share in r.samples.support[:-1]) for at in (0.5001, 0.95))
    assert f"{kept} of 18 clades are in most trees, {sure} in at least 95 % of them" in verdict(r, h)
    note = source_note(key, r.samples)
    assert "40 test samples of epoch 3" in note and "of epoch 2 and training samples" in note
    assert "label table" in source_note(key._replace(spec=replace(key.spec, vectors="labels", epoch=3)), r.samples)
    lonely = SampleEvidence((), 200, 40, 3, 2)
    assert "2 classes have a single sample" in source_note(key, lonely)


def test_the_baseline_beside_it(make_run: Make) -> None:
    runs = [make_run(seed=seed) for seed in (12, 123)]
    base = [make_run("onehot", seed=seed) for seed in (12, 7)]
    r, h, _ = known(runs[0], base[0])
    assert isinstance(r.baseline, BaselineEvidence)
    assert (r.baseline.seeds, r.baseline.same_seed, r.baseline.label) == ((7, 12), 8, "One-hot")
    others = [set(leaf_sets(tree(run).linkage)) for run in base]
    expected = [np.mean([clade in sets for sets in others]) for clade in leaf_sets(h.linkage)]
    assert list(r.baseline.support[:-1]) == pytest.approx(expected)
    gammas = [bakers_gamma(tree(a).linkage, tree(b).linkage) for a in runs for b in base]
    assert sorted(r.baseline.between.gamma.ravel()) == pytest.approx(sorted(gammas))
    # The fake vectors depend on the seed alone, so the two networks have the same tree.
    assert "But the one\\-hot network's class means have the same 8 clades" in verdict(r, h)
    again, h, _ = known(runs[1], base[0])
    assert isinstance(again.baseline, BaselineEvidence) and again.baseline.same_seed is None
    assert "in most of 2 seeds" in verdict(again, h)


def test_the_baseline_of_the_same_seed_with_another_tree(make_run: Make) -> None:
    run, base = make_run(seed=1), make_run("onehot", seed=1)
    vectors = run.vectors(3) + np.random.default_rng(0).normal(size=(10, 8))
    RunWriter(base.path).labels(3, vectors, vectors)
    r, h, _ = known(run, base)
    assert isinstance(r.baseline, BaselineEvidence)
    shared = len(set(leaf_sets(h.linkage)) & set(leaf_sets(tree(base).linkage)))
    assert 0 < shared < 8 and r.baseline.same_seed == shared


def test_another_learned_baseline_says_nothing_of_learned_labels(make_run: Make) -> None:
    run = make_run(seed=1)
    base = make_run(seed=1, encoder={"width": 16})
    r, h, _ = known(run, base)
    assert isinstance(r.baseline, BaselineEvidence) and not r.baseline.tells_labels
    assert "class means have 8 of these 8 clades." in verdict(r, h) and "learned" not in verdict(r, h)
    r, h, _ = known(make_run("onehot", seed=1), base)
    assert isinstance(r.baseline, BaselineEvidence) and not r.baseline.tells_labels


def test_one_hot_is_asked_for_its_class_means(make_run: Make) -> None:
    run, base = make_run(seed=1), make_run("onehot", seed=1)
    r, _, _ = known(run, base, vectors="labels")
    assert isinstance(r.baseline, BaselineEvidence) and r.baseline.vectors == "centroids"


def test_mistakes_against_a_loop(make_run: Make) -> None:
    run, base = make_run(class_names=SHAPES, accuracy=0.7), make_run("onehot", class_names=SHAPES, accuracy=0.4)
    r, _, _ = known(run, base)
    assert isinstance(r.mistakes, Mistakes) and isinstance(r.taxonomy, Agreement)
    groups = load_taxonomy("shapes").clades(SHAPES)

    def height(i: int, j: int) -> int:
        """Levels on the longest way down from the lowest group around both."""
        around = [g for g in groups if {SHAPES[i], SHAPES[j]} <= g] or [frozenset(SHAPES)]
        lowest = min(around, key=len)
        return 1 + max(sum(name in g < lowest for g in groups) for name in lowest)

    evaluation = run.evaluation()
    bad = [height(t, p) for t, p in zip(evaluation.y.tolist(), evaluation.pred.tolist(), strict=True) if t != p]
    assert r.mistakes.severity == pytest.approx(np.mean(bad)) and r.mistakes.mistakes == len(bad)
    assert r.mistakes.accuracy == pytest.approx((evaluation.y == evaluation.pred).mean())
    chance = [np.mean([height(t, j) for j in range(16) if j != t])
              for t, p in zip(evaluation.y.tolist(), evaluation.pred.tolist(), strict=True) if t != p]  # fmt: skip
    assert r.mistakes.chance == pytest.approx(np.mean(chance))
    assert r.baseline_mistakes is not None and r.baseline_mistakes.accuracy < r.mistakes.accuracy


def test_mistakes_leave_out_classes_that_the_taxonomy_lacks() -> None:
    found = Agreement("T", "", 0.5, 1, 0.01, 3, ("rock",), (("pets", ("cat", "dog")),), ())
    confusion = np.array([[5, 0, 2, 1], [0, 9, 9, 9], [1, 0, 3, 0], [0, 0, 0, 4]])
    got = mistakes_of(["cat", "rock", "dog", "car"], 2, confusion, found)
    # 3 mistakes between cat and dog at height 1, one of a cat for a car at 2
    assert got == Mistakes(1.25, pytest.approx(1.5), 12 / 16, 4, 2, 2)
    none = mistakes_of(["cat", "rock", "dog", "car"], 2, np.diag([0, 9, 0, 0]), found)
    assert isinstance(none, str) and "No test sample" in none
    perfect = mistakes_of(["cat", "rock", "dog", "car"], 2, np.eye(4), found)
    assert isinstance(perfect, Mistakes) and math.isnan(perfect.severity) and perfect.accuracy == 1


def test_how_a_clade_stands_to_a_taxonomy() -> None:
    groups = (("animals", ("cat", "dog", "owl")), ("pets", ("cat", "dog")))
    found = Agreement("T", "", 0.5, 1, 0.01, 3, ("rock",), groups[:1], groups[1:])
    for names, expected in [
        (["cat", "dog"], "yes"),
        (["cat", "dog", "rock"], "yes"),  # a class that it lacks may stand anywhere
        (["cat", "rock"], "not in it"),
        (["cat", "owl"], "no"),
        (["cat", "car"], "no"),
        (["car", "bus"], "finer"),
    ]:
        assert taxonomy_relation(found, names) == expected


# --- sentences -----------------------------------------------------------------------------------------------------


def test_equal_trees_are_mostly_real() -> None:
    (one,) = noisy(9, 1, 0)
    r, h = judged([one] * 4)
    assert clade_support_text(r, h) == "mostly real"
    text = verdict(r, h)
    assert text.startswith(
        "**This tree is mostly real**: 7 of its 7 clades are in most of the other 3 seeds' trees, and"
    )
    assert "seeds agree far better than shuffled names would (Baker's gamma 1 ± 0, p = 0.001)" in text
    assert finding(r, h) == "7 of 7 clades are in most of the other 3 seeds' trees"


def test_of_unrelated_trees_nothing_is_shown() -> None:
    generator = np.random.default_rng(4)
    r, h = judged([linkage(generator.normal(size=(12, 5)), "average") for _ in range(4)])
    assert isinstance(r.seeds, SeedEvidence) and r.seeds.agreement.gamma.p > 0.05
    text = verdict(r, h)
    assert clade_support_text(r, h) == "not shown" and "**This tree is not shown to be real**" in text
    assert ", and seeds are not shown to agree better than shuffled names would" in text


def test_without_a_test_nothing_is_called_real() -> None:
    """Of many classes p is never computed, and equal trees are no exception."""
    (one,) = noisy(9, 1, 0)
    r, h = judged([one] * 4)
    assert isinstance(r.seeds, SeedEvidence)
    r = replace(r, seeds=replace(r.seeds, agreement=seed_agreement([one] * 4, shuffles=0)))
    assert clade_support_text(r, h) == "not tested"
    assert verdict(r, h).startswith(
        "**Whether this tree is real was not tested**: 7 of its 7 clades are in most of the"
    )


def test_two_seeds_are_too_few_and_are_counted() -> None:
    (one,) = noisy(9, 1, 0)
    r, h = judged([one] * 2)
    assert clade_support_text(r, h) == "too few seeds"
    text = verdict(r, h)
    assert text.startswith(
        "**Too few seeds to tell whether this tree is real**: 7 of its 7 clades are in the tree of the one"
    )


def test_alike_in_the_large_and_not_in_the_small() -> None:
    generator = np.random.default_rng(1)
    centre = np.repeat([0.0, 100.0], 8)[:, None]
    r, h = judged([linkage(centre + generator.normal(size=(16, 4)), "average") for _ in range(4)])
    assert clade_support_text(r, h) == "hardly real"
    assert "2 of its 14 clades are" in verdict(r, h) and ", but seeds agree far better" in verdict(r, h)


def test_three_classes_cannot_be_told_from_chance() -> None:
    trees = [linkage([[0.0], [1.0], [5.0]], "average")] * 3
    r, h = judged(trees)
    assert clade_support_text(r, h) == "not shown"
    text = verdict(r, h)
    assert "its one clade is in most of the other 2 seeds' trees, but seeds are not shown to agree better than" in text
    assert "p = 0.1" in text


def test_one_seed_is_open() -> None:
    r, h = judged(noisy(6, 1, 0))
    assert clade_support_text(r, h) == "open"
    assert "cannot be told yet" in verdict(r, h) and finding(r, h) == "4 clades, without support"


def test_what_the_baseline_says() -> None:
    same, other = noisy(10, 3, 0.02), noisy(10, 3, 0.02, seed=9)
    r, h = judged([same[0]] * 3, [same[0]] * 3)
    assert "have the same 8 clades, so learned labels did not make this tree." in verdict(r, h)
    r, h = judged([same[0]] * 3, other)
    assert isinstance(r.baseline, BaselineEvidence) and (r.baseline.same_seed or 0) * 3 <= 8
    # Three seeds against three have twenty arrangements, two of them this one: no p below 0.1.
    assert (
        "it looks different, which is not told from how seeds differ (p = 0.1; so few seeds allow none below 0.1)"
        in verdict(r, h)
    )
    r, h = judged([same[0]] * 5, other * 2)
    assert "and trees of the two methods differ by more than trees of their seeds (p = 0.0" in verdict(r, h)
    assert "learned labels' own" not in verdict(r, h)
    unrelated = [noisy(10, 1, 0, seed)[0] for seed in range(30, 36)]
    r, h = judged(unrelated[:3], unrelated[3:])
    assert "which says little while seeds of one method differ, too" in verdict(r, h)
    part = linkage(np.array([[0.0], [1], [10], [12], [40], [43], [90], [95]]), "average")
    moved = linkage(np.array([[0.0], [1], [10], [12], [40], [90], [43], [95]]), "average")
    r, h = judged([part] * 3, [moved])
    assert isinstance(r.baseline, BaselineEvidence)
    shared = r.baseline.same_seed
    assert shared == len(set(leaf_sets(part)) & set(leaf_sets(moved))) == 3
    assert f"have {shared} of these 6 clades: learned labels can have made the other 3 at most." in verdict(r, h)


def test_nothing_to_judge() -> None:
    assert "only one tree is possible" in cannot_judge(build_hierarchy([[1.0]], ["a"]))
    assert "There are 2 classes" in cannot_judge(build_hierarchy([[1.0], [2.0]], ["a", "b"]))
    assert "equally far apart" in cannot_judge(build_hierarchy(np.eye(4), list("abcd")))
    assert cannot_judge(build_hierarchy([[1.0], [2.0], [9.0]], list("abc"))) == ""


def test_chance_that_was_not_tested_says_so() -> None:
    score = seed_agreement(noisy(8, 3, 0.5), 0).gamma
    assert "would take too long" in p_text(score, 0, 1_000)
    tested = seed_agreement(noisy(8, 3, 0.1), 99)
    assert p_text(tested.gamma, 99, 8).startswith("None of 99 shuffles")
    generator = np.random.default_rng(0)
    chance = seed_agreement([linkage(generator.normal(size=(8, 4))) for _ in range(3)], 99)
    assert p_text(chance.gamma, 99, 8).startswith("Shuffled names do as well in")


def test_the_consensus_as_newick(make_run: Make) -> None:
    runs = [make_run(seed=seed, class_names=["o'neil", "a b", "c,d", "(x)", "é", "plain"]) for seed in (1, 2, 3)]
    r, h, _ = known(runs[0])
    assert isinstance(r.seeds, SeedEvidence)
    for safe in (False, True):
        text = _newick(r.seeds, h, safe=safe).decode()
        read = dendropy.Tree.get(data=text, schema="newick", rooting="force-rooted", preserve_underscores=True)
        assert len(read.leaf_nodes()) == 6
        inner = [node for node in read.postorder_internal_node_iter() if node.parent_node and node.edge.length]
        found = {
            frozenset(leaf.taxon.label for leaf in node.leaf_iter()): float(node.label) for node in inner if node.label
        }
        assert sorted(found.values()) == sorted(
            round(100 * s) for s in r.seeds.consensus.shares.tolist() if not math.isnan(s)
        )
        if not safe:
            assert set(found) == {frozenset(h.names[i] for i in clade) for clade in r.seeds.consensus.clades}


# --- the panel -----------------------------------------------------------------------------------------------------


def test_the_whole_panel(open_panel: Open, make_run: Make) -> None:
    for seed in (12, 123, 7):
        make_run("onehot", seed=seed, class_names=SHAPES)
    runs = [make_run(seed=seed, class_names=SHAPES, accuracy=0.8) for seed in (12, 123, 7)]
    at = open_panel(runs[0])
    text = text_of(at)
    for part in (
        "This tree is", "Baker's gamma", "Clades in common", "Mean ± sd over 3 pairs of 3 seeds", "no standard error",
        "Tau against the families of shapes", "Mistake severity", "Accuracy beside it",
        "The baseline with the same seed", "Clades also in one\\-hot's tree", "14 of 14", "Baker's gamma between the methods",
        "40 test samples of epoch 3",
    ):  # fmt: skip
        assert part in text, part
    assert "nan" not in text
    support, consensus = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert [len(trace["y"]) for trace in support["data"]] == [14, 14, 14, 14]
    assert "of the other 2 seeds' trees" in support["layout"]["title"]["text"].replace("<br>", " ")
    assert "in most of the 3 trees" in consensus["layout"]["title"]["text"].replace("<br>", " ")
    table = at.dataframe[0].value
    assert list(table) == [
        "Clade", "Other seeds", "Transfer support", "Resampled", "One-hot seeds", "In the taxonomy", "Classes", "Joined at",
    ]  # fmt: skip
    assert len(table) == 14 and table["Joined at"].is_monotonic_decreasing
    assert len(at.get("download_button")) == 3


def test_of_two_seeds_clades_are_counted_and_no_consensus_is_drawn(open_panel: Open, make_run: Make) -> None:
    run = make_run(seed=1)
    make_run(seed=2)
    at = open_panel(run)
    assert "Too few seeds to tell" in text_of(at) and "Too few seeds: of 2 trees there is no majority" in text_of(at)
    assert set(at.dataframe[0].value["Other seeds"]) <= {"in 0 of 1", "in 1 of 1"}
    (support,) = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert [trace["name"] for trace in support["data"]] == ["200 trees of resampled test samples"]


def test_one_seed_and_no_baseline_say_what_to_do(open_panel: Open, make_run: Make) -> None:
    at = open_panel(make_run(seed=12))
    text = text_of(at)
    assert "cannot be told yet" in text and "There is only one seed" in text and "There is no one-hot baseline" in text
    assert "No reference taxonomy" in text and "That says nothing about another training" in text
    commands = [code.value for code in at.code]
    assert commands[0].endswith("--seed 13 --seed 14") and "--method onehot" in commands[1]
    assert {link.proto.label for link in at.get("page_link")} == {"Train more seeds", "Train the baseline"}


def test_the_baseline_itself(open_panel: Open, make_run: Make) -> None:
    run = make_run("onehot", seed=1)
    make_run("onehot", seed=2)
    text = text_of(open_panel(run))
    assert "This run is the baseline itself" in text and "Too few seeds to tell whether this tree is real" in text


def test_no_evaluation_yet(open_panel: Open, make_run: Make) -> None:
    run = make_run(class_names=SHAPES)
    make_run(class_names=SHAPES, seed=2)
    for path in run.path.glob(f"{EVALUATION}*"):
        path.unlink()
    text = text_of(open_panel(run))
    assert "this run came without its test samples" in text
    assert f"has no {EVALUATION} yet".replace(".", "\\.").replace("_", "\\_") in text
    assert "Mistake severity" not in text and "Baker's gamma" in text


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_a_few_classes(open_panel: Open, make_run: Make, classes: int) -> None:
    run = make_run(classes=classes, seed=1)
    make_run(classes=classes, seed=2)
    text = text_of(open_panel(run))
    assert ("only one tree is possible" in text) == (classes < 3)
    assert ("its one clade is" in text) == (classes == 3)


def test_a_flat_tree(open_panel: Open, make_run: Make) -> None:
    run = make_run(classes=6)
    at = open_panel(run, epoch="0")
    assert "There is nothing to judge" in text_of(at) and not at.get("plotly_chart")


def test_a_flat_tree_among_the_seeds_is_left_out_of_correlations(make_run: Make) -> None:
    a, b = make_run(seed=1, classes=6), make_run(seed=2, classes=6)
    make_run(seed=3, classes=6)
    RunWriter(b.path).labels(3, np.eye(6, 8), np.eye(6, 8))
    r, h, _ = known(a)
    assert isinstance(r.seeds, SeedEvidence)
    assert r.seeds.agreement.gamma.n == 1 and r.seeds.agreement.shared.n == 3
    assert "Baker's gamma" in verdict(r, h)


def test_hostile_class_names_do_no_harm(open_panel: Open, make_run: Make) -> None:
    run = make_run(class_names=HOSTILE, seed=1)
    make_run(class_names=HOSTILE, seed=2)
    make_run("onehot", class_names=HOSTILE, seed=1)
    at = open_panel(run)
    text = text_of(at)
    assert "<b>bold" not in text and ":red[alarm]" not in text and "$x$" not in text
    for chart in at.get("plotly_chart"):
        assert "<b>bold" not in chart.proto.spec


def test_many_classes_have_limits_and_say_so(make_run: Make) -> None:
    runs = [make_run(classes=1_001, seed=seed, epochs=1, images=False) for seed in (1, 2)]
    r, h, _ = known(runs[0], epoch=1)
    assert isinstance(r.samples, str) and "up to 1,000 classes" in r.samples
    assert isinstance(r.seeds, SeedEvidence) and r.seeds.agreement.shuffles == 0
    assert "mostly real" not in verdict(r, h)
    assert "chance was not tested for 1,001 classes" in verdict(r, h)


def test_a_hundred_classes(open_panel: Open, make_run: Make) -> None:
    run = make_run(classes=100, seed=1)
    for seed in (2, 3):
        make_run(classes=100, seed=seed)
    make_run("onehot", classes=100, seed=1)
    at = open_panel(run)
    support, consensus = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert "highest of 98 clades" in support["layout"]["title"]["text"]
    assert len(at.dataframe[0].value) == 98 and consensus["layout"]["height"] == 860
    assert "p = " in text_of(at)


def test_a_runs_own_tree_decides_beside_its_likeliest_classes(home, make_run) -> None:
    from app.evidence.decisions import decisions_text
    from lwal_core.results.decisions import run_decisions

    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    run = make_run("lwal", class_names=names)
    found, text = run_decisions(run), decisions_text(run)
    assert text is not None and text[0] == f"{found.scores['likeliest'].distance:g} → {found.scores['own'].distance:g}"
    assert "WordNet" in text[1] and "the distances to the class means" in text[1] and "sure of 90 %" in text[1]
    assert decisions_text(make_run("hybrid", class_names=names)) is None  # keeps no scores
    assert decisions_text(make_run("lwal", class_names=["q1", "q2", "q3", "q4"])) is None
