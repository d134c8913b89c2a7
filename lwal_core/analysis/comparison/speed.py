"""Comparison of methods over seeds: accuracy, epochs to a target, time.

The paper (X. Yu, N. Verma, arXiv:2209.04528) reports the mean test accuracy over the epochs, the best one, and how many
epochs fewer a method takes to reach the baseline's best. The same figures are computed here, with what they hide said
beside them: how many seeds got there at all, the spread over seeds, and whether a difference can be told from chance.

Two things to know when reading "epochs to the baseline's best". The best of a noisy curve is a maximum, so the
baseline is measured at its luckiest epoch while the other method may cross that level at any; and the mean over those
runs that got there leaves out the slow ones. That is why the number of runs that got there, and a median that counts
the others, always go with it.

Everything here works on arrays; a page or command makes the :class:`Curve` objects from run folders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lwal_core.analysis.base.formatting import format_number, inline_label
from lwal_core.analysis.comparison.curve import Curve, measured_points
from lwal_core.analysis.comparison.intervals import (
    Difference,
    FloatArray,
    Ratio,
    censored_median,
    paired_difference,
    paired_ratio,
)
from lwal_core.errors import AnalysisError

ScoreName = Literal[
    "chosen",
    "best",
    "best_epoch",
    "final",
    "mean",
    "area",
    "untrained",
    "target",
    "last_epoch",
    "epoch_seconds",
    "label_share",
]
SHARES = (0.5, 0.75, 0.9, 0.95)
"""Shares of the target: a method that is only ahead at the low ones has a head start."""
TargetFrom = Literal["given", "same seed", "mean of bests", "none"]


@dataclass(frozen=True)
class Reach:
    """When a curve first gets to a target.

    Attributes:
        epoch: First measured epoch at or above the target; nan when there is none.
        seconds: Seconds of training at that epoch; nan likewise, or when training time was not recorded.
        samples: Samples seen at that epoch; nan likewise.
        reached: Whether it got there. When not, the run is censored at ``last_epoch``: "later than", not "never".
        last_epoch: Last epoch with a measured accuracy; nan when there is none.
    """

    epoch: float
    seconds: float
    samples: float
    reached: bool
    last_epoch: float


# Accuracies are counts over a test set: two that differ by less than this are one value and the rounding of a mean.
_TOLERANCE = 1e-9


def reach(curve: Curve, target: float) -> Reach:
    """First epoch whose accuracy is at least ``target``.

    Epoch 0, the untrained network, counts. Nothing is interpolated: between two epochs the accuracy is not known.
    Unmeasured epochs (nan) are passed over, so the answer is the first *measured* epoch.

    Raises:
        AnalysisError: ``target`` is nan.
    """
    if math.isnan(target):
        raise AnalysisError("The target accuracy is nan.", "Give a fraction between 0 and 1.")
    measured = np.flatnonzero(~np.isnan(curve.accuracy))
    last = float(curve.epoch[measured[-1]]) if measured.size else math.nan
    hits = measured[curve.accuracy[measured] >= target - _TOLERANCE]
    if not hits.size:
        return Reach(math.nan, math.nan, math.nan, False, last)
    row = hits[0]
    return Reach(float(curve.epoch[row]), float(curve.seconds[row]), float(curve.samples[row]), True, last)


@dataclass(frozen=True)
class RunScore:
    """One run's figures; accuracies are fractions.

    Attributes:
        best: Highest accuracy over the measured epochs, epoch 0 included; chosen on the test set, as in the paper.
        best_epoch: First epoch that has it.
        chosen: Accuracy at the first trained epoch with the highest accuracy on the validation part; nan without one.
        chosen_epoch: That epoch.
        final: Accuracy at the last measured epoch.
        mean: Mean accuracy over epochs 1..E, the paper's; nan without one.
        area: Area under accuracy over epochs (trapezoids, epoch 0 included), divided by the range of epochs: in [0, 1].
        untrained: Accuracy at epoch 0; nan where it was not measured.
        epoch_seconds: Seconds of training per epoch, over all epochs; nan where training time was not recorded.
        label_share, output_share: Parts of a step, see :class:`~lwal_core.analysis.comparison.curve.Curve`.
        parameters: Trained parameters; None where they were not counted.
        target: Accuracy to reach; nan when there is none.
        target_from: Where the target comes from.
        reach: When it got there; ``None`` without a target.
        early: When it got to each of :data:`SHARES` of the target; empty without a target.
        rule: The rule of its accuracies, see :class:`~lwal_core.analysis.comparison.curve.Curve`.
        learned: Whether the method learns its labels.
    """

    run_id: str
    seed: int
    best: float
    best_epoch: float
    final: float
    mean: float
    area: float
    last_epoch: float
    chosen: float = math.nan
    chosen_epoch: float = math.nan
    untrained: float = math.nan
    epoch_seconds: float = math.nan
    label_share: float = math.nan
    output_share: float = math.nan
    parameters: int | None = None
    target: float = math.nan
    target_from: TargetFrom = "none"
    reach: Reach | None = None
    early: tuple[Reach, ...] = ()
    rule: str = ""
    learned: bool = False


@dataclass(frozen=True, eq=False)
class GroupScore:
    """One method's figures over its seeds.

    Differences are this group minus the baseline over shared seeds: of accuracies (``chosen``, which exists only where every
    shared run has a validation part, ``best``, ``final``, ``mean``, ``area``), and of what it took to the target (``epochs``,
    ``seconds``, ``samples``), which exist only when every shared run got there. ``time_ratio`` is seconds per epoch, this group
    to the baseline.
    """

    label: str
    runs: tuple[RunScore, ...]
    chosen_difference: Difference
    best_difference: Difference
    final_difference: Difference
    mean_difference: Difference
    area_difference: Difference
    epochs_difference: Difference
    seconds_difference: Difference
    samples_difference: Difference
    time_ratio: Ratio

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.runs)

    def values(self, name: ScoreName) -> FloatArray:
        """One figure of every run, ``[n]``."""
        return np.array([getattr(run, name) for run in self.runs], dtype=np.float64)

    @property
    def has_choice(self) -> bool:
        """Whether every run chose its epoch on a validation part."""
        return self.n > 0 and bool(np.isfinite(self.values("chosen")).all())

    def to_target(self, name: Literal["epoch", "seconds", "samples"] = "epoch") -> FloatArray:
        """What it took to reach the target, ``[n]``; nan for a run that did not."""
        return np.array([getattr(run.reach, name) if run.reach else math.nan for run in self.runs], dtype=np.float64)

    @property
    def has_target(self) -> bool:
        """Whether every run had an accuracy to reach."""
        return self.n > 0 and all(run.reach is not None for run in self.runs)

    @property
    def reached(self) -> int:
        """How many of the ``n`` runs got to their target."""
        return sum(run.reach is not None and run.reach.reached for run in self.runs)

    @property
    def parameters(self) -> int | None:
        """Trained parameters; None when they were not counted or differ between the runs."""
        counts = {run.parameters for run in self.runs}
        return counts.pop() if len(counts) == 1 else None

    @property
    def median_epochs(self) -> float:
        """Median epochs to the target, censored runs counted; ``inf`` when fewer than half got there."""
        return _median([run.reach for run in self.runs if run.reach]) if self.has_target else math.nan

    @property
    def early_epochs(self) -> tuple[float, ...]:
        """The same to each of :data:`SHARES` of the target; empty without a target."""
        if not self.has_target:
            return ()
        return tuple(_median(reaches) for reaches in zip(*(run.early for run in self.runs), strict=True))

    @property
    def rule(self) -> str:
        """By which rule its accuracies were measured, where methods differ in it; else empty."""
        return self.runs[0].rule if self.runs else ""

    @property
    def learned(self) -> bool:
        """Whether the method learns its labels."""
        return any(run.learned for run in self.runs)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All groups against one baseline.

    Attributes:
        baseline: Label of the baseline group, whether or not it has runs.
        groups: Score of each group that was given, in that order; a group without measured accuracy has ``n == 0``.
        target: The target that was asked for, or ``None`` when it is the baseline's best.
        notes: What a reader should know before believing the figures, one sentence each.
    """

    baseline: str
    groups: dict[str, GroupScore]
    target: float | None
    notes: tuple[str, ...] = field(default=())

    @property
    def base(self) -> GroupScore | None:
        """The baseline's score, or ``None`` when it has no run with a measured accuracy."""
        score = self.groups.get(self.baseline)
        return score if score is not None and score.n else None

    @property
    def lead(self) -> GroupScore | None:
        """The group that headlines are about: the first that learns its labels, in the order given, else the first but
        the baseline. Never the best of several, which would be chosen for its luck, too."""
        scores = [score for label, score in self.groups.items() if label != self.baseline and score.n]
        return next((score for score in scores if score.learned), scores[0] if scores else None)

    @property
    def others(self) -> list[GroupScore]:
        """The groups with runs but the baseline: the leading one, then those that reach the target most surely and
        soonest."""
        scores = [score for label, score in self.groups.items() if label != self.baseline and score.n]
        lead = self.lead

        def order(score: GroupScore) -> tuple[bool, float, float, float]:
            epochs = score.to_target()
            mean = float(np.nanmean(epochs)) if score.reached else math.inf
            return (score is not lead, -score.reached / score.n, mean, -float(np.mean(score.values("best"))))

        return sorted(scores, key=order)


