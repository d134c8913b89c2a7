"""Colourings: colours, shapes and legends of numbers and categories; strips and names of a tree follow them."""

from __future__ import annotations

import io
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.hierarchy.value_order import turns_by_mean
from lwal_core.errors import AnalysisError
from lwal_core.export.pictures.dendrogram import dendrogram_picture
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import LARGE
from lwal_core.figures.colouring import Colouring, LeafLooks, category_color, category_symbol, readable, scale_color
from lwal_core.figures.dendrogram import Orientation
from lwal_core.figures.leaf_strips import commonest_of_tips, round_steps
from lwal_core.figures.palette import CLASS_HUES, NEUTRAL


def test_a_hundred_categories_differ_in_colour_or_shape() -> None:
    looks = [(category_color(i), category_symbol(i)) for i in range(100)]
    assert len(set(looks)) == 100
    assert len({symbol for _, symbol in looks[:10]}) == 10  # few are told apart without colours


def test_numbers_lie_on_the_scale_and_nothing_is_grey() -> None:
    column = Colouring.of_numbers("weight", [1.0, 3.0, math.nan, 2.0])
    assert column.placed(column.numbers)[[0, 1, 3]].tolist() == [0.0, 1.0, 0.5]
    assert column.colors()[:2] == (scale_color(0), scale_color(1)) and column.colors()[2] == NEUTRAL["light"]["line"]
    assert column.text(2) == "" and column.text(1) == "3"
    assert [entry.text for entry in column.legend()] == ["1", "", "", "", "3"]
    # Cividis begins in a dark blue and ends in yellow (Nunez et al. 2018, supplement: 0, 34, 78 and 254, 232, 56).
    assert (scale_color(0), scale_color(1)) == ("#00224E", "#FEE838")


def test_numbers_of_many_orders_have_a_logarithmic_scale_and_say_so() -> None:
    column = Colouring.of_numbers("weight", [0.1, 10.0, 1000.0])
    assert column.is_log and column.placed(column.numbers).tolist() == pytest.approx([0, 0.5, 1])
    assert "(log scale)" in column.legend_lines()[0]
    for values in ([0.0, 1.0, 1e9], [-1.0, 1.0, 1e9], [1.0, 999.0], [math.nan]):
        assert not Colouring.of_numbers("weight", values).is_log
    assert not Colouring.of_numbers("weight", [1e-9, 1.0], percent=True).is_log


@pytest.mark.parametrize("values", [[5.0, 5.0], [math.nan, math.nan], [1.7e308, -1.7e308], [5e-324, 1.0], [0.0]])
def test_odd_numbers_have_colours(values: list[float]) -> None:
    column = Colouring.of_numbers("x", values)
    assert all(color.startswith("#") and len(color) == 7 for color in column.colors())
    assert column.legend_lines()


def test_a_legend_is_escaped_and_says_how_many_it_leaves_out() -> None:
    column = Colouring.of_texts("<i>kind", [f"<b>{i} {'x' * 30}" for i in range(90)], list(range(90)))
    lines = column.legend_lines("2")
    assert len(lines) == 3 and lines[0].startswith("2 &lt;i&gt;kind:") and "more" in lines[-1]
    assert not any("<b>" in line or "<i>" in line for line in lines)
    assert Colouring.of_texts("kind", ["a"], [-1, -1]).legend_lines() == ["no class has a kind"]
    assert Colouring.of_texts("kind", ["a"], [0], label=True).legend_lines() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_in_colours_can_be_read(theme: str) -> None:
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for hue in CLASS_HUES:
        pair = sorted([luminance(readable(hue, theme)), luminance(NEUTRAL[theme]["surface"])])  # type: ignore[arg-type]
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


def test_a_closed_clade_has_the_category_of_most_of_its_classes() -> None:
    h = build_hierarchy(np.random.default_rng(3).normal(size=(9, 4)), [f"c{i}" for i in range(9)])
    codes = np.array([0, 1, 1, -1, 2, 0, 1, -1, 2])
    part = tree_part(h, most_tips=4)
    found, counts = commonest_of_tips(part, codes)
    for tip, code, count in zip(part.tips.tolist(), found.tolist(), counts.tolist(), strict=True):
        own = Counter(c for c in codes[h.members(tip)].tolist() if c >= 0)
        assert count == max(own.values(), default=0)
        assert code == (-1 if not own else min(c for c, times in own.items() if times == count))
    with pytest.raises(AnalysisError, match="2 values of x for a tree of 9"):
        commonest_of_tips(part, codes[:2], "x")


