"""Taxonomies kept in the home: what is written is found again, and nothing that a name or a file holds does harm."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import AnalysisError
from lwal_core.results.run_tree import taxonomy_agreement
from lwal_core.taxonomy import Taxonomy, available_taxonomies, load_taxonomy, taxonomy_for, wordnet_taxonomy
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.proposal import PROPOSED, PROPOSED_TITLE
from lwal_core.taxonomy.record import checksum
from lwal_core.taxonomy.store import (
    MAX_KEPT,
    all_taxonomies,
    damaged_taxonomies,
    delete_taxonomy,
    find_taxonomy,
    fitting_taxonomy,
    matches,
    matches_of,
    save_matches,
    save_taxonomy,
)

PETS = b"(((cat,dog)pet,cow)animal,(car,bus)vehicle);"


def pets(title: str = "My pets") -> Taxonomy:
    return parse_taxonomy(PETS, "pets.nwk", title)


def own() -> list[str]:
    return [known.name for known in all_taxonomies() if known.own]


class TestKeeping:
    def test_kept_listed_found_deleted(self, home: Path) -> None:
        kept = save_taxonomy(pets())
        assert kept.name == "own-my-pets" and (home / "taxonomies" / "own-my-pets.json").is_file()
        assert ("own-my-pets", "My pets", True) in all_taxonomies()
        found = find_taxonomy("own-my-pets")
        assert found.title == "My pets" and found.source == pets().source
        assert checksum(found) == checksum(pets())
        assert found.named_clades(found.classes) == pets().named_clades(found.classes)
        moved = delete_taxonomy("own-my-pets")
        assert moved.parent == home / "taxonomies" / "trash"
        assert json.loads(moved.read_text())["title"] == "My pets"
        assert own() == []
        with pytest.raises(AnalysisError, match="no own taxonomy 'own-my-pets'"):
            find_taxonomy("own-my-pets")
        with pytest.raises(AnalysisError, match="no own taxonomy"):
            delete_taxonomy("own-my-pets")

    def test_the_shipped_ones_are_found_as_they_are(self) -> None:
        assert [known.name for known in all_taxonomies()] == list(available_taxonomies())
        for known in all_taxonomies():
            assert not known.own and known.title == load_taxonomy(known.name).title
            assert find_taxonomy(known.name) is load_taxonomy(known.name)
        assert find_taxonomy("CIFAR-10").name == "cifar10"
        with pytest.raises(AnalysisError, match="There is no taxonomy"):
            find_taxonomy("nothing")

    def test_the_file_is_in_the_shipped_format(self, home: Path) -> None:
        save_taxonomy(pets())
        stored = json.loads((home / "taxonomies" / "own-my-pets.json").read_text(encoding="utf-8"))
        assert stored["format"] == 1 and stored["name"] == "own-my-pets" and stored["title"] == "My pets"
        assert {"name": "cat", "parent": "pet"} in stored["classes"] and {"node": "pet", "parent": "animal"} in stored[
            "tree"
        ]

    def test_one_name_twice(self) -> None:
        assert [save_taxonomy(pets("Pets!")).name, save_taxonomy(pets("pets")).name] == ["own-pets", "own-pets-2"]
        assert [known.title for known in all_taxonomies() if known.own] == ["pets", "Pets!"]
        assert [find_taxonomy(name).title for name in own()] == ["pets", "Pets!"]

    @pytest.mark.parametrize(
        "title", ["../../etc/passwd", "/tmp/x", "cifar10", "matches", "trash", "CON", "a\x00b", "动物", "..", "x" * 200]
    )
    def test_no_path_is_made_from_a_name(self, home: Path, title: str) -> None:
        kept = save_taxonomy(pets(title))
        files = list(home.rglob("*.json"))
        assert files == [home / "taxonomies" / f"{kept.name}.json"]
        assert find_taxonomy(kept.name).title == title.replace("\0", " ") and kept.name not in available_taxonomies()

    @given(st.text(max_size=60))
    @settings(max_examples=60)
    def test_any_name_is_an_id_or_refused(self, home: Path, title: str) -> None:
        try:
            taxonomy = pets(title)
        except AnalysisError:
            return
        kept = save_taxonomy(taxonomy)
        assert (home / "taxonomies" / f"{kept.name}.json").parent == home / "taxonomies"
        assert find_taxonomy(kept.name).title == taxonomy.title
        delete_taxonomy(kept.name)

    @pytest.mark.parametrize("name", ["../cifar10", "own-../x", "own-", "own-a/b", "", "matches", "own-A", None, 3])
    def test_ids_are_checked_before_they_are_paths(self, name: str) -> None:
        for act in (find_taxonomy, delete_taxonomy):
            with pytest.raises(AnalysisError):
                act(name)

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 2}', b"[" * 100_000, b'{"format": 1, "name": "x"}'],
    )
    def test_damaged_files(self, home: Path, content: bytes) -> None:
        kept = save_taxonomy(pets())
        (home / "taxonomies" / "own-broken.json").write_bytes(content)
        (home / "taxonomies" / "own-folder.json").mkdir()
        (home / "taxonomies" / "stranger.json").write_bytes(PETS)
        assert own() == [kept.name]
        assert set(damaged_taxonomies()) == {"own-broken", "own-folder"}
        with pytest.raises(AnalysisError, match="own-broken") as error:
            find_taxonomy("own-broken")
        assert error.value.hint
        delete_taxonomy("own-broken")
        assert set(damaged_taxonomies()) == {"own-folder"}

    def test_a_changed_file_is_read_anew(self, home: Path) -> None:
        kept = save_taxonomy(pets())
        path = home / "taxonomies" / f"{kept.name}.json"
        assert find_taxonomy(kept.name).match(["yak"])[1] == ["yak"]
        path.write_text(path.read_text().replace('"cow"', '"yak, tame"'))
        assert find_taxonomy(kept.name).match(["yak, tame"])[1] == []

    def test_not_too_many(self, home: Path) -> None:
        (home / "taxonomies").mkdir(parents=True)
        for i in range(MAX_KEPT):
            (home / "taxonomies" / f"own-{i}.json").write_text("{}")
        with pytest.raises(AnalysisError, match="200 taxonomies are kept"):
            save_taxonomy(pets())

    def test_a_home_that_cannot_be_written(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "taxonomies").write_text("in the way")
        for act in (lambda: save_taxonomy(pets()), lambda: save_matches("cifar10", {"x": "cat"})):
            with pytest.raises(AnalysisError, match="cannot be written"):
                act()
        assert own() == [] and matches() == {}


class TestMatches:
    def test_for_shipped_and_own_ones(self, home: Path) -> None:
        kept = save_taxonomy(pets())
        save_matches("cifar10", {"Puss": "cat", "Rover": "dog"})
        save_matches(kept.name, {"lorry": "bus"})
        save_matches("CIFAR-10", {"Rover": None, "liner": "ship"})
        assert matches() == {"cifar10": {"Puss": "cat", "liner": "ship"}, kept.name: {"lorry": "bus"}}
        assert find_taxonomy("cifar10").match(["puss", "Rover"]) == ({"puss": "cat"}, ["Rover"])
        assert load_taxonomy("cifar10").match(["puss"])[1] == ["puss"]
        assert find_taxonomy(kept.name).distances(["lorry", "car"])[0, 1] == 2
        assert find_taxonomy("cifar10") is find_taxonomy("cifar10")
        delete_taxonomy(kept.name)
        assert list(matches()) == ["cifar10"]

    def test_a_class_that_is_not_there(self) -> None:
        with pytest.raises(AnalysisError, match="'x' cannot mean 'lion', which is no class of WordNet"):
            save_matches("cifar10", {"x": "lion"})
        with pytest.raises(AnalysisError, match="UTF-8"):
            save_matches("cifar10", {"\ud800": "cat"})
        assert matches() == {}

    @pytest.mark.parametrize(
        "content", ["", "[]", "{", '{"cifar10": 3}', '{"cifar10": {"x": 3}}', '{"cifar10": {"x": "gone"}}']
    )
    def test_damaged_or_outdated(self, home: Path, content: str) -> None:
        (home / "taxonomies").mkdir(parents=True)
        (home / "taxonomies" / "matches.json").write_text(content)
        assert find_taxonomy("cifar10").match(["x", "cat"]) == ({"cat": "cat"}, ["x"])
        save_matches("cifar10", {"y": "dog"})
        assert matches_of("cifar10")["y"] == "dog"

    def test_many_at_once(self) -> None:
        threads = [threading.Thread(target=save_matches, args=("cifar10", {f"name {i}": "cat"})) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(matches_of("cifar10")) == {f"name {i}" for i in range(12)}

    def test_they_count_when_a_taxonomy_is_looked_for(self) -> None:
        names = ["Pussi", "Roveri", "lineri", "jetti"]
        assert fitting_taxonomy(names) is None and taxonomy_for(names) is None
        save_matches("cifar10", {"Pussi": "cat", "Roveri": "dog", "lineri": "ship", "jetti": "airplane"})
        found = fitting_taxonomy(names)
        assert found is not None and found.name == "cifar10"
        assert taxonomy_for(names) is None


class TestProposal:
    animals = ("bear", "giraffe", "sea-lion", "school bus", "ostrich", "zzqq")

    def test_where_no_shipped_one_fits(self) -> None:
        found = fitting_taxonomy(self.animals)
        assert found is not None and found.name == PROPOSED and found.title == PROPOSED_TITLE
        assert found is fitting_taxonomy(list(self.animals)) is find_taxonomy(PROPOSED, self.animals)
        assert found.senses["bear"] == "bear.n.01" and found.unmatched == ("zzqq",)
        agreement = taxonomy_agreement(self.animals, np.ones((6, 6)))
        assert agreement is not None and agreement.names == self.animals[:5]

    def test_one_that_somebody_kept_comes_first(self, home: Path) -> None:
        senses = dict(find_taxonomy(PROPOSED, self.animals).senses)
        kept = save_taxonomy(wordnet_taxonomy(self.animals, senses | {"bear": "bear.n.02"}, title="Looked through"))
        found = fitting_taxonomy(self.animals)
        assert found is not None and found.name == kept.name and found.synsets["bear"] == "bear.n.02"
        (home / "taxonomies" / f"{kept.name}.json").write_text("{")  # damaged: as if it were not there
        assert fitting_taxonomy(self.animals) is find_taxonomy(PROPOSED, self.animals)

    @pytest.mark.parametrize(
        "names",
        [
            (),
            ("dog",),
            ("dog", "cat"),
            ("a", "b", "c"),
            ("0", "1", "2", "3"),
            ("class 0", "class 1", "class 2"),
            ("dog", "cat", "bird", "qqa", "qqb", "qqc", "qqd"),  # less than half
            ("dog", "Dog", "cat", "bird"),
            ("red", "green", "blue"),  # side by side
        ],
    )
    def test_none(self, names: tuple[str, ...]) -> None:
        assert fitting_taxonomy(names) is None
        with pytest.raises(AnalysisError, match="proposes no taxonomy"):
            find_taxonomy(PROPOSED, names)


class TestAgreement:
    names = ("cat", "dog", "cow", "car", "bus", "unicorn")
    distances = np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0)))

    def test_with_the_taxonomy_that_is_given(self) -> None:
        taxonomy = save_taxonomy(pets())
        found = taxonomy_agreement(self.names, self.distances, taxonomy)
        assert found is not None and found.taxonomy is taxonomy
        assert found.names == self.names[:5] and found.kept == (0, 1, 2, 3, 4)
        assert (found.hops == taxonomy.distances(self.names[:5])).all()
        assert (found.own == self.distances[:5, :5]).all()
        assert 0 < found.tau <= 1

    def test_with_one_that_knows_nothing(self) -> None:
        found = taxonomy_agreement(self.names, self.distances, load_taxonomy("shapes"))
        assert found is not None and found.kept == () and np.isnan(found.tau)

    def test_two_names_for_one_class_are_left_out(self) -> None:
        save_matches("cifar10", {"unicorn": "dog"})
        found = taxonomy_agreement(self.names, self.distances, find_taxonomy("cifar10"))
        assert found is not None and found.names == ("cat", "car")

    def test_without_one_the_fitting_one(self) -> None:
        names = ("cat", "dog", "ship", "truck", "jet")
        assert taxonomy_agreement(("kkat", "doogg", "shhip"), self.distances[:3, :3]) is None
        found = taxonomy_agreement(names, self.distances[:5, :5])
        assert found is not None and found.taxonomy.name == "cifar10" and found.names == names[:4]
