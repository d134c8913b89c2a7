"""What a class name can mean in WordNet: names as data sets spell them."""

from __future__ import annotations

import re
from collections import Counter

from lwal_core.taxonomy.class_names import words_of
from lwal_core.taxonomy.hypernym_tree import hypernym_closure
from lwal_core.taxonomy.noun_synsets import Nouns, word_key

MAX_PARTS = 20
"""Further names of a class that are read from a list such as ``"tench, Tinca tinca"``."""

MAX_WORDS = 9
"""Last words of a name that are looked up: as many as the longest nouns of WordNet have."""

_OFFSET_FIRST = re.compile(r"(n[0-9]{8})(?![0-9])")
_NUMBER_FIRST = re.compile(r"\d+[\s._-]+(?=\D)")
_IN_BRACKETS = re.compile(r"(.+?)\s*\(([^()]*)\)\s*")


def name_senses(name: str, nouns: Nouns) -> dict[int, int]:
    """The synsets that a class name can mean, the commonest first, each with how often it was met in counted texts.

    Understood are words and plurals in any spelling (``"school bus"``, ``"SchoolBus"``, ``"sea-lion"``, ``"geese"``), a
    synset's own name (``"bear.n.01"``) or offset (``"n02084071"``, also before other text), a number before the name
    (``"001.ostrich"``), lists of words for one thing (``"tench, Tinca tinca"``: the synsets that most of the words have),
    and a word in brackets that lies above what is meant (``"crane (bird)"``).

    Args:
        name: Class name.
        nouns: WordNet's nouns.

    Returns:
        Nothing for a name that is not in WordNet, and for one without two letters: a number or a letter means itself.
    """
    text = name.strip()
    offset = _OFFSET_FIRST.match(text)
    exact = nouns.number(offset[1] if offset else text)
    if exact is not None:
        return {exact: 0}
    if sum(c.isalpha() for c in text) < 2:
        return {}
    for form in (text, _NUMBER_FIRST.sub("", text, count=1)):
        found = nouns.senses(form) or _of_list(form, nouns) or _of_brackets(form, nouns)
        if found:
            return found
    return {}


def _of_list(name: str, nouns: Nouns) -> dict[int, int]:
    """The senses that the most of several words for one thing share."""
    parts = [part for part in re.split(r"[,;/|]", name, maxsplit=MAX_PARTS) if word_key(part)]
    if len(parts) < 2:
        return {}
    found = [nouns.senses(part) for part in parts]
    shared = Counter(synset for senses in found for synset in senses)
    most = max(shared.values(), default=0)
    kept = [synset for synset, count in shared.items() if count == most]
    return {synset: sum(senses.get(synset, 0) for senses in found) for synset in kept}


def _of_brackets(name: str, nouns: Nouns) -> dict[int, int]:
    """The senses of what stands before brackets; where some lie below what stands in them, only those."""
    split = _IN_BRACKETS.fullmatch(name)
    if split is None:
        return {}
    found, above = nouns.senses(split[1]), set(nouns.senses(split[2]))
    over = {synset: hypernym_closure([synset], nouns.hypernyms) for synset in found}
    return {synset: count for synset, count in found.items() if above & over[synset].keys()} or found


def last_word_senses(name: str, nouns: Nouns) -> dict[int, int]:
    """The senses of the longest end of a name of several words that is in WordNet, such as curry for ``"chicken curry"``:
    what a name that is not in WordNet is often a kind of."""
    words = words_of(name)[-MAX_WORDS:]
    ends = (" ".join(words[i:]) for i in range(1, len(words)))
    return next((found for end in ends if (found := name_senses(end, nouns))), {})