def compare(groups: Mapping[str, Sequence[Curve]], baseline: str, target: float | None = None) -> Comparison:
    """Score every group and pair it with the baseline seed by seed.

    The target of a run is ``target`` when given; otherwise the best accuracy of the baseline run with the same seed
    (their mean if there are several), or, for a seed that the baseline lacks, the mean of the baselines' bests;
    ``RunScore.target_from`` says which. The baseline is scored against its own best like everyone else, so its figure
    is the epoch of its best.

    Args:
        groups: Runs by label.
        baseline: Label of the group to compare with; may be missing, then there are no targets (unless given) and no
            differences.
        target: Accuracy to reach, a fraction in (0, 1].

    Raises:
        AnalysisError: ``target`` is not a fraction in (0, 1].
    """
    if target is not None and not 0 < target <= 1:
        raise AnalysisError(f"The target accuracy is {target!r}.", "Give a fraction above 0 and at most 1, e.g. 0.95.")
    measured = {label: [c for c in curves if not np.isnan(c.accuracy).all()] for label, curves in groups.items()}
    base_runs = [_score(curve) for curve in measured.get(baseline, [])]
    best_by_seed = _by_seed(base_runs, [run.best for run in base_runs])
    fallback = float(np.mean([run.best for run in base_runs])) if base_runs else math.nan

    def scored(curve: Curve) -> RunScore:
        if target is not None:
            return _score(curve, target, "given")
        if curve.seed in best_by_seed:
            return _score(curve, best_by_seed[curve.seed], "same seed")
        return _score(curve, fallback, "mean of bests") if base_runs else _score(curve)

    runs = {label: [scored(curve) for curve in curves] for label, curves in measured.items()}
    base = runs.get(baseline, [])
    scores = {label: _group_score(label, rows, base, is_baseline=label == baseline) for label, rows in runs.items()}
    return Comparison(baseline, scores, target, tuple(_notes(groups, scores, baseline)))


