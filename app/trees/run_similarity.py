"""Which of the selected runs are alike: a matrix of what they make of the same test samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from app.common.background import Background, Wanted
from app.common.run_cache import file_stamp
from app.common.selection import Selection, short_labels
from app.common.widgets import downloads, figure, theme
from app.common.wording import plain
from lwal_core.analysis.base.formatting import format_seconds
from lwal_core.analysis.run_similarity import MEASURE_TITLES, Measure
from lwal_core.export.tables import table_csv
from lwal_core.figures.run_similarity import run_similarity_figure
from lwal_core.glossary import explained
from lwal_core.projections import Abandoned
from lwal_core.results.run_similarity import MOST_RUNS, RunSimilarity, run_similarity
from lwal_core.runs import Layer, one_per_seed, open_run
from lwal_core.runs.paths import EVALUATION

PATIENCE = 1.5  # seconds that the page waits before it draws the rest
MEASURES: dict[str, Measure] = {title: measure for measure, title in MEASURE_TITLES.items()}
LAYERS: dict[str, Layer] = {"Outputs": "outputs", "Features": "features"}


class Request(NamedTuple):
    """Runs with the time of their test results, and the layer that is compared."""

    runs: tuple[tuple[str, int], ...]
    layer: Layer


SIMILARITIES: Background[Request, RunSimilarity] = Background(
    "The comparison of runs", "Select fewer runs.", 16, lane=lambda request: "runs", at_once=1
)


def draw_run_similarity(chosen: Selection) -> None:
    """Draw how alike the selected runs are, or say how long it has been in the making.

    Args:
        chosen: The selection.
    """
    runs = [run for group in chosen.groups for run in one_per_seed(group.runs)]
    if len(runs) < 2:
        st.markdown("One run is selected: select others under *Runs* to compare it with.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measure = MEASURES[
            st.segmented_control(
                "Measure", list(MEASURES), default="Linear CKA", required=True, key="runs_measure", bind="query-params", wrap=True,
                help=explained("Linear CKA", "Procrustes distance", "Neighbour overlap"),
            )
            or "Linear CKA"
        ]  # fmt: skip
        layer = LAYERS[
            st.segmented_control(
                "Of", list(LAYERS), default="Outputs", required=True, key="runs_layer", bind="query-params",
                help="Outputs of the networks, or the features that their last layer makes them of.",
            )
            or "Outputs"
        ]  # fmt: skip
    stamped = tuple((run.id, file_stamp(run.id, EVALUATION)) for run in runs[: MOST_RUNS + 1])
    request = Request(stamped, layer)
    found = SIMILARITIES.ask(request, lambda: _work([run.id for run in runs], layer), PATIENCE)
    if found is None:
        _wait_for(request)
        return
    labels = short_labels(chosen.groups)
    _draw(found, measure, {run.id: f"{labels[run.group]}, seed {run.seed}" for run in runs})


def _work(runs: Sequence[str], layer: Layer) -> Callable[[Wanted], RunSimilarity]:
    opened = [open_run(run) for run in runs]

    def work(wanted: Wanted) -> RunSimilarity:
        found = run_similarity(opened, layer, wanted)
        if found is None:
            raise Abandoned
        return found

    return work


@st.fragment(run_every=1.0)
def _wait_for(request: Request) -> None:
    seconds = SIMILARITIES.seconds(request)
    if seconds is None:
        st.rerun()
    st.caption(f":material/hourglass_top: Comparing the runs ({format_seconds(max(1, round(seconds)))} so far)")


def _draw(found: RunSimilarity, measure: Measure, titles: Mapping[str, str]) -> None:
    order = found.matrix.order().tolist()
    labels = [titles[found.runs[i]] for i in order]
    values = found.matrix.values[measure][order][:, order]
    answer = found.answer(measure)
    st.markdown(plain(answer))
    what = MEASURE_TITLES[measure]
    figure(
        run_similarity_figure(values, labels, what=what, distance=measure == "procrustes", theme=theme()),
        key="runs_matrix", summary=f"{what} of {len(labels)} runs, two by two. {answer}",
        table=lambda: {"Run": labels, **{f"{i + 1}": values[:, i] for i in range(len(labels))}},
    )  # fmt: skip
    for note in found.notes():
        st.caption(plain(note))

    def csv() -> bytes:
        rows = [[label, *row] for label, row in zip(labels, values.tolist(), strict=True)]
        return table_csv(["run", *labels], rows).encode()

    downloads("Download", [("This matrix (CSV)", f"runs-{measure}.csv", "text/csv", csv)], key="runs_download")
