"""``lwal doctor``: checks of versions, settings, home, disk, memory, taxonomies.

Nothing here loads torch: the device is tried in a process of its own while the rest is looked at.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from lwal_core import __version__
from lwal_core.doctor.device import device_findings, start_check
from lwal_core.doctor.findings import Finding
from lwal_core.doctor.service import cluster_findings, mode_findings, processes_findings, queue_finding
from lwal_core.errors import LwalError
from lwal_core.notifications import check_channels
from lwal_core.runs import home, list_runs, runs_folder
from lwal_core.runs.home_folder import missing_parent
from lwal_core.security.permissions import read_only
from lwal_core.security.push_tokens import wrong_lines
from lwal_core.settings import misspelt_variables, settings, wrong_values
from lwal_core.system.locks import LocksUnsupportedError, check_locks

MIN_FREE_GIB = 1.0
"""Below this a training may fill the disk: a run with 1,000 classes writes some 100 MB."""
MIN_MEMORY_GIB = 1.0
"""A training process takes half a gigabyte with a small network."""
MIN_SHM_MIB = 256
"""Loaders of image data hand batches over in shared memory on a GPU; Docker gives 64 MiB if it is not told otherwise."""
CLOCK_SECONDS = 60.0
NEWEST_RUNS = 50


def examine() -> list[Finding]:
    """Look at everything; whatever goes wrong while looking is a finding, too."""
    check = start_check()
    return [*examine_place(), *_seen(lambda: device_findings(check))]


def examine_place() -> list[Finding]:
    """Look at everything but the device, in this process."""
    looks: tuple[Callable[[], Finding | list[Finding]], ...] = (
        _versions, _settings, mode_findings, _push_tokens, _notifications, _home, _free_space, _memory, _shared_memory, _clock,
        _runs, _taxonomies, queue_finding, cluster_findings, processes_findings,
    )  # fmt: skip
    return [finding for look in looks for finding in _seen(look)]


def _seen(look: Callable[[], Finding | list[Finding]]) -> list[Finding]:
    try:
        found = look()
    except LwalError as error:
        return [Finding("settings", "problem", error.message, error.hint)]
    except Exception as error:  # an examination that fails must not hide the others
        name = getattr(look, "__name__", "look").strip("_")
        words = (str(error).splitlines() or [""])[0][:300]
        return [
            Finding(name, "problem", f"could not be looked at: {type(error).__name__}: {words}", "Please report this.")
        ]
    return [found] if isinstance(found, Finding) else found


def _versions() -> Finding:
    packages = ("torch", "torchvision", "streamlit", "plotly", "scipy", "scikit-learn", "umap-learn", "huey")
    found, missing = [f"lwal {__version__}", f"python {platform.python_version()}"], []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding(
            "versions",
            "problem",
            f"missing: {', '.join(missing)}",
            f"{sys.executable} -m pip install -r requirements.txt",
        )
    return Finding("versions", "ok", ", ".join(found))


def _settings() -> list[Finding]:
    """Variables that are misspelt or have a value that is none."""
    found = [
        Finding("settings", "warning", f"{name} is set, and no variable of this program is called so",
                f"Did you mean {like}?" if like else "docs/operations.md lists all.")
        for name, like in misspelt_variables().items()
    ]  # fmt: skip
    found += [
        Finding("settings", "problem", line, "docs/operations.md lists all variables.") for line in wrong_values()
    ]
    return found or [Finding("settings", "ok", f"uploads up to {settings().max_upload_mb} MB")]


def _notifications() -> list[Finding]:
    """Who is told when runs end, where somebody is to be."""
    channels = settings().notify
    if not channels:
        return []
    wrong = check_channels()
    if wrong:
        return [Finding("notifications", "problem", sentence, "See docs/operations.md.") for sentence in wrong]
    count = f"{len(channels)} address{'es' * (len(channels) > 1)}"
    return [
        Finding("notifications", "ok", f"{count} told of {', '.join(settings().notify_on)}; `lwal notify` sends a test")
    ]


def _push_tokens() -> list[Finding]:
    """The file of tokens that runs are pushed with, where there shall be one."""
    path = settings().push_tokens
    if path is None:
        return []
    try:
        count, wrong = wrong_lines()
        facts = os.stat(path)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        text = f"LWAL_PUSH_TOKENS: {path} cannot be read: {reason}"
        return [
            Finding(
                "push",
                "problem",
                text,
                "Nobody can push a run; `lwal push-token NAME` makes a line.",
            )
        ]
    if wrong:
        shown = ", ".join(map(str, wrong[:5]))
        return [
            Finding(
                "push",
                "problem",
                f"{path}: no token in line {shown}",
                "A line is a NAME, a blank and the SHA-256 of a token.",
            )
        ]
    if facts.st_mode & 0o022:
        return [Finding("push", "warning", f"{path} can be changed by others", f"chmod go-w {path}")]
    if not count:
        return [
            Finding(
                "push",
                "warning",
                f"{path} holds no token, so nobody can push a run",
                "`lwal push-token NAME` makes a line.",
            )
        ]
    return [Finding("push", "ok", f"{count} token{'s' * (count > 1)} to push runs with", counts={"tokens": count})]


def _home() -> Finding:
    folder = home()
    if read_only():
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
            return Finding("home", "problem", f"{folder} cannot be read", "Set LWAL_HOME to the folder with the runs.")
        return Finding("home", "ok", f"{folder} can be read; nothing is written in read-only mode")
    if not folder.exists():
        return _missing_home(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        check_locks(folder)
    except LocksUnsupportedError as error:
        return Finding("home", "problem", error.message, error.hint)
    except OSError as error:
        return Finding(
            "home", "problem", f"{folder} cannot be written: {error.strerror}", "Set LWAL_HOME to a folder of your own."
        )
    if folder.stat().st_mode & 0o005:
        return Finding("home", "warning", f"{folder} can be read by everybody on this machine", f"chmod o= {folder}")
    return Finding("home", "ok", f"{folder} can be written and locks files")


def _missing_home(folder: Path) -> Finding:
    """A home that is not there: looked for, never made here."""
    fix = "Correct LWAL_HOME if this is not the folder that you mean."
    if not folder.parent.is_dir():
        return Finding("home", "problem", missing_parent(folder).rstrip("."), f"{fix} Else make {folder.parent}.")
    if not os.access(folder.parent, os.W_OK | os.X_OK):
        return Finding("home", "problem", f"{folder} is not there, and {folder.parent} cannot be written", fix)
    text = f"{folder} is not there yet; it is made with the first run"
    known = settings()
    return Finding("home", "warning", text, fix) if "home" in known.model_fields_set else Finding("home", "ok", text)


def _free_space() -> Finding:
    folder = home()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    usage = shutil.disk_usage(existing)
    free = usage.free / 2**30
    counts = {"free_bytes": usage.free, "total_bytes": usage.total}
    if free < MIN_FREE_GIB:
        return Finding(
            "disk", "warning", f"{free:.2f} GiB free in {existing}",
            "`lwal gc` shows what can be freed; or set LWAL_HOME to another disk.", counts,
        )  # fmt: skip
    return Finding("disk", "ok", f"{free:,.1f} GiB free", counts=counts)


def _memory() -> Finding:
    import psutil

    facts = psutil.virtual_memory()
    free, total = int(facts.available), int(facts.total)
    limit = _container_limit()
    if limit is not None and limit < total:
        free, total = min(free, limit), limit
    counts = {"free_bytes": free, "total_bytes": total}
    text = f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB of memory free"
    if free < MIN_MEMORY_GIB * 2**30:
        return Finding("memory", "warning", text, "End something, or give the container more; LWAL_SLOTS=1 trains one at a time.",
                       counts)  # fmt: skip
    return Finding("memory", "ok", text, counts=counts)


def _container_limit() -> int | None:
    """Bytes that this container may take (cgroup 2); None without a limit."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _shared_memory(place: Path = Path("/dev/shm")) -> list[Finding]:
    if not place.is_dir():
        return []  # macOS has none and needs none
    size = shutil.disk_usage(place).total / 2**20
    if size < MIN_SHM_MIB:
        return [Finding("shared memory", "warning", f"{place} has {size:.0f} MiB; loaders of a training on a GPU may die of it",
                        "Start the container with --shm-size=1g (shm_size in a compose file).")]  # fmt: skip
    return [Finding("shared memory", "ok", f"{size:,.0f} MiB in {place}")]


