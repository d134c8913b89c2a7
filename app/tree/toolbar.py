"""Toolbar of a class tree: vectors, linkage, distance, orientation, cut; all in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import streamlit as st

from app.common.address import follow_default, known_choice
from app.common.wording import counted
from app.tree.own_columns import OwnChoice, draw_own_columns
from app.tree.support import KIND, KIND_TITLES, pick_kind
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt, CutRule
from lwal_core.figures.dendrogram import Orientation
from lwal_core.figures.space_filling import Kind
from lwal_core.glossary import explained
from lwal_core.results.tree_spec import (
    CONFUSION_RULE,
    DEFAULT_DISTANCE,
    DEFAULT_LINKAGE,
    DISTANCE_TITLES,
    DISTANCES,
    LINKAGE_TITLES,
    LINKAGES,
    VECTORS_TITLES,
    TreeSpec,
    allowed_linkage,
)
from lwal_core.runs import Run, RunSummary, VectorSource

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

GROUPS, CUT_BY, CUT_HEIGHT = "groups", "cut_by", "cut_height"
"""Session keys: the number of groups, whether the cut is at a number of groups or a height, that height."""

SIDES: dict[Orientation | Kind, str] = {
    "right": "On the right",
    "left": "On the left",
    "top": "On top",
    "bottom": "Below",
    "radial": "Around",
    "icicle": "Icicle",
    "treemap": "Treemap",
}

MANY = 150
"""Above so many classes only the highest clades are open at first."""
TIPS = (30, 60, 120, 300)
DEFAULT_TIPS = 60
MOST_SIDE_BY_SIDE = 3
"""Sources of vectors that a toolbar has room for as buttons; more are a list, so that it stays one line at 1400 px."""
_HEIGHT_STEPS = 200


class Options(NamedTuple):
    """What the toolbar says: the tree, whether its leaf order is optimal, how it is drawn; ``tips`` is the number of
    branches open at once (None: all)."""

    spec: TreeSpec
    optimal: bool
    orientation: Orientation | Kind
    support: bool
    pictures: bool
    own: OwnChoice
    names: bool
    tips: int | None

    @property
    def shape(self) -> Kind | None:
        """Which areas are drawn in place of the tree; None for the tree."""
        return self.orientation if self.orientation in ("icicle", "treemap") else None

    @property
    def side(self) -> Orientation:
        """Where the leaves of trees are."""
        return cast(Orientation, "right" if self.shape else self.orientation)


class Toolbar(NamedTuple):
    """Places of a tree's controls, from the left; what is rarely used lies in *More*, which is a popover."""

    seeds: DeltaGenerator
    cut: DeltaGenerator
    find: DeltaGenerator
    more: DeltaGenerator
    downloads: DeltaGenerator
    whole: DeltaGenerator


class Cut(NamedTuple):
    """Where the tree is cut: what the figure is told, the number of groups that it makes, and the rule that it follows."""

    at: CutAt
    groups: int
    rule: CutRule = CutRule("groups")


OTHER_WIDTHS = (
    "The outputs of these runs have different widths ({widths}): different spaces, whose distances do not compare. So the "
    "features, which the last layer of each network is given, are looked at first."
)
"""Said where runs such as one-hot and LwAL10 are looked at side by side."""


def widths_that_differ(runs: Sequence[RunSummary]) -> str:
    """Widths of the outputs of runs that are compared in their features at first, such as ``"10 and 100"``; empty where the
    outputs are as wide, or a run has no features."""
    widths = sorted({run.label_dim for run in runs})
    if len(widths) < 2 or not all(run.has_features for run in runs):
        return ""
    return " and ".join([", ".join(f"{width:,}" for width in widths[:-1]), f"{widths[-1]:,}"])


