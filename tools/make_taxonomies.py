"""Make the taxonomies of ``lwal_core/taxonomy/data`` that come from WordNet 3.0.

What it needs, none of which is a dependency of the project:

- WordNet 3.0's database, the files ``data.noun`` and ``index.noun``; Debian's package ``wordnet-base`` has them::

      apt-get download wordnet-base && dpkg -x wordnet-base_*.deb wordnet
      # wordnet/usr/share/wordnet

- for ``imagenet.json`` the 1,000 synsets of ILSVRC 2012 in the order of the class numbers, one a line; PyPI's ``timm``
  has them::

      pip download timm --no-deps && unzip timm-*.whl 'timm/data/_info/imagenet_synsets.txt'

How to run it::

    python tools/make_taxonomies.py wordnet/usr/share/wordnet timm/data/_info/imagenet_synsets.txt
    python tools/make_taxonomies.py ... --check   # write nothing; say which files would change

Distances are hops as NLTK's ``shortest_path_distance`` counts them: up to a common hypernym and down again, over all
hypernyms, instances included. Up to 25 classes they are written as a matrix; above that the hypernyms are, from which
:func:`lwal_core.taxonomy.path_lengths.hypernym_hops` counts them.

The tree follows the longest hypernym path of each synset. Of several hypernyms at the end of equally long paths it takes
the first in the order of WordNet's file. Nodes with a single child are left out; others are called by the first lemma of
their synset.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.taxonomy.class_names import spelling_key
from lwal_core.taxonomy.hypernym_tree import COVERING, branching_nodes, hypernym_closure, longest_paths
from lwal_core.taxonomy.path_lengths import hypernym_hops
from lwal_core.taxonomy.record import taxonomy_of_record

TARGET = Path(__file__).resolve().parents[1] / "lwal_core" / "taxonomy" / "data"
MATRIX_LIMIT = 25
"""Classes up to which all hops are written."""

_HOPS_MADE = "over all hypernyms (instances included), which is what NLTK's shortest_path_distance gives."
_TREE_MADE = (
    "The tree takes the longest hypernym path of each class{}, leaves out nodes with a single child and names the others by "
    "the first lemma of their synset."
)


@dataclass(frozen=True)
class ClassSet:
    """One file: what is said in it, and the sense of each class name."""

    name: str
    data_set: str
    source: str
    made: str
    senses: dict[str, str]
    aliases: dict[str, list[str]] = field(default_factory=dict)


CIFAR10 = ClassSet(
    "cifar10",
    "CIFAR-10",
    "WordNet 3.0, hypernyms of the first noun sense of each class name (Princeton University, 2006).",
    "Distances are the edges on the shortest hypernym path between the first noun senses of the class names, over all "
    "hypernyms (instances included), which is what NLTK's shortest_path_distance gives. They are not distances on a tree, "
    "because dog, automobile and truck have two hypernym paths: cat to airplane is 18, more than cat to dog (4) plus dog to "
    "airplane (13). The tree takes the longest hypernym path of each class (dog over canine, not domestic animal; "
    "automobile and truck over vehicle, not container), leaves out nodes with a single child and names the others by the "
    "first lemma of their synset.",
    {name: f"{name}.n.01" for name in
     ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")},
    {"airplane": ["aeroplane", "plane"], "automobile": ["car", "auto", "motorcar"], "truck": ["motortruck"]},
)  # fmt: skip

FASHION_MNIST = ClassSet(
    "fashion_mnist",
    "Fashion-MNIST",
    "WordNet 3.0, hypernyms of the first noun sense of eight of the ten class names (Princeton University, 2006); the names "
    "T-shirt/top and Ankle boot are not in WordNet and are left out, as in the paper (arXiv 2209.04528).",
    "Distances are the edges on the shortest hypernym path between the first noun senses of the class names, over all "
    "hypernyms (instances included), which is what NLTK's shortest_path_distance gives. The tree takes the hypernym path "
    "over covering for clothing, as the shortest paths do (the longer one over commodity would part clothing from "
    "footwear), leaves out nodes with a single child and names the others by the first lemma of their synset.",
    {name: f"{name}.n.01" for name in
     ("trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag")},
    {"sneaker": ["gym shoe", "tennis shoe"]},
)  # fmt: skip

AWA2 = ClassSet(
    "awa2",
    "AwA2",
    "WordNet 3.0, hypernyms of the 23 classes of Animals with Attributes 2 that the paper compares (arXiv 2209.04528), "
    "with its senses (Princeton University, 2006).",
    f"Distances are the edges on the shortest hypernym path between the animal senses of the class names, {_HOPS_MADE} Eight "
    "names mean an animal in a later sense than the first: otter, skunk, weasel, raccoon, tiger, leopard, dalmatian and "
    "chihuahua. The tree takes the longest hypernym path of each class, leaves out nodes with a single child and names the "
    "others by the first lemma of their synset.",
    {
        **{name: f"{name.replace(' ', '_')}.n.01" for name in
           ("spider monkey", "gorilla", "chimpanzee", "rabbit", "elephant", "otter", "skunk", "weasel", "fox", "wolf",
            "giant panda", "raccoon", "tiger", "lion", "leopard", "dalmatian", "collie", "squirrel", "bobcat",
            "siamese cat", "german shepherd", "persian cat", "chihuahua")},
        "otter": "otter.n.02", "skunk": "skunk.n.04", "weasel": "weasel.n.02", "raccoon": "raccoon.n.02",
        "tiger": "tiger.n.02", "leopard": "leopard.n.02", "dalmatian": "dalmatian.n.02", "chihuahua": "chihuahua.n.03",
    },
)  # fmt: skip

_CIFAR100_LATER = {
    "beaver": "beaver.n.07", "castle": "castle.n.02", "cloud": "cloud.n.02", "dolphin": "dolphin.n.02",
    "flatfish": "flatfish.n.02", "forest": "forest.n.02", "girl": "girl.n.02", "keyboard": "computer_keyboard.n.01",
    "lamp": "lamp.n.02", "leopard": "leopard.n.02", "lobster": "lobster.n.02", "maple tree": "maple.n.02",
    "mushroom": "mushroom.n.05", "otter": "otter.n.02", "plate": "plate.n.04", "raccoon": "raccoon.n.02",
    "ray": "ray.n.07", "seal": "seal.n.09", "shrew": "shrew.n.02", "skunk": "skunk.n.04",
    "sweet pepper": "sweet_pepper.n.02", "table": "table.n.02", "television": "television.n.03", "tiger": "tiger.n.02",
    "trout": "trout.n.02", "turtle": "turtle.n.02", "whale": "whale.n.02",
}  # fmt: skip
"""Classes of CIFAR-100 that do not mean the first noun sense of their name; chosen by WordNet's definitions."""
_CIFAR100_ABSENT = "aquarium fish"


