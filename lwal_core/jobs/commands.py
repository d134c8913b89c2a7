"""Commands on runs: submit, cancel, resume, retry, duplicate."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from lwal_core.config import RunConfig
from lwal_core.errors import TrainingError
from lwal_core.jobs.admission import MAX_PRIORITY, next_number
from lwal_core.jobs.events import log_queued, log_state
from lwal_core.jobs.processes import start_training
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.ready_model import changed_analysis
from lwal_core.jobs.run_lock import RunLock
from lwal_core.runs import Job, Run, create_run, list_runs
from lwal_core.runs.record import RunRecord, change_record
from lwal_core.runs.trash import delete_run
from lwal_core.security.identity import MAX_QUEUED, current_user
from lwal_core.security.permissions import check_writable
from lwal_core.settings import settings
from lwal_core.system.locks import file_lock
from lwal_core.system.log import event

LOCK_SECONDS = 2.0
ON_REQUEST = "cancelled on request"
FINISHED = frozenset({"done", "failed", "cancelled"})


def submit(run: Run, priority: int = 0, *, tag: str = "", at_once: int = 0) -> Run:
    """Give a queued run to the queue; a worker trains it when its turn has come.

    Where the queue's server cannot be reached, the run waits all the same: workers look for such runs.

    Args:
        run: A new run, or one that was made ready by :func:`make_ready`.
        priority: From -100 to 100; higher goes first.
        tag: The tag whose runs are limited together.
        at_once: Most runs of the tag that are trained at once, on all machines together; 0 for any number.

    Raises:
        TrainingError: The priority is out of its range, the run is not waiting, or its person has as many runs waiting as
            one may have; the run is cancelled then.
        OSError: The disk is full, say; a new run is in the trash then.
    """
    check_writable("give a run to the queue")
    if not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
        raise TrainingError(f"Priority {priority} is out of range.", f"It goes from {-MAX_PRIORITY} to {MAX_PRIORITY}.")
    home = home_of(run)
    try:
        _hand_in(run, priority, home, tag, at_once)
    except OSError:
        if run.record.job is None and not run.metrics().epochs_done:
            delete_run(run.id, home)  # nobody would ever train it
        raise
    if at_once:  # a worker puts it into the queue when fewer of its tag are in hand
        return Run(run.path)
    queue = Queue(home)
    try:
        queue.add(run.id, priority)
    except TrainingError:
        pass  # it waits by its record, and comes into the queue when a worker finds it
    finally:
        queue.close()
    return Run(run.path)


def _hand_in(run: Run, priority: int, home: Path, tag: str, at_once: int) -> None:
    """Note in a run's record that it waits for a worker, unless its person has too many that do."""
    person = current_user()
    by = person.address if person else ""
    job = Job(priority=priority, number=next_number(home), by=by, tag=tag, at_once=at_once)

    def give(record: RunRecord) -> RunRecord:
        if record.status != "queued":
            raise TrainingError(f"Run {run.id} is {record.status}; only a queued run can be given to the queue.", "")
        return record.model_copy(update={"job": job, "owner": None})

    (home / "queue").mkdir(parents=True, exist_ok=True)
    # Two clicks at once count as two.
    with file_lock(home / "queue" / "people.lock", subject="The queue") if by else contextlib.nullcontext():
        try:
            check_may_queue(home=home)
        except TrainingError as error:
            reason = error.message
            change_record(run.path, lambda r: r.moved_to("cancelled", reason) if r.status == "queued" else r)
            raise
        log_queued(change_record(run.path, give))


def check_may_queue(more: int = 1, home: Path | None = None) -> None:
    """Refuse more runs than one person may have waiting (``LWAL_MAX_QUEUED_PER_USER``); no limit where nobody signs in.

    Args:
        more: Runs that would be handed in.
        home: The home folder.

    Raises:
        TrainingError: They are too many.
    """
    person, most = current_user(), settings().max_queued_per_user
    if person is None or most is None:
        return
    waiting = sum(run.by == person.address and run.status == "queued" for run in list_runs(home))
    if waiting + more > most:
        raise TrainingError(
            f"{waiting} of your runs wait already, and {more} more would be over the limit of {most} per person.",
            f"Wait for some to start, or cancel some; {MAX_QUEUED} sets the limit.",
        )


def cancel(run: Run) -> None:
    """Ask a run to stop. It keeps everything up to its last finished epoch; a run in a process ends within about a
    batch, wherever it is trained.

    Raises:
        TrainingError: The run neither waits nor is being trained, or another program records it.
    """
    check_writable("cancel a run")
    _check_trained_here(run)
    picked_up_later = run.record.job is not None and run.status in ("interrupted", "paused")
    if not run.active and not picked_up_later:
        raise TrainingError(f"Run {run.id} is {run.status}; there is nothing to cancel.", "")
    try:
        with RunLock(run.path):  # nobody trains it, so nobody else would note that it was cancelled
            log_state(change_record(run.path, _stopped_before))
    except TrainingError:
        change_record(run.path, _asked_to_stop)
        event("job.cancelling", f"{run.id} is to stop", run=run.id)


