"""Text in pictures: drawable characters, fonts, widths, line breaks.

matplotlib draws text but neither wraps nor measures it before there is a figure. Widths are measured in the fonts that
PDF and PNG use; an SVG names the same fonts and ends in ``sans-serif``, and the usual ones there are narrower.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from lwal_core.sanitize import JOINERS

MAX_NAME_CHARACTERS = 300  # past that a name is shortened in its middle

BASE_FAMILY = "DejaVu Sans"  # part of matplotlib, so that a picture looks the same on every machine
# Fonts for scripts that the base font lacks, where the machine has them; the last resort, part of matplotlib, has a box
# for everything.
_SCRIPT_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "WenQuanYi Micro Hei",
    "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Noto Sans Devanagari",
    "Noto Sans Bengali", "Noto Sans Thai", "Noto Sans Tamil", "Noto Sans Ethiopic", "Nirmala UI", "Arial Unicode MS",
    "FreeSans", "Unifont",
)  # fmt: skip
_BOXES_FAMILY = "Last Resort High-Efficiency"

# White space, or a piece with the marks that a line may break after.
_PIECES = re.compile(r"\s+|[^\s\-_/]+[\-_/]*|[\-_/]+")


def drawable(text: str) -> str:
    """The text without characters that would break a file or its reading direction: white space becomes a blank.

    Control characters are not allowed in SVG; marks that reverse the direction of text could make a name read as
    another one.
    """
    shown = " ".join("".join(char for char in text if char.isspace() or _is_drawn(char)).split())
    return shown.strip(f"{JOINERS} ")


def _is_drawn(char: str) -> bool:
    if unicodedata.category(char) in ("Cc", "Cf", "Cs"):  # control, invisible formatting, half of a UTF-16 pair
        return char in JOINERS
    code = ord(char)
    return not (0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE)  # code points that are no characters


def shown_name(name: str) -> str:
    """A name on one line, without characters that turn text around."""
    return drawable(name) or "(no name)"


class TextMeasure:
    """Widths of text in the fonts of a picture.

    Args:
        texts: Everything that will be drawn; decides which fonts besides the base one are needed.

    Attributes:
        families: Font families for matplotlib, best first.
        boxes: Characters that no font here has; PDF and PNG show a box for each.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        from matplotlib.backends.backend_agg import RendererAgg

        characters = {ord(char) for text in texts for char in text if not char.isspace() and char not in JOINERS}
        missing = characters - _covered(BASE_FAMILY)
        families = [BASE_FAMILY, "sans-serif"]
        for family in _SCRIPT_FAMILIES if missing else ():
            if missing & _covered(family):
                families.append(family)
                missing -= _covered(family)
        if missing:
            families.append(_BOXES_FAMILY)
        self.families = families
        self.boxes = {chr(code) for code in missing}
        self._renderer = RendererAgg(8, 8, 72)
        self._widths: dict[str, float] = {}

    def width(self, text: str, size: float) -> float:
        """Width in points at a font size in points."""
        if text not in self._widths:
            from matplotlib.font_manager import FontProperties

            font = FontProperties(family=self.families, size=100)
            self._widths[text] = float(self._renderer.get_text_width_height_descent(text, font, ismath=False)[0]) / 100
        return self._widths[text] * size

    def longest_word(self, text: str) -> float:
        """Width of the widest piece that :meth:`wrap` would rather not break, in points at a font size of 1 point."""
        return max([0.01, *(self.width(piece.strip(), 1.0) for piece in _PIECES.findall(text))])

    def wrap(self, text: str, size: float, limit: float) -> list[str]:
        """Lines that are at most ``limit`` points wide, broken at blanks, after ``-``, ``_`` or ``/``, else in a word.

        A single character wider than the limit keeps a line for itself. Empty text is one empty line.
        """
        if self.width(text, size) <= limit:
            return [text]
        lines: list[str] = []
        line = ""
        for piece in _PIECES.findall(text):
            if self.width((line + piece).rstrip(), size) <= limit:
                line += piece
                continue
            if line.strip():
                lines.append(line.strip())
            line = piece.lstrip()
            while len(line) > 1 and self.width(line.rstrip(), size) > limit:
                fits = max(1, self._fitting(line, size, limit))
                lines.append(line[:fits])
                line = line[fits:]
        if line.strip() or not lines:
            lines.append(line.strip())
        return lines

    def _fitting(self, text: str, size: float, limit: float) -> int:
        """Number of leading characters that fit; an accent stays with its letter."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle], size) <= limit:
                low = middle
            else:
                high = middle - 1
        while 0 < low < len(text) and (unicodedata.combining(text[low]) or text[low] in JOINERS):
            low -= 1
        return low


@lru_cache(maxsize=64)
def _covered(family: str) -> frozenset[int]:
    """Code points that a font family has; empty when the machine does not have the family."""
    from matplotlib import font_manager

    fonts: Any = font_manager.fontManager
    if all(entry.name != family for entry in fonts.ttflist):
        return frozenset()
    path = font_manager.findfont(font_manager.FontProperties(family=[family]))
    return frozenset(font_manager.get_font(path).get_charmap())
