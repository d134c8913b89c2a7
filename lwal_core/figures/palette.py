"""Palette of every figure, page and export.

Hues follow Okabe and Ito's colour-blind-safe set (https://jfly.uni-koeln.de/color/); yellow is darkened so that a thin line
in it can be seen on white. Classes have three hues more, chosen to differ from those also for readers who do not tell red
from green. Past ten classes, shapes tell them apart. A class keeps its colour because it is keyed by its index, a method
because it is keyed by its label alone.
"""

from __future__ import annotations

import zlib
from typing import Literal

Theme = Literal["light", "dark"]

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B5A300",
)  # fmt: skip

OKABE_ITO: tuple[str, ...] = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)

CLASS_HUES: tuple[str, ...] = (*OKABE_ITO, "#8250DF", "#C01350", "#805500")
"""Hues of classes, by class index."""

SHAPES: tuple[str, ...] = (
    "circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down", "x", "pentagon",
)  # fmt: skip

GLYPHS: dict[str, str] = dict(zip(SHAPES, "●■◆▲✚★⬢▼✖⬟", strict=True))
"""Characters that look like the shapes of plotly's markers."""

DASHES: tuple[str, ...] = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

ACCENT = BLUE
ONE_HOT_GREY = "#7F868F"

# Grey is the baseline and blue is LwAL; variants of LwAL stay in the blues and differ by dash.
_LWAL: dict[str, tuple[str, str]] = {
    "LwAL": (BLUE, "solid"),
    "LwAL10": (SKY, "dash"),
    "lwal-plus": ("#4A6FD0", "dashdot"),
}
_LWAL_BLUES: tuple[str, ...] = ("#3C8DBC", "#4A6FD0", "#00A0B0", SKY)
_OTHER_METHODS: dict[str, str] = {
    "Label smoothing": ORANGE,
    "Static labels": GREEN,
    "Static": GREEN,
    "Retrospection": PURPLE,
    "Label embedding network": VERMILLION,
    "Cosine head": YELLOW,
    "Hybrid": "#8250DF",
    "SupCon": "#805500",
    "NTCE": "#6C8A00",
    "NONL": "#3F7F3F",
    "MaxSup": "#C01350",
    "CPCC": "#8C5A7A",
}

NEUTRAL: dict[str, dict[str, str]] = {
    "light": {"ink": "#1F2933", "muted": "#5B6672", "line": "#8A94A0", "grid": "#E6E9ED", "surface": "#FFFFFF"},
    "dark": {"ink": "#E8EAED", "muted": "#A4ADB8", "line": "#7B8591", "grid": "#2B313A", "surface": "#11151B"},
}


def class_color(index: int) -> str:
    """Colour of the class with this index (0-based), the same in every view."""
    return CLASS_HUES[index % len(CLASS_HUES)]


def class_symbol(index: int) -> str:
    """Marker symbol of the class with this index; changes when the hues start over."""
    return SHAPES[index // len(CLASS_HUES) % len(SHAPES)]


def neutral(role: Literal["ink", "muted", "line", "grid", "surface"], theme: Theme = "light") -> str:
    """A neutral colour by its role: text, secondary text, tree lines, grid lines, page surface."""
    return NEUTRAL[theme][role]


def method_colors(labels: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each method, the same whatever else a figure shows.

    Args:
        labels: Method labels as ``RunConfig.method_label()`` writes them, e.g. ``"One-hot"``, ``"LwAL"``, ``"LwAL10"``.

    Returns:
        ``label -> (hex colour, plotly dash)``. One-hot is grey, plain LwAL the accent blue. Only a label whose look another
        label of the figure has already gets the next dash.
    """
    out: dict[str, tuple[str, str]] = {}
    for label in dict.fromkeys(labels):
        color, dash = _look(label)
        start = DASHES.index(dash)
        free = (DASHES[(start + step) % len(DASHES)] for step in range(len(DASHES)))
        out[label] = (color, next((each for each in free if (color, each) not in out.values()), dash))
    return out


def _look(label: str) -> tuple[str, str]:
    """Colour and dash of a method by its label alone; options follow the method's name after a comma or in brackets."""
    number = zlib.crc32(label.encode())
    name = label.partition(",")[0].partition(" (")[0]
    dash = "solid" if label == name else DASHES[1 + number % (len(DASHES) - 1)]
    if name == "One-hot":
        return ONE_HOT_GREY, dash
    if name.lower().startswith("lwal"):
        return _LWAL.get(label, (_LWAL_BLUES[number % len(_LWAL_BLUES)], DASHES[1 + number % (len(DASHES) - 1)]))
    known = _OTHER_METHODS.get(name)
    return known or OKABE_ITO[1 + zlib.crc32(name.encode()) % (len(OKABE_ITO) - 1)], dash
