"""The paper's four claims, each tested on a comparison: faster, better, cheap, meaningful.

An answer is a number with its interval, a verdict in one word, and how it is known. Where there is nothing to answer
from, the claim says what is missing. Nothing here picks the best of several methods: the first one that was given
leads, the others are drawn beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lwal_core.analysis.base.formatting import (
    format_mean_sd,
    format_number,
    format_points,
    inline_label,
)
from lwal_core.analysis.comparison.intervals import MIN_SEEDS, Difference, paired_difference, student_interval
from lwal_core.analysis.comparison.speed import Comparison, GroupScore, epoch_range
from lwal_core.analysis.comparison.step_costs import time_parts_text
from lwal_core.analysis.comparison.verdict import disagreement
from lwal_core.analysis.comparison.verdict_table import (
    NOT_MEASURED,
    amount_text,
    difference_text,
    early_text,
    parameters_text,
    ratio_text,
    share_text,
    shares_text,
)

Answer = Literal["yes", "no", "open"]
CHEAP = 1.1
"""Time of an epoch, to the baseline's, up to which a method counts as cheap."""
SIGNIFICANT = 0.05
"""p of the permutation test up to which an agreement counts as more than chance."""


@dataclass(frozen=True)
class Point:
    """One method in a claim's small figure: a mean and its interval, nan ends where there is none."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """One claim and its answer.

    Attributes:
        question: ``"Faster?"``.
        answer: ``"yes"`` or ``"no"`` where the interval leaves out the dividing line, else ``"open"``; of *Meaningful?*
            ``"yes"`` where shuffled classes hardly ever agree as well, else ``"open"``.
        number: The figure, a few words; empty where there is none.
        sentence: The answer in one sentence, or what is missing.
        evidence: How it is known, one sentence each.
        points: Methods with their values, for the figure.
        unit: Of the values, for the figure's axis.
        line: The value that parts yes from no.
    """

    question: str
    answer: Answer
    number: str
    sentence: str
    evidence: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    unit: str = ""
    line: float = 0.0


@dataclass(frozen=True)
class Meaning:
    """Agreement of a method's class distances with a reference taxonomy.

    Attributes:
        taxonomy: Its name.
        taus: Kendall's tau by seed, in [-1, 1]; nan where it is undefined.
        p: Share of shuffles of the class names, the same in all seeds, whose mean tau is as large
            (:func:`lwal_core.analysis.trees.kendall.kendall_tau_permutation_p`); nan when it was not tested.
    """

    taxonomy: str
    taus: Mapping[int, float]
    p: float = math.nan


def four_claims(
    comparison: Comparison, meanings: Mapping[str, Meaning], readings: Mapping[str, Comparison] | None = None
) -> tuple[Claim, Claim, Claim, Claim]:
    """Answer the four claims.

    Args:
        comparison: The methods against one baseline; those that learn their labels are looked at, all others when there
            is none.
        meanings: By label, for the methods whose classes have a taxonomy.
        readings: The same groups by every rule of prediction, by what is said after "by"; *Better?* says where the
            method in front depends on it.
    """
    base, lead = comparison.base, comparison.lead
    scores = [s for s in comparison.groups.values() if s.n and s.label != comparison.baseline]
    scores = [s for s in scores if s.learned] or scores
    if lead is None:
        missing = "Train a method that learns labels, with the same seeds as one-hot, to answer this."
        return tuple(Claim(question, "open", "", missing) for question in QUESTIONS)  # type: ignore[return-value]
    meaning = _meaningful(lead, scores, comparison, meanings)
    if base is None:
        missing = f"Train one-hot on the same data with the same seeds, or record it, to compare {lead.label} with."
        return (*(Claim(question, "open", "", missing) for question in QUESTIONS[:3]), meaning)  # type: ignore[return-value]
    how = _how(lead, base)
    return (
        _faster(lead, scores, base, comparison, how),
        _better(lead, scores, base, (*how, *filter(None, [disagreement(readings or {})]))),
        _cheap(lead, scores, base),
        meaning,
    )


QUESTIONS = ("Faster?", "Better?", "Cheap?", "Meaningful?")


def _faster(
    lead: GroupScore, scores: list[GroupScore], base: GroupScore, comparison: Comparison, how: tuple[str, ...]
) -> Claim:
    difference, name = lead.epochs_difference, inline_label(base.label)
    goal = f"{name}'s best accuracy of the same seed" if comparison.target is None else "the target"
    points = tuple(_point(s.label, s.epochs_difference) for s in scores if s.epochs_difference.n)
    reached = f"{lead.reached} of {lead.n} seeds of {lead.label} reach {goal} within {epoch_range(lead)}."
    early = f"Median epochs to {shares_text()} of it: {early_text(lead)}; {name}: {early_text(base)}."
    evidence = (reached, early, *how)
    if comparison.target is None and not base.values("best_epoch").any():
        return Claim("Faster?", "open", "", f"{base.label} is never better than untrained, so there is no target.", how)
    if not difference.n:
        sentence = f"{lead.label} reaches {goal} in {lead.reached} of {lead.n} seeds; a mean needs all of them."
        if lead.reached == 0:
            sentence = f"{lead.label} never reaches {goal} within {epoch_range(lead)}."
        never = lead.reached == 0 and base.reached == base.n and lead.n >= MIN_SEEDS
        number = f"{lead.reached} of {lead.n} seeds"
        # Without a mean for the first method, the figure shows how many of each method's seeds got there.
        shares = tuple(Point(s.label, 100 * s.reached / s.n, math.nan, math.nan) for s in scores)
        return Claim("Faster?", "no" if never else "open", number, sentence, evidence, shares, "% of seeds", 100.0)
    saved = _saved(lead, base, difference)
    sentence = (
        f"Epochs to {goal}: {format_mean_sd(lead.to_target())} against {format_mean_sd(base.to_target())}{saved}."
    )
    return Claim(
        "Faster?", _answer(difference, better=-1), f"{_signed(difference.mean)} epochs", sentence,
        (f"Paired: {amount_text(difference, 'epochs')}.", *evidence), points, "epochs",
    )  # fmt: skip


def _saved(lead: GroupScore, base: GroupScore, difference: Difference) -> str:
    """The paper's claim is a share: over half of the epochs."""
    theirs = [run.reach.epoch for run in base.runs if run.reach and run.seed in difference.seeds]
    mean = float(np.mean(theirs)) if theirs else 0.0
    if mean <= 0:
        return ""
    share = 100 * difference.mean / mean
    return f", {format_number(abs(share), digits=2)} % {'fewer' if share < 0 else 'more'}" if share else ""


