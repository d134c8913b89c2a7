"""Comparison of runs, as ``lwal compare`` and the results tables show it. No torch.

Runs that differ in nothing but their seed are one row. Rows of one data set make one table with one baseline: an
accuracy on other data compares with nothing. Figures are those of :mod:`lwal_core.analysis.comparison.speed`, over the newest run
of each seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import cast

from lwal_core.analysis.comparison.speed import GroupScore, compare
from lwal_core.analysis.comparison.verdict import choice_text, verdict
from lwal_core.analysis.comparison.verdict_table import NOT_MEASURED
from lwal_core.config import METHODS, RunConfig, differences
from lwal_core.errors import LwalError, RunNotFound
from lwal_core.experiments.comparison_table import ComparisonTable, EpochsToTarget, Figures, Row
from lwal_core.results.run_curves import distinct_labels, group_curves, note_on_test_sets, option_text
from lwal_core.results.run_tree import run_hierarchy, run_taxonomy, taxonomy_agreement
from lwal_core.runs import (
    EVERY_READING,
    READING_TITLES,
    Reading,
    Run,
    RunGroup,
    RunSummary,
    baseline_among,
    group_runs,
    one_per_seed,
)
from lwal_core.runs.metrics import COLLAPSE_COLUMNS, MEASURES
from lwal_core.taxonomy.proposal import PROPOSED

_GUESSED = "Taxonomy: WordNet, with what the class names mean as guessed; Check senses on Hierarchy shows and keeps the senses."


def select_runs(runs: Sequence[RunSummary], wanted: Sequence[str]) -> list[RunSummary]:
    """The runs that ids, tags or group keys name, each once, in the order of ``runs``; when none is named all sound
    ones that had a training.

    Raises:
        RunNotFound: Something names no run.
        LwalError: A run that was named by its id is damaged.
    """
    if not wanted:
        return [run for run in runs if run.problem is None and not run.imported]
    chosen: set[str] = set()
    for word in wanted:
        named = [run for run in runs if run.id == word]
        if named and named[0].problem:
            raise LwalError(f"Run {word} is damaged: {named[0].problem}", "Leave it out.")
        # An id is one run, whatever tags others have.
        found = named or [run for run in runs if run.problem is None and (word in run.tags or word == run.group)]
        if not found:
            raise RunNotFound(f"No run has the id, tag or group {word!r}.", "`lwal runs` lists what there is.")
        chosen.update(run.id for run in found)
    return [run for run in runs if run.id in chosen]


def compare_runs(
    runs: Iterable[RunSummary],
    *,
    reading: Reading = "as-used",
    target: float | None = None,
    baseline: str | None = None,
) -> list[ComparisonTable]:
    """Compare runs, one table a data set, in the order of each table's newest run.

    Args:
        runs: Any runs; those without a finished epoch are left out and noted.
        reading: By which rule accuracies are read.
        target: Accuracy to reach, a fraction in (0, 1]; the baseline's best of the same seed when left out.
        baseline: A method's name (``"onehot"``), a row's label, a group key or the id of a run in the group; one-hot
            when left out, and no baseline where no one-hot run is.

    Raises:
        LwalError: No table has the baseline that was asked for, or the target is out of range.
    """
    by_data: dict[str, list[RunSummary]] = {}
    for run in runs:
        if run.problem is None:
            by_data.setdefault(run.data, []).append(run)
    tables = [_table(members, reading, target, baseline) for members in by_data.values()]
    if baseline is not None and tables and all(table.baseline is None for table in tables):
        raise _no_baseline(baseline)
    return tables


def compare_together(
    runs: Iterable[RunSummary],
    *,
    reading: Reading = "as-used",
    target: float | None = None,
    baseline: str | None = None,
) -> ComparisonTable:
    """Compare runs in one table, whatever their data; arguments as for :func:`compare_runs`. What differs besides the label
    method is noted.

    Raises:
        LwalError: No run is whole, no group is the baseline that was asked for, or the target is out of range.
    """
    sound = [run for run in runs if run.problem is None]
    if not sound:
        raise LwalError("There is no run to compare.", "Give runs that are not damaged.")
    table = _table(sound, reading, target, baseline)
    if baseline is not None and table.baseline is None:
        raise _no_baseline(baseline)
    return table


def _no_baseline(wanted: str) -> LwalError:
    return LwalError(
        f"No group that is compared is called {wanted!r}.",
        "Give a method such as onehot, a row's label, a group's key or a run's id.",
    )


def group_labels(groups: Sequence[RunGroup]) -> dict[str, str]:
    """A label for each group's key that tells it from the others, see :func:`distinct_labels`."""
    return distinct_labels({group.key: _config(group) for group in groups})


