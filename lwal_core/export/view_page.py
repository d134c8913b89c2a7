"""A view of several figures and tables as one HTML file that opens anywhere, without a server and without a network.

plotly.js is written into the file from the installed package, and a content security policy forbids the file to load
anything and to run any script but its own two, by their hashes. It follows the reader's light or dark mode and can be
switched: of the dark figures only what differs from the light ones is kept.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lwal_core.export.film import CONTROLS_BY_KEYBOARD, policy_hash
from lwal_core.figures import style
from lwal_core.figures.palette import NEUTRAL, Theme

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the page; all text is plain and escaped here.

    Attributes:
        title: Heading.
        text: Paragraphs above what is shown.
        figure: Draws the figure in a theme, with its names escaped as plotly needs it; None for none.
        summary: What the figure shows, for who cannot see it.
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


_SCRIPT = """
const figures = [...document.querySelectorAll("[data-figure]")].map((place) =>
  [place, JSON.parse(document.getElementById(place.dataset.figure).textContent)]);
const config = { displaylogo: false, responsive: true, logging: 0, plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
function draw(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
  for (const [place, { figure, dark }] of figures) {
    const shown = structuredClone(figure);
    for (const [path, value] of theme === "dark" ? dark : [])
      path.slice(0, -1).reduce((part, key) => part[key], shown)[path.at(-1)] = value;
    const frame = place.frame;
    Plotly.newPlot(place, { ...shown, config }).then(() => {
      if (!shown.frames || !shown.frames.length) return;
      place.on("plotly_animatingframe", (event) => { place.frame = event.name; });
      if (frame) Plotly.animate(place, [frame],
        { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: true } });
    });
  }
}
draw(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.getElementById("theme").addEventListener("click", () =>
  draw(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
controlsByKeyboard(document.body);
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {scripts}; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
{colors}
body {{ margin: 0 auto; padding: 16px; max-width: 1100px; font-family: {font}; font-size: 15px; line-height: 1.5;
color: var(--ink); background: var(--surface); }}
h1 {{ font-size: 26px; line-height: 1.25; margin: 8px 0; }} h2 {{ font-size: 19px; margin: 36px 0 8px; }}
p {{ margin: 8px 0; overflow-wrap: anywhere; }}
.note {{ color: var(--muted); font-size: 13px; }}
.wide {{ overflow-x: auto; max-height: 460px; overflow-y: auto; border: 1px solid var(--grid); border-radius: 6px; }}
table {{ border-collapse: collapse; font-size: 13px; width: 100%; }}
th, td {{ text-align: left; padding: 4px 10px; border-bottom: 1px solid var(--grid); white-space: nowrap; }}
th {{ position: sticky; top: 0; background: var(--surface); color: var(--muted); font-weight: 600; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
pre {{ font-size: 12px; padding: 10px; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
button {{ float: right; font: inherit; font-size: 13px; color: var(--ink); background: var(--surface);
border: 1px solid var(--line); border-radius: 6px; padding: 3px 12px; cursor: pointer; }}
button:focus-visible, .updatemenu-button:focus-visible, .slider-group:focus-visible {{ outline: 2px solid var(--ink);
outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<button id="theme" type="button">Dark</button>
<h1>{title}</h1>
<p>{summary}</p>
{sections}
<p class="note">{caption}</p>
</main>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""

_BY_WEBGL = ("scattergl", "scatter3d", "heatmapgl", "surface")


def view_page(*, title: str, summary: str, sections: Sequence[Section], caption: str) -> bytes:
    """Write a view as a page.

    Args:
        title: Heading and title of the window, plain text.
        summary: The answer in a sentence, plain text.
        sections: From top to bottom.
        caption: How it was made, plain text, at the end.

    Returns:
        HTML in UTF-8: 4.8 MB of plotly.js and what is shown.
    """
    drawn, kinds = [], set()
    for number, section in enumerate(sections):
        markup, found = _section(section, number)
        drawn.append(markup)
        kinds |= found
    rules = {theme: ";".join(f"--{role}: {color}" for role, color in NEUTRAL[theme].items()) for theme in NEUTRAL}
    script = CONTROLS_BY_KEYBOARD + _SCRIPT
    allowed = [policy_hash(_plotly()), policy_hash(script)]
    if kinds & set(_BY_WEBGL):  # the shaders of points in space are compiled at run time
        allowed.append("'unsafe-eval'")
    page = _PAGE.format(
        title=html.escape(title),
        summary=html.escape(summary),
        caption=html.escape(caption),
        sections="\n".join(drawn),
        scripts=" ".join(allowed),
        colors=f":root {{ {rules['light']}; color-scheme: light; }}\n"
        f':root[data-theme="dark"] {{ {rules["dark"]}; color-scheme: dark; }}',
        font=style.FONT,
        plotly=_plotly(),
        script=script,
    )
    return page.encode("utf-8", "replace")


def _section(section: Section, number: int) -> tuple[str, set[str]]:
    """Markup of a section, and the kinds of traces in its figure."""
    parts = [f"<section>\n<h2>{html.escape(section.title)}</h2>"]
    parts += [f"<p>{html.escape(text)}</p>" for text in section.text if text]
    kinds: set[str] = set()
    if section.figure is not None:
        light, dark = (json.loads(section.figure(theme).to_json()) for theme in ("light", "dark"))
        kinds = {trace.get("type", "scatter") for trace in light["data"]}
        data = json.dumps({"figure": light, "dark": differences(light, dark)}, separators=(",", ":"))
        place = f"figure-{number}"
        height = light["layout"].get("height", 400)
        parts.append(
            f'<div data-figure="{place}" role="group" aria-label="{html.escape(section.summary)}" style="height:{height}px"></div>'
        )
        # Inside a script element only its end tag means something.
        parts.append(f'<script type="application/json" id="{place}">{data.replace("<", chr(92) + "u003c")}</script>')
    if section.columns:
        parts.append(_table(section.columns, section.rows))
    if section.verbatim:
        parts.append(f'<div class="wide" tabindex="0"><pre>{html.escape(section.verbatim)}</pre></div>')
    parts += [f'<p class="note">{html.escape(note)}</p>' for note in section.notes if note]
    return "\n".join([*parts, "</section>"]), kinds


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
    )


def _cell(value: Any) -> str:
    number = ' class="number"' if isinstance(value, int | float) else ""
    return f"<td{number}>{html.escape(f'{value:,}' if isinstance(value, int) else str(value))}</td>"


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
