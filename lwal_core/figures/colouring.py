"""Values of classes or samples as colours and shapes: a scale of numbers, or categories.

A category has a colour and, up to ten of them, a shape of its own, so that it is told apart without colours, too; its
colour goes by its place among the categories of its column. Numbers lie on the Cividis scale, which readers who do not
tell red from green see as others do (https://doi.org/10.1371/journal.pone.0199239).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import CLASS_HUES, GLYPHS, SHAPES, Theme, neutral
from lwal_core.security.redact import for_others

SCALE = "Cividis"
LOG_ABOVE = 1_000.0
"""Highest number as a multiple of the lowest above which colours go by the logarithm."""
_STEPS = 5
"""Steps of a scale in a line of text."""
_LINE, _MOST_LINES = 56, 3  # characters of a legend's line, lines of a legend
_TEXT = 24  # characters of a category's name in a legend
_CONTRAST = 4.5
"""Least contrast of text with its background (WCAG 2.2, 1.4.3)."""


class LegendEntry(NamedTuple):
    """A category, or a step of a scale: text, colour, shape."""

    text: str
    color: str
    symbol: str


@dataclass(frozen=True, eq=False)
class Colouring:
    """A value of each class or sample, n of them; made by :meth:`of_numbers` or :meth:`of_texts`.

    Attributes:
        title: What the values are, such as ``"test accuracy"``; anybody's text.
        kind: ``"number"``, ``"category"``, or ``"label"``: texts that are shown as they are, without colours.
        numbers: Of numbers ``[n]``, nan for none; else empty.
        texts: Of the others the different texts.
        codes: Of the others ``[n]`` places in ``texts``, -1 for none; else empty.
        percent: Whether numbers are shares from 0 to 1.
    """

    title: str
    kind: Literal["number", "category", "label"]
    numbers: FloatArray = field(default_factory=lambda: np.zeros(0))
    texts: tuple[str, ...] = ()
    codes: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    percent: bool = False

    @classmethod
    def of_numbers(cls, title: str, values: npt.ArrayLike, *, percent: bool = False) -> Self:
        """Numbers ``[n]``, nan for none."""
        return cls(title, "number", np.asarray(values, dtype=np.float64), percent=percent)

    @classmethod
    def of_texts(cls, title: str, texts: Sequence[str], codes: npt.ArrayLike, *, label: bool = False) -> Self:
        """Texts by their places ``[n]`` in ``texts``, -1 for none."""
        return cls(title, "label" if label else "category", texts=tuple(texts), codes=np.asarray(codes, dtype=np.intp))

    def __len__(self) -> int:
        return len(self.numbers) if self.kind == "number" else len(self.codes)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """``[n]`` whether there is a value."""
        return ~np.isnan(self.numbers) if self.kind == "number" else self.codes >= 0

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest number; ``(0, 1)`` without any."""
        known = self.numbers[~np.isnan(self.numbers)]
        return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)

    @property
    def is_log(self) -> bool:
        """Whether the colours of numbers go by their logarithm: all are above 0, and the highest is more than a thousand
        times the lowest."""
        low, high = self.limits
        return self.kind == "number" and not self.percent and low > 0 and high / low > LOG_ABOVE

    def placed(self, values: npt.ArrayLike) -> FloatArray:
        """Places of numbers on the scale, 0 (lowest of the column) to 1 (highest), nan for none; 0.5 where all are equal."""
        numbers = np.asarray(values, dtype=np.float64)
        low, high = self.limits
        if self.is_log:
            numbers, low, high = np.log(numbers), math.log(low), math.log(high)
        if not high > low:
            return np.where(np.isnan(numbers), np.nan, 0.5)
        # Half of each, as the difference of two numbers may be too large for one.
        return (numbers / 2 - low / 2) / (high / 2 - low / 2)

    def said(self, value: float) -> str:
        """A number for the reader."""
        return format_percent(value) if self.percent else format_number(value)

    def text(self, i: int) -> str:
        """The value of one of the n for the reader; empty for none."""
        if self.kind == "number":
            return "" if np.isnan(self.numbers[i]) else self.said(float(self.numbers[i]))
        return self.texts[self.codes[i]] if self.codes[i] >= 0 else ""

    def redacted(self) -> Self:
        """The same with its texts as they may leave the installation."""
        return replace(self, title=for_others(self.title), texts=tuple(map(for_others, self.texts)))

    def colors(self, theme: Theme = "light") -> tuple[str, ...]:
        """Colour of each of the n; grey where there is no value, and for labels."""
        grey = neutral("line", theme)
        if self.kind == "label":
            return (grey,) * len(self)
        if self.kind == "category":
            return tuple(category_color(code) if code >= 0 else grey for code in self.codes.tolist())
        return tuple(grey if math.isnan(share) else scale_color(share) for share in self.placed(self.numbers).tolist())

    def symbols(self) -> tuple[str, ...]:
        """Shape of each of the n; a circle where categories do not decide it."""
        if self.kind != "category":
            return (SHAPES[0],) * len(self)
        return tuple(category_symbol(code) if code >= 0 else SHAPES[0] for code in self.codes.tolist())

    def legend(self) -> list[LegendEntry]:
        """What its colours and shapes stand for: the categories, or the ends of the scale and steps between."""
        if self.kind == "category":
            return [LegendEntry(text, category_color(i), category_symbol(i)) for i, text in enumerate(self.texts)]
        if self.kind == "label" or not self.known.any():
            return []
        low, high = map(self.said, self.limits)
        steps = [scale_color(step / (_STEPS - 1)) for step in range(_STEPS)]
        return [
            LegendEntry(text, color, "square")
            for text, color in zip((low, *[""] * (_STEPS - 2), high), steps, strict=True)
        ]

    def legend_lines(self, name: str = "") -> list[str]:
        """Its legend as lines that fit a phone, escaped, with glyphs in their colours as plotly shows them.

        Args:
            name: Stands before the title, such as the number of a strip.
        """
        title = " ".join(word for word in (name, style.shorten(one_line(self.title), 40)) if word)
        if not self.known.any():
            return [style.escape(f"no class has a {title}")]
        if self.kind == "label":
            return []
        entries = self.legend()
        if self.kind == "number":
            bar = "".join(_colored(GLYPHS["square"], entry.color) for entry in entries)
            ending = entries[-1].text + (" (log scale)" if self.is_log else "")
            return [f"{style.escape(f'{title}: {entries[0].text}')} {bar} {style.escape(ending)}"]
        lines, length = [style.escape(f"{title}:")], len(title) + 1
        for i, entry in enumerate(entries):
            text = style.shorten(one_line(entry.text), _TEXT)
            if length + len(text) + 3 > _LINE:
                if len(lines) == _MOST_LINES:
                    lines[-1] += f" and {len(entries) - i:,} more"
                    break
                lines.append("")
                length = 0
            lines[-1] += f"{' ' if lines[-1] else ''}{_colored(GLYPHS[entry.symbol], entry.color)} {style.escape(text)}"
            length += len(text) + 3
        return lines


