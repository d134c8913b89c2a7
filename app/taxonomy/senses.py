"""WordNet senses of class names in the taxonomy dialog."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import streamlit as st

from app.common.wording import counted, listed, plain
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.taxonomy import Taxonomy, wordnet_taxonomy
from lwal_core.taxonomy.wordnet import Sense, kinds_of, senses_of

CHOSEN_BY_HAND = 30
"""Names that have a list box at a time; the others are found by a part of their name."""
LEFT_OUT = ""
"""Stands for no sense among the options."""
FEWEST = 2
"""Fewer classes are no taxonomy."""

_SENSE = "taxonomy_sense_{}"
_FIND, _CHOSEN, _LAST_WORDS = "taxonomy_sense_find", "taxonomy_senses", "taxonomy_last_words"


class Meanings(NamedTuple):
    """Noun senses of class names.

    Attributes:
        by_name: The senses of each name that is in WordNet, and of the last words of others, the commonest first.
        guessed: What each name means as guessed; :data:`LEFT_OUT` for one that is not in WordNet.
        absent: Names without any sense.
    """

    by_name: dict[str, list[Sense]]
    guessed: dict[str, str]
    absent: list[str]


@st.cache_data(max_entries=20, show_spinner="Looking the classes up in WordNet")
def meanings(names: tuple[str, ...], last_words: bool = False) -> Meanings:
    """What the class names can mean, and what they are guessed to mean; with ``last_words`` also those that are not in
    WordNet.

    Raises:
        LwalError: The names cannot be told apart.
    """
    guessed = wordnet_taxonomy(names, last_words=last_words).senses
    found = {name: senses_of(name) or kinds_of(name) for name in names}
    return Meanings(
        {name: senses for name, senses in found.items() if senses},
        {name: guessed.get(name, LEFT_OUT) for name in names},
        [name for name in names if not found[name]],
    )


def draw_senses(names: tuple[str, ...], title: str) -> Taxonomy:
    """Let the reader choose senses, beginning with the guessed ones; gives the taxonomy that they make.

    Args:
        names: The class names of what the page shows.
        title: What to call the taxonomy.

    Raises:
        LwalError: The senses make no taxonomy.
    """
    found = meanings(names)
    if len(found.absent) < sum(not sense for sense in found.guessed.values()) and st.toggle(
        "Names that are not in WordNet count as what their last words mean",
        key=_LAST_WORDS,
        help="Chicken curry as curry.",
    ):
        found = meanings(names, True)
    kept: dict[str, str] = st.session_state.setdefault(_CHOSEN, {})
    chosen = {name: kept.get(name, sense) for name, sense in found.guessed.items()}
    if found.absent:
        st.caption(f"Not in WordNet and left out: {listed(found.absent)}.")
    asked = [name for name, senses in found.by_name.items() if len(senses) > 1 or not found.guessed[name]]
    asked.sort(key=lambda name: not found.guessed[name])  # those that are left out come last
    if asked:
        st.markdown(
            "**What do these classes mean?**",
            help="As guessed: of all that the names can mean the senses that lie near each other and are common. Names with "
            "one sense in WordNet are not asked for; one that is not in WordNet can count as what its last word means.",
        )
    for name in _shown(asked):
        key = _SENSE.format(f"{names.index(name)}_{st.session_state.get(_LAST_WORDS, False)}")
        by_synset = {sense.synset: sense for sense in found.by_name[name]}
        options = [*by_synset, LEFT_OUT]
        st.selectbox(
            plain(shorten(one_line(name), 60)),
            options,
            options.index(chosen[name]),
            format_func=partial(_told, by_synset),
            key=key,
            on_change=_keep,
            args=(name, key),
        )
    taxonomy = wordnet_taxonomy(names, chosen, title=title)
    if len(taxonomy.classes) < FEWEST:
        raise LwalError(
            f"{'One class has' if taxonomy.classes else 'No class has'} a sense in WordNet, at least {FEWEST} are needed.",
            "Choose the senses of more classes.",
        )
    _draw_table(found, taxonomy)
    return taxonomy


def forget_senses() -> None:
    """What was chosen for other names does not show again."""
    for key in [str(key) for key in st.session_state if str(key).startswith(_SENSE.format(""))]:
        st.session_state.pop(key, None)
    st.session_state.pop(_CHOSEN, None)


def _shown(asked: Sequence[str]) -> Sequence[str]:
    """The names that get a list box; of many those that hold what the reader looks for."""
    if len(asked) <= CHOSEN_BY_HAND:
        return asked
    sought = st.text_input("Find a class", key=_FIND, placeholder="A part of its name").strip().casefold()
    found = [name for name in asked if sought in name.casefold()]
    if len(found) > CHOSEN_BY_HAND:
        st.caption(f"The first {CHOSEN_BY_HAND} of {counted(len(found), 'class', 'classes')} with several senses.")
    return found[:CHOSEN_BY_HAND]


def _keep(name: str, key: str) -> None:
    """A choice stays when its list box is not drawn."""
    st.session_state[_CHOSEN][name] = st.session_state[key]


def _draw_table(found: Meanings, taxonomy: Taxonomy) -> None:
    known = {sense.synset: sense for senses in found.by_name.values() for sense in senses}
    rows = [(name, known[synset]) for name, synset in taxonomy.senses.items()]
    st.dataframe(
        {
            "Class": [name for name, _ in rows],
            "Means": [sense.synset for _, sense in rows],
            "Definition": [sense.definition for _, sense in rows],
        },
        hide_index=True,
        height=180,
    )


def _told(by_synset: dict[str, Sense], synset: str) -> str:
    """Option text; the synset's name makes it different from all others."""
    if synset not in by_synset:
        return "Leave it out"
    return f"{shorten(one_line(by_synset[synset].definition), 90)} ({synset})"
