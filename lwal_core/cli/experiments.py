"""``lwal sweep``, ``lwal compare`` and ``lwal presets``: many runs trained and compared."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.table import Table

from lwal_core.cli import jobs
from lwal_core.cli.output import err, exit_by_status, out, plain, print_json
from lwal_core.errors import LwalError
from lwal_core.runs import Reading, RunSummary, list_runs

if TYPE_CHECKING:
    from lwal_core.experiments.severity_table import SeverityTable
    from lwal_core.experiments.sweeps import Sweep


class PredictorChoice(StrEnum):
    """By which rule accuracies are read."""

    as_used = "as-used"
    mean = "mean"
    own = "own"
    both = "both"
    every = "all"


def sweep(
    file: Annotated[Path, typer.Argument(help="YAML file with name, base and grid (docs/experiments.md)")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and list the runs, train nothing")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it will take, train nothing")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Train here, one run after the other, or leave all to the queue")
    ] = True,
    priority: jobs.Priority = 0,
    at_once: Annotated[
        int, typer.Option(min=0, max=1_000, help="With --no-wait: most of its runs trained at once; 0 for any number")
    ] = 0,
) -> None:
    """Train every combination of a grid; those trained already are left out. Prints the run ids last."""
    from lwal_core.cli.progress import train_and_follow
    from lwal_core.experiments.sweep_runs import plan_lines, plan_sweep, submit_sweep
    from lwal_core.experiments.sweeps import put_tag, read_sweep
    from lwal_core.runs import create_run

    chosen = read_sweep(file)
    found = chosen.found_in(list_runs())
    missing = [member for member, run in zip(chosen.members, found, strict=True) if run is None]
    done = sum(run is not None and run.status == "done" for run in found)
    in_hand = len(found) - len(missing) - done
    summary = f"{chosen.name}: {len(chosen.members)} runs, {done} trained already"
    summary += f", {in_hand} waiting or being trained" if in_hand else ""
    if dry_run:
        out.print(_members(chosen, found))
    if plan:
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, text in plan_lines(plan_sweep(chosen)).items():
            table.add_row(name, plain(text))
        out.print(table, highlight=False)
    if dry_run or plan:
        err.print(summary, highlight=False, markup=False)
        return
    err.print(summary, highlight=False, markup=False)
    jobs.check_devices([member.config for member in missing], wait=wait)
    if not wait:
        for run_id in submit_sweep(chosen, priority=priority, at_once=at_once):
            out.print(run_id, highlight=False, markup=False)
        if missing:
            jobs.print_worker_status()
        return
    for run in found:
        if run is not None and run.status == "done":
            put_tag(run.id, chosen.tag)  # so that comparing by the tag compares all members
    runs = train_and_follow([create_run(member.config, tags=(chosen.tag,)) for member in missing], err)
    for trained in runs:
        out.print(trained.id, highlight=False, markup=False)
    err.print(f"Read them together: lwal compare {chosen.tag}", highlight=False, markup=False)
    exit_by_status(runs)


def _members(chosen: Sweep, found: list[RunSummary | None]) -> Table:
    """The members of a sweep, each with what has become of it."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "method", "data", "encoder", "seed", "what makes it this one", "state"):
        table.add_column(column, justify="right" if column in ("", "seed") else "left")
    for number, (member, run) in enumerate(zip(chosen.members, found, strict=True), start=1):
        config = member.config
        state = "to train" if run is None else f"{run.status} ({run.id})"
        cells = (
            str(number), config.method_label(), config.data.title, config.encoder.name,
            str(config.training.seed), member.title, state,
        )  # fmt: skip
        table.add_row(*map(plain, cells))
    return table


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN_OR_TAG]...", help="Run ids, tags or group keys; all runs when left out"),
    ] = None,
    predictor: Annotated[
        PredictorChoice,
        typer.Option(
            help="as-used: largest output, nearest class mean or the product of both, whichever a method is used with. mean: nearest "
            "class mean, alike for all methods. own: each method's own rule, of LwAL the last batch's labels. both: mean, own. "
            "all: the three"
        ),
    ] = PredictorChoice.as_used,
    target: Annotated[
        float | None,
        typer.Option(help="Accuracy to reach, e.g. 0.95; the baseline's best of the same seed when left out"),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="A method, a row's label, a group key or a run id; onehot when left out")
    ] = None,
    measures: Annotated[
        bool,
        typer.Option(
            "--measures",
            help="Columns for top-5 and balanced accuracy, macro F1 and calibration error, after the epoch whose model is kept",
        ),
    ] = False,
    severity: Annotated[
        bool,
        typer.Option(
            "--severity",
            help="A second table: how severe the mistakes are under the taxonomy of the classes, and decisions of least expected cost "
            "by the taxonomy and by each method's own tree",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown tables")] = False,
) -> None:
    """Compare methods over their seeds: accuracy, epochs to a target, seconds, parameters, the taxonomy."""
    from lwal_core.experiments.comparison import compare_runs, select_runs
    from lwal_core.experiments.comparison_table import MEASURE_COLUMNS, TERMINAL_COLUMNS
    from lwal_core.experiments.severity_table import severity_of

    if as_json and markdown:
        raise LwalError("--json and --markdown were both given.", "Give one of them.")
    chosen = select_runs(list_runs(), runs or [])
    several = {PredictorChoice.both: ("mean", "own"), PredictorChoice.every: ("as-used", "mean", "own")}
    read = several.get(predictor, (predictor.value,))
    tables = [
        table
        for one in read
        for table in compare_runs(chosen, reading=cast(Reading, one), target=target, baseline=baseline)
    ]
    judged = [severity_of(table) if severity and table.reading == read[0] else None for table in tables]
    if as_json:
        values = [table.to_dict() for table in tables]
        for value, decisions in zip(values, judged, strict=True):
            if decisions is not None:
                value["severity"] = {"reason": decisions} if isinstance(decisions, str) else decisions.to_dict()
        print_json(values)
        return
    if not tables:
        out.print("No runs to compare yet. `lwal demo` trains some.", highlight=False)
    for table, decisions in zip(tables, judged, strict=True):
        if markdown:
            out.print(table.markdown(measures=measures), highlight=False, markup=False)
            if decisions is not None:
                _print_severity(decisions, markdown=True)
            continue
        out.print(plain(table.title), style="bold", highlight=False)
        drawn = Table(box=None, pad_edge=False)
        rows = table.shown((*TERMINAL_COLUMNS, *MEASURE_COLUMNS) if measures else TERMINAL_COLUMNS)
        for column in rows[0] if rows else ():
            drawn.add_column(column)
        for row in rows:
            drawn.add_row(*map(plain, row.values()))
        out.print(drawn, highlight=False)
        notes = list(table.notes)
        if table.baseline is None and len(table.rows) > 1:
            notes.append(f"To compare with one of them: --baseline {shlex.quote(table.rows[-1].label)}")
        out.print(table.verdict, *notes, sep="\n", end="\n\n", highlight=False, markup=False)
        if decisions is not None:
            _print_severity(decisions)


def _print_severity(found: SeverityTable | str, *, markdown: bool = False) -> None:
    """How severe decisions are, or why that is not known."""
    if isinstance(found, str):
        out.print(f"Severity of the mistakes: {plain(found)}", end="\n\n", highlight=False, markup=False)
        return
    if markdown:
        out.print(found.markdown(), highlight=False, markup=False)
        return
    out.print(plain(found.title), style="bold", highlight=False)
    drawn = Table(box=None, pad_edge=False)
    shown = found.shown()
    for column in shown[0]:
        drawn.add_column(column)
    for row in shown:
        drawn.add_row(*map(plain, row.values()))
    out.print(drawn, highlight=False)
    out.print(*map(plain, (*found.answers, *found.notes)), sep="\n", end="\n\n", highlight=False, markup=False)


def presets(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable")] = False) -> None:
    """List the presets: the paper's settings for each of its data sets and encoders, lwal-plus for any data, and the pictograms."""
    from lwal_core.experiments.presets import PRESETS

    if as_json:
        print_json([{"name": p.name, "title": p.title, "seeds": list(p.seeds), **p.values()} for p in PRESETS.values()])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("preset", "what it is", "pixels", "batch", "learning rate", "epochs", "seeds"):
        table.add_column(
            column, justify="right" if column in ("pixels", "batch", "learning rate", "epochs") else "left"
        )
    for preset in PRESETS.values():
        values = preset.values()
        if "training" not in values:  # the label method alone
            table.add_row(preset.name, preset.title, "", "", "", "", ", ".join(map(str, preset.seeds)))
            continue
        data, training = values["data"], values["training"]
        table.add_row(
            preset.name, preset.title, str(data.get("image_size", "")), f"{training['batch_size']:,}",
            f"{training['learning_rate']:g}", str(training["epochs"]), ", ".join(map(str, preset.seeds)),
        )  # fmt: skip
    out.print(table, highlight=False)