@dataclass(frozen=True, eq=False)
class LeafLooks:
    """How the names of the leaves look besides being there.

    Attributes:
        colors: ``[n]`` colour of each name, empty for the usual one; none for all the usual one.
        texts: ``[n]`` what stands after each name, anybody's text; none for nothing.
        stands_out: ``[n]`` whether a name stands out, in bold against grey ones; None for all alike.
    """

    colors: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    stands_out: tuple[bool, ...] | None = None

    def redacted(self) -> Self:
        """The same with its texts as they may leave the installation."""
        return replace(self, texts=tuple(map(for_others, self.texts)))

    def check(self, n: int) -> None:
        """Refuse looks of another number of classes.

        Raises:
            AnalysisError: Not one a class.
        """
        for what, values in (("colours of names", self.colors), ("texts of leaves", self.texts),
                             ("classes that may stand out", self.stands_out or ())):  # fmt: skip
            if values and len(values) != n:
                raise AnalysisError(f"There are {len(values)} {what} for a tree of {n} classes.")


def category_color(code: int) -> str:
    """Colour of the category with this place in its column."""
    return CLASS_HUES[code % len(CLASS_HUES)]


def category_symbol(code: int) -> str:
    """Shape of the category with this place in its column; with its colour there are a hundred that differ."""
    return SHAPES[(code + code // len(CLASS_HUES)) % len(SHAPES)]


def scale_color(share: float) -> str:
    """Colour of a share from 0 (lowest) to 1 (highest)."""
    return _scale()[round(255 * min(max(share, 0.0), 1.0))]


@lru_cache(maxsize=1)
def _scale() -> tuple[str, ...]:
    from plotly.colors import sample_colorscale

    found = sample_colorscale(SCALE, [i / 255 for i in range(256)], colortype="tuple")
    return tuple("#" + "".join(f"{round(255 * part):02X}" for part in color) for color in found)


def readable(color: str, theme: Theme) -> str:
    """A colour as text may have it: moved towards the ink until it stands out against the page."""
    ink, page = _rgb(neutral("ink", theme)), _luminance(_rgb(neutral("surface", theme)))
    own = _rgb(color)
    for step in range(21):
        mixed = own + (ink - own) * step / 20
        light, dark = sorted((_luminance(mixed), page), reverse=True)
        if (light + 0.05) / (dark + 0.05) >= _CONTRAST:
            return "#" + "".join(f"{round(part):02X}" for part in mixed.tolist())
    return neutral("ink", theme)


def _rgb(color: str) -> FloatArray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def _luminance(rgb: FloatArray) -> float:
    """Relative luminance of sRGB (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def _colored(text: str, color: str) -> str:
    return f'<span style="color:{color}">{text}</span>'
