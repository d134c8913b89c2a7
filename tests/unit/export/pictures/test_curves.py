"""Curves for a paper: real files of each format, the same bytes twice, names and captions kept whatever they are."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.errors import ExportError
from lwal_core.export.pictures.curves import curves_picture


def runs(label: str, *rows: list[float]) -> list[Curve]:
    return [
        Curve(
            f"{label}-{seed}", label, label, seed, e := np.arange(len(row), dtype=float), np.array(row), 100 * e, 2 * e
        )
        for seed, row in enumerate(rows)
    ]


GROUPS = {"One-hot": runs("One-hot", [0.1, 0.5, 0.9], [0.2, 0.6, 0.8]), "LwAL": runs("LwAL", [0.1, 0.8], [0.1, 0.9])}


def drawn(groups: Any = GROUPS, format: Any = "svg", **more: Any) -> bytes:
    out = io.BytesIO()
    curves_picture(groups, out, format, **more)
    return out.getvalue()


@pytest.mark.parametrize(("format", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_formats_and_the_same_bytes_twice(format, start):
    first = drawn(format=format, dpi=72, caption="seeds 0, 1")
    assert first.startswith(start)
    assert first == drawn(format=format, dpi=72, caption="seeds 0, 1")


def test_text_is_text_and_the_levels_are_said():
    svg = drawn(title="LwAL is there first", caption="LwAL: seeds 0, 1. lwal 1.0", target=0.9, floor=0.123)
    text = " ".join(ElementTree.fromstring(svg).itertext())
    for said in ("LwAL is there first", "seeds 0, 1. lwal 1.0", "One-hot (n=2)", "target, 90.0 %", "network, 12.3 %"):
        assert said in text


def test_hostile_names_are_text():
    name = "<script>$x$ & \\frac{1}{2}"
    text = " ".join(ElementTree.fromstring(drawn({name: GROUPS["LwAL"]}, caption="$y$ \x00 _")).itertext())
    assert name in " ".join(text.split())


@pytest.mark.parametrize(
    "more",
    [
        {"x": "seconds"},
        {"log_x": True},
        {"smoothing": 0.5},
        {"kind": "minmax"},
        {"theme": "dark"},
        {"show_seeds": True},
    ],
)
def test_options_change_the_picture(more):
    assert drawn(**more) != drawn()


def test_one_seed_says_so():
    assert b"One seed each, no bands" in drawn({"LwAL": runs("LwAL", [0.1, 0.5])})


def test_refuses():
    with pytest.raises(ExportError, match="No run has values"):
        drawn({"LwAL": []})
    with pytest.raises(ExportError, match="61 groups"):
        drawn({f"LwAL {i}": runs("x", [0.1, 0.2]) for i in range(61)})
