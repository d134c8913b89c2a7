"""Figures in a notebook that becomes a page of its own: drawn by a copy of plotly.js inside, without another host."""

from __future__ import annotations

from typing import Any

import plotly.io
from plotly.io.base_renderers import NotebookRenderer

HEIGHT = 525
"""Pixels of a figure that has no height of its own, as plotly's own renderers have."""


class EmbeddedRenderer(NotebookRenderer):  # type: ignore[misc]
    """Plotly's renderer for notebooks, without the MathJax that it loads from elsewhere."""

    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, str]:
        """A figure as HTML for an output."""
        html = plotly.io.to_html(
            fig_dict,
            config=self.config,
            include_plotlyjs=False,
            include_mathjax=False,
            full_html=False,
            default_width="100%",
            default_height=HEIGHT,
            validate=False,
        )
        return {"text/html": html}


def embed_figures() -> None:
    """Keep plotly figures in this notebook's page: ``jupyter nbconvert --to html`` then makes a page that draws them without a
    network. Adds 5 MB, once."""
    plotly.io.renderers["lwal"] = EmbeddedRenderer()
    plotly.io.renderers.default = "plotly_mimetype+lwal"
