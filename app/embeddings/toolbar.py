"""Controls of the Embeddings page: run, epoch, film, projection, colours, and the panel of the others; all in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from app.common import run_cache
from app.common.address import known_choice
from app.common.selection import pick_run
from app.common.widgets import EPOCH, empty_state, epoch_slider, errors_shown
from app.common.wording import no_labels
from app.embeddings.colours import CLASS_COLOURS, GROUP_COLOURS, colour_choices
from app.tree.toolbar import distance_control, groups_control, linkage_control, pick_vectors
from lwal_core.errors import LwalError
from lwal_core.results.tree_spec import (
    DEFAULT_DISTANCE,
    DEFAULT_LINKAGE,
    TreeSpec,
    allowed_linkage,
)
from lwal_core.runs import Run, VectorSource, open_run

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


METHODS = {"umap": "UMAP", "pca": "PCA", "mds": "MDS", "tsne": "t-SNE"}
FIRST = "umap"
"""The projection at first."""
_FILM_EPOCH = "embedding_film_epoch"
"""Session key: run and epoch that were looked at when its film was opened."""


class Options(NamedTuple):
    """What the controls say.

    Attributes:
        method: Projection.
        dimensions: 2 or 3.
        source: Class means or label table.
        group_count: Groups to colour by; 0 to colour by class.
        linkage: Of the class tree that is cut into groups; one that the distance allows.
        distance: Of the same tree.
        samples: Whether to show test samples.
        trails: Whether to show the way of each class.
        film: Whether all epochs play as a film.
        fit: Whether the axes fit this epoch rather than all.
        seed: Of the layout.
        params: Further parameters of the projection.
        colour: What the colours stand for, as the control says it.
        legend: Whether a legend is shown where the colours are those of classes.
    """

    method: str
    dimensions: int
    source: VectorSource
    group_count: int
    linkage: str
    distance: str
    samples: bool
    trails: bool
    film: bool
    fit: bool
    seed: int
    params: dict[str, Any]
    colour: str = CLASS_COLOURS
    legend: bool = False

    def tree(self, run: Run, epoch: int) -> TreeSpec | None:
        """The class tree whose groups are the colours; None where they are something else."""
        return TreeSpec(run.id, epoch, self.source, self.linkage, self.distance) if self.group_count else None


def _first_groups(run: Run, epoch: int, source: VectorSource) -> int:
    """Groups at first: those that the class tree is cut into at first; one where there is no tree."""
    try:
        return run_cache.hierarchy(TreeSpec(run.id, epoch, source)).default_groups
    except LwalError:
        return 1


def draw_controls(*, features: bool = False) -> tuple[DeltaGenerator, Run, int, Options]:
    """The controls in one row; returns the row so that more can go into it. Where nothing can be shown the page says why and ends.

    Args:
        features: Whether feature means are looked at first.
    """
    known_choice("projection", "Projection", METHODS.values())
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    with bar.container(width=270):
        summary = pick_run()
    if summary is None:
        st.stop()
    with errors_shown():
        run = open_run(summary.id)
    place_of_epoch = bar.container(width="stretch")
    with bar:
        film = st.toggle("Film", key="film", bind="query-params", help="All epochs as a moving picture.")
    with place_of_epoch:
        epoch = _film_epoch(run) if film else _picked_epoch(run)
    if epoch is None:
        empty_state(*no_labels(run.active, run.sources(confusion=True) == ("confusion",)))
        st.stop()
    with bar:
        method = st.selectbox(
            "Projection", list(METHODS), list(METHODS).index(FIRST), format_func=METHODS.__getitem__, width=112,
            key="projection", bind="query-params",
            help="UMAP and t-SNE keep neighbourhoods. PCA shows the directions in which the classes differ most, MDS all distances "
            "as well as it can.",
        )  # fmt: skip
        colours = colour_choices(run)
        known_choice("colour", "The choice of colours", colours)
        if st.session_state.get("colour") not in (None, *colours):
            st.session_state["colour"] = CLASS_COLOURS  # another run's
        colour = st.selectbox(
            "Colour by", colours, key="colour", bind="query-params", width=132, help="Groups: the class tree, cut."
        )
        with st.popover("More", icon=":material/tune:"):
            options = _further(run, epoch, method or FIRST, film, colour or CLASS_COLOURS, features)
    return bar, run, epoch, options


def _picked_epoch(run: Run) -> int | None:
    opened = st.session_state.pop(_FILM_EPOCH, None)
    if opened is not None and opened[0] == run.id and EPOCH not in st.session_state:
        st.session_state[EPOCH] = opened[1]
    return epoch_slider(run)


def _film_epoch(run: Run) -> int | None:
    """The epoch that a film opens on; its own slider takes the place of the page's."""
    epochs = run.label_epochs()
    if not epochs:
        return None
    said = st.query_params.get(EPOCH, "")
    known = st.session_state.get(_FILM_EPOCH)
    wanted = (
        known[1] if known and known[0] == run.id else st.session_state.get(EPOCH, int(said) if said.isdigit() else None)
    )
    epoch = int(wanted) if wanted in epochs else epochs[-1]
    st.session_state[_FILM_EPOCH] = (run.id, epoch)
    return epoch


