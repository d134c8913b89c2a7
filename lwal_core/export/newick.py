"""Newick: linkage to text and back.

The edge above a node is ``(h_parent - h_node) / 2`` long with the tips at height 0, so that the path between two tips
is as long as their cophenetic distance. This is what R's ``as.phylo.hclust`` writes, hence a tree goes to R and back
unchanged.

Grammar: Olsen's description of the format (https://phylipweb.github.io/phylip/newick_doc.html). Two ways to write
names:

- ``strict``: lossless. Everything but ``[A-Za-z0-9.]`` is quoted, a quote inside is doubled. Biopython, DendroPy and
  this module read it back exactly; R's ``ape`` keeps the quotes as part of the name.
- ``safe``: unique identifiers such as ``c03_siamese_cat`` that every reader takes as they are (R, ete3, iTOL);
  :func:`safe_ids` gives the same identifiers for a table that leads back to the names.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import TIE_TOLERANCE, check_linkage
from lwal_core.analysis.base.newick import NewickTree, parse_newick
from lwal_core.errors import ExportError, ImportFileError

MAX_SLUG_CHARACTERS = 60  # of a name inside a safe identifier; some readers cut at 100 or so
ULTRAMETRIC_TOLERANCE = 1e-4  # share of the tree's height; Biopython writes 5 decimals, which adds up along a path

_BARE_LABEL = re.compile(r"[A-Za-z0-9.]+")

NodeTexts = Mapping[int, str] | Sequence[str | None]
NodeShares = Mapping[int, float] | Sequence[float] | npt.NDArray[np.floating[Any]]


def checked_linkage(linkage: npt.ArrayLike, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the linkage as ``[n-1, 4]`` float64 if it is one and fits the names.

    Args:
        linkage: scipy linkage; a row is a merge: two child ids (``0..n-1`` are classes, ``n+i`` is merge ``i``),
            height, size.
        names: The n class names, in the order of the class ids.

    Raises:
        AnalysisError: Not a linkage.
        ExportError: No names, or not one name a class.
    """
    if len(names) == 0:
        raise ExportError("There are 0 classes, a tree needs at least 1.", "Choose a run that has classes.")
    z = check_linkage(linkage)
    if len(z) + 1 != len(names):
        raise ExportError(
            f"The linkage joins {len(z) + 1} classes and {len(names)} names are given.",
            "Pass the linkage and the names of the same classes.",
        )
    return z


def safe_ids(names: Sequence[str], *, prefix: str = "c") -> list[str]:
    """Unique identifiers ``[A-Za-z0-9_]+``, one per name, that every tree reader takes without quotes.

    Args:
        names: Class names, any text, also empty or repeated.
        prefix: First letter(s); inner nodes use another one so that they never meet a tip's.

    Returns:
        For instance ``["c00_cat", "c01_siamese_cat", "c02"]``: the position makes it unique, the rest is for people.
    """
    width = max(2, len(str(max(len(names) - 1, 0))))
    return [_safe_id(f"{prefix}{index:0{width}d}", str(name)) for index, name in enumerate(names)]


def _safe_id(head: str, name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "_", ascii_name)[:MAX_SLUG_CHARACTERS].strip("_")
    return f"{head}_{slug}" if slug else head


