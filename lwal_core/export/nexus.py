"""NEXUS of a class tree, with clade names and support as metacomments (FigTree, BEAST, R).

Names stand in the TAXA block and in TRANSLATE only; the tree itself is made of numbers, so that nothing in a name can
be taken for a part of the tree. ``[&R]`` says that the tree is rooted. What a merge is called and how often it recurs
stands in ``[&name="...",support=..]`` behind its bracket, where FigTree looks for it.

Sources: Maddison, Swofford & Maddison (1997), https://doi.org/10.1093/sysbio/46.4.590;
https://beast.community/nexus_metacomments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy.typing as npt

from lwal_core.errors import ExportError
from lwal_core.export.newick import (
    NodeShares,
    NodeTexts,
    bracketed,
    branch_tails,
    checked_linkage,
    checked_names,
    per_merge,
    quoted,
    safe_ids,
    support_percent,
)
from lwal_core.sanitize import encodable

# Taxon labels that readers take for a taxon's number unless they are quoted.
_NUMBER = re.compile(r"[0-9.]+")
# A comment ends at ], values are divided by commas, and a quoted value ends at ".
_IN_COMMENTS = str.maketrans({"[": "(", "]": ")", '"': "'", ",": ";", "=": "~"})


def to_nexus(
    linkage: npt.ArrayLike,
    names: Sequence[str],
    *,
    mode: Literal["strict", "safe"] = "strict",
    scale: float = 0.5,
    inner_names: NodeTexts | None = None,
    support: NodeShares | None = None,
    comment: str = "",
) -> str:
    """Write a scipy linkage as a NEXUS file with a TAXA and a TREES block.

    Args:
        linkage: ``[n-1, 4]`` scipy linkage.
        names: n class names in the order of the class ids.
        mode: ``"strict"`` quotes names (a quote inside is doubled; line breaks and tabs become blanks, and names that
            are alike then get their class number), ``"safe"`` writes :func:`lwal_core.export.newick.safe_ids`, which R's
            ``ape`` needs for names with blanks or quotes.
        scale: Factor from heights to lengths, as for :func:`lwal_core.export.newick.to_newick`.
        inner_names: Names of merges, by row of the linkage. Square brackets, commas, double quotes and equals signs
            are replaced, because they would end the comment that holds the name.
        support: Share of trees, 0 to 1, with the merge's clade, by row; written as 0 to 100, none at the root.
        comment: Plain text at the head of the file, such as how the tree was made.

    Returns:
        The file's text. Lengths, and what happens to inversions, are as in Newick.

    Raises:
        AnalysisError: Not a linkage.
        ExportError: As for Newick.

    Warns:
        UserWarning: An inversion was clamped.
    """
    if mode not in ("strict", "safe"):
        raise ExportError(f"mode is {mode!r}, allowed are 'strict' and 'safe'.")
    z = checked_linkage(linkage, names)
    n = len(names)
    labels = safe_ids(names) if mode == "safe" else _labels(names)
    said = f"[{_in_comment(comment)}]\n" if comment.strip() else ""
    texts, shares = per_merge(inner_names, n, "inner_names"), per_merge(support, n, "support")
    if n == 1:
        tree = "1;"
    else:
        tails = [*branch_tails(z, scale, "clamp"), ""]
        ends = [
            f"{_metacomment(texts[row], support_percent(shares[row], row, n))}{tails[n + row]}" for row in range(n - 1)
        ]
        tree = bracketed(z, [f"{i + 1}{tails[i]}" for i in range(n)], ends)
    taxa = "\n".join(f"    {label}" for label in labels)
    translate = ",\n".join(f"    {i} {label}" for i, label in enumerate(labels, start=1))
    return (
        f"#NEXUS\n{said}BEGIN TAXA;\n  DIMENSIONS NTAX={n};\n  TAXLABELS\n{taxa}\n  ;\nEND;\n"
        f"BEGIN TREES;\n  TRANSLATE\n{translate}\n  ;\n  TREE classes = [&R] {tree}\nEND;\n"
    )


def _labels(names: Sequence[str]) -> list[str]:
    texts: dict[str, None] = {}
    for index, name in enumerate(checked_names(names)):
        text = " ".join("".join(c if c.isprintable() else " " for c in name).split()) or f"class {index}"
        # Names that a line break told apart are told apart by their number.
        while text in texts:
            text += f" (class {index})"
        texts[text] = None
    return [f"'{text}'" if _NUMBER.fullmatch(text) else quoted(text) for text in texts]


def _metacomment(name: str | None, percent: str | None) -> str:
    values = [f'name="{_in_comment(name)}"'] if name and name.strip() else []
    if percent is not None:
        values.append(f"support={percent}")
    return f"[&{','.join(values)}]" if values else ""


def _in_comment(text: str) -> str:
    """On one line, without what would end the comment or the value."""
    printable = "".join(char if char.isprintable() else " " for char in text.translate(_IN_COMMENTS))
    return " ".join(encodable(printable).split())
