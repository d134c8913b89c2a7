"""Number formatting: three significant digits, units, thousands separators, "undefined (why)" for nan.

Every page, table, hover text and command prints numbers through these functions, so that the same value looks the
same everywhere. They return plain text and expect fractions where they print percent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from lwal_core.config.base.method import METHODS

_MINUS = "−"


def undefined(reason: str = "") -> str:
    """The word for a value that does not exist, with the reason when there is one: ``"undefined (2 classes)"``."""
    return f"undefined ({reason})" if reason else "undefined"


def format_number(value: float, *, digits: int = 3, reason: str = "") -> str:
    """A number with ``digits`` significant digits, trailing zeros dropped, thousands separated.

    Whole digits are never rounded away (``12345.6`` is ``"12,346"``, not ``"12,300"``); integers are printed exactly.
    Magnitudes under 1e-4 or from 1e15 on are written as powers of ten (``"1.23e-5"``).

    Args:
        value: The number; ``nan`` gives ``"undefined"``, with ``reason`` in brackets.
        digits: Significant digits, at least 1.
        reason: Why the value is undefined, for nan.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return _signed(f"{int(value):,}")
    number = float(value)
    if math.isnan(number):
        return undefined(reason)
    if math.isinf(number):
        return "infinite" if number > 0 else f"{_MINUS}infinite"
    if number == 0:
        return "0"
    if not 1e-4 <= abs(number) < 1e15:
        mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
        return _signed(f"{_without_zeros(mantissa)}e{int(exponent)}")
    return _signed(_without_zeros(f"{number:,.{max(_decimals(number, digits), 0)}f}"))


def format_percent(fraction: float, *, digits: int = 3, reason: str = "") -> str:
    """A fraction as percent with ``digits`` significant digits, zeros kept to line up: ``0.9783`` -> ``"97.8 %"``.

    A fraction short of 1 is never rounded up to "100 %", nor one above 0 down to "0 %": ``0.9997`` is ``"99.97 %"``.
    """
    percent = 100 * float(fraction)
    if math.isnan(percent):
        return undefined(reason)
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    text = _significant(percent, digits)
    while 0 < percent < 100 and float(text) >= 100 and digits < 12:
        digits += 1
        text = _significant(percent, digits)
    return f"{_signed(text)} %"


def format_accuracy(fraction: float, *, reason: str = "") -> str:
    """An accuracy between 0 and 1 as ``"97.8 %"``."""
    return format_percent(fraction, reason=reason)


def format_points(difference: float, *, signed: bool = True, reason: str = "") -> str:
    """A difference of two fractions in percentage points: ``0.0042`` -> ``"+0.42 points"``."""
    if math.isnan(difference):
        return undefined(reason)
    text = _points(difference, signed=signed)
    return f"{text} {'point' if text.lstrip('+−') == '1' else 'points'}"


def format_points_interval(low: float, high: float) -> str:
    """An interval of such differences: ``"−0.2 to 0.4 points"``."""
    if math.isnan(low) or math.isnan(high):
        return undefined()
    return f"{_points(low)} to {_points(high)} points"