def to_newick(
    linkage: npt.ArrayLike,
    names: Sequence[str],
    *,
    mode: Literal["strict", "safe"] = "strict",
    scale: float = 0.5,
    inner_names: NodeTexts | None = None,
    support: NodeShares | None = None,
    inversions: Literal["clamp", "refuse"] = "clamp",
) -> str:
    """Write a scipy linkage as one line of Newick, ending in ``;``.

    Args:
        linkage: ``[n-1, 4]`` scipy linkage.
        names: n class names in the order of the class ids.
        mode: ``"strict"`` quotes names losslessly, ``"safe"`` writes :func:`safe_ids` instead of names.
        scale: Factor from heights to lengths. 0.5 makes the path between two tips equal to their cophenetic distance, 1
            makes the depth of a node equal to its height.
        inner_names: Names of merges: a sequence aligned with the linkage's rows (``None`` or empty = none), or
            ``{row: name}``.
        support: Share of trees, 0 to 1, that contain the merge's clade, aligned as ``inner_names`` (``nan`` = none).
            Written as 0 to 100, whole numbers, in the label's place, or as ``[&&NHX:support=..]`` on merges that have a
            name too. The root gets none: every tree has it.
        inversions: Centroid and median linkage can put a merge below one of its parts. ``"clamp"`` lifts it to the
            height of that part, so that the length is 0 and all tips stay at one level, and warns; ``"refuse"`` raises.

    Returns:
        Newick text with the linkage's left child first. Lengths carry all digits of a float64; there is none at the
        root.

    Raises:
        AnalysisError: Not a linkage.
        ExportError: Names that do not fit the linkage; an inversion with ``"refuse"``; in strict mode a name that is
            empty, repeated or not encodable as UTF-8; support outside 0 to 1; a scale that is not positive.

    Warns:
        UserWarning: An inversion was clamped.
    """
    if mode not in ("strict", "safe"):
        raise ExportError(f"mode is {mode!r}, allowed are 'strict' and 'safe'.")
    if inversions not in ("clamp", "refuse"):
        raise ExportError(f"inversions is {inversions!r}, allowed are 'clamp' and 'refuse'.")
    if not (math.isfinite(scale) and scale > 0):
        raise ExportError(
            f"scale is {scale!r}, it must be a positive number.", "Use 0.5 for cophenetic path lengths, or 1."
        )
    z = checked_linkage(linkage, names)
    n = len(names)
    tips = safe_ids(names) if mode == "safe" else [quoted(name) for name in checked_names(names)]
    if n == 1:
        return f"{tips[0]};"

    tails = [*branch_tails(z, scale, inversions), ""]
    labels, comments = _inner_labels(n, mode, inner_names, support)
    ends = [f"{label}{tail}{comment}" for label, tail, comment in zip(labels, tails[n:], comments, strict=True)]
    return bracketed(z, [f"{tip}{tail}" for tip, tail in zip(tips, tails[:n], strict=True)], ends)


def branch_tails(
    z: npt.NDArray[np.float64], scale: float, inversions: Literal["clamp", "refuse"], *, stacklevel: int = 4
) -> list[str]:
    """``":length"`` of every node but the root, as :func:`to_newick` explains it.

    Args:
        z: ``[n-1, 4]`` linkage of at least two classes, checked.
        scale: Factor from heights to lengths.
        inversions: What happens to a merge below one of its parts.
        stacklevel: Whose line a warning names.

    Raises:
        ExportError: An inversion with ``"refuse"``, or lengths too large for a number.

    Warns:
        UserWarning: An inversion was clamped.
    """
    n = len(z) + 1
    left, right = z[:, 0].astype(np.int64), z[:, 1].astype(np.int64)
    heights = _monotone_heights(z, left, right, inversions, stacklevel)
    parent_height = np.empty(2 * n - 2)
    parent_height[left] = heights[n:]
    parent_height[right] = heights[n:]
    with np.errstate(over="ignore"):  # said below in words
        lengths = (parent_height - heights[:-1]) * scale
    if not np.isfinite(lengths).all():
        raise ExportError(f"Heights times scale {scale!r} are too large for a number.", "Use a smaller scale.")
    return [f":{_number(length)}" for length in lengths.tolist()]


def bracketed(z: npt.NDArray[np.float64], tips: Sequence[str], ends: Sequence[str]) -> str:
    """The tree in brackets, ending in ``;``.

    Args:
        z: ``[n-1, 4]`` linkage of at least two classes, checked.
        tips: What stands for each class.
        ends: What follows the closing bracket of each merge.
    """
    # Depth first with an explicit stack: a chain of merges may be as deep as there are classes.
    n = len(z) + 1
    left, right = z[:, 0].astype(np.int64).tolist(), z[:, 1].astype(np.int64).tolist()
    parts: list[str] = []
    stack: list[int | str] = [2 * n - 2]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
        elif node < n:
            parts.append(tips[node])
        else:
            row = node - n
            parts.append("(")
            stack += [f"){ends[row]}", right[row], ",", left[row]]
    parts.append(";")
    return "".join(parts)


