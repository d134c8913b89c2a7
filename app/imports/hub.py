"""Import from a model hub: address, file list, fetch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.common.widgets import changing
from app.common.wording import plain
from lwal_core.imports import hub
from lwal_core.security.permissions import check_writable
from lwal_core.settings import settings

_ADDRESS, _FILE, _WANTED = "bring_hub_address", "bring_hub_file", "bring_hub_wanted"


def draw_hub(
    folder: Path, clear_old: Callable[[], None], forget_choices: Callable[[], None]
) -> tuple[Path | None, str]:
    """Draw it; returns the fetched file and where it is from, or ``(None, "")`` before there is one.

    Args:
        folder: Where fetched files go, each into one of its own.
        clear_old: Clears away what was fetched long ago.
        forget_choices: Called when another file is chosen.

    Raises:
        LwalError: The address is none, the hub does not answer, or nothing may be brought in here.
    """
    text = st.text_input(
        "Address", key=_ADDRESS, placeholder="https://huggingface.co/ORG/REPO", on_change=forget_choices,
        help="A repository of models, or the page of one of its files. The server fetches it, from "
        f"{plain(', '.join(hub.hub_hosts()))} only.",
    )  # fmt: skip
    if not text.strip():
        st.caption(
            f"Checkpoints and tables of up to {settings().max_upload_mb:,} MB, as the hub lists them with their checksums."
        )
        return None, ""
    check_writable("fetch files")
    address = hub.parse_address(text)
    listing = _listing(address)
    files = {file.path: file for file in listing.files}
    if address.file or not files:
        hub.choose(listing)  # says why when it is not there
    chosen = st.selectbox(
        "File", list(files), list(files).index(address.file) if address.file else 0, key=f"{_FILE}_{address}",
        format_func=lambda path: f"{path} ({files[path].size / 2**20:,.2f} MB)", on_change=forget_choices,
    )  # fmt: skip
    source = hub.source_of(listing, files[chosen])
    st.button("Fetch", icon=":material/download:", key="bring_hub_fetch", on_click=_want, args=(source,), **changing())
    if st.session_state.get(_WANTED) != source:
        return None, ""
    with st.spinner("Fetching"):
        clear_old()
        return hub.fetch(listing, files[chosen], folder), source


def _want(source: str) -> None:
    st.session_state[_WANTED] = source


@st.cache_data(ttl="2m", max_entries=20, show_spinner="Asking the hub")
def _listing(address: hub.HubAddress) -> hub.HubListing:
    return hub.list_files(address)
