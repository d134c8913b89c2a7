"""The nouns of WordNet 3.0 from the file that comes along (``tools/make_wordnet.py`` says what it holds).

The file is opened when somebody first asks, and each of its arrays is unpacked when it is needed: hypernyms and words at
once, definitions when senses are shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from io import BytesIO
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from lwal_core.taxonomy.class_names import singular_forms, words_of

VERSION = "3.0"
"""WordNet's; offsets differ between versions."""

_FILE = "wordnet_nouns.npz"
_PUNCTUATION = b"_-.'/"  # all that occurs in the words of the file
_SYNSET = re.compile(r"(.+)\.n\.([0-9]{1,3})")
_OFFSET = re.compile(r"n([0-9]{8})")

IntArray = npt.NDArray[np.int64]


class Nouns:
    """Noun synsets, numbered in the order of WordNet's file.

    Args:
        file: What ``tools/make_wordnet.py`` writes; read when something is asked for.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._arrays: Mapping[str, np.ndarray] = np.load(file, allow_pickle=False)
        self._offsets = self._arrays["offsets"]
        self._above = self._arrays["above"].tolist()
        self._above_starts = _starts(self._arrays["above_counts"])
        self._lemmas = self._arrays["lemmas"]
        self._lemma_starts = _starts(self._arrays["lemma_counts"])
        self._ranks = self._arrays["ranks"]
        text = self._arrays["words"].tobytes()
        self._words = text.decode().split("\n")
        self._words_of_key: dict[str, list[int]] = {}
        for i, key in enumerate(text.lower().translate(None, _PUNCTUATION).decode().split("\n")):
            self._words_of_key.setdefault(key, []).append(i)

    def __len__(self) -> int:
        return len(self._offsets)

    def number(self, sense: str) -> int | None:
        """The synset that a name such as ``"bear.n.01"`` or an offset such as ``"n02131653"`` means; None without one."""
        if found := _OFFSET.fullmatch(sense):
            at = int(np.searchsorted(self._offsets, int(found[1])))
            return at if at < len(self) and int(self._offsets[at]) == int(found[1]) else None
        if found := _SYNSET.fullmatch(sense):
            word, rank = found[1].lower(), int(found[2])
            for i in self._words_of_key.get(word_key(word), ()):
                for at in self._places(i):
                    if self._words[i].lower() == word and int(self._ranks[at]) == rank:
                        return int(self._owners[at])
        return None

    def offset(self, synset: int) -> str:
        """ImageNet's name of a synset, such as ``"n02131653"``."""
        return f"n{int(self._offsets[synset]):08d}"

    def name(self, synset: int) -> str:
        """NLTK's name of a synset: its first word and which sense of that it is, such as ``"bear.n.01"``."""
        at = self._lemma_starts[synset]
        return f"{self._words[self._lemmas[at]].lower()}.n.{int(self._ranks[at]):02d}"

    def words(self, synset: int) -> tuple[str, ...]:
        """The words of a synset in WordNet's order, with blanks."""
        found = self._lemmas[self._lemma_starts[synset] : self._lemma_starts[synset + 1]]
        return tuple(self._words[i].replace("_", " ") for i in found.tolist())

    def hypernyms(self, synset: int) -> list[int]:
        """The synsets right above one, instance hypernyms among them; none above the top."""
        return self._above[self._above_starts[synset] : self._above_starts[synset + 1]]

    def definition(self, synset: int) -> str:
        """What a synset is, in WordNet's words, without its examples."""
        return self._definitions[synset]

    def senses(self, name: str) -> dict[int, int]:
        """The synsets that have a word, the commonest sense first, each with how often it was met in counted texts.

        Case, accents and whatever is no letter or digit do not matter. Plurals are understood; their senses come after
        those of the word as it is.
        """
        key = word_key(name)
        keys = [key, *sorted(singular_forms(key) - {key}, key=len, reverse=True)]
        if irregular := self._plurals.get(key) or self._irregular_end(name, key):
            keys.append(irregular)
        found: dict[int, int] = {}
        for form in keys:
            places = [at for i in self._words_of_key.get(form, ()) for at in self._places(i)]
            for at in sorted(places, key=lambda at: (int(self._ranks[at]), at)):
                synset = int(self._owners[at])
                found[synset] = found.get(synset, 0) + int(self._counts[at])
        return found

    def _irregular_end(self, name: str, key: str) -> str | None:
        """The key of a name whose last word is an irregular plural, with the singular."""
        last = word_key(words_of(name)[-1]) if words_of(name) else ""
        singular = self._plurals.get(last)
        return key.removesuffix(last) + singular if singular and key.endswith(last) else None

    def _places(self, word: int) -> list[int]:
        """Where a word stands among the words of all synsets."""
        order, starts = self._by_word
        return order[starts[word] : starts[word + 1]].tolist()

    @cached_property
    def _by_word(self) -> tuple[IntArray, IntArray]:
        """Places among the words of all synsets ordered by word, and where each word begins there."""
        starts = np.concatenate([[0], np.cumsum(np.bincount(self._lemmas, minlength=len(self._words)))])
        return np.argsort(self._lemmas, kind="stable"), starts

    @cached_property
    def _owners(self) -> IntArray:
        """The synset at each place."""
        return np.repeat(np.arange(len(self)), np.diff(self._lemma_starts))

    @cached_property
    def _counts(self) -> npt.NDArray[np.uint16]:
        return self._arrays["counts"]

    @cached_property
    def _definitions(self) -> list[str]:
        return self._arrays["definitions"].tobytes().decode().split("\n")

    @cached_property
    def _plurals(self) -> dict[str, str]:
        lines = self._arrays["plurals"].tobytes().decode().split("\n")
        return {word_key(line.split()[0]): word_key(line.split()[1]) for line in lines if len(line.split()) > 1}


@cache
def shipped_nouns() -> Nouns:
    """The nouns of the file that comes along, read once by each process that asks."""
    # In memory: a child process shares the place in an open file with its parent.
    return Nouns(BytesIO(files("lwal_core.taxonomy").joinpath("data", _FILE).read_bytes()))


def word_key(text: str) -> str:
    """A word in lower case without accents and without what is no letter or digit."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalnum())


def _starts(counts: np.ndarray) -> list[int]:
    return [0, *np.cumsum(counts, dtype=np.int64).tolist()]
