"""Shipped taxonomies: published facts about their distances, their trees, and how class names find them."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, is_monotonic, is_valid_linkage
from scipy.spatial.distance import pdist, squareform

from lwal_core.analysis.trees import (
    bakers_gamma,
    clade_recovery,
    clades,
    kendall_tau_by_class,
    kendall_tau_ceiling,
    kendall_tau_null,
)
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import Taxonomy, available_taxonomies, load_taxonomy, taxonomy_for

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FAMILIES = {
    "round": ("circle", "oval"),
    "polygon": ("triangle", "square"),
    "star": ("star", "sun"),
    "limbed": ("plus", "tee"),
}
CLASS_NAMES = [f"{fill} {shape}" for shapes in FAMILIES.values() for shape in shapes for fill in ("solid", "striped")]
FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def four_point_violations(D: np.ndarray) -> int:
    """Sets of four classes whose two larger sums of opposite distances differ, which on a tree they cannot."""
    count = 0
    for a, b, c, d in combinations(range(len(D)), 4):
        sums = sorted([D[a, b] + D[c, d], D[a, c] + D[b, d], D[a, d] + D[b, c]])
        count += sums[1] != sums[2]
    return count


def triangle_violations(D: np.ndarray) -> int:
    return sum(D[i, k] > D[i, j] + D[j, k] for i, j, k in permutations(range(len(D)), 3))


@pytest.fixture(params=available_taxonomies())
def taxonomy(request: pytest.FixtureRequest) -> Taxonomy:
    return load_taxonomy(request.param)


class TestEveryFile:
    def test_which_are_there(self) -> None:
        assert available_taxonomies() == (
            "awa2", "cifar10", "cifar100", "cifar100_wordnet", "fashion_mnist", "imagenet", "pictograms",
            "shapes",
        )  # fmt: skip

    def test_titles(self) -> None:
        titles = {name: load_taxonomy(name).title for name in available_taxonomies()}
        assert titles.pop("cifar100") == "the superclasses of CIFAR-100"
        assert titles.pop("pictograms") == "the groups of pictograms"
        assert titles.pop("shapes") == "the families of shapes"
        assert set(titles.values()) == {"WordNet"}

    def test_no_file_is_large(self) -> None:
        for entry in files("lwal_core.taxonomy").joinpath("data").iterdir():
            limit = 6 * 2**20 if entry.name == "wordnet_nouns.npz" else 300_000
            assert len(entry.read_bytes()) < limit, entry.name

    def test_distances(self, taxonomy: Taxonomy) -> None:
        D = taxonomy.distances(taxonomy.classes)
        assert D.dtype == np.float64
        assert D.shape == (len(taxonomy.classes),) * 2
        assert (D == D.T).all() and (np.diag(D) == 0).all()
        assert (D[~np.eye(len(D), dtype=bool)] >= 1).all() and (np.floor(D) == D).all()

    def test_the_caller_cannot_change_it(self, taxonomy: Taxonomy) -> None:
        taxonomy.distances(taxonomy.classes)[:] = 7
        assert taxonomy.distances(taxonomy.classes)[0, 0] == 0

    def test_tree(self, taxonomy: Taxonomy) -> None:
        found = taxonomy.clades(taxonomy.classes)
        assert found
        for clade in found:
            assert 2 <= len(clade) < len(taxonomy.classes)
            assert clade <= set(taxonomy.classes)
        for first, second in combinations(found, 2):
            assert not first & second or first < second or second < first

    def test_file_says_where_it_is_from(self, taxonomy: Taxonomy) -> None:
        stored = json.loads(files("lwal_core.taxonomy").joinpath("data", f"{taxonomy.name}.json").read_text("utf-8"))
        assert stored["format"] == 1
        assert stored["source"] == taxonomy.source and taxonomy.source.endswith(".")
        assert len(taxonomy.made) > 40
        nodes = {entry["node"]: entry["parent"] for entry in stored["tree"]}
        assert len(nodes) == len(stored["tree"])
        assert [node for node, parent in nodes.items() if parent is None] == [stored["tree"][0]["node"]]
        children = [entry["parent"] for entry in (*stored["tree"], *stored["classes"]) if entry["parent"]]
        assert all(children.count(node) >= 2 for node in nodes), "a node with a single child says nothing"
        assert set(children) == set(nodes)

    def test_finds_itself(self, taxonomy: Taxonomy) -> None:
        name = "cifar100" if taxonomy.name == "cifar100_wordnet" else taxonomy.name
        assert taxonomy_for(taxonomy.classes) == name
        assert taxonomy_for([other.upper().replace(" ", "_") for other in reversed(taxonomy.classes)]) == name

    def test_every_class_matches_itself_alone(self, taxonomy: Taxonomy) -> None:
        mapping, unmatched = taxonomy.match(taxonomy.classes)
        assert mapping == {name: name for name in taxonomy.classes} and unmatched == []

    def test_linkage(self, taxonomy: Taxonomy) -> None:
        names = taxonomy.classes
        Z = taxonomy.linkage(names)
        assert is_valid_linkage(Z) and is_monotonic(Z)
        groups = taxonomy.clades(names)
        assert {frozenset(names[i] for i in clade) for clade in clades(Z)} == groups
        # Ultrametric: joined the later, the fewer clades hold both.
        member = np.array([[name in clade for clade in groups] for name in names], dtype=int)
        apart = ~np.eye(len(names), dtype=bool)
        assert (squareform(cophenet(Z)) == Z[-1, 2] - member @ member.T)[apart].all()


class TestCifar10:
    D = load_taxonomy("cifar10").distances(CIFAR10)

    def hops(self, first: str, second: str) -> float:
        return float(self.D[CIFAR10.index(first), CIFAR10.index(second)])

    def test_known_distances(self) -> None:
        assert self.hops("cat", "dog") == 4
        assert self.hops("cat", "airplane") == 18
        assert self.hops("dog", "airplane") == 13
        assert self.hops("automobile", "truck") == 2

    def test_it_is_not_a_tree_metric(self) -> None:
        assert triangle_violations(self.D) == 8
        assert four_point_violations(self.D) == 36

    def test_ceiling_and_null(self) -> None:
        assert kendall_tau_ceiling(self.D).mean() == pytest.approx(0.948, abs=5e-4)
        null = kendall_tau_null(self.D, dim=16, draws=1500)
        assert null.mean == pytest.approx(0, abs=0.015)
        assert null.sd == pytest.approx(0.115, abs=0.01)
        assert null.quantile95 == pytest.approx(0.19, abs=0.025)

    def test_named_groups(self) -> None:
        assert load_taxonomy("cifar10").named_clades(CIFAR10) == {
            frozenset({"airplane", "automobile", "ship", "truck"}): "vehicle",
            frozenset({"airplane", "ship"}): "craft",
            frozenset({"automobile", "truck"}): "motor vehicle",
            frozenset({"bird", "cat", "deer", "dog", "frog", "horse"}): "vertebrate",
            frozenset({"cat", "deer", "dog", "horse"}): "placental",
            frozenset({"cat", "dog"}): "carnivore",
            frozenset({"deer", "horse"}): "ungulate",
        }

    def test_synsets(self) -> None:
        synsets = load_taxonomy("cifar10").synsets
        assert synsets["automobile"] == "car.n.01" and synsets["cat"] == "cat.n.01"
        assert list(synsets) == CIFAR10


class TestFashionMnist:
    def test_published_facts(self) -> None:
        taxonomy = load_taxonomy("fashion_mnist")
        D = taxonomy.distances(FASHION[1:9])
        assert len(taxonomy.classes) == 8
        assert triangle_violations(D) == four_point_violations(D) == 0
        ceiling = kendall_tau_ceiling(D)
        assert ceiling.mean() == pytest.approx(0.889, abs=5e-4)
        assert ceiling.min() == pytest.approx(0.690, abs=5e-4)

    def test_covers_eight_of_ten(self) -> None:
        assert taxonomy_for(FASHION) == "fashion_mnist"
        mapping, unmatched = load_taxonomy("fashion_mnist").match(FASHION)
        assert unmatched == ["T-shirt/top", "Ankle boot"]
        assert list(mapping) == FASHION[1:9]


class TestShapes:
    def test_same_classes_as_the_data_set(self) -> None:
        from lwal_core.data import shapes  # here, because it imports torch, which no other test of this file needs

        assert load_taxonomy("shapes").classes == tuple(shapes.CLASS_NAMES) == tuple(CLASS_NAMES)
        assert shapes.FAMILIES == FAMILIES

    def test_hops_from_the_class_definitions(self) -> None:
        family = {shape: name for name, shapes in FAMILIES.items() for shape in shapes}
        D = load_taxonomy("shapes").distances(CLASS_NAMES)
        for (i, a), (j, b) in permutations(enumerate(CLASS_NAMES), 2):
            shape_a, shape_b = a.split()[1], b.split()[1]
            expected = 2 if shape_a == shape_b else 4 if family[shape_a] == family[shape_b] else 6
            assert D[i, j] == expected

    def test_groups(self) -> None:
        found = load_taxonomy("shapes").clades(CLASS_NAMES)
        by_shape = {frozenset(c for c in CLASS_NAMES if c.endswith(f" {s}")) for ss in FAMILIES.values() for s in ss}
        by_family = {frozenset(c for c in CLASS_NAMES if c.split()[1] in ss) for ss in FAMILIES.values()}
        assert found == by_shape | by_family and len(found) == 12

    def test_recovered_from_vectors_that_follow_it(self) -> None:
        from scipy.cluster.hierarchy import linkage

        taxonomy = load_taxonomy("shapes")
        names = list(CLASS_NAMES)
        Z = linkage(squareform(taxonomy.distances(names)), "average")
        groups = [{names.index(name) for name in clade} for clade in taxonomy.clades(names)]
        result = clade_recovery(groups, Z)
        assert (result.recall, result.contradictions) == (1, 0)
        assert bakers_gamma(Z, taxonomy.linkage(names)) == pytest.approx(1)
        D = taxonomy.distances(names)
        assert kendall_tau_by_class(D, D) == pytest.approx(1)


class TestCifar100:
    def test_twenty_superclasses_of_five(self) -> None:
        taxonomy = load_taxonomy("cifar100")
        groups = taxonomy.named_clades(taxonomy.classes)
        assert len(taxonomy.classes) == 100 and len(groups) == 20
        assert all(len(group) == 5 for group in groups)
        named = {name: group for group, name in groups.items()}
        assert named["aquatic mammals"] == {"beaver", "dolphin", "otter", "seal", "whale"}
        assert named["vehicles 2"] == {"lawn mower", "rocket", "streetcar", "tank", "tractor"}

    def test_usual_file_names(self) -> None:
        mapping, unmatched = load_taxonomy("cifar100").match(
            ["lawn_mower", "maple_tree", "maple", "computer_keyboard", "poppies"]
        )
        assert list(mapping.values()) == ["lawn mower", "maple tree", "maple tree", "keyboard", "poppy"]
        assert unmatched == []


class TestNames:
    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("Cats", "cat"),
            ("AIRPLANES", "airplane"),
            ("air-plane", "airplane"),
            (" horse ", "horse"),
            ("plane", "airplane"),
            ("cars", "automobile"),
            ("_truck_", "truck"),
            ("frogs", "frog"),
        ],
    )
    def test_spellings(self, given: str, meant: str) -> None:
        assert load_taxonomy("cifar10").match([given]) == ({given: meant}, [])

    @pytest.mark.parametrize("name", ["", "s", "c", "catfish", "ca", "<b>cat</b>", "0", "cat\x00", "lion"])
    def test_strangers(self, name: str) -> None:
        assert load_taxonomy("cifar10").match([name]) == ({}, [name])

    def test_words_that_end_in_s_are_not_taken_for_plurals(self) -> None:
        mapping, _ = load_taxonomy("cifar100").match(["bus", "buses", "wolves", "dresses"])
        assert mapping == {"bus": "bus", "buses": "bus", "wolves": "wolf"}
        assert load_taxonomy("fashion_mnist").match(["dress", "dresses", "Trousers"])[1] == []

    @given(st.text(max_size=12))
    @settings(max_examples=100)
    def test_any_text_is_matched_or_not(self, name: str) -> None:
        mapping, unmatched = load_taxonomy("cifar100").match([name])
        assert (name in mapping) != (name in unmatched)

    def test_unknown_classes_are_listed(self) -> None:
        with pytest.raises(AnalysisError, match=r"does not have the classes 'lion', 'zebra'\.") as error:
            load_taxonomy("cifar10").distances(["cat", "lion", "dog", "zebra"])
        assert "'airplane'" in error.value.hint
        with pytest.raises(AnalysisError, match="and 88 more"):
            load_taxonomy("cifar10").clades([f"class {i}" for i in range(100)])

    def test_one_class_twice(self) -> None:
        for names in (["cat", "cats", "dog"], ["cat", "cat", "dog"]):
            with pytest.raises(AnalysisError, match="one class"):
                load_taxonomy("cifar10").distances(names)

    def test_order_and_subset_are_the_callers(self) -> None:
        taxonomy = load_taxonomy("CIFAR-10")
        names = ["Ships", "cat", "Dogs", "truck"]
        whole = taxonomy.distances(CIFAR10)
        index = [CIFAR10.index(name) for name in ("ship", "cat", "dog", "truck")]
        assert (taxonomy.distances(names) == whole[np.ix_(index, index)]).all()
        assert taxonomy.named_clades(names) == {
            frozenset({"cat", "Dogs"}): "carnivore",
            frozenset({"Ships", "truck"}): "vehicle",
        }

    def test_few_classes(self) -> None:
        taxonomy = load_taxonomy("cifar10")
        assert taxonomy.distances([]).shape == (0, 0)
        assert taxonomy.clades([]) == taxonomy.clades(["cat"]) == taxonomy.clades(["cat", "dog"]) == set()
        assert taxonomy.clades(["cat", "dog", "ship"]) == {frozenset({"cat", "dog"})}
        assert taxonomy.linkage(["cat"]).shape == (0, 4)
        assert taxonomy.linkage(["cat", "dog"]).tolist() == [[0, 1, 1, 2]]
        with pytest.raises(AnalysisError, match="No classes"):
            taxonomy.linkage([])

    def test_unknown_taxonomy(self) -> None:
        for name in ("mnist", "", "../cifar10", "cifar10.json"):
            with pytest.raises(AnalysisError, match="There is no taxonomy") as error:
                load_taxonomy(name)
            assert "awa2, cifar10, cifar100" in error.value.hint


class TestTaxonomyFor:
    def test_nothing_known(self) -> None:
        assert taxonomy_for([str(i) for i in range(10)]) is None
        assert taxonomy_for([]) is None
        assert taxonomy_for(["cat", "dog"]) is None

    def test_a_few_unknown_names_are_allowed(self) -> None:
        assert taxonomy_for(["cats", "dogs", "birds", "ships", "zebra"]) == "cifar10"
        assert taxonomy_for(["cats", "dogs", "birds", "ships", "zebra", "lemon"]) is None

    def test_random_vectors_stay_below_the_null(self) -> None:
        """A sanity check of the pieces together: a random embedding of the shapes is no better than chance."""
        D = load_taxonomy("shapes").distances(CLASS_NAMES)
        null = kendall_tau_null(D, draws=300)
        random = squareform(pdist(np.random.default_rng(99).normal(size=(16, 16))))
        assert abs(kendall_tau_by_class(D, random).mean()) < 4 * null.sd
        assert 0 < null.quantile95 < 0.3
