"""``lwal similarity``: runs held against each other on the test set that they share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.table import Table

from lwal_core.cli.output import out, plain, print_json
from lwal_core.errors import LwalError
from lwal_core.runs import Layer, list_runs, one_per_seed

if TYPE_CHECKING:
    from lwal_core.results.run_similarity import RunSimilarity

WIDEST = 20
"""Runs whose matrix a terminal has room for."""


def similarity(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN_OR_TAG]...", help="Run ids, tags or group keys; all runs when left out"),
    ] = None,
    layer: Annotated[str, typer.Option(help="outputs, or features: what the last layer makes them of")] = "outputs",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable, with all three measures")] = False,
) -> None:
    """Compare what runs make of the same test samples: linear CKA, Procrustes distance and neighbour overlap of each two, and whether
    two seeds of one method are more alike than two methods."""
    from lwal_core.analysis.run_similarity import MEASURE_TITLES
    from lwal_core.experiments.comparison import group_labels, select_runs
    from lwal_core.results.run_similarity import run_similarity
    from lwal_core.runs import group_runs

    if layer not in ("outputs", "features"):
        raise LwalError(f"{layer!r} is no layer.", "Use outputs or features.")
    groups = group_runs(select_runs(list_runs(), runs or []))
    if not runs:  # of several data sets the newest with two runs
        of_data = Counter(run.data for group in groups for run in one_per_seed(group.runs))
        data = next((name for name, count in of_data.items() if count > 1), None)
        groups = [group for group in groups if group.first.data == data]
    labels = group_labels(groups)
    chosen = [run for group in groups for run in one_per_seed(group.runs)]
    found = run_similarity([run.opened() for run in chosen], cast(Layer, layer))
    if found is None:  # nobody says that it is not wanted
        return
    titles = {run.id: f"{labels[run.group]}, seed {run.seed}" for run in chosen}
    order = found.matrix.order().tolist()
    if as_json:
        print_json(
            {
                "layer": found.layer,
                "samples": found.matrix.samples,
                "runs": [{"id": found.runs[i], "title": titles[found.runs[i]]} for i in order],
                **{
                    name: [
                        [value if value == value else None for value in row] for row in values[order][:, order].tolist()
                    ]
                    for name, values in found.matrix.values.items()
                },
                "answers": {name: found.answer(name) for name in MEASURE_TITLES},
                "notes": found.notes(),
            }
        )
        return
    if len(order) > WIDEST:
        out.print(
            f"{len(order)} runs are too many for a table in a terminal; --json has their matrices.", highlight=False
        )
    else:
        _print_matrix(found, order, titles)
    out.print(*(plain(found.answer(name)) for name in MEASURE_TITLES), sep="\n", highlight=False, markup=False)
    out.print(*map(plain, found.notes()), sep="\n", highlight=False, markup=False)


def _print_matrix(found: RunSimilarity, order: list[int], titles: dict[str, str]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("linear CKA")
    for number in range(1, len(order) + 1):
        table.add_column(str(number), justify="right")
    values = found.matrix.values["cka"]
    for number, i in enumerate(order, start=1):
        cells = ["" if value != value else f"{value:.2f}" for value in values[i, order].tolist()]
        table.add_row(f"{number} {plain(titles[found.runs[i]])}", *cells)
    out.print(table, highlight=False)
