"""Proposed names of clades, by hand and against a loop over sets."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.clade_names import TELLING, ProposedName, proposed_names, shown_names
from lwal_core.taxonomy import UNNAMED, Taxonomy, load_taxonomy, wordnet_taxonomy


def line(names: list[str], places: list[float]) -> Hierarchy:
    """Classes on a line."""
    return build_hierarchy(np.array(places)[:, None], names)


def at(h: Hierarchy, names: list[ProposedName | None], *members: str) -> ProposedName | None:
    node = h.clade_of(members)
    assert node is not None, members
    return names[node - h.n]


def naive(h: Hierarchy, row: int, taxonomy: Taxonomy | None) -> ProposedName | None:
    """The group or word with the largest Jaccard index, by sets."""
    clade = {h.names[i] for i in h.members(h.n + row)}
    kinds: list[dict[str, set[str]]] = [{}, {}]
    if taxonomy is not None:
        known = [h.names[i] for i in taxonomy.kept(h.names)]
        kinds[0] = {title: set(group) for group, title in taxonomy.named_clades(known).items() if title != UNNAMED}
    words = {word for name in h.names for word in name.split() if len(word) > 2}
    kinds[1] = {word: {name for name in h.names if word in name.split()} for word in words}
    for is_word, groups in enumerate(kinds):
        scored = [
            (len(clade & group) / len(clade | group), -len(group), title)
            for title, group in groups.items()
            if len(clade & group) > 1 and 1 < len(group) < h.n
        ]
        top = max((score for score, _, _ in scored), default=0.0)
        if top >= TELLING:
            title = min((-size, title) for score, size, title in scored if score == top)[1]
            return ProposedName(title, len(clade & groups[title]), len(groups[title]), len(clade), bool(is_word))
    return None


def test_groups_of_the_taxonomy_with_their_share() -> None:
    h = line(["cat", "dog", "horse", "ship", "truck"], [0, 1, 3, 20, 22])
    names = proposed_names(h, load_taxonomy("cifar10"))
    assert at(h, names, "cat", "dog") == ("carnivore", 2, 2, 2, False)
    assert at(h, names, "cat", "dog", "horse") == ("placental", 3, 3, 3, False)
    assert at(h, names, "ship", "truck") == ("vehicle", 2, 2, 2, False)
    assert names[-1] is None  # all classes have the top alone in common
    assert shown_names(names, h.n) == {h.n + row: name.name for row, name in enumerate(names) if name is not None}
    h = line(["cat", "dog", "horse"], [0, 1, 3])
    names = proposed_names(h, load_taxonomy("cifar10"))
    assert names[-1] == ("placental", 3, 3, 3, False) and shown_names(names, 3) == {3: "carnivore"}


def test_a_wanderer_and_a_class_that_is_not_known() -> None:
    h = line(["cat", "dog", "horse", "deer", "truck", "zzqq", "ship", "airplane"], [0, 1, 2, 3, 4.5, 30, 31, 32.5])
    names = proposed_names(h, load_taxonomy("cifar10"))
    wide = at(h, names, "cat", "dog", "horse", "deer", "truck")
    assert wide == ("placental", 4, 4, 5, False) and wide.text == "placental 4/4" and wide.jaccard == 0.8
    strange = at(h, names, "zzqq", "ship", "airplane")
    assert strange is not None and strange.name == "craft" and strange.inside == strange.of == 2
    shown = shown_names(names, h.n)
    assert sorted(shown.values()).count("placental") == 1 and "placental 4/4" not in shown.values()


def test_words() -> None:
    h = line(["fire truck", "pickup truck", "red_Truck", "oakTree", "mapleTree", "7 x"], [0, 1, 2, 10, 11, 40])
    names = proposed_names(h, None)
    assert at(h, names, "fire truck", "pickup truck", "red_Truck") == ("truck", 3, 3, 3, True)
    assert at(h, names, "oakTree", "mapleTree") == ("tree", 2, 2, 2, True)
    pair = h.clade_of(["fire truck", "pickup truck"]) or h.clade_of(["pickup truck", "red_Truck"])
    assert pair is not None and (found := names[pair - h.n]) is not None and found.text == "truck 2/3"
    assert sorted(shown_names(names, h.n).values()) == ["tree", "truck"]


@pytest.mark.parametrize("seed", range(6))
def test_against_a_loop_over_sets(seed: int) -> None:
    generator = np.random.default_rng(seed)
    words = ["red", "blue", "old"]
    names = [f"{words[i % 3]} {name}" for i, name in enumerate(load_taxonomy("cifar10").classes)] + ["zzqq", "old qqzz"]
    h = build_hierarchy(generator.normal(size=(12, 2)), names)
    taxonomy = load_taxonomy("cifar10").with_matches({name: name.split()[1] for name in names[:10]})
    for reference in (None, taxonomy):
        found = proposed_names(h, reference)
        titles = [None] * 11 if reference is None else _titles(h, reference)
        for row in range(10):
            assert found[row] == (titles[row] or naive(h, row, reference)), row
        assert found[10] is None


def _titles(h: Hierarchy, taxonomy: Taxonomy) -> list[ProposedName | None]:
    from lwal_core.analysis.trees.clade_titles import clade_titles

    return [
        None if title is None else ProposedName(title.name, title.inside, title.of, int(h.sizes[h.n + row]))
        for row, title in enumerate(clade_titles(h, taxonomy))
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_classes(n: int) -> None:
    h = build_hierarchy(np.arange(n)[:, None].astype(float), ["cat", "dog", "ship"][:n])
    names = proposed_names(h, load_taxonomy("cifar10"))
    assert len(names) == n - 1
    assert len(shown_names(names, n)) == max(0, n - 2)


def test_with_wordnet_for_any_names() -> None:
    names = ["grizzly bear", "polar bear", "wolf", "school bus", "taxi", "canoe"]
    h = line(names, [0, 1, 4, 30, 31, 35])
    found = proposed_names(h, wordnet_taxonomy(names))
    assert at(h, found, "grizzly bear", "polar bear") == ("bear", 2, 2, 2, False)
    assert at(h, found, "grizzly bear", "polar bear", "wolf") == ("carnivore", 3, 3, 3, False)
