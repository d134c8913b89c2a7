"""The small figures of the claims: whole names in the hover, escaped ones beside the rows, an axis that shows the points."""

from __future__ import annotations

import math

import pytest

from lwal_core.analysis.comparison.claims import Point
from lwal_core.figures.claims import FAR_TIMES, claim_figure


def test_names_take_two_short_lines_and_are_escaped():
    label = "LwAL10, no push, <b>own</b> sample left out"
    fig = claim_figure([Point("LwAL", 1.0, 0.5, 1.5), Point(label, 2.0, math.nan, math.nan)], unit="points")
    first, second = fig.layout.yaxis.ticktext
    assert first == "LwAL"
    assert second == "LwAL10, no<br>push…"
    assert "<b>own" not in fig.data[1].hovertemplate and "sample left out" in fig.data[1].hovertemplate


@pytest.mark.parametrize(("unit", "end"), [("times", FAR_TIMES), ("points", 400.0)])
def test_a_ratio_that_is_not_known_does_not_hide_the_others(unit, end):
    points = [Point("a", 0.9, 0.8, 1.1), Point("b", 1.2, 0.01, 400.0)]
    low, high = claim_figure(points, unit=unit, line=1.0).layout.xaxis.range
    assert low < 0.9 and end <= high <= end * 1.2
