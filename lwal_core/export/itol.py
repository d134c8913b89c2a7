"""iTOL zip of a class tree: tree, annotation files, README.

The files follow the templates at https://itol.embl.de/help.cgi. Leaves are called by safe ids, merges by two leaves
whose last common ancestor they are (``leaf1|leaf2``), which survives whatever iTOL does to inner names. Fields are
divided by tabs. iTOL reads some HTML in labels, so that names are written without angle brackets.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy.typing as npt

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.export.itol_columns import column_files
from lwal_core.export.newick import safe_ids, to_newick
from lwal_core.export.tables import csv_file, table_csv
from lwal_core.figures.clade_colors import GroupMark, group_marks
from lwal_core.figures.colouring import Colouring

# iTOL's shapes: 1 square, 2 circle, 3 star, 4 right triangle, 5 left triangle, 6 check mark.
_SHAPES = {"circle": 2, "square": 1, "star": 3, "triangle-up": 4, "triangle-down": 5}
_OTHER_SHAPE = 6
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same tree gives the same bytes

_README = """A class tree for iTOL (https://itol.embl.de)

{caption}

1. Open https://itol.embl.de/upload.cgi and upload tree.nwk.
2. Drag the .txt files of this folder onto the tree, one after the other or all at once.

tree.nwk              the tree; its leaves are ids such as c03_siamese_cat{support}
labels.txt            the names of the classes, and those that people gave to clades
{files}classes.csv           the ids and the names behind them

The path between two leaves is as long as the height at which they join. {groups}
In the .txt files angle brackets in names are written as ‹ ›, because iTOL reads HTML there; classes.csv has the names
as they are.
"""


def itol_zip(
    h: Hierarchy,
    *,
    cut: CutAt | None = None,
    clade_names: Mapping[int, str] | None = None,
    support: npt.NDArray | None = None,
    caption: str = "",
    columns: Mapping[str, Colouring] | None = None,
) -> bytes:
    """Write the files for iTOL.

    Args:
        h: The tree.
        cut: None, a number of groups (``int``), a height (``float``) or top nodes: each group gets the colour that it has in the
            app, as branches, as a strip and as a symbol at its top.
        clade_names: Names that people gave to merges, by node.
        support: ``[n-1]`` share of other trees with each clade.
        caption: Plain text for the README.
        columns: Columns of the classes by title: strips of colours, gradients, texts.

    Returns:
        A zip; the same tree gives the same bytes.

    Raises:
        AnalysisError: The tree has no such cut.
        ExportError: Support that does not fit the tree.
    """
    ids = safe_ids(h.names)
    marks = [] if cut is None else group_marks(h, cut)
    further = {title: column_cells(column) for title, column in (columns or {}).items()}
    files = {
        "tree.nwk": to_newick(h.linkage, h.names, mode="safe", support=support) + "\n",
        "labels.txt": _labels(h, ids, clade_names or {}),
        "classes.csv": table_csv(["id", "class", *further], zip(ids, h.names, *further.values(), strict=True)),
    }
    listed = ""
    if marks:
        files["groups_branches.txt"] = _branches(h, ids, marks)
        files["groups_strip.txt"] = _strip(h, ids, marks)
        files["groups_symbols.txt"] = _symbols(h, ids, marks)
        listed = (
            "groups_branches.txt   branches in the colours of the groups\n"
            "groups_strip.txt      a strip of the groups beside the leaves\n"
            "groups_symbols.txt    a symbol at the top of each group; the shape tells equal colours apart\n"
        )
    for name, text in column_files(ids, columns or {}, _field, _file).items():
        files[name] = text
        listed += f"{name:<22}a column of the classes\n"
    files["README.txt"] = _README.format(
        caption=_field(caption) or "Written by LwAL Explorer.",
        support="; numbers at merges are percent of other trees with the clade" if support is not None else "",
        files=listed,
        groups=f"The cut makes {len(marks):,} group{'' if len(marks) == 1 else 's'}." if marks else "",
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.external_attr = 0o644 << 16
            data = text.encode()
            archive.writestr(info, csv_file(data) if name.endswith(".csv") else data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def column_cells(column: Colouring) -> list[float | str | None]:
    """Values of a column as cells of a table; None where there is none."""
    known = column.known.tolist()
    if column.kind == "number":
        return [value if known[i] else None for i, value in enumerate(column.numbers.tolist())]
    return [column.text(i) if known[i] else None for i in range(len(column))]


def _labels(h: Hierarchy, ids: list[str], clade_names: Mapping[int, str]) -> str:
    rows = [(node, _field(name) or "(no name)") for node, name in enumerate(h.names)]
    rows += [(node, _field(name)) for node, name in sorted(clade_names.items()) if node >= h.n and _field(name)]
    return _file("LABELS", {}, [f"{_place(h, ids, node)}\t{name}" for node, name in rows])


def _branches(h: Hierarchy, ids: list[str], marks: list[GroupMark]) -> str:
    rows = [
        f"{_place(h, ids, mark.node)}\t{'branch' if mark.node < h.n else 'clade'}\t{mark.color}\tnormal\t2"
        for mark in marks
    ]
    return _file("TREE_COLORS", {}, rows)


def _strip(h: Hierarchy, ids: list[str], marks: list[GroupMark]) -> str:
    named = [(mark, f"group {number}") for number, mark in enumerate(marks)]
    settings = {
        "DATASET_LABEL": "groups",
        "COLOR": marks[0].color,
        "LEGEND_TITLE": "Groups",
        "LEGEND_SHAPES": "\t".join("1" for _ in named),
        "LEGEND_COLORS": "\t".join(mark.color for mark, _ in named),
        "LEGEND_LABELS": "\t".join(name for _, name in named),
    }
    rows = [f"{ids[i]}\t{mark.color}\t{name}" for mark, name in named for i in h.members(mark.node).tolist()]
    return _file("DATASET_COLORSTRIP", settings, rows)


def _symbols(h: Hierarchy, ids: list[str], marks: list[GroupMark]) -> str:
    settings = {"DATASET_LABEL": "tops of the groups", "COLOR": marks[0].color, "MAXIMUM_SIZE": "10"}
    rows = [
        f"{_place(h, ids, mark.node)}\t{_SHAPES.get(mark.symbol, _OTHER_SHAPE)}\t10\t{mark.color}\t1\t1"
        for mark in marks
    ]
    return _file("DATASET_SYMBOL", settings, rows)


def _file(kind: str, settings: Mapping[str, str], rows: list[str]) -> str:
    heads = [kind, "SEPARATOR TAB", *(f"{key}\t{value}" for key, value in settings.items()), "DATA"]
    return "\n".join([*heads, *rows]) + "\n"


def _place(h: Hierarchy, ids: list[str], node: int) -> str:
    """How iTOL finds a node: a leaf by its id, a merge by its first and last leaf."""
    if node < h.n:
        return ids[node]
    members = h.members(node)
    return f"{ids[members[0]]}|{ids[members[-1]]}"


def _field(text: str) -> str:
    """On one line, without tabs and angle brackets."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.replace("<", "‹").replace(">", "›").split())
