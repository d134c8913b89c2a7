"""The file itself: everything about a run on one page, with the policy that lets it load nothing."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lwal_core import __version__
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import ExportError
from lwal_core.export.film import policy_hash
from lwal_core.export.json_tree import tree_json
from lwal_core.export.newick import safe_ids, to_newick
from lwal_core.export.report.behaviour import SCRIPT, STYLE
from lwal_core.export.report.content import Cell, Report, Table
from lwal_core.export.report.drawings import curves_svg, map_svg, shown_name, tree_svg
from lwal_core.export.tables import distances_csv, linkage_csv, table_csv
from lwal_core.figures.clade_colors import clade_colors
from lwal_core.figures.palette import OKABE_ITO, SHAPES

MAX_CLASSES = 2_000
MOST_CUTS = 500
MOST_DISTANCES = 300  # classes whose distances go along; a matrix grows with their square
DRAWN_SHAPES = SHAPES[:5]  # those that the script can draw

_HINT = "Click a merge, or reach it by Tab, to see its classes here and in the map."

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {script_hash}; \
style-src {style_hash}; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{answer}</p>
<h2>What groups do the classes form?</h2>
<div class="bar"><label for="cut-slider">Groups</label>
<input id="cut-slider" type="range" min="1" max="{most}" value="{cut}" step="1" autocomplete="off">
<output id="cut-said" for="cut-slider"></output></div>
<div class="two"><div class="scroll">{tree}</div>
<div class="panel"><ul id="groups" aria-label="Groups of the cut"></ul>
<p id="chosen" class="quiet" aria-live="polite">{hint}</p></div></div>
<p class="quiet">{caption}</p>
{map}
{curves}
<h2>Numbers</h2>
{tables}
<h2>Take it along</h2>
<p>{files}</p>
<h2>How to cite</h2>
{citation}
<p class="quiet">Written by LwAL Explorer {version}. This file is complete: it loads nothing and sends nothing.</p>
</main>
<script id="data" type="application/json">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def report_page(report: Report) -> bytes:
    """Write a report.

    Args:
        report: Its content; all texts are escaped here.

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
    page = _PAGE.format(
        script_hash=policy_hash(SCRIPT),
        style_hash=policy_hash(STYLE),
        title=_text(report.title),
        answer=_text(report.answer),
        style=STYLE,
        script=SCRIPT,
        data=_json(data),
        most=most,
        cut=min(max(int(report.cut), 1), most),
        hint=_text(str(data["hint"])),
        tree=drawn.svg,
        caption=_text(report.caption),
        map=_map(report),
        curves=_curves(report),
        tables="\n".join(_table(table) for table in [_merges(h), *report.tables, _facts(report.facts)] if table.rows),
        files=" · ".join(_files(report)),
        citation="\n".join(f"<p>{_text(line)}</p>" for line in report.citation),
        version=_text(__version__),
    )
    return page.encode("utf-8", "replace")


def _map(report: Report) -> str:
    if report.map is None:
        return ""
    drawing = map_svg(report.map, report.h.names)
    note = f'<p class="quiet">{_text(report.map.note)}</p>' if report.map.note else ""
    return f'<h2>What is near what?</h2>\n<div class="scroll">{drawing}</div>\n{note}'


def _curves(report: Report) -> str:
    if not any(len(curve.epochs) for curve in report.curves):
        return ""
    return f'<h2>Did it pay off? Test accuracy by nearest class mean</h2>\n<div class="scroll">{curves_svg(report.curves)}</div>'


def _merges(h: Hierarchy) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (float(h.linkage[row, 2]), int(h.sizes[h.n + row]), *(h.clade_name(int(c)) for c in h.children[row]))
        for row in range(h.n - 2, -1, -1)
    ]
    return Table("Merges of the tree, highest first", ["distance", "classes", "joins", "with"], rows)


def _facts(facts: Mapping[str, str]) -> Table:
    return Table("Configuration", ["what", "value"], list(facts.items()))


def _table(table: Table) -> str:
    numeric = [
        all(isinstance(row[column], int | float) or row[column] is None for row in table.rows)
        for column in range(len(table.columns))
    ]

    def cells(tag: str, values: Sequence[Cell]) -> str:
        return "".join(
            f"<{tag}{' class=number' if numeric[i] else ''}>{_text(_shown(value))}</{tag}>"
            for i, value in enumerate(values)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in table.rows)
    note = f'<p class="quiet">{_text(table.note)}</p>' if table.note else ""
    head = f"<thead><tr>{cells('th', table.columns)}</tr></thead>"
    return (
        f"<details><summary>{_text(table.title)}</summary>{note}"
        f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div></details>'
    )


def _files(report: Report) -> list[str]:
    """Links whose targets are in the page itself."""
    h = report.h
    files = {
        ("Newick, safe names", "tree.nwk"): to_newick(h.linkage, h.names, mode="safe") + "\n",
        ("classes behind them, CSV", "classes.csv"): table_csv(
            ["id", "class"], zip(safe_ids(h.names), h.names, strict=True)
        ),
        ("merges, CSV", "merges.csv"): linkage_csv(h.linkage, h.names),
        ("tree, JSON", "tree.json"): tree_json(
            h, clade_names=report.clade_names, about={"caption": report.caption}
        ).decode(),
    }
    if h.n <= MOST_DISTANCES:
        files["distances, CSV", "distances.csv"] = distances_csv(h.square(), h.names)
    return [
        f'<a download="{name}" href="data:application/octet-stream;base64,{base64.b64encode(text.encode()).decode()}">'
        f"{_text(title)}</a>"
        for (title, name), text in files.items()
    ]


def _shown(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return format_number(value)
    return shown_name(value) if value else ""


def _text(text: str) -> str:
    """Untrusted text in HTML, quotes too."""
    return escape("".join(char for char in text if char.isprintable() or char == "\n"), quote=True)


def _json(value: Any) -> str:
    """JSON inside a script element, which the first ``</`` would end."""
    import orjson

    return orjson.dumps(value).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