def _table(runs: list[RunSummary], reading: Reading, target: float | None, wanted: str | None) -> ComparisonTable:
    groups = group_runs(runs)
    shown = [group for group in groups if one_per_seed(group.runs)]
    labels = group_labels(shown)
    base = _baseline(shown, labels, wanted)
    base_label = labels[base.key] if base else None
    # compare() wants a label; one that no group has means that there is no baseline, and sentences name it.
    sought = base_label or wanted or METHODS["onehot"].title
    readings = {
        one: compare({labels[g.key]: group_curves(g.runs, one) for g in shown}, sought, target)
        for one in dict.fromkeys((*cast(tuple[Reading, ...], tuple(READING_TITLES)), reading))
    }
    comparison = readings[reading]
    base_parameters = _parameters(_opened(base)) if base else None
    rows = [
        _row(group, labels[group.key], comparison.groups[labels[group.key]], base_parameters, group is base)
        for group in sorted(shown, key=lambda group: group is not base)
    ]
    tested = note_on_test_sets({labels[group.key]: _opened(group) for group in shown})
    choice = choice_text(comparison) if any(score.has_choice for score in comparison.groups.values()) else ""
    notes = [*_run_notes(runs), *comparison.notes, *_difference_notes(shown), *filter(None, [choice, tested])]
    if any(row.taxonomy == PROPOSED for row in rows):
        notes.append(_GUESSED)
    return ComparisonTable(
        data=runs[0].data,
        data_title=runs[0].data_title,
        reading=reading,
        baseline=base_label,
        target=target,
        rows=tuple(rows),
        verdict=verdict(comparison, EVERY_READING[reading], {EVERY_READING[one]: c for one, c in readings.items()}),
        notes=tuple(notes),
    )


def _baseline(groups: list[RunGroup], labels: dict[str, str], wanted: str | None) -> RunGroup | None:
    """The group that is asked for; of several of one method the newest."""
    if wanted is None:
        return baseline_among(groups)
    for names in (
        lambda group: {run.id for run in group.runs} | {group.key},
        lambda group: {labels[group.key]},
        lambda group: {group.first.method_label, group.first.method},
    ):
        for group in groups:
            if wanted in names(group):
                return group
    return None


def _row(group: RunGroup, label: str, score: GroupScore, base_parameters: int | None, is_baseline: bool) -> Row:
    runs = _opened(group)
    scored = {run.run_id: run for run in score.runs}  # without those whose accuracy was never measured
    chosen, best, mean, reached, targets, trained, final, area, seconds_to, samples_to, share = (
        tuple(pick(scored[run.id]) if run.id in scored else math.nan for run in runs)
        for pick in (
            lambda s: s.chosen,
            lambda s: s.best,
            lambda s: s.mean,
            lambda s: s.reach.epoch if s.reach else math.nan,
            lambda s: s.target,
            lambda s: s.last_epoch,
            lambda s: s.final,
            lambda s: s.area,
            lambda s: s.reach.seconds if s.reach else math.nan,
            lambda s: s.reach.samples if s.reach else math.nan,
            lambda s: s.label_share,
        )
    )
    parameters = _parameters(runs)
    added = parameters - base_parameters if parameters is not None and base_parameters is not None else None
    tau, recall, taxonomy = _against_taxonomy(runs)
    unmeasured = "" if len(scored) == len(runs) else "accuracy was not measured"
    return Row(
        label=label,
        group=group.key,
        method=group.first.method_label,
        encoder=group.first.encoder,
        runs=tuple(run.id for run in runs),
        seeds=tuple(run.config.training.seed for run in runs),
        best=Figures(best, "%", unmeasured),
        mean=Figures(mean, "%", unmeasured),
        to_target=EpochsToTarget(reached, targets, trained),
        early=score.early_epochs,
        rule=score.rule,
        chosen=Figures(chosen, "%", unmeasured or "no validation part"),
        final=Figures(final, "%", unmeasured),
        area=Figures(area, "%", unmeasured or "one epoch has no area"),
        seconds_to_target=Figures(seconds_to, "s", "not every seed reached the target"),
        samples_to_target=Figures(samples_to, "samples", "not every seed reached the target"),
        best_difference=None if is_baseline else score.best_difference,
        time_ratio=None if is_baseline else score.time_ratio,
        label_share=Figures(share, "%", NOT_MEASURED),
        seconds=_seconds(runs),
        parameters=parameters,
        parameters_added=added,
        baseline_parameters=base_parameters,
        tau=tau,
        recall=recall,
        taxonomy=taxonomy,
        is_baseline=is_baseline,
        chosen_difference=None if is_baseline else score.chosen_difference,
        measures=_after_kept_epoch(runs, tuple(MEASURES), "%"),
        collapse=_after_kept_epoch(runs, COLLAPSE_COLUMNS, ""),
    )


