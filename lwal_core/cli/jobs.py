"""``lwal worker`` and actions on runs: cancel, resume, retry, rename, tag, archive, delete, restore, gc."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.table import Table

from lwal_core.cli.output import EXIT_FAILED, err, exit_by_status, out, plain, print_json
from lwal_core.cli.run_ids import DeletedArgument, RunArgument, RunsArgument, one_id
from lwal_core.config import RunConfig
from lwal_core.errors import ConfigError, TrainingError
from lwal_core.runs import home, open_run
from lwal_core.settings import check_settings, settings

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Train here and stay, or leave it to the queue")]
Priority = Annotated[int, typer.Option(help="With --no-wait: -100 to 100, higher goes first")]


def print_worker_status() -> None:
    """Say so when no worker is there to train what was given to the queue."""
    from lwal_core.jobs import live_workers

    if not live_workers(home()):
        err.print("No worker is there yet; `lwal serve` or `lwal worker` starts one.", highlight=False)


def check_devices(configs: Iterable[RunConfig], wait: bool) -> None:
    """Refuse devices and nodes that are not there, before a run is made: of this machine, or of the workers that are there.

    Raises:
        ConfigError: No machine that may train has it.
    """
    from lwal_core.jobs import check_device, check_nodes, devices_here, live_workers

    configs, workers = list(configs), [] if wait else live_workers(home())
    for config in configs:
        check_nodes(config.training.nodes, ["process"] if wait else [worker.launcher for worker in workers])
    machines = [devices_here()] if wait else [worker.devices for worker in workers]
    for note in filter(None, {check_device(config.training.device, machines): None for config in configs}):
        err.print(note, highlight=False, markup=False)


def worker(
    slots: Annotated[
        int | None, typer.Option(min=1, max=64, help="Trainings, or jobs, at once; one per GPU, or one, when left out")
    ] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing waits any more")] = False,
) -> None:
    """Train what the queue holds, until Ctrl-C or SIGTERM. Trainings that run then go on from their checkpoints with
    the next worker. With LWAL_LAUNCHER=slurm it submits them to a cluster, where they go on without it."""
    from lwal_core.jobs.service import StopSignal
    from lwal_core.jobs.worker import Worker
    from lwal_core.launchers import SlurmWorker
    from lwal_core.runs.home_folder import check_home
    from lwal_core.security.permissions import read_only
    from lwal_core.system.log import set_up

    check_settings()
    if not read_only():
        check_home()
    set_up()
    stop = StopSignal()
    working = SlurmWorker(home(), jobs=slots) if settings().launcher == "slurm" else Worker(home(), slots)
    working.run(stop, until_idle=until_idle)


def notify() -> None:
    """Send a test message to every address of LWAL_NOTIFY, and say which of them took it."""
    from lwal_core.notifications import send_test

    check_settings()
    answers = send_test()
    if not answers:
        err.print("Nobody is told: LWAL_NOTIFY is not set (docs/operations.md).", highlight=False)
    for channel, trouble in answers:
        out.print(f"{channel}: {trouble or 'sent'}", highlight=False, markup=False)
    if not answers or any(trouble for _, trouble in answers):
        raise typer.Exit(EXIT_FAILED)


def cancel(runs: RunsArgument) -> None:
    """Stop runs that wait or are being trained; what they have learned so far is kept."""
    from lwal_core.jobs import cancel as cancel_run

    ended = False
    for run in runs:
        try:
            cancel_run(open_run(run))
        except TrainingError as error:  # it may have ended in the meantime: the others are to stop all the same
            err.print(f"lwal: {error}", style="red", highlight=False, markup=False)
            ended = True
            continue
        out.print(run, open_run(run).status, highlight=False, markup=False)
    if ended:
        raise typer.Exit(EXIT_FAILED)


def resume(
    run: Annotated[
        str, typer.Argument(help="Id of a run that stopped early, or with --epochs of any", callback=one_id)
    ],
    epochs: Annotated[int | None, typer.Option(help="Epochs altogether, to train a run for longer")] = None,
    wait: Wait = True,
    priority: Priority = 0,
) -> None:
    """Go on with a run that was cancelled, interrupted, paused or failed, from its checkpoint."""
    from lwal_core.jobs import make_ready, submit
    from lwal_core.jobs import resume as resume_run

    if wait:
        resume_run(open_run(run), epochs=epochs).wait()
    else:
        submit(make_ready(open_run(run), epochs=epochs), priority)
        print_worker_status()
    after = open_run(run)
    out.print(after.id, highlight=False, markup=False)
    if wait:
        exit_by_status([after])


def retry(
    run: RunArgument,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PART.OPTION=VALUE", help="What shall be different, e.g. training.epochs=20"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Another name")] = None,
    wait: Wait = True,
    priority: Priority = 0,
) -> None:
    """Train a run again from the start, as a new run, with changes if you like; prints the new run's id."""
    from lwal_core.cli.progress import train_and_follow
    from lwal_core.jobs import duplicate, submit
    from lwal_core.jobs.commands import changed_config

    old = open_run(run)
    changes = set_options({}, set_ or [])
    check_devices([changed_config(old, changes)], wait)
    new = duplicate(old, changes, name=old.record.name if name is None else name)
    if wait:
        (new,) = train_and_follow([new], err)
    else:
        submit(new, priority)
        print_worker_status()
    out.print(new.id, highlight=False, markup=False)
    if wait:
        exit_by_status([new])


