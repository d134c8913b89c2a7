"""Markdown, LaTeX and HTML tables of untrusted text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "±": r"$\pm$", "−": r"$-$", "×": r"$\times$", "…": r"\ldots{}",
    "[": "{[}", "]": "{]}", "*": "{*}", "`": r"\textasciigrave{}",
}  # fmt: skip

# Braces and dollars mean nothing to Markdown, but to the site generators and formula renderers that it is put through.
_MARKDOWN = "\\`*_[]<>|#&~{}$!@"
_BARE_LINK = re.compile(r"(?i)(www|https?|ftp|mailto|xmpp)([.:])")  # would be made a link without any brackets
_BEGINS_LIST = re.compile(r"^(\s*\d{0,9})([-+=.)])(?=[\s=-]|$)")


def markdown_text(text: str) -> str:
    """Text on one line that Markdown shows as it is; names of data and files may hold anything."""
    return _BEGINS_LIST.sub(r"\1\\\2", _cell_text(text))


def markdown_row(cells: Sequence[str]) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(map(_cell_text, cells)) + " |"


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [markdown_row(columns), "|" + "---|" * len(columns), *map(markdown_row, rows)]
    return "\n".join(lines) + "\n"


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is. A bracket or star that begins a cell would be read as an option of the line before,
    so those stand in braces."""
    return "".join(_LATEX.get(c, c) for c in _one_line(text))


def latex_table(columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A LaTeX table by the packages booktabs and textcomp, numbers and names as text.

    Args:
        columns: Heads of the columns.
        rows: Cells.
        caption: Plain text below the table.
    """
    body = [" & ".join(map(latex_text, row)) + r" \\" for row in rows]
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage{textcomp}",
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{{'l' * len(columns)}}}",
        r"\toprule",
        " & ".join(map(latex_text, columns)) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *([rf"\caption{{{latex_text(caption)}}}"] if caption else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _cell_text(text: str) -> str:
    escaped = "".join("\\" + c if c in _MARKDOWN else c for c in _one_line(text))
    return _BARE_LINK.sub(r"\1\\\2", escaped)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def html_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table, with every text escaped."""
    head = "".join(f"<th>{escape(_one_line(name))}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(_one_line(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
