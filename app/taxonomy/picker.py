"""Picker of the reference taxonomy of a page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.common.widgets import show_error
from app.common.wording import listed, plain
from app.taxonomy.dialogs import DIALOG, REFERENCE, match_dialog, open_dialog, own_dialog
from app.taxonomy.matching import by_hand, left_out
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.taxonomy import FEWEST_MATCHES, Taxonomy, available_taxonomies
from lwal_core.taxonomy.proposal import PROPOSED, proposed_taxonomy
from lwal_core.taxonomy.store import KnownTaxonomy, all_taxonomies, find_taxonomy, fitting_taxonomy, matches

__all__ = ["NONE", "REFERENCE", "pick_taxonomy", "reference_options"]

NONE = ""
"""Stands for no taxonomy among the options."""

_DEFAULT = "taxonomy_default"


def reference_options(names: Sequence[str], first: str | None = None) -> dict[str, str]:
    """Taxonomies to choose from, by name, with their labels; the default comes first.

    That is ``first``, or the one that fits the classes, or none. Others are there when they know three of the classes; own ones
    always, and WordNet's proposal where no shipped one fits.
    """
    by_hand_now = tuple((name, *sorted(found.items())) for name, found in sorted(matches().items()))
    return dict(_options(tuple(names), first, tuple(all_taxonomies()), by_hand_now))


@st.cache_data(max_entries=100, show_spinner=False)
def _options(
    names: tuple[str, ...],
    named: str | None,
    everything: tuple[KnownTaxonomy, ...],
    by_hand_now: tuple[tuple[object, ...], ...],
) -> dict[str, str]:
    """The matches by hand are part of the key alone: with them a taxonomy knows more classes."""
    fitting = fitting_taxonomy(names)
    fits = NONE if fitting is None else fitting.name
    found = dict.fromkeys((named or fits, fits), "")
    if (fitting is None or fits not in available_taxonomies()) and proposed_taxonomy(names) is not None:
        found[PROPOSED] = ""
    for known in everything:
        if known.own or len(find_taxonomy(known.name).kept(names)) >= FEWEST_MATCHES:
            found[known.name] = ""
    found[NONE] = ""
    for name in found:
        label = "None" if name == NONE else _label(find_taxonomy(name, names))
        alone = name == NONE or label not in ("None", *found.values())
        found[name] = label if alone else f"{label} [{name}]"
    return found


def pick_taxonomy(names: Sequence[str], first: str | None = None) -> Taxonomy | None:
    """Let the reader choose the reference taxonomy for some classes; shared by the pages and in the address.

    Draws the choice, a button for one's own taxonomies, and a line on the classes that the chosen one leaves out.

    Args:
        names: The class names of what is shown.
        first: The taxonomy to begin with; the one that fits the classes where it is left out.

    Returns:
        The taxonomy with the names that were matched to it by hand; None without one.
    """
    options = reference_options(names, first)
    default, state = next(iter(options)), st.session_state
    # A choice that is gone, or one that nobody made, gives way to the default for these classes.
    if REFERENCE in state and (state[REFERENCE] not in options or state[REFERENCE] == state.get(_DEFAULT)):
        state[REFERENCE] = default
    state[_DEFAULT] = default
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Reference",
            list(options),
            format_func=lambda option: options.get(option, option),
            key=REFERENCE,
            bind="query-params",
            width=300,
            help="A tree of these classes made by people, to hold the learned one against. The one that fits the "
            "classes comes first; others are here when they know at least three of them.",
        )
        st.button(
            "Your own", icon=":material/upload_file:", key="taxonomy_own", on_click=open_dialog, args=("own",),
            help="Import a taxonomy of your own as Newick, JSON or a table, or delete one.",
        )  # fmt: skip
    taxonomy = _found(name, names)
    if taxonomy is not None and taxonomy.name == PROPOSED:
        _draw_guessed(taxonomy)
    elif taxonomy is not None:
        _draw_left_out(names, taxonomy)
    if state.get(DIALOG) == "own":
        own_dialog(tuple(names))
    elif state.get(DIALOG) == "match" and taxonomy is not None:
        match_dialog(tuple(names), taxonomy)
    return taxonomy


def _found(name: str | None, names: Sequence[str]) -> Taxonomy | None:
    if not name:
        return None
    try:
        return find_taxonomy(name, names)
    except LwalError as error:  # deleted or damaged since the list was made
        show_error(error)
        return None


def _label(taxonomy: Taxonomy) -> str:
    title = one_line(taxonomy.title)
    title = title[:1].upper() + title[1:]
    named = taxonomy.data_set and taxonomy.data_set.casefold() not in title.casefold()
    return f"{title} ({taxonomy.data_set})" if named else title


def _draw_guessed(taxonomy: Taxonomy) -> None:
    """A line that the senses are guesses, with the way to look them through."""
    text = "What the classes mean in WordNet is guessed: check the senses before you rely on it."
    if taxonomy.unmatched:
        text += f" Left out, not in WordNet: {listed(taxonomy.unmatched)}."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(text, width="content")
        st.button(
            "Check senses", icon=":material/rule:", type="tertiary", key="taxonomy_senses_open", on_click=open_dialog,
            args=("senses",),
        )  # fmt: skip


def _draw_left_out(names: Sequence[str], taxonomy: Taxonomy) -> None:
    """A line on the classes that are left out, with the way to match them."""
    out = left_out(names, taxonomy)
    parts = []
    if out.unknown:
        verb = "is" if len(out.unknown) == 1 else "are"
        parts.append(f"{listed(out.unknown)} {verb} not in {plain(shorten(one_line(taxonomy.title), 60))}.")
    if out.shared:
        parts.append(f"{listed(out.shared)} share a class there with another name.")
    if not parts and not by_hand(names, taxonomy):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if parts:
            st.caption(f"Left out: {' '.join(parts)}", width="content")
        else:
            st.caption("Some names were matched by hand.", width="content")
        st.button(
            "Match names",
            icon=":material/link:",
            type="tertiary",
            key="taxonomy_match",
            on_click=open_dialog,
            args=("match",),
        )
