"""A film of a class tree as one HTML file that plays anywhere, without a server and without a network.

plotly.js is written into the file from the installed package. The file forbids itself to load anything and to run any
script but those that are written into it here, by their hashes (a content security policy): opening it asks no other
host, and text around the figure that got past the escaping could not run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from typing import TYPE_CHECKING

from lwal_core.figures import style
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

CONTROLS_BY_KEYBOARD = """
function controlsByKeyboard(root) {
  // plotly draws its buttons and sliders for the mouse only. Here they can be reached and used by keyboard.
  const press = (target, type, x, y) =>
    target.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y }));
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const shown = (slider) => {
    const at = middle(slider.querySelector(".slider-grip-rect"))[0];
    const ticks = [...slider.querySelectorAll(".slider-tick-rect")];
    const apart = ticks.map((tick) => Math.abs(middle(tick)[0] - at));
    return [ticks, apart.indexOf(Math.min(...apart))];
  };
  const said = (slider) => (slider.querySelector(".slider-label") || slider).textContent.trim();
  const mark = () => {
    for (const button of root.querySelectorAll(".updatemenu-button:not([tabindex])")) {
      button.setAttribute("tabindex", "0");
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", button.textContent.replace(/[^\\p{L}\\p{N} ]/gu, "").trim());
    }
    for (const slider of root.querySelectorAll(".slider-group")) {
      const [ticks, at] = shown(slider);
      if (!slider.hasAttribute("tabindex")) {
        slider.setAttribute("tabindex", "0");
        slider.setAttribute("role", "slider");
        slider.setAttribute("aria-label", "Epoch");
        slider.setAttribute("aria-valuemin", "0");
      }
      const values = { "aria-valuemax": String(ticks.length - 1), "aria-valuenow": String(at), "aria-valuetext": said(slider) };
      for (const [name, value] of Object.entries(values))
        if (slider.getAttribute(name) !== value) slider.setAttribute(name, value);
    }
  };
  const onKey = (event) => {
    const button = event.target.closest && event.target.closest(".updatemenu-button");
    const slider = event.target.closest && event.target.closest(".slider-group");
    if (button && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      press(button, "click", ...middle(button));
    } else if (slider) {
      const [ticks, at] = shown(slider);
      const last = ticks.length - 1;
      const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1,
                   PageUp: at + 5, PageDown: at - 5, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const [x, y] = middle(ticks[Math.max(0, Math.min(last, to))]);
      press(slider.querySelector(".slider-rail-touch-rect"), "mousedown", x, y);
      press(slider.closest(".js-plotly-plot"), "mouseup", x, y);
    }
  };
  // plotly breaks off what plays by rejecting a promise with nothing in it, which nobody can catch but here.
  const onReject = (event) => { if (event.reason === undefined) event.preventDefault(); };
  root.addEventListener("keydown", onKey);
  window.addEventListener("unhandledrejection", onReject);
  const watcher = new MutationObserver(mark);
  watcher.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["transform"] });
  mark();
  return () => {
    watcher.disconnect();
    root.removeEventListener("keydown", onKey);
    window.removeEventListener("unhandledrejection", onReject);
  };
}
"""
"""JavaScript function that makes plotly's buttons and sliders below an element usable by keyboard; it returns one that
undoes this."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {scripts}; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
body {{ margin: 0 auto; padding: 16px; max-width: 1100px; font-family: {font}; font-size: 15px; line-height: 1.5;
color: {ink}; background: {surface}; }}
p {{ margin: 8px; overflow-wrap: anywhere; }}
.caption {{ color: {muted}; font-size: 13px; }}
.updatemenu-button:focus-visible, .slider-group:focus-visible {{ outline: 2px solid {accent}; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<p>{summary}</p>
{figure}
<p class="caption">{caption}</p>
</main>
<script>{keyboard}</script>
</body>
</html>
"""


def film_page(fig: go.Figure, *, title: str, summary: str, caption: str, theme: Theme = "light") -> bytes:
    """Write a figure with frames as a page.

    Args:
        fig: The figure, with its names escaped as plotly needs it.
        title: Of the window, plain text.
        summary: What is seen, plain text, above the figure.
        caption: How it was made, plain text, below it.
        theme: Of the figure.

    Returns:
        HTML in UTF-8: about 5 MB, nearly all of it plotly.js.
    """
    config = {"displaylogo": False, "displayModeBar": False, "responsive": True, "logging": 0, "plotlyServerURL": ""}
    drawn = fig.to_html(full_html=False, include_plotlyjs=True, auto_play=False, config=config, div_id="film")
    keyboard = f"{CONTROLS_BY_KEYBOARD}\ncontrolsByKeyboard(document.body);"
    scripts = [*re.findall(r"<script[^>]*>(.*?)</script>", drawn, re.S), keyboard]
    page = _PAGE.format(
        scripts=" ".join(dict.fromkeys(map(policy_hash, scripts))),
        title=html.escape(title),
        summary=html.escape(summary),
        caption=html.escape(caption),
        figure=drawn,
        keyboard=keyboard,
        font=style.FONT,
        ink=neutral("ink", theme),
        muted=neutral("muted", theme),
        surface=neutral("surface", theme),
        accent=neutral("ink", theme),
    )
    return page.encode("utf-8", "replace")


def policy_hash(text: str) -> str:
    """A script or a style as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8', 'replace')).digest()).decode()}'"


def film_bytes(fig: go.Figure) -> int:
    """About how many bytes :func:`film_page` will have, without writing it."""
    return _plotly_bytes() + len(fig.to_json())


@cache
def _plotly_bytes() -> int:
    from plotly.offline import get_plotlyjs

    return len(get_plotlyjs().encode())
