"""A taxonomy of any class names, from what they mean in WordNet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.class_senses import last_word_senses, name_senses
from lwal_core.taxonomy.hypernym_tree import COVERING, branching_nodes, hypernym_closure, longest_paths
from lwal_core.taxonomy.noun_synsets import VERSION, Nouns, shipped_nouns
from lwal_core.taxonomy.record import check_spellings
from lwal_core.taxonomy.reference import Taxonomy
from lwal_core.taxonomy.sense_guess import guess_senses

_MADE = (
    "Distances are the edges on the shortest hypernym path, over all hypernyms (instances included), which is what NLTK's "
    "shortest_path_distance gives. The tree takes the longest hypernym path of each class, but that over covering for "
    "clothing, leaves out nodes with a single child and names the others by the first lemma of their synset."
)
_GUESSED = (
    " The senses were guessed together: of all that the names can mean those that lie near each other and are common."
)


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


def senses_of(name: str) -> list[Sense]:
    """What a class name can mean, the commonest first; nothing for a name that is not in WordNet.

    :func:`lwal_core.taxonomy.class_senses.name_senses` says which spellings are understood.
    """
    return _told(name_senses(name, shipped_nouns()))


def kinds_of(name: str) -> list[Sense]:
    """What a class may be a kind of whose name is not in WordNet, by its last words, the commonest sense first."""
    return _told(last_word_senses(name, shipped_nouns()))


def wordnet_taxonomy(
    names: Sequence[str],
    senses: Mapping[str, str | None] | None = None,
    *,
    title: str = "WordNet",
    last_words: bool = False,
) -> Taxonomy:
    """The taxonomy that WordNet makes of class names; what they mean is guessed where it is not given.

    Args:
        names: Class names, in any spelling that :func:`senses_of` understands.
        senses: What some names mean, as a synset's name or its offset in WordNet 3.0, such as ``{"crane": "crane.n.05"}``
            or ``{"dog": "n02084071"}``; None and the empty text leave a name out. The others are guessed, with these
            given, by :func:`lwal_core.taxonomy.sense_guess.guess_senses`.
        title: What to call it.
        last_words: Whether a name that is not in WordNet counts as what its last words mean, such as ``"chicken curry"``
            as curry.

    Returns:
        A taxonomy whose classes are the names that have a sense; ``senses`` has the synset of each, ``unmatched`` the
        names without one. Names that mean one synset are 0 hops apart. Distances are the edges on the shortest path over
        a common hypernym, as NLTK's ``shortest_path_distance`` counts them; the tree takes the longest way of each
        synset to the top.

    Raises:
        AnalysisError: No names; names that are equal but for case, blanks, underscores and hyphens; a sense of a name that
            is not among them, or one that WordNet does not have.
    """
    if not names:
        raise AnalysisError("No classes were given.", "Give at least one class name.")
    check_spellings(names)
    given = dict(senses or {})
    strange = next((name for name in given if name not in set(names)), None)
    if strange is not None:
        raise AnalysisError(f"A sense is given for {strange!r}, which is no class.", "Give senses of the classes only.")
    nouns = shipped_nouns()
    candidates = [
        ({_synset(nouns, name, given[name]): 0} if given[name] else {})
        if name in given
        else name_senses(name, nouns) or (last_word_senses(name, nouns) if last_words else {})
        for name in names
    ]
    guessed = guess_senses(candidates, nouns)
    chosen = {name: synset for name, synset in zip(names, guessed, strict=True) if synset is not None}
    free = any(name not in given for name in chosen)
    made = _taxonomy(chosen, nouns, title)
    return replace(
        made,
        source=f"WordNet {VERSION}, hypernyms of noun senses that were {'guessed' if free else 'chosen by hand'} for the "
        "class names (Princeton University, 2006).",
        made=_MADE + _GUESSED * free,
        unmatched=tuple(name for name in names if name not in chosen),
    )


def _told(synsets: Iterable[int]) -> list[Sense]:
    nouns = shipped_nouns()
    return [Sense(nouns.name(s), nouns.words(s), nouns.definition(s)) for s in synsets]


def _taxonomy(chosen: Mapping[str, int], nouns: Nouns, title: str) -> Taxonomy:
    offsets = {name: nouns.offset(synset) for name, synset in chosen.items()}
    hypernyms = {
        nouns.offset(below): tuple(map(nouns.offset, above))
        for below, above in hypernym_closure(list(chosen.values()), nouns.hypernyms).items()
    }
    paths = longest_paths(list(offsets.values()), hypernyms, COVERING)
    parent_of_class: dict[str, str] = {}
    parent_of_node: dict[str, str | None] = {}
    if len(chosen) > 1:
        parent_of_class, parent_of_node = branching_nodes({name: paths[offset] for name, offset in offsets.items()})
    elif chosen:
        (name,), (path,) = chosen, paths.values()
        parent_of_class, parent_of_node = {name: path[-1]}, {path[-1]: None}
    number = {node: nouns.number(node) for node in parent_of_node}
    titles = {node: nouns.words(synset)[0] for node, synset in number.items() if synset is not None}
    shared = Counter(titles.values())
    known_as = {
        node: titles[node] if shared[titles[node]] == 1 else nouns.name(synset)
        for node, synset in number.items()
        if synset is not None
    }
    return Taxonomy(
        name=title,
        title=title,
        source="",
        made="",
        classes=tuple(chosen),
        parent_of_class={name: known_as[parent] for name, parent in parent_of_class.items()},
        parent_of_node={
            known_as[node]: None if above is None else known_as[above] for node, above in parent_of_node.items()
        },
        title_of_node={known_as[node]: text for node, text in titles.items() if known_as[node] != text},
        synsets={name: nouns.name(synset) for name, synset in chosen.items()},
        offsets=offsets,
        hypernyms={offset: above for offset, above in hypernyms.items() if above},
    )


def _synset(nouns: Nouns, name: str, sense: str | None) -> int:
    found = nouns.number(sense) if isinstance(sense, str) else None
    if found is None:
        raise AnalysisError(f"WordNet has no noun {sense!r}, chosen for {name!r}.", "Choose one of its senses.")
    return found