def checked_names(names: Sequence[str]) -> list[str]:
    """The names if they come back from a strict file: readers reject or merge empty and repeated ones.

    Raises:
        ExportError: A name is empty, repeated, or cannot be written as UTF-8.
    """
    texts = [str(name) for name in names]
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        if not text or text.isspace():
            raise ExportError(
                f"Class {index} has the empty name {text!r}, tree readers refuse that.", "Name it, or use mode='safe'."
            )
        if text in first:
            raise ExportError(
                f"The name {text!r} is used by class {first[text]} and class {index}, names of tips are unique.",
                "Rename one, or use mode='safe'.",
            )
        first[text] = index
        _check_utf8(text)
    return texts


def _check_utf8(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ExportError(f"The name {text!r} cannot be written as UTF-8.", "Rename it, or use mode='safe'.") from None


def quoted(name: str) -> str:
    """A name as strict Newick and NEXUS write it: as it is if it is plain, else in single quotes."""
    return name if _BARE_LABEL.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def _number(value: float) -> str:
    """Shortest text that reads back as the same float64; never ``-0.0``."""
    return "0" if value == 0 else repr(value).removesuffix(".0")


def _monotone_heights(
    z: npt.NDArray[np.float64], left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], inversions: str, level: int
) -> npt.NDArray[np.float64]:
    """Heights of all 2n-1 nodes, no parent below a child."""
    n = len(z) + 1
    heights = [0.0] * n + z[:, 2].tolist()
    noise = TIE_TOLERANCE * max(heights)
    inverted: list[int] = []
    for row, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        floor = max(heights[a], heights[b])
        if heights[n + row] < floor:
            if float(z[row, 2]) < floor - noise:
                inverted.append(row)
            heights[n + row] = floor
    if inverted:
        what = f"{len(inverted)} of {n - 1} merges lie below one of their parts (inversions), first merge {inverted[0]}"
        if inversions == "refuse":
            raise ExportError(f"{what}.", "Use another linkage than centroid or median, or inversions='clamp'.")
        warnings.warn(
            f"{what}; they were lifted to that part's height, their lengths are 0.", UserWarning, stacklevel=level
        )
    return np.asarray(heights)


def _inner_labels(
    n: int, mode: str, inner_names: NodeTexts | None, support: NodeShares | None
) -> tuple[list[str], list[str]]:
    """Per merge the text after ``)`` and the comment after the length."""
    texts = per_merge(inner_names, n, "inner_names")
    shares = per_merge(support, n, "support")
    labels, comments = [""] * (n - 1), [""] * (n - 1)
    width = max(2, len(str(n - 2)))
    for row in range(n - 1):
        text, share = str(texts[row] or ""), shares[row]
        if text.strip():
            if mode == "strict":
                _check_utf8(text)
            labels[row] = quoted(text) if mode == "strict" else _safe_id(f"n{row:0{width}d}", text)
        percent = support_percent(share, row, n)
        if percent is None:
            continue
        if labels[row]:
            comments[row] = f"[&&NHX:support={percent}]"
        else:
            labels[row] = percent
    return labels, comments


def support_percent(share: float | None, row: int, n: int) -> str | None:
    """Support of merge ``row`` in whole percent; None for the root, which every tree has, and where it is not known.

    Raises:
        ExportError: A share outside 0 to 1.
    """
    if share is None or math.isnan(share) or row == n - 2:
        return None
    if not 0 <= share <= 1:
        raise ExportError(
            f"Support of merge {row} is {float(share)!r}, it is a share from 0 to 1.", "Divide percentages by 100."
        )
    return str(round(100 * float(share)))


def per_merge(values: Any, n: int, what: str) -> list[Any]:
    """Values aligned with the rows of the linkage, from either of the two ways to give them; None where there is none.

    Raises:
        ExportError: A merge that the linkage does not have, or not one value per merge.
    """
    if values is None:
        return [None] * (n - 1)
    if isinstance(values, Mapping):
        strangers = [row for row in values if row not in range(n - 1)]
        if strangers:
            raise ExportError(f"{what} names merge {strangers[0]!r}, the linkage has merges 0 to {n - 2}.")
        return [values.get(row) for row in range(n - 1)]
    if len(values) != n - 1:
        raise ExportError(f"{what} has {len(values)} entries, the linkage has {n - 1} merges.")
    return list(values)