def cifar100() -> ClassSet:
    """The classes of ``cifar100.json`` with their spellings, so that both files know the same names."""
    entries = json.loads((TARGET / "cifar100.json").read_text(encoding="utf-8"))["classes"]
    names = [entry["name"] for entry in entries if entry["name"] != _CIFAR100_ABSENT]
    later = ", ".join(name for name in names if name in _CIFAR100_LATER)
    return ClassSet(
        "cifar100_wordnet",
        "CIFAR-100",
        "WordNet 3.0, hypernyms of the senses that 99 of the 100 class names of CIFAR-100 have in its pictures (Princeton "
        f"University, 2006); the name {_CIFAR100_ABSENT} is not in WordNet and is left out.",
        f"Distances are the edges on the shortest hypernym path between senses of the class names, {_HOPS_MADE} The senses "
        "were chosen by hand from WordNet's definitions, with the superclasses of CIFAR-100 in view: the first noun sense "
        f"but for {later} (girl is the child, lamp the furniture, keyboard that of a computer, mushroom and sweet pepper "
        f"the food). {_TREE_MADE.format('')} Whale is a class and a group, because dolphins are whales there.",
        {name: _CIFAR100_LATER.get(name, f"{name.replace(' ', '_')}.n.01") for name in names},
        {entry["name"]: entry["aliases"] for entry in entries if "aliases" in entry},
    )


