"""Film of a projection: one frame per epoch.

All epochs are drawn to one scale and the names keep their sides, so that nothing moves but the classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.analysis.base.subsample import subsample
from lwal_core.errors import AnalysisError
from lwal_core.figures.embedding import HEIGHT, Array, embedding_figure, links_line, trail_line
from lwal_core.figures.film_controls import CONTROLS, add_controls, pace
from lwal_core.figures.palette import Theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_FRAMES = 60
"""Epochs shown at most; of more as many evenly, the first and the last among them."""
MOST_PLACES = 24_000
"""Places of classes in all frames together, about 0.5 MB; many classes have fewer frames."""
MOST_TRAIL = 60_000
"""Corners of the trails in all frames together, about 1 MB; above it trails hold the latest epochs only."""

_SIDE = 16  # px left and right: half of the slider's grip


def film_epochs(epochs: Sequence[int], classes: int) -> list[int]:
    """The epochs that get a frame, at least two where there are."""
    return subsample(epochs, max(2, min(MOST_FRAMES, MOST_PLACES // max(classes, 1))))


def trail_epochs(frames: int, classes: int) -> int:
    """How many epochs a trail goes back in a film of so many frames."""
    return min(frames, max(2, MOST_TRAIL // max(frames * classes, 1)))


def embedding_film(
    layouts: Mapping[int, ArrayLike],
    names: Sequence[str],
    *,
    shown: int,
    trails: bool = False,
    chosen: int | None = None,
    links: Mapping[int, Sequence[int]] | None = None,
    samples: Mapping[int, ArrayLike] | None = None,
    theme: Theme = "light",
    height: int = HEIGHT,
    **look: Any,
) -> go.Figure:
    """Draw layouts of successive epochs as one figure that plays.

    Args:
        layouts: Epoch to ``[C, d]`` places, ascending, all in one frame of reference.
        names: C class names, untrusted text.
        shown: The epoch that the figure opens on; the nearest one when it has no frame.
        trails: Draw the way of each class up to the frame's epoch.
        chosen: Class to mark with a ring.
        links: Epoch to the classes to which lines go from the chosen one; all as many.
        samples: Epoch to ``[S, d]`` places of the same samples; epochs without have no frame. Their classes are among ``look``.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels, with the controls.
        **look: What else :func:`lwal_core.figures.embedding_figure` takes.

    Returns:
        The figure; frames are named by their epochs. With one epoch it has neither frames nor controls.

    Raises:
        AnalysisError: No layouts, or layouts of different shapes.
    """
    if samples is not None:
        layouts = {epoch: points for epoch, points in layouts.items() if epoch in samples}
    if not layouts or len({np.shape(points) for points in layouts.values()}) > 1:
        raise AnalysisError(f"{len(layouts)} layouts make no film.", "Give one or more of the same classes.")
    epochs = film_epochs(list(layouts), len(names))
    way = np.stack([np.asarray(layouts[epoch], dtype=np.float64) for epoch in epochs])
    way = np.round(way, _decimals(way))
    cloud = None if samples is None else np.stack([np.asarray(samples[epoch], dtype=np.float64) for epoch in epochs])
    if cloud is not None:
        cloud = np.round(cloud, _decimals(cloud))
    flat = way.shape[2] == 2
    opened = min(epochs, key=lambda epoch: abs(epoch - shown))
    at = epochs.index(opened)
    back = trail_epochs(len(epochs), len(names))
    plays = len(epochs) > 1
    fig = embedding_figure(
        way[at],
        names,
        trails=_trail(way, at, back) if trails and plays else None,
        chosen=chosen,
        chosen_links=() if links is None else links[opened],
        samples=None if cloud is None else cloud[at],
        webgl=False,  # whose points do not glide
        frame=np.vstack([part.reshape(-1, way.shape[2]) for part in (way, cloud) if part is not None]),
        names_at=way[-1],
        theme=theme,
        height=height - CONTROLS * plays,
        **look,
    )
    if not plays:
        return fig
    moving = [
        i for i, trace in enumerate(fig.data) if trace.name in ("samples", "trails", "nearest", "classes", "chosen")
    ]
    colors = look["colors"]
    frames = []
    for number, epoch in enumerate(epochs):
        lines = iter([line for _, line in trail_line(_trail(way, number, back), colors)]) if trails else iter(())
        data = []
        for i in moving:
            match fig.data[i].name:
                case "samples":
                    assert cloud is not None
                    points = cloud[number]
                case "trails":
                    points = next(lines)
                case "nearest":
                    assert chosen is not None and links is not None
                    points = links_line(way[number], chosen, links[epoch])
                case "chosen":
                    points = way[number][[chosen]]
                case _:
                    points = way[number]
            data.append({"type": fig.data[i].type, **_places(points)})
        frames.append({"name": str(epoch), "traces": moving, "data": data})
    fig.frames = frames
    time, glide = pace(len(epochs), glides=flat)
    margin = fig.layout.margin
    fig.update_layout(
        height=height, margin={"l": _SIDE, "r": _SIDE, "t": margin.t + CONTROLS, "b": margin.b},
        uirevision=f"film {len(names)} {way.shape[2]}",
    )  # fmt: skip
    if flat:
        fig.update_layout(dragmode=False)
        fig.update_xaxes(fixedrange=True)
        fig.update_yaxes(fixedrange=True)
    add_controls(fig, epochs, time, glide, theme, shown=opened, redraw=not flat, left=_SIDE - 8)
    return fig


def _decimals(way: Array) -> int:
    """Decimals that keep a ten-thousandth of the picture's side."""
    finite = way[np.isfinite(way)]
    side = float(np.ptp(finite)) if finite.size else 0.0
    return 4 if side == 0 else max(0, 4 - int(np.floor(np.log10(side))))


def _trail(way: Array, at: int, back: int) -> Array:
    """Places up to a frame, ``[back, C, d]``; before the first frame the classes stood where they began, so that every
    frame's trail has as many corners and glides into the next."""
    return way[np.maximum(np.arange(at - back + 1, at + 1), 0)]


def _places(points: Array) -> dict[str, list[float | None]]:
    """Coordinates by axis; plotly reads a gap as None."""
    return {
        axis: [None if np.isnan(value) else value for value in points[:, k].tolist()]
        for k, axis in enumerate("xyz"[: points.shape[1]])
    }