def _check_trained_here(run: Run) -> None:
    """Refuse a run that no process of this app trains or analyses.

    Raises:
        TrainingError: A program of somebody's own records it, or its vectors were imported.
    """
    if run.startable:
        return
    if run.config.external:
        raise TrainingError(
            f"Run {run.id} is recorded by another program.",
            "Stop that program, continue it or start it again, where it runs.",
        )
    raise TrainingError(f"Run {run.id} was imported.", "There is nothing to train.")


def _stopped_before(record: RunRecord) -> RunRecord:
    if record.status in FINISHED:
        return record
    return record.moved_to("cancelled", "cancelled before it started" if record.status == "queued" else ON_REQUEST)


def _asked_to_stop(record: RunRecord) -> RunRecord:
    return record.moved_to("cancelling", ON_REQUEST) if record.status in ("queued", "running") else record


def make_ready(run: Run, *, epochs: int | None = None, reason: str = "") -> Run:
    """Move a run that stopped back to ``queued``, to go on from its checkpoint or from the start.

    Args:
        run: A run that was cancelled, interrupted, paused or failed; with ``epochs`` also one that is done.
        epochs: Epochs to train altogether; None leaves them as they are.
        reason: What the history says about it.

    Raises:
        TrainingError: The run is active, there is nothing left to train, or another program recorded it.
        ConfigError: The number of epochs is out of its range.
    """
    check_writable("resume a run")
    _check_trained_here(run)
    check_may_queue(home=home_of(run))
    status, before = run.status, run.config.training.epochs
    if epochs is not None and run.record.ready_model is not None:
        raise TrainingError(f"Run {run.id} is an analysis, which has no epochs.", "Leave them out.")
    if run.active or (status == "done" and epochs is None):
        raise TrainingError(
            f"Run {run.id} is {status}; only a run that stopped early can be resumed.",
            "Give it more epochs to go on." if status == "done" and run.config.method.trainable else "",
        )
    config = run.config
    if epochs is not None:
        done = run.metrics().epochs_done
        if epochs <= done:
            raise TrainingError(
                f"Run {run.id} has {done} epochs already; {epochs} are no more.", f"Give {done + 1} or more."
            )
        values = config.to_dict()
        values["training"] = {**values["training"], "epochs": epochs}
        config = RunConfig.parse(values)
    words = reason or f"resumed ({status} before)"
    if epochs is not None and epochs != before:
        words += f", to {epochs} epochs instead of {before}"
    with RunLock(run.path, wait=LOCK_SECONDS):

        def queue_again(record: RunRecord) -> RunRecord:
            return record.moved_to("queued", words).model_copy(
                update={"owner": None, "error": "", "job": None, "launcher": None, "config": config}
            )

        change_record(run.path, queue_again)
    return Run(run.path)


def resume(run: Run, *, epochs: int | None = None) -> subprocess.Popen[bytes]:
    """Go on with a run that stopped, in a process of its own that the caller may wait for; see :func:`make_ready`."""
    return start_training(make_ready(run, epochs=epochs))


def retry(run: Run) -> Run:
    """A new queued run with the same configuration, name and tags, to be trained from the start."""
    return duplicate(run, {}, name=run.record.name)


def duplicate(run: Run, changes: dict[str, dict[str, object]], *, name: str = "") -> Run:
    """A new queued run like another one.

    Args:
        run: The run to start from.
        changes: Options that differ, e.g. ``{"training": {"epochs": 20}}``.
        name: Its name; empty for one made of method and data.

    Raises:
        ConfigError: The changed options are no configuration.
        TrainingError: Its person has as many runs waiting as one may have, or nothing here trained the run.
    """
    _check_trained_here(run)
    check_may_queue(home=home_of(run))
    return create_run(
        changed_config(run, changes),
        name=name,
        tags=tuple(run.record.tags),
        home=home_of(run),
        made_from=run.id,
        ready_model=run.record.ready_model,
    )


def changed_config(run: Run, changes: dict[str, dict[str, object]]) -> RunConfig:
    """Configuration of a run with other options; arguments and errors as for :func:`duplicate`."""
    if run.record.ready_model is not None:
        return changed_analysis(run, changes)
    values = run.config.to_dict()
    for part, options in changes.items():
        values[part] = {**values.get(part, {}), **options}
    return RunConfig.parse(values)


def home_of(run: Run) -> Path:
    """The home that a run lies in."""
    return run.path.parents[1]
