"""Colours of clades by how well they correspond to a clade of the other tree, on one continuous scale."""

from __future__ import annotations

from lwal_core.figures.palette import BLUE, ORANGE

STEPS = 20
"""Steps that a figure tells apart, so that branches are few traces."""
GLYPH = "■"


def match_color(jaccard: float) -> str:
    """Hex colour of a Jaccard index: orange at 0, blue at 1, the same in both themes and for readers who do not tell red from
    green."""
    share = round(min(max(jaccard, 0.0), 1.0) * STEPS) / STEPS
    low, high = (tuple(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in (ORANGE, BLUE))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return f"#{red:02X}{green:02X}{blue:02X}"


def with_scale(text: str) -> str:
    """A heading whose squares have the colours of the scale, from 0 to 1."""
    count = text.count(GLYPH)
    pieces = text.split(GLYPH)
    shown = pieces[0]
    for i, piece in enumerate(pieces[1:]):
        shown += f'<span style="color:{match_color(i / max(count - 1, 1))}">{GLYPH}</span>{piece}'
    return shown
