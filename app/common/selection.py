"""Selection: groups of runs and a baseline. One selection for all pages, in a bar above them and in the address.

The address carries group keys and run ids rather than titles, so that a link survives renaming. What it says is followed
when the reader came with it, by a link, Back or Forward; otherwise the session's choice is written into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import streamlit as st

from app.common import address
from app.common.widgets import empty_state, epoch_slider, errors_shown
from app.common.wording import no_labels, plain
from lwal_core.config import differences
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.runs import Run, RunGroup, RunSummary, group_runs, list_runs, open_run, with_labels

MAX_DEFAULT_GROUPS = 4
"""Groups selected on a first visit: enough to compare, few enough to read."""

LONGEST_TITLE, LONGEST_CHIP = 46, 18
"""Characters of a title in a choice on a page, and of one that is chosen among several: longer ones are cut off, also by a
phone."""

GROUPS, BASELINE, RUN = "selected_groups", "selected_baseline", "selected_run"
WAITING = "selected_waiting"
"""Session key: whether nothing is selected because there was nothing to select yet, not because the reader said so."""
ALONG = "selected_along"
"""Session key: groups that came with those that were asked for."""
JOINED = "selected_joined"
"""Session key: groups that are selected because the address asks for one of their runs."""
MISSING = "selected_missing"
"""Session key: the selection that was made when the address asked for groups that are not here, and how many."""
OFFER = "selected_offer"
"""Session key: ``{selection that a link leads to: its groups that come along}``."""
TAKEN = "selected_offer_taken"
"""Session key: whether the reader followed such a link."""
PLACE = "selected_place"
"""Session key: the part of the bar in which a page chooses a run and its epoch."""
SIDES = ("run", "left", "right")
"""Parameters of the address that name a run."""


@dataclass(frozen=True)
class Selection:
    """Groups to show, in the reader's order, and the group that they are measured against (always among them, or
    None)."""

    groups: tuple[RunGroup, ...]
    baseline: RunGroup | None

    def runs(self) -> list[RunSummary]:
        """Runs whose labels can be drawn: one per seed and group, and what was imported."""
        return [run for group in self.groups for run in with_labels(group.runs)]

    def superseded(self) -> list[RunSummary]:
        """Runs with labels in whose place :meth:`runs` has another one with the same seed."""
        shown = {run.id for run in self.runs()}
        return [
            run for group in self.groups for run in group.runs if run.id not in shown and with_labels([run]) == [run]
        ]


def all_groups() -> list[RunGroup]:
    """All groups of the home, newest first, without archived runs."""
    return group_runs(run for run in list_runs() if not run.archived)


class _Parts(NamedTuple):
    """What a group's title is made of: the title, and the options that tell it from others with that title."""

    title: str
    apart: tuple[tuple[str, str], ...] = ()

    def full(self) -> str:
        return _with_details(self.title, [f"{name} {value}" for name, value in self.apart])


def _with_details(title: str, details: list[str]) -> str:
    return f"{title} ({', '.join(details)})" if details else title


def _parts(groups: Sequence[RunGroup]) -> dict[str, _Parts]:
    by_title: dict[str, list[RunGroup]] = {}
    for group in groups:
        by_title.setdefault(group.title, []).append(group)
    found = {}
    for title, same in by_title.items():
        differing = differences([group.config for group in same]) if len(same) > 1 else {}
        for i, group in enumerate(same):
            apart = [(key.partition(".")[2].replace("_", " "), str(values[i])) for key, values in differing.items()]
            found[group.key] = _Parts(title, tuple(apart))
    return found


def group_titles(groups: Sequence[RunGroup]) -> dict[str, str]:
    """A readable title for every group; groups that would read alike get the options that tell them apart."""
    return {key: parts.full() for key, parts in _parts(groups).items()}


def shown_titles(groups: Sequence[RunGroup], most: int = LONGEST_TITLE) -> dict[str, str]:
    """Titles of groups that stand together in a place of limited width.

    Where one is too long, the data set that all of them share is left out, then the names of the options that tell it apart, of
    which the values stay. A method and a data set are not cut up to twice that length; a name that
    somebody gave is cut in its middle.

    Args:
        groups: What stands there.
        most: Characters that fit.
    """
    one_data, parts = len({group.first.data for group in groups}) == 1, _parts(groups)
    return {group.key: _fitted(group, parts[group.key], most, one_data) for group in groups}


def _fitted(group: RunGroup, parts: _Parts, most: int, one_data: bool) -> str:
    method = group.first.method_label
    made = parts.title == f"{method} on {group.first.data_title}"
    shorter = parts._replace(title=method) if one_data and made else parts
    values = _with_details(shorter.title, [value for _, value in parts.apart])
    tried = [one_line(text) for text in (parts.full(), shorter.full(), values)]
    return next((text for text in tried if len(text) <= most), shorten(tried[-1], 2 * most if made else most))


