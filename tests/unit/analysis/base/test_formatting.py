"""Numbers as text: digits, units, rounding at the edges, and the word for what is not defined."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.base.formatting import (
    format_accuracy,
    format_mean_sd,
    format_number,
    format_percent,
    format_points,
    format_points_interval,
    format_seconds,
    format_spread,
    undefined,
)

nan = math.nan
quick = settings(max_examples=50)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (4.0, "4"),
        (4.3, "4.3"),
        (0.5904, "0.59"),
        (3.14159, "3.14"),
        (97.83, "97.8"),
        (812.4, "812"),
        (12345.6, "12,346"),
        (1234567, "1,234,567"),
        (9.996, "10"),
        (999.6, "1,000"),
        (-2.5, "−2.5"),
        (-1234, "−1,234"),
        (0.000123, "0.000123"),
        (1.234e-7, "1.23e-7"),
        (2e20, "2e20"),
        (math.inf, "infinite"),
        (-math.inf, "−infinite"),
        (nan, "undefined"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert format_number(value) == text


def test_undefined_says_why() -> None:
    assert undefined() == "undefined"
    for function in (format_number, format_percent, format_accuracy, format_points, format_seconds):
        assert function(nan, reason="2 classes") == "undefined (2 classes)"


@quick
@given(st.floats(min_value=1e-4, max_value=1e12))
def test_number_is_within_half_a_unit_of_its_third_digit(value: float) -> None:
    shown = float(format_number(value).replace(",", ""))
    assert abs(shown - value) <= max(0.005 * value, 0.0) * 1.0001


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.9783, "97.8 %"),
        (0.98, "98.0 %"),
        (0.57, "57.0 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.05, "5.00 %"),
        (0.09996, "10.0 %"),
        (0.9997, "99.97 %"),
        (0.99999, "99.999 %"),
        (-0.021, "−2.10 %"),
        (12.5, "1,250 %"),
    ],
)
def test_percent(fraction: float, text: str) -> None:
    assert format_percent(fraction) == format_accuracy(fraction) == text


@quick
@given(st.floats(min_value=1e-9, max_value=1 - 1e-9))
def test_percent_never_rounds_up_to_all_or_down_to_none(fraction: float) -> None:
    assert format_percent(fraction) not in ("100 %", "0 %")


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.0042, "+0.42 points"),
        (-0.021, "−2.1 points"),
        (0.1234, "+12.3 points"),
        (0.00996, "+1 point"),
        (0.0, "0 points"),
        (1e-6, "< 0.01 points"),
        (-1e-6, "> −0.01 points"),
    ],
)
def test_points(difference: float, text: str) -> None:
    assert format_points(difference) == text


def test_points_interval() -> None:
    assert format_points_interval(-0.002, 0.004) == "−0.2 to 0.4 points"
    assert format_points_interval(nan, 0.1) == "undefined"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0042, "4.2 ms"),
        (0.085, "85 ms"),
        (0.9999, "1 s"),
        (1.2, "1.2 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (86_399, "1 d 0 h"),
        (100_800, "1 d 4 h"),
        (-1.2, "−1.2 s"),
        (math.inf, "infinite"),
        (nan, "undefined"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@quick
@given(st.floats(min_value=0.001, max_value=1e7))
def test_seconds_add_up_to_what_was_given(seconds: float) -> None:
    size = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
    parts = re.findall(r"([\d.,]+) (ms|s|min|h|d)\b", format_seconds(seconds))
    total = sum(float(number.replace(",", "")) * size[unit] for number, unit in parts)
    assert total == pytest.approx(seconds, rel=0.03)
    assert all(float(number) < 60 for number, unit in parts if unit in ("s", "min"))


@pytest.mark.parametrize(
    ("values", "unit", "text"),
    [
        ([0.975, 0.978, 0.981], "%", "97.8 ± 0.3 % (n=3)"),
        ([0.96, 0.978, 0.996], "%", "97.8 ± 1.8 % (n=3)"),
        ([0.978, 0.978], "%", "97.8 ± 0 % (n=2)"),
        ([0.9, 0.9, 0.9], "%", "90.0 ± 0 % (n=3)"),
        ([0.978], "%", "97.8 % (n=1)"),
        ([4, 4, 5], "epochs", "4.3 ± 0.6 epochs (n=3)"),
        ([9, 9, 9], "epochs", "9 ± 0 epochs (n=3)"),
        ([4], "epochs", "4 epochs (n=1)"),
        ([1], "epochs", "1 epoch (n=1)"),
        ([0.57, 0.59, 0.61], "", "0.59 ± 0.02 (n=3)"),
        ([800, 812, 824], "", "812 ± 12 (n=3)"),
        ([12.0, 12.5, 11.5], "s", "12.0 ± 0.5 s (n=3)"),
        ([196.0, 200.0, 204.0], "s", "3 min 20 s ± 4 s (n=3)"),
        ([200.0], "s", "3 min 20 s (n=1)"),
        ([0.97, nan, 0.99], "%", "98.0 ± 1.4 % (n=2 of 3)"),
        ([nan, 0.97], "%", "97.0 % (n=1 of 2)"),
        ([], "%", "undefined (no values)"),
        ([nan, nan], "%", "undefined (none of 2)"),
        ([1e-9, 3e-9], "", "2e-9 ± 1.4e-9 (n=2)"),
    ],
)
def test_mean_sd(values: list[float], unit: str, text: str) -> None:
    assert format_mean_sd(values, unit) == text


def test_mean_sd_can_leave_the_count_out_and_matches_spread() -> None:
    assert format_mean_sd([4, 4, 5], "epochs", show_n=False) == "4.3 ± 0.6 epochs"
    assert format_spread(0.978, 0.003, 3, "%") == "97.8 ± 0.3 % (n=3)"
    assert format_spread(0.978, nan, 1, "%") == "97.8 % (n=1)"
    assert format_spread(nan, nan, 0, "%") == "undefined (no values)"
