"""Accuracy per class by epoch: which classes are learned late, and which are forgotten again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import streamlit as st

from app.common import curves_cache
from app.common.address import known_choice
from app.common.wording import plain
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.figures.palette import DASHES, class_color
from lwal_core.glossary import explained
from lwal_core.runs import Reading, RunSummary

ClassQuantity = Literal["accuracy", "precision"]
QUANTITIES: dict[ClassQuantity, str] = {"accuracy": "Accuracy (recall)", "precision": "Precision"}
MAX_AT_FIRST = 8
"""Classes drawn until the reader chooses: as many as can be told apart and named."""
ALL_LISTED = 24
"""Up to so many classes, all of them stand on the page to be switched on and off; of more, one is searched and added."""


@dataclass(frozen=True)
class ClassCurves:
    """What the reader chose: a group, and the curves and looks of some of its classes."""

    group: str
    curves: dict[str, list[Curve]]
    colors: dict[str, tuple[str, str]]
    quantity: ClassQuantity


def choose_classes(runs: dict[str, list[RunSummary]], base: str, reading: Reading) -> ClassCurves | None:
    """Let the reader choose a group and classes; None, with the reason on the page, where nothing was recorded."""
    first = next((label for label in runs if label != base), base)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            "Classes of", list(runs), list(runs).index(first), key="classes_of", bind="query-params", width=280
        )
        known_choice("of_class", "What of the classes", QUANTITIES.values())
        at_first: ClassQuantity = "accuracy"
        quantity = st.segmented_control(
            "Measured", list(QUANTITIES), format_func=QUANTITIES.__getitem__, default=at_first, required=True, key="of_class",
            bind="query-params", help=explained("Precision", "Recall"),
        ) or at_first  # fmt: skip
        curves = curves_cache.class_curves(runs[label], reading, quantity)
        if not curves:
            st.info(
                "The precision of each class was not recorded when these runs were trained."
                if quantity == "precision"
                else "The accuracy of each class was not recorded when these runs were trained. Runs trained from now on have it.",
                icon=":material/info:",
            )
            return None
        names = list(curves)
        worst = sorted(names, key=lambda name: np.mean([_last(curve) for curve in curves[name]]))
        drawn = names if len(names) <= MAX_AT_FIRST else worst[:MAX_AT_FIRST]
        key = f"classes_{label}_{len(names)}"
        listed = names
        if len(names) > ALL_LISTED:
            asked = [name for name in st.query_params.get_all(key) if name in names and name not in drawn]
            listed = st.session_state.setdefault(f"{key}_listed", [*drawn, *asked])
            st.selectbox(
                "Add a class", [name for name in names if name not in listed], None, key=f"{key}_add",
                on_change=_add, args=(key,), placeholder="Find a class", width=240,
            )  # fmt: skip
    # No multiselect: it writes white on the accent, which in the dark theme is hard to read outside the sidebar.
    if key in st.session_state:
        st.session_state[key] = [name for name in st.session_state[key] or () if name in listed]
    chosen = st.pills(
        "Classes", listed, selection_mode="multi", default=drawn, format_func=plain, key=key, bind="query-params",
        help=f"At first the {MAX_AT_FIRST} with the lowest accuracy at the end." if len(names) > MAX_AT_FIRST else None,
    )  # fmt: skip
    looks = {name: (class_color(i), DASHES[i // 7 % len(DASHES)]) for i, name in enumerate(names)}
    return ClassCurves(label, {name: curves[name] for name in names if name in chosen}, looks, quantity)


def _add(key: str) -> None:
    """Callback: the class that was searched is listed and drawn."""
    state = st.session_state
    name = state[f"{key}_add"]
    if name is not None:
        state[f"{key}_listed"] = [*state[f"{key}_listed"], name]
        state[key] = [*(state.get(key) or ()), name]
        state[f"{key}_add"] = None


def _last(curve: Curve) -> float:
    known = curve.accuracy[np.isfinite(curve.accuracy)]
    return float(known[-1]) if known.size else 0.0
