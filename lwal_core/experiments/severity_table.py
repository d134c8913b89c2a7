"""Table of how severe methods' decisions are, three decisions a method, with an answer in words. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from lwal_core.analysis.base.formatting import format_number, format_points, inline_label, undefined
from lwal_core.analysis.comparison.intervals import Difference, paired_difference
from lwal_core.errors import LwalError
from lwal_core.experiments.comparison_table import ComparisonTable, Figures
from lwal_core.export.text_tables import markdown_table, markdown_text
from lwal_core.results.decisions import DECISION_TITLES, Decision, DecisionScores, RunDecisions, run_decisions
from lwal_core.runs import Run, open_run

MEASURES = tuple(each.name for each in fields(DecisionScores))
COLUMNS = (
    "method", "decides by", "accuracy", "mistake severity", "distance at 1", "distance at {few}", "order of the first {few}",
    "calibration error",
)  # fmt: skip
NO_MISTAKES = "no mistakes"


@dataclass(frozen=True)
class SeverityRow:
    """A method and a way to decide, seed by seed.

    Attributes:
        label: The method.
        decision: How it decides.
        figures: By name of :class:`~lwal_core.results.decisions.DecisionScores`.
        calibration_error: Of the probabilities behind it.
        is_baseline: Whether the others are measured against this method.
    """

    label: str
    decision: Decision
    figures: Mapping[str, Figures]
    calibration_error: Figures
    is_baseline: bool

    def cells(self) -> tuple[str, ...]:
        """One text for each of :data:`COLUMNS`."""
        return (
            f"{self.label} (baseline)" if self.is_baseline else self.label,
            DECISION_TITLES[self.decision],
            *(self.figures[name].text for name in MEASURES),
            self.calibration_error.text if self.decision == "likeliest" else undefined("a decision has no probability"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "label": self.label,
            "decision": self.decision,
            "baseline": self.is_baseline,
            **{name: self.figures[name].to_dict() for name in MEASURES},
            **({"calibration_error": self.calibration_error.to_dict()} if self.decision == "likeliest" else {}),
        }


@dataclass(frozen=True, eq=False)
class SeverityTable:
    """Methods under one reference.

    Attributes:
        taxonomy: Title of the reference.
        few: Classes at the top that distance and order are looked at for.
        rows: The baseline first; three a method, or two where it has no tree.
        decisions: What was found, by method and seed.
        headline: The answer about the first method beside the baseline, in a few words; empty for the baseline alone.
        answers: All answers with their numbers, a sentence each.
        notes: What a reader should know before believing the figures, one sentence each.
    """

    taxonomy: str
    few: int
    rows: tuple[SeverityRow, ...]
    decisions: Mapping[str, Mapping[int, RunDecisions]]
    headline: str
    answers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What is measured, against what."""
        return f"Severity of decisions under {self.taxonomy}"

    def shown(self) -> list[dict[str, str]]:
        """The rows as text by column."""
        columns = [column.format(few=self.few) for column in COLUMNS]
        return [dict(zip(columns, row.cells(), strict=True)) for row in self.rows]

    def markdown(self) -> str:
        """Title, table, answers and notes as Markdown."""
        shown = self.shown()
        table = markdown_table(list(shown[0]), [list(row.values()) for row in shown]) if shown else ""
        lines = [f"### {markdown_text(self.title)}", "", table, *map(markdown_text, self.answers), ""]
        return "\n".join([*lines, *(f"- {markdown_text(note)}" for note in self.notes)]).rstrip() + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "taxonomy": self.taxonomy,
            "few": self.few,
            "rows": [row.to_dict() for row in self.rows],
            "headline": self.headline,
            "answers": list(self.answers),
            "notes": list(self.notes),
        }


