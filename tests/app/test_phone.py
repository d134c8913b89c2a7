"""Figures on a phone: a finger scrolls the page, and plotly's tools do not lie over the title."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from app.common import widgets


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widgets, "on_phone", lambda: True)


def test_elsewhere_a_figure_is_as_it_was():
    fig = go.Figure(go.Scatter(x=[1], y=[2]))
    assert widgets._scrolls_by(fig) is fig
    assert widgets.plotly_config() == widgets.PLOTLY_CONFIG


@pytest.mark.usefixtures("phone")
def test_on_a_phone_a_finger_scrolls_and_the_figure_that_others_see_stays():
    fig = go.Figure(go.Scatter(x=[1], y=[2]), {"title": {"text": "a"}}, frames=[{"name": "0"}])
    shown = widgets._scrolls_by(fig)
    assert shown.layout.dragmode is False and fig.layout.dragmode is None
    assert shown.layout.title.text == "a" and [frame.name for frame in shown.frames] == ["0"]
    space = go.Figure(go.Scatter3d(x=[1], y=[2], z=[3]))
    assert widgets._scrolls_by(space) is space
    assert "zoom2d" in widgets.plotly_config({"modeBarButtonsToRemove": []})["modeBarButtonsToRemove"]
    assert "zoom2d" not in widgets.PLOTLY_CONFIG["modeBarButtonsToRemove"]
