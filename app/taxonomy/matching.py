"""Matching of class names to a taxonomy by hand: what is left out, one choice per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.common.wording import plain
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.taxonomy import Taxonomy

MATCHED_BY_HAND = 30
"""Classes that can be matched by hand at a time; the rest is said."""

MATCH_KEY = "taxonomy_match_{}"

_NO_CLASS = "No class of it"


@dataclass(frozen=True)
class LeftOut:
    """Given classes that a taxonomy leaves out.

    Attributes:
        unknown: It does not have them.
        shared: Several of the given ones mean one class of it.
    """

    unknown: tuple[str, ...]
    shared: tuple[str, ...]


def left_out(names: Sequence[str], taxonomy: Taxonomy) -> LeftOut:
    """Which of the given classes a taxonomy leaves out, and why."""
    mapping, _ = taxonomy.match(names)
    kept = taxonomy.kept(names)
    return LeftOut(
        tuple(name for name in names if name not in mapping),
        tuple(name for i, name in enumerate(names) if name in mapping and i not in kept),
    )


def by_hand(names: Sequence[str], taxonomy: Taxonomy) -> list[str]:
    """Given names that were matched by hand."""
    return [name for name in dict.fromkeys(names) if name in taxonomy.matches]


def draw_matching(names: Sequence[str], taxonomy: Taxonomy, asked: list[str]) -> list[str]:
    """A list box for each name that is to be matched; gives the names that have one."""
    if not asked:
        return []
    shown = asked[:MATCHED_BY_HAND]
    taken = {meant for name, meant in taxonomy.match(names)[0].items() if name not in shown}
    free = ["", *(name for name in taxonomy.classes if name not in taken)]
    st.markdown("**What do these classes mean?**", help="Remembered and used wherever this taxonomy is chosen.")
    more = len(asked) - len(shown)
    if more:
        st.caption(f"The first {len(shown)} of {len(asked):,}; the other {more:,} can be matched after these are kept.")
    columns = st.columns(2)
    for i, name in enumerate(shown):
        meant = taxonomy.matches.get(name)
        columns[i % 2].selectbox(
            plain(shorten(one_line(name), 60)),
            free,
            free.index(meant) if meant in free else 0,
            format_func=lambda option: option or _NO_CLASS,
            key=MATCH_KEY.format(i),
        )
    return shown


def chosen_matches(asked: Sequence[str]) -> dict[str, str | None]:
    """What was chosen in the list boxes.

    Raises:
        LwalError: Two names were given one class.
    """
    chosen = {name: st.session_state.get(MATCH_KEY.format(i)) or None for i, name in enumerate(asked)}
    meant = [target for target in chosen.values() if target is not None]
    twice = next((target for target in meant if meant.count(target) > 1), None)
    if twice is not None:
        both = " and ".join(repr(name) for name, target in chosen.items() if target == twice)
        raise LwalError(f"{both} cannot all mean {twice!r}.", "Give each class to one name; the others are left out.")
    return chosen
