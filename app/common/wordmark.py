"""Mark and name of the product, left in the navigation."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

import streamlit as st

from app.common.widgets import theme
from lwal_core.figures.palette import Theme, neutral

_ICON = Path(__file__).parents[1] / "icon.png"
_FONTS = "'Source Sans', 'Source Sans 3', 'Source Sans Pro', system-ui, sans-serif"


def draw_wordmark() -> None:
    """Draw it, in the theme that the reader sees."""
    st.logo(_wordmark(theme()), size="medium")


@cache
def _wordmark(theme: Theme) -> str:
    """Mark and name as SVG."""
    icon = base64.b64encode(_ICON.read_bytes()).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 24" width="132" height="24">'
        f'<image href="data:image/png;base64,{icon}" width="24" height="24"/>'
        f'<text x="32" y="17" font-family="{_FONTS}" font-size="15" font-weight="600" fill="{neutral("ink", theme)}" '
        'textLength="98" lengthAdjust="spacingAndGlyphs">LwAL Explorer</text></svg>'
    )
