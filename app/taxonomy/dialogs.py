"""Dialogs for one's own taxonomies and for matching class names to the classes of a taxonomy by hand.

A dialog is open as long as the session says so (``DIALOG``): its buttons run callbacks, which can only leave notes there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath

import streamlit as st

from app.common.widgets import changing, on_accent, show_error
from app.common.wording import listed, plain
from app.taxonomy.matching import MATCH_KEY, MATCHED_BY_HAND, by_hand, chosen_matches, draw_matching, left_out
from app.taxonomy.senses import draw_senses, forget_senses
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.security.permissions import check_upload
from lwal_core.settings import settings
from lwal_core.taxonomy import FEWEST_MATCHES, Taxonomy
from lwal_core.taxonomy.files import FORMATS, MAX_BYTES, MAX_NAME, parse_taxonomy, taxonomy_newick
from lwal_core.taxonomy.record import checksum
from lwal_core.taxonomy.store import (
    all_taxonomies,
    damaged_taxonomies,
    delete_taxonomy,
    find_taxonomy,
    matches_of,
    save_matches,
    save_taxonomy,
)

REFERENCE = "reference"
"""Session key and query parameter of the choice; in the session the taxonomy's name, in the address its label."""

DIALOG = "taxonomy_dialog"
_FAILED, _FROM = "taxonomy_failed", "taxonomy_from"
_FILE, _WORDNET = "A file", "WordNet (choose senses)"

_FORMATS_HELP = f"""Three formats are read, as UTF-8 text of at most {MAX_BYTES // 2**20} MB; what has nothing below it
is a class.

**Newick**
```
((cat,
  dog)pet,
 (car,
  bus)vehicle);
```
**JSON**
```
{{"animal": {{
   "pet": ["cat", "dog"],
   "farm": ["cow"]}},
 "vehicle": ["car", "bus"]}}
```
**Table** of classes and parents (CSV)
```
class,parent
cat,pet
dog,pet
pet,animal
```
The forms of data frames, COCO, d3, jsTree and Open Images are read as well."""


# --- opening and closing ---------------------------------------------------------------------------------------------


def open_dialog(which: str) -> None:
    """Callback: show the dialog ``"own"`` or ``"match"``; ``"senses"`` is ``"own"`` with WordNet's senses."""
    st.session_state[DIALOG] = "match" if which == "match" else "own"
    st.session_state[_FROM] = _WORDNET if which == "senses" else _FILE
    _forget()


def _close() -> None:
    st.session_state.pop(DIALOG, None)
    _forget()


def _forget() -> None:
    """No message and no choice of an earlier dialog shows in the next one."""
    st.session_state.pop(_FAILED, None)
    forget_senses()
    for i in range(MATCHED_BY_HAND):
        st.session_state.pop(MATCH_KEY.format(i), None)


def _leave_if_closed() -> None:
    """Draw the page anew without the dialog when a button of it has just closed it."""
    if st.session_state.get(DIALOG) is None:
        st.rerun()


@contextmanager
def _kept_for_later() -> Iterator[None]:
    """In a callback nothing can be drawn: an error is kept and shown when the dialog is drawn again."""
    st.session_state.pop(_FAILED, None)
    try:
        yield
    except LwalError as error:
        st.session_state[_FAILED] = error


@st.dialog("Your own taxonomy", width="large", on_dismiss=_close)
def own_dialog(names: tuple[str, ...]) -> None:
    """Bring a taxonomy, see what it is, keep it; delete kept ones.

    Args:
        names: The class names of what the page shows.
    """
    _leave_if_closed()
    source = st.segmented_control("From", [_FILE, _WORDNET], required=True, key=_FROM, label_visibility="collapsed")
    if source == _WORDNET:
        _draw_wordnet(names)
    else:
        _draw_file(names)
    if st.session_state.get(_FAILED) is not None:
        show_error(st.session_state[_FAILED])
    _draw_kept()


