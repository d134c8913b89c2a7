"""List of runs, damaged ones included with the reason."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from lwal_core.config import RunConfig
from lwal_core.errors import LwalError
from lwal_core.runs import paths
from lwal_core.runs.files import writes
from lwal_core.runs.index import LEAST_RUNS, Stamp, load_index, save_index
from lwal_core.runs.metrics import read_metrics
from lwal_core.runs.record import ACTIVE, Launch
from lwal_core.runs.run import Run, open_run
from lwal_core.security.permissions import read_only


@dataclass(frozen=True)
class RunSummary:
    """One row of the run list.

    Accuracies are fractions by the rule that the method is used with, which ``rule`` says; nan when there are
    none. ``best_accuracy`` is the highest over the epochs, 0 included. ``number`` is 0 for a run that was never given to the
    queue; ``by`` is who gave it, where people sign in. ``folder`` is the run folder.
    ``label_dim`` is the width of the outputs, 0 where it is not known; ``has_features`` says whether every epoch has
    feature means. ``launcher`` says where it was started last.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="constants")  # in the index; nan stays nan

    id: str
    name: str
    created: datetime
    status: str
    problem: str | None = None
    tags: tuple[str, ...] = ()
    group: str = ""
    workload: str = ""
    method: str = ""
    method_label: str = ""
    is_baseline: bool = False
    learns_labels: bool = False
    data: str = ""
    data_title: str = ""
    encoder: str = ""
    seed: int = 0
    epochs: int = 0
    epochs_done: int = 0
    class_count: int = 0
    label_dim: int = 0
    has_features: bool = False
    test_accuracy: float = float("nan")
    best_accuracy: float = float("nan")
    rule: str = ""
    imported: bool = False
    external: bool = False
    archived: bool = False
    priority: int = 0
    number: int = 0
    by: str = ""
    launcher: Launch | None = None
    folder: Path | None = None

    def opened(self) -> Run:
        """The run itself, wherever its home is.

        Raises:
            RunError: It is damaged, or gone.
        """
        return open_run(self.id) if self.folder is None else Run(self.folder)

    @property
    def active(self) -> bool:
        """Whether this run waits for its turn or is being trained."""
        return self.status in ACTIVE

    @property
    def unfinished(self) -> bool:
        """Whether this run waits, is being trained, or stopped and will be taken up again by a worker."""
        return self.active or (self.number > 0 and self.status in ("interrupted", "paused"))


_AS_JSON: TypeAdapter[RunSummary] = TypeAdapter(RunSummary)

# Summaries of runs that no process owns change only when their files do: the newest of each folder is kept with its
# files' times and sizes.
_cache: dict[str, tuple[Stamp, RunSummary]] = {}
_CACHE_LIMIT = 50_000
_configs: dict[str, RunConfig] = {}
"""By the key of a group, which stands for all that its runs have in common."""
_indexed: set[str] = set()
"""Homes whose index this process has read."""
LONG_SECONDS = 0.05
"""A list that takes longer to make is given again for a while: a page asks for it several times."""
REUSE_SECONDS = 1.5
"""Until then what another process has written to a run may be missed in it; what this one writes never is."""


class _Recent(NamedTuple):
    until: float
    state: tuple[int, int]
    runs: list[RunSummary]


_recent: dict[str, _Recent] = {}


def list_runs(home: str | os.PathLike[str] | None = None, *, fresh: bool = False) -> list[RunSummary]:
    """Summaries of every run folder, newest first. A damaged folder comes with ``problem`` set and never raises.

    Args:
        home: The home folder.
        fresh: Look at every folder, also where a long list was made just now.
    """
    root = str(paths.runs_folder(home))
    known = _recent.get(root)
    if not fresh and known is not None and time.monotonic() < known.until and known.state == _state(root):
        return list(known.runs)
    start, state = time.monotonic(), _state(root)
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []
    folders = [f"{root}{os.sep}{name}" for name in names]
    if len(folders) >= LEAST_RUNS:
        summaries = _with_index(Path(root).parent, dict(zip(names, folders, strict=True)))
    else:
        summaries = list(map(summary_of, folders))
    runs = sorted(summaries, key=lambda run: (run.created, run.id), reverse=True)
    took = time.monotonic() - start
    if took > LONG_SECONDS:
        _recent[root] = _Recent(time.monotonic() + min(4 * took, REUSE_SECONDS), state, runs)
    return list(runs)


