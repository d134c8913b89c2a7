"""Options of the Embeddings page, and the colours and shapes of the classes that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.address import known_choice
from app.tree.stats import groups, tree_key
from app.tree.toolbar import distance_control, groups_control, linkage_control, pick_vectors
from lwal_core.errors import LwalError
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.results.tree_spec import (
    DEFAULT_DISTANCE,
    DEFAULT_LINKAGE,
    TreeSpec,
    allowed_linkage,
)
from lwal_core.runs import Run, VectorSource

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


METHODS = {"pca": "PCA", "umap": "UMAP", "mds": "MDS", "tsne": "t-SNE"}


class Options(NamedTuple):
    """What the toolbar says.

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


def _first_groups(run: Run, epoch: int, source: VectorSource) -> int:
    """Groups at first: those at the widest gap of the class tree; one where there is no tree."""
    try:
        return run_cache.hierarchy(TreeSpec(run.id, epoch, source)).default_groups
    except LwalError:
        return 1


def draw_toolbar(run: Run, epoch: int, *, features: bool = False) -> tuple[DeltaGenerator, Options]:
    """The options for the classes of a run, all in the address; returns the toolbar so that more can go into it.

    Args:
        run: The run.
        epoch: The epoch.
        features: Whether feature means are looked at first.
    """
    n = len(run.class_names)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    known_choice("projection", "Projection", METHODS.values())
    with bar:
        method = st.segmented_control(
            "Projection", list(METHODS), format_func=METHODS.__getitem__, default="pca", required=True,
            key="projection", bind="query-params",
            help="PCA: the directions in which the classes differ most; exact, and the same for all epochs. UMAP and t-SNE "
            "keep neighbourhoods, MDS keeps all distances as well as it can; they take a moment the first time.",
        ) or "pca"  # fmt: skip
        source = pick_vectors(run, features=features, most=2)  # a third would wrap the line at 1400 px
        color_by = st.segmented_control(
            "Colour by", ["Class", "Groups"], default="Class", required=True, key="colour", bind="query-params",
            help="Groups: the class tree of the Hierarchy page, cut into this many.",
        ) or "Class"  # fmt: skip
        group_count, linkage, distance = 0, DEFAULT_LINKAGE, DEFAULT_DISTANCE
        if color_by == "Groups" and n > 1:
            group_count = groups_control(n, _first_groups(run, epoch, source), width=160)
        film = st.toggle(
            "Film", key="film", bind="query-params",
            help="All epochs as a moving picture with play, pause and a slider, in one frame of reference.",
        )  # fmt: skip
        with st.popover("Show", icon=":material/layers:"):
            if group_count:
                linkage = linkage_control(help="Of the class tree whose groups are the colours.")
                distance = distance_control()
            dimensions = (
                st.segmented_control(
                    "Dimensions", ["2-D", "3-D"], default="2-D", required=True, key="dimensions", bind="query-params"
                )
                or "2-D"
            )
            samples = st.toggle(
                "Test samples", key="cloud", bind="query-params",
                help="Embeddings of the test set after the best epoch; in the film of PCA those of a sample after each epoch.",
            )  # fmt: skip
            trails = st.toggle(
                "Trails", key="trails", bind="query-params", help="The way of each class up to this epoch."
            )
            fit = st.toggle(
                "Fit the axes to this epoch", key="fit", bind="query-params",
                help="Otherwise all epochs are drawn to one scale, so that growth can be seen.",
            )  # fmt: skip
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
    return bar, Options(
        method=method or "pca",
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
    )


class ClassStyles(NamedTuple):
    """Colour and shape of each class; ``groups [C]`` from 0 and how they came about when the colours are those of
    groups."""

    colors: tuple[str, ...]
    symbols: tuple[str, ...]
    groups: np.ndarray | None
    how: str


def class_styles(run: Run, epoch: int, options: Options) -> ClassStyles:
    """Colours by class, or by the groups that the Hierarchy page shows with the same address.

    Raises:
        LwalError: There is no such tree.
    """
    n = len(run.class_names)
    if not options.group_count:
        return ClassStyles(tuple(map(class_color, range(n))), tuple(map(class_symbol, range(n))), None, "")
    spec = TreeSpec(run.id, epoch, options.source, options.linkage, options.distance)
    h, key = run_cache.hierarchy(spec), tree_key(spec)
    colors, symbols, group_of = [""] * n, [""] * n, np.zeros(n, dtype=np.intp)
    for number, group in enumerate(groups(key, h, options.group_count)):
        for i in group.members:
            colors[i], symbols[i], group_of[i] = group.color, group.symbol, number
    return ClassStyles(
        tuple(colors), tuple(symbols), group_of, f"{options.linkage} linkage of {options.distance} distances"
    )
