"""Share: who should see it?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import streamlit as st

from app.common import evaluation, run_cache
from app.common.pages import page_path
from app.common.selection import link_to_train, pick_run, selection
from app.common.widgets import (
    changing,
    downloads,
    empty_state,
    epoch_slider,
    errors_shown,
    figure,
    on_accent,
    question,
    show_error,
    theme,
)
from app.common.wording import counted, no_labels, plain
from app.share.made_link import draw_made_link
from app.share.shares_list import curves_shown, draw_shares
from app.tree.stats import tree_key
from app.tree.toolbar import distance_control, draw_cut, linkage_control, pick_vectors
from app.tree.view import Drawing, tree_figure
from lwal_core.errors import LwalError
from lwal_core.results.report import run_report
from lwal_core.results.tree_spec import TreeSpec, allowed_linkage
from lwal_core.runs import open_run
from lwal_core.runs.bundle import write_bundle
from lwal_core.security.redact import for_others
from lwal_core.settings import settings
from lwal_core.shares import list_shares, share_run
from lwal_core.shares.store import MAX_NOTE

LASTING = {"1 day": 1, "1 week": 7, "30 days": 30, "Never": None}
MADE = "share_made"
LINKS_ONLY = (
    "A link has every epoch and the report. Whoever has it can look at nothing else, and what changes here later does not change "
    "there.\n\nWho reaches this server can also open the app itself at its address, with or without a link. For visitors from outside, "
    "start a second one that shows links only: `LWAL_SHARES_ONLY=1 lwal serve --port …`."
)
FILES = (
    "It has the tree to cut, the map, the curves, the tables and the configuration. Trees for R, FigTree and iTOL, pictures for print "
    "and tables are on the Hierarchy page under *Download*."
)

kept = list_shares()
open_now = sum(share.state() == "open" for share in kept)
question(
    "Who should see it?",
    f"{counted(open_now, 'link')} can be opened now."
    if open_now
    else "Nobody but those who can open this app: there is no link yet.",
)
chosen = selection()
row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
with row:
    summary = pick_run(width=420)
if summary is None:
    empty_state(
        "Nothing to share yet",
        f"A finished run would be shared here. {link_to_train()}",
        page=page_path("train"),
        action="Train a run",
        icon=":material/share:",
    )
    draw_shares(kept)
    st.stop()
with errors_shown():
    run = open_run(summary.id)
with row:
    epoch = epoch_slider(run)
if epoch is None:
    empty_state(*no_labels(run.active, run.sources(confusion=True) == ("confusion",)))
    draw_shares(kept)
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    source = pick_vectors(run)
    linkage = linkage_control(width=132, help="The tree is shown as the Hierarchy page shows it.")
    distance = distance_control(width=138)
    place_of_cut = st.container(width=180)
    thumbnails = evaluation.thumbnails_stamp(run)
    with_pictures = bool(thumbnails) and st.toggle(
        "Pictures", True, key="share_pictures", bind="query-params",
        help="A picture of each class goes along, from the run's thumbnails.",
    )  # fmt: skip
spec = TreeSpec(run.id, epoch, source, allowed_linkage(linkage, distance), distance)
try:
    h = run_cache.hierarchy(spec)
    cut = draw_cut(place_of_cut, h)
    groups = cut.groups
except LwalError as error:
    show_error(error)
    draw_shares(kept)  # links that exist can be taken back whatever has become of a run
    st.stop()
spec = replace(spec, cut=groups)
others = [other for other in chosen.runs() if other.id != run.id]
pictures = evaluation.class_pictures(run) if with_pictures else None
drawing = Drawing(cut.at, groups, "right", pictures=thumbnails if pictures else 0, theme=theme())
preview, ways = st.columns([2, 1], gap="large")
with preview:
    figure(
        tree_figure(tree_key(spec), drawing, h, None, pictures),
        key="share_preview",
        summary=f"What is shared: the class tree of {for_others(run.name)}, {counted(len(h.names), 'class', 'classes')}, "
        f"{counted(groups, 'group')}.",
    )
with ways:
    st.subheader("A link", anchor=False, help=LINKS_ONLY)
    when = "" if run.config.imported else f" after epoch {epoch}"
    st.markdown(
        f"A snapshot of **{plain(run.name)}**{when}, cut into {counted(groups, 'group')}"
        f"{curves_shown(run.config.imported, [other.imported for other in others])}. It opens in the app, without an account."
    )
    with st.form("share_form", border=False):
        lasting = st.segmented_control("Expires after", list(LASTING), default="30 days", required=True)
        note = st.text_input("Note for your list", max_chars=MAX_NOTE, placeholder="For whom, what for")
        pressed = st.form_submit_button(
            on_accent("Make a link"), type="primary", icon=":material/add_link:", **changing()
        )
    if pressed:
        days = LASTING[lasting or "30 days"]
        with errors_shown(), st.spinner("Making the snapshot"):
            share, token = share_run(
                run, spec,
                beside=[open_run(other.id) for other in others], note=note,
                expires=None if days is None else datetime.now(UTC) + timedelta(days=days), pictures=with_pictures,
            )  # fmt: skip
        here = (st.context.url or "http://localhost:8501/").partition("?")[0].rstrip("/").removesuffix("/share")
        address = settings().public_url or here
        st.session_state[MADE] = (share.id, f"{address}/?share={token}")
        st.rerun()
    if MADE in st.session_state and any(s.id == st.session_state[MADE][0] and s.state() == "open" for s in kept):
        draw_made_link(st.session_state[MADE][1], for_others(run.name))
    st.subheader("A file", anchor=False, help=FILES)
    st.markdown("The same as one HTML file that opens from a mail, without a network.")

    def report() -> bytes:
        """The report, made when its button is pressed."""
        beside = [open_run(other.id) for other in others]
        return run_report(run, spec, beside=beside)

    files = [
        ("Report, HTML", f"{run.id}-epoch-{epoch:04d}.html", "text/html", report),
        (
            "The run as a bundle, for another LwAL Explorer",
            f"{run.id}.zip",
            "application/zip",
            lambda: write_bundle(run),
        ),
    ]
    downloads("Download", files, key="share_file")

draw_shares(kept)
