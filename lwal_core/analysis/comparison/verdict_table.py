"""Comparison of methods as rows of text, for the page, papers and spreadsheets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from lwal_core.analysis.base.formatting import (
    format_mean_sd,
    format_number,
    format_percent,
    format_points,
    format_points_interval,
    undefined,
)
from lwal_core.analysis.comparison.answer_table import reached_text
from lwal_core.analysis.comparison.intervals import Difference, Ratio
from lwal_core.analysis.comparison.speed import SHARES, Comparison, GroupScore, epoch_range

NOT_MEASURED = "not measured"


def summary_table(comparisons: Mapping[str, Comparison]) -> list[dict[str, str]]:
    """One row for each method and predictor, the baseline first; no cell is left empty.

    Like stands beside like: each predictor's rows are measured against the baseline as that predictor reads it.

    Args:
        comparisons: By the name of the predictor, all of the same groups.
    """
    choice = any(group.has_choice for comparison in comparisons.values() for group in comparison.groups.values())
    rows = [
        (score.label != comparison.baseline, score.label, _row(score, comparison, predictor, choice))
        for predictor, comparison in comparisons.items()
        for score in comparison.groups.values()
    ]
    order = list(dict.fromkeys(label for _, label, _ in rows))
    return [row for _, _, row in sorted(rows, key=lambda entry: (entry[0], order.index(entry[1])))]


def _row(score: GroupScore, comparison: Comparison, predictor: str, choice: bool) -> dict[str, str]:
    is_base = score.label == comparison.baseline

    def against(difference: Difference, text: Callable[[Difference], str] | None = None) -> str:
        return "baseline" if is_base else (text or difference_text)(difference)

    def needed(name: str, unit: str) -> str:
        if not score.has_target:
            return undefined("no baseline")
        if not score.reached:
            return f"not reached within {epoch_range(score)}"
        return format_mean_sd(score.to_target(name), unit)  # type: ignore[arg-type]

    median = score.median_epochs
    return {
        "Method": score.label,
        "Predicted by": f"as used: {score.rule}" if score.rule else predictor,
        "Seeds": str(score.n),
        **({"At chosen epoch": format_mean_sd(score.values("chosen"), "%")} if choice else {}),
        "Best accuracy": format_mean_sd(score.values("best"), "%"),
        "Final accuracy": format_mean_sd(score.values("final"), "%"),
        "Mean over epochs": format_mean_sd(score.values("mean"), "%"),
        "Area under curve": format_mean_sd(score.values("area"), "%"),
        "Untrained": format_mean_sd(score.values("untrained"), "%"),
        "Reached target": f"{score.reached} of {score.n}" if score.has_target else undefined("no baseline"),
        "Epochs to target": needed("epoch", "epochs"),
        "Median epochs to target": format_number(median, reason="no baseline")
        if not math.isinf(median)
        else reached_text(score),
        f"Median epochs to {shares_text()} of target": early_text(score) or undefined("no baseline"),
        "Seconds to target": needed("seconds", "s"),
        "Samples to target": needed("samples", "samples"),
        **({"Chosen against baseline": against(score.chosen_difference)} if choice else {}),
        "Best against baseline": against(score.best_difference),
        "Final against baseline": against(score.final_difference),
        "Mean against baseline": against(score.mean_difference),
        "Area against baseline": against(score.area_difference),
        "Epochs against baseline": against(score.epochs_difference, lambda d: amount_text(d, "epochs")),
        "Seconds against baseline": against(score.seconds_difference, lambda d: amount_text(d, "s")),
        "Samples against baseline": against(score.samples_difference, lambda d: amount_text(d, "samples")),
        "Seconds per epoch": format_mean_sd(score.values("epoch_seconds"), "s"),
        "Time of an epoch": "baseline" if is_base else ratio_text(score.time_ratio),
        "Parameters added": parameters_text(score, comparison.base),
        "Label work in a step": share_text(score),
    }


def shares_text() -> str:
    """``"50, 75, 90 and 95 %"``: the shares of the target."""
    *first, last = (format_number(100 * share) for share in SHARES)
    return f"{', '.join(first)} and {last} %"


def early_text(score: GroupScore) -> str:
    """Median epochs to each share of the target, see :func:`epochs_text`."""
    return epochs_text(score.early_epochs)


def epochs_text(medians: Sequence[float]) -> str:
    """``"1, 2, 4 and later"``, "later" where fewer than half got there; empty without any."""
    if not medians:
        return ""
    *first, last = ("later" if math.isinf(epoch) else format_number(epoch) for epoch in medians)
    return f"{', '.join(first)} and {last}"


def difference_text(difference: Difference) -> str:
    """A paired accuracy difference with its interval: ``"+0.4 points (95 % interval 0.1 to 0.7, 3 paired seeds)"``."""
    if difference.n == 0:
        return difference.undefined_text
    if not difference.defined:
        return f"{format_points(difference.mean)}, interval {difference.undefined_text}"
    between = format_points_interval(difference.interval.low, difference.interval.high)
    return f"{format_points(difference.mean)} (95 % interval {between}, {difference.n} paired seeds)"


def amount_text(difference: Difference, unit: str) -> str:
    """A paired difference in a unit: ``"−4.3 epochs (95 % interval −5.8 to −2.9, 3 paired seeds)"``."""
    if difference.n == 0:
        return difference.undefined_text
    amount = ("+" if difference.mean > 0 else "") + f"{format_number(difference.mean)} {unit}"
    if not difference.defined:
        return f"{amount}, interval {difference.undefined_text}"
    low, high = (format_number(end) for end in (difference.interval.low, difference.interval.high))
    return f"{amount} (95 % interval {low} to {high}, {difference.n} paired seeds)"


def ratio_text(ratio: Ratio) -> str:
    """A paired ratio with its interval: ``"1.12 times (95 % interval 1.08 to 1.16, 3 paired seeds)"``."""
    if ratio.n == 0:
        return ratio.logs.undefined_text
    times = f"{format_number(ratio.mean)} times"
    if not ratio.logs.defined:
        return f"{times}, interval {ratio.logs.undefined_text}"
    low, high = (format_number(end) for end in (ratio.interval.low, ratio.interval.high))
    return f"{times} (95 % interval {low} to {high}, {ratio.n} paired seeds)"


def parameters_text(score: GroupScore, base: GroupScore | None) -> str:
    """Parameters beyond the baseline's: ``"+1,200 (+3.1 %)"``."""
    own, theirs = score.parameters, base.parameters if base else None
    if own is None:
        return undefined("not counted")
    if base is score:
        return f"{own:,} (baseline)"
    if not theirs:
        return f"{own:,} ({'no baseline' if base is None else 'baseline not counted'})"
    if own == theirs:
        return "none"
    sign = "+" if own > theirs else "−"
    return f"{sign}{abs(own - theirs):,} ({sign}{format_percent(abs(own - theirs) / theirs)})"


def share_text(score: GroupScore) -> str:
    """Work of the label method as a share of a step, ``"4.2 ± 0.3 % (n=3)"``."""
    shares = score.values("label_share")
    return format_mean_sd(shares, "%") if any(map(math.isfinite, shares)) else NOT_MEASURED
