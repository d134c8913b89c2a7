"""What programs logged by names of their own, in place of the losses."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lwal_core.analysis.comparison.curve import Curve, measures_of
from lwal_core.errors import ExportError
from lwal_core.export.pictures.curves import curves_picture
from lwal_core.figures.curves import loss_figure


def curve(**extra: list[float]) -> Curve:
    epoch = np.arange(3.0)
    return Curve(
        "r",
        "g",
        "m",
        1,
        epoch,
        epoch / 9,
        epoch,
        epoch,
        loss=9 - epoch,
        extra={k: np.array(v) for k, v in extra.items()},
    )


def test_a_measure_takes_the_place_of_the_losses() -> None:
    groups = {"one": [curve(f1=[0.1, 0.2, np.nan])], "other": [curve()]}
    fig = loss_figure(groups, measure="f1")
    (line,) = fig.data
    assert line.name == "one"
    np.testing.assert_allclose(line.y, [0.1, 0.2])
    texts = [annotation.text for annotation in fig.layout.annotations]
    assert "f1" in texts and "Total loss" not in texts
    assert measures_of([*groups["one"], *groups["other"], curve(b=[1, 2, 3], f1=[1, 1, 1])]) == ["f1", "b"]


def test_its_name_is_anybodys() -> None:
    fig = loss_figure({"one": [curve(**{"<b>x</b>": [1, 2, 3]})]}, measure="<b>x</b>")
    assert "&lt;b&gt;x" in fig.to_json().replace("\\u003c", "<") and "<b>x</b>" not in str(fig.layout.annotations)


def test_a_picture_of_it() -> None:
    buffer = io.BytesIO()
    curves_picture({"one": [curve(f1=[1, 2, 3])]}, buffer, "svg", quantity="loss", measure="f1")
    assert b"f1" in buffer.getvalue() and b"Total loss" not in buffer.getvalue()
    with pytest.raises(ExportError, match="No run has values"):
        curves_picture({"one": [curve()]}, buffer, "svg", quantity="loss", measure="f1")