def _state(root: str) -> tuple[int, int]:
    """What changes when a run comes or goes, or this process writes anything."""
    return _stamp(root)[0], writes()


def _with_index(home: Path, folders: dict[str, str]) -> list[RunSummary]:
    """Summaries of many folders, by name; what the index lacks is read and added to it."""
    stored: dict[str, tuple[Stamp, bytes]] = {}
    if str(home) not in _indexed:
        _indexed.add(str(home))
        stored = load_index(home)
        for name in stored.keys() & folders.keys():
            stamp, text = stored[name]
            with suppress(ValidationError):
                _cache.setdefault(folders[name], (stamp, _from_json(text, name, folders[name])))
    before = {name: _cache.get(folder) for name, folder in folders.items()}
    summaries = [summary_of(folder) for folder in folders.values()]
    made: dict[str, tuple[Stamp, bytes]] = {}
    for (name, known), folder in zip(before.items(), folders.values(), strict=True):
        now = _cache.get(folder)
        if now is not None and now is not known and not now[1].active and now[1].problem is None:
            made[name] = (now[0], _AS_JSON.dump_json(now[1], exclude={"folder"}))
    gone = stored.keys() - folders.keys()
    if (made or gone) and not read_only():
        save_index(home, made, gone)
    return summaries


def _from_json(text: bytes, name: str, folder: str) -> RunSummary:
    """A summary from the index.

    Raises:
        ValidationError: It is none.
    """
    return replace(_AS_JSON.validate_json(text), id=name, folder=Path(folder))


def summary_of(folder: Path | str) -> RunSummary:
    """Summary of one run folder; never raises."""
    place = str(folder)
    stamp = (*_stamp(f"{place}{os.sep}{paths.RECORD}"), *_stamp(f"{place}{os.sep}{paths.METRICS}"))
    known = _cache.get(place)
    if known is not None and known[0] == stamp and not known[1].active:
        return known[1]
    summary = _read_summary(Path(folder))
    if len(_cache) >= _CACHE_LIMIT:
        _cache.clear()
    _cache[place] = (stamp, summary)
    return summary


def _read_summary(folder: Path) -> RunSummary:
    try:
        paths.run_folder(folder.name)
        run = Run(folder)
        metrics = read_metrics(folder)
    except (LwalError, OSError) as error:
        return RunSummary(
            id=folder.name,
            name=folder.name,
            created=_changed(folder),
            status="damaged",
            problem=error.message if isinstance(error, LwalError) else str(error),
            folder=folder,
        )
    accuracy = metrics.accuracy(run.predictor())
    trained = accuracy[metrics.epoch >= 1]
    trained = trained[~np.isnan(trained)]
    config = run.config
    return RunSummary(
        id=run.id,
        name=run.name,
        created=run.record.created,
        status=run.status,
        tags=tuple(run.record.tags),
        group=run.group,
        workload=config.workload(),
        method=config.method.name,
        method_label=config.method_label(),
        is_baseline=config.is_baseline,
        learns_labels=config.method.learns_labels,
        data=config.data.name,
        data_title=config.data.title,
        encoder=config.encoder.name,
        seed=config.training.seed,
        epochs=config.training.epochs,
        epochs_done=metrics.epochs_done,
        class_count=len(run.class_names),
        label_dim=run.record.label_dim or 0,
        has_features="features" in run.record.vectors,
        test_accuracy=float(trained[-1]) if len(trained) else float("nan"),
        best_accuracy=float(np.nanmax(accuracy)) if len(trained) else float("nan"),
        rule=run.rule,
        imported=config.imported,
        external=config.external,
        archived=run.record.archived,
        priority=run.record.job.priority if run.record.job else 0,
        number=run.record.job.number if run.record.job else 0,
        by=run.record.job.by if run.record.job else "",
        launcher=_launch_of(run),
        folder=folder,
    )


def _launch_of(run: Run) -> Launch | None:
    """Where a run was started: by a launcher of its own, or as a process of some machine; None where it never was."""
    record = run.record
    if record.launcher is not None or record.owner is None or not run.startable:
        return record.launcher
    active = record.status in ("running", "cancelling")
    return Launch(
        name="process", job=str(record.owner.pid), node=record.owner.host,
        state="RUNNING" if active else "PENDING" if record.status == "queued" else "ENDED",
        over=record.status not in ACTIVE,
    )  # fmt: skip