def _better(lead: GroupScore, scores: list[GroupScore], base: GroupScore, how: tuple[str, ...]) -> Claim:
    name, choice = inline_label(base.label), lead.has_choice and base.has_choice
    by_label = {s.label: s.chosen_difference if choice else s.best_difference for s in scores}
    difference = by_label[lead.label]
    points = tuple(_point(label, each, 100) for label, each in by_label.items() if each.n)
    mine, theirs = (format_mean_sd(s.values("chosen" if choice else "best"), "%") for s in (lead, base))
    what = (
        "Test accuracy at the epoch chosen on the validation part"
        if choice
        else "Best test accuracy, at the epoch that is best on the test set"
    )
    sentence = f"{what}: {mine}{_by(lead)} against {theirs} of {name}{_by(base)}."
    if not difference.n:
        return Claim("Better?", "open", "", f"{sentence} No shared seed to pair.", how)
    evidence = (f"Paired: {difference_text(difference)}.", *how)
    number = format_points(difference.mean)
    return Claim("Better?", _answer(difference, better=1), number, sentence, evidence, points, "points")


def _by(score: GroupScore) -> str:
    return f" (by {score.rule})" if score.rule else ""


def _cheap(lead: GroupScore, scores: list[GroupScore], base: GroupScore) -> Claim:
    ratio, name = lead.time_ratio, inline_label(base.label)
    points = tuple(
        Point(s.label, s.time_ratio.mean, s.time_ratio.interval.low, s.time_ratio.interval.high)
        for s in scores
        if s.time_ratio.n
    )
    facts = [f"Parameters added: {parameters_text(lead, base)}.", f"Label work in a step: {share_text(lead)}."]
    if not ratio.n:
        return Claim(
            "Cheap?", "open", "", "Training time was not recorded for both methods, or no seed is shared.", tuple(facts)
        )
    answer: Answer = "open"
    if ratio.logs.defined:
        answer = "yes" if ratio.interval.high <= CHEAP else "no" if ratio.interval.low > CHEAP else "open"
    share = share_text(lead)
    work = "" if share == NOT_MEASURED else f" Its labels take {share} of a step."
    sentence = f"Time of an epoch, against {name}; up to {CHEAP:g} times counts as cheap.{work}"
    evidence = (
        f"Paired: {ratio_text(ratio)}, training alone.",
        *facts,
        *filter(None, [time_parts_text(lead, base)]),
        "Runs that shared a machine with other work are slower by chance.",
    )
    return Claim("Cheap?", answer, f"{format_number(ratio.mean)} times", sentence, evidence, points, "times", 1.0)


