"""Menu for the cut of the class tree: rule, number, table of groups, kept cuts."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import streamlit as st

from app.common.address import follow_default, known_choice, renamed
from app.common.widgets import changing
from app.common.wording import counted, plain
from app.tree.cuts import CHOSEN, ChosenCut, cut_of_rule, keep_chosen, kept_cuts
from app.tree.state import TreeState, part, whole_tree
from app.tree.stats import TreeKey
from app.tree.toolbar import CUT_BY, Cut, draw_cut
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import (
    CutAt,
    CutRule,
    cut_by_rule,
    cut_here,
    cut_tops,
    join_here,
    mean_silhouette,
    merges_above,
)
from lwal_core.errors import LwalError
from lwal_core.results.cuts import ClassGroups
from lwal_core.runs import KeptCut, Run, forget_cut, keep_cut
from lwal_core.runs.cuts import MAX_NAME

HOW_TITLES = {
    "groups": "Number of groups",
    "height": "Height",
    "dynamic": "Dynamic",
    "size": "At most m classes",
    "silhouette": "Best silhouette",
    "hand": "By hand",
}
"""What the ways to cut a tree are called."""
LEAST, MOST = "cut_least", "cut_most"
"""Session keys: fewest classes of a group of the dynamic cut, most classes of a group."""
_KEPT, _NAME, _PROBLEM = "cut_kept", "cut_name", "cut_problem"
_LISTED = 1_000  # groups in the table
_HELP = (
    "Number of groups, Height: one height for all branches. Dynamic: a branch is a group by its shape, at a height of its own "
    "(Langfelder 2008); classes that fit none stand alone. At most m classes: the fewest groups of that size. Best silhouette: the "
    "number of groups whose classes are nearest to their own group compared with the next (Rousseeuw 1987). By hand: pick a merge in "
    "the figure, then *Cut here* or *Join here*."
)


class CutMenu(NamedTuple):
    """The menu of a cut, to be filled by :func:`draw_groups_menu` once the groups have names."""

    place: Any


def draw_cut_menu(place: Any, key: TreeKey, h: Hierarchy, state: TreeState) -> tuple[Cut, CutMenu]:
    """The control of the cut and the menu of its rules; all in the address.

    Args:
        place: A row of the toolbar.
        key: What the tree was made from.
        h: The tree.
        state: How it is looked at; merges that are undone by hand among it.
    """
    with place:
        slot = st.container(width=150)
        menu = st.popover("Cut", icon=":material/content_cut:", key="cut_menu", on_change="rerun")
    before: ChosenCut | None = st.session_state.get(CHOSEN)
    if before is not None and CUT_BY not in st.session_state and CUT_BY not in st.query_params:
        st.session_state[CUT_BY] = "hand" if before.rule.how == "merges" else before.rule.how  # back from another page
    renamed(CUT_BY, "Groups", HOW_TITLES["groups"])
    known_choice(CUT_BY, "The cut", HOW_TITLES.values())
    with menu:
        how = st.selectbox(
            "Cut by", list(HOW_TITLES), format_func=HOW_TITLES.__getitem__, key=CUT_BY, bind="query-params", help=_HELP,
            on_change=_begin_by_hand, args=(h,),
        )  # fmt: skip
    if how == "hand":
        cut = _cut(h, CutRule("merges", merges=state.parted))
        with slot:
            st.caption("Pick a merge, then cut or join there." if h.n > 1 else "One class")
    elif how in ("groups", "height") or h.n < 3:
        cut = draw_cut(slot, h)
    else:
        with slot:
            rule = _rule(how, h.n)
        cut = _cut(h, rule, key)
    keep_chosen(key.spec, h, cut.rule)
    if how == "silhouette" and h.n > 2:
        slot.caption(f"Best silhouette: {counted(cut.groups, 'group')}")
    return cut, CutMenu(menu)


def draw_groups_menu(menu: CutMenu, run: Run, h: Hierarchy, cut: Cut, groups: ClassGroups, made: str) -> None:
    """The table of the groups, and cuts that are kept with the run; only while the menu is open.

    Args:
        menu: Of :func:`draw_cut_menu`.
        run: Where cuts are kept.
        h: The tree.
        cut: Where it is cut.
        groups: The groups with their names.
        made: What the tree was made from, a sentence, which is kept with the cut.
    """
    if not menu.place.open:
        return
    with menu.place:
        score = mean_silhouette(h, cut.at)
        if not math.isnan(score):
            st.caption(f"{counted(cut.groups, 'group')}, mean silhouette {score:.2f} (1 best, below 0 bad)")
        st.dataframe(groups_table(groups, h.names), hide_index=True, height=min(38 + 35 * len(groups.names), 240))
        with st.form("cut_keep_form", border=False, enter_to_submit=True):
            st.text_input("Keep these groups as", max_chars=MAX_NAME, key=_NAME, placeholder="coarse")
            st.form_submit_button(
                "Keep", key="cut_keep", icon=":material/bookmark:", on_click=_keep, args=(run, groups, h.names, f"{made} {_how(cut)}"),
                **changing("Kept with the run, for everybody who opens it; other runs may be trained on these groups."),
            )  # fmt: skip
        if problem := st.session_state.pop(_PROBLEM, None):
            st.error(plain(problem), icon=":material/error:")
        try:
            kept = kept_cuts(run)
        except LwalError as error:
            st.warning(plain(str(error)), icon=":material/edit_off:")
            return
        if not kept:
            return
        if st.session_state.get(_KEPT) not in kept:
            st.session_state[_KEPT] = None
        name = st.selectbox("Kept cuts", list(kept), None, key=_KEPT, placeholder="Pick one")
        if name:
            _draw_kept(run, h, kept[name])


def groups_table(groups: ClassGroups, class_names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Name, size and classes of each group, in the order of the tree; the first thousand."""
    rows = [(name, groups.members(i)) for i, name in enumerate(groups.names[:_LISTED])]
    return {
        "Group": [name for name, _ in rows],
        "Classes": [len(members) for _, members in rows],
        "Members": [", ".join(class_names[i] for i in members[:20].tolist()) for _, members in rows],
    }


