"""Tree beside that of a snapshot: another epoch or another of its runs, face to face."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.common.address import known_choice
from app.common.widgets import figure, theme
from app.common.wording import counted, plain
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import clades
from lwal_core.analysis.trees.matching import face, matched
from lwal_core.figures.palette import Theme
from lwal_core.figures.tanglegram import tanglegram_figure
from lwal_core.runs import Run
from lwal_core.shares import Snapshot

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_CLASSES = 300
"""Classes of two trees that are drawn face to face whole."""
NOTHING = "Nothing"
OTHER = "beside"
"""Session key of the tree beside the shared one, in the address."""


class Other(NamedTuple):
    """A tree to be set beside: what to call it, whose it is, of which epoch."""

    title: str
    run: Run
    epoch: int


def others_of(snapshot: Snapshot, epoch: int) -> dict[str, Other]:
    """The trees that can be set beside that of an epoch, by their titles."""
    run, vectors = snapshot.run, snapshot.spec.vectors
    if vectors == "confusion" or len(run.class_names) > MOST_CLASSES:
        return {}
    epochs = run.label_epochs()
    ends = sorted({*epochs[:1], *epochs[-1:]} - {epoch})
    found = [Other(f"Epoch {each}", run, each) for each in ends]
    for each in snapshot.beside:
        theirs = each.label_epochs()
        if theirs and vectors in each.sources() and set(each.class_names) == set(run.class_names):
            at = epoch if epoch in theirs else theirs[-1]
            title = f"{each.config.method_label()}, seed {each.config.training.seed}, epoch {at}"
            found.append(Other(title, each, at))
    return {other.title: other for other in found}


def pick_other(snapshot: Snapshot, epoch: int) -> Other | None:
    """Control for the tree beside; None for none."""
    there = others_of(snapshot, epoch)
    if not there:
        return None
    if st.session_state.get(OTHER) not in (None, NOTHING, *there):
        st.session_state[OTHER] = NOTHING  # the epoch changed, and its title with it
    known_choice(OTHER, "The tree beside", [NOTHING, *there])
    chosen = st.selectbox(
        "Beside this tree",
        [NOTHING, *there],
        key=OTHER,
        bind="query-params",
        help="Two trees face to face, with a line a class.",
    )
    return there.get(chosen)


def draw_pair(title: str, epoch: int, h: Hierarchy, other_title: str, other: Hierarchy, groups: int) -> None:
    """Draw two trees of the same classes face to face.

    Args:
        title: Of the snapshot, plain text.
        epoch: Of its tree.
        h: Its tree.
        other_title: What the other tree is called.
        other: The other tree.
        groups: Groups of the cut.

    Raises:
        AnalysisError: They have no class in common.
    """
    labels = (f"Epoch {epoch}", other_title)
    both = matched(h, other)
    left, right = (clades(each.linkage).masks for each in (both.left, both.right))
    st.subheader("Two trees", anchor=False)
    said = f"{len(left & right)} of {counted(len(left), 'clade')} of the left tree are in the right one"
    st.markdown(plain(f"{said}.") if left else "No clade but the whole.")
    key = (both.left.linkage.tobytes(), both.right.linkage.tobytes(), both.left.names)
    figure(
        _drawn(key, labels, min(groups, both.left.n), theme(), both.left, both.right),
        key="shared_pair",
        summary=f"{title}: the tree of {labels[0]} facing that of {labels[1]}. {said}.",
    )


@st.cache_resource(max_entries=30, show_spinner="Matching the trees")
def _drawn(
    key: object, labels: tuple[str, str], groups: int, look: Theme, _left: Hierarchy, _right: Hierarchy
) -> go.Figure:
    facing = face(_left, _right)
    return tanglegram_figure(facing.left, facing.right, groups, theme=look, labels=labels)
