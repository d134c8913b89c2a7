"""Guided first run, from the first training to a shared tree.

It draws nothing of its own: every step points at what the page has anyway, so that who leaves it knows the way. Being
on is part of the address, so that a reload or a link keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app.common import address
from app.common.pages import page_path
from app.common.selection import newest_groups, offer_groups
from app.common.widgets import go_to, on_accent
from lwal_core.experiments.examples import TAG
from lwal_core.experiments.form_values import PRESETS, parse_seeds, preset_values
from lwal_core.runs import RunSummary, list_runs, with_labels
from lwal_core.security.permissions import read_only

ON, PARAMETER = "guide_on", "guide"
FIRST_PRESET = "Pictograms"
"""What the guide trains: what Home has just shown, one seed, for a first look."""


@dataclass(frozen=True)
class Step:
    """One page of the guide.

    Attributes:
        page: The page it is said on, by its file's name.
        title: What the reader does there.
        text: What to press and what to look for (markdown), given the runs trained here.
        onward: Text of the button that leads to the next step.
    """

    page: str
    title: str
    text: Callable[[list[RunSummary]], str]
    onward: str


_NOTHING_YET = "No epoch has finished yet. *Train or analyse* shows how far it is."


def _train(trained: list[RunSummary]) -> str:
    active = sum(run.active for run in trained)
    if active:
        return (
            f"**{active} training{'s' * (active > 1)} to go**, also when this page is closed. *Watch* shows the tree as it "
            "forms; go on once the first epoch is done."
        )
    if any(run.epochs_done for run in trained):
        return "Trainings have finished here. *See the tree* shows what the newest learned."
    preset = PRESETS[FIRST_PRESET]
    count = len(preset["methods"]) * len(parse_seeds(preset["seeds"]))
    return (
        f"The form is filled in: **{' and '.join(preset['methods'])}** on pictograms, one seed, for a first look. "
        f"Press *Start {count} trainings*; two processor cores take some two minutes."
    )


def _hierarchy(trained: list[RunSummary]) -> str:
    return (
        "**Every leaf is a class**; branches that meet early are near each other. Pull *Epoch* down to 0, before training: "
        "what moved since was learned. Unfold *Is it real?* before you believe it."
    )


def _curves(trained: list[RunSummary]) -> str:
    return (
        "**The sentence below is the verdict**, also where learned labels are behind. One seed tells no difference from chance; "
        "three or more give an interval. *Method by method* has every number."
    )


def _share(trained: list[RunSummary]) -> str:
    return (
        "**A link shows one snapshot and nothing else**; a file opens without this app. That is the whole way: now your own "
        "images, by *Train or analyse*."
    )


STEPS = (
    Step("train", "Train", _train, "See the tree"),
    Step("hierarchy", "Read the tree", _hierarchy, "See whether it paid off"),
    Step("curves", "Ask whether it paid off", _curves, "Give it to somebody"),
    Step("share", "Share it", _share, "Finish"),
)


def guide_button(label: str) -> None:
    """The button that starts the guide; where nothing may be trained and nothing was, it is not there."""
    if _steps() and st.button(
        label,
        key="guide_start",
        type="tertiary",
        icon=":material/help:",
        help="From the first training to a shared tree, step by step.",
    ):
        start_guide()


def draw_guide(page: str) -> None:
    """The guide's words for this page, while it is on. Called by the entry point before the page.

    Args:
        page: The page's address, such as ``train``; empty for Home.
    """
    if said := address.asked(PARAMETER):
        fresh = ON not in st.session_state
        st.session_state[ON] = said == ["on"]
        if fresh and st.session_state[ON] and page == "train":
            _fill_in()
    on = st.session_state.setdefault(ON, False)
    address.write(guide="on" if on else "")
    if not on:
        return
    steps = _steps()
    at = next((index for index, step in enumerate(steps) if step.page == page), None)
    if at is None:
        return
    step = steps[at]
    with st.container(border=True, key="guide"):
        st.markdown(f"**Step {at + 1} of {len(steps)}: {step.title}**")
        # While something trains, the words and the way on follow it.
        st.fragment(_draw_step, run_every=2.0 if page == "train" else None)(step, steps[at + 1 :])


def _draw_step(step: Step, left: tuple[Step, ...]) -> None:
    runs = list_runs()
    trained = [run for run in runs if not run.problem and not run.imported and TAG not in run.tags]
    ready = bool(with_labels(runs))
    st.markdown(step.text(trained) if ready or step.page == "train" else _NOTHING_YET)
    with st.container(horizontal=True):
        if ready and step.page == "train":
            # A link, for a button's press can be lost to the next tick of this part's clock.
            runs_and_guide = {**offer_groups(newest_groups()), PARAMETER: "on"}
            st.page_link(
                page_path(left[0].page), label=step.onward, icon=":material/arrow_forward:", query_params=runs_and_guide
            )
        elif st.button(
            on_accent(step.onward) if ready else step.onward,
            key=f"guide_onward_{step.page}",
            icon=":material/arrow_forward:",
            type="primary" if ready else "secondary",
            disabled=not ready,
        ):
            st.session_state[ON] = bool(left)
            go_to(page_path(left[0].page if left else "home"))
        if st.button("Leave the guide", key=f"guide_leave_{step.page}", type="tertiary"):
            st.session_state[ON] = False
            st.rerun()


def _steps() -> tuple[Step, ...]:
    """The steps that can be gone here: without a right to train, those that look."""
    if not read_only():
        return STEPS
    return STEPS[1:] if any(run.epochs_done for run in list_runs()) else ()


def _fill_in() -> None:
    st.session_state["train_preset"] = FIRST_PRESET
    for name, value in preset_values(FIRST_PRESET).items():
        st.session_state[f"train_{name}"] = value


def start_guide() -> None:
    """Turn the guide on and go to its first step; where nothing may be trained and nothing was, nothing happens."""
    steps = _steps()
    if not steps:
        return
    st.session_state[ON] = True
    if steps[0].page == "train":
        _fill_in()
    go_to(page_path(steps[0].page))