@dataclass(frozen=True)
class RunGroup:
    """Runs that differ in nothing but their seed: the unit in which methods are compared."""

    key: str
    runs: tuple[RunSummary, ...]

    @property
    def first(self) -> RunSummary:
        """The newest run, which speaks for what all have in common."""
        return self.runs[0]

    @property
    def config(self) -> RunConfig:
        """Configuration of its runs, all but the seed; that of the newest.

        Raises:
            RunError: That run is damaged, or gone.
        """
        if self.key not in _configs:
            if len(_configs) >= _CACHE_LIMIT:
                _configs.clear()
            _configs[self.key] = self.first.opened().config
        return _configs[self.key]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs in the group, ascending, each once."""
        return tuple(sorted({run.seed for run in self.runs}))

    @property
    def title(self) -> str:
        """Method and data, e.g. ``LwAL10 on digits``, or the name that a person gave to every run of the group."""
        names = {run.name for run in self.runs}
        return names.pop() if len(names) == 1 else f"{self.first.method_label} on {self.first.data_title}"

    @property
    def status(self) -> str:
        """``running`` or ``queued`` while any run is active, else ``done`` when every seed has a run that is, else the status
        of a seed that has none; a cancelled second try of a seed that finished says nothing about the group."""
        statuses = [run.status for run in self.runs]
        for status in ("running", "cancelling", "queued"):
            if status in statuses:
                return status
        return next((run.status for run in self.one_per_seed if run.status != "done"), "done")

    @property
    def one_per_seed(self) -> tuple[RunSummary, ...]:
        """The newest finished run of every seed, or the newest where none finished, ascending by seed."""
        chosen: dict[int, RunSummary] = {}
        for run in sorted(self.runs, key=lambda run: (run.status == "done", run.created), reverse=True):
            chosen.setdefault(run.seed, run)
        return tuple(chosen[seed] for seed in sorted(chosen))

    def best_accuracies(self) -> np.ndarray:
        """Best test accuracies over the epochs, one per seed that finished, ``[n]``."""
        found = [run.best_accuracy for run in self.one_per_seed if run.status == "done"]
        return np.array([accuracy for accuracy in found if not np.isnan(accuracy)])


def group_runs(runs: Iterable[RunSummary]) -> list[RunGroup]:
    """Gather sound runs into groups, in the order of each group's newest run."""
    groups: dict[str, list[RunSummary]] = {}
    for run in runs:
        if run.problem is None:
            groups.setdefault(run.group, []).append(run)
    return [RunGroup(key, tuple(members)) for key, members in groups.items()]


def one_per_seed(runs: Iterable[RunSummary]) -> list[RunSummary]:
    """The newest run of every seed that has logged an epoch, ascending by seed; runs that finished go before others."""
    chosen: dict[int, RunSummary] = {}
    for run in sorted(runs, key=lambda r: (r.status == "done", r.created), reverse=True):
        if run.problem is None and run.epochs_done >= 1:
            chosen.setdefault(run.seed, run)
    return [chosen[seed] for seed in sorted(chosen)]


def baseline_among(groups: Iterable[RunGroup]) -> RunGroup | None:
    """The group that others are measured against where none is asked for: one-hot trained here, else a program's own."""
    found = [group for group in groups if group.first.is_baseline]
    return min(found, key=lambda group: group.first.external, default=None)


def with_labels(runs: Iterable[RunSummary]) -> list[RunSummary]:
    """The runs of a group whose labels can be looked at: as :func:`one_per_seed`, and vectors that were imported, which
    have no epochs, or one that another program recorded before any training. A run of curves alone has none."""
    members = list(runs)
    untrained = [run for run in members if run.imported or (run.external and run.epochs_done < 1)]
    trained = [run for run in one_per_seed(members) if not run.external or _has_labels(run)]
    return [*trained, *(run for run in untrained if run.problem is None and _has_labels(run))]


def _has_labels(run: RunSummary) -> bool:
    """Or a confusion matrix, which makes a tree, too."""
    if run.imported or run.folder is None:
        return run.imported
    return bool(paths.label_epochs(run.folder)) or (run.folder / paths.EVALUATION).is_file()


def _stamp(path: str) -> tuple[int, int]:
    try:
        facts = os.stat(path)
    except OSError:
        return (0, 0)
    return (facts.st_mtime_ns, facts.st_size)


def _changed(folder: Path) -> datetime:
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