def _clock() -> Finding:
    """Files from the future: this machine's clock is behind, or that of a file server or another worker is ahead."""
    now = time.time()
    newest = max(_times(), default=(0.0, Path()))
    ahead = newest[0] - now
    if ahead > CLOCK_SECONDS:
        return Finding(
            "clock", "warning", f"{newest[1].relative_to(home())} was written {ahead:,.0f} seconds in the future",
            "Let NTP set the clocks of all machines that share the home; links expire and logs are stamped by them.",
        )  # fmt: skip
    return Finding(
        "clock", "ok", f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC, no file is from the future"
    )


def _times() -> Iterator[tuple[float, Path]]:
    places = sorted(runs_folder().glob("[!.]*"), reverse=True)[:NEWEST_RUNS]  # ids begin with the date
    for place in (*places, home() / "queue", home() / "shares"):
        for path in place.glob("*"):
            try:
                yield path.stat().st_mtime, path
            except OSError:
                continue


def _runs() -> Finding:
    found = list_runs()
    damaged = [run for run in found if run.problem]
    counts = {status: sum(run.status == status for run in found) for status in sorted({run.status for run in found})}
    if damaged:
        first = damaged[0]
        return Finding(
            "runs", "warning", f"{len(damaged)} of {len(found)} run folders are damaged; {first.id}: {first.problem}",
            "Restore the folder from a copy, or move it out of the runs folder.", counts,
        )  # fmt: skip
    return Finding("runs", "ok", f"{len(found)} runs", counts=counts)


def _taxonomies() -> list[Finding]:
    from lwal_core.taxonomy import available_taxonomies, load_taxonomy
    from lwal_core.taxonomy.noun_synsets import shipped_nouns
    from lwal_core.taxonomy.store import damaged_taxonomies

    shipped = available_taxonomies()
    for name in shipped:
        try:
            load_taxonomy(name)
        except (LwalError, OSError, ValueError):
            return [
                Finding(
                    "taxonomies", "problem", f"the shipped taxonomy {name} cannot be read", "Install the project again."
                )
            ]
    if not shipped:
        return [Finding("taxonomies", "problem", "no shipped taxonomy is there", "Install the project again.")]
    own = damaged_taxonomies()
    if own:
        first = next(iter(own.items()))
        return [Finding("taxonomies", "warning", f"{len(own)} of your own are damaged; {first[0]}: {first[1]}",
                        "Restore the file from a copy, or delete it.")]  # fmt: skip
    try:
        nouns = len(shipped_nouns())
    except (OSError, ValueError, KeyError):
        return [Finding("taxonomies", "problem", "WordNet's nouns cannot be read", "Install the project again.")]
    return [Finding("taxonomies", "ok", f"{len(shipped)} shipped ones and {nouns:,} nouns of WordNet can be read")]
