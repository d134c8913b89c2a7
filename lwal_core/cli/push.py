"""``lwal push`` and ``lwal push-token``: runs to an app that runs elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from lwal_core.cli.output import err, out
from lwal_core.cli.run_ids import RunArgument


def push(
    run: RunArgument,
    url: Annotated[str, typer.Argument(help="Address of the app, such as https://lwal.example.org")],
    weights: Annotated[bool, typer.Option("--weights", help="With the model of the best epoch")] = False,
) -> None:
    """Send a run to an app that runs elsewhere, with the token in LWAL_PUSH_TOKEN, and print its id there last. A run that was pushed
    before takes the place of what it was."""
    from lwal_core.recording.push import push_run
    from lwal_core.runs import open_run

    found = push_run(open_run(run), url, weights=weights)
    if not found.new:
        err.print("The very same run is there already.", highlight=False)
    out.print(found.run_id, highlight=False, markup=False)


def push_token(name: Annotated[str, typer.Argument(help="Who it is for, such as cluster")]) -> None:
    """Make a token to push runs with: the line for the server's file LWAL_PUSH_TOKENS, and last the token itself, which cannot be
    printed again."""
    from lwal_core.security.push_tokens import new_token

    token, line = new_token(name)
    err.print("For the file that LWAL_PUSH_TOKENS of the server names:", highlight=False)
    err.print(line, highlight=False, markup=False, soft_wrap=True)
    err.print("For LWAL_PUSH_TOKEN where runs come from:", highlight=False)
    out.print(token, highlight=False, markup=False)
