"""Names of merges against a search over all groups of the taxonomy."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.clade_titles import CladeTitle, clade_titles
from lwal_core.analysis.trees.matching import taxonomy_tree
from lwal_core.taxonomy import Taxonomy, load_taxonomy
from lwal_core.taxonomy.files import parse_taxonomy


def naive(h: Hierarchy, taxonomy: Taxonomy) -> list[CladeTitle | None]:
    """Of all named groups that hold a merge's classes the one with the fewest classes and the longest way up."""
    mapping, _ = taxonomy.match(h.names)
    meant = [mapping.get(name) for name in h.names]
    up = {name: taxonomy.ancestors(name) for name in taxonomy.classes}
    found: list[CladeTitle | None] = []
    for node in range(h.n, 2 * h.n - 1):
        classes = [meant[i] for i in h.members(node)]
        if None in classes or any(meant.count(c) > 1 for c in classes):
            found.append(None)
            continue
        shared = set.intersection(*(set(up[c]) for c in classes))
        root = up[classes[0]][-1]
        named = [group for group in shared if group != root and taxonomy.node_title(group)]
        if not named:
            found.append(None)
            continue
        lowest = max(named, key=up[classes[0]][::-1].index)
        of = sum(1 for c in meant if c is not None and meant.count(c) == 1 and lowest in up[c])
        found.append(CladeTitle(taxonomy.node_title(lowest), len(classes), of))
    return found


def random_hierarchy(names: list[str], seed: int) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(len(names), 3)), names)


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    """Random trees in which every third group has no name."""
    count = draw(st.integers(3, 24))
    below: dict[int, list[int]] = {i: [] for i in range(count)}
    below[0] += [1, 2]
    for i in range(3, count):
        below[draw(st.integers(0, i - 1))].append(i)

    def text(i: int) -> str:
        return f"({','.join(map(text, below[i]))}){f'g{i}' if i % 3 else ''}" if below[i] else f"n{i}"

    return parse_taxonomy(f"{text(0)};".encode(), "t.nwk", "t")


@given(taxonomies(), st.integers(0, 1000), st.data())
@settings(max_examples=150)
def test_any_tree_over_any_taxonomy(taxonomy: Taxonomy, seed: int, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(taxonomy.classes), min_size=1, unique=True))
    names += data.draw(st.sampled_from([[], ["unknown"], [names[0].upper()]]))
    h = random_hierarchy(names, seed)
    assert clade_titles(h, taxonomy) == naive(h, taxonomy)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion_mnist", "shapes"])
def test_a_taxonomys_own_tree_has_its_own_names(name: str) -> None:
    taxonomy = load_taxonomy(name)
    h = taxonomy_tree(taxonomy, taxonomy.classes)
    named = {frozenset(members): title for members, title in taxonomy.named_clades(taxonomy.classes).items()}
    titles = clade_titles(h, taxonomy)
    for row, title in enumerate(titles):
        members = frozenset(h.names[i] for i in h.members(h.n + row))
        if members in named:
            assert title == CladeTitle(named[members], len(members), len(members)) and title.share == 1
        elif title is not None:
            assert 0 < title.share < 1  # part of a node of several children
    assert titles == naive(h, taxonomy)


def test_the_classes_of_cifar10() -> None:
    names = ["cat", "dogs", "horse", "frog", "truck", "ship", "unicorn"]
    points = [[0, 0], [0, 1], [0, 3], [20, 0], [20, 1], [60, 0], [60, 9]]
    h = build_hierarchy(points, names)
    by_members = {
        frozenset(names[i] for i in h.members(h.n + row)): title
        for row, title in enumerate(clade_titles(h, load_taxonomy("cifar10")))
    }
    assert by_members[frozenset({"cat", "dogs"})] == ("carnivore", 2, 2)
    assert by_members[frozenset({"cat", "dogs", "horse"})] == ("placental", 3, 3)
    assert by_members[frozenset({"frog", "truck"})] is None  # only the root holds both
    assert by_members[frozenset({"ship", "unicorn"})] is None
    h = build_hierarchy([[0, 0], [0, 1], [9, 0]], ["cat", "horse", "dog"])
    assert clade_titles(h, load_taxonomy("cifar10"))[0] == CladeTitle("placental", 2, 3)


@pytest.mark.parametrize("names", [["cat"], ["cat", "dog"], ["x"], ["x", "y", "z"], ["cat", "cats", "dog"]])
def test_few_classes_and_strangers(names: list[str]) -> None:
    titles = clade_titles(random_hierarchy(names, 0), load_taxonomy("cifar10"))
    assert len(titles) == len(names) - 1
    assert titles == ([CladeTitle("carnivore", 2, 2)] if names == ["cat", "dog"] else [None] * len(titles))


def test_one_node_with_all_merges_at_one_height() -> None:
    h = build_hierarchy(np.eye(10), list(load_taxonomy("cifar10").classes))
    assert clade_titles(h, load_taxonomy("cifar10")) == naive(h, load_taxonomy("cifar10"))


def test_a_thousand_classes_in_a_deep_chain() -> None:
    chain = "n0"
    for i in range(1, 90):
        chain = f"({chain},{','.join(f'n{i}x{j}' for j in range(11))})g{i}"
    taxonomy = parse_taxonomy(f"{chain};".encode(), "t.nwk", "t")
    names = list(taxonomy.classes)
    assert len(names) == 980
    points = np.random.default_rng(0).normal(size=(len(names), 2))
    h = build_hierarchy(points, names, optimal_limit=0)
    start = time.perf_counter()
    titles = clade_titles(h, taxonomy)
    assert time.perf_counter() - start < 1
    sample = np.random.default_rng(1).choice(len(titles), 40, replace=False)
    up = {name: taxonomy.ancestors(name) for name in names}
    for row in sample.tolist():
        members = [names[i] for i in h.members(h.n + row)]
        lowest = next(group for group in up[members[0]] if all(group in up[name] for name in members))
        of = sum(lowest in path for path in up.values())
        expected = None if lowest == "g89" else CladeTitle(lowest, len(members), of)
        assert titles[row] == expected