def _score(curve: Curve, target: float = math.nan, target_from: TargetFrom = "none") -> RunScore:
    epoch, accuracy = measured_points(curve, "accuracy", "epoch")
    trained = accuracy[epoch >= 1]
    length = float(epoch[-1] - epoch[0])
    area = float(((accuracy[1:] + accuracy[:-1]) / 2 * np.diff(epoch)).sum()) / length if length > 0 else math.nan
    chosen, chosen_epoch = _chosen(curve)
    return RunScore(
        run_id=curve.run_id,
        seed=curve.seed,
        best=float(accuracy.max()),
        best_epoch=float(epoch[accuracy.argmax()]),
        final=float(accuracy[-1]),
        mean=float(trained.mean()) if trained.size else math.nan,
        area=area,
        last_epoch=float(epoch[-1]),
        chosen=chosen,
        chosen_epoch=chosen_epoch,
        untrained=float(accuracy[0]) if epoch[0] == 0 else math.nan,
        epoch_seconds=_epoch_seconds(curve),
        label_share=curve.label_share,
        output_share=curve.output_share,
        parameters=curve.parameters,
        target=target,
        target_from=target_from,
        reach=None if math.isnan(target) else reach(curve, target),
        early=() if math.isnan(target) else tuple(reach(curve, share * target) for share in SHARES),
        rule=curve.rule,
        learned=curve.learned,
    )


def _chosen(curve: Curve) -> tuple[float, float]:
    """Accuracy at the epoch that the validation part chooses, and that epoch; nan without one."""
    assert curve.validation is not None  # filled with nan where it was not given
    rows = np.flatnonzero((curve.epoch >= 1) & np.isfinite(curve.validation) & np.isfinite(curve.accuracy))
    if not rows.size:
        return math.nan, math.nan
    row = rows[curve.validation[rows].argmax()]
    return float(curve.accuracy[row]), float(curve.epoch[row])


