"""Two spaces of the same classes side by side: two runs, or two layers of one run, with one selection."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from app.common import address, run_cache
from app.common.projections import Request, ask_beside, classes_alone, seconds_beside
from app.common.selection import run_choices, selection
from app.common.widgets import downloads, figure, on_phone, show_error, theme
from app.common.wording import plain, shortened
from app.embeddings.picture import PHONE_WIDTH
from app.embeddings.toolbar import METHODS, Options
from app.linked.selection import chosen_classes
from app.tree.chosen_node import CLADE, CLASS, forget_clade
from lwal_core.analysis.base.formatting import format_number, format_seconds
from lwal_core.errors import LwalError
from lwal_core.figures.labels import shown_name
from lwal_core.figures.maps.side_by_side import side_figure
from lwal_core.figures.maps.waiting import waiting
from lwal_core.results.side_by_side import (
    FEWEST,
    Comparison,
    Side,
    compare_sides,
    laid_beside,
    most_different,
    usual_k,
)
from lwal_core.runs import SOURCE_TITLES, Run, VectorSource, open_run

BESIDE, NEIGHBOURS = "beside", "beside_neighbours"
"""Session keys and parameters of the address: what stands on the right, how many nearest classes are compared."""
MOST_NEIGHBOURS = 20
LEFT, RIGHT = "beside_left", "beside_right"
"""Keys of the figures."""
LAYER = "layer:"
"""Beginning of the choice of another layer of the same run."""


def draw_side_by_side(run: Run, epoch: int, options: Options) -> None:
    """Draw what is looked at beside another run or layer, or say what it takes.

    Args:
        run: The run on the left.
        epoch: Its epoch.
        options: What the controls say: vectors and projection.
    """
    n = len(run.class_names)
    if n < FEWEST:
        st.markdown(f"It takes {FEWEST} classes or more; here are {n}.")
        return
    choices = _choices(run, options.source)
    if not choices:
        st.markdown(
            "There is nothing to put beside it. Select a second run of the same classes, or train with features kept, as trainings of "
            "today do."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = next(iter(address.asked(BESIDE)), None)
        if wanted in choices:
            st.session_state[BESIDE] = wanted
        if st.session_state.get(BESIDE) not in choices:
            st.session_state[BESIDE] = next(iter(choices))
        chosen = st.selectbox(
            "Beside it", list(choices), format_func=choices.__getitem__, key=BESIDE, persist_state="session",
            help="Selected runs of the same classes, and other layers of this run.",
        )  # fmt: skip
        address.write(**{BESIDE: chosen})
        most = min(MOST_NEIGHBOURS, n - 2)
        k = usual_k(n)
        if most > 1:
            address.follow_default(NEIGHBOURS, k)
            if st.session_state.get(NEIGHBOURS) is not None:
                st.session_state[NEIGHBOURS] = min(max(int(st.session_state[NEIGHBOURS]), 1), most)
            k = st.slider(
                "Nearest classes", 1, most, k, key=NEIGHBOURS, bind="query-params", width=200,
                help="How many nearest classes of each are compared, by distance in the vectors and not in the pictures.",
            )  # fmt: skip
    left = Side(run, epoch, options.source)
    try:
        right = _other(run, epoch, options.source, chosen)
        found = _compared(_stamped(left), _stamped(right), k)
        _draw(left, right, found, options)
    except LwalError as error:
        show_error(error)


def _choices(run: Run, source: VectorSource) -> dict[str, str]:
    """What can stand on the right: title by key. Other layers of the run first, then the other selected runs of the same classes."""
    found = {
        f"{LAYER}{other}": f"This run, {SOURCE_TITLES[other].lower()}" for other in run.sources() if other != source
    }
    others = []
    for other in selection().runs():
        with suppress(LwalError):
            if other.id != run.id and open_run(other.id).class_names == run.class_names:
                others.append(other)
    found |= run_choices(others)
    runs = [key for key in found if not key.startswith(LAYER)]
    layers = [key for key in found if key.startswith(LAYER) and not key.endswith("labels")]
    rest = [key for key in found if key not in runs and key not in layers]
    return {key: found[key] for key in (*runs, *layers, *rest)}


def _other(run: Run, epoch: int, source: VectorSource, chosen: str) -> Side:
    """The right side: another layer of the same epoch, or the same vectors of another run at this epoch, else at its last."""
    if chosen.startswith(LAYER):
        return Side(run, epoch, next(each for each in run.sources() if each == chosen.removeprefix(LAYER)))
    other = open_run(chosen)
    epochs = other.label_epochs()
    at = epoch if epoch in epochs else epochs[-1]
    return Side(other, at, source if source in other.sources() else other.sources()[0])


def _stamped(side: Side) -> tuple[str, int, VectorSource, int]:
    return side.run.id, side.epoch, side.source, run_cache.label_stamp(side.run.id, side.epoch)


@st.cache_resource(max_entries=60, show_spinner=False)
def _compared(
    left: tuple[str, int, VectorSource, int], right: tuple[str, int, VectorSource, int], k: int
) -> Comparison:
    one, other = (Side(open_run(side[0]), side[1], side[2]) for side in (left, right))
    return compare_sides(one, other, k)


def _draw(left: Side, right: Side, found: Comparison, options: Options) -> None:
    names = list(found.names)
    st.markdown(most_different(found, [shortened(name) for name in names]))
    requests = [
        classes_alone(side.run, side.epoch, side.source, options.method, options.seed, options.params)
        for side in (left, right)
    ]
    points, pending = [], []
    for side, request in zip((left, right), requests, strict=True):
        layouts = ask_beside(request)
        if layouts is None:
            pending.append(request)
            quick = classes_alone(side.run, side.epoch, side.source, "pca", 0, {})
            layouts = ask_beside(quick, patience=30)
        if layouts is None:
            st.skeleton(height=200)
            return
        points.append(layouts.frames[side.epoch].points)
    first, second, disparity = laid_beside(points[0], points[1])
    chosen = chosen_classes(names)
    change = found.change.tolist()
    columns = st.columns(2, gap="small")
    sides = ((LEFT, left, first, second), (RIGHT, right, second, first))
    for number, (column, (key, side, own, other)) in enumerate(zip(columns, sides, strict=True)):
        fig = side_figure(
            own, names, change, hover=_hover(found, number), chosen=chosen, frame=other, theme=theme(),
            width=PHONE_WIDTH if on_phone() else None, title=_title(side, left, right),
        )  # fmt: skip
        if pending:
            fig = waiting(fig, f"{METHODS[options.method]} is being computed", theme())
        with column:
            figure(
                fig,
                key=key,
                summary=f"{METHODS[options.method]} of the {side.title.lower()} of {side.run.name}: {len(names)} classes, each in the "
                "colour of how much its nearest classes differ from those of the other picture.",
                on_select=partial(_pick, key, names),
                config={"modeBarButtonsToRemove": ["autoScale2d"]},
            )
    if pending:
        _wait_for(pending[0], METHODS[options.method])
    st.caption(
        "Blue: the same neighbours; orange: others; diamond: none in common. A click or a lasso marks classes in both. The right picture "
        f"is brought to the left one's size and turned or mirrored onto it (Procrustes; {format_number(disparity, digits=2)} left over)."
    )
    folded = st.expander(
        "Numbers behind these figures", icon=":material/table:", on_change="rerun", key="beside_numbers"
    )
    if folded.open:
        with folded:
            st.dataframe(
                found.table(),
                hide_index=True,
                alt="Classes with their nearest ones on both sides, those that differ most first.",
            )
    stem = f"{left.run.id}-{left.source}-beside-{right.run.id}-{right.source}"
    downloads(
        "Download", [("This comparison, CSV", f"{stem}.csv", "text/csv", partial(found.csv, left, right))],
        key="beside_download",
    )  # fmt: skip


def _title(side: Side, left: Side, right: Side) -> str:
    """What tells the two sides apart."""
    if left.run.id == right.run.id:
        return side.title
    both = [run for run in selection().runs() if run.id in (left.run.id, right.run.id)]
    return run_choices(both).get(side.run.id, side.run.name)


def _hover(found: Comparison, side: int) -> list[str]:
    names = found.names
    return [
        f"In common: {int(found.common[i])} of {found.k}<br>Nearest here: "
        + ", ".join(shown_name(names[j]) for j in row)
        for i, row in enumerate(found.nearest[side].tolist())
    ]


def _pick(chart: str, names: Sequence[str]) -> None:
    """Mark what was clicked or lassoed, here and in every other view."""
    points: list[dict[str, Any]] = st.session_state[chart]["selection"]["points"]
    numbers = {point["customdata"][0] for point in points if point.get("customdata")}
    picked = sorted(int(i) for i in numbers if isinstance(i, int | float) and 0 <= i < len(names))
    if len(picked) == 1:
        st.session_state[CLASS] = names[picked[0]]
        forget_clade()
    elif picked:
        st.session_state[CLASS] = None
        st.session_state[CLADE] = tuple(names[i] for i in picked)


@st.fragment(run_every=1.0)
def _wait_for(request: Request, what: str) -> None:
    seconds = seconds_beside(request)
    if seconds is None:
        st.rerun()
    st.caption(
        f":material/hourglass_top: {plain(what)} is being computed ({format_seconds(max(1, round(seconds)))} so far)"
    )