def severity_table(
    groups: Mapping[str, Sequence[Run]],
    baseline: str | None = None,
    decide: Callable[[Run], RunDecisions] = run_decisions,
) -> SeverityTable | str:
    """How severe the decisions of groups of runs are.

    Args:
        groups: By label, one run a seed.
        baseline: Label of the group to measure against; None without one.
        decide: Looks at a run; a page gives one that keeps what was found.

    Returns:
        The table, or a sentence that says why there is none.
    """
    found: dict[str, dict[int, RunDecisions]] = {}
    reasons: dict[str, str] = {}
    for label in sorted(groups, key=lambda label: label != baseline):
        for run in groups[label]:
            try:
                found.setdefault(label, {})[run.config.training.seed] = decide(run)
            except LwalError as error:
                reasons.setdefault(label, error.message)
    if not found:
        return next(iter(reasons.values()), "There is no run to look at.")
    first = next(iter(next(iter(found.values())).values()))
    notes = [f"Not here: {label}. {reason}" for label, reason in reasons.items()]
    for label in list(found):
        alike = {seed: each for seed, each in found[label].items() if _comparable(each, first)}
        if len(alike) < len(found[label]):
            notes.append(f"{label}: runs of other classes or with another reference are left out.")
        found[label] = alike
    found = {label: members for label, members in found.items() if members}
    headline, answers = _told(found, baseline)
    return SeverityTable(
        first.taxonomy.title,
        first.few,
        tuple(row for label in found for row in _rows(label, found[label], label == baseline)),
        found,
        headline,
        tuple(answers),
        (*notes, *_notes(first, found)),
    )


def severity_of(table: ComparisonTable) -> SeverityTable | str:
    """The same for the rows of a comparison."""
    groups = {row.label: [open_run(run) for run in row.runs] for row in table.rows}
    return severity_table(groups, table.baseline)


def _comparable(one: RunDecisions, other: RunDecisions) -> bool:
    return (one.taxonomy.name, one.classes, one.left_out) == (other.taxonomy.name, other.classes, other.left_out)


def _rows(label: str, members: Mapping[int, RunDecisions], is_baseline: bool) -> list[SeverityRow]:
    ordered = [members[seed] for seed in sorted(members)]
    errors = Figures(tuple(each.calibration_error for each in ordered), "%")
    rows = []
    for decision in DECISION_TITLES:
        scores = [each.scores.get(decision) for each in ordered]
        if not any(scores):
            continue
        figures = {
            name: Figures(
                tuple(math.nan if score is None else getattr(score, name) for score in scores),
                "%" if name == "accuracy" else "",
                NO_MISTAKES if name == "severity" else "it has no tree",
            )
            for name in MEASURES
        }
        rows.append(SeverityRow(label, decision, figures, errors, is_baseline))
    return rows


def _values(members: Mapping[int, RunDecisions], decision: Decision, name: str) -> dict[int, float]:
    return {seed: getattr(each.scores[decision], name) for seed, each in members.items() if decision in each.scores}


class _Differences(NamedTuple):
    """Of a method: its mistakes' severity and its accuracy against the baseline's, and what its own tree changes."""

    severity: Difference
    accuracy: Difference
    cost: Difference
    order: Difference


def _differences(members: Mapping[int, RunDecisions], theirs: Mapping[int, RunDecisions]) -> _Differences:
    both = [_values(side, "likeliest", "severity") for side in (members, theirs)]
    reason = "" if all(any(map(math.isfinite, side.values())) for side in both) else NO_MISTAKES
    return _Differences(
        paired_difference(*both, reason=reason),
        paired_difference(*(_values(side, "likeliest", "accuracy") for side in (members, theirs))),
        paired_difference(_values(members, "own", "distance"), _values(members, "likeliest", "distance")),
        paired_difference(_values(members, "own", "preference"), _values(members, "likeliest", "preference")),
    )


