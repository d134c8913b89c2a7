"""When each level of a taxonomy is learned, method beside method, paired over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lwal_core.analysis.base.formatting import format_mean_sd, format_number, inline_label, undefined
from lwal_core.analysis.collapse.levels import SHARE, epoch_of_share
from lwal_core.analysis.comparison.intervals import Difference, FloatArray, paired_difference


@dataclass(frozen=True, eq=False)
class LevelCurves:
    """One run at the levels of a taxonomy.

    Attributes:
        seed: Of the run.
        groups: How many groups each level has ``[L]``, from the coarsest to the classes.
        epoch: ``[E]``, ascending.
        accuracy: ``[L,E]`` fractions, nan where not known.
        nc1: ``[L,E]``, likewise.
    """

    seed: int
    groups: tuple[int, ...]
    epoch: FloatArray
    accuracy: FloatArray
    nc1: FloatArray

    @property
    def titles(self) -> list[str]:
        """What each level is called."""
        return level_titles(self.groups)

    @property
    def learned(self) -> list[float]:
        """First epoch at which each level has 90 % of its final accuracy ``[L]``."""
        return [epoch_of_share(self.epoch, values) for values in self.accuracy]


def level_titles(groups: Sequence[int]) -> list[str]:
    """``["2 groups", "4 groups", "10 classes"]``."""
    return [f"{count} groups" for count in groups[:-1]] + [f"{count} classes" for count in groups[-1:]]


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Epochs at which the levels are learned.

    Attributes:
        titles: Of the L levels.
        epochs: Of each method and level, by seed.
        baseline: The method that the others are measured against.
        last: Last epoch that was looked at, of all runs.
    """

    titles: tuple[str, ...]
    epochs: Mapping[str, Sequence[Mapping[int, float]]]
    baseline: str
    last: int

    def against_baseline(self, label: str, level: int) -> Difference:
        """Epochs of a method less those of the baseline, paired by seed."""
        base = self.epochs.get(self.baseline)
        reason = "" if base is not None else "no baseline"
        return paired_difference(self.epochs[label][level], {} if base is None else base[level], reason=reason)

    def classes_after_groups(self, label: str) -> Difference:
        """Epochs of the classes less those of the coarsest level, of the same seeds."""
        levels = self.epochs[label]
        return paired_difference(levels[-1], levels[0])

    def rows(self) -> list[dict[str, str]]:
        """The table as text, a row for each method and level."""
        found = []
        for label, levels in self.epochs.items():
            for level, title in enumerate(self.titles):
                values = [value for value in levels[level].values() if np.isfinite(value)]
                against = "baseline" if label == self.baseline else _apart(self.against_baseline(label, level))
                found.append(
                    {
                        "Method": label,
                        "Level": title,
                        f"Epochs to {100 * SHARE:g} % of its final accuracy": format_mean_sd(values, "epochs")
                        if values
                        else undefined("no accuracy above 0"),
                        "To the baseline": against,
                    }
                )
        return found

    def answer(self, lead: str = "") -> str:
        """In words, of one method; plain text.

        Args:
            lead: Its label; the first that is not the baseline when left out or not here, or the only one.
        """
        others = [lead] if lead in self.epochs else [each for each in self.epochs if each != self.baseline]
        label = next(iter(others or self.epochs), "")
        if not label:
            return ""
        first, last = self.titles[0], self.titles[-1]
        within = f"{100 * SHARE:g} % of their final accuracy"
        apart = self.classes_after_groups(label)
        said = f"With {inline_label(label)} the {last} get to {within} {_apart(apart, f' than the {first}', f' as the {first}')}."
        if label == self.baseline or self.baseline not in self.epochs:
            return said
        base = inline_label(self.baseline)
        parts = [
            f"the {self.titles[level]} {_apart(self.against_baseline(label, level))}"
            for level in (0, len(self.titles) - 1)
        ]
        return f"{said} Beside {base}: {'; '.join(parts)}."


def _apart(difference: Difference, than: str = "", like: str = "") -> str:
    """``"2.3 epochs later than the groups (95 % interval 1 to 4, 3 paired seeds)"``, or ``"in the same epoch as ..."``."""
    if not difference.n:
        return difference.undefined_text
    seeds = f"{difference.n} paired seed{'s' if difference.n > 1 else ''}"
    low, high = (format_number(end) for end in (difference.interval.low, difference.interval.high))
    if difference.n > 1 and not np.ptp(difference.values):
        sure = f"in each of {seeds}"
    elif difference.defined:
        sure = f"95 % interval of the difference {low} to {high}, {seeds}" + ("" if difference.clear else ", not clear")
    else:
        sure = f"{seeds}, too few for an interval"
    if abs(difference.mean) < 1e-12:
        same = "in the same epoch" if not np.ptp(difference.values) else "in the mean in the same epoch"
        return f"{same}{like} ({sure})"
    when = "later" if difference.mean > 0 else "earlier"
    epochs = "epoch" if abs(difference.mean) == 1 else "epochs"
    return f"{format_number(abs(difference.mean))} {epochs} {when}{than} ({sure})"


def level_table(runs: Mapping[str, Sequence[LevelCurves]], baseline: str) -> LevelTable | None:
    """The epochs of methods whose runs have the same levels as the first; None without any.

    Args:
        runs: By label, one a seed.
        baseline: Label of the group that the others are measured against.
    """
    every = [run for members in runs.values() for run in members]
    if not every:
        return None
    groups = every[0].groups
    epochs: dict[str, list[dict[int, float]]] = {}
    for label, members in runs.items():
        same = [run for run in members if run.groups == groups]
        if same:
            learned = {run.seed: run.learned for run in same}
            epochs[label] = [{seed: values[level] for seed, values in learned.items()} for level in range(len(groups))]
    last = max(int(run.epoch[-1]) for run in every if len(run.epoch))
    return LevelTable(tuple(level_titles(groups)), epochs, baseline, last)
