"""What is known of a class or a clade, in plain sentences: for its card, and to copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_accuracy, format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.confusion import CladeMeasures, Mistake, top_mistakes

MOST_MISTAKES, MOST_MEMBERS = 3, 200
NO_SAMPLES, NEVER = "no test samples", "never predicted"


class Fact(NamedTuple):
    """A line of a card: what it is about, and what is known; plain text, names as they are."""

    label: str
    text: str


def measured_facts(
    h: Hierarchy, node: int, counts: npt.NDArray[np.integer], measures: CladeMeasures
) -> tuple[Fact, ...]:
    """Accuracy, precision and recall of a class or clade, and its most frequent mistakes inside and outside.

    Args:
        h: The tree.
        node: A class or a clade.
        counts: ``[C, C]`` confusion matrix, true classes in rows.
        measures: Of the tree's nodes, from :func:`lwal_core.analysis.trees.confusion.clade_measures`.
    """
    samples, predicted = float(measures.samples[node]), float(measures.predicted[node])
    accuracy = format_accuracy(float(measures.accuracy[node]), reason=NO_SAMPLES)
    found = [
        Fact("Accuracy", accuracy + (f" of {samples:,.0f} test samples" if samples else "")),
        Fact("Precision", format_percent(float(measures.precision[node]), reason="" if predicted else NEVER)),
    ]
    members = h.members(node).tolist()
    others = sorted(set(range(h.n)) - set(members))
    if node >= h.n:
        found.append(Fact("Recall", format_percent(float(measures.recall[node]), reason=NO_SAMPLES)))
        inside = float(measures.inside[node])
        share = "no mistakes" if math.isnan(inside) else f"{format_percent(inside)} of its mistakes"
        within = _listed(h, top_mistakes(counts, members, members, MOST_MISTAKES))
        found.append(Fact("Inside", share + (f": {within}" if within else "")))
    if not others:
        return tuple(found)
    out = _listed(h, top_mistakes(counts, members, others, MOST_MISTAKES), one=node < h.n)
    back = _listed(h, top_mistakes(counts, others, members, MOST_MISTAKES), one=node < h.n, taken=False)
    titles = ("Taken for", "Taken for it") if node < h.n else ("To outside", "From outside")
    return (*found, Fact(titles[0], out or "nothing else"), Fact(titles[1], back or "nothing else"))


def tree_facts(h: Hierarchy, node: int, support: float = math.nan, support_of: int = 0) -> tuple[Fact, ...]:
    """Height, nearest clade and support of a class or clade in its tree.

    Args:
        h: The tree.
        node: A class or a clade.
        support: Of the clade by other seeds, 0 to 1; nan where there is none.
        support_of: Number of other seeds.
    """
    found = []
    if node >= h.n:
        found.append(Fact("Height", f"{format_number(float(h.linkage[node - h.n, 2]))} {h.unit}".strip()))
    above = int(h.parents[node])
    if above >= 0:
        left, right = h.children[above - h.n].tolist()
        beside = h.clade_name(right if left == node else left)
        found.append(Fact("Nearest clade", f"{beside}, joined at {format_number(float(h.linkage[above - h.n, 2]))}"))
    if not math.isnan(support):
        seeds = "other seed" if support_of == 1 else "other seeds"
        found.append(Fact("Support", f"{format_percent(support)} by {support_of} {seeds}"))
    return tuple(found)


def card_text(
    h: Hierarchy, node: int, facts: Sequence[Fact], *, name: str = "", note: str = "", about: str = ""
) -> str:
    """The card as plain text.

    Args:
        h: The tree.
        node: A class or a clade.
        facts: Its lines.
        name: Name of the clade.
        note: What somebody wrote about it.
        about: What it is of: run, epoch, linkage.
    """
    members = [" ".join(h.names[i].split()) for i in h.members(node).tolist()]
    hidden = len(members) - MOST_MEMBERS
    listed = ", ".join(members[:MOST_MEMBERS]) + (f" and {hidden:,} more" if hidden > 0 else "")
    head = name or (members[0] if node < h.n else f"Clade of {len(members):,} classes")
    lines = [head, *([f"Classes ({len(members):,}): {listed}"] if node >= h.n else [])]
    lines += [f"{fact.label}: {fact.text}" for fact in facts]
    return "\n".join([*lines, *([f"Note: {note}"] if note else []), *([about] if about else [])])


def _listed(h: Hierarchy, mistakes: Sequence[Mistake], *, one: bool = False, taken: bool = True) -> str:
    """``"cat → dog (12), ..."``; of one class the other alone."""
    names = []
    for each in mistakes:
        true, other = (" ".join(h.names[i].split()) for i in (each.true, each.taken_for))
        pair = f"{true} → {other}" if not one else (other if taken else true)
        names.append(f"{pair} ({each.samples:,})")
    return ", ".join(names)
