"""Card of a tree: always of one size, whatever the names and however many classes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.export.pictures.card import HEIGHT, WIDTH, tree_card


def tree(names: list[str]) -> Hierarchy:
    points = np.random.default_rng(0).normal(size=(len(names), 4))
    return build_hierarchy(points, names)


@pytest.mark.parametrize("count", [1, 2, 10, 400])
def test_its_size_is_that_of_chat_windows(count: int) -> None:
    h = tree([f"class {i}" for i in range(count)])
    data = tree_card(h, "a title", "a line", cut=min(count, 3))
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (WIDTH, HEIGHT) and picture.format == "PNG"
        pixels = np.asarray(picture.convert("L"))
    assert len(data) < 2**19
    # Title, tree and names are drawn: ink above, in the middle and on the right.
    assert pixels[:100].min() < 100 and pixels[150:].min() < 150
    assert data == tree_card(h, "a title", "a line", cut=min(count, 3))


@pytest.mark.parametrize("name", ["x" * 500, "$\\frac{", "<b>&", "\u202eabc", "猫", "", "a\nb"])
def test_no_name_breaks_it(name: str) -> None:
    data = tree_card(tree([name, *(f"{name} {i}" for i in range(20))]), name, name * 3, cut=2, clade_names={30: name})
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (WIDTH, HEIGHT)
