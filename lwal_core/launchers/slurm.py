"""SLURM launcher: submits runs by submitit, asks for all jobs at once by squeue and sacct, cancels by scancel."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lwal_core.errors import LwalError, TrainingError
from lwal_core.jobs.launcher import LaunchState
from lwal_core.launchers.slurm_config import SlurmConfig
from lwal_core.launchers.slurm_job import SlurmJob
from lwal_core.launchers.slurm_queue import FORM, positions
from lwal_core.runs import Run
from lwal_core.sanitize import printable

PROGRAMS = ("sbatch", "squeue", "scancel", "srun")
COMMAND_SECONDS = 60.0
"""How long a command of SLURM may take before the cluster is taken for away."""
ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
        "TIMEOUT",
    }
)  # fmt: skip
"""States of jobs that are over (squeue(1), JOB STATE CODES); all others wait, run or end."""
PENDING = "PENDING"
GONE = "GONE"
"""State of a job that neither squeue nor sacct knows any more."""


class ClusterAway(TrainingError):
    """SLURM's controller does not answer."""


@dataclass(frozen=True)
class JobFacts:
    """What squeue says of a job."""

    state: str
    node: str = ""
    limit: str = ""
    reason: str = ""
    position: int = 0
    """Place among the pending jobs of its partition, 1 being the next; 0 where it has none."""

    @property
    def over(self) -> bool:
        """Whether it is over."""
        return self.state in ENDED or self.state == GONE


class SlurmLauncher:
    """Submits runs to a SLURM cluster. A handle is the number of a job.

    Args:
        config: Its settings.

    Raises:
        LwalError: submitit or a command of SLURM is missing, or the folder for pickles is not this user's alone.
    """

    name = "slurm"

    def __init__(self, config: SlurmConfig) -> None:
        try:
            import submitit  # noqa: F401
        except ImportError:
            raise LwalError(
                "LWAL_LAUNCHER=slurm needs the package submitit.", "pip install 'lwal-explorer[slurm]'."
            ) from None
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise LwalError(
                f"LWAL_LAUNCHER=slurm needs SLURM's commands, and {', '.join(missing)} cannot be found.",
                "Start the worker on a login node of the cluster.",
            )
        self.config = config
        self.folder = own_folder(config.folder)
        self._facts: dict[str, JobFacts] = {}

    def start(self, run: Run) -> str:
        """Submit a run; returns the job's number at once.

        Raises:
            ConfigError: Its profile is not there.
            TrainingError: SLURM refused it; the message has SLURM's words.
        """
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        options = self.config.options_of(run)
        more: dict[str, Any] = {"no-requeue": True, **options.sbatch_options()}
        # Since SLURM 22.05 a step has one core unless srun itself is told.
        cores = [f"--cpus-per-task={options.cpus}"] if options.cpus else []
        with contextlib.redirect_stderr(io.StringIO()):  # told by the error
            executor = SlurmExecutor(self.folder, python=self.config.python or None)
            executor.update_parameters(
                job_name=run.id,
                time=options.time,
                nodes=options.nodes,
                ntasks_per_node=1,
                gpus_per_node=options.gpus or None,
                signal_delay_s=self.config.stop_seconds,
                setup=list(self.config.setup) or None,
                srun_args=["--kill-on-bad-exit=1", *cores],
                additional_parameters=more,
            )
            try:
                job = executor.submit(SlurmJob(str(run.path)))
            except (FailedJobError, FailedSubmissionError) as error:
                for left in self.folder.glob("*.pkl"):
                    if "_" not in left.name:  # named before its job had a number
                        left.unlink(missing_ok=True)
                words = _said(str(error)).removeprefix("sbatch: error: ") or "no reason was given"
                raise TrainingError(f"SLURM did not accept the run: {words}") from None
        return str(job.job_id)

    def look(self, jobs: Mapping[str, str]) -> None:
        """Ask for the states of jobs, with one command for all, a second one for those that squeue has forgotten, and where some are
        pending one for their places.

        Args:
            jobs: The jobs' names by their numbers. A job of another name is none of ours, whoever wrote its number into a record.

        Raises:
            ClusterAway: SLURM does not answer; what was known stays.
        """
        if not jobs:
            self._facts = {}
            return
        form = "--format=%i|%j|%T|%N|%l|%r"
        lines = _ask(["squeue", "--noheader", "--states=all", f"--user={os.geteuid()}", form])
        seen = {job: facts for job, name, facts in map(_of_squeue, lines) if jobs.get(job) == name}
        missing = sorted(set(jobs) - set(seen))
        if missing:
            seen |= self._of_accounting({job: jobs[job] for job in missing})
        for job, place in self._places([job for job, facts in seen.items() if facts.state == PENDING]).items():
            seen[job] = replace(seen[job], position=place)
        self._facts = {job: seen.get(job, JobFacts(GONE)) for job in jobs}

    def _places(self, jobs: list[str]) -> dict[str, int]:
        """Places of pending jobs; nothing where the cluster does not tell."""
        if not jobs:
            return {}
        try:
            return positions(_ask(["squeue", "--noheader", f"--states={PENDING}", FORM]), jobs)
        except ClusterAway:
            return {}

    def ping(self) -> None:
        """Ask the cluster for something small.

        Raises:
            ClusterAway: SLURM does not answer.
        """
        _ask(["squeue", "--noheader", f"--user={os.geteuid()}", "--format=%i"])

    def _of_accounting(self, jobs: Mapping[str, str]) -> dict[str, JobFacts]:
        """What sacct says of jobs; nothing where the cluster keeps no accounts."""
        if shutil.which("sacct") is None:
            return {}
        try:
            lines = _ask(
                ["sacct", "-X", "-n", "-P", "-o", "JobID,JobName,State,NodeList,Timelimit", "-j", ",".join(jobs)]
            )
        except ClusterAway:
            return {}
        found = {}
        for line in lines:
            job, name, state, node, limit = [*line.split("|"), "", "", "", ""][:5]
            if jobs.get(job) == name and state:
                found[job] = JobFacts(state.split()[0], _name_of(node), limit)  # "CANCELLED by 1000"
        return found

    def facts(self, handle: str) -> JobFacts:
        """What the last look saw of a job."""
        return self._facts.get(handle, JobFacts(GONE))

    def state(self, handle: str) -> LaunchState:
        """State of a job as the last look saw it."""
        facts = self.facts(handle)
        return LaunchState(facts.over, facts.state, facts.node)

    def stop(self, handle: str, *, at_once: bool = False) -> None:
        """Cancel a job; one that is over, or a controller that does not answer, is left as it is.

        Args:
            handle: The job.
            at_once: Kill it rather than send SIGTERM first.
        """
        _command(["scancel", *(["--signal=KILL", "--full"] if at_once else []), handle])

    def last_words(self, handle: str) -> str:
        """Last line of what a job printed before its training wrote to the run's log; empty where there is none."""
        for path in (self.folder / f"{handle}_0_log.err", self.folder / f"{handle}_log.err"):
            try:
                with path.open("rb") as file:
                    file.seek(max(0, path.stat().st_size - 4_096))
                    lines = file.read().decode("utf-8", "replace").splitlines()
            except OSError:
                continue
            return next((_said(line) for line in reversed(lines) if line.strip()), "")
        return ""

    def forget(self, handle: str) -> None:
        """Delete what submitit wrote for a job that is over."""
        for path in self.folder.glob(f"{int(handle)}_*"):
            path.unlink(missing_ok=True)
        for link in self.folder.glob(".submission_file_*.sh"):
            if link.is_symlink() and not link.exists():
                link.unlink(missing_ok=True)


