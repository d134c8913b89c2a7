"""Play, pause and epoch slider of a film.

The frames are plotly's own, with its play button and slider, so that a film runs in any browser without a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lwal_core.figures import style
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

CONTROLS = 94
"""Pixels above the plot that the controls need."""
TRANSITION = 350
"""Longest transition from frame to frame, ms."""

_FILM = 15_000  # ms that playing takes, within the limits of a frame's time
_FRAME_TIME = (250, 900)  # ms a frame


def pace(frames: int, *, glides: bool = True) -> tuple[int, int]:
    """Milliseconds that a frame stays, and those of the way to it; frames that do not glide take each other's place."""
    time = int(min(max(_FILM / frames, _FRAME_TIME[0]), _FRAME_TIME[1]))
    return time, int(min(TRANSITION, 0.6 * time)) if glides else 0


def add_controls(
    fig: go.Figure,
    epochs: Sequence[int],
    time: int,
    glide: int,
    theme: Theme,
    *,
    shown: int | None = None,
    redraw: bool = False,
    left: int = 44,
) -> None:
    """Give a figure its controls, above the plot so that they and it are seen together.

    Args:
        fig: The figure; its frames are named by their epochs.
        epochs: Of the frames.
        time: Milliseconds a frame, see :func:`pace`.
        glide: Milliseconds of the way from one frame to the next.
        theme: For the colours.
        shown: The epoch that the figure opens on; None for the last.
        redraw: Draw each frame anew, which traces in space need; they cannot glide.
        left: Left margin of the figure in pixels, over which the buttons stand.
    """
    ink, muted, line = neutral("ink", theme), neutral("muted", theme), neutral("line", theme)
    ease = {"duration": glide, "easing": "cubic-in-out"}
    play = [None, {"frame": {"duration": time, "redraw": redraw}, "transition": ease, "fromcurrent": True,
                   "mode": "immediate"}]  # fmt: skip
    pause = [[None], {"frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}, "mode": "immediate"}]
    step = {"frame": {"duration": 0, "redraw": redraw}, "transition": ease, "mode": "immediate"}
    surface = neutral("surface", theme)
    fig.update_layout(
        updatemenus=[
            {"type": "buttons", "direction": "right", "showactive": False, "x": 0, "xanchor": "left", "y": 1,
             "yanchor": "bottom", "pad": {"l": -left, "t": 0, "b": 56, "r": 0}, "bgcolor": surface, "bordercolor": line,
             "font": {"color": ink, "size": style.FONT_SIZE - 1},
             "buttons": [{"label": "▶ Play", "method": "animate", "args": play},
                         {"label": "❚❚ Pause", "method": "animate", "args": pause}]}
        ],
        sliders=[
            {"active": len(epochs) - 1 if shown is None else list(epochs).index(shown), "x": 0, "xanchor": "left",
             "len": 1, "y": 1, "yanchor": "bottom",
             "pad": {"l": 0, "r": 0, "t": 0, "b": 4}, "ticklen": 4, "minorticklen": 3, "tickcolor": line, "bgcolor": line,
             "activebgcolor": muted, "bordercolor": line, "borderwidth": 1,
             "font": {"size": style.FONT_SIZE - 3, "color": muted}, "transition": ease,
             "currentvalue": {"prefix": "Epoch ", "xanchor": "right", "offset": 12,
                              "font": {"size": style.FONT_SIZE, "color": ink}},
             "steps": [{"label": str(epoch), "method": "animate", "args": [[str(epoch)], step]} for epoch in epochs]}
        ],
    )  # fmt: skip
