"""``lwal examples``: import the runs that come along, or train them again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lwal_core.cli.output import err, exit_by_status, out

app = typer.Typer(help="The example runs that come along.", no_args_is_help=True)


@app.command("open")
def open_(
    results: Annotated[bool, typer.Option("--results", help="The further runs behind docs/results.md, too")] = False,
) -> None:
    """Import the examples and print their ids; those that are there stay as they are."""
    from lwal_core.experiments.examples import open_examples

    for run in open_examples(results=results):
        out.print(run.id, highlight=False, markup=False)


@app.command()
def rebuild() -> None:
    """Train every example again whose data is here, and write its bundle anew. Folders of images are looked for in this
    folder, or where docs/sweeps says."""
    from lwal_core.cli.progress import train_and_follow
    from lwal_core.datafiles import check_source
    from lwal_core.errors import DataError
    from lwal_core.experiments.examples import TAG, examples, pack_example
    from lwal_core.experiments.sweeps import absolute_paths
    from lwal_core.runs import create_run

    wanted = []
    for example in examples(results=True):
        values: dict[str, Any] = absolute_paths(example.config.to_dict(), Path.cwd())
        try:
            check_source(values["data"]["name"])
        except DataError as error:
            err.print(f"left as it is: {example.path.name}. {error}", highlight=False, markup=False)
            continue
        wanted.append((example, example.config.parse(values)))
    runs = [create_run(config, tags=tuple(t for t in example.tags if t != TAG)) for example, config in wanted]
    trained = train_and_follow(runs, err)
    for (example, _), run in zip(wanted, trained, strict=True):
        if run.status == "done":
            size = pack_example(run, example.path)
            out.print(f"{example.path.name} {size / 2**10:,.0f} KiB", highlight=False, markup=False)
    exit_by_status(trained)
