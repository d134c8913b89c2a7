"""A layout as SVG, PDF and PNG: what is drawn, where, and what other people's names cannot do."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lwal_core.errors import ExportError
from lwal_core.export.pictures.embedding import EmbeddingView, embedding_bytes
from lwal_core.figures.palette import SHAPES, class_color, class_symbol

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["<script>x</script>", "$\\frac{1}$", "a\nb", "‮reversed", ""]


def view(n: int = 6, d: int = 2, **options: Any) -> EmbeddingView:
    look = {"colors": [class_color(i) for i in range(n)], "symbols": [class_symbol(i) for i in range(n)]}
    base = {"points": np.random.default_rng(n).normal(size=(n, d)), "names": [f"c{i}" for i in range(n)], **look}
    return EmbeddingView(**(base | options))


def texts(svg: bytes) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("d", [2, 3])
def test_every_class_and_sample_is_drawn_and_named(d: int) -> None:
    y = np.arange(40) % 6
    samples = np.random.default_rng(1).normal(size=(40, d))
    svg = embedding_bytes(view(d=d, samples=samples, sample_classes=y), caption="how it was made")
    assert sorted(text for text in texts(svg) if text.startswith("c")) == [f"c{i}" for i in range(6)]
    assert any("how it was made" in text for text in texts(svg))
    assert any("seen from the corner" in text for text in texts(svg)) == (d == 3)
    uses = list(ElementTree.fromstring(svg).iter(f"{SVG}use"))
    assert len(uses) == 40 + 6


def test_both_axes_have_one_scale() -> None:
    corners = np.array([[0.0, 0], [10, 0], [10, 4], [0, 4]])
    svg = embedding_bytes(view(4, points=corners))
    at = np.array([[float(use.get(k, "nan")) for k in "xy"] for use in ElementTree.fromstring(svg).iter(f"{SVG}use")])
    sides = np.linalg.norm(np.diff(at, axis=0), axis=1)
    np.testing.assert_allclose(sides / sides[0], [1, 0.4, 1], rtol=1e-4)


def test_in_space_distances_across_the_line_of_sight_are_kept() -> None:
    points = np.array(
        [[0.0, 0, 0], [1, -1, 0], [1, 1, 1]]
    )  # the third lies behind the first for who looks from the corner
    svg = embedding_bytes(view(3, 3, points=points))
    at = np.array([[float(use.get(k, "nan")) for k in "xy"] for use in ElementTree.fromstring(svg).iter(f"{SVG}use")])
    apart = sorted(round(float(np.linalg.norm(a - b)), 3) for i, a in enumerate(at) for b in at[:i])
    assert apart[0] == 0 and apart[1] == pytest.approx(apart[2], abs=1e-2)


@pytest.mark.parametrize("format", ["svg", "pdf", "png"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_format_is_what_it_says_and_the_same_every_time(format: Any, theme: Any) -> None:
    shown = view(trails=np.random.default_rng(0).normal(size=(4, 6, 2)), chosen=1, links=[0, 2])
    first, again = (embedding_bytes(shown, format, dpi=80, theme=theme) for _ in range(2))
    assert first == again
    assert first.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[format])
    if format == "png":
        image = Image.open(io.BytesIO(first)).convert("RGB")
        assert image.width == int(160 / 25.4 * 80) and image.getpixel((0, 0)) == (
            (255, 255, 255) if theme == "light" else (0x11, 0x15, 0x1B)
        )


def test_other_peoples_names_are_text() -> None:
    svg = embedding_bytes(view(5, names=HOSTILE))
    assert b"<script" not in svg and "‮" not in svg.decode()
    assert {"<script>x</script>", "a b", "(no name)", "reversed"} <= set(texts(svg))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("d", [2, 3])
def test_a_few_classes_and_classes_in_one_place(n: int, d: int) -> None:
    for points in (np.zeros((n, d)), np.random.default_rng(0).normal(size=(n, d))):
        assert "c0" in texts(embedding_bytes(view(n, d, points=points)))


def test_names_that_find_no_place_are_counted() -> None:
    svg = embedding_bytes(view(500))
    shown = [text for text in texts(svg) if text.startswith("c")]
    assert 5 < len(shown) < 500 and any(f"shown for {len(shown)} of 500 classes" in text for text in texts(svg))


def test_every_shape_has_a_mark() -> None:
    embedding_bytes(view(len(SHAPES), symbols=SHAPES, colors=["#000000"] * len(SHAPES)))


def test_refused() -> None:
    with pytest.raises(ExportError, match="names"):
        embedding_bytes(view(3, names=["a"]))
    with pytest.raises(ExportError, match="samples"):
        embedding_bytes(view(3, samples=np.zeros((2, 2))))
    with pytest.raises(ExportError, match="format"):
        embedding_bytes(view(3), "gif")  # type: ignore[arg-type]
