"""Answers of Home: what the labels came to mean, and whether the learned method is better and faster than the baseline."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.common import curves_cache
from app.common.selection import Selection, short_labels
from app.common.widgets import errors_shown, question
from app.common.wording import plain
from app.home.claims import show_claims
from app.home.meaning import meaning_evidence, meaning_of, meaning_sentence, preview_run, run_tree
from lwal_core.analysis.base.formatting import inline_label
from lwal_core.analysis.comparison.claims import Claim, four_claims
from lwal_core.figures.style import shorten
from lwal_core.results.run_curves import comparability_notes
from lwal_core.runs import READING_TITLES, one_per_seed

QUESTION = "What did the labels learn?"
LONGEST_LABEL = 40  # characters of a method in the answer
_WORDS = {
    "Better?": {"yes": "better by {}", "no": "worse by {}", "open": "better undecided"},
    "Faster?": {"yes": "faster by {}", "no": "not faster", "open": "faster undecided"},
}
"""Claims that the first screen answers; the others are folded."""


@dataclass(frozen=True)
class Answer:
    """What the selected runs say.

    Attributes:
        claims: The four claims; empty where no run is selected.
        lead: Label of the method that is looked at; empty where there is none.
        base: Label of the baseline; empty where there is none.
        notes: What is not alike between the groups.
    """

    claims: tuple[Claim, ...] = ()
    lead: str = ""
    base: str = ""
    notes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Is the method better and faster than the baseline, in a few words; empty where nothing is selected."""
        lead, base = (shorten(label, LONGEST_LABEL) for label in (self.lead, inline_label(self.base)))
        if not self.claims:
            return ""
        if not lead:
            return "Train a method that learns labels to compare with."
        if not base:
            return f"Train one-hot with the same seeds to compare {lead} with."
        asked = {claim.question: claim for claim in self.claims}
        told = [
            words[asked[question].answer].format(asked[question].number.lstrip("+−"))
            for question, words in _WORDS.items()
        ]
        return f"{lead} beside {base}: {', '.join(told)}."

    def how(self) -> str:
        """How it is known (markdown)."""
        better = next((claim for claim in self.claims if claim.question == "Better?"), None)
        return "" if better is None else "\n\n".join(map(plain, (better.sentence, *better.evidence)))


def answer_of(chosen: Selection) -> Answer:
    """What the selected runs say.

    Raises:
        LwalError: A file of a run is damaged.
    """
    labels = short_labels(chosen.groups)
    runs = {labels[group.key]: one_per_seed(group.runs) for group in chosen.groups}
    runs = {label: members for label, members in runs.items() if members}
    if not runs:
        return Answer()
    one_hot = chosen.baseline is not None and chosen.baseline.first.is_baseline
    base = labels[chosen.baseline.key] if chosen.baseline and one_hot else ""
    meanings = {label: found for label, members in runs.items() if (found := curves_cache.meaning(members))}
    content = curves_cache.content(runs)
    readings = {
        title: curves_cache.comparison(content, reading, base, None, runs)  # type: ignore[arg-type]
        for reading, title in READING_TITLES.items()
    }
    used = readings[READING_TITLES["as-used"]]
    return Answer(
        four_claims(used, meanings, readings),
        used.lead.label if used.lead else "",
        base if used.base else "",
        tuple(comparability_notes({label: members[0].opened() for label, members in runs.items()})),
    )


def draw_answer(chosen: Selection) -> Answer:
    """What the labels came to mean as the page's title, beside it whether the method is better and faster, and what has to be known
    with it; where a file is damaged, the question."""
    answer, title, how = Answer(), QUESTION, ""
    with errors_shown(go_on=True):
        answer = answer_of(chosen)
        if (newest := preview_run(chosen)) is not None:
            tree, meaning = run_tree(newest), meaning_of(chosen, newest)
            title, how = meaning_sentence(tree, meaning), meaning_evidence(tree, meaning)
    place = question(title)
    if told := "\n\n".join(filter(None, (how, answer.how()))):
        place.caption(plain(answer.sentence()), help=told)
    for note in answer.notes:
        st.warning(plain(note), icon=":material/warning:")
    return answer


def draw_other_claims(answer: Answer) -> None:
    """The four claims, folded; nothing where no run is selected."""
    if not answer.claims:
        return
    part = st.expander(
        "Faster? Better? Cheap? Meaningful?", icon=":material/fact_check:", on_change="rerun", key="home_claims"
    )
    if part.open:
        with part:
            show_claims(answer.claims)