def format_seconds(seconds: float, *, reason: str = "") -> str:
    """A duration as one would say it: ``"85 ms"``, ``"1.2 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``, ``"1 d 4 h"``."""
    value = float(seconds)
    if not math.isfinite(value):
        return undefined(reason) if math.isnan(value) else format_number(value)
    if value < 0:
        return _MINUS + format_seconds(-value)
    if 0 < value < 0.9995:
        return f"{format_number(value * 1000)} ms"
    if value < 59.95:
        return f"{format_number(value)} s"
    # Rounded before it is split, so that 119.7 s becomes "2 min 0 s" and never "1 min 60 s".
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(value / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(value / 3600)
    return f"{hours // 24:,} d {hours % 24} h"


def format_spread(mean: float, sd: float, n: int, unit: str = "", *, of: int | None = None, show_n: bool = True) -> str:
    """A mean with its standard deviation from numbers already computed; see :func:`format_mean_sd`.

    Args:
        mean: Mean; a fraction when ``unit`` is ``"%"``, seconds when it is ``"s"``.
        sd: Sample standard deviation, ``nan`` when it is not defined (then it is left out, never shown as 0).
        n: How many values went into the mean.
        unit: Written after the number.
        of: How many there would have been; shown as ``n=2 of 3`` when it differs from ``n``.
        show_n: Whether to end with ``(n=3)``.
    """
    if n == 0 or math.isnan(mean):
        return undefined("no values" if not of else f"none of {of}")
    count = f" (n={n})" if of in (None, n) else f" (n={n} of {of})"
    if unit == "%" and (n == 1 or math.isnan(sd)):
        text = format_percent(mean)
    elif unit == "s" and mean >= 59.95:
        text = format_seconds(mean)
        text += "" if n == 1 or math.isnan(sd) else f" ± {format_seconds(sd)}"
    else:
        scale = 100 if unit == "%" else 1
        text = _mean_and_sd(scale * mean, scale * sd if n > 1 else math.nan, percent=unit == "%")
        singular = text == "1" and len(unit) > 2
        text += f" {unit.removesuffix('s') if singular else unit}" if unit else ""
    return text + (count if show_n else "")


def format_mean_sd(values: Iterable[float], unit: str = "", *, show_n: bool = True) -> str:
    """Mean ± sample standard deviation with the count: ``"97.8 ± 0.3 % (n=3)"``, ``"4.3 ± 0.6 epochs (n=3)"``.

    One value has no spread and is printed without one (``"97.8 % (n=1)"``). Values that are nan are left out and
    counted (``"n=2 of 3"``). Digits: the deviation's first one decides, with at least two and usually three for the
    mean.

    Args:
        values: Fractions when ``unit`` is ``"%"``, seconds when it is ``"s"``, otherwise in ``unit``.
        unit: ``"%"``, ``"s"``, ``"epochs"``, ... in the plural.
        show_n: Whether to end with the count.
    """
    array = np.asarray(list(values), dtype=np.float64)
    finite = array[np.isfinite(array)]
    mean = float(finite.mean()) if finite.size else math.nan
    sd = float(finite.std(ddof=1)) if finite.size > 1 else math.nan
    # Equal values must not show the rounding of their mean as a spread.
    if finite.size > 1 and np.ptp(finite) == 0:
        mean, sd = float(finite[0]), 0.0
    return format_spread(mean, sd, int(finite.size), unit, of=int(array.size), show_n=show_n)


def _mean_and_sd(mean: float, sd: float, *, percent: bool) -> str:
    if math.isnan(sd):
        return format_number(mean)
    if sd == 0:
        return f"{format_percent(mean / 100).removesuffix(' %') if percent else format_number(mean)} ± 0"
    three, two = _decimals(mean, 3), _decimals(mean, 2)
    decimals = max(_decimals(sd, 1), min(max(two, 1), three), 0)
    if decimals > 6:
        return f"{format_number(mean)} ± {format_number(sd, digits=2)}"
    return f"{_fixed(mean, decimals)} ± {_fixed(sd, decimals)}"


def _significant(value: float, digits: int) -> str:
    """``value`` with ``digits`` significant digits, zeros kept; counted after rounding, so that 9.996 is ``"10.0"``."""
    decimals = max(_decimals(value, digits), 0)
    rounded = round(value, decimals)
    return f"{value:,.{max(_decimals(rounded, digits), 0)}f}"


def _decimals(value: float, digits: int) -> int:
    """Decimals that show ``digits`` significant digits of ``value``; negative for large values."""
    return digits if value == 0 else digits - 1 - math.floor(math.log10(abs(value)))


def _points(difference: float, *, signed: bool = False) -> str:
    points = 100 * difference
    text = f"{abs(points):.{2 if abs(points) < 0.995 else 1}f}"
    text = _without_zeros(text)
    if text == "0":
        return "0" if points == 0 else ("< 0.01" if points > 0 else f"> {_MINUS}0.01")
    sign = _MINUS if points < 0 else ("+" if signed else "")
    return sign + text


def _fixed(value: float, decimals: int) -> str:
    return _signed(f"{value:,.{decimals}f}")


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(text: str) -> str:
    text = text.replace("-", _MINUS, 1) if text.startswith("-") else text
    return text.removeprefix(_MINUS) if not any(digit in text for digit in "123456789") else text


def inline_label(text: str) -> str:
    """A method label inside a sentence: "One-hot" becomes "one-hot", names such as "LwAL" stay as they are."""
    # A title with further capitals is a name, and so is everything that begins with no method's title.
    titles = (method.title for method in METHODS.values())
    common = ("No ", *(title for title in titles if title[1:].islower()))
    return text[:1].lower() + text[1:] if text.startswith(common) else text


DISTANCE_UNITS = {
    "euclidean": "label units",
    "cosine": "1 − cosine",
    "correlation": "1 − correlation",
    "confusion": "1 − share of confusion",
}
"""Units of the distances between classes, by metric."""

HEIGHT_TITLES = {
    "single": "Smallest distance",
    "complete": "Largest distance",
    "average": "Average distance",
    "weighted": "Weighted average distance",
    "ward": "Ward distance",
    "centroid": "Distance of centroids",
    "median": "Distance of midpoints",
    "consensus": "Height",
}
"""What the height of a merge is, by linkage: the title of a tree's axis."""