def _further(run: Run, epoch: int, method: str, film: bool, colour: str, features: bool) -> Options:
    """The controls that stand in the panel."""
    n = len(run.class_names)
    source = pick_vectors(run, features=features)
    group_count, linkage, distance = 0, DEFAULT_LINKAGE, DEFAULT_DISTANCE
    if colour == GROUP_COLOURS and n > 1:
        group_count = groups_control(n, _first_groups(run, epoch, source))
        linkage = linkage_control(help="Of the class tree whose groups are the colours.")
        distance = distance_control()
    samples = st.toggle(
        "Test samples", True, key="cloud", bind="query-params",
        help="Embeddings of the test set after this epoch where they are kept of it, else after the best one.",
    )  # fmt: skip
    legend = colour == CLASS_COLOURS and st.toggle(
        "Legend", key="legend", bind="query-params", help="A click hides a class, a double click leaves it alone."
    )
    trails = st.toggle("Trails", key="trails", bind="query-params", help="The way of each class up to this epoch.")
    fit = st.toggle(
        "Fit the axes to this epoch", key="fit", bind="query-params",
        help="Otherwise all epochs are drawn to one scale, so that growth can be seen.",
    )  # fmt: skip
    dimensions = (
        st.segmented_control(
            "Dimensions", ["2-D", "3-D"], default="2-D", required=True, key="dimensions", bind="query-params"
        )
        or "2-D"
    )
    params: dict[str, Any] = {}
    if method == "umap":
        params["n_neighbors"] = st.slider(
            "UMAP: neighbours", 2, 50, 15, key="neighbours", bind="query-params",
            help="Few show fine detail, many the large picture. Never more than there are other points.",
        )  # fmt: skip
        params["min_dist"] = st.slider(
            "UMAP: least distance", 0.0, 0.99, 0.1, 0.01, key="least_distance", bind="query-params",
            help="How tightly neighbours are packed.",
        )  # fmt: skip
    if method == "tsne":
        params["perplexity"] = st.slider(
            "t-SNE: perplexity", 2, 50, 30, key="perplexity", bind="query-params",
            help="About how many neighbours count. Never more than a third of the other points.",
        )  # fmt: skip
    seed = 0
    if method in ("umap", "tsne"):
        seed = st.number_input(
            "Seed of the layout", 0, 2**32 - 1, 0, key="layout_seed", bind="query-params",
            help="The same seed gives the same picture; try another to see what does not depend on chance.",
        )  # fmt: skip
    return Options(
        method=method,
        dimensions=3 if dimensions == "3-D" else 2,
        source=source,
        group_count=group_count,
        linkage=allowed_linkage(linkage, distance),
        distance=distance,
        samples=samples,
        trails=trails,
        film=film,
        fit=fit,
        seed=int(seed or 0),
        params=params,
        colour=colour,
        legend=legend,
    )
