"""Figure of the Curves page, cached while runs, options and theme stay the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.common.curves_cache import Content
from app.common.growing_cache import growing_cache
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.figures.curves import accuracy_figure, loss_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go


def curves_figure(
    kind: str, key: Content, reading: str, curves: Mapping[str, Sequence[Curve]], **look: Any
) -> go.Figure:
    """Accuracies or losses; shared: never change it.

    Args:
        kind: ``"accuracy"`` or ``"loss"``.
        key: What the curves were read from.
        reading: By which rule the accuracies were measured.
        curves: Runs by label, in the order of ``key``.
        look: Arguments of the figure.
    """
    return _figure(kind, key, reading, tuple(sorted(look.items())), curves)


@growing_cache(40, lambda kind, key, *_: key.growing)
def _figure(
    kind: str, key: Content, reading: str, look: tuple[tuple[str, Any], ...], _curves: Mapping[str, Sequence[Curve]]
) -> go.Figure:
    return (loss_figure if kind == "loss" else accuracy_figure)(_curves, **dict(look))
