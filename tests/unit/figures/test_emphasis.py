"""What a reader picks in a figure by click, box or lasso is drawn stronger than the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.trees.class_history import pair_moments
from lwal_core.analysis.trees.distance_vs_confusion import pair_confusions, rank_correlation
from lwal_core.figures import dendrogram_figure, embedding_figure
from lwal_core.figures.distance_vs_confusion import distance_vs_confusion_figure
from lwal_core.figures.pair_moments import pair_moments_figure
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.figures.query_image import with_query_image

NAMES = [f"c{i}" for i in range(6)]
VECTORS = np.random.default_rng(0).normal(size=(6, 4))
TREE = build_hierarchy(VECTORS, NAMES)


def embedding() -> go.Figure:
    fig = embedding_figure(
        VECTORS[:, :2], NAMES, colors=[class_color(i) for i in range(6)], symbols=[class_symbol(i) for i in range(6)],
        samples=np.random.default_rng(1).normal(size=(60, 2)), sample_classes=np.arange(60) % 6, chosen=2,
    )  # fmt: skip
    return with_query_image(fig, [0.0, 0.0], text="an image")


def pairs() -> go.Figure:
    confusion = np.full((6, 6), 2) + 20 * np.eye(6, dtype=int)
    found = pair_confusions(confusion, TREE.square())
    return distance_vs_confusion_figure(found, NAMES, rank_correlation(found), chosen=[0])


def moments() -> go.Figure:
    found = pair_moments(dict.fromkeys(range(4), TREE), 3)
    return pair_moments_figure(found, found.ever_pairs(), NAMES)


FIGURES = {
    "embedding": embedding,
    "pairs": pairs,
    "moments": moments,
    "tree": lambda: dendrogram_figure(TREE, 3, chosen=1),
    "radial tree": lambda: dendrogram_figure(TREE, 3, "radial", chosen=1),
}


def drawn(trace: Any, state: str) -> tuple[float, float]:
    """Opacity and largest size of a trace's marks, by the rules of plotly.js (scatter/style, DESELECTDIM = 0.2)."""
    own = 1.0 if trace.marker.opacity is None else float(trace.marker.opacity)
    look = getattr(trace, state).marker
    opacity = look.opacity if look.opacity is not None else own if state == "selected" else 0.2 * own
    size = look.size if look.size is not None else float(np.max(trace.marker.size))
    return float(opacity), float(size)


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_picked_is_stronger_and_the_rest_stays_visible(name: str) -> None:
    marked = [trace for trace in FIGURES[name]().data if "markers" in (trace.mode or "")]
    assert marked
    for trace in marked:
        (picked, size), (rest, rest_size) = drawn(trace, "selected"), drawn(trace, "unselected")
        assert picked >= rest and picked == 1, trace.name
        assert rest >= 0.25, trace.name
        if trace.name not in ("cuts", "groups", "chosen", "strip") or name == "embedding":
            assert size > rest_size, trace.name
