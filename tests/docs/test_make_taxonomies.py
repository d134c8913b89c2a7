"""The generator of the WordNet taxonomies, on a small database in WordNet's format and, where it is there, on WordNet."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from lwal_core.taxonomy import load_taxonomy
from lwal_core.taxonomy.record import record_of_taxonomy, taxonomy_of_record
from tools import make_taxonomies

ROOT = Path(__file__).resolve().parents[2]
WORDNET = Path("/usr/share/wordnet")

# Lemmas and hypernyms. The dog has two; the way over canine is longer. A puppy's dog is itself a class.
SYNSETS = {
    "entity": ["", []],
    "thing": ["object", ["entity"]],
    "animal": ["", ["thing"]],
    "pet": ["domestic_animal", ["animal"]],
    "carnivore": ["", ["animal"]],
    "canine": ["", ["carnivore"]],
    "dog": ["", ["canine", "pet"]],
    "puppy": ["", ["dog"]],
    "Cat": ["", ["carnivore"]],
    "vehicle": ["", ["thing"]],
    "car": ["auto", ["vehicle"]],
    "truck": ["", ["vehicle"]],
    "dog_2": ["", ["thing"]],
}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return make_taxonomies


@pytest.fixture
def wordnet_folder(tmp_path: Path) -> Path:
    """``dog_2`` is the second sense of dog."""
    offsets = {name: f"{number:08d}" for number, name in enumerate(SYNSETS, start=1)}
    notice = "  1 A line of the licence, which begins with two blanks.\n"
    data, index = [notice], [notice]
    for name, (other, above) in SYNSETS.items():
        words = [name.removesuffix("_2"), *([other] if other else [])]
        lemmas = " ".join(f"{word} 0" for word in words)
        pointers = "".join(f"@{'i' if name == 'puppy' else ''} {offsets[node]} n 0000 " for node in above)
        data.append(
            f"{offsets[name]} 03 n {len(words):02x} {lemmas} {len(above) + 1:03d} {pointers}~ 00000009 n 0000 | a gloss | with a bar\n"
        )
        if name != "dog_2":
            senses = [offsets[name]] + ([offsets["dog_2"]] if name == "dog" else [])
            index += [f"{word.lower()} n {len(senses)} 1 @ {len(senses)} 0 {' '.join(senses)}\n" for word in words]
    (tmp_path / "data.noun").write_text("".join(data), encoding="latin-1")
    (tmp_path / "index.noun").write_text("".join(index), encoding="latin-1")
    return tmp_path


def test_tree_and_hops_of_a_small_wordnet(tool: ModuleType, wordnet_folder: Path) -> None:
    wordnet = tool.WordNet(wordnet_folder)
    assert wordnet.offset("dog.n.02") == "n00000013" and wordnet.sense("n00000013") == "dog.n.02"
    assert wordnet.sense(wordnet.offset("auto.n.01")) == "car.n.01"
    names = ("dog", "puppy", "cat", "car", "truck")
    found = tool.record(
        wordnet, tool.ClassSet("t", "T", "s", "m", {name: f"{name}.n.01" for name in names}, {"car": ["x"]})
    )
    tree = {entry["node"]: entry["parent"] for entry in found["tree"]}
    assert tree == {"thing": None, "vehicle": "thing", "carnivore": "thing", "dog": "carnivore"}
    parents = {entry["name"]: entry["parent"] for entry in found["classes"]}
    assert parents == {"dog": "dog", "puppy": "dog", "cat": "carnivore", "car": "vehicle", "truck": "vehicle"}
    taxonomy = taxonomy_of_record(json.loads(tool.text(found)))
    # dog to car: over pet 3 steps up to thing; over canine they would be 4.
    assert taxonomy.distances(["dog", "puppy", "x"]).tolist() == [[0, 1, 5], [1, 0, 6], [5, 6, 0]]
    assert record_of_taxonomy(taxonomy)["distances"] == found["distances"]


def test_two_names_for_one_synset_are_refused(tool: ModuleType, wordnet_folder: Path) -> None:
    chosen = tool.ClassSet("t", "T", "s", "m", {"car": "car.n.01", "auto": "auto.n.01"})
    with pytest.raises(AssertionError, match="one synset"):
        tool.record(tool.WordNet(wordnet_folder), chosen)


def test_first_lemmas_that_come_twice(tool: ModuleType, wordnet_folder: Path) -> None:
    wordnet = tool.WordNet(wordnet_folder)
    chosen = tool.imagenet(wordnet, [wordnet.offset(sense) for sense in ("dog.n.01", "dog.n.02", "car.n.01")])
    assert chosen.senses == {"dog (canine)": "dog.n.01", "dog (thing)": "dog.n.02", "car": "car.n.01"}
    assert chosen.aliases["car"] == ["n00000011", "auto"] and chosen.aliases["dog (thing)"] == ["n00000013"]


@pytest.mark.skipif(not (WORDNET / "data.noun").is_file(), reason="Debian's wordnet-base is not installed")
def test_the_shipped_files_are_what_it_makes(tool: ModuleType) -> None:
    wordnet = tool.WordNet(WORDNET)
    synsets = list(load_taxonomy("imagenet").offsets.values())
    for chosen in (tool.CIFAR10, tool.FASHION_MNIST, tool.AWA2, tool.cifar100(), tool.imagenet(wordnet, synsets)):
        made = tool.text(tool.record(wordnet, chosen))
        assert (tool.TARGET / f"{chosen.name}.json").read_text(encoding="utf-8") == made