IMAGENET_SOURCE = (
    "WordNet 3.0, hypernyms of the 1,000 synsets of ImageNet's classification challenge (ILSVRC 2012; Princeton University, "
    "2006)."
)
IMAGENET_MADE = (
    "The classes are synsets, so no sense had to be chosen; they are called by the first lemma, with the group in brackets "
    "where two classes have it, and are found by their other lemmas and by their number (n01440764), too. Distances are the "
    f"edges on the shortest hypernym path, {_HOPS_MADE} " + _TREE_MADE.format(", but that over covering for clothing")
)


_IMAGENET_ALIASES = {"crane (wading bird)": ["crane bird"], "maillot (swimsuit)": ["maillot tank suit"]}
"""What torchvision calls the classes whose first lemma another one has."""


class WordNet:
    """The nouns of a WordNet database.

    Attributes:
        lemmas: By offset (``"n02121620"``), as the file spells them.
        hypernyms: By offset, in the order of the file; instance hypernyms among them.
        senses: By lemma in lower case, the offsets of its noun senses in order.
    """

    def __init__(self, folder: Path) -> None:
        self.lemmas: dict[str, list[str]] = {}
        self.hypernyms: dict[str, list[str]] = {}
        self.senses: dict[str, list[str]] = {}
        for line in _lines(folder / "data.noun"):
            fields = line.split(" | ")[0].split()
            words = int(fields[3], 16)
            pointers = 4 + 2 * words
            offset = f"n{fields[0]}"
            self.lemmas[offset] = fields[4:pointers:2]
            self.hypernyms[offset] = [
                f"n{fields[at + 1]}"
                for at in range(pointers + 1, pointers + 1 + 4 * int(fields[pointers]), 4)
                if fields[at] in ("@", "@i")
            ]
        for line in _lines(folder / "index.noun"):
            fields = line.split()
            self.senses[fields[0]] = [f"n{offset}" for offset in fields[-int(fields[2]) :]]

    def offset(self, sense: str) -> str:
        """The offset of a sense such as ``"otter.n.02"``."""
        lemma, _, number = sense.rsplit(".", 2)
        return self.senses[lemma][int(number) - 1]

    def sense(self, offset: str) -> str:
        """The name that NLTK gives a synset: its first lemma and which sense of that it is."""
        lemma = self.lemmas[offset][0].lower()
        return f"{lemma}.n.{self.senses[lemma].index(offset) + 1:02d}"


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="latin-1").splitlines() if not line.startswith("  ")]


def record(wordnet: WordNet, chosen: ClassSet) -> dict[str, Any]:
    """What the file of a class set holds."""
    offsets = {name: wordnet.offset(sense) for name, sense in chosen.senses.items()}
    assert len(set(offsets.values())) == len(offsets), "two classes mean one synset"
    hypernyms = hypernym_closure(list(offsets.values()), wordnet.hypernyms.__getitem__)
    paths = longest_paths(list(offsets.values()), hypernyms, COVERING)
    parent_of_class, parent_of_node = branching_nodes({name: paths[offset] for name, offset in offsets.items()})
    level = {node: len(path) - at for path in paths.values() for at, node in enumerate(path)}
    nodes = sorted(parent_of_node, key=lambda node: (level[node], wordnet.lemmas[node][0]))
    titles = {node: wordnet.lemmas[node][0].replace("_", " ") for node in nodes}
    counts = Counter(titles.values())
    known_as = {node: title if counts[title] == 1 else wordnet.sense(node) for node, title in titles.items()}
    classes = []
    for name, offset in offsets.items():
        entry: dict[str, Any] = {
            "name": name, "parent": known_as[parent_of_class[name]], "synset": wordnet.sense(offset), "offset": offset,
        }  # fmt: skip
        classes.append(entry | ({"aliases": chosen.aliases[name]} if name in chosen.aliases else {}))
    tree = [
        {
            "node": known_as[node],
            "parent": known_as.get(parent_of_node[node] or ""),
            "synset": wordnet.sense(node),
            "offset": node,
        }
        | ({"title": titles[node]} if known_as[node] != titles[node] else {})
        for node in nodes
    ]
    found: dict[str, Any] = {
        "format": 1, "name": chosen.name, "title": "WordNet", "data_set": chosen.data_set, "source": chosen.source,
        "made": chosen.made, "classes": classes, "tree": tree,
    }  # fmt: skip
    if len(offsets) > MATRIX_LIMIT:
        return found | {"hypernyms": {node: list(above) for node, above in sorted(hypernyms.items()) if above}}
    return found | {"distances": hypernym_hops(list(offsets.values()), hypernyms).astype(int).tolist()}


