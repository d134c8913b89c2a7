"""WordNet taxonomy of any class names, where NLTK and its WordNet are installed.

NLTK is an extra (``pip install "lwal-explorer[wordnet]"``), its data are fetched once (``python -m nltk.downloader
wordnet``). A name can mean many things, so somebody has to say which: :func:`senses_of` lists them and
:func:`wordnet_taxonomy` takes the choice.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.hypernym_tree import branching_nodes, hypernym_closure, longest_paths
from lwal_core.taxonomy.record import check_spellings
from lwal_core.taxonomy.reference import Taxonomy

_LOCK = Lock()
HOW_TO_INSTALL = 'Run pip install "lwal-explorer[wordnet]" and then python -m nltk.downloader wordnet.'


class Sense(NamedTuple):
    """One meaning of a noun.

    Attributes:
        synset: WordNet's name for it, such as ``"crane.n.05"``.
        lemmas: The words that have it.
        definition: What it is.
    """

    synset: str
    lemmas: tuple[str, ...]
    definition: str


def nltk_installed() -> bool:
    """Whether NLTK is there; whether its copy of WordNet is, too, only :func:`wordnet_reader` finds out, in seconds."""
    return importlib.util.find_spec("nltk") is not None


def wordnet_reader() -> Any:
    """NLTK's reader of WordNet, from where NLTK keeps its data.

    Raises:
        AnalysisError: NLTK or its data are not installed, with how to get them.
    """
    with _LOCK:  # NLTK's lazy loading is not made for threads
        if not nltk_installed():
            raise AnalysisError("NLTK is not installed, which reads WordNet.", HOW_TO_INSTALL)
        reader = importlib.import_module("nltk.corpus").wordnet
        try:
            reader.ensure_loaded()
        except (LookupError, OSError) as error:
            raise AnalysisError("NLTK is installed, but WordNet's files are not there.", HOW_TO_INSTALL) from error
        return reader


def senses_of(name: str, reader: Any) -> list[Sense]:
    """The noun senses of a class name, the commonest first; none for a name that is not in WordNet.

    Case, blanks, underscores and hyphens as WordNet spells them or as blanks; plurals are understood.

    Args:
        name: Class name.
        reader: From :func:`wordnet_reader`.
    """
    words = " ".join(name.replace("_", " ").split()).lower()
    for spelling in dict.fromkeys((words, words.replace("-", " "), words.replace(" ", "-"), words.replace(" ", ""))):
        found = reader.synsets(spelling.replace(" ", "_"), pos="n") if spelling else []
        if found:
            return [Sense(s.name(), tuple(w.replace("_", " ") for w in s.lemma_names()), s.definition()) for s in found]
    return []


def wordnet_taxonomy(
    names: Sequence[str], senses: Mapping[str, str], *, reader: Any = None, title: str = "WordNet"
) -> Taxonomy:
    """The taxonomy that WordNet makes of some senses.

    Args:
        names: Class names.
        senses: The synset that each name means, such as ``{"crane": "crane.n.05"}``; names without one are left out.
        reader: From :func:`wordnet_reader`; by default NLTK's own.
        title: What to call it.

    Returns:
        A taxonomy whose classes are the names that have a sense. Distances are the edges on the shortest path over a
        common hypernym, as NLTK's ``shortest_path_distance`` counts them; the tree takes the longest way of each synset
        to the top.

    Raises:
        AnalysisError: WordNet is not installed; a synset that it does not have or that is no noun; two names for one
            synset; fewer than two classes.
    """
    if reader is None:
        reader = wordnet_reader()
    chosen = {name: _synset(reader, name, senses[name]) for name in dict.fromkeys(names) if senses.get(name)}
    if len(chosen) < 2:
        raise AnalysisError(
            f"{'One class has' if chosen else 'No class has'} a sense in WordNet, at least 2 are needed.",
            "Choose the senses of more classes.",
        )
    check_spellings(list(chosen))
    counts = Counter(chosen.values())
    if max(counts.values()) > 1:
        synset = next(synset for synset, count in counts.items() if count > 1)
        both = " and ".join(repr(name) for name, meant in chosen.items() if meant == synset)
        raise AnalysisError(
            f"{both} cannot all mean {synset.name()!r}.", "Choose another sense for one of them, or leave it out."
        )
    known: dict[str, Any] = {}

    def number(synset: Any) -> str:
        offset = f"n{synset.offset():08d}"
        known[offset] = synset
        return offset

    offsets = {name: number(synset) for name, synset in chosen.items()}
    hypernyms = hypernym_closure(
        list(offsets.values()),
        lambda offset: [number(above) for above in (*known[offset].hypernyms(), *known[offset].instance_hypernyms())],
    )
    paths = longest_paths(list(offsets.values()), hypernyms)
    tops = {path[-1] for path in paths.values()}
    if len(tops) > 1:
        listed = ", ".join(sorted(known[top].name() for top in tops))
        raise AnalysisError(f"The senses have no common hypernym: their tops are {listed}.", "Choose other senses.")
    parent_of_class, parent_of_node = branching_nodes({name: paths[offset] for name, offset in offsets.items()})
    titles = {node: known[node].lemma_names()[0].replace("_", " ") for node in parent_of_node}
    shared = Counter(titles.values())
    known_as = {node: text if shared[text] == 1 else known[node].name() for node, text in titles.items()}
    return Taxonomy(
        name=title,
        title=title,
        source=f"WordNet {reader.get_version()}, hypernyms of noun senses that were chosen by hand for the class names "
        "(Princeton University).",
        made="Distances are the edges on the shortest hypernym path, over all hypernyms (instances included), which is "
        "what NLTK's shortest_path_distance gives. The tree takes the longest hypernym path of each class, leaves out "
        "nodes with a single child and names the others by the first lemma of their synset.",
        classes=tuple(chosen),
        parent_of_class={name: known_as[parent] for name, parent in parent_of_class.items()},
        parent_of_node={
            known_as[node]: None if above is None else known_as[above] for node, above in parent_of_node.items()
        },
        title_of_node={known_as[node]: text for node, text in titles.items() if known_as[node] != text},
        synsets={name: synset.name() for name, synset in chosen.items()},
        offsets=offsets,
        hypernyms={offset: above for offset, above in hypernyms.items() if above},
    )


def _synset(reader: Any, name: str, sense: str) -> Any:
    try:
        synset = reader.synset(sense)
    except Exception as error:  # NLTK lets several kinds through: WordNetError, ValueError, KeyError, IndexError
        raise AnalysisError(
            f"WordNet has no synset {sense!r}, chosen for {name!r}.", "Choose one of its senses."
        ) from error
    if synset.pos() != "n":
        raise AnalysisError(f"{sense!r}, chosen for {name!r}, is no noun.", "Choose a noun sense.")
    return synset
