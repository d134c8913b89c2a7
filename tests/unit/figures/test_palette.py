"""Colours: a method has its own whatever else is shown, ten classes differ by hue alone, also for colour-blind readers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.figures.palette import CLASS_HUES, ONE_HOT_GREY, class_color, class_symbol, method_colors, neutral

LABELS = ["One-hot", "LwAL", "LwAL10", "LwAL10, push 1", "lwal-plus", "Label smoothing",
          "Label smoothing, 0.2", "Static labels", "Retrospection", "Label embedding network"]  # fmt: skip
# Machado, Oliveira, Fernandes (2009): what a reader without one kind of cone sees, in linear RGB, severity 1.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}


def lab(color: str, seen: np.ndarray) -> np.ndarray:
    """CIELAB of a hex colour as such a reader sees it."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.clip(np.asarray(seen) @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), 0, 1)
    xyz = [
        [0.4124564, 0.3575761, 0.180437],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ] @ linear
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz / [0.95047, 1, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@given(st.permutations(LABELS), st.integers(0, len(LABELS)))
def test_a_methods_look_does_not_depend_on_what_else_is_shown(order: list[str], count: int):
    alone = {label: method_colors([label])[label] for label in LABELS}
    shown = method_colors(order[:count])
    assert shown == {label: alone[label] for label in order[:count]}


def test_known_methods_look_different_and_one_hot_is_grey():
    looks = method_colors(LABELS)
    assert len(set(looks.values())) == len(LABELS) and looks["One-hot"] == (ONE_HOT_GREY, "solid")


def test_labels_that_would_look_alike_get_another_dash():
    labels = [f"LwAL10, push {i}" for i in range(20)]
    looks = method_colors(labels)
    assert len(set(looks.values())) > 15 and method_colors(labels[:1]) == {labels[0]: looks[labels[0]]}


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_the_added_hues_differ_from_all_others(kind: str):
    points = {color: lab(color, np.asarray(DEFICIENCIES[kind])) for color in CLASS_HUES}
    for added, other in itertools.product(CLASS_HUES[7:], CLASS_HUES):
        if added != other:
            assert np.linalg.norm(points[added] - points[other]) > (30 if kind == "none" else 10), (added, other)


def test_ten_classes_have_ten_hues_and_then_shapes():
    assert len({class_color(i) for i in range(10)}) == 10 and {class_symbol(i) for i in range(10)} == {"circle"}
    assert len({(class_color(i), class_symbol(i)) for i in range(100)}) == 100


BLUES_AND_GREY = [
    "One-hot",
    "LwAL",
    "LwAL10",
    "lwal-plus",
    *(f"LwAL, push {i}" for i in range(40)),
]


@pytest.mark.parametrize("label", BLUES_AND_GREY)
def test_lines_of_one_hot_and_lwal_stand_out_on_the_dark_surface(label: str) -> None:
    """3 to 1, what WCAG 2.2 asks of graphics (1.4.11)."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    color, _ = method_colors([label])[label]
    assert (luminance(color) + 0.05) / (luminance(neutral("surface", "dark")) + 0.05) >= 3