def _opened(group: RunGroup) -> list[Run]:
    return [run.opened() for run in one_per_seed(group.runs)]


def _config(group: RunGroup) -> RunConfig:
    return group.first.opened().config


def _parameters(runs: Sequence[Run]) -> int | None:
    counts = {run.record.parameters for run in runs}
    return counts.pop() if len(counts) == 1 else None


def _seconds(runs: Sequence[Run]) -> Figures:
    """Seconds of training per epoch; whole runs are averaged, so the first epoch's warming up counts."""
    values = []
    for run in runs:
        metrics = run.metrics()
        values.append(float(metrics.seconds[-1]) / metrics.epochs_done)
    return Figures(tuple(values), "s", "training time was not recorded" if any(map(math.isnan, values)) else "")


def _after_kept_epoch(runs: Sequence[Run], columns: Sequence[str], unit: str) -> dict[str, Figures]:
    """Columns of the metrics after the epoch whose model is kept, seed by seed; without those that no run has."""
    found: dict[str, list[float]] = {name: [] for name in columns}
    for run in runs:
        metrics = run.metrics()
        at = metrics.epoch == run.record.best_epoch
        for name, values in found.items():
            values.extend(getattr(metrics, name)[at][:1] if at.any() else [math.nan])
    return {
        name: Figures(tuple(map(float, values)), unit, NOT_MEASURED)
        for name, values in found.items()
        if not all(map(math.isnan, values))
    }


def _against_taxonomy(runs: Sequence[Run]) -> tuple[Figures, Figures, str | None]:
    """Agreement of the class means of the newest epoch with the taxonomy of the classes, seed by seed: Kendall's tau,
    and the share of the taxonomy's groups that are clades of the tree by average linkage."""
    taus, recalls, taxonomy = [], [], None
    tau_reasons, recall_reasons = [], []
    for run in runs:
        tau, recall, tau_reason, recall_reason = math.nan, math.nan, "", ""
        try:
            h = run_hierarchy(run)
            reference = run_taxonomy(run)
            found = None if reference is None else taxonomy_agreement(h.names, h.square(), reference)
            if found is None:
                tau_reason = recall_reason = "no taxonomy for these classes"
            else:
                taxonomy = found.taxonomy.name
                tau = found.tau
                tau_reason = "for no class do the distances differ" if math.isnan(tau) else ""
                there, missing = found.groups_in(h.linkage)
                if h.is_flat:
                    recall_reason = "there is no tree: all distances are equal"
                elif not there and not missing:
                    recall_reason = "the taxonomy has no group of these classes"
                else:
                    recall = len(there) / (len(there) + len(missing))
        except LwalError as error:
            tau_reason = recall_reason = error.message.rstrip(".")
        taus.append(tau)
        recalls.append(recall)
        tau_reasons += [tau_reason] if tau_reason else []
        recall_reasons += [recall_reason] if recall_reason else []
    return (
        Figures(tuple(taus), "", next(iter(tau_reasons), "")),
        Figures(tuple(recalls), "%", next(iter(recall_reasons), "")),
        taxonomy,
    )


def _run_notes(runs: Sequence[RunSummary]) -> list[str]:
    notes = []
    untrained = sum(run.epochs_done < 1 for run in runs)
    if untrained:
        notes.append(f"{_counted(untrained, 'run')} without a finished epoch {_verb(untrained)} left out.")
    chosen = {run.id for group in group_runs(runs) for run in one_per_seed(group.runs)}
    repeated = sum(run.epochs_done >= 1 and run.id not in chosen for run in runs)
    if repeated:
        notes.append(
            f"{_counted(repeated, 'run')} {_verb(repeated)} left out: there is a newer or finished one of the same seed."
        )
    short = sum(run.id in chosen and run.status != "done" for run in runs)
    if short:
        notes.append(f"{_counted(short, 'run')} in the table {_verb(short)} not trained to the end.")
    return notes


def _difference_notes(groups: Sequence[RunGroup]) -> list[str]:
    """What differs besides the label method: then a difference between rows may be due to that."""
    differing = differences([_config(group) for group in groups])
    others = {option: values for option, values in differing.items() if not option.startswith("method.")}
    if not others:
        return []
    listed = "; ".join(
        f"{option} ({', '.join(option_text(value) for value in dict.fromkeys(values))})"
        for option, values in others.items()
    )
    return [f"The rows differ in more than the label method: {listed}."]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
