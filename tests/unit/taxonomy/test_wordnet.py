"""WordNet by way of NLTK, on a small database in WordNet's format."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import wordnet
from lwal_core.taxonomy.record import record_of_taxonomy, taxonomy_of_record
from lwal_core.taxonomy.wordnet import senses_of, wordnet_reader, wordnet_taxonomy

needs_nltk = pytest.mark.skipif(find_spec("nltk") is None, reason="NLTK is not installed")

# Key: further lemma, hypernyms, definition. A number at the end of a key is the sense.
SYNSETS: dict[str, tuple[str, list[str], str]] = {
    "entity": ("", [], "what is"),
    "thing": ("object", ["entity"], "a thing"),
    "animal": ("", ["thing"], "a living thing"),
    "pet": ("domestic_animal", ["animal"], "a tame animal"),
    "carnivore": ("", ["animal"], "eats meat"),
    "canine": ("", ["carnivore"], "like a dog"),
    "dog": ("domestic_dog", ["canine", "pet"], "barks"),
    "cat": ("true_cat", ["carnivore"], "meows"),
    "wolf": ("", ["canine"], "howls"),
    "bird": ("", ["animal"], "flies"),
    "crane": ("", ["bird"], "a long-necked bird"),
    "machine": ("", ["thing"], "has parts"),
    "crane_2": ("lifting_device", ["machine"], "lifts things"),
    "lawn_mower": ("mower", ["machine"], "cuts grass"),
    "t-shirt": ("", ["thing"], "is worn"),
}


def write_wordnet(path: Path) -> None:
    """All files that NLTK opens; only the nouns hold something."""
    path.mkdir(parents=True)
    lines: dict[str, str] = {}
    offsets: dict[str, int] = {}
    position = 0
    for _ in range(2):  # offsets are places in the file: first found, then written
        position = 0
        for key, (other, above, definition) in SYNSETS.items():
            words = [key.removesuffix("_2"), *([other] if other else [])]
            below = [name for name, (_, parents, _) in SYNSETS.items() if key in parents]
            pointers = [f"@ {offsets.get(name, 0):08d} n 0000" for name in above]
            pointers += [f"~ {offsets.get(name, 0):08d} n 0000" for name in below]
            lemmas = " ".join(f"{word} 0" for word in words)
            lines[key] = (
                f"{position:08d} 05 n {len(words):02x} {lemmas} {len(pointers):03d} {' '.join(pointers)} | {definition}  \n"
            )
            offsets[key] = position
            position += len(lines[key])
    (path / "data.noun").write_text("".join(lines.values()))
    senses: dict[str, list[str]] = {}
    for key, (other, _, _) in SYNSETS.items():
        for word in [key.removesuffix("_2"), *([other] if other else [])]:
            senses.setdefault(word, []).append(f"{offsets[key]:08d}")
    index = [
        f"{word} n {len(found)} 2 @ ~ {len(found)} 0 {' '.join(found)}  \n" for word, found in sorted(senses.items())
    ]
    (path / "index.noun").write_text("  1 A line of the licence.\n" + "".join(index))
    for name in ("adj", "adv", "verb"):
        for kind in ("data", "index"):
            (path / f"{kind}.{name}").write_text("")
        (path / f"{name}.exc").write_text("")
    (path / "noun.exc").write_text("wolves wolf\n")
    (path / "data.adj").write_text("  1 WordNet 3.0 Copyright of nobody, made for a test.\n")  # where NLTK looks it up
    (path / "index.sense").write_text("")
    (path / "lexnames").write_text("".join(f"{i:02d}\tnoun.x{i}\t1\n" for i in range(45)))


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """NLTK reading the small database."""
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    path = tmp_path / "corpora" / "wordnet"
    write_wordnet(path)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.warns(UserWarning, match="multilingual"):
        return WordNetCorpusReader(str(path), None)


@needs_nltk
class TestSmallWordNet:
    def test_senses(self, reader: Any) -> None:
        assert [sense.synset for sense in senses_of("crane", reader)] == ["crane.n.01", "crane.n.02"]
        assert senses_of("crane", reader)[1] == ("crane.n.02", ("crane", "lifting device"), "lifts things")
        for name in ("Dogs", "domestic dog", "DOMESTIC_DOG", " dog "):
            assert [sense.synset for sense in senses_of(name, reader)] == ["dog.n.01"]
        for name in ("wolves", "Lawn-Mower", "lawn mowers", "T-shirt", "t shirt", "mower"):
            assert len(senses_of(name, reader)) == 1, name
        for name in ("", "unicorn", "*", "../dog", "dog.n.01", "\x00", "猫"):
            assert senses_of(name, reader) == []

    def test_taxonomy(self, reader: Any) -> None:
        names = ["hound", "cat", "wolves", "crane", "mower", "unicorn"]
        senses = {
            "hound": "dog.n.01",
            "cat": "cat.n.01",
            "wolves": "wolf.n.01",
            "crane": "crane.n.02",
            "mower": "mower.n.01",
        }
        taxonomy = wordnet_taxonomy(names, senses, reader=reader, title="Mine")
        assert taxonomy.title == "Mine" and taxonomy.source.startswith("WordNet 3.0,")
        assert taxonomy.classes == tuple(names[:5])
        assert taxonomy.named_clades(taxonomy.classes) == {
            frozenset({"hound", "wolves"}): "canine",
            frozenset({"hound", "wolves", "cat"}): "carnivore",
            frozenset({"crane", "mower"}): "machine",
        }
        assert taxonomy.synsets["mower"] == "lawn_mower.n.01"
        D = taxonomy.distances(taxonomy.classes)
        for (i, a), (j, b) in combinations(enumerate(taxonomy.classes), 2):
            assert D[i, j] == reader.synset(senses[a]).shortest_path_distance(reader.synset(senses[b]))
        assert D[0, 3] == 5  # over pet; over canine it would be 6
        stored = json.loads(json.dumps(record_of_taxonomy(taxonomy)))
        assert (taxonomy_of_record(stored).distances(names[:5]) == D).all()

    def test_a_class_above_another_one(self, reader: Any) -> None:
        senses = {"animal": "animal.n.01", "dog": "dog.n.01", "cat": "cat.n.01"}
        taxonomy = wordnet_taxonomy(list(senses), senses, reader=reader)
        assert taxonomy.clades(taxonomy.classes) == {frozenset({"dog", "cat"})}
        assert taxonomy.distances(["animal", "cat"])[0, 1] == 2

    @pytest.mark.parametrize(
        ("senses", "what"),
        [
            ({}, "No class has a sense"),
            ({"a": "dog.n.01"}, "One class has a sense"),
            ({"a": "dog.n.01", "b": "domestic_dog.n.01"}, "'a' and 'b' cannot all mean 'dog.n.01'"),
            ({"a": "dog.n.01", "b": "dog.n.07"}, "no synset 'dog.n.07', chosen for 'b'"),
            ({"a": "dog.n.01", "b": "unicorn.n.01"}, "no synset 'unicorn.n.01'"),
            ({"a": "dog.n.01", "b": "dog"}, "no synset 'dog'"),
            ({"a": "dog.n.01", "b": "dog.x.01"}, "no synset 'dog.x.01'"),
            ({"cat": "dog.n.01", "Cat": "cat.n.01"}, "differ only in case"),
        ],
    )
    def test_what_is_wrong(self, reader: Any, senses: dict[str, str], what: str) -> None:
        with pytest.raises(AnalysisError, match=what) as error:
            wordnet_taxonomy(list(senses), senses, reader=reader)
        assert error.value.hint

    def test_no_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import nltk

        monkeypatch.setattr(nltk.data, "path", [])
        monkeypatch.setattr(
            nltk.corpus, "wordnet", nltk.corpus.util.LazyCorpusLoader("wordnet", nltk.corpus.reader.CorpusReader)
        )
        with pytest.raises(AnalysisError, match="files are not there") as error:
            wordnet_reader()
        assert "nltk.downloader" in error.value.hint


def test_without_nltk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AnalysisError, match="NLTK is not installed") as error:
        wordnet_taxonomy(["a", "b"], {"a": "dog.n.01", "b": "cat.n.01"})
    assert 'pip install "lwal-explorer[wordnet]"' in error.value.hint
