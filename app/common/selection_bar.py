"""Bar above the pages: the selected runs and the baseline, with a place for run and epoch."""

from __future__ import annotations

import streamlit as st

from app.common import address
from app.common.selection import (
    ALONG,
    BASELINE,
    GROUPS,
    JOINED,
    LONGEST_CHIP,
    MISSING,
    OFFER,
    PLACE,
    SIDES,
    TAKEN,
    WAITING,
    all_groups,
    default_keys,
    group_titles,
    short_labels,
    shown_titles,
)
from app.common.wording import counted, marked, plain
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import SHAPES, method_colors
from lwal_core.runs import RunGroup, baseline_among

MAX_CHIPS = 4
"""Groups that the bar names; the others are counted."""
LONGEST_NAME = 26
"""Characters of a group's name in the bar."""


def draw_selection(*, bar: bool = True) -> None:
    """Draw the bar and keep the address in step. Called once per run by the entry point, before the page.

    Args:
        bar: Whether this page looks at what is selected; where it does not, the address is followed all the same.
    """
    address.restore()
    st.session_state.pop(PLACE, None)
    groups = all_groups()
    by_key = {group.key: group for group in groups}
    _follow_address(groups)
    if not groups:
        return
    chosen = st.session_state[GROUPS]
    if chosen:
        _prepare_baseline(chosen, by_key)
    if bar:
        _draw_bar(by_key, chosen)
        chosen = st.session_state[GROUPS]
    selected, missing = st.session_state.get(MISSING, ([], 0))
    if missing and selected == chosen:
        if bar:
            st.warning(
                f"{counted(missing, 'entry', 'entries')} of the address's selection {'is' if missing == 1 else 'are'} not "
                "here: deleted, archived, or never on this server.",
                icon=":material/link_off:",
            )
        return  # the address stays as it is until the reader chooses
    address.write(runs=chosen, baseline=st.session_state.get(BASELINE, "") if chosen else "")


def _draw_bar(by_key: dict[str, RunGroup], chosen: list[str]) -> None:
    titles = group_titles(list(by_key.values()))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="selection_bar"):
        st.markdown(_chips([by_key[key] for key in chosen]), width="content")
        with st.popover("Runs", icon=":material/checklist:"):
            _choices(by_key, titles)
        st.session_state[PLACE] = st.container(
            horizontal=True, vertical_alignment="center", gap="small", key="selection_time"
        )


def _choices(by_key: dict[str, RunGroup], titles: dict[str, str]) -> None:
    chosen = st.multiselect(
        "Runs to look at",
        list(by_key),
        format_func=lambda key: titles.get(key, key),
        key=GROUPS,
        persist_state="session",
        placeholder="Choose runs",
        help="Runs that differ in nothing but their seed are one entry. Every page shows what is chosen here.",
    )
    cut = [titles[key] for key in chosen if len(titles[key]) > LONGEST_CHIP]
    if cut:
        st.caption("  \n".join(plain(one_line(title)) for title in cut))
    came = [titles[key] for key in st.session_state.get(ALONG, []) if key in chosen]
    if came:
        st.caption(f"{plain(', '.join(came))} came along to compare with: trained alike, with a seed in common.")
    joined = [titles[key] for key in st.session_state.get(JOINED, []) if key in chosen]
    if joined:
        st.caption(f"{plain(', '.join(joined))} joined the selection: the address asks for a run of it.")
    if chosen:
        _prepare_baseline(chosen, by_key)
        shown = shown_titles([by_key[key] for key in chosen])
        st.selectbox(
            "Baseline",
            chosen,
            format_func=shown.__getitem__,
            key=BASELINE,
            persist_state="session",
            help="What the others are measured against: one-hot with the same data and budget, where it is there.",
        )


def _chips(groups: list[RunGroup]) -> str:
    """The selected groups in a line of markdown: shape in the method's colour, name, number of seeds, the baseline marked.

    Args:
        groups: In the reader's order.
    """
    if not groups:
        return "Nothing is selected."
    labels, names = short_labels(groups), short_labels(groups, LONGEST_NAME)
    colors = {label: color for label, (color, _) in method_colors(list(labels.values())).items()}
    taken: dict[str, int] = {}
    chips = []
    for group in groups[:MAX_CHIPS]:
        color = colors[labels[group.key]]
        shape = marked(color, SHAPES[taken.get(color, 0) % len(SHAPES)])
        taken[color] = taken.get(color, 0) + 1
        name = plain(names[group.key])
        baseline = " *(baseline)*" if group.key == st.session_state.get(BASELINE) and len(groups) > 1 else ""
        seeds = f" · {len(group.seeds)}" if len(group.seeds) > 1 else ""
        chips.append(f"{shape} {name}{seeds}{baseline}")
    rest = len(groups) - MAX_CHIPS
    return " &ensp;".join([*chips, *([f"and {rest} more"] if rest > 0 else [])])


def _follow_address(groups: list[RunGroup]) -> None:
    """Select what the address asks for when the reader came with it, else keep what is selected as far as it is there."""
    by_key = {group.key: group for group in groups}
    state = st.session_state
    wanted = address.asked("runs")
    if wanted:
        address.followed("runs")
        offered = state.get(OFFER, {}).get(tuple(wanted))
        state[GROUPS] = [key for key in wanted if key in by_key]
        state[MISSING] = (state[GROUPS], len(wanted) - len(state[GROUPS]))
        state[ALONG] = offered or []
        state[TAKEN] = offered is not None
        state[BASELINE] = st.query_params.get("baseline", "")
    elif GROUPS not in state or (state.get(WAITING) and not state[GROUPS]):
        state[GROUPS] = default_keys(groups)
        state[WAITING] = not state[GROUPS]
    # A group may have vanished since; a widget must never hold an option that is not there.
    state[GROUPS] = [key for key in state[GROUPS] if key in by_key]
    runs = [run for name in SIDES for run in address.asked(name)]
    of_run = {run.id: group.key for group in groups for run in group.runs}
    joined = dict.fromkeys(of_run[run] for run in runs if run in of_run and of_run[run] not in state[GROUPS])
    if joined:
        state[GROUPS] = [*state[GROUPS], *joined]
        state[JOINED] = list(joined)


def _prepare_baseline(chosen: list[str], by_key: dict[str, RunGroup]) -> None:
    wanted = st.session_state.get(BASELINE)
    if wanted not in chosen:
        found = baseline_among(by_key[key] for key in chosen)
        wanted = found.key if found is not None else chosen[0]
    st.session_state[BASELINE] = wanted
