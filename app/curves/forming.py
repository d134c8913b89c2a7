"""How the classes form, below the table of the comparison: neural collapse by epoch, and when each level of the taxonomy is learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app.common.address import known_choice
from app.common.curves_cache import Content
from app.common.growing_cache import growing_cache
from app.common.run_cache import file_stamp, taxonomy_digest
from app.common.widgets import AS_ON_SCREEN, downloads, figure, theme
from app.common.wording import plain
from lwal_core.analysis.comparison.bands import BandKind
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.forming import collapse_answer
from lwal_core.analysis.comparison.levels import LevelCurves, level_table
from lwal_core.errors import LwalError
from lwal_core.export.tables import table_csv
from lwal_core.figures.curves import accuracy_figure, loss_figure
from lwal_core.figures.palette import Theme, class_color
from lwal_core.glossary import explained
from lwal_core.results.forming import collapse_curves, level_curves, run_levels
from lwal_core.results.run_tree import run_taxonomy
from lwal_core.runs import Layer, Run, RunSummary, open_run
from lwal_core.runs.metrics import COLLAPSE
from lwal_core.runs.paths import METRICS

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOW = ("Collapse", "Levels")
LAYERS: dict[str, Layer] = {"Outputs": "outputs", "Features": "features"}
LEVEL_MEASURES = ("Accuracy", "NC1")
MOST = 24
"""Runs whose levels are looked at: of each, the test samples of up to 51 epochs are read."""


def draw_forming(
    runs: Mapping[str, list[RunSummary]], baseline: str, lead: str, content: Content, band: BandKind
) -> None:
    """Draw the section.

    Args:
        runs: By label, one a seed.
        baseline: Label of the group that the others are measured against.
        lead: Label of the group that sentences are about.
        content: What the runs hold now.
        band: What the band around a line shows.
    """
    known_choice("forming", "What of the classes' forming", SHOW)
    what = (
        st.segmented_control(
            "Look at", SHOW, default=SHOW[0], required=True, key="forming", bind="query-params",
            help="Collapse: how samples gather around their class means, and whether the means stand at equal distances. Levels: whether "
            "coarse groups of the taxonomy are learned before fine ones.",
        )
        or SHOW[0]
    )  # fmt: skip
    with st.container(key=f"forming_{what}"):
        (_draw_collapse if what == SHOW[0] else _draw_levels)(runs, baseline, lead, content, band)


def _draw_collapse(
    runs: Mapping[str, list[RunSummary]], baseline: str, lead: str, content: Content, band: BandKind
) -> None:
    known_choice("forming_layer", "The layer", LAYERS)
    known_choice("forming_measure", "The measure", COLLAPSE.values())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = (
            st.segmented_control(
                "Layer", list(LAYERS), default="Features", required=True, key="forming_layer", bind="query-params",
                help="Outputs: what the last layer gives. Features: what it is given.",
            )
            or "Features"
        )  # fmt: skip
        measure = st.selectbox(
            "Measure", list(COLLAPSE), format_func=COLLAPSE.__getitem__, key="forming_measure", bind="query-params", width=300,
            help=explained("NC1", "Class-distance normalised variance", "NC2", "Spread of the cosines", "NC3", "NC4"),
        )  # fmt: skip
    curves = _collapse_curves(content, LAYERS[chosen], runs)
    curves = {label: members for label, members in curves.items() if any(measure in c.extra for c in members)}
    title = COLLAPSE[measure].split(",")[0]
    layer = chosen.lower()
    if not curves:
        st.info(
            f"{title} of the {layer} was not recorded when these runs were trained, or is not defined for them. Runs trained from now "
            "on have it where it is defined.",
            icon=":material/info:",
        )
        return
    answer = collapse_answer(curves, baseline, measure, f"{title} of the {layer}", lead)
    st.markdown(plain(answer))
    name = f"{COLLAPSE[measure]} ({layer})"
    shown = {
        label: [_renamed(curve, measure, name) for curve in members if measure in curve.extra]
        for label, members in curves.items()
    }

    def draw(look: Theme) -> go.Figure:
        return loss_figure(shown, quantities=("loss",), band=band, theme=look, log_y=_wide(shown, name), measure=name)

    def columns() -> dict[str, list[Any]]:
        every = [(label, curve, i) for label, each in shown.items() for curve in each for i in range(len(curve.epoch))]
        return {
            "Method": [label for label, _, _ in every],
            "Seed": [curve.seed for _, curve, _ in every],
            "Epoch": [int(curve.epoch[i]) for _, curve, i in every],
            name: [float(curve.extra[name][i]) for _, curve, i in every],
        }

    figure(
        draw(theme()), key="forming_figure", summary=f"{name} by epoch of {', '.join(shown)}. {answer}", table=columns
    )
    lacking = [label for label in runs if label not in shown]
    if lacking:
        st.caption(
            f"Not here: {plain(', '.join(lacking))}. It was not recorded when these runs were trained, or is not defined."
        )
    of = (
        "the test set"
        if measure == "nc4"
        else "the training sample that class means are taken from, in evaluation mode"
    )
    st.caption(f"Of {of}. Lower is more collapsed; 0 is the limit.")
    _download("forming", draw, columns, name, answer)


def _draw_levels(
    runs: Mapping[str, list[RunSummary]], baseline: str, lead: str, content: Content, band: BandKind
) -> None:
    known_choice("forming_method", "The method", runs)
    known_choice("forming_of_level", "What of the levels", LEVEL_MEASURES)
    first = lead if lead in runs else baseline
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            "Levels of", list(runs), list(runs).index(first), key="forming_method", bind="query-params", width=280
        )
        measured = (
            st.segmented_control(
                "Measured", LEVEL_MEASURES, default=LEVEL_MEASURES[0], required=True, key="forming_of_level",
                bind="query-params", help=explained("Level", "NC1"),
            )
            or LEVEL_MEASURES[0]
        )  # fmt: skip
    found, problems = _levels(runs, with_nc1=measured == "NC1")
    members = found.get(label, [])
    if not members:
        st.info(plain(problems.get(label, "No levels are known of these runs.")), icon=":material/info:")
        return
    table = level_table({each: [levels for _, levels in pairs] for each, pairs in found.items() if pairs}, baseline)
    answer = "" if table is None else table.answer(lead)
    st.markdown(plain(answer))
    curves: dict[str, list[Curve]] = {}
    name = "NC1 of the outputs"
    for run, levels in members:
        for title, curve in level_curves(run, levels).items():
            curves.setdefault(title, []).append(_renamed(curve, "nc1", name))
    colors = {title: (class_color(i), "solid") for i, title in enumerate(curves)}
    said = f"{measured} at each level of the taxonomy, {label}"

    def draw(look: Theme) -> go.Figure:
        if measured == "NC1":
            return loss_figure(
                curves, quantities=("loss",), band=band, theme=look, log_y=_wide(curves, name), measure=name, title=said,
                colors=colors,
            )  # fmt: skip
        return accuracy_figure(curves, band=band, theme=look, title=said, colors=colors)

    def columns() -> dict[str, list[Any]]:
        every = [(title, curve, i) for title, each in curves.items() for curve in each for i in range(len(curve.epoch))]
        values = [curve.extra[name] if measured == "NC1" else curve.accuracy for _, curve, _ in every]
        return {
            "Level": [title for title, _, _ in every],
            "Seed": [curve.seed for _, curve, _ in every],
            "Epoch": [int(curve.epoch[i]) for _, curve, i in every],
            measured: [float(column[i]) for column, (_, _, i) in zip(values, every, strict=True)],
        }

    figure(draw(theme()), key="forming_levels_figure", summary=f"{said}. {answer}", table=columns)
    if table is not None:
        rows = table.rows()
        st.dataframe(
            {column: [row[column] for row in rows] for column in rows[0]},
            hide_index=True,
            alt="Epochs at which each level of the taxonomy has 90 % of its final accuracy, by method",
            column_config={"Method": st.column_config.TextColumn(pinned=True)},
        )
    for each, problem in problems.items():
        if not found.get(each):
            st.caption(f"Not here: {plain(each)}. {plain(problem)}")
    st.caption(
        "From the sample of the test set that is kept of up to 51 epochs, by the predictions that are kept with it: of a training by "
        "nearest class mean. A sample counts as right where it is taken for a class of its own group; chance is higher at coarse "
        "levels, so each is held against its own final accuracy."
    )
    if sum(map(len, runs.values())) > MOST:
        st.caption(f"The first {MOST} runs are looked at.")
    _download("forming_levels", draw, columns, said, answer)


def _download(
    key: str, draw: Callable[[Theme], go.Figure], columns: Callable[[], dict[str, list[Any]]], title: str, summary: str
) -> None:
    def page() -> bytes:
        from lwal_core.export.figure_page import figure_page

        return figure_page(draw, title=title, summary=summary or title, caption="")

    def csv() -> bytes:
        found = columns()
        return table_csv(list(found), list(zip(*found.values(), strict=True))).encode()

    downloads(
        "Download",
        [(AS_ON_SCREEN, f"{key}.html", "text/html", page), ("Every epoch (CSV)", f"{key}.csv", "text/csv", csv)],
        key=f"{key}_download",
    )


def _wide(groups: Mapping[str, Sequence[Curve]], name: str) -> bool:
    """Whether a measure spreads so far above 0 that a logarithmic axis has several marks."""
    values = np.concatenate([curve.extra[name] for members in groups.values() for curve in members])
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() > 0 and known.max() >= 8 * known.min())


def _renamed(curve: Curve, measure: str, name: str) -> Curve:
    return replace(curve, extra={name: curve.extra[measure]})


@growing_cache(20, lambda key, layer, runs: key.growing)
def _collapse_curves(key: Content, layer: Layer, _runs: Mapping[str, list[RunSummary]]) -> dict[str, list[Curve]]:
    return {label: collapse_curves(members, layer) for label, members in _runs.items()}


def _levels(
    runs: Mapping[str, Sequence[RunSummary]], *, with_nc1: bool
) -> tuple[dict[str, list[tuple[Run, LevelCurves]]], dict[str, str]]:
    """Levels of each group's runs, and why a group has none."""
    found: dict[str, list[tuple[Run, LevelCurves]]] = {}
    problems: dict[str, str] = {}
    longest = max(map(len, runs.values()), default=0)
    order = [(label, members[i]) for i in range(longest) for label, members in runs.items() if i < len(members)]
    for label, summary in order[:MOST]:
        run = open_run(summary.id)
        try:
            reference = run_taxonomy(run)
            digest = "" if reference is None else taxonomy_digest(reference)
            levels = _run_levels(run.id, file_stamp(run.id, METRICS), digest, with_nc1, run.active)
            found.setdefault(label, []).append((run, levels))
        except LwalError as error:
            problems.setdefault(label, f"{error.message} {error.hint}".strip())
    return found, problems


@growing_cache(200, lambda run_id, stamp, reference, with_nc1, active: active, spinner="Looking at the levels")
def _run_levels(run_id: str, stamp: int, reference: str, with_nc1: bool, active: bool) -> LevelCurves:
    return run_levels(open_run(run_id), with_nc1=with_nc1)
