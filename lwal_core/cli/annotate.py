"""``lwal annotate``: columns of one's own for the classes or the test samples of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lwal_core.cli.output import err, out, plain, print_json
from lwal_core.cli.run_ids import RunArgument
from lwal_core.errors import LwalError
from lwal_core.runs import open_run


def annotate(
    run: RunArgument,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV or TSV with a row a class (class,column,...) or a row a test sample (index,column,...)"
        ),
    ] = None,
    remove: Annotated[
        str | None, typer.Option(help="Remove the columns of a file, by the name that --list shows")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the columns that the run has")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: machine-readable")] = False,
) -> None:
    """Keep columns of your own with a run, for colours, strips and labels in class trees and projections; a file of the same
    name is replaced."""
    from lwal_core.datafiles.own_columns import read_own_table
    from lwal_core.runs.own_columns import keep_own_columns, read_own_columns, remove_own_columns

    opened = open_run(run)
    if file is None and remove is None and not (listed or as_json):
        raise LwalError("There is no file to read.", "Name one, or use --list or --remove NAME.")
    if remove is not None:
        remove_own_columns(opened.path, remove)
        err.print(f"The columns of {remove} are gone.", highlight=False, markup=False)
    if file is not None:
        found = read_own_table(file, opened.class_names)
        keep_own_columns(opened.path, found.table)
        for note in found.notes:
            err.print(note, style="yellow", highlight=False, markup=False)
        what = "classes" if found.table.of == "class" else "test samples"
        kinds = ", ".join(f"{column.name} ({column.kind})" for column in found.table.columns)
        err.print(f"{found.table.name}: {len(found.table.rows):,} {what}; {kinds}", highlight=False, markup=False)
    if not (listed or as_json):
        return
    tables = read_own_columns(opened.path)
    if as_json:
        print_json(
            [
                {
                    "file": table.name,
                    "rows": table.of,
                    "column": column.name,
                    "kind": column.kind,
                    "values": column.count,
                }
                for table in tables
                for column in table.columns
            ]
        )
        return
    if not tables:
        out.print("No columns yet. `lwal annotate RUN FILE` brings some.", highlight=False)
        return
    shown = Table(box=None, pad_edge=False)
    for head in ("file", "rows", "column", "kind", "values"):
        shown.add_column(head, justify="right" if head == "values" else "left")
    for table in tables:
        for column in table.columns:
            cells = (table.name, table.of, column.name, column.kind, f"{column.count:,} of {len(table.rows):,}")
            shown.add_row(*map(plain, cells))
    out.print(shown)
