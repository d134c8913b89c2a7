"""What a run's own tree makes of its decisions, on the Hierarchy page."""

from __future__ import annotations

import streamlit as st

from app.common.run_cache import file_stamp, taxonomy_digest
from app.common.wording import plain
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.errors import LwalError
from lwal_core.results.decisions import RunDecisions, run_decisions
from lwal_core.results.run_tree import run_taxonomy
from lwal_core.runs import Run, open_run
from lwal_core.runs.paths import EVALUATION


def decisions_text(run: Run) -> tuple[str, str] | None:
    """Mean cost of the likeliest class and of the class of least expected cost by the run's own tree, and what that means
    (markdown); None where the run keeps no scores, or no reference fits its classes.

    Args:
        run: The run.
    """
    reference = run_taxonomy(run)
    if reference is None:
        return None
    found = _decisions(run.id, file_stamp(run.id, EVALUATION), taxonomy_digest(reference))
    if found is None or "own" not in found.scores:
        return None
    plainly, own, best = (found.scores[name] for name in ("likeliest", "own", "reference"))
    value = f"{format_number(plainly.distance)} → {format_number(own.distance)}"
    at = next((each for each in found.stopped["reference"] if each.sureness == 0.9), None)
    stops = ""
    if at is not None:
        stops = (
            f" Decisions that stop at a group of {plain(found.taxonomy.title)} until they are sure of 90 % are right in "
            f"{format_percent(at.accuracy)} and name a class for {format_percent(at.named)}."
        )
    return value, (
        f"Mean levels between the true and the decided class in {plain(found.taxonomy.title)}, by {found.by}: of the likeliest class, and "
        "of the class whose mistakes this run's own tree of class means expects to cost least (with the reference itself "
        f"{format_number(best.distance)}). The order of the first {found.few} classes scores {format_number(plainly.preference)} → "
        f"{format_number(own.preference)}.{stops} *Curves* has it method by method."
    )


@st.cache_resource(max_entries=100, show_spinner=False)
def _decisions(run_id: str, stamp: int, reference: str) -> RunDecisions | None:
    try:
        return run_decisions(open_run(run_id))
    except LwalError:
        return None