def known_tree_choices(side: str = "") -> None:
    """End the page with a message when the address asks for vectors, a linkage or a distance that do not exist; to be called
    before a popover that holds their controls, in which nobody would see it.

    Args:
        side: Which of a page's trees, as in ``"left"``; empty where it has one.
    """
    known_choice(f"{side}_vectors" if side else "tree_vectors", "The choice of vectors", VECTORS_TITLES.values())
    known_choice(f"{side}_linkage" if side else "linkage", "Linkage", LINKAGE_TITLES.values())
    known_choice(f"{side}_distance" if side else "tree_distance", "Distance", DISTANCE_TITLES.values())


def pick_vectors(
    run: Run, *, confusion: bool = False, features: bool = False, most: int = MOST_SIDE_BY_SIDE
) -> VectorSource:
    """Which vectors of a run are looked at; one choice for all pages that ask.

    Args:
        run: The run.
        confusion: Whether the confusion matrix is among them: it makes a tree and no projection.
        features: Whether the choice is feature means at first.
        most: As of :func:`vectors_control`.
    """
    return vectors_control("tree_vectors", run.sources(confusion=confusion), "features" if features else None, most)


def vectors_control(
    key: str, offered: Sequence[VectorSource], default: VectorSource | None = None, most: int = MOST_SIDE_BY_SIDE
) -> VectorSource:
    """Control for the vectors of a tree, in the address.

    Args:
        key: Key of the control.
        offered: What there is; where the choice is none of it, the default is taken.
        default: The choice at first; None for the first that is offered.
        most: Sources that there is room for side by side; more are a list.
    """
    known_choice(key, "The choice of vectors", VECTORS_TITLES.values())
    first, state = default or offered[0], st.session_state
    follow_default(key, first)
    if state.get(key) not in (None, *offered):
        state[key] = first
    if st.query_params.get(key) not in (None, *(VECTORS_TITLES[source] for source in offered)):
        del st.query_params[key]
    about: dict[str, Any] = {
        "format_func": VECTORS_TITLES.__getitem__, "key": key, "bind": "query-params",
        "help": explained("Class mean", "Feature mean", "Label table", "Confusion matrix"),
    }  # fmt: skip
    if len(offered) > most:
        chosen: VectorSource = st.selectbox("Vectors", offered, offered.index(first), width=160, **about)
        return chosen
    return st.segmented_control("Vectors", offered, default=first, required=True, wrap=True, **about) or first


def linkage_control(key: str = "linkage", **options: Any) -> str:
    """Control for the linkage of a tree, in the address; options as for ``st.selectbox``."""
    known_choice(key, "Linkage", LINKAGE_TITLES.values())
    chosen: str = st.selectbox(
        "Linkage", LINKAGES, LINKAGES.index(DEFAULT_LINKAGE), key=key, bind="query-params",
        format_func=LINKAGE_TITLES.__getitem__,
        **{"help": explained("Linkage") + " Ward, centroid and median need Euclidean distances.", **options},
    )  # fmt: skip
    return chosen


def distance_control(key: str = "tree_distance", **options: Any) -> str:
    """Control for the distance of a tree, in the address; options as for ``st.selectbox``."""
    known_choice(key, "Distance", DISTANCE_TITLES.values())
    chosen: str = st.selectbox(
        "Distance", DISTANCES, DISTANCES.index(DEFAULT_DISTANCE), key=key, bind="query-params",
        format_func=DISTANCE_TITLES.__getitem__,
        help="Euclidean sees lengths and directions; cosine and correlation see directions only.", **options,
    )  # fmt: skip
    return chosen


