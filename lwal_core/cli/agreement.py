"""``lwal agreement``: a run's class distances held against taxonomies and matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.table import Table

from lwal_core.cli.output import nan_to_none, out, plain, print_json
from lwal_core.cli.run_ids import RunArgument
from lwal_core.errors import LwalError
from lwal_core.runs import open_run
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.reference_matrix import ENDINGS, MatrixKind, ReferenceMatrix, read_matrix


def agreement(
    run: RunArgument,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a taxonomy, a file with one, or a matrix of the classes: a table with their names in the first row and column, "
            "or .npz with names and matrix [n,n] or [repeats,n,n]; may be repeated. All taxonomies that know three of the classes "
            "when left out"
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="What a matrix holds: distance, similarity or confusion; told by its diagonal when left out"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Vectors of the classes: centroids, features or labels; class means when left out"),
    ] = None,
    epoch: Annotated[int | None, typer.Option(help="Epoch of the vectors; the newest when left out", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False,
) -> None:
    """Hold the distances between a run's classes against references side by side: rank correlations with p over shuffled classes, the
    noise ceiling where a reference was measured several times, and CPCC."""
    from lwal_core.results.references import COLUMNS, answer, knowing, reference_rows
    from lwal_core.results.run_tree import run_hierarchy
    from lwal_core.results.tree_spec import TreeSpec

    opened = open_run(run)
    h = run_hierarchy(opened, TreeSpec.of(opened, epoch, source), optimal=False)
    found = [_reference(each, cast("MatrixKind | None", kind)) for each in reference or []]
    rows = reference_rows(h.names, h.square(), found or knowing(opened))
    if not rows:
        raise LwalError("No taxonomy knows three of these classes.", "Give a reference: --reference FILE.")
    if as_json:
        values = [
            {
                "reference": row.title, "what": row.what, "classes": row.classes, "repeats": row.repeats, "tau": row.tau,
                **{name: value for name, value in row.agreement._asdict().items() if name != "ceiling"},
                "ceiling": None if row.agreement.ceiling is None else list(row.agreement.ceiling),
            }
            for row in rows
        ]  # fmt: skip
        rounded = [
            {key: nan_to_none(value) if isinstance(value, float) else value for key, value in row.items()}
            for row in values
        ]
        print_json({"rows": rounded, "answer": answer(rows)})
        return
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(plain, row.cells()))
    out.print(table, highlight=False)
    out.print(plain(answer(rows)), highlight=False, markup=False)


def _reference(given: str, kind: MatrixKind | None) -> Taxonomy | ReferenceMatrix:
    """A taxonomy by its name, or what a file holds: a table or .npz with a matrix, else a tree."""
    from lwal_core.taxonomy.files import parse_taxonomy
    from lwal_core.taxonomy.store import find_taxonomy

    path = Path(given)
    if not path.is_file():
        return find_taxonomy(given)
    if path.suffix.lower().removeprefix(".") in ENDINGS:
        try:
            return read_matrix(path, kind)
        except LwalError:
            if kind is not None or path.suffix.lower() == ".npz":
                raise
            try:  # a table can be a tree as well
                return parse_taxonomy(path.read_bytes(), path.name, path.stem)
            except LwalError:
                pass
            raise
    return parse_taxonomy(path.read_bytes(), path.name, path.stem)
