"""Link that was made just now: to copy, to try, and as a frame for other sites' pages."""

from __future__ import annotations

from html import escape

import streamlit as st

from lwal_core.errors import SettingsError
from lwal_core.settings import settings, variable
from lwal_core.system.addresses import opens_only_here

FRAME_HEIGHT = 800


def draw_made_link(link: str, title: str) -> None:
    """Show a link, which cannot be shown again.

    Args:
        link: Its address.
        title: What is shared, plain text.
    """
    st.success("Copy it now: it is shown this once, only a fingerprint of it is kept.", icon=":material/link:")
    st.code(link, language=None, wrap_lines=True)
    if opens_only_here(link):
        st.warning(
            "Only this machine can open this link. To let others in, start the app with `lwal serve --address 0.0.0.0` and "
            f"set `{variable('public_url')}` to its address.",
            icon=":material/link_off:",
        )
    st.link_button("See it as they will", link, icon=":material/open_in_new:")
    try:
        sites = settings().embed_in
    except SettingsError:
        sites = ()
    if not sites:
        st.caption(f"Pages of wikis and slides can show it once `{variable('embed_in')}` names their site.")
        return
    with st.expander("In a page of a wiki", icon=":material/code:"):
        st.code(frame_of(link, title), language="html", wrap_lines=True)
        st.caption("In any page." if "*" in sites else f"In pages of `{'`, `'.join(sites)}`.")


def frame_of(link: str, title: str) -> str:
    """HTML of a frame that shows a shared view.

    Args:
        link: Its address.
        title: What it shows, for screen readers.
    """
    return (
        f'<iframe src="{escape(link)}&amp;embed=true" title="{escape(title)}" width="100%" height="{FRAME_HEIGHT}" '
        'style="border: 0" loading="lazy"></iframe>'
    )
