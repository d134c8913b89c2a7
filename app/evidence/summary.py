"""What speaks for a tree, in five lines beside it; all of it folded below."""

from __future__ import annotations

import math

import streamlit as st

from app.common.selection import Selection
from app.common.wording import counted, plain, shortened
from app.evidence.seeds import SeedTree, seed_trees, shares_of_seeds
from app.tree.stats import (
    Agreement,
    TreeKey,
    agreement_numbers,
    agreement_sentence,
    tree_stats,
)
from app.tree.view import draw_agreement, draw_stats
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.comparison.intervals import MIN_SEEDS
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.glossary import explained
from lwal_core.runs import Run

MOST_CLASSES = 300
"""Above so many classes other seeds are looked at only under *Is it real?*: their trees take a moment."""
MAJORITY = 0.5


def draw_summary(
    chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, title: str | None, found: Agreement | None
) -> None:
    """At most five lines on a tree: agreement with the reference, its groups, other seeds, nearest classes, faithfulness.

    Args:
        chosen: The selection, which has the other seeds.
        run: The run.
        key: What the tree is made of.
        h: The tree.
        title: Of the reference taxonomy, plain text; None without one.
        found: Agreement with it; None where there is nothing to agree with.
    """
    lines = summary_lines(chosen, run, key, h, title, found)
    if not lines:
        return
    terms = explained("Taxonomy", "Kendall's tau", "Seed", "Cophenetic correlation")
    said = f"{agreement_sentence(found)}\n\n" if found is not None else ""
    st.markdown("  \n".join(lines), help=f"{said}{terms}")
    folded = st.expander("Details", icon=":material/list:", on_change="rerun", key="tree_details", bind="query-params")
    if folded.open:
        with folded:
            if found is not None:
                draw_agreement(found)
            draw_stats(key, h)


def summary_lines(
    chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, title: str | None, found: Agreement | None
) -> list[str]:
    """The lines of :func:`draw_summary` (markdown)."""
    if h.n < 2 or (h.n > 2 and h.is_flat):
        return []
    known = tree_stats(key, h)
    lines = []
    if title is None:
        lines.append("**Reference** none")
    elif found is not None:
        numbers = agreement_numbers(found) if not math.isnan(found.tau) else "tau undefined: no distances differ"
        lines.append(f"**{shortened(title[:1].upper() + title[1:])}** {numbers}")
        if total := len(found.found) + len(found.missing):
            lines.append(f"**Its groups** {len(found.found)} of {total:,} are clades")
    if h.n > 2 and (seeds := _of_seeds(chosen, run, key, h)):
        lines.append(f"**Other seeds** {seeds}")
    i, j, distance = known.pairs[0]
    lines.append(f"**Nearest** {shortened(h.names[i])} and {shortened(h.names[j])}, {format_number(distance)}")
    if not math.isnan(known.faithfulness):
        lines.append(f"**Faithful** cophenetic correlation {format_number(known.faithfulness)}")
    return lines


def _of_seeds(chosen: Selection, run: Run, key: TreeKey, h: Hierarchy) -> str:
    """How many clades other seeds have, too; empty where that is not asked here."""
    if key.spec.vectors == "confusion" or h.n > MOST_CLASSES:
        return ""
    group = next((group for group in chosen.groups if group.key == run.group), None)
    own = SeedTree(key.spec, run.config.training.seed, key.stamp)
    others, _ = seed_trees(group.runs if group else (), own, h)
    if not others:
        return "none yet"
    if len(others) + 1 < MIN_SEEDS:
        return f"{counted(len(others), 'tree')}: too few"
    shares = shares_of_seeds(key, h, others)
    if isinstance(shares, str):
        return plain(shares)
    asked = [share for share in shares if not math.isnan(share)]
    again = sum(share > MAJORITY for share in asked)
    return f"{again} of {counted(len(asked), 'clade')} in most of their {len(others)} trees"