def from_newick(
    text: str, *, scale: float = 0.5, tolerance: float = ULTRAMETRIC_TOLERANCE
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Read one Newick tree as a scipy linkage.

    The tips become classes in the order of the text. A node with several children becomes several merges at one height
    (a linkage is binary), a node with a single child disappears. Labels of inner nodes (names or support) and
    ``[comments]``, which do not nest, are skipped. An underscore outside quotes means a blank, so the identifiers of
    ``mode="safe"`` come back with blanks. A tree without any branch lengths (a taxonomy) gets the number of levels
    below each node as its height, with a warning.

    Args:
        text: Newick, of the length and size that :mod:`lwal_core.analysis.base.newick` reads.
        scale: The factor the lengths were written with, see :func:`to_newick`.
        tolerance: How much the tips' distances from the root may differ, as a share of the largest.

    Returns:
        ``(linkage [n-1, 4] float64, names)``; merges are sorted by height as scipy's are, the first child comes first.

    Raises:
        ImportFileError: Not Newick (with the position), no tips, empty or repeated names of tips, too long, some but
            not all lengths given, or a tree whose tips are not equally far from the root: that is no dendrogram.

    Warns:
        UserWarning: The tree has no branch lengths.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise ImportFileError(
            f"scale is {scale!r}, it must be a positive number.", "Use 0.5 for cophenetic path lengths, or 1."
        )
    tree = parse_newick(text, ImportFileError, dendrogram=True)
    below: dict[int, list[int]] = {group: [] for group in tree.closed}
    for node, parent in enumerate(tree.parents[1:], start=1):
        below[parent].append(node)
    names = [str(label) for node, label in enumerate(tree.labels) if node not in below]
    if len(names) == 1:
        return np.zeros((0, 4)), names

    edges, missing = len(tree.parents) - 1, sum(map(math.isnan, tree.lengths[1:]))
    if 0 < missing < edges:
        raise ImportFileError(
            f"{edges - missing:,} of {edges:,} branches have a length, all or none must.",
            "Export the tree with lengths.",
        )
    if missing:
        warnings.warn("The tree has no branch lengths; heights are levels above the tips.", UserWarning, stacklevel=2)
        return _joined(tree, below, np.asarray(_levels(tree, below)), len(names)), names
    deep, shallow = _depths(tree, below, max), _depths(tree, below, min)
    if not math.isfinite(deep[0] / scale):
        raise ImportFileError(f"The tree is {deep[0]!r} deep, that is too large.", "Use smaller branch lengths.")
    if deep[0] - shallow[0] > tolerance * deep[0]:
        raise ImportFileError(
            f"This tree is not a dendrogram: its tips lie between {shallow[0]:.6g} and {deep[0]:.6g} away from the "
            f"root (allowed difference: {tolerance:.0e} of the larger).",
            "Export an ultrametric tree, for instance of a hierarchical clustering.",
        )
    return _joined(tree, below, np.asarray(deep) / scale, len(names)), names


def _levels(tree: NewickTree, below: dict[int, list[int]]) -> list[float]:
    """Levels below each node; a group with a single child is none."""
    levels = [0.0] * len(tree.parents)
    for group in tree.closed:
        levels[group] = max([levels[child] for child in below[group]]) + (len(below[group]) > 1)
    return levels


def _depths(tree: NewickTree, below: dict[int, list[int]], pick: Callable[[Iterable[float]], float]) -> list[float]:
    """Distance from each node down to its deepest or shallowest tip."""
    depths, lengths = [0.0] * len(tree.parents), tree.lengths
    for group in tree.closed:
        depths[group] = pick([depths[child] + lengths[child] for child in below[group]])
    return depths


def _joined(
    tree: NewickTree, below: dict[int, list[int]], heights: npt.NDArray[np.float64], n: int
) -> npt.NDArray[np.float64]:
    """Linkage of n tips; children of a group are joined last to first, all at its height."""
    tips = itertools.count()
    known = [-1 if node in below else next(tips) for node in range(len(heights))]
    closed = np.asarray(tree.closed)
    rows: list[tuple[int, int, float, int]] = []
    sizes = [1] * n
    for group in closed[np.argsort(heights[closed], kind="stable")].tolist():  # keeps children before parents
        *others, node = (known[child] for child in below[group])
        for other in reversed(others):
            sizes.append(sizes[other] + sizes[node])
            rows.append((other, node, float(heights[group]), sizes[-1]))
            node = len(sizes) - 1
        known[group] = node
    return np.array(rows, dtype=np.float64)