def draw_part_button(h: Hierarchy, node: int, cut: CutAt) -> None:
    """Of a merge that was picked: cut there, or join what is cut below it."""
    undone = node in merges_above(h, cut)
    merges = join_here(h, cut, node) if undone else cut_here(h, cut, node)
    st.button(
        "Join here" if undone else "Cut here", icon=":material/join:" if undone else ":material/content_cut:", key="tree_part",
        on_click=_part, args=(h, merges),
        help="All its classes become one group." if undone else "Its two parts become groups of their own.",
    )  # fmt: skip


def whole_tree_uncut(h: Hierarchy) -> None:
    """Draw the tree as at first, and take back what was cut by hand."""
    whole_tree(h)
    if st.session_state.get(CUT_BY) == "hand":
        st.session_state[CUT_BY] = "groups"


def _part(h: Hierarchy, merges: tuple[int, ...]) -> None:
    part(h, merges)
    st.session_state[CUT_BY] = "hand"


def _begin_by_hand(h: Hierarchy) -> None:
    """A cut by hand begins with the groups that there were."""
    chosen: ChosenCut | None = st.session_state.get(CHOSEN)
    if st.session_state.get(CUT_BY) == "hand" and chosen is not None and chosen.rule.how != "merges":
        part(h, merges_above(h, cut_by_rule(h, chosen.rule)))


def _rule(how: str, n: int) -> CutRule:
    """The rule and the control of its number."""
    if how == "dynamic":
        return CutRule("dynamic", _whole_number("Least classes", LEAST, 2, min(20, n), 2))
    if how == "size":
        return CutRule("size", _whole_number("Most classes", MOST, 1, n, max(2, round(math.sqrt(n)))))
    return CutRule("silhouette")


def _whole_number(label: str, key: str, low: int, high: int, at_first: int) -> int:
    follow_default(key, at_first)
    if wanted := st.session_state.get(key):
        st.session_state[key] = min(max(int(wanted), low), high)  # another run may have fewer classes
    return int(st.slider(label, low, high, at_first, key=key, bind="query-params", help="Classes of a group."))


def _cut(h: Hierarchy, rule: CutRule, key: TreeKey | None = None) -> Cut:
    at = cut_of_rule(key, rule, h) if key else cut_by_rule(h, rule)
    return Cut(at, at if isinstance(at, int) else len(cut_tops(h, at)), rule)


def _how(cut: Cut) -> str:
    if cut.rule.how == "merges":
        return f"Cut by hand into {counted(cut.groups, 'group')}."
    return f"Cut by {HOW_TITLES[cut.rule.how].lower()} into {counted(cut.groups, 'group')}."


def _draw_kept(run: Run, h: Hierarchy, kept: KeptCut) -> None:
    tops = [h.clade_of(group.classes) for group in kept.groups]
    fits = all(top is not None for top in tops) and sum(len(group.classes) for group in kept.groups) == h.n
    st.caption(plain(kept.made))
    with st.container(horizontal=True, gap="xsmall"):
        if fits:
            merges = merges_above(h, tuple(top for top in tops if top is not None))
            st.button("Show", key="cut_show", icon=":material/visibility:", on_click=_part, args=(h, merges))
        st.button(
            "Forget", key="cut_forget", icon=":material/delete:", on_click=_forget, args=(run, kept.name),
            **changing("Runs that were trained on these groups have a copy."),
        )  # fmt: skip
    if not fits:
        st.caption("Its groups are no clades of this tree.")


def _keep(run: Run, groups: ClassGroups, class_names: tuple[str, ...], made: str) -> None:
    name = st.session_state[_NAME]
    try:
        kept = keep_cut(run.path, name, groups.classes(class_names), made)
    except (LwalError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
    else:
        st.session_state[_NAME], st.session_state[_KEPT] = "", kept.name


def _forget(run: Run, name: str) -> None:
    try:
        forget_cut(run.path, name)
    except (LwalError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
