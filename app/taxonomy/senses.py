"""WordNet senses of class names in the taxonomy dialog."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import streamlit as st

from app.common.wording import listed, plain
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.wordnet import Sense, senses_of, wordnet_reader, wordnet_taxonomy

CHOSEN_BY_HAND = 30
"""Names whose sense can be chosen; those after them mean the commonest one, which is said."""
LEFT_OUT = ""
"""Stands for no sense among the options."""

_SENSE = "taxonomy_sense_{}"


class Meanings(NamedTuple):
    """Noun senses of class names.

    Attributes:
        by_name: The senses of each name that is in WordNet, the commonest first.
        absent: Names that are not.
    """

    by_name: dict[str, list[Sense]]
    absent: list[str]


@st.cache_data(max_entries=20, show_spinner="Looking the classes up in WordNet")
def meanings(names: tuple[str, ...]) -> Meanings:
    """What the class names can mean.

    Raises:
        LwalError: NLTK or WordNet's files are not installed, with how to get them.
    """
    reader = wordnet_reader()
    found = {name: senses_of(name, reader) for name in dict.fromkeys(names)}
    return Meanings({name: senses for name, senses in found.items() if senses}, [n for n in found if not found[n]])


def draw_senses(names: tuple[str, ...], title: str) -> Taxonomy | None:
    """Let the reader choose senses; gives the taxonomy that they make.

    Args:
        names: The class names of what the page shows.
        title: What to call the taxonomy.

    Returns:
        None where WordNet's files are not there, which is said with how to get them.

    Raises:
        LwalError: The senses make no taxonomy.
    """
    try:
        found = meanings(names)
    except LwalError as error:
        st.caption(plain(f"{error.message} {error.hint}"))
        return None
    several = [name for name, senses in found.by_name.items() if len(senses) > 1]
    chosen = {name: senses[0].synset for name, senses in found.by_name.items()}
    if found.absent:
        st.caption(f"Not in WordNet and left out: {listed(found.absent)}.")
    if several:
        st.markdown("**What do these classes mean?**", help="Names with one sense in WordNet are not asked for.")
    if len(several) > CHOSEN_BY_HAND:
        rest = several[CHOSEN_BY_HAND:]
        st.caption(f"The first {CHOSEN_BY_HAND} of {len(several):,}; {listed(rest)} mean what they mean most often.")
    for i, name in enumerate(several[:CHOSEN_BY_HAND]):
        by_synset = {sense.synset: sense for sense in found.by_name[name]}
        options = [*by_synset, LEFT_OUT]
        chosen[name] = st.selectbox(
            plain(shorten(one_line(name), 60)), options, format_func=partial(_told, by_synset), key=_SENSE.format(i)
        )
    return wordnet_taxonomy(names, chosen, title=title)


def forget_senses() -> None:
    """What was chosen for other names does not show again."""
    for i in range(CHOSEN_BY_HAND):
        st.session_state.pop(_SENSE.format(i), None)


def _told(by_synset: dict[str, Sense], synset: str) -> str:
    """Option text; the synset's name makes it different from all others."""
    if synset not in by_synset:
        return "Leave it out"
    return f"{shorten(one_line(by_synset[synset].definition), 90)} ({synset})"