def run_choices(runs: Sequence[RunSummary], most: int = LONGEST_TITLE) -> dict[str, str]:
    """Runs that stand together in a choice, by id: title of the group as of :func:`shown_titles`, and the seed, which imported vectors
    do not have.

    Args:
        runs: What can be chosen.
        most: Characters that fit.
    """
    keys = {run.group for run in runs}
    seeds = {run.id: "" if run.imported else f", seed {run.seed}" for run in runs}
    room = most - max(map(len, seeds.values()), default=0)
    titles = shown_titles([group for group in all_groups() if group.key in keys], room)
    return {run.id: titles.get(run.group, run.name) + seeds[run.id] for run in runs}


def short_labels(groups: Sequence[RunGroup], most: int | None = None) -> dict[str, str]:
    """Labels for lines in one figure: the method alone where that tells the groups apart, else their titles.

    Args:
        groups: What is in the figure.
        most: Characters that fit, as of :func:`shown_titles`; None for any number.
    """
    methods = [group.first.method_label for group in groups]
    if len(set(methods)) == len(methods):
        return {group.key: group.first.method_label for group in groups}
    titles = group_titles(groups) if most is None else shown_titles(groups, most)
    if len({group.first.data_title for group in groups}) > 1:
        return titles
    # All have the same data: what is left tells them apart, and begins with the method, whose colour it gets.
    made = {group.key: f"{group.first.method_label} on {group.first.data_title}" for group in groups}
    return {
        group.key: group.first.method_label + titles[group.key].removeprefix(made[group.key])
        if titles[group.key].startswith(made[group.key])
        else titles[group.key]
        for group in groups
    }


def run_title(run: RunSummary, titles: dict[str, str]) -> str:
    """A run as one entry of a list: its group and its seed, which imported vectors do not have.

    Args:
        run: The run.
        titles: As :func:`group_titles` gives them.
    """
    title = titles.get(run.group, run.name)
    return title if run.imported else f"{title}, seed {run.seed}"


def choice_title(title: str, most: int = LONGEST_TITLE) -> str:
    """A title as a choice shows it: what is too long is cut in its middle, so that what tells it apart stays."""
    return shorten(one_line(title), most)


def selection() -> Selection:
    """The current selection, fresh from the run folders."""
    by_key = {group.key: group for group in all_groups()}
    groups = tuple(by_key[key] for key in st.session_state.get(GROUPS, []) if key in by_key)
    baseline = by_key.get(st.session_state.get(BASELINE, ""))
    return Selection(groups, baseline if baseline in groups else None)


def link_to_train() -> str:
    """What to do when nothing that is selected can be drawn, in a sentence: what is said must be there."""
    if not all_groups():
        return "There are no runs yet: train one, or open the examples on *Home*."
    if not selection().groups:
        return "Select finished runs under *Runs*, or train one."
    return "Nothing that is selected has finished an epoch of training yet. Wait for it, or select other runs under *Runs*."


def select_groups(keys: list[str], along: list[str] | None = None) -> None:
    """Look at these groups from the next run of the script on; call it from a callback.

    Args:
        keys: What was asked for.
        along: What comes with them to be compared with; the bar says so.
    """
    added = [key for key in along or [] if key not in keys]
    st.session_state[GROUPS] = [*added, *keys]
    st.session_state[ALONG] = added
    st.session_state.pop(BASELINE, None)


def newest_groups() -> list[str]:
    """Keys of the newest group and of what it can fairly be compared with, also what is still in training."""
    return default_keys(all_groups(), training=True)


def offer_groups(keys: list[str], along: list[str] | None = None) -> dict[str, list[str]]:
    """Parameters of a link that leads to a selection, as :func:`select_groups` would make it.

    For places that are drawn anew by a clock: who follows a link is gone at once, while a button's press can be lost to
    the clock's next tick.
    """
    added = [key for key in along or [] if key not in keys]
    st.session_state.setdefault(OFFER, {})[*added, *keys] = added
    return {"runs": [*added, *keys]}


def offer_taken() -> bool:
    """Whether the reader followed a link of :func:`offer_groups` since this was asked last."""
    return bool(st.session_state.pop(TAKEN, False))


def matching_baselines(keys: list[str]) -> list[str]:
    """One-hot groups that these can fairly be compared with: nothing but the method differs, and a seed is shared."""
    by_key = {group.key: group for group in all_groups()}
    asked = [by_key[key] for key in keys if key in by_key]
    return [
        group.key
        for group in by_key.values()
        if group.first.is_baseline
        and group.key not in keys
        and with_labels(group.runs)
        and any(set(group.seeds) & set(other.seeds) and _method_alone_differs(group, other) for other in asked)
    ]


