"""``lwal share``, ``lwal shares`` and ``lwal unshare``: links to snapshots."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from lwal_core.cli.output import err, out, plain, print_json
from lwal_core.cli.run_ids import RunArgument, whole_id
from lwal_core.cli.tree_options import Distance, Layer, Linkage, Vectors
from lwal_core.errors import LwalError
from lwal_core.results.tree_spec import DEFAULT_DISTANCE, DEFAULT_LINKAGE, TreeSpec, with_layer
from lwal_core.runs import open_run
from lwal_core.settings import settings
from lwal_core.system.addresses import opens_only_here

HERE = "http://localhost:8501"
_DURATION = re.compile(r"([0-9]{1,4})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def share(
    run: RunArgument,
    beside: Annotated[
        list[str] | None,
        typer.Option("--with", help="A run whose curve and tree are shown too; may be given several times"),
    ] = None,
    epoch: Annotated[int | None, typer.Option(help="Epoch of the labels; when left out the last one")] = None,
    source: Vectors = None,
    layer: Layer = None,
    linkage: Linkage = DEFAULT_LINKAGE,
    metric: Distance = DEFAULT_DISTANCE,
    cut: Annotated[int | None, typer.Option(help="Groups at first")] = None,
    expires: Annotated[
        str | None, typer.Option(help="How long the link works: 12h, 30d, 8w; for good when left out")
    ] = None,
    note: Annotated[str, typer.Option(help="For your own list")] = "",
    pictures: Annotated[bool, typer.Option(help="With a picture of each class")] = False,
    url: Annotated[
        str | None, typer.Option(help="Address of the app; when left out LWAL_PUBLIC_URL, else that of this machine")
    ] = None,
) -> None:
    """Make a read-only snapshot of a run and print the link to it; the link cannot be printed again."""
    from lwal_core.shares import share_run

    opened = open_run(run)
    made, token = share_run(
        opened,
        TreeSpec.of(opened, epoch, with_layer(source, layer), linkage, metric, cut),
        beside=[open_run(whole_id(other)) for other in beside or []],
        note=note,
        expires=_end(expires),
        pictures=pictures,
    )
    url = url or settings().public_url or HERE
    until = f"until {made.expires:%Y-%m-%d %H:%M} UTC" if made.expires else "until it is revoked"
    err.print(f"Snapshot {made.id}, {until}: lwal unshare {made.id}", highlight=False, markup=False)
    if opens_only_here(url):
        err.print(
            "Only this machine can open this link. Give --url with the address that others use: that of this machine after "
            "`lwal serve --address 0.0.0.0`, or the public one of a proxy.",
            highlight=False, markup=False,
        )  # fmt: skip
    out.print(f"{url.rstrip('/')}/?share={token}", highlight=False, markup=False)


def shares(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False) -> None:
    """List what is shared, newest first; links themselves are not kept."""
    from lwal_core.shares import list_shares

    found = list_shares()
    if as_json:
        print_json([{**vars(each), "state": each.state()} for each in found])
        return
    if not found:
        out.print("Nothing is shared. `lwal share RUN` makes a link.", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("snapshot", "what", "made", "until", "state", "note"):
        table.add_column(column, no_wrap=column == "snapshot")
    for each in found:
        made = "" if each.problem else f"{each.created:%Y-%m-%d %H:%M}"
        until = f"{each.expires:%Y-%m-%d %H:%M}" if each.expires else ""
        cells = (each.id, each.title, made, until, each.state(), each.problem or each.note)
        table.add_row(*map(plain, cells))
    out.print(table)


def unshare(snapshot: Annotated[str, typer.Argument(help="Id from lwal shares")]) -> None:
    """Revoke a link for good."""
    from lwal_core.shares import revoke_share

    err.print(f"Nobody can see snapshot {revoke_share(snapshot).id} any more.", highlight=False, markup=False)


def _end(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = _DURATION.fullmatch(text.strip().lower())
    if not found or not int(found[1]):
        raise LwalError(f"{text!r} is no length of time.", "Write hours, days or weeks, such as 12h, 30d or 8w.")
    return datetime.now(UTC) + timedelta(hours=int(found[1]) * _HOURS[found[2]])
