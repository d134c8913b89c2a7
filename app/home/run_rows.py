"""Rows of Home's run table: groups of runs, damaged folders, chosen configuration columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.common.selection import shown_titles
from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.config import run_options
from lwal_core.errors import LwalError
from lwal_core.experiments.examples import TAG
from lwal_core.results.run_curves import option_text
from lwal_core.runs import RunGroup, RunSummary

LONGEST_NAME = 40
"""Characters of a title in the table."""
GROUP_BY = ("Method", "Data", "Status", "Tags")
"""Columns by which the table can be ordered before the reader asks for further ones."""
_NOT_OFFERED = ("training.seed",)


def option_names(chosen: Sequence[RunGroup]) -> list[str]:
    """Options of a run that can be columns, such as ``training.epochs``; those first in which the chosen groups differ."""
    names = list(dict.fromkeys(f"{option.part}.{option.name}" for option in run_options()))
    known = [options for group in chosen if (options := _options(group))]
    differing = [name for name in names if len({repr(options.get(name)) for options in known}) > 1]
    return [name for name in dict.fromkeys([*differing, *names]) if name not in _NOT_OFFERED]


def rows_of(
    groups: Sequence[RunGroup],
    damaged: Sequence[RunSummary],
    titles: dict[str, str],
    *,
    search: str = "",
    columns: Sequence[str] = (),
    group_by: str = "",
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of the table and the key of each row's group, empty for a damaged folder.

    Args:
        groups: Newest first.
        damaged: Folders that cannot be read.
        titles: Of the groups, by key, as they are searched; a row says no more than tells it from the other rows.
        search: Words that all have to be in a row's name, method, data, tags, status or ids.
        columns: Options of the configuration, from :func:`option_names`.
        group_by: Column that leads and by which rows are ordered; empty for newest first.
    """
    words = search.lower().split()
    shown = []
    for group in groups:
        first = group.first
        texts = [
            titles[group.key],
            first.method_label,
            first.data,
            group.status,
            *first.tags,
            *(r.id for r in group.runs),
        ]
        if all(word in " ".join(texts).lower() for word in words):
            shown.append(group)
    names = shown_titles(shown, LONGEST_NAME)
    found = [(_row(group, names[group.key], columns), group.key) for group in shown]
    for run in damaged:
        if all(word in f"{run.id} damaged".lower() for word in words):
            found.append(({"Name": run.id, "Status": f"damaged: {run.problem}", "When": run.created}, ""))
    if group_by:
        found = [({group_by: row.get(group_by, ""), **row}, key) for row, key in found]
        found.sort(key=lambda each: str(each[0][group_by]).lower())
    return [row for row, _ in found], [key for _, key in found]


def _row(group: RunGroup, title: str, columns: Sequence[str]) -> dict[str, Any]:
    first, accuracies = group.first, group.best_accuracies()
    known = len(accuracies) > 0
    nothing = "imported" if first.imported else "none finished"
    options = _options(group) if columns else {}
    return {
        "Name": title,
        "Method": first.method_label,
        "Data": first.data_title,
        "Seeds": len(group.seeds),
        "Epochs": "" if first.imported else f"{min(r.epochs_done for r in group.one_per_seed)} of {first.epochs}",
        "Best test accuracy": format_mean_sd(accuracies, "%") if known else nothing,
        "Read by": first.rule if known else "",
        "Status": "imported" if first.imported else "example" if TAG in first.tags else group.status,
        "Tags": ", ".join(tag for tag in first.tags if tag != TAG),
        "When": first.created,
    } | {name: option_text(options[name]) if name in options else "" for name in columns}


def _options(group: RunGroup) -> dict[str, Any]:
    """Every option of a group's configuration by ``part.option``; none where its newest run is gone or damaged."""
    try:
        parts = group.config.to_dict()
    except LwalError:
        return {}
    return {
        f"{part}.{name}": value
        for part, options in parts.items()
        if isinstance(options, dict)
        for name, value in options.items()
    }