def _method_alone_differs(group: RunGroup, other: RunGroup) -> bool:
    configs = [each.first.opened().config for each in (group, other)]
    if configs[0].external or configs[1].external:
        return False  # how the other program trained is not known
    found = differences(configs)
    return all(option.startswith("method.") for option in found)


def pick_run(
    label: str = "Run",
    *,
    width: int | Literal["stretch"] = "stretch",
    label_visibility: Literal["visible", "collapsed"] = "visible",
) -> RunSummary | None:
    """Let the reader pick one run of the selection; the pick is shared by the pages and in the address.

    A run that the address asks for is shown also beside a newer one with its seed; where it is not here, the page says so
    and ends.

    Args:
        label: What the control is called.
        width: Its pixels, or the width that there is.
        label_visibility: Whether the label is shown, or read to screen readers alone.
    """
    chosen = selection()
    wanted = next(iter(address.asked("run")), None)
    if wanted is not None:
        known_run("run", wanted)
        st.session_state[RUN] = wanted
    runs = {run.id: run for run in chosen.runs()}
    runs |= {run.id: run for run in chosen.superseded() if run.id == st.session_state.get(RUN)}
    if not runs:
        return None
    if st.session_state.get(RUN) not in runs:
        st.session_state[RUN] = _default_run(list(runs.values())).id
    st.session_state[RUN] = st.session_state[RUN]
    titles = run_choices(list(runs.values()))
    picked = st.selectbox(
        label,
        list(runs),
        format_func=titles.__getitem__,
        key=RUN,
        persist_state="session",
        width=width,
        label_visibility=label_visibility,
    )
    address.write(run=picked)
    return runs[picked]


def known_run(name: str, wanted: str) -> None:
    """End the page with a message when the address asks for a run that is not here or has nothing to show.

    Args:
        name: Parameter of the address.
        wanted: Id of the run.
    """
    found = next((run for run in list_runs() if run.id == wanted), None)
    title = f"The run {plain(wanted[:80])} is not here"
    if found is None:
        text = "The address asks for it. It was deleted, or it was never on this server. "
        address.not_here(
            title, text + "If it is in the trash, *Train or analyse* brings it back, under *Runs*.", [name]
        )
    elif found.archived:
        text = "The address asks for it, and it is in the archive. *Train or analyse* brings it back, under *Runs*."
        address.not_here(title, text, [name])
    elif found.problem is not None:
        address.not_here(title, f"Its folder cannot be read: {plain(found.problem)}", [name])
    elif not with_labels([found]):
        _, text = no_labels(found.active)
        address.not_here(f"The run {plain(found.name[:80])} has nothing to show here", text, [name])


def pick_run_and_epoch(*, confusion: bool = False) -> tuple[Run, int]:
    """Controls for one run of the selection and for its epoch, in the bar above the page; where there is neither, the page says why and
    ends.

    Args:
        confusion: Whether a run that has a confusion matrix alone can be looked at.
    """
    place = st.session_state.get(PLACE) or st.container(horizontal=True, vertical_alignment="center", gap="small")
    with place:
        summary = pick_run(width=300, label_visibility="collapsed")
    if summary is None:
        st.stop()
    with errors_shown():
        run = open_run(summary.id)
    with place:
        epoch = epoch_slider(run, beside=True)
    if epoch is None and confusion and run.sources(confusion=True) == ("confusion",):
        epoch = run.record.best_epoch
    if epoch is None:
        empty_state(*no_labels(run.active, run.sources(confusion=True) == ("confusion",)))
        st.stop()
    return run, epoch


def default_keys(groups: list[RunGroup], *, training: bool = False) -> list[str]:
    """The newest group with a result and what it can fairly be compared with: other methods on the same data.
    With ``training``, what will have a result counts as well."""
    shown = [
        group for group in groups if with_labels(group.runs) or (training and any(run.active for run in group.runs))
    ]
    if not shown:
        return []
    newest = shown[0].first
    alike = [g for g in shown if _alike(g.first, newest)]
    alike.sort(key=lambda group: (not group.first.is_baseline, group.first.method_label))
    return [group.key for group in alike[:MAX_DEFAULT_GROUPS]]


def _alike(run: RunSummary, other: RunSummary) -> bool:
    """Whether two runs have the same data, encoder and epochs, as far as that is known: a program that records a run says
    nothing of its encoder, and may stop early."""
    if run.data != other.data:
        return False
    return run.external or other.external or (run.encoder, run.epochs) == (other.encoder, other.epochs)


def _default_run(runs: list[RunSummary]) -> RunSummary:
    """A learned-label run rather than the baseline: its labels are what one comes to see."""
    return next((run for run in runs if not run.is_baseline), runs[0])
