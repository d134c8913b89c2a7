"""``lwal``: main command with runs, show, demo and doctor."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.table import Table

from lwal_core import __version__
from lwal_core.cli import (
    agreement,
    analyse,
    annotate,
    cut,
    examples,
    experiments,
    export,
    files,
    jobs,
    push,
    share,
    similarity,
)
from lwal_core.cli.output import (
    EXIT_FAILED,
    EXIT_USAGE,
    err,
    exit_by_status,
    nan_to_none,
    out,
    plain,
    print_json,
)
from lwal_core.cli.run_ids import RunArgument
from lwal_core.cli.serve import serve
from lwal_core.cli.train import not_trained_yet, train
from lwal_core.errors import LwalError, StorageError, TrainingError
from lwal_core.experiments.demo import METHODS, DemoData, demo_configs
from lwal_core.runs import list_runs, open_run

app = typer.Typer(
    name="lwal",
    help="Train classifiers with learned label representations and explore what their labels came to mean.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; every foreseen error is one line on stderr and an exit code."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    if not debug:
        warnings.showwarning = _WarningLines()
    try:
        app(arguments, standalone_mode=True)
    except (LwalError, OSError) as error:
        if debug:
            raise
        foreseen = StorageError(error) if isinstance(error, OSError) else error
        err.print(f"lwal: {foreseen}", style="red", highlight=False, markup=False)
        sys.exit(EXIT_FAILED if isinstance(error, TrainingError | OSError) else EXIT_USAGE)


class _WarningLines:
    """Prints each Python warning once, as one line without the place in the code."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, message: Warning | str, *place: object, **options: object) -> None:
        text = " ".join(str(message).split())
        if text not in self._said:
            self._said.add(text)
            err.print(f"lwal: {text}", style="yellow", highlight=False, markup=False)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__, highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command; --debug is taken out by main() so that it may stand anywhere."""
    from lwal_core.runs.home_folder import private_umask

    before = private_umask()
    context.call_on_close(lambda: os.umask(before))


app.command()(train)


@app.command()
def runs(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="Archived runs, too")] = False,
) -> None:
    """List the runs, newest first."""
    found = [run for run in list_runs() if archived or not run.archived]
    if as_json:
        print_json([_summary_values(run) for run in found])
        return
    if not found:
        out.print("No runs yet. `lwal train --dataset digits --method lwal` makes the first.", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "method", "data", "seed", "epochs", "accuracy", "read by", "status"):
        table.add_column(
            column, no_wrap=column == "run", justify="right" if column in ("seed", "epochs", "accuracy") else "left"
        )
    for run in found:
        if run.problem:
            table.add_row(plain(run.id), "", "", "", "", "", "", f"damaged: {plain(run.problem)}")
            continue
        accuracy = "" if run.test_accuracy != run.test_accuracy else f"{run.test_accuracy:.1%}"
        cells = (
            run.id,
            run.method_label,
            run.data_title,
            "" if run.imported else str(run.seed),
            "" if run.imported else f"{run.epochs_done}/{run.epochs}",
            accuracy,
            run.rule if accuracy else "",
            _status(run),
        )
        table.add_row(*map(plain, cells))
    out.print(table)


@app.command()
def show(
    run: RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False,
) -> None:
    """Show one run: method, data and accuracy by epoch; with --json all of its configuration."""
    opened = open_run(run)
    metrics = opened.metrics()
    measured = metrics.measured() | metrics.collapsing()
    rows = [
        {
            **{name: nan_to_none(column[i]) for name, column in metrics.extra.items()},
            "epoch": int(metrics.epoch[i]),
            "seconds": nan_to_none(metrics.seconds[i]),
            "loss": nan_to_none(metrics.loss[i]),
            "test_accuracy_mean": nan_to_none(metrics.test_accuracy_mean[i]),
            "test_accuracy_own": nan_to_none(metrics.test_accuracy_own[i]),
            **{name: nan_to_none(column[i]) for name, column in measured.items()},
        }
        for i in range(len(metrics))
    ]
    record = opened.record
    if as_json:
        whole = record.model_dump(mode="json")
        print_json({**whole, "name": opened.name, "status": opened.status, "group": opened.group, "metrics": rows})
        return
    data = record.data
    sizes = {"training": data.train_size, "validation": data.validation_size, "test": data.test_size} if data else {}
    facts = {
        "name": opened.name,
        "status": opened.status + (f" ({record.error})" if record.error else ""),
        "method": opened.config.method_label(),
        "data": f"{opened.config.data.name}, {len(opened.class_names)} classes"
        + "".join(f", {count:,} {kind} samples" for kind, count in sizes.items() if count),
        "labels": f"K = {record.label_dim}" if record.label_dim else "",
        "device": record.device,
        "launcher": record.launcher.title if record.launcher else "",
        "by": record.job.by if record.job else "",
        "folder": str(opened.path),
    }
    for key, value in facts.items():
        if value:
            out.print(f"{key:8}", value, highlight=False, markup=False)
    for note in record.data.notes if record.data else ():
        out.print("note    ", note, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False)
    validation = [f"validation_accuracy_{opened.predictor()}"] if metrics.has_validation else []
    for column in (
        "epoch",
        "seconds",
        "loss",
        "nearest class mean",
        "own predictor",
        *(["validation"] if validation else []),
    ):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            str(row["epoch"]), _text(row["seconds"], ".1f"), _text(row["loss"], ".4f"),
            _text(row["test_accuracy_mean"], ".1%"), _text(row["test_accuracy_own"], ".1%"),
            *(_text(row[name], ".1%") for name in validation),
        )  # fmt: skip
    out.print(table)
    if opened.status == "failed" and opened.log_tail():
        out.print("last lines of its log:", opened.log_tail(10), sep="\n", highlight=False, markup=False)


@app.command()
def demo(
    dataset: Annotated[DemoData, typer.Option(help="What is trained on")] = DemoData.PICTOGRAMS,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training data; 8 on pictograms, 10 on digits, when left out")
    ] = None,
    open_app: Annotated[bool, typer.Option("--serve/--no-serve", help="Start the app afterwards")] = True,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the app; LWAL_PORT, or 8501, when left out")
    ] = None,
) -> None:
    """Train one-hot and learned labels on data that comes along, with the paper's three seeds (what is trained already is
    kept), then start the app."""
    from lwal_core.cli.progress import train_and_follow
    from lwal_core.runs import create_run

    wanted = demo_configs(dataset, epochs)
    missing = not_trained_yet(wanted)
    if missing:
        methods = " and ".join(METHODS[dataset])
        err.print(
            f"Training {len(missing)} of {len(wanted)} runs on {dataset.value} ({methods}); this is needed once.",
            highlight=False,
        )
        trained = train_and_follow([create_run(config, tags=("demo",)) for config in missing], err)
        exit_by_status(trained)
    else:
        err.print(f"All {len(wanted)} demo runs are there.", highlight=False)
    if open_app:
        serve(port=port)


app.command()(serve)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False) -> None:
    """Check versions, settings, home, queue, sign-in and device, with a fix for each finding."""
    from lwal_core.doctor.checks import examine

    findings = examine()
    if as_json:
        print_json([vars(f) for f in findings])
    else:
        for f in findings:
            mark = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}[f.level]
            out.print(
                f"{mark} {plain(f.subject)}: {plain(f.text)}" + (f"\n        {plain(f.fix)}" if f.fix else ""),
                highlight=False,
            )
    if any(f.level == "problem" for f in findings):
        raise typer.Exit(EXIT_FAILED)


_ELSEWHERE: tuple[Callable[..., None], ...] = (
    analyse.analyse,
    export.export,
    share.share,
    share.shares,
    share.unshare,
    push.push,
    push.push_token,
    experiments.sweep,
    experiments.compare,
    similarity.similarity,
    agreement.agreement,
    annotate.annotate,
    cut.cut,
    experiments.presets,
    *jobs.COMMANDS,
)
for _command in _ELSEWHERE:
    app.command()(_command)
app.command("import")(files.import_)
app.add_typer(examples.app, name="examples")

_PANELS = {
    "Begin": "demo examples serve doctor",
    "Train, analyse, import": "train sweep presets analyse import worker cancel resume retry notify",
    "Look and compare": "runs show compare similarity agreement cut annotate",
    "Export and share": "export share shares unshare push push-token",
    "Keep order": "rename tag archive delete trash restore gc",
}
"""What `lwal --help` lists together."""
app.registered_commands.sort(
    key=lambda entry: entry.callback is not demo
)  # panels stand in the order of their first commands
_ENTRIES: list[Any] = [*app.registered_commands, *app.registered_groups]
for _entry in _ENTRIES:
    _name = _entry.name or _entry.callback.__name__.replace("_", "-")
    _entry.rich_help_panel = next((panel for panel, names in _PANELS.items() if _name in names.split()), None)


def _status(run: Any) -> str:
    """Status, and where a run is that a cluster trains."""
    if not run.active or run.launcher is None or run.launcher.name == "process":
        return str(run.status)
    return f"{run.status} ({run.launcher.title})" if run.launcher.over else str(run.launcher.title)


def _summary_values(run: Any) -> dict[str, Any]:
    values = {name: value for name, value in vars(run).items() if name != "folder"}
    values["created"] = run.created.isoformat()
    values["tags"] = list(run.tags)
    values["launcher"] = run.launcher.model_dump() if run.launcher else None
    return {key: nan_to_none(value) if isinstance(value, float) else value for key, value in values.items()}


def _text(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


if __name__ == "__main__":
    main()
