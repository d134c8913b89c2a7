"""Service checks of ``lwal doctor``: queue, workers, sign-in."""

from __future__ import annotations

import importlib.util
import threading
import tomllib
from pathlib import Path
from typing import Any

from lwal_core.doctor.findings import Finding
from lwal_core.errors import LwalError
from lwal_core.jobs.queue import FILE, Queue
from lwal_core.jobs.worker_heartbeat import WorkerStatus, live_workers
from lwal_core.launchers import SlurmLauncher, read_slurm_config
from lwal_core.runs import home, list_runs
from lwal_core.security.identity import ALLOWED, OWNERS, auth_enabled, provider_problem
from lwal_core.security.permissions import read_only, shares_only
from lwal_core.serving import find_haproxy
from lwal_core.settings import settings
from lwal_core.system.child_processes import WEB_ROOT

QUEUE_SECONDS = 12.0
"""How long a queue's server may take to answer; PostgreSQL's client gives up after 10 by itself."""


def queue_finding() -> Finding:
    """Whether the queue answers, how many runs wait, and whether somebody is there to train them."""
    try:
        queue = Queue(home())
    except LwalError as error:
        return Finding("queue", "problem", error.message, error.hint)
    counts: dict[str, Any] = {"waiting": sum(run.status == "queued" and run.number > 0 for run in list_runs())}
    workers = live_workers(home())
    counts |= {"workers": len(workers), "slots": sum(worker.slots for worker in workers)}
    if not queue.url and not (queue.folder / FILE).exists():
        words = f"{queue.title} is not there yet; it is made with the first run"
        return _who_trains(words, counts, workers)
    answer: list[int | Exception] = []
    asking = threading.Thread(target=_ask, args=(queue, answer), daemon=True)
    asking.start()
    asking.join(QUEUE_SECONDS)
    if not answer:
        return Finding("queue", "problem", f"{queue.title} did not answer in {QUEUE_SECONDS:.0f} seconds.",
                       "Check that its server runs, the firewall between, and LWAL_QUEUE_URL.", counts)  # fmt: skip
    (found,) = answer
    if isinstance(found, LwalError):
        return Finding("queue", "problem", found.message, found.hint, counts)
    if isinstance(found, Exception):
        raise found  # told as what it is: no trouble of the connection
    return _who_trains(f"{queue.title} answers, {found} in it", counts | {"in_queue": found}, workers)


def _ask(queue: Queue, answer: list[int | Exception]) -> None:
    try:
        answer.append(len(queue.run_ids()))
    except Exception as error:
        answer.append(error)
    finally:
        queue.close()


def _who_trains(words: str, counts: dict[str, Any], workers: list[WorkerStatus]) -> Finding:
    hosts = ", ".join(sorted({worker.owner.host for worker in workers}))
    waits = f"{words}; {counts['waiting']} runs wait, {len(workers)} workers" + (f" on {hosts}" if hosts else "")
    if counts["waiting"] and not workers:
        return Finding("queue", "warning", f"{waits}: nobody is there to train them", "Start `lwal worker`.", counts)
    return Finding("queue", "ok", waits, counts=counts)


def cluster_findings() -> list[Finding]:
    """Where a cluster trains: its settings, and whether it answers; nothing where none does."""
    if settings().launcher != SlurmLauncher.name:
        return []
    try:
        launcher = SlurmLauncher(read_slurm_config(home()))
        launcher.ping()
    except LwalError as error:
        return [Finding("cluster", "problem", error.message, error.hint)]
    return [Finding("cluster", "ok", f"SLURM answers; at most {launcher.config.jobs} jobs at once")]


def processes_findings() -> list[Finding]:
    """Where several app processes are wanted: whether the proxy in front of them is there; nothing where one is."""
    if settings().processes < 2:
        return []
    try:
        found = find_haproxy()
    except LwalError as error:
        return [Finding("processes", "problem", error.message, error.hint)]
    words = f"{settings().processes} app processes behind HAProxy {found.version[0]}.{found.version[1]}"
    return [Finding("processes", "ok", words)]


def mode_findings() -> list[Finding]:
    """Who may do what in this installation."""
    if shares_only():
        return [Finding("mode", "ok", "shared snapshots only; nothing is changed")]
    mode = "read-only" if read_only() else "everything may be changed"
    wanted, files = auth_enabled(), secrets_files()
    auth: dict[str, Any] = {}
    for file in files:
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            return [Finding("sign-in", "problem", f"{file} cannot be read: {type(error).__name__}",
                            "Mend the file; nobody can sign in before.")]  # fmt: skip
        part = content.get("auth")
        auth |= part if isinstance(part, dict) else {}
    if not wanted and not auth:
        return [Finding("mode", "ok", f"{mode}, by whoever can open the app; no sign-in")]
    return [Finding("mode", "ok", f"{mode}, by those who sign in as an owner"), _sign_in(auth, files)]


def _sign_in(auth: dict[str, Any], files: list[Path]) -> Finding:
    fix = "See docs/operations.md, Sign-in."
    if importlib.util.find_spec("authlib") is None:
        return Finding("sign-in", "problem", "Authlib is not installed", "pip install 'lwal-explorer[sign-in]'.")
    problem = provider_problem(auth)
    if problem:
        return Finding("sign-in", "problem", f"{problem}; nobody gets in", fix)
    if not (settings().owners or settings().allowed_users):
        return Finding("sign-in", "problem", f"{ALLOWED} and {OWNERS} are empty; nobody gets in", fix)
    if not settings().owners:
        return Finding("sign-in", "warning", f"{OWNERS} is empty; nobody may change anything", fix)
    open_files = [str(file) for file in files if file.stat().st_mode & 0o007]
    if open_files:
        return Finding("sign-in", "warning", f"{', '.join(open_files)} can be read by everybody on this machine",
                       "chmod o= on it.")  # fmt: skip
    providers = [part for part in auth.values() if isinstance(part, dict) and "client_id" in part] or [auth]
    return Finding("sign-in", "ok", f"with {len(providers)} provider{'s' * (len(providers) != 1)}")


def secrets_files() -> list[Path]:
    """The files that Streamlit reads secrets from when ``lwal serve`` starts it; the last says what holds."""
    chosen = settings().secrets
    places = [chosen] if chosen else [Path.home() / ".streamlit/secrets.toml", WEB_ROOT / ".streamlit/secrets.toml"]
    return [place for place in places if place.is_file() or chosen]