def _meaningful(
    lead: GroupScore, scores: list[GroupScore], comparison: Comparison, meanings: Mapping[str, Meaning]
) -> Claim:
    if lead.label not in meanings:
        text = "No taxonomy fits these classes, so there is nothing to hold the labels against."
        return Claim("Meaningful?", "open", "", text)
    mine = meanings[lead.label]
    values = _finite(mine)
    if not values.size:
        return Claim("Meaningful?", "open", "", "Kendall's tau is undefined: for no class do the distances differ.")
    points = []
    labels = [s.label for s in scores] + ([comparison.baseline] if comparison.base else [])
    for label in labels:
        if label in meanings and _finite(meanings[label]).size:
            taus = _finite(meanings[label])
            interval = student_interval(taus)
            points.append(Point(label, float(taus.mean()), interval.low, interval.high))
    answer: Answer = "yes" if values.size >= MIN_SEEDS and mine.p <= SIGNIFICANT else "open"
    evidence = [
        f"Kendall's tau of class distances after the last epoch with hops in {mine.taxonomy}, mean over classes; "
        "0 is chance, 1 is the same order.",
        "Yes when shuffled class names, shuffled alike in all seeds, agree as well in at most "
        f"{100 * SIGNIFICANT:g} % of shuffles, and there are {MIN_SEEDS} seeds or more.",
    ]
    beside = ""
    base = meanings.get(comparison.baseline)
    if base is not None and _finite(base).size:
        difference = paired_difference(mine.taus, base.taus)
        beside = f" {_beside_baseline(difference, base, inline_label(comparison.baseline))}"
        if difference.n:
            against = amount_text(difference, "tau")
            evidence.append(f"Against {inline_label(comparison.baseline)}'s class means, paired: {against}.")
    tau = format_mean_sd(values)
    sentence = f"Agreement of {lead.label}'s class means with {mine.taxonomy}: tau {tau}, {_chance(mine)}.{beside}"
    number = f"tau {format_number(float(values.mean()), digits=2)}"
    return Claim("Meaningful?", answer, number, sentence, tuple(evidence), tuple(points), "tau")


def _chance(meaning: Meaning) -> str:
    if math.isnan(meaning.p):
        return "chance was not tested"
    than = "more than" if meaning.p <= SIGNIFICANT else "not shown to be more than"
    return f"{than} chance (p = {format_number(meaning.p, digits=2)})"


def _beside_baseline(difference: Difference, base: Meaning, name: str) -> str:
    """Whether the agreement is more than that of the baseline's class means, which no shuffling of classes can tell."""
    theirs = f"{name}'s class means ({format_number(float(_finite(base).mean()), digits=2)})"
    if difference.clear:
        return f"That is {'more' if difference.mean > 0 else 'less'} than that of {theirs}."
    if difference.defined:
        return f"That is not shown to differ from that of {theirs}."
    return f"Too few shared seeds to tell it from that of {theirs}."


def _how(lead: GroupScore, base: GroupScore) -> tuple[str, ...]:
    shared = sorted({run.seed for run in lead.runs} & {run.seed for run in base.runs})
    seeds = ", ".join(map(str, shared)) or "none"
    return (
        f"{lead.label} n={lead.n}, {inline_label(base.label)} n={base.n}; shared seeds: {seeds}.",
        "The wider of Student's and the bootstrap interval; yes or no only where both leave out 0.",
    )


def _answer(difference: Difference, *, better: int) -> Answer:
    if not difference.clear:
        return "open"
    return "yes" if difference.mean * better > 0 else "no"


def _point(label: str, difference: Difference, scale: float = 1.0) -> Point:
    interval = difference.interval
    return Point(label, scale * difference.mean, scale * interval.low, scale * interval.high)


def _finite(meaning: Meaning) -> np.ndarray:
    return np.array([tau for tau in meaning.taus.values() if math.isfinite(tau)], dtype=np.float64)


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + format_number(value)