def draw_toolbar(run: Run, epoch: int) -> tuple[Toolbar, Options]:
    """The toolbar with what *More* says of a run's tree; its other places are for the page to fill."""
    known_tree_choices()
    known_choice(KIND, "The kind of support", KIND_TITLES.values())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="tree_bar"):
        bar = Toolbar(
            seeds=st.container(width="content", key="tree_bar_seeds"),
            cut=st.container(horizontal=True, width="content", vertical_alignment="bottom", gap="xsmall"),
            find=st.container(width="content", key="tree_bar_find"),
            more=st.popover("More", icon=":material/tune:", key="tree_bar_more"),
            downloads=st.container(width="content", key="tree_bar_downloads"),
            whole=st.container(width="content", key="tree_bar_whole"),
        )
        with bar.more:
            source = pick_vectors(run, confusion=True)
            linkage = linkage_control()
            distance = distance_control()
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
            pick_kind(disabled=not support)
            names = st.toggle(
                "Proposed names", True, key="clade_names", bind="query-params",
                help="Names of clades that nobody has kept yet, in italics: the group of the reference that the clade is like, "
                "with how many of its classes are here, or a word that its classes share.",
            )  # fmt: skip
            pictures = st.toggle(
                "Pictures of the classes", False, key="leaf_pictures", bind="query-params",
                help="A sample beside each name, where the data are images.",
            )  # fmt: skip
            own = draw_own_columns(run)
            tips: int | None = None
            if len(run.class_names) > MANY:
                choice = st.selectbox(
                    "Branches open at once", [*map(str, TIPS), "all"], TIPS.index(DEFAULT_TIPS), key="open_tips",
                    bind="query-params",
                    help="The highest merges are open, the clades below are closed; click on one to open it.",
                )  # fmt: skip
                tips = None if choice == "all" else int(choice)
    distance = source if source == "confusion" else distance
    allowed = allowed_linkage(linkage, distance)
    if allowed != linkage:
        st.info(
            f"{LINKAGE_TITLES[linkage]} linkage is defined for Euclidean distances only, so this is {allowed} linkage. "
            "Choose the Euclidean distance to have it.",
            icon=":material/info:",
        )
    spec = TreeSpec.of(run, epoch, source, allowed, distance)
    if source == "confusion":
        st.caption(f"The confusion matrix is that of epoch {spec.epoch}, the best one. Distances are {CONFUSION_RULE}.")
    options = Options(spec, optimal, orientation, support, pictures, own, names, tips)
    return bar, options


def draw_cut(place: DeltaGenerator, h: Hierarchy) -> Cut:
    """The slider of the cut, by the number of groups or by height."""
    if h.n == 1:
        return Cut(1, 1, CutRule("groups", 1))
    top = float(h.linkage[:, 2].max())
    if st.session_state.get(CUT_BY) == "height" and top > 0 and not h.is_flat:
        high = 1.02 * top
        follow_default(CUT_HEIGHT, high / 2)
        if (wanted := st.session_state.get(CUT_HEIGHT)) is not None:
            st.session_state[CUT_HEIGHT] = min(max(float(wanted), 0.0), high)
        with place:
            at = st.slider(
                "Cut height", 0.0, high, high / 2, high / _HEIGHT_STEPS, key=CUT_HEIGHT, bind="query-params",
                format="%.3g",
                help="In the units of the distance axis. Each group has its colour from the cut downwards.",
            )  # fmt: skip
        groups = len(h.cut_nodes(height=at))
        with place:
            st.caption(f"{counted(groups, 'group')} at {format_number(at)}")
        return Cut(at, groups, CutRule("height", at))
    with place:
        count = groups_control(
            h.n,
            h.default_groups,
            help=f"{explained('Clade')}\n\nGroups are the clades below the cut, each in its colour. The small triangles along "
            "the figure's edge cut there when they are clicked.",
        )  # fmt: skip
    return Cut(count, count, CutRule("groups", count))


def groups_control(n: int, at_first: int, **options: Any) -> int:
    """Control for the number of groups that ``n`` classes are cut into, in the address; options as for ``st.slider``."""
    at_first = min(max(at_first, 1), n)
    follow_default(GROUPS, at_first)
    if wanted := st.session_state.get(GROUPS):
        # A widget must never hold a value out of its range; another run may have fewer classes.
        st.session_state[GROUPS] = min(max(int(wanted), 1), n)
    return int(st.slider("Groups", 1, n, at_first, key=GROUPS, bind="query-params", **options))
