"""Films and views: plotly figures and tables as one HTML file that opens without a server and without a network.

plotly.js is written into the file from the installed package. A view follows the reader's light or dark mode and can be
switched: of the dark figures only what differs from the light ones is kept. A film keeps the theme it was drawn in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lwal_core.export.rendering import asset, render_page
from lwal_core.figures import style
from lwal_core.figures.palette import NEUTRAL, Theme
from lwal_core.security.redact import for_others

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BY_WEBGL = {"scattergl", "scatter3d", "heatmapgl", "surface"}


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the page; all text is plain and escaped by the template.

    Attributes:
        title: Heading; empty for none.
        text: Paragraphs above what is shown.
        figure: Draws the figure in a theme, with its names escaped as plotly needs it; None for none.
        summary: What the figure shows, for screen readers.
        columns: Headings of a table.
        rows: Its rows.
        notes: Small paragraphs below.
        verbatim: Text that keeps its lines, such as a configuration.
    """

    title: str
    text: Sequence[str] = ()
    figure: Callable[[Theme], go.Figure] | None = None
    summary: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    notes: Sequence[str] = ()
    verbatim: str = ""


def view_page(
    *, title: str, summary: str, sections: Sequence[Section], caption: str, theme: Theme | None = None
) -> bytes:
    """Page of several sections.

    Args:
        title: Heading and title of the window, plain text.
        summary: The answer in a sentence, plain text.
        sections: From top to bottom.
        caption: How it was made, plain text, at the end.
        theme: The only one of the page; None for the reader's, with a button that switches.

    Returns:
        HTML in UTF-8: 4.8 MB of plotly.js and what is shown.
    """
    figures = [_drawn(section, theme) for section in sections]
    kinds = {trace.get("type", "scatter") for figure in figures if figure for trace in figure["light"]["data"]}
    palettes = {"": theme or "light"} if theme else {"": "light", '[data-theme="dark"]': "dark"}
    colors = "".join(
        f":root{selector} {{ {';'.join(f'--{role}: {color}' for role, color in NEUTRAL[name].items())}; "
        f"--font: {style.FONT}; color-scheme: {name}; }}\n"
        for selector, name in palettes.items()
    )
    return render_page(
        "figures.html",
        style=colors + asset("figures.css"),
        scripts=[_plotly(), asset("plotly_keyboard.js") + asset("figures.js")],
        inline_styles=True,
        compiles=bool(kinds & _BY_WEBGL),
        title=for_others(title),
        summary=summary,
        sections=sections,
        figures=figures,
        caption=for_others(caption),
        theme=theme,
    )


def figure_page(draw: Callable[[Theme], go.Figure], *, title: str, summary: str, caption: str) -> bytes:
    """Page of one figure as it is on screen, see :func:`view_page`."""
    return view_page(title=title, summary=summary, sections=[Section("", figure=draw)], caption=caption)


def film_page(fig: go.Figure, *, title: str, summary: str, caption: str, theme: Theme = "light") -> bytes:
    """Page of one figure with frames, see :func:`view_page`."""
    film = Section("", figure=lambda _: fig, summary=summary)
    return view_page(title=title, summary=summary, sections=[film], caption=caption, theme=theme)


def film_bytes(fig: go.Figure) -> int:
    """Approximate size of :func:`film_page` in bytes, without writing it."""
    return len(_plotly().encode()) + len(fig.to_json())


def _drawn(section: Section, theme: Theme | None) -> dict[str, Any] | None:
    """A section's figure as JSON values, and what is to be set in it for the dark theme."""
    if section.figure is None:
        return None
    light = json.loads(section.figure(theme or "light").to_json())
    dark = light if theme else json.loads(section.figure("dark").to_json())
    return {"light": light, "changes": differences(light, dark)}


def differences(one: Any, other: Any) -> list[tuple[list[str | int], Any]]:
    """``(path, value)`` of what has to be set in a JSON value to make it another one of the same form."""
    found: list[tuple[list[str | int], Any]] = []

    def walk(a: Any, b: Any, path: list[str | int]) -> None:
        if a == b:
            return
        if isinstance(a, dict) and isinstance(b, dict) and a.keys() <= b.keys():
            for key, value in b.items():
                if key in a:
                    walk(a[key], value, [*path, key])
                else:
                    found.append(([*path, key], value))
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            for at, value in enumerate(b):
                walk(a[at], value, [*path, at])
        else:
            found.append((path, b))

    walk(one, other, [])
    return found


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
