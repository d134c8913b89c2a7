"""Progress bars of trainings and analyses, read from the run folders."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lwal_core.cli.output import plain
from lwal_core.errors import LwalError
from lwal_core.jobs import cancel, start_training
from lwal_core.results.epoch_lines import epoch_lines
from lwal_core.runs import Run, RunWriter, open_run

POLL_SECONDS = 0.3


def train_and_follow(runs: Sequence[Run], console: Console) -> list[Run]:
    """Do queued runs one after the other, each in its own process, with a progress bar; Ctrl-C cancels what is left.

    Args:
        runs: Trainings, or one analysis.
        console: Where it is told.

    Returns:
        The runs as they are afterwards.
    """
    interrupted = _Interrupt()
    for run in runs:  # who looks at the list sees them wait, as long as this process is there to start them
        RunWriter(run.path).take()
    finished: list[Run] = []
    said: set[str] = set()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        analysis = any(run.record.ready_model is not None for run in runs)
        task = bar.add_task(
            "embedding" if analysis else "training",
            total=None if analysis else sum(run.config.training.epochs for run in runs),
            note="",
            unit="images" if analysis else "epochs",
        )
        before = 0.0
        for run in runs:
            label = f"{run.config.method_label()}, seed {run.config.training.seed}"
            waiting = open_run(run.id, run.path.parents[1])
            if interrupted:
                _cancel_quietly(waiting)
            elif waiting.status == "queued":  # it may have been cancelled from elsewhere
                told = len(run.metrics())  # a resumed run has epochs already
                process = start_training(run)
                while process.poll() is None:
                    if interrupted:
                        _cancel_quietly(open_run(run.id, run.path.parents[1]))
                    if analysis:
                        progress = run.progress()
                        if progress is not None:
                            bar.update(task, completed=progress.batch, total=progress.batches)
                    else:
                        done, note = _state(run)
                        bar.update(task, completed=before + done, description=plain(label), note=note)
                    told = _tell_epochs(run, label, told, console)
                    _tell_notes(run, said, console)
                    time.sleep(POLL_SECONDS)
                _tell_epochs(run, label, told, console)
                _tell_notes(run, said, console)
                _report(run, process, console)
            run = open_run(run.id, run.path.parents[1])
            finished.append(run)
            if not analysis:
                before += run.config.training.epochs
                bar.update(task, completed=before)
    return finished


def _tell_epochs(run: Run, label: str, told: int, console: Console) -> int:
    """Print the epochs after the first ``told`` where there is no terminal for a bar; gives how many are told now."""
    lines = epoch_lines(run) if run.record.ready_model is None else []
    if not console.is_terminal:
        for line in lines[told:]:
            console.print(f"{label}: {line}", highlight=False, markup=False, soft_wrap=True)
    return len(lines)


def _tell_notes(run: Run, said: set[str], console: Console) -> None:
    """Print once what was skipped of the data, or deserves a second look, as soon as the training knows it."""
    data = open_run(run.id, run.path.parents[1]).record.data
    for note in data.notes if data else ():
        if note not in said:
            said.add(note)
            console.print("[yellow]note[/]   ", plain(note), highlight=False, soft_wrap=True)


def _state(run: Run) -> tuple[float, str]:
    """Epochs done (with the share of the current one) and a note with the newest accuracy."""
    metrics = run.metrics()
    done = float(metrics.epochs_done)
    progress = run.progress()
    if progress is not None and progress.epoch == metrics.epochs_done + 1 and progress.batches:
        done += min(progress.batch / progress.batches, 0.99)
    accuracy = run.accuracy()
    return done, f"test accuracy {accuracy[-1]:.1%}" if len(accuracy) > 1 else "starting"


def _report(run: Run, process: subprocess.Popen[bytes], console: Console) -> None:
    after = open_run(run.id, run.path.parents[1])
    label = f"{after.config.method_label()}, seed {after.config.training.seed}"
    if after.status == "done":
        said = f"test accuracy {after.accuracy()[-1]:.1%} by {after.rule}"
        console.print(f"[green]done[/]    {plain(label)}: {said}", highlight=False)
    elif after.status == "cancelled":
        console.print(
            f"[yellow]cancelled[/] {plain(label)} after {after.metrics().epochs_done} epochs", highlight=False
        )
    elif after.status in ("paused", "interrupted") and after.record.history[-1].status == after.status:
        why = after.record.history[-1].reason
        console.print(f"[yellow]{after.status}[/] {plain(label)}: ", plain(why), highlight=False)
    else:
        reason = after.record.error or after.log_tail(1) or f"the process ended with code {process.returncode}"
        console.print(f"[red]failed[/]  {plain(label)}: ", plain(reason), highlight=False)


def _cancel_quietly(run: Run) -> None:
    try:
        cancel(run)
    except LwalError:
        return  # it ended by itself in the meantime


class _Interrupt:
    """True after Ctrl-C; a second Ctrl-C ends this command at once, while the training ends in its own time."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            sys.exit(130)
        self._asked = True

    def __bool__(self) -> bool:
        return self._asked
