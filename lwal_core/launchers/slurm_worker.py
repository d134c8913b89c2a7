"""Worker of a login node: takes runs from the queue, submits them to SLURM, watches the jobs.

It keeps nothing that is not in the run folders: a worker that is killed, or another one, finds the jobs by the records. When it
ends the jobs go on.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from lwal_core.errors import LwalError, TrainingError
from lwal_core.jobs.events import announce_state
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.recovery import acquire_run, not_started, requeue_interrupted, requeue_lost
from lwal_core.jobs.run_lock import RunLock
from lwal_core.jobs.worker import BACKOFF_SECONDS, Worker
from lwal_core.jobs.worker_heartbeat import WorkerHeartbeat
from lwal_core.launchers.slurm import JobFacts, SlurmLauncher
from lwal_core.launchers.slurm_config import SlurmConfig, read_slurm_config
from lwal_core.launchers.slurm_queue import reason_words
from lwal_core.runs import Run, list_runs, open_run
from lwal_core.runs.record import Launch, RunRecord, change_record
from lwal_core.system.log import event

REFUSED_SECONDS = 60.0
"""How long a run waits that SLURM did not accept, before it is submitted again."""
SILENT = "SILENT"
"""State of a job that SLURM takes for running and whose training has shown no sign of life for long."""
_FINISHED = frozenset({"done", "failed", "cancelled"})
_PREEMPTED = "PREEMPTED"
_BY_THE_CLUSTER = frozenset({"BOOT_FAIL", "NODE_FAIL", _PREEMPTED, "TIMEOUT", SILENT})


class SlurmWorker(Worker):
    """Submits what is in a home's queue to SLURM.

    Args:
        home: The home folder.
        config: Settings; by default those of ``slurm.yaml`` in the home.
        jobs: Jobs in the cluster at once; by default as the settings say.
        queue: The queue; by default the home's.

    Raises:
        ConfigError: The settings are missing or wrong.
        LwalError: submitit or SLURM's commands are missing.
    """

    def __init__(
        self, home: Path, config: SlurmConfig | None = None, jobs: int | None = None, queue: Queue | None = None
    ) -> None:
        super().__init__(home, queue=queue)
        self.config = config or read_slurm_config(home)
        self.cluster = SlurmLauncher(self.config)
        self.slots = jobs or self.config.jobs
        self.announcement = WorkerHeartbeat(self.folder, self.slots, self.cluster.name)
        self.jobs: dict[str, str] = {}  # job by run
        self._looked = float("-inf")
        self._answers = False  # whether the cluster did at the last look

    def step(self) -> None:
        """One look at everything: what the jobs do, what was abandoned, what may be submitted."""
        self.announcement.beat()
        now = time.monotonic()
        try:
            if now - min(self._looked, self._swept) >= self.config.look_seconds:
                self._looked, self._swept, self._answers = now, now, False
                self._watch()
                self._answers = True
                self.recovery.sweep(self.jobs)
                self._trouble = ""
            if self._answers:
                self._start_next()
        except (LwalError, OSError) as error:
            self._tell_once(str(error))

    def _watch(self) -> None:
        """Note the states of all jobs in the records of their runs."""
        submitted = {
            run.id: run.launcher.job for run in list_runs(self.home) if run.launcher and _is_ours(run.launcher)
        }
        self.jobs = submitted
        self.cluster.look({job: run_id for run_id, job in submitted.items()})
        for run_id, job in list(submitted.items()):
            try:
                run = open_run(run_id, self.home)
                if self._note(run, job, self.cluster.facts(job)):
                    del self.jobs[run_id]
            except LwalError as error:  # deleted or damaged since it was listed
                self._log(str(error), "worker.trouble", logging.WARNING)
                self.cluster.stop(job)
                del self.jobs[run_id]

    def _note(self, run: Run, job: str, facts: JobFacts) -> bool:
        """Note the state of a job; True when it is over."""
        if not facts.over and run.record.status == "running" and self.recovery.is_silent(run):
            facts = JobFacts(SILENT, facts.node, facts.limit)
        if facts.over or facts.state == SILENT:
            try:
                with RunLock(run.path):
                    record = change_record(run.path, lambda record: self._after(record, run, job, facts))
            except TrainingError:
                return False  # its process is there, whatever SLURM says: it is looked at again
            if facts.state == SILENT:
                self.cluster.stop(job)
            self._told(record)
            self.cluster.forget(job)
            return True
        if run.record.status == "cancelled":
            self.cluster.stop(job)
        change_record(run.path, lambda record: _with_facts(record, job, facts))
        return False

    def _told(self, record: RunRecord) -> None:
        announce_state(self.home, record)
        if record.status == "queued" and record.job is not None:
            self.recovery.hold_back(record.id, BACKOFF_SECONDS * 2 ** max(record.job.starts - 1, 0))

    def _after(self, record: RunRecord, run: Run, job: str, facts: JobFacts) -> RunRecord:
        """The record of a run whose job is over, and whose process has ended."""
        if record.launcher is None or record.launcher.job != job:
            return record  # submitted anew in the meantime
        record = _with_facts(record, job, facts, over=True)
        said = "gave no sign of life" if facts.state == SILENT else f"ended as {facts.state}"
        how = f"its SLURM job {job} {said}" + (f" on {facts.node}" if facts.node else "")
        if record.job is not None and facts.state == _PREEMPTED:
            # No fault of the run: it is not given up, however often that happens.
            record = record.model_copy(update={"job": record.job.model_copy(update={"starts": 0})})
        if record.status == "failed" and facts.state in _BY_THE_CLUSTER and run.config.training.nodes > 1:
            return requeue_lost(record, run, how, self._lost)  # one node was lost, and the other one failed of it
        if record.job is None or record.status in _FINISHED:
            return record
        if record.status == "cancelling":
            return record.moved_to("cancelled", "its process had ended when it was to stop")
        if facts.state == "CANCELLED":
            return record.moved_to("cancelled", f"its SLURM job {job} was cancelled there (scancel)")
        if record.status == "queued":
            words = self.cluster.last_words(job)
            return not_started(record, f"{how}" + (f": {words}" if words else ""))
        if record.status == "running":
            return requeue_lost(record, run, how, self._lost)
        if record.status == "interrupted":
            return requeue_interrupted(record, run, how)
        return record  # paused: taken up again like others

    def _start_next(self) -> None:
        """Submit runs until as many jobs as may be are in the cluster."""
        while len(self.jobs) < self.slots:
            run_id = self.queue.take()
            if run_id is None:
                return
            run = acquire_run(run_id, self.home)
            if run is not None and not self._put_aside(run):
                self._submit(run)

    def _submit(self, run: Run) -> None:
        try:
            job = self.cluster.start(run)
        except LwalError as error:
            reason = str(error)
            change_record(run.path, lambda record: _not_accepted(record, reason))
            self.recovery.hold_back(run.id, REFUSED_SECONDS)
            self._tell_once(f"{run.id}: {reason}")
            return
        launch = Launch(name=self.cluster.name, job=job, state="PENDING")
        change_record(run.path, lambda record: record.model_copy(update={"launcher": launch, "owner": None}))
        self.jobs[run.id] = job
        event("job.submitted", f"{run.id} is SLURM job {job}", run=run.id, job=job)

    def _busy(self) -> bool:
        return bool(self.jobs)

    def _stop_trainings(self) -> None:
        """Nothing: jobs go on without a worker."""


def _is_ours(launch: Launch) -> bool:
    return launch.name == SlurmLauncher.name and launch.job.isascii() and launch.job.isdigit() and not launch.over


def _with_facts(record: RunRecord, job: str, facts: JobFacts, *, over: bool = False) -> RunRecord:
    """The record with what SLURM says of its job; the same object where that is nothing new."""
    if record.launcher is None or record.launcher.job != job:
        return record
    update = {
        "state": facts.state,
        "node": facts.node or record.launcher.node,
        "limit": facts.limit or record.launcher.limit,
        "reason": facts.reason,
        "why": reason_words(facts.reason),
        "position": facts.position,
        "over": over,
    }
    launch = record.launcher.model_copy(update=update)
    return record if launch == record.launcher else record.model_copy(update={"launcher": launch})


def _not_accepted(record: RunRecord, reason: str) -> RunRecord:
    """The record of a run that SLURM did not accept: it waits, and that was no start."""
    assert record.job is not None
    job = record.job.model_copy(update={"starts": max(record.job.starts - 1, 0)})
    launch = Launch(name=SlurmLauncher.name, state="NOT_ACCEPTED", reason=reason[:500], over=True)
    return record.model_copy(update={"owner": None, "job": job, "launcher": launch})
