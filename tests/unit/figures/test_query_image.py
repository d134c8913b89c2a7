"""A star in a picture: where it belongs, inside of the axes, and the picture itself left as it was."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.errors import AnalysisError
from lwal_core.figures import embedding_figure
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.figures.query_image import with_query_image


def picture(d: int = 2):
    points = np.random.default_rng(0).normal(size=(6, d))
    names = [f"c{i}" for i in range(6)]
    return embedding_figure(points, names, colors=[class_color(i) for i in range(6)], symbols=[class_symbol(0)] * 6)


@pytest.mark.parametrize("d", [2, 3])
def test_a_star_is_added_to_a_copy(d: int) -> None:
    fig = picture(d)
    before = fig.to_json()
    new = with_query_image(
        fig, [0.1] * d, text="<b>mine</b>", hover="taken for 3", between=np.zeros((2, d)), theme="dark"
    )
    assert fig.to_json() == before and len(new.data) == len(fig.data) + 2
    star = new.data[-1]
    assert star.name == "tried" and [float(star[a][0]) for a in "xyz"[:d]] == [0.1] * d
    assert "&lt;b&gt;mine&lt;/b&gt;" in star.hovertext[0] and "taken for 3" in star.hovertext[0]
    lines = np.column_stack([new.data[-2][a] for a in "xyz"[:d]])
    assert np.isnan(lines[2]).all() and (lines[0] == 0.1).all() and (lines[1] == 0).all()


@pytest.mark.parametrize("d", [2, 3])
def test_axes_grow_for_what_lies_outside_and_only_then(d: int) -> None:
    fig = picture(d)

    def ranges(figure):
        axes = (
            [figure.layout.xaxis, figure.layout.yaxis] if d == 2 else [figure.layout.scene[f"{a}axis"] for a in "xyz"]
        )
        return np.array([axis.range for axis in axes], dtype=float)

    assert (ranges(with_query_image(fig, [0.0] * d, text="in")) == ranges(fig)).all()
    grown = ranges(with_query_image(fig, [50.0] + [0.0] * (d - 1), text="out"))
    assert grown[0, 1] > 50 and (grown[1:] == ranges(fig)[1:]).all() and grown[0, 0] == ranges(fig)[0, 0]
    if d == 3:  # one scale along all axes
        ratio = with_query_image(fig, [50.0, 0, 0], text="out").layout.scene.aspectratio
        sides = np.ptp(grown, axis=1)
        assert [ratio.x, ratio.y, ratio.z] == pytest.approx((sides / sides.max()).tolist())


def test_the_name_points_towards_the_middle() -> None:
    for x in (-9.0, 9.0):
        (note,) = with_query_image(picture(), [x, 0.0], text="mine").layout.annotations
        assert np.sign(note.ax) == -np.sign(x)


@pytest.mark.parametrize("place", [[1.0], [1.0, float("nan")], [1.0] * 4])
def test_no_place_is_refused(place: list[float]) -> None:
    with pytest.raises(AnalysisError, match="There is no place"):
        with_query_image(picture(), place, text="mine")
