"""Numbers and pictures on the card of what was picked in the tree, and the card as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.wording import plain
from app.tree.support import SeedSupport
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.confusion import CladeMeasures, clade_measures
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.results.clade_facts import Fact, card_text, measured_facts, tree_facts
from lwal_core.runs import Run

MOST_PICTURES, SIDE = 16, 40
"""Pictures of a clade, one a class, spread over its classes in leaf order; px of each."""
_LONGEST = 300  # characters of a line


def draw_clade_facts(
    run: Run, h: Hierarchy, node: int, support: SeedSupport | None = None, *, name: str = "", note: str = ""
) -> None:
    """Pictures of the classes, what the test set says of the class or clade, its support, and all of it as text to copy.

    Args:
        run: The run.
        h: Its tree.
        node: A class or a clade.
        support: Of the tree's clades by other seeds, where that is looked at.
        name: Name of the clade.
        note: Note on it.
    """
    pictures = member_pictures(run, h, node)
    if pictures:
        st.image([source for _, source in pictures], width=SIDE, alt=[class_name for class_name, _ in pictures])
    share = math.nan if support is None or node < h.n else support.values[node - h.n]
    in_tree = tree_facts(h, node, share, 0 if support is None else support.others)
    tested: tuple[Fact, ...] = ()
    about = ""
    try:
        epoch, counts = evaluation.confusion(run)
        view = (run.id, evaluation.evaluation_stamp(run), h.linkage.tobytes())
        tested = measured_facts(h, node, counts, _measures(view, counts, h))
        about = f"Test set after epoch {epoch}."
    except LwalError as error:
        about = str(error)
    shown = [*tested, *(fact for fact in in_tree if fact.label == "Support")]
    st.markdown(facts_text(shown))
    with st.popover("Copy", icon=":material/content_copy:", help="All of it as text"):
        st.code(
            card_text(h, node, [*tested, *in_tree], name=name, note=note, about=about), language=None, wrap_lines=True
        )
        st.caption(plain(about))


def facts_text(facts: Sequence[Fact]) -> str:
    """Lines of a card (markdown); shares stand side by side."""
    short = [fact for fact in facts if fact.label in ("Accuracy", "Precision", "Recall")]
    rest = [fact for fact in facts if fact not in short]
    lines = [" · ".join(f"**{fact.label}** {plain(fact.text)}" for fact in short)] if short else []
    lines += [f"**{fact.label}** {plain(shorten(one_line(fact.text), _LONGEST))}" for fact in rest]
    return "  \n".join(lines)


def member_pictures(run: Run, h: Hierarchy, node: int) -> list[tuple[str, str]]:
    """Names of classes below a node and a picture of each as a data address, spread over all that have one; empty where the
    run has no pictures."""
    sources = evaluation.class_pictures(run)
    having = [i for i in h.members(node).tolist() if sources[i]]
    if len(having) > MOST_PICTURES:
        having = [having[round(at)] for at in np.linspace(0, len(having) - 1, MOST_PICTURES).tolist()]
    return [(h.names[i], sources[i]) for i in having]


@st.cache_resource(max_entries=40, show_spinner=False)
def _measures(view: object, _counts: np.ndarray, _h: Hierarchy) -> CladeMeasures:
    """Measures of a tree's nodes; ``view`` says of which tree and test results."""
    return clade_measures(_counts, _h)