def own_folder(folder: Path) -> Path:
    """A folder of this user alone, made where it is missing: nodes unpickle what lies there.

    Raises:
        LwalError: It belongs to somebody else, or others may look into it.
    """
    path = folder.expanduser().absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = path.lstat()
    if not path.is_dir() or path.is_symlink() or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise LwalError(
            f"{path} must be a folder of yours with mode 0700: nodes run what lies in it.",
            "chmod 700 it, or name another one as folder in slurm.yaml.",
        )
    return path


def _of_squeue(line: str) -> tuple[str, str, JobFacts]:
    job, name, state, node, limit, reason = [part.strip() for part in [*line.split("|"), "", "", "", "", ""][:6]]
    return job, name, JobFacts(state, _name_of(node), limit, "" if reason == "None" else _said(reason))


def _name_of(nodes: str) -> str:
    nodes = printable(nodes).strip()
    return "" if nodes in ("", "None assigned", "(null)") else nodes[:200]


def _ask(command: list[str]) -> list[str]:
    """Lines that a command of SLURM prints.

    Raises:
        ClusterAway: It failed.
    """
    done = _command(command)
    if done is None:
        raise ClusterAway(f"SLURM does not answer: {command[0]} took more than {COMMAND_SECONDS:.0f} s.")
    if done.returncode:
        words = _said(done.stderr) or f"{command[0]} ended with code {done.returncode}"
        raise ClusterAway(f"SLURM does not answer: {words.removeprefix('slurm_load_jobs error: ')}.")
    return done.stdout.splitlines()


def _command(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    environment = {**os.environ, "LC_ALL": "C"}
    for name in [name for name in environment if name.startswith(("SQUEUE_", "SACCT_", "SCANCEL_"))]:
        del environment[name]  # a user's own way to print them
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=COMMAND_SECONDS, check=False, env=environment
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None


def _said(text: str) -> str:
    """First line of what a program said, as plain text without its end mark."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return printable(line).strip().rstrip(".")[:500]
