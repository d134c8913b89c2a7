"""The Hierarchy page's options: which tree, how it is laid out, where it is cut; all in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import streamlit as st

from app.tree.stats import counted, default_groups
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import EUCLIDEAN_METHODS, METHODS, METRICS, Hierarchy
from lwal_core.figures.dendrogram import Orientation
from lwal_core.glossary import explained
from lwal_core.runs import SOURCE_TITLES, VectorSource

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

GROUPS, CUT_BY, CUT_HEIGHT = "groups", "cut_by", "cut_height"
"""Session keys: the number of groups, whether the cut is at a number of groups or a height, that height."""

SIDES: dict[Orientation, str] = {
    "right": "On the right",
    "left": "On the left",
    "top": "On top",
    "bottom": "Below",
    "radial": "Around",
}

STRIPS = {"none": "Nothing", "accuracy": "Test accuracy", "samples": "Test samples"}
"""What a square beside each leaf can show."""

MANY = 150
"""Above so many classes only the highest clades are open at first."""
TIPS = (30, 60, 120, 300)
DEFAULT_TIPS = 60
_HEIGHT_STEPS = 200


class Options(NamedTuple):
    """What the toolbar says; ``method`` is a linkage that the distance allows, ``optimal`` is about the leaf order,
    ``tips`` the branches open at once (None: all)."""

    source: VectorSource
    method: str
    metric: str
    orientation: Orientation
    optimal: bool
    support: bool
    pictures: bool
    strip: str
    tips: int | None


class Cut(NamedTuple):
    """Where the tree is cut: what the figure is told, and the number of groups that it makes."""

    at: int | float
    groups: int


def pick_vectors() -> VectorSource:
    """Whether class means or the label table are looked at; one choice for all pages that ask."""
    source = st.segmented_control(
        "Vectors", list(SOURCE_TITLES), format_func=SOURCE_TITLES.__getitem__, default="centroids", required=True,
        key="tree_vectors", bind="query-params",
        help=explained("Class mean", "Label table"),
    ) or "centroids"  # fmt: skip
    return cast(VectorSource, source)


def draw_toolbar(n: int) -> tuple[DeltaGenerator, DeltaGenerator, Options]:
    """The options of the tree of ``n`` classes; returns the toolbar, so that more can go into it, and the place of the
    cut in it."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    with bar:
        source = pick_vectors()
        linkage = st.selectbox(
            "Linkage", METHODS, METHODS.index("average"), key="linkage", bind="query-params", width=110,
            format_func=str.capitalize,
            help=explained("Linkage") + " Ward, centroid and median need Euclidean distances.",
        )  # fmt: skip
        metric = st.selectbox(
            "Distance", METRICS, key="tree_distance", bind="query-params", width=122, format_func=str.capitalize,
            help="Euclidean sees lengths and directions; cosine and correlation see directions only.",
        )  # fmt: skip
        place_of_cut = st.container(width=120)
        with st.popover("Layout", icon=":material/tune:"):
            orientation = st.segmented_control(
                "Leaves", list(SIDES), format_func=SIDES.__getitem__, default="right", required=True,
                key="leaves", bind="query-params",
            ) or "right"  # fmt: skip
            optimal = st.toggle(
                "Neighbouring leaves as near as possible", True, key="leaf_order", bind="query-params",
                help="Turns branches so that neighbours in the list are near each other; the tree stays the same.",
            )  # fmt: skip
            support = st.toggle(
                "Support over seeds", False, key="support", bind="query-params",
                help=explained("Support"),
            )  # fmt: skip
            pictures = st.toggle(
                "Pictures of the classes", False, key="leaf_pictures", bind="query-params",
                help="A sample beside each name, with the leaves on the right or left and image data.",
            )  # fmt: skip
            strip = st.selectbox(
                "Beside the leaves", list(STRIPS), format_func=STRIPS.__getitem__, key="leaf_strip",
                bind="query-params",
                help="A square beside each class, bright for a high value; the epoch is that of the best accuracy.",
            )  # fmt: skip
            st.segmented_control(
                "Cut by", ["groups", "height"], format_func=str.capitalize, default="groups", required=True,
                key=CUT_BY, bind="query-params",
            )  # fmt: skip
            tips: int | None = None
            if n > MANY:
                choice = st.selectbox(
                    "Branches open at once", [*map(str, TIPS), "all"], TIPS.index(DEFAULT_TIPS), key="open_tips",
                    bind="query-params",
                    help="The highest merges are open, the clades below are closed; click on one to open it.",
                )  # fmt: skip
                tips = None if choice == "all" else int(choice)
    method = linkage
    if linkage in EUCLIDEAN_METHODS and metric != "euclidean":
        method = "average"
        st.info(
            f"{linkage.capitalize()} linkage is defined for Euclidean distances only, so this is average linkage. "
            "Choose the Euclidean distance to have it.",
            icon=":material/info:",
        )
    options = Options(source, method, metric, orientation, optimal, support, pictures, strip, tips)
    return bar, place_of_cut, options


def draw_cut(place: DeltaGenerator, h: Hierarchy) -> Cut:
    """The slider of the cut, by the number of groups or by height."""
    if h.n == 1:
        return Cut(1, 1)
    top = float(h.linkage[:, 2].max())
    if st.session_state.get(CUT_BY) == "height" and top > 0 and not h.is_flat:
        high = 1.02 * top
        wanted = st.session_state.get(CUT_HEIGHT)
        st.session_state[CUT_HEIGHT] = min(max(float(wanted), 0.0), high) if wanted is not None else high / 2
        with place:
            at = st.slider(
                "Cut height", 0.0, high, step=high / _HEIGHT_STEPS, key=CUT_HEIGHT, bind="query-params",
                format="%.3g",
                help="In the units of the distance axis. Each group has its colour from the cut downwards.",
            )  # fmt: skip
        groups = len(h.cut_nodes(height=at))
        with place:
            st.caption(f"{counted(groups, 'group')} at {format_number(at)}")
        return Cut(at, groups)
    # A widget must never hold a value out of its range; another run may have fewer classes.
    wanted = st.session_state.get(GROUPS) or default_groups(h.n)
    st.session_state[GROUPS] = min(max(int(wanted), 1), h.n)
    with place:
        st.slider(
            "Groups", 1, h.n, key=GROUPS, bind="query-params",
            help=f"{explained('Clade')}\n\nGroups are the clades below the cut, each in its colour. The small triangles along "
            "the figure's edge cut there when they are clicked.",
        )  # fmt: skip
    count = int(st.session_state[GROUPS])
    return Cut(count, count)
