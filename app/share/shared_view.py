"""View behind a link: one snapshot, and nothing else of the app."""

from __future__ import annotations

import streamlit as st

from app.common import address
from app.common.sign_in import LINK, by_link, person
from app.common.wording import plain
from app.share.shared_tree import draw_tree
from lwal_core.security.identity import set_user_provider
from lwal_core.security.permissions import shares_only
from lwal_core.shares import Share, ShareNotFound, open_share, open_snapshot
from lwal_core.shares.store import open_manifest
from lwal_core.system.log import event

VIEW, REPORT = "view", "Report"
"""Parameter of the address, and its value that asks for the report."""
TREE = "Tree"

BELOW_TREE, A_CLASS, TALLEST_TREE = 2_150, 24, 900
"""Heights of a report's parts in px; what is unfolded on top of that is scrolled to inside."""


def visited() -> bool:
    """Whether this session came by a link, or the app shows nothing else anyway."""
    return by_link() or shares_only()


def draw_shared() -> None:
    """Draw the snapshot of the link, or that there is none. Nothing here leads anywhere: there is no navigation and no sidebar,
    and what else the address says chooses how the snapshot is looked at, never what is."""
    set_user_provider(person)  # to whom whoever came by a link is a stranger, whatever else was said before
    page = st.navigation([st.Page(_draw, title="Shared", url_path="shared", default=True)], position="hidden")
    page.run()


def _draw() -> None:
    address.restore()
    tokens = st.query_params.get_all(LINK)
    token = tokens[0] if len(tokens) == 1 else None  # two tokens are none: which of them was meant?
    try:
        # Each time anew: a link that was revoked or has expired meanwhile shows nothing more.
        share, _ = open_manifest(token)
        _tell("share.opened", f"Snapshot {share.id} is looked at", share_id=share.id)
        if share.in_app and _head(share) == TREE:
            draw_tree(open_snapshot(token))
            return
        _, report = open_share(token)
    except ShareNotFound as error:
        _tell("share.refused", "A link leads nowhere")
        st.header("Nothing to see here", anchor=False)
        st.markdown(plain(error.message))
        st.markdown(plain(error.hint))
        return
    if not share.in_app and not st.context.is_embedded:
        st.caption(_about(share))
    # Written by this program from escaped texts, unchanged since (its checksum was compared), and its own policy
    # lets it run nothing but its own script.
    st.iframe(report.decode(), height=_height(share), alt=f"{share.title}: tree, map, curves and tables")


def _head(share: Share) -> str:
    """Title and choice between tree and report; in another site's frame the address alone says which."""
    if st.context.is_embedded:
        return REPORT if st.query_params.get(VIEW) == REPORT else TREE
    if st.query_params.get(VIEW) not in (None, TREE, REPORT):
        del st.query_params[VIEW]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="shared_head"):
        with st.container(gap="xxsmall"):
            st.subheader(plain(share.title), anchor=False)
            st.caption(_about(share))
        return st.segmented_control(
            "View", [TREE, REPORT], default=TREE, required=True, key=VIEW, bind="query-params", label_visibility="collapsed",
        ) or TREE  # fmt: skip


def _about(share: Share) -> str:
    until = f" It can be seen until {share.expires:%d %B %Y, %H:%M} UTC." if share.expires else ""
    return f"A snapshot of {share.created:%d %B %Y}, as it was shared; it does not change.{until}"


def _tell(name: str, sentence: str, share_id: str | None = None) -> None:
    """Once a session: the page is drawn again with every move of its visitor."""
    if st.session_state.get("share_told") != (name, sentence):
        st.session_state["share_told"] = (name, sentence)
        event(name, sentence, share_id=share_id)


def _height(share: Share) -> int:
    """Pixels that the report takes on a wide screen. It cannot be measured: its policy forbids the script that would."""
    classes = share.view.get("classes")
    return BELOW_TREE + min(TALLEST_TREE, 80 + A_CLASS * max(classes if isinstance(classes, int) else 10, 0))
