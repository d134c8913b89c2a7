"""One palette for every figure, page and export.

Colours follow Okabe and Ito's colour-blind-safe set (https://jfly.uni-koeln.de/color/); yellow is darkened so that a
thin line in it can be seen on white. Past seven things, shapes (and then dashes) tell them apart. A class keeps its
colour on every page because it is keyed by the class's index, a method because it is keyed by its name.
"""

from __future__ import annotations

from typing import Literal

Theme = Literal["light", "dark"]

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B5A300",
)  # fmt: skip

OKABE_ITO: tuple[str, ...] = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)

SHAPES: tuple[str, ...] = (
    "circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down", "x", "pentagon",
)  # fmt: skip

DASHES: tuple[str, ...] = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

ACCENT = BLUE
ONE_HOT_GREY = "#7F868F"

# A reader learns once that grey is the baseline and blue is LwAL; the variants of LwAL stay in the blues and differ by
# dash.
_LWAL_BLUES: tuple[str, ...] = (BLUE, SKY, "#1B4F8F", "#3C8DBC", "#00A0B0")
_OTHER_METHODS: dict[str, str] = {
    "Label smoothing": ORANGE,
    "Static labels": GREEN,
    "Retrospection": PURPLE,
    "Label embedding network": VERMILLION,
}

NEUTRAL: dict[str, dict[str, str]] = {
    "light": {"ink": "#1F2933", "muted": "#5B6672", "line": "#8A94A0", "grid": "#E6E9ED", "surface": "#FFFFFF"},
    "dark": {"ink": "#E8EAED", "muted": "#A4ADB8", "line": "#7B8591", "grid": "#2B313A", "surface": "#11151B"},
}


def class_color(index: int) -> str:
    """Colour of the class with this index (0-based), the same in every view."""
    return OKABE_ITO[index % len(OKABE_ITO)]


def class_symbol(index: int) -> str:
    """Marker symbol of the class with this index; changes when the colours start over."""
    return SHAPES[index // len(OKABE_ITO) % len(SHAPES)]


def neutral(role: Literal["ink", "muted", "line", "grid", "surface"], theme: Theme = "light") -> str:
    """A neutral colour by its role: text, secondary text, tree lines, grid lines, page surface."""
    return NEUTRAL[theme][role]


def method_colors(labels: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each method in one figure.

    Args:
        labels: Method labels as ``RunConfig.method_label()`` writes them, e.g. ``"One-hot"``, ``"LwAL"``, ``"LwAL10"``.

    Returns:
        ``label -> (hex colour, plotly dash)``. One-hot is grey and plain LwAL is the accent blue whatever else is
        shown.
    """
    out: dict[str, tuple[str, str]] = {}
    variants = 0
    for label in dict.fromkeys(labels):
        if label.startswith("One-hot"):
            used = sum(other.startswith("One-hot") for other in out)
            out[label] = (ONE_HOT_GREY, DASHES[used % len(DASHES)])
        elif label == "LwAL":
            out[label] = (BLUE, "solid")
        elif label.startswith("LwAL"):
            variants += 1
            out[label] = (_LWAL_BLUES[variants % len(_LWAL_BLUES)], DASHES[variants % len(DASHES)])
        else:
            # Options follow the method's name after a comma.
            method = label.partition(",")[0].partition(" (")[0]
            out[label] = (_OTHER_METHODS.get(method, OKABE_ITO[len(out) % len(OKABE_ITO)]), "solid")
    return out
