"""CSV tables (RFC 4180, CRLF).

The functions return text with these line ends; :func:`csv_file` makes a file of it.

Class and run names are other people's text, and spreadsheets run text that begins like a formula
(https://owasp.org/www-community/attacks/CSV_Injection). Such cells get an apostrophe in front, which makes them text; so
does what follows a semicolon or a tab inside a cell, since a spreadsheet may be set to divide cells there.
Numbers stay as they are, so -1.5 is a number in every reader. Undefined numbers are written ``nan``.

Source: https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import codecs
import csv
import io
import numbers
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lwal_core.errors import ExportError
from lwal_core.export.newick import checked_linkage
from lwal_core.sanitize import encodable

# What makes a spreadsheet read a cell as a formula when it comes first.
_FORMULA_STARTS = "=+-@"
# Elsewhere than in English a semicolon divides cells, and the cell after it begins anew.
_OTHER_SEPARATORS = re.compile(r"([;\t])")
MEMBER_SEPARATOR = "; "
_ESCAPED = re.compile(r"[\\;]|^…")
# A chain of n merges has n²/2 members in all; past this total, large clades list their first members only.
MAX_MEMBERS_IN_FULL = 1_000_000
MAX_MEMBERS_LISTED = 50

Cell = object  # text, a number, a bool or None


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Write any table.

    Args:
        columns: Heads of the columns.
        rows: Cells: text, numbers (numpy's too), booleans as ``true`` and ``false``, None as an empty cell.

    Raises:
        ExportError: A row has another number of cells than there are columns.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(str(column)) for column in columns])
    for index, row in enumerate(rows):
        if len(row) != len(columns):
            raise ExportError(f"Row {index} has {len(row)} cells, the table has {len(columns)} columns.")
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def csv_file(data: bytes) -> bytes:
    """CSV in UTF-8 as a file, with a byte order mark: without it a spreadsheet shows ``Bär`` as ``BÃ¤r``."""
    return data if data.startswith(codecs.BOM_UTF8) else codecs.BOM_UTF8 + data


def joined_members(names: Iterable[str]) -> str:
    r"""Names in one cell, separated by ``"; "``; a semicolon, a backslash or a first … in a name follows a backslash."""
    return MEMBER_SEPARATOR.join(_ESCAPED.sub(r"\\\g<0>", name) for name in names)


def linkage_csv(linkage: npt.ArrayLike, names: Sequence[str]) -> str:
    """Write a tree as one row per node, classes first, so that the ids of the parts can be looked up in the file itself.

    Columns: ``id`` (0 to n-1 are classes, n+i is merge i), ``left`` and ``right`` (ids of the two parts, empty for a
    class), ``height`` (distance of the merge, 0 for a class), ``size`` (classes below) and ``members`` (their names
    from left to right as :func:`joined_members` writes them; for a tree of thousands of classes large clades list the first ones and
    say how many follow).

    Args:
        linkage: ``[n-1, 4]`` scipy linkage.
        names: n class names in the order of the class ids.

    Raises:
        AnalysisError: Not a linkage.
        ExportError: Names that do not fit the linkage.
    """
    z = checked_linkage(linkage, names)
    n = len(names)
    sizes = z[:, 3].astype(np.int64)
    limit = MAX_MEMBERS_LISTED if int(sizes.sum()) > MAX_MEMBERS_IN_FULL else n
    # Only the first members of a part are kept, which is all that its parent can list.
    first_members: list[list[str]] = [[str(name)] for name in names]
    rows: list[list[Cell]] = [
        [index, None, None, 0.0, 1, joined_members([str(name)])] for index, name in enumerate(names)
    ]
    for row in range(n - 1):
        left, right, size = int(z[row, 0]), int(z[row, 1]), int(sizes[row])
        members = (first_members[left] + first_members[right])[:limit]
        first_members.append(members)
        first_members[left] = first_members[right] = []
        text = joined_members(members)
        if size > len(members):
            text += f"{MEMBER_SEPARATOR}… and {size - len(members):,} more"
        rows.append([n + row, left, right, float(z[row, 2]), size, text])
    return table_csv(["id", "left", "right", "height", "size", "members"], rows)


def distances_csv(square: npt.ArrayLike, names: Sequence[str]) -> str:
    """Write a distance matrix with the names in the first row and the first column.

    Args:
        square: ``[n, n]`` distances; ``nan`` where undefined.
        names: n class names.

    Raises:
        ExportError: The matrix is not ``[n, n]``.
    """
    matrix = np.asarray(square, dtype=np.float64)
    n = len(names)
    if matrix.shape != (n, n):
        raise ExportError(f"The distances have shape {matrix.shape}, {n} names need ({n}, {n}).")
    rows = ([str(name), *values] for name, values in zip(names, matrix.tolist(), strict=True))
    return table_csv(["class", *map(str, names)], rows)


def cut_csv(
    names: Sequence[str],
    labels: npt.ArrayLike,
    columns: Mapping[str, Sequence[Cell]] | None = None,
    group_names: Sequence[str] = (),
) -> str:
    """Write which group each class falls into at a cut: columns ``class`` and ``group``, ``name`` where groups have names, and
    further ones.

    Args:
        names: n class names.
        labels: ``[n]`` whole group numbers, as ``Hierarchy.cut`` returns them.
        columns: Further columns by their heads, a cell a class each.
        group_names: Name of each group, by its number.

    Raises:
        ExportError: Not one whole number a name.
    """
    groups = np.asarray(labels)
    if groups.shape != (len(names),) or (groups.size and groups.dtype.kind not in "iu"):
        raise ExportError(
            f"The groups have shape {groups.shape} and type {groups.dtype}, "
            f"{len(names)} names need as many whole numbers."
        )
    further = columns or {}
    own = ("class", "group", "name")[: 3 if group_names else 2]
    heads = [f"{head} (column)" if head in own else head for head in further]
    called = ([group_names[group] for group in groups.tolist()],) if group_names else ()
    rows = zip(map(str, names), groups.tolist(), *called, *further.values(), strict=True)
    return table_csv([*own, *heads], rows)


def coordinates_csv(
    names: Sequence[str],
    coordinates: npt.ArrayLike,
    *,
    axes: Sequence[str] | None = None,
    extra: Mapping[str, Sequence[Cell]] | None = None,
) -> str:
    """Write points of a projection: the class of each point, further columns, then the coordinates.

    Args:
        names: Class name of each of the N points.
        coordinates: ``[N, d]``, ``nan`` where undefined.
        axes: d heads of the coordinate columns; ``x, y, z`` for up to three, else ``x1, x2, ...``.
        extra: Further columns with N cells each, such as the split or the epoch.

    Raises:
        ExportError: Shapes or lengths that do not fit.
    """
    points = np.asarray(coordinates, dtype=np.float64)
    if points.ndim != 2 or len(points) != len(names):
        raise ExportError(f"The coordinates have shape {points.shape}, {len(names)} names need ({len(names)}, d).")
    d = points.shape[1]
    if axes is None:
        axes = ["x", "y", "z"][:d] if d <= 3 else [f"x{i + 1}" for i in range(d)]
    if len(axes) != d:
        raise ExportError(f"{len(axes)} axes are named, the coordinates have {d}.")
    further = dict(extra or {})
    for column, cells in further.items():
        if len(cells) != len(names):
            raise ExportError(f"Column {column!r} has {len(cells)} cells, there are {len(names)} points.")
    rows = (
        [str(name), *(cells[i] for cells in further.values()), *point]
        for i, (name, point) in enumerate(zip(names, points.tolist(), strict=True))
    )
    return table_csv(["class", *further, *axes], rows)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value) + 0.0)  # no -0.0
    # A lone surrogate (from a file name, say) has no UTF-8 form.
    return no_formula(encodable(str(value)))


def no_formula(text: str) -> str:
    """Text for a cell, with an apostrophe before what a spreadsheet would run."""
    first, *rest = _OTHER_SEPARATORS.split(text)
    marked = "".join(f"'{part}" if _is_formula(part) else part for part in rest)
    return f"'{first}{marked}" if text.startswith(("\t", "\r", "\n")) or _is_formula(first) else first + marked


def _is_formula(text: str) -> bool:
    # Who reads it may skip blanks, double quotes and what is not seen; in some locales wide forms are taken as the plain ones.
    for char in text:
        if not (char.isspace() or char == '"' or unicodedata.category(char) in ("Cc", "Cf", "Cs")):
            return unicodedata.normalize("NFKC", char)[0] in _FORMULA_STARTS
    return False