def _told(found: Mapping[str, Mapping[int, RunDecisions]], baseline: str | None) -> tuple[str, list[str]]:
    """Whose mistakes are milder than the baseline's, and whether deciding by the own tree makes decisions cheaper: in a few
    words of one method, and with all numbers of all."""
    theirs: Mapping[int, RunDecisions] = found.get(baseline, {}) if baseline is not None else {}
    other = inline_label(str(baseline))
    headline, answers = "", []
    for label, members in found.items():
        who, found_here = inline_label(label), _differences(members, theirs)
        if label != baseline and theirs:
            right = found_here.accuracy
            beside = f", at an accuracy that differs by {format_points(right.mean)}" if right.n else ""
            text = _compared(found_here.severity, f"Mistakes of {who}", "milder", "more severe", f"those of {other}")
            answers.append(f"{text}{beside}.")
        if found_here.cost.n:
            text = _compared(
                found_here.cost, f"Decisions of {who} by its own tree", "cheaper", "dearer", "its likeliest classes"
            )
            order = _amount(found_here.order)
            answers.append(f"{text}; the score of the order of the first classes changes by {order}.")
        if label != baseline and not headline:
            headline = _headline(label, other if theirs else "", found_here)
    return headline, answers


def _headline(label: str, other: str, found: _Differences) -> str:
    who, parts = inline_label(label), []
    if other and found.severity.n:
        parts.append(f"mistakes of {who} are {_word(found.severity, 'milder', 'more severe')} than those of {other}")
    if found.cost.n:
        parts.append(f"deciding by its own tree makes them {_word(found.cost, 'cheaper', 'dearer')}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _word(difference: Difference, less: str, more: str) -> str:
    if not difference.clear:
        return f"not shown to be {less}" if less == "milder" else f"neither clearly {less} nor {more}"
    return less if difference.mean < 0 else more


def _compared(difference: Difference, what: str, less: str, more: str, other: str) -> str:
    """``"Mistakes of LwAL are milder than those of one-hot: −0.12 levels (95 % interval −0.2 to −0.04, 5 paired seeds)"``."""
    if not difference.n:
        return f"{what} cannot be held against {other}: {difference.reason}"
    size = _amount(difference, " levels")
    if not difference.defined:
        return f"{what} differ from {other} by {size}"
    if difference.clear:
        return f"{what} are {less if difference.mean < 0 else more} than {other}: {size}"
    return f"{what} are not shown to differ from {other}: {size}"


def _amount(difference: Difference, unit: str = "") -> str:
    size = f"{'+' if difference.mean > 0 else ''}{format_number(difference.mean, digits=2)}{unit}"
    seeds = "1 paired seed" if difference.n == 1 else f"{difference.n} paired seeds"
    if not difference.defined:
        return f"{size} (mean of {seeds}, too few for an interval)"
    ends = " to ".join(format_number(end, digits=2) for end in (difference.interval.low, difference.interval.high))
    return f"{size} (95 % interval {ends}, {seeds})"


def _notes(first: RunDecisions, found: Mapping[str, Mapping[int, RunDecisions]]) -> list[str]:
    chances = [each.chance for members in found.values() for each in members.values() if math.isfinite(each.chance)]
    chance = (
        f"; mistakes that went to any class alike would have a severity of {format_number(chances[0])}"
        if chances
        else ""
    )
    notes = [
        f"Severity and distance are levels of {first.taxonomy.title} up to the lowest group that holds both classes{chance}. A method that "
        "makes many harmless mistakes has a low severity: read the accuracy beside it.",
    ]
    if first.left_out:
        count = len(first.left_out)
        notes.append(f"{count:,} {'class is' if count == 1 else 'classes are'} not in the reference and left out.")
    if any(each.samples < each.total for members in found.values() for each in members.values()):
        notes.append(
            f"Of {first.total:,} test samples {first.samples:,} are looked at, as many of each class as there are."
        )
    sources = {each.by for members in found.values() for each in members.values()}
    if len(sources) > 1:
        notes.append("Methods have their probabilities from different places: " + ", ".join(sorted(sources)) + ".")
    return notes
