"""Report of a run as one HTML file: tree, map, curves, tables, files, citation."""

from __future__ import annotations

import base64
import math

from lwal_core import __version__
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import ExportError
from lwal_core.export.json_tree import tree_json
from lwal_core.export.newick import safe_ids, to_newick
from lwal_core.export.pictures.text import shown_name
from lwal_core.export.rendering import asset, render_page
from lwal_core.export.report.content import Cell, Report, Table
from lwal_core.export.report.drawings import curves_svg, map_svg, tree_svg
from lwal_core.export.tables import csv_file, distances_csv, linkage_csv, table_csv
from lwal_core.figures.clade_colors import clade_colors
from lwal_core.figures.palette import OKABE_ITO, SHAPES

MAX_CLASSES = 2_000
MOST_CUTS = 500
MOST_DISTANCES = 300  # classes whose distances go along; a matrix grows with their square
DRAWN_SHAPES = SHAPES[:5]  # those that the script can draw

_HINT = "Click a merge, or reach it by Tab, to see its classes here and in the map."


def report_page(report: Report) -> bytes:
    """HTML file of a report.

    Args:
        report: Its content; all texts are escaped by the template.

    Returns:
        HTML in UTF-8: some 60 kB with ten classes, 200 kB with a thousand samples on the map.

    Raises:
        ExportError: More than :data:`MAX_CLASSES` classes.
    """
    h = report.h
    if h.n > MAX_CLASSES:
        raise ExportError(
            f"The tree has {h.n:,} classes, a report shows at most {MAX_CLASSES:,}.", "Use SVG, Newick or JSON."
        )
    most = min(h.n, MOST_CUTS)
    drawn = tree_svg(h)
    data = {
        "n": h.n,
        "parents": h.parents.tolist(),
        "heights": h.layout().height.tolist(),
        "places": h.layout().place.tolist(),
        "colors": [OKABE_ITO[color] for color in clade_colors(h).tolist()],
        "symbols": list(DRAWN_SHAPES),
        "cuts": [_defined(h.height_for(k)) for k in range(1, most + 1)],
        "names": [shown_name(name) for name in h.names],
        "clades": {str(node): shown_name(name) for node, name in report.clade_names.items() if node >= h.n},
        "zero": drawn.zero,
        "unit": drawn.unit,
        "rows": drawn.rows,
        "hint": _HINT if h.n > 1 else "",
    }
    return render_page(
        "report.html",
        style=asset("report.css"),
        scripts=[asset("report.js")],
        theme=None,
        title=report.title,
        report=report,
        data=data,
        most=most,
        cut=min(max(int(report.cut), 1), most),
        tree=drawn.svg,
        map=map_svg(report.map, h.names) if report.map else "",
        curves=curves_svg(report.curves) if any(len(curve.epochs) for curve in report.curves) else "",
        tables=[_merges(h), *report.tables, Table("Configuration", ["what", "value"], list(report.facts.items()))],
        files=_files(report),
        version=__version__,
    )


def _merges(h: Hierarchy) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (float(h.linkage[row, 2]), int(h.sizes[h.n + row]), *(h.clade_name(int(c)) for c in h.children[row]))
        for row in range(h.n - 2, -1, -1)
    ]
    return Table("Merges of the tree, highest first", ["distance", "classes", "joins", "with"], rows)


def _files(report: Report) -> list[tuple[str, str, str]]:
    """Title, file name and content in base 64 of the files that are in the page itself."""
    h = report.h
    files = [
        ("Newick, safe names", "tree.nwk", to_newick(h.linkage, h.names, mode="safe") + "\n"),
        (
            "classes behind them, CSV",
            "classes.csv",
            table_csv(["id", "class"], zip(safe_ids(h.names), h.names, strict=True)),
        ),
        ("merges, CSV", "merges.csv", linkage_csv(h.linkage, h.names)),
        (
            "tree, JSON",
            "tree.json",
            tree_json(h, clade_names=report.clade_names, about={"caption": report.caption}).decode(),
        ),
    ]
    if h.n <= MOST_DISTANCES:
        files.append(("distances, CSV", "distances.csv", distances_csv(h.square(), h.names)))
    return [
        (
            title,
            name,
            base64.b64encode(csv_file(content.encode()) if name.endswith(".csv") else content.encode()).decode(),
        )
        for title, name, content in files
    ]


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
