"""View behind a link: one snapshot, and nothing else of the app."""

from __future__ import annotations

import streamlit as st

from app.common.wording import plain
from lwal_core.security.permissions import shares_only
from lwal_core.shares import Share, ShareNotFound, open_share
from lwal_core.system.log import event

PARAMETER = "share"

BELOW_TREE, A_CLASS, TALLEST_TREE = 2_150, 24, 900
"""Heights of a report's parts in px; what is unfolded on top of that is scrolled to inside."""


def visited() -> bool:
    """Whether this session came by a link, or the app shows nothing else anyway."""
    return PARAMETER in st.query_params or shares_only()


def draw_shared() -> None:
    """Draw the snapshot of the link, or that there is none. Nothing here leads anywhere: there is no navigation, no
    sidebar, and no other parameter of the address is read."""
    page = st.navigation([st.Page(_draw, title="Shared", url_path="shared", default=True)], position="hidden")
    page.run()


def _draw() -> None:
    tokens = st.query_params.get_all(PARAMETER)
    try:
        # Two tokens are none: which of them was meant?
        share, report = open_share(tokens[0] if len(tokens) == 1 else None)
    except ShareNotFound as error:
        _tell("share.refused", "A link leads nowhere")
        st.header("Nothing to see here", anchor=False)
        st.markdown(plain(error.message))
        st.markdown(plain(error.hint))
        return
    _tell("share.opened", f"Snapshot {share.id} is looked at", share_id=share.id)
    until = f" It can be seen until {share.expires:%d %B %Y, %H:%M} UTC." if share.expires else ""
    if not st.context.is_embedded:
        st.caption(f"A snapshot of {share.created:%d %B %Y}, as it was shared; it does not change.{until}")
    # Written by this program from escaped texts, unchanged since (its checksum was compared), and its own policy
    # lets it run nothing but its own script.
    st.iframe(report.decode(), height=_height(share), alt=f"{share.title}: tree, map, curves and tables")


def _tell(name: str, sentence: str, share_id: str | None = None) -> None:
    """Once a session: the page is drawn again with every move of its visitor."""
    if st.session_state.get("share_told") != (name, sentence):
        st.session_state["share_told"] = (name, sentence)
        event(name, sentence, share_id=share_id)


def _height(share: Share) -> int:
    """Pixels that the report takes on a wide screen. It cannot be measured: its policy forbids the script that would."""
    classes = share.view.get("classes")
    return BELOW_TREE + min(TALLEST_TREE, 80 + A_CLASS * (classes if isinstance(classes, int) else 10))