def _median(reaches: Sequence[Reach]) -> float:
    happened = [each.reached for each in reaches]
    return censored_median([each.epoch if each.reached else each.last_epoch for each in reaches], happened)


def _epoch_seconds(curve: Curve) -> float:
    known = np.isfinite(curve.seconds)
    epoch, seconds = curve.epoch[known], curve.seconds[known]
    trained = epoch[-1] - epoch[0] if epoch.size else 0.0
    return float((seconds[-1] - seconds[0]) / trained) if trained > 0 else math.nan


def _by_seed(runs: Sequence[RunScore], values: Sequence[float]) -> dict[int, float]:
    """Mean value of each seed; several runs of one seed are one observation."""
    collected: dict[int, list[float]] = {}
    for run, value in zip(runs, values, strict=True):
        collected.setdefault(run.seed, []).append(value)
    return {seed: float(np.mean(found)) for seed, found in collected.items()}


def _group_score(label: str, runs: Sequence[RunScore], base: Sequence[RunScore], *, is_baseline: bool) -> GroupScore:
    why = "this is the baseline" if is_baseline else "" if base else "no baseline"
    shared = {run.seed for run in runs} & {run.seed for run in base}
    involved = [run for run in (*runs, *base) if run.seed in shared]
    arrived = all(run.reach is not None and run.reach.reached for run in involved)
    chose = all(math.isfinite(run.chosen) for run in involved)
    why_time = why or ("" if arrived else "not every seed reached the target")

    def by_seed(rows: Sequence[RunScore], field_name: str, *, of_reach: bool = False) -> dict[int, float]:
        return _by_seed(rows, [getattr(run.reach if of_reach else run, field_name, math.nan) for run in rows])

    def paired(field_name: str, reason: str, *, of_reach: bool = False) -> Difference:
        sides = (by_seed(rows, field_name, of_reach=of_reach) for rows in (runs, base))
        return paired_difference(*sides, reason=reason)

    return GroupScore(
        label=label,
        runs=tuple(runs),
        chosen_difference=paired("chosen", why or ("" if chose else "not every seed has a validation part")),
        best_difference=paired("best", why),
        final_difference=paired("final", why),
        mean_difference=paired("mean", why),
        area_difference=paired("area", why),
        epochs_difference=paired("epoch", why_time, of_reach=True),
        seconds_difference=paired("seconds", why_time, of_reach=True),
        samples_difference=paired("samples", why_time, of_reach=True),
        time_ratio=paired_ratio(by_seed(runs, "epoch_seconds"), by_seed(base, "epoch_seconds"), reason=why),
    )


def _notes(groups: Mapping[str, Sequence[Curve]], scores: Mapping[str, GroupScore], baseline: str) -> list[str]:
    notes = []
    for label, score in scores.items():
        given = len(groups[label])
        if score.n < given:
            lacking = given - score.n
            verb, are = ("has", "is") if lacking == 1 else ("have", "are")
            runs = "run" if given == 1 else "runs"
            notes.append(f"{label}: {lacking} of {given} {runs} {verb} no measured accuracy yet and {are} left out.")
        if len({run.seed for run in score.runs}) < score.n:
            notes.append(f"{label} has several runs of one seed; each seed counts once in paired differences.")
        unpaired = sum(run.target_from == "mean of bests" for run in score.runs)
        if unpaired:
            notes.append(
                f"{label}: {unpaired} of {score.n} seeds were not run with {inline_label(baseline)}; "
                f"their target is the mean of the best accuracies of {inline_label(baseline)}."
            )
        base = scores.get(baseline)
        lacking_seeds = (
            {run.seed for run in base.runs} - {run.seed for run in score.runs} if base and score.n else set()
        )
        if lacking_seeds:
            listed = ", ".join(map(str, sorted(lacking_seeds)))
            notes.append(f"{label} was not run with seed {listed}, which {inline_label(baseline)} has; not paired.")
    lengths = {score.label: epoch_range(score) for score in scores.values() if score.n}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{inline_label(label)} {length}" for label, length in lengths.items())
        notes.append(f"The groups were trained for different lengths: {listed}.")
    return notes


def epoch_range(*scores: GroupScore) -> str:
    """How long the runs of these groups were trained: ``"10 epochs"`` or ``"5 to 10 epochs"``."""
    last = np.concatenate([score.values("last_epoch") for score in scores])
    low, high = format_number(float(last.min())), format_number(float(last.max()))
    return (f"{low} epoch" + ("" if low == "1" else "s")) if low == high else f"{low} to {high} epochs"