def test_strips_are_numbered_and_names_follow_their_looks() -> None:
    h = build_hierarchy(np.random.default_rng(3).normal(size=(5, 4)), ["a", "<b>", "c", "d", "e"])
    kinds = Colouring.of_texts("kind", ["x", "y"], [0, 1, -1, 0, 1])
    looks = LeafLooks(kinds.colors(), ("one", "", "<i>", "", ""), (True, True, False, False, False))
    for orientation in ("right", "left", "top", "bottom", "radial"):
        fig = dendrogram_figure(
            h, 2, orientation, strips=[kinds, Colouring.of_numbers("w", np.arange(5.0))], looks=looks
        )
        (numbers,) = (trace for trace in fig.data if trace.name == "strip numbers")
        assert list(numbers.text) == ["1", "2"]
        if orientation != "radial":  # inside the axis, beside the leaves
            at, axis = (
                (numbers.y, fig.layout.yaxis) if orientation in ("right", "left") else (numbers.x, fig.layout.xaxis)
            )
            assert min(axis.range) <= at[0] <= max(axis.range) and not 0 <= at[0] <= 4
        strips = [trace for trace in fig.data if trace.name == "strip"]
        assert [len(strip.hovertext) for strip in strips] == [4, 5]
        axis = fig.layout.yaxis if orientation in ("right", "left") else fig.layout.xaxis
        names = axis.ticktext or [note.text for note in fig.layout.annotations]
        said = " ".join(names)
        assert "&lt;b&gt;" in said and "&lt;i&gt;" in said and "one</span>" in said and "<i>" not in said
        assert sum(name.startswith("<b>") for name in names) == 2
    with pytest.raises(AnalysisError, match="2 colours of names for a tree of 5"):
        dendrogram_figure(h, looks=LeafLooks(colors=("#000000", "")))


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e9), st.integers(3, 8))
def test_round_steps_end_within_the_axis(end: float, most: int) -> None:
    steps = round_steps(end, most)
    assert steps[0] == 0 and steps[-1] <= end * (1 + 1e-6) and 2 <= len(steps) <= most + 1
    assert end - steps[-1] <= (steps[1] - steps[0]) * (1 + 1e-6)
    assert float(f"{steps[1]:e}"[:8]) in (1, 2, 2.5, 5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.integers(-5, 5), min_size=2, max_size=12), st.integers(0, 99))
def test_branches_come_in_the_order_of_their_means(values: list[int | None], seed: int) -> None:
    n = len(values)
    h = build_hierarchy(np.random.default_rng(seed).normal(size=(n, 3)), [f"c{i}" for i in range(n)])
    numbers = np.array([math.nan if value is None else value for value in values])
    turned = h.turned(turns_by_mean(h, numbers))
    for row in range(n - 1):
        means = [
            [value for i in turned.members(int(c)) if (value := values[i]) is not None] for c in turned.children[row]
        ]
        if all(means):
            assert np.mean(means[0]) <= np.mean(means[1]) + 1e-12
        else:
            assert list(turned.children[row]) == list(h.children[row])
    with pytest.raises(AnalysisError):
        turns_by_mean(h, numbers[:1])


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("orientation", ["right", "left", "top", "bottom", "radial"])
def test_trees_of_few_classes_have_strips(classes: int, orientation: Orientation) -> None:
    h = build_hierarchy(np.arange(2.0 * classes).reshape(classes, 2) ** 2, [f"c{i}" for i in range(classes)])
    strips = [
        Colouring.of_numbers("w", [math.nan, *range(classes - 1)]),
        Colouring.of_texts("k", ["a"], [0] * classes),
        Colouring.of_texts("none", [], [-1] * classes),
    ]
    fig = dendrogram_figure(h, None, orientation, strips=strips, looks=LeafLooks(texts=("x",) * classes))
    assert [len(t.hovertext or ()) for t in fig.data if t.name == "strip"] == [classes - 1, classes, 0]
    for theme in ("light", "dark"):
        out = io.BytesIO()
        dendrogram_picture(h, out, "svg", strips=strips, theme=theme, looks=LeafLooks(stands_out=(True,) * classes))
        assert b"no class has a value" in out.getvalue()


def test_a_tree_too_large_for_strips_says_so() -> None:
    h = build_hierarchy(np.random.default_rng(0).normal(size=(LARGE + 1, 2)), [str(i) for i in range(LARGE + 1)])
    fig = dendrogram_figure(h, part=tree_part(h, most_tips=20), strips=[Colouring.of_numbers("w", np.zeros(h.n))])
    assert "Columns are shown beside up to 2,000 leaves" in fig.layout.title.text