def rename(run: RunArgument, name: Annotated[str, typer.Argument(help="The new name; '' for the made one")]) -> None:
    """Give a run another name."""
    from lwal_core.runs.edits import rename as rename_run

    out.print(rename_run(open_run(run), name).name, highlight=False, markup=False)


def tag(
    run: RunArgument,
    tags: Annotated[list[str] | None, typer.Argument(help="The tags it shall have; none takes all away")] = None,
) -> None:
    """Give a run these tags and no others."""
    from lwal_core.runs.edits import set_tags

    out.print(", ".join(set_tags(open_run(run), tags or []).record.tags), highlight=False, markup=False)


def archive(
    runs: RunsArgument, undo: Annotated[bool, typer.Option("--undo", help="Show them in lists again")] = False
) -> None:
    """Put runs out of the way of lists and choices; they stay where they are."""
    from lwal_core.runs.edits import archive as archive_run

    for run in runs:
        archive_run(open_run(run), not undo)


def delete(runs: RunsArgument) -> None:
    """Move runs to the trash; `lwal restore` brings them back."""
    from lwal_core.jobs.gc import delete as delete_run

    for run in runs:
        delete_run(run, home())


def trash(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False) -> None:
    """List deleted runs, deleted last first; `lwal restore` brings one back, `lwal gc --yes` deletes all for good."""
    from lwal_core.runs.trash import list_trash

    found = list_trash()
    if as_json:
        print_json([{"id": run.id, "deleted": run.deleted, "bytes": run.size} for run in found])
        return
    if not found:
        out.print("The trash is empty.", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "deleted", "MB"):
        table.add_column(column, no_wrap=column == "run", justify="right" if column == "MB" else "left")
    for run in found:
        deleted = f"{run.deleted:%Y-%m-%d %H:%M} UTC" if run.deleted else "not known"
        table.add_row(plain(run.id), deleted, f"{run.size / 1e6:,.1f}")
    out.print(table)


def restore(runs: DeletedArgument) -> None:
    """Restore deleted runs from the trash."""
    from lwal_core.runs.trash import restore_run

    for run in runs:
        restore_run(run)


def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Free it; without this it is only shown")] = False,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Checkpoints of runs that are done, too; they cannot be trained on")
    ] = False,
) -> None:
    """Show what can be freed: deleted runs, uploaded images that no run uses, files that a killed process left; with --yes free it."""
    from lwal_core.jobs.gc import collect, leftovers

    found = leftovers(home(), checkpoints=checkpoints)
    table = Table(box=None, pad_edge=False)
    for column in ("what", "where", "MB"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for item in found:
        table.add_row(item.what, plain(str(item.path.relative_to(home()))), f"{item.size / 1e6:,.1f}")
    if found:
        out.print(table)
    total = sum(item.size for item in found) / 1e6
    if yes:
        out.print(f"{collect(found) / 1e6:,.1f} MB freed", highlight=False)
    else:
        out.print(f"{total:,.1f} MB in all" + ("; --yes frees it" if found else ""), highlight=False)


def set_options(values: dict[str, dict[str, Any]], settings: list[str]) -> dict[str, dict[str, Any]]:
    """Add ``part.option=value`` to nested values; a value is what JSON reads, else text."""
    import orjson

    for setting in settings:
        key, equals, text = setting.partition("=")
        part, dot, option = key.strip().partition(".")
        if not (equals and dot and option):
            raise ConfigError([("--set", f"{setting!r} is no part.option=value, such as training.weight_decay=0.01")])
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
        values.setdefault(part, {})[option] = value
    return values


COMMANDS = (worker, notify, cancel, resume, retry, rename, tag, archive, delete, trash, restore, gc)
