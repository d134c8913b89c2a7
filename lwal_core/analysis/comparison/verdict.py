"""Verdict on a comparison in words: a title and a paragraph that says no more than the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from lwal_core.analysis.base.formatting import (
    format_accuracy,
    format_mean_sd,
    format_number,
    format_points,
    inline_label,
)
from lwal_core.analysis.comparison.intervals import Difference, FloatArray
from lwal_core.analysis.comparison.speed import Comparison, GroupScore, epoch_range
from lwal_core.analysis.comparison.verdict_table import (
    NOT_MEASURED,
    difference_text,
    early_text,
    parameters_text,
    ratio_text,
    share_text,
    shares_text,
)

CHOSEN = "test accuracy at the epoch chosen on the validation part"


def verdict(comparison: Comparison, predictor_label: str = "", readings: Mapping[str, Comparison] | None = None) -> str:
    """The answer in two or three plain sentences, made from the figures; plain text, to be escaped where it is shown.

    It says how many seeds stand behind it, how many got to the target when not all did, and "no clear difference"
    where the interval includes 0 (see :class:`~lwal_core.analysis.comparison.intervals.Difference`). One seed a method is called
    a lead.

    Args:
        comparison: From :func:`compare`.
        predictor_label: How the accuracies were predicted, e.g. ``"nearest class mean"``; opens the sentence when
            given.
        readings: The same groups by every rule of prediction, by what is said after "by"; where the method in front
            depends on the rule, the last sentence says so.
    """
    first, rest = verdict_parts(comparison, predictor_label)
    return " ".join(filter(None, [first, rest, disagreement(readings or {})]))


def verdict_parts(comparison: Comparison, predictor_label: str = "") -> tuple[str, str]:
    """The first sentence of :func:`verdict`, and those that follow it, for a place where all of them are too many."""
    first, *rest = _verdict_sentences(comparison)
    if predictor_label:
        first = f"Predicting by {predictor_label}, {inline_label(first)}"
    return first, " ".join(rest)


def disagreement(readings: Mapping[str, Comparison]) -> str:
    """Whether the leading method or the baseline has the higher mean best accuracy by which rule of prediction, in one
    sentence; empty where it is the same one by all."""
    front: dict[str, list[str]] = {}
    names: list[str] = []
    for title, comparison in readings.items():
        base, lead = comparison.base, comparison.lead
        if base is None or lead is None:
            return ""
        more = lead.best_difference.mean
        if not lead.best_difference.n:
            more = float(lead.values("best").mean() - base.values("best").mean())
        names = [lead.label, inline_label(base.label)]
        front.setdefault(names[0] if more > 0 else names[1] if more < 0 else "", []).append(
            f"by {title} ({format_points(more)})"
        )
    if not names or not {*names} <= {*front}:
        return ""
    listed = "; ".join(f"{label or 'neither'} {', '.join(titles)}" for label, titles in front.items())
    return f"Whether {' or '.join(names)} is ahead in best accuracy depends on the rule of prediction: {listed}."


def overhead(comparison: Comparison) -> str:
    """What the leading method costs beside the baseline, in one sentence; empty where nothing of it is known."""
    base, others = comparison.base, comparison.others
    if base is None or not others:
        return ""
    lead = others[0]
    parts = []
    if lead.time_ratio.n:
        unclear = ", no clear difference" if lead.time_ratio.logs.defined and not lead.time_ratio.logs.clear else ""
        parts.append(
            f"the time of an epoch is {ratio_text(lead.time_ratio)} that of {inline_label(base.label)}{unclear}"
        )
    added = parameters_text(lead, base)
    if lead.parameters is not None and base.parameters is not None:
        parts.append(f"parameters added: {added}")
    if share_text(lead) != NOT_MEASURED:
        parts.append(f"label work in a step: {share_text(lead)}")
    return f"What {lead.label} costs: {'; '.join(parts)}." if parts else ""


def finding_title(comparison: Comparison) -> str:
    """A chart title that is the finding: ``"LwAL reaches 97.8 % after 4.3 epochs, one-hot after 9"``."""
    base, others = comparison.base, comparison.others
    if not others:
        return f"{base.label}: best accuracy {_mean_percent(base.values('best'))}" if base else "Nothing to compare yet"
    lead = others[0]
    if not lead.has_target:
        return f"{lead.label}: best accuracy {_mean_percent(lead.values('best'))}, no baseline to compare with"
    if _untrained_best(comparison) and base:
        return f"{base.label} never beats its untrained network"
    level = _mean_percent(lead.values("target"))
    theirs = f"{inline_label(comparison.baseline)}'s {level}" if comparison.target is None else level
    if not any(score.reached for score in others) and len(others) > 1:
        return f"No other method reaches {theirs} within {epoch_range(*others)}"
    if lead.reached == 0:
        return f"{lead.label} does not reach {theirs} within {epoch_range(lead)}"
    if lead.reached < lead.n:
        return f"{lead.label} reaches {theirs} in {lead.reached} of {lead.n} seeds"
    mine = _plain_epochs(lead)
    start = f"{lead.label} reaches {level} {'before training' if mine == '0 epochs' else f'after {mine}'}"
    if base is None:
        return start
    name = inline_label(base.label)
    if base.reached < base.n:
        return f"{start}, {name} in {base.reached} of {base.n} seeds" if base.reached else f"{start}, {name} never"
    if _plain_epochs(base) == mine:
        return f"{start}, as does {name}"
    return f"{start}, {name} after {_plain_epochs(base).split()[0]}"


def _verdict_sentences(comparison: Comparison) -> list[str]:
    base, others = comparison.base, comparison.others
    if not others:
        if base is None:
            return ["No run has a measured accuracy yet, so there is nothing to compare."]
        after = _epochs_text(base.values("best_epoch"))
        best = format_mean_sd(base.values("best"), "%", show_n=False)
        alone = "there is no other method to compare it with yet"
        return [f"{base.label} is at its best, {best}, after {after} (n={base.n}); {alone}."]
    lead = others[0]
    if base is None:
        listed = "; ".join(f"{score.label} {format_mean_sd(score.values('best'), '%')}" for score in others[:3])
        more = f"; and {len(others) - 3} more" if len(others) > 3 else ""
        name = inline_label(comparison.baseline) or "baseline"
        sentences = [f"No {name} run is here to compare with, so whether it pays off is open."]
        if comparison.target is not None:
            goal = f"the target of {format_accuracy(comparison.target)}"
            sentences.append(f"{_first_clause(lead, None, goal)}{_further_clauses(others)}.")
        return [*sentences, f"Best accuracy: {listed}{more}."]
    sentences = [_reaching_sentence(comparison, base, others), _early_sentence(comparison, base, lead)]
    sentences = [*filter(None, sentences), _cost_sentence(lead, base)]
    lengths = {epoch_range(score) for score in (base, lead)}
    if len(lengths) > 1:
        sentences.append(
            f"They were trained for different lengths ({inline_label(base.label)} {epoch_range(base)}, "
            f"{inline_label(lead.label)} {epoch_range(lead)}), which favours the longer in best accuracy."
        )
    return sentences


def _reaching_sentence(comparison: Comparison, base: GroupScore, others: Sequence[GroupScore]) -> str:
    if _untrained_best(comparison):
        level = _mean_percent(base.values("best"))
        why = f"never better than its untrained network ({level} at epoch 0)"
        return f"{base.label} is {why}, so reaching its best says nothing."
    level = _mean_percent(others[0].values("target"))
    mixed = any(run.target_from == "mean of bests" for score in others for run in score.runs)
    best = "mean best accuracy" if mixed else "best accuracy"
    goal = f"{inline_label(base.label)}'s {best} ({level})" if comparison.target is None else f"the target of {level}"
    return f"{_first_clause(others[0], base, goal)}{_further_clauses(others)}."


def _early_sentence(comparison: Comparison, base: GroupScore, lead: GroupScore) -> str:
    """Median epochs on the way to the target: they tell a head start from a win."""
    if _untrained_best(comparison) or not lead.early_epochs or not base.early_epochs:
        return ""
    mine, theirs = early_text(lead), early_text(base)
    return f"Median epochs to {shares_text()} of it: {mine}; {inline_label(base.label)} {theirs}."


def _first_clause(score: GroupScore, base: GroupScore | None, goal: str) -> str:
    """What the leading group does, and what the baseline needs for it."""
    epochs = score.to_target()
    name = inline_label(base.label) if base else ""
    count = f"n={score.n}" if base is None or base.n == score.n else f"n={score.n}, {name} n={base.n}"
    if score.reached == 0:
        return f"{score.label} never reaches {goal} within {epoch_range(score)} ({count})"
    same = bool(base) and score.reached == score.n and _same_epochs(score, base)
    if base is None:
        theirs = ""
    elif same:
        theirs = f", just as {name} does"
    elif base.reached == base.n:
        theirs = f" where {name} needs {_epochs_text(base.to_target(), unit=False)}"
    elif base.reached:
        theirs = f", {name} in only {base.reached} of {base.n} seeds"
    else:
        theirs = f", {name} never within {epoch_range(base)}"
    if score.reached < score.n:
        part = f"in only {score.reached} of {score.n} seeds, there after {_epochs_text(epochs)}"
        return f"{score.label} reaches {goal} {part}{theirs}" + ("" if count == f"n={score.n}" else f" ({count})")
    if _all_zero(epochs):
        return f"{score.label} has {goal} before any training (epoch 0){theirs} ({count})"
    zeros = int((epochs == 0).sum())
    early = f", in {zeros} of {score.n} seeds before any training" if zeros else ""
    difference = score.epochs_difference
    unclear = ""
    if difference.n > 1 and not difference.clear and not same:
        unclear = ", no clear difference" if difference.defined else ", too few seeds to tell"
    return f"{score.label} reaches {goal} after {_epochs_text(epochs)}{theirs} ({count}{early}{unclear})"


def _further_clauses(others: Sequence[GroupScore]) -> str:
    """What the groups after the leading one do: two of them by name, the rest counted."""
    clauses = []
    for score in others[1:3]:
        if score.reached == score.n:
            when = "before any training" if _all_zero(score.to_target()) else f"after {_epochs_text(score.to_target())}"
            clause = f"{score.label} does {when}"
        elif score.reached:
            clause = f"{score.label} does in only {score.reached} of {score.n} seeds"
        else:
            clause = f"{score.label} never does within {epoch_range(score)}"
        clauses.append(clause + (f" (n={score.n})" if score.n != others[0].n else ""))
    rest = others[3:]
    if rest:
        every = sum(score.reached == score.n for score in rest)
        never = sum(score.reached == 0 for score in rest)
        some = len(rest) - every - never
        clauses.append(f"of {len(rest)} more, {every} in every seed, {some} in some, {never} in none")
    return "".join(f"; {clause}" for clause in clauses)


def _cost_sentence(score: GroupScore, base: GroupScore) -> str:
    parts = []
    mine, theirs = score.to_target("seconds"), base.to_target("seconds")
    if np.isfinite(mine).all() and np.isfinite(theirs).all() and not (_all_zero(mine) and _all_zero(theirs)):
        difference = score.seconds_difference
        unclear = " (no clear difference)" if difference.defined and not difference.clear else ""
        spent = format_mean_sd(mine, "s", show_n=False)
        parts.append(
            f"getting there takes {spent} of training against {format_mean_sd(theirs, 's', show_n=False)}{unclear}"
        )
    if score.has_choice and base.has_choice:
        parts.append(_accuracy_clause(CHOSEN, score, base, "chosen", score.chosen_difference))
    parts.append(_accuracy_clause("best accuracy", score, base, "best", score.best_difference))
    *first, last = parts
    text = f"{', '.join(first)}, and {last}" if first else last
    return text[:1].upper() + text[1:] + "."


def _accuracy_clause(
    what: str, score: GroupScore, base: GroupScore, name: Literal["chosen", "best"], difference: Difference
) -> str:
    """How an accuracy of two groups compares."""
    if difference.n == 0:
        mine, theirs = (format_mean_sd(s.values(name), "%") for s in (score, base))
        return f"{what} is {mine} against {theirs}, with no shared seed to pair"
    if difference.defined and not difference.clear:
        return f"{what} shows no clear difference: {difference_text(difference)}"
    if difference.defined:
        word = "higher" if difference.mean > 0 else "lower"
        amount = difference_text(difference).removeprefix("+").removeprefix("−").replace(" (", f" {word} (", 1)
        return f"{what} of {inline_label(score.label)} is {amount}"
    seeds = "the one shared seed" if difference.n == 1 else "the mean of the two shared seeds"
    how = "is the same" if difference.mean == 0 else f"differs by {format_points(difference.mean)}"
    return f"{what} {how} in {seeds}: a lead, not a result"


def choice_text(comparison: Comparison) -> str:
    """On which part of the data the best epochs were chosen, in one sentence; empty without a run."""
    scores = [score for score in comparison.groups.values() if score.n]
    chose = [score for score in scores if score.has_choice]
    if not scores:
        return ""
    if len(chose) == len(scores):
        return "Best epochs were chosen on the validation part; the test set was looked at for the report."
    if not chose:
        return (
            "Best epochs were chosen on the test set, which flatters every method alike; a validation part avoids it."
        )
    listed = ", ".join(inline_label(score.label) for score in chose)
    return f"Best epochs of {listed} were chosen on a validation part, the others on the test set."


def _untrained_best(comparison: Comparison) -> bool:
    """Whether the baseline's own best, in every seed, is what it had before training: then it is no target."""
    base = comparison.base
    return comparison.target is None and base is not None and _all_zero(base.values("best_epoch"))


def _all_zero(values: FloatArray) -> bool:
    return bool(values.size) and not np.any(values)


def _same_epochs(score: GroupScore, base: GroupScore | None) -> bool:
    return base is not None and np.array_equal(np.sort(score.to_target()), np.sort(base.to_target()))


def _epochs_text(epochs: FloatArray, *, unit: bool = True) -> str:
    """``"4.3 ± 0.6 epochs"``, without a spread where all runs agree, over those that are finite."""
    finite = epochs[np.isfinite(epochs)]
    agree = bool(finite.size) and np.ptp(finite) == 0
    text = format_number(float(finite[0])) if agree else format_mean_sd(finite, show_n=False)
    return f"{text} {'epoch' if text == '1' else 'epochs'}" if unit else text


def _plain_epochs(score: GroupScore) -> str:
    epochs = score.to_target()
    text = format_number(float(np.nanmean(epochs)), digits=2)
    return f"{text} {'epoch' if text == '1' else 'epochs'}"


def _mean_percent(values: FloatArray) -> str:
    return format_accuracy(float(np.mean(values)))