def imagenet(wordnet: WordNet, synsets: Sequence[str]) -> ClassSet:
    """Names for the synsets of ImageNet: different first lemmas, and other lemmas that no class is called by."""
    first = {offset: wordnet.lemmas[offset][0].replace("_", " ") for offset in synsets}
    counts = Counter(map(spelling_key, first.values()))
    paths = longest_paths(synsets, hypernym_closure(synsets, wordnet.hypernyms.__getitem__), COVERING)
    names = {}
    for offset, lemma in first.items():
        group = wordnet.lemmas[paths[offset][1]][0].replace("_", " ")
        names[offset] = lemma if counts[spelling_key(lemma)] == 1 else f"{lemma} ({group})"
    taken = Counter(
        key for offset in synsets for key in {spelling_key(lemma) for lemma in wordnet.lemmas[offset]}
    )  # a lemma of two classes finds neither
    aliases = {}
    for offset, name in names.items():
        others = [lemma.replace("_", " ") for lemma in wordnet.lemmas[offset]]
        aliases[name] = [offset] + [other for other in others if other != name and taken[spelling_key(other)] == 1]
        aliases[name] += _IMAGENET_ALIASES.get(name, [])
    senses = {name: wordnet.sense(offset) for offset, name in names.items()}
    return ClassSet("imagenet", "ImageNet", IMAGENET_SOURCE, IMAGENET_MADE, senses, aliases)


def text(found: dict[str, Any]) -> str:
    """JSON with one class, node or row a line."""
    parts = []
    for key, value in found.items():
        if isinstance(value, list):
            rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in value)
            parts.append(f'  "{key}": [\n{rows}\n  ]')
        elif isinstance(value, dict):
            rows = ",\n".join(f"    {json.dumps(node)}: {json.dumps(above)}" for node, above in value.items())
            parts.append(f'  "{key}": {{\n{rows}\n  }}')
        else:
            parts.append(f'  "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Write the files, or say which would change."""
    arguments = argparse.ArgumentParser(description="Make the taxonomies that come from WordNet 3.0.")
    arguments.add_argument("wordnet", type=Path, help="folder with data.noun and index.noun")
    arguments.add_argument("imagenet", type=Path, help="file with the 1,000 synsets of ImageNet")
    arguments.add_argument("--check", action="store_true", help="write nothing; say which files would change")
    given = arguments.parse_args()
    wordnet = WordNet(given.wordnet)
    synsets = given.imagenet.read_text(encoding="utf-8").split()
    changed = 0
    for chosen in (CIFAR10, FASHION_MNIST, AWA2, cifar100(), imagenet(wordnet, synsets)):
        made = text(record(wordnet, chosen))
        taxonomy_of_record(json.loads(made))
        path = TARGET / f"{chosen.name}.json"
        same = path.is_file() and path.read_text(encoding="utf-8") == made
        changed += not same
        print(f"{path.name}: {len(chosen.senses):,} classes, {len(made.encode()):,} bytes{'' if same else ', changed'}")
        if not given.check:
            path.write_text(made, encoding="utf-8")
    return int(given.check and changed > 0)


if __name__ == "__main__":
    sys.exit(main())