def _draw_file(names: tuple[str, ...]) -> None:
    upload = st.file_uploader(
        "File with a tree of classes",
        [ending for endings in FORMATS.values() for ending in endings] + ["txt"],
        max_upload_size=min(MAX_BYTES // 2**20, settings().max_upload_mb),
        key="taxonomy_file",
        help=_FORMATS_HELP,
    )
    if upload is None:
        st.caption("Newick, JSON, or a table with the columns class and parent; the question mark shows how they look.")
        return
    name = _name_input(PurePath(upload.name).stem[:MAX_NAME], upload.file_id)
    try:
        check_upload(upload.size)
        taxonomy = _parsed(upload.getvalue(), upload.name, name)
    except LwalError as error:
        show_error(error)
        return
    _draw_preview(names, taxonomy, draw_matching)


def _draw_wordnet(names: tuple[str, ...]) -> None:
    name = _name_input("WordNet, my senses", "wordnet")
    try:
        taxonomy = draw_senses(names, " ".join(name.split()) or "WordNet")
    except LwalError as error:
        show_error(error)
        return
    _draw_preview(names, taxonomy)


def _name_input(default: str, key: str) -> str:
    return st.text_input(
        "Name",
        default,
        max_chars=MAX_NAME,
        key=f"taxonomy_name_{key}",
        help="What to call it in the list and in sentences.",
    )


def _draw_preview(
    names: tuple[str, ...],
    taxonomy: Taxonomy,
    match: Callable[[Sequence[str], Taxonomy, list[str]], list[str]] | None = None,
) -> None:
    """What it is, the names to match if they can be, and the buttons."""
    st.markdown("\n".join(f"- {line}" for line in preview(names, taxonomy)))
    asked = match(names, taxonomy, list(left_out(names, taxonomy).unknown)) if match else []
    with st.container(horizontal=True):
        st.button(
            on_accent("Keep"), type="primary", key="taxonomy_keep", on_click=_keep, args=(taxonomy, asked), **changing()
        )
        st.button("Cancel", key="taxonomy_cancel", on_click=_close)


@st.cache_resource(max_entries=8, show_spinner="Reading the file")
def _parsed(data: bytes, file_name: str, name: str) -> Taxonomy:
    return parse_taxonomy(data, file_name, name)


def preview(names: Sequence[str], taxonomy: Taxonomy) -> list[str]:
    """What a taxonomy is and which of the given classes it knows; lines of markdown."""
    out, kept = left_out(names, taxonomy), taxonomy.kept(names)
    groups = taxonomy.groups
    lines = [
        f"{len(taxonomy.classes):,} classes in {groups:,} group{'' if groups == 1 else 's'}, {taxonomy.levels} level"
        f"{'' if taxonomy.levels == 1 else 's'} deep",
        f"Checksum {checksum(taxonomy)}",
        f"Knows {len(kept):,} of your {len(names):,} classes"
        + (f": {listed([names[i] for i in kept])}" if kept else ""),
    ]
    if groups == 0:
        lines.append("All classes stand side by side, so there is no group to find and no distance to agree with")
    if out.unknown:
        lines.append(f"Does not know {listed(out.unknown)}")
    if out.shared:
        lines.append(f"Cannot tell apart {listed(out.shared)}: each shares a class there with another name")
    if 0 < len(kept) < FEWEST_MATCHES:
        lines.append("Fewer than 3 known classes have neither a group nor an agreement")
    return lines


def _keep(taxonomy: Taxonomy, asked: Sequence[str]) -> None:
    with _kept_for_later():
        chosen = {name: meant for name, meant in chosen_matches(asked).items() if meant is not None}
        kept = save_taxonomy(taxonomy)
        if chosen:
            save_matches(kept.name, chosen)
        st.session_state[REFERENCE] = kept.name
        _close()


def _draw_kept() -> None:
    """The own taxonomies with their files, and the way to part with them."""
    kept, damaged = [known for known in all_taxonomies() if known.own], damaged_taxonomies()
    if not kept and not damaged:
        return
    st.markdown("**Kept here**")
    for known in kept:
        taxonomy = find_taxonomy(known.name).with_matches({})  # the checksum is that of what was brought
        with st.container(horizontal=True, vertical_alignment="center"):
            title = plain(shorten(one_line(known.title), 60))
            st.markdown(f"{title} ({len(taxonomy.classes):,} classes, checksum {checksum(taxonomy)})", width="stretch")
            st.download_button(
                "Newick", taxonomy_newick(taxonomy).encode(), f"{known.name}.nwk", "text/plain", on_click="ignore",
                icon=":material/download:", type="tertiary", key=f"taxonomy_newick_{known.name}",
            )  # fmt: skip
            _draw_delete(known.name)
    for name, reason in damaged.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{plain(name)}: {plain(reason)}", width="stretch")
            _draw_delete(name)


def _draw_delete(name: str) -> None:
    st.button(
        "Delete", icon=":material/delete:", type="tertiary", key=f"taxonomy_delete_{name}", on_click=_delete, args=(name,),
        **changing("Moves the file into the folder trash beside it."),
    )  # fmt: skip


def _delete(name: str) -> None:
    with _kept_for_later():
        delete_taxonomy(name)


@st.dialog("Match names", width="large", on_dismiss=_close)
def match_dialog(names: tuple[str, ...], taxonomy: Taxonomy) -> None:
    """Say what class of a taxonomy each name means that it does not know.

    Args:
        names: The class names of what the page shows.
        taxonomy: The taxonomy with what was matched before.
    """
    _leave_if_closed()
    asked = [*left_out(names, taxonomy).unknown, *by_hand(names, taxonomy)]
    st.caption(f"Classes of {plain(shorten(one_line(taxonomy.title), 60))}; {plain(taxonomy.source)}")
    shown = draw_matching(names, taxonomy, asked)
    if not shown:
        st.markdown("Every name is known; there is nothing to match.")
    if st.session_state.get(_FAILED) is not None:
        show_error(st.session_state[_FAILED])
    with st.container(horizontal=True):
        if shown:
            st.button(
                on_accent("Save"), type="primary", key="taxonomy_save", on_click=_save, args=(taxonomy.name, shown),
                **changing(),
            )  # fmt: skip
        st.button("Cancel", key="taxonomy_cancel", on_click=_close)


def _save(name: str, asked: Sequence[str]) -> None:
    with _kept_for_later():
        chosen, before = chosen_matches(asked), matches_of(name)
        changed = {given: meant for given, meant in chosen.items() if meant != before.get(given)}
        if changed:
            save_matches(name, changed)
        _close()
