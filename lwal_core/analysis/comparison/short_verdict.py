"""Whether it paid off, in at most twelve words: Yes, No or Undecided, and the number that says so."""

from __future__ import annotations

import numpy as np

from lwal_core.analysis.base.formatting import format_number, inline_label
from lwal_core.analysis.comparison.speed import Comparison, GroupScore

YES, NO, UNDECIDED = "Yes", "No", "Undecided"
MOST_WORDS = 12
"""Words of a verdict; where names would make it longer, they are left out."""


def short_verdict(comparison: Comparison) -> str:
    """The verdict on the leading group; it says no more than the intervals, see
    :class:`~lwal_core.analysis.comparison.intervals.Difference`.

    Faster and slower are in epochs to the target, means over the seeds, and only where the paired difference is clear.
    """
    base, lead = comparison.base, next(iter(comparison.others), None)
    if lead is None or base is None:
        return f"{UNDECIDED}: nothing to compare with yet."
    said = _said(comparison, lead, base, lead.label, inline_label(base.label))
    return said if len(said.split()) <= MOST_WORDS else _said(comparison, lead, base, "it", "the baseline")


def _said(comparison: Comparison, lead: GroupScore, base: GroupScore, name: str, against: str) -> str:
    if not lead.has_target or (comparison.target is None and not np.any(base.values("best_epoch"))):
        return f"{UNDECIDED}: {against} never beats its untrained network."
    goal = f"{against}'s best" if comparison.target is None else "the target"
    if lead.reached == 0:
        return f"{NO}: {name} never reaches {goal}."
    if lead.reached < lead.n:
        return f"{UNDECIDED}: {name} reaches {goal} in {lead.reached} of {lead.n} seeds."
    if base.reached == 0:
        return f"{YES}: {name} reaches {goal}, {against} never."
    if base.reached < base.n:
        return f"{UNDECIDED}: {name} reaches {goal} always, {against} in {base.reached} of {base.n} seeds."
    difference = lead.epochs_difference
    if not difference.defined:
        return f"{UNDECIDED}: {name} reaches {goal}, too few seeds."
    if not difference.clear:
        return f"{UNDECIDED}: no clear difference to {against} in epochs."
    mine, theirs = (float(np.mean(score.to_target())) for score in (lead, base))
    if not np.isfinite(mine) or not np.isfinite(theirs) or min(mine, theirs) == 0:
        return f"{YES if difference.mean < 0 else NO}: {name} is {'faster' if difference.mean < 0 else 'slower'} in epochs."
    word, ratio = ("faster", theirs / mine) if difference.mean < 0 else ("slower", mine / theirs)
    return f"{YES if word == 'faster' else NO}: {name} is {format_number(ratio, digits=2)}x {word}."
