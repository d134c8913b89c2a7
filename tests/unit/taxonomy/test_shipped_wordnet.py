"""Taxonomies from WordNet: published facts, and hops against a search over the hypernyms."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.trees import kendall_tau_ceiling, kendall_tau_null
from lwal_core.taxonomy import load_taxonomy, taxonomy_for
from lwal_core.taxonomy.path_lengths import hypernym_hops
from tests.unit.taxonomy.test_reference import CIFAR10, four_point_violations


def naive_hops(first: str, second: str, hypernyms: Mapping[str, Sequence[str]]) -> float:
    """Up from both, level by level, until no node is left; the least sum over the nodes that both reach."""

    def up(start: str) -> dict[str, int]:
        steps, queue = {start: 0}, deque([start])
        while queue:
            node = queue.popleft()
            for above in hypernyms.get(node, ()):
                if above not in steps:
                    steps[above] = steps[node] + 1
                    queue.append(above)
        return steps

    a, b = up(first), up(second)
    return min((a[node] + b[node] for node in a.keys() & b.keys()), default=np.inf)


class TestAwa2:
    def test_published_facts(self) -> None:
        taxonomy = load_taxonomy("awa2")
        D = taxonomy.distances(taxonomy.classes)
        assert len(taxonomy.classes) == 23 and len(list(combinations(range(23), 4))) == 8855
        assert four_point_violations(D) == 640
        assert kendall_tau_ceiling(D).mean() == pytest.approx(0.907, abs=5e-4)
        null = kendall_tau_null(D, dim=16, draws=1500)
        assert null.sd == pytest.approx(0.070, abs=0.006)
        assert null.quantile95 == pytest.approx(0.11, abs=0.015)

    def test_senses_of_the_paper(self) -> None:
        synsets = load_taxonomy("awa2").synsets
        later = {name: synset for name, synset in synsets.items() if not synset.endswith(".01")}
        assert later == {
            "otter": "otter.n.02", "skunk": "skunk.n.04", "weasel": "weasel.n.02", "raccoon": "raccoon.n.02",
            "tiger": "tiger.n.02", "leopard": "leopard.n.02", "dalmatian": "dalmatian.n.02",
            "chihuahua": "chihuahua.n.03",
        }  # fmt: skip

    def test_names_as_in_the_data_set(self) -> None:
        given = ["german shepherd", "siamese_cat", "giant-panda", "wolves"]
        assert load_taxonomy("awa2").match(given)[1] == []


class TestCifar100WordNet:
    def test_the_superclasses_stay_the_default(self) -> None:
        names = load_taxonomy("cifar100").classes
        generator = np.random.default_rng(0)
        for count in (100, 99, 50, 40):
            some = [str(name) for name in generator.choice(names, count, replace=False)]
            assert taxonomy_for(some) == "cifar100"
        assert taxonomy_for([name for name in names if name != "aquarium fish"]) == "cifar100"

    def test_same_spellings_as_the_superclasses(self) -> None:
        plain, wordnet = load_taxonomy("cifar100"), load_taxonomy("cifar100_wordnet")
        assert set(plain.classes) - set(wordnet.classes) == {"aquarium fish"}
        assert wordnet.aliases == plain.aliases

    def test_some_groups(self) -> None:
        taxonomy = load_taxonomy("cifar100_wordnet")
        named = {name: set(group) for group, name in taxonomy.named_clades(taxonomy.classes).items()}
        assert named["big cat"] == {"leopard", "lion", "tiger"}
        assert named["whale"] == {"whale", "dolphin"}
        assert named["tree"] == {"maple tree", "oak tree", "palm tree", "pine tree", "willow tree"}
        assert taxonomy.distances(["whale", "dolphin"])[0, 1] == 2

    def test_hops_by_breadth_first_search(self) -> None:
        taxonomy = load_taxonomy("cifar100_wordnet")
        assert taxonomy.hypernyms is not None
        D = taxonomy.distances(taxonomy.classes)
        offsets = [taxonomy.offsets[name] for name in taxonomy.classes]
        for i, j in combinations(range(len(offsets)), 2):
            assert D[i, j] == naive_hops(offsets[i], offsets[j], taxonomy.hypernyms)


class TestImageNet:
    taxonomy = load_taxonomy("imagenet")

    def test_hops_by_breadth_first_search(self) -> None:
        assert self.taxonomy.hypernyms is not None
        start = time.perf_counter()
        D = self.taxonomy.distances(self.taxonomy.classes)
        assert time.perf_counter() - start < 3
        offsets = [self.taxonomy.offsets[name] for name in self.taxonomy.classes]
        for i, j in np.random.default_rng(0).integers(0, 1000, (3000, 2)).tolist():
            assert D[i, j] == (0 if i == j else naive_hops(offsets[i], offsets[j], self.taxonomy.hypernyms))

    def test_its_hypernyms_give_the_published_matrix_of_cifar10(self) -> None:
        """Nine classes of CIFAR-10 are above classes of ImageNet, so the two files must agree on their distances."""
        cifar10, graph = load_taxonomy("cifar10"), self.taxonomy.hypernyms
        assert graph is not None
        shared = [name for name in CIFAR10 if cifar10.offsets[name] in graph]
        assert len(shared) == 9
        found = hypernym_hops([cifar10.offsets[name] for name in shared], graph)
        assert (found == cifar10.distances(shared)).all()

    def test_found_by_numbers_and_by_other_names(self) -> None:
        given = ["n01440764", "white shark", "Egyptian cats", "crane bird", "crane", "n04286575"]
        mapping, unmatched = self.taxonomy.match(given)
        assert mapping["n01440764"] == "tench" and mapping["white shark"] == "great white shark"
        assert mapping["crane bird"] == "crane (wading bird)" and unmatched == ["crane"]
        assert taxonomy_for([self.taxonomy.offsets[name] for name in self.taxonomy.classes[:30]]) == "imagenet"

    def test_names_and_order_of_torchvision(self) -> None:
        from torchvision.models._meta import _IMAGENET_CATEGORIES as NAMES  # imports torch, which no other test needs

        kept = self.taxonomy.kept(NAMES)
        assert len(kept) == 996
        assert all(self.taxonomy.classes[i] == name for i, name in kept.items())

    def test_some_groups(self) -> None:
        named = {name: group for group, name in self.taxonomy.named_clades(self.taxonomy.classes).items()}
        assert len(named["dog"]) == 118 and "Chihuahua" in named["dog"]
        assert named["dog"] < named["canine"] < named["carnivore"] < named["placental"] < named["mammal"]


class TestHypernymHops:
    @given(st.integers(2, 14), st.randoms(use_true_random=False))
    @settings(max_examples=150)
    def test_any_graph(self, count: int, random: Random) -> None:
        graph = {str(i): random.sample([str(j) for j in range(i)], random.randint(0, min(i, 3))) for i in range(count)}
        nodes = list(graph)
        D = hypernym_hops(nodes, graph)
        assert all(D[i, j] == naive_hops(a, b, graph) for i, a in enumerate(nodes) for j, b in enumerate(nodes))

    def test_a_path_never_goes_down_and_up_again(self) -> None:
        graph = {"c": ("a", "b"), "x": ("a",), "y": ("b",)}
        assert hypernym_hops(["x", "y", "c"], graph).tolist() == [[0, np.inf, 2], [np.inf, 0, 2], [2, 2, 0]]
        assert hypernym_hops([], graph).shape == (0, 0)
