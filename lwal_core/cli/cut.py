"""``lwal cut``: groups of a run's classes, printed or kept with the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lwal_core.cli.output import err, out, plain, print_json
from lwal_core.cli.run_ids import RunArgument
from lwal_core.cli.tree_options import Distance, Layer, Linkage, Vectors
from lwal_core.errors import LwalError
from lwal_core.results.tree_spec import DEFAULT_DISTANCE, DEFAULT_LINKAGE, TreeSpec, with_layer
from lwal_core.runs import forget_cut, keep_cut, open_run, read_cuts

SHOWN = 20
"""Classes of a group that the table lists."""


def cut(
    run: RunArgument,
    rule: Annotated[
        str | None,
        typer.Argument(
            help="8 groups, height=0.5, dynamic (dynamic=3: groups of 3 classes or more), size=10 (at most 10 classes a group), "
            "silhouette, or the name of a kept cut; the kept cuts are listed when left out"
        ),
    ] = None,
    keep: Annotated[str | None, typer.Option(help="Keep the groups with the run under this name")] = None,
    forget: Annotated[str | None, typer.Option(help="Delete the kept cut of this name")] = None,
    epoch: Annotated[int | None, typer.Option(help="Epoch of the labels; when left out the last one")] = None,
    source: Vectors = None,
    layer: Layer = None,
    linkage: Linkage = DEFAULT_LINKAGE,
    metric: Distance = DEFAULT_DISTANCE,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False,
) -> None:
    """Cut the class tree of a run into groups and print them, or keep them: other runs may be trained on them (lwal train
    --labels-from RUN:NAME)."""
    from lwal_core.results.cuts import groups_of

    opened = open_run(run)
    if forget is not None:
        if rule is not None or keep is not None:
            raise LwalError("--forget goes alone.", "Leave out the rule and --keep.")
        forget_cut(opened.path, " ".join(forget.split()))
        err.print(f"forgot the cut {forget!r}", highlight=False, markup=False)
        return
    if rule is None:
        if keep is not None:
            raise LwalError("There is nothing to keep.", f"Say how to cut: lwal cut {run} dynamic --keep NAME.")
        _print_kept(opened.path, as_json)
        return
    spec = TreeSpec.of(opened, epoch, with_layer(source, layer), linkage, metric)
    found = groups_of(opened, rule, spec)
    groups = found.classes(opened.class_names)
    if keep is not None:
        made = f"{spec.vectors_title} after epoch {spec.epoch}. {spec.rule} Cut by {rule} into {len(groups)} groups."
        keep_cut(opened.path, keep, groups, made)
        err.print(f"kept {len(groups):,} groups as {keep!r}", highlight=False, markup=False)
    if as_json:
        print_json([{"name": name, "classes": list(classes)} for name, classes in groups])
        return
    table = Table("group", "classes", "members", box=None, pad_edge=False)
    for name, classes in groups:
        more = f" and {len(classes) - SHOWN:,} more" if len(classes) > SHOWN else ""
        table.add_row(plain(name), f"{len(classes):,}", plain(", ".join(classes[:SHOWN])) + more)
    out.print(table)


def _print_kept(folder: Path, as_json: bool) -> None:
    kept = read_cuts(folder)
    if as_json:
        print_json([each.model_dump(mode="json") for each in kept.values()])
        return
    if not kept:
        err.print("No cut is kept with this run.", highlight=False)
        return
    table = Table("cut", "groups", "made", box=None, pad_edge=False)
    for each in kept.values():
        table.add_row(plain(each.name), f"{len(each.groups):,}", plain(each.made))
    out.print(table)
