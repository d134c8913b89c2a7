"""The JSON format of taxonomies: damaged records are refused; checksums and matches by hand."""

from __future__ import annotations

from typing import Any

import pytest

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.record import checksum, taxonomy_of_record
from tests.unit.taxonomy.test_files import PETS, read


class TestRecord:
    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"format": 7}, "format 7"),
            ({"title": 3}, "'title' is no text"),
            ({"name": "\ud800"}, "UTF-8"),
            ({"classes": "x"}, "'classes'"),
            ({"classes": [{"name": "a", "parent": "r"}, {"name": "a", "parent": "r"}]}, "twice"),
            ({"classes": [{"name": "a", "parent": "nowhere"}]}, "the parent 'nowhere' is no node"),
            ({"classes": [{"name": "a", "parent": None}]}, "the parent None is no node"),
            ({"classes": [{"name": "a", "parent": ["r"]}]}, "is no node"),
            ({"tree": [{"node": "r", "parent": None}, {"node": "s", "parent": None}]}, "2 nodes without a parent"),
            ({"tree": [{"node": "r", "parent": "s"}, {"node": "s", "parent": "r"}]}, "0 nodes without a parent"),
            (
                {"tree": [{"node": "r", "parent": None}, *({"node": a, "parent": b} for a, b in ("xy", "yx"))]},
                "above itself",
            ),
            (
                {"tree": [{"node": "r", "parent": None}, *({"node": f"{i}", "parent": f"{i - 1}" if i else "r"}
                                                           for i in range(200))]},
                "levels deep",
            ),
            ({"distances": [[0, 1], [2, 0]]}, "symmetric"),
            ({"distances": [[0, 1]]}, "symmetric"),
            ({"distances": [[0, "x"], [1, 0]]}, "no matrix"),
            ({"hypernyms": []}, "'hypernyms' is no object"),
            ({"hypernyms": {"n1": []}}, "without an offset"),
        ],
    )  # fmt: skip
    def test_a_damaged_one_is_refused(self, change: dict[str, Any], what: str) -> None:
        good = {
            "format": 1, "name": "t", "title": "T", "source": "s", "made": "m",
            "classes": [{"name": "a", "parent": "r"}, {"name": "b", "parent": "r"}],
            "tree": [{"node": "r", "parent": None}],
        }  # fmt: skip
        assert taxonomy_of_record(good).classes == ("a", "b")
        with pytest.raises(AnalysisError, match=what):
            taxonomy_of_record({**good, **change})

    @pytest.mark.parametrize("value", [None, [], "x", 3, {}])
    def test_no_record_at_all(self, value: Any) -> None:
        with pytest.raises(AnalysisError):
            taxonomy_of_record(value)

    def test_checksum_follows_what_counts(self) -> None:
        a, b = read(PETS["Newick"]), read(PETS["Newick"].replace("cow", "yak"))
        other = parse_taxonomy(PETS["Newick"].encode(), "another.nwk", "Another name")
        assert checksum(a) == checksum(other) != checksum(b)
        assert checksum(a.with_matches({"kitten": "cat"})) != checksum(a)

    def test_matches_by_hand(self) -> None:
        taxonomy = read(PETS["Newick"]).with_matches({"kitten": "cat", "dog": "cow", "x": "gone"})
        assert taxonomy.match(["Kittens", "dog", "x"]) == ({"Kittens": "cat", "dog": "cow"}, ["x"])
        assert taxonomy.kept(["kitten", "cat", "bus", "x"]) == {2: "bus"}
        assert taxonomy.with_matches({}).match(["dog"]) == ({"dog": "dog"}, [])
