"""Columns of classes as iTOL's annotation files: strips of colours, gradients, texts.

The files follow the templates DATASET_COLORSTRIP, DATASET_GRADIENT and DATASET_TEXT of https://itol.embl.de/help.cgi.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from lwal_core.figures.colouring import Colouring, category_color, scale_color

_INK = "#1F2933"
_SHAPES = {"circle": 2, "star": 3, "triangle-up": 4, "triangle-down": 5}  # of legends; what iTOL lacks is a square


def column_files(
    ids: Sequence[str], columns: Mapping[str, Colouring], field: Callable[[str], str], write: Callable[..., str]
) -> dict[str, str]:
    """A file for each column that has a value.

    Args:
        ids: Of the classes.
        columns: Values of all classes, by title.
        field: Makes a text fit a field.
        write: Puts kind, settings and rows of a file together.

    Returns:
        ``file name -> content``, in the order of the columns.
    """
    files = {}
    for number, (title, column) in enumerate(columns.items(), start=1):
        if not column.known.any():
            continue
        label = field(title) or f"column {number}"
        word = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:30].strip("_")
        rows = [i for i, known in enumerate(column.known.tolist()) if known]
        ending, kind, settings, values = _dataset(column, label, field)
        name = "_".join(part for part in (f"column_{number:02d}", word, ending) if part)
        files[f"{name}.txt"] = write(kind, settings, [f"{ids[i]}\t{values[i]}" for i in rows])
    return files


def _dataset(column: Colouring, label: str, field: Callable[[str], str]) -> tuple[str, str, dict[str, str], list[str]]:
    """Ending of the file's name, iTOL's kind, settings, and the value of each class."""
    count = len(column)
    if column.kind == "number":
        low, middle, high = (scale_color(share) for share in (0.0, 0.5, 1.0))
        settings = {
            "DATASET_LABEL": label, "COLOR": middle, "COLOR_MIN": low, "COLOR_MAX": high, "USE_MID_COLOR": "1", "COLOR_MID": middle,
        }  # fmt: skip
        return "gradient", "DATASET_GRADIENT", settings, [repr(value) for value in column.numbers.tolist()]
    texts = [field(column.text(i)) or "(blank)" for i in range(count)]
    if column.kind == "label":
        settings = {"DATASET_LABEL": label, "COLOR": _INK}
        return "text", "DATASET_TEXT", settings, [f"{text}\t-1\t{_INK}\tnormal\t1\t0" for text in texts]
    entries = column.legend()
    settings = {
        "DATASET_LABEL": label,
        "COLOR": entries[0].color,
        "LEGEND_TITLE": label,
        "LEGEND_SHAPES": "\t".join(str(_SHAPES.get(entry.symbol, 1)) for entry in entries),
        "LEGEND_COLORS": "\t".join(entry.color for entry in entries),
        "LEGEND_LABELS": "\t".join(field(entry.text) or "(blank)" for entry in entries),
    }
    colors = [category_color(code) if code >= 0 else "" for code in column.codes.tolist()]
    return (
        "strip",
        "DATASET_COLORSTRIP",
        settings,
        [f"{color}\t{text}" for color, text in zip(colors, texts, strict=True)],
    )
