"""Runs of a sweep: its plan, what is missing given to the queue, how far each run is. No torch.

A sweep is a tag and no more: what belongs to it and how far it is stands in its runs' folders.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lwal_core.analysis.base.formatting import format_seconds
from lwal_core.config import RunConfig
from lwal_core.datafiles import source_stats
from lwal_core.errors import LwalError
from lwal_core.experiments.sweeps import TAG_PREFIX, Member, Sweep, put_tag
from lwal_core.jobs import cancel, check_may_queue, make_ready, submit
from lwal_core.results.run_curves import distinct_labels
from lwal_core.runs import Run, RunGroup, RunSummary, create_run, estimate_seconds, group_runs, home, list_runs
from lwal_core.runs.record import RunRecord, change_record
from lwal_core.security.permissions import check_writable
from lwal_core.system.locks import file_lock

MAX_AT_ONCE = 1_000
STOPPED = ("failed", "cancelled")
"""Statuses of a run that nothing goes on with by itself."""


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep will take.

    Attributes:
        runs: Runs of the sweep.
        done: Those that are trained already.
        in_hand: Those that wait or are being trained.
        missing: Those to be made.
        samples: Training samples that the missing ones will see, over all epochs.
        seconds: Time that the missing ones of ``known`` will take one after the other, from runs like them.
        known: How many of the missing ones have a run like them that has finished here.
        gpu_bytes: Most memory of a GPU in use while a run like them was trained; None where none was seen.
    """

    runs: int
    done: int
    in_hand: int
    missing: tuple[Member, ...]
    samples: int
    seconds: float
    known: int
    gpu_bytes: int | None


def plan_sweep(sweep: Sweep, runs: Sequence[RunSummary] | None = None) -> SweepPlan:
    """What is there of a sweep and what the rest will take.

    Args:
        sweep: The sweep.
        runs: Runs of the home, newest first; listed when left out.
    """
    listed = list_runs() if runs is None else runs
    found = sweep.found_in(listed)
    missing = tuple(member for member, run in zip(sweep.members, found, strict=True) if run is None)
    done = sum(run is not None and run.status == "done" for run in found)
    sizes = {
        config.data: source_stats(config.data).train for config in {m.config.data: m.config for m in missing}.values()
    }
    alike: dict[tuple[str, int], float | None] = {}
    for member in missing:
        key = _kind(member.config)
        if key not in alike:
            alike[key] = estimate_seconds(member.config)
    seconds = [alike[_kind(member.config)] for member in missing]
    workloads = {member.config.workload() for member in missing}
    return SweepPlan(
        runs=len(found),
        done=done,
        in_hand=len(found) - done - len(missing),
        missing=missing,
        samples=sum(sizes[member.config.data] * member.config.training.epochs for member in missing),
        seconds=sum(s for s in seconds if s is not None),
        known=sum(s is not None for s in seconds),
        gpu_bytes=_gpu_bytes([run for run in listed if run.workload in workloads]),
    )


def plan_lines(plan: SweepPlan) -> dict[str, str]:
    """A plan in words: what each line is about, and what it says."""
    missing = len(plan.missing)
    about = f"about {format_seconds(plan.seconds)} one after the other, from runs like these"
    if missing and not plan.known:
        about = "not known before the first run like these"
    elif plan.known < missing:
        about = f"{about}; {missing - plan.known:,} of {missing:,} not counted, as no run like them has finished here"
    memory = (
        f"{plan.gpu_bytes / 1e9:.1f} GB in use at most"
        if plan.gpu_bytes
        else "not known before the first run like these on a GPU"
    )
    lines = {"Runs": f"{missing:,} to train, {plan.done:,} trained already, {plan.in_hand:,} waiting or being trained"}
    if missing:
        lines |= {"Training samples": f"{plan.samples:,} over all epochs", "Time": about, "GPU memory": memory}
    return lines


def _kind(config: RunConfig) -> tuple[str, int]:
    """Runs of one kind take the same time."""
    return config.workload(), config.training.epochs


def _gpu_bytes(alike: Iterable[RunSummary]) -> int | None:
    seen: list[int] = []
    for summary in list(alike)[:100]:  # the newest
        try:
            pulse = summary.opened().pulse()
        except (LwalError, OSError):
            continue
        if pulse is not None and pulse.gpu_used_bytes:
            seen.append(pulse.gpu_used_bytes)
    return max(seen, default=None)


def submit_sweep(sweep: Sweep, *, priority: int = 0, at_once: int = 0) -> list[str]:
    """Give the missing members of a sweep to the queue; those that are there already get its tag.

    Args:
        sweep: The sweep.
        priority: From -100 to 100; higher goes first.
        at_once: Most of its runs that are trained at once, on all machines together; 0 for any number.

    Returns:
        For each member the id of its run, made now or before.

    Raises:
        TrainingError: The priority is out of its range, or somebody has too many runs waiting.
        OSError: The disk is full, say; what was submitted before stays, and submitting again adds the rest.
    """
    check_writable("give a sweep to the queue")
    folder = home() / "queue"
    folder.mkdir(parents=True, exist_ok=True)
    # Of two commands at once the second finds what the first has made.
    with file_lock(folder / "sweeps.lock", subject="The queue"):
        found = sweep.found_in(list_runs())
        check_may_queue(sum(run is None for run in found))
        ids: list[str] = []
        for member, run in zip(sweep.members, found, strict=True):
            if run is not None and run.status == "done":
                put_tag(run.id, sweep.tag)  # so that comparing by the tag compares all members
            if run is None:
                made = create_run(member.config, tags=(sweep.tag,))
                submit(made, priority, tag=sweep.tag, at_once=at_once)
            ids.append(made.id if run is None else run.id)
        return ids


def form_tag(name: str) -> str:
    """Tag of runs that a form starts together, by the form's name for them and the minute, such as ``"sweep:digits-1130-1512"``."""
    word = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-._")[:40] or "form"
    return f"{TAG_PREFIX}{word}-{datetime.now(UTC):%m%d-%H%M}"


@dataclass(frozen=True)
class SweepState:
    """How far a sweep is.

    Attributes:
        tag: Its tag.
        groups: Its runs, a group for each combination of options, in the order in which they were made.
    """

    tag: str
    groups: tuple[RunGroup, ...]

    @property
    def name(self) -> str:
        """Its name, without the mark of a sweep."""
        return self.tag.removeprefix(TAG_PREFIX)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of its runs, ascending."""
        return tuple(sorted({seed for group in self.groups for seed in group.seeds}))

    @property
    def runs(self) -> list[RunSummary]:
        """The run that counts of each group and seed: one that is done, else the newest."""
        return [run for group in self.groups for run in group.one_per_seed]

    def rows(self) -> list[tuple[str, tuple[RunSummary | None, ...]]]:
        """For each group a label that tells it from the others, and for each of :attr:`seeds` the run that counts."""
        labels = distinct_labels({group.key: group.config for group in self.groups})
        rows = []
        for group in self.groups:
            by_seed = {run.seed: run for run in group.one_per_seed}
            rows.append((labels[group.key], tuple(by_seed.get(seed) for seed in self.seeds)))
        return rows

    @property
    def counts(self) -> Counter[str]:
        """How many runs have each status."""
        return Counter(run.status for run in self.runs)

    @property
    def unfinished(self) -> list[RunSummary]:
        """Runs that wait, are being trained, or will be taken up again by a worker."""
        return [run for run in self.runs if run.unfinished]

    @property
    def stopped(self) -> list[RunSummary]:
        """Runs that failed or were cancelled."""
        return [run for run in self.runs if run.status in STOPPED]


def is_sweep(tag: str) -> bool:
    """Whether a tag is that of a sweep."""
    return tag.startswith(TAG_PREFIX)


def sweep_states(runs: Iterable[RunSummary]) -> list[SweepState]:
    """Sweeps among runs: those with unfinished runs first, then the newest.

    Args:
        runs: Runs of the home, newest first; damaged ones, archived ones and those of no sweep are left out.
    """
    tagged: dict[str, list[RunSummary]] = {}
    for run in runs:
        if run.problem is None and not run.archived:
            for tag in run.tags:
                if is_sweep(tag):
                    tagged.setdefault(tag, []).append(run)
    states = [SweepState(tag, tuple(reversed(group_runs(members)))) for tag, members in tagged.items()]
    return sorted(states, key=lambda state: not state.unfinished)


def cancel_sweep(state: SweepState) -> int:
    """Cancel every run of a sweep that waits or is being trained; returns how many were asked to stop."""
    return _each(state.unfinished, lambda run: run.status != "cancelling", cancel)


def retry_sweep(state: SweepState, *, at_once: int = 0) -> int:
    """Give the runs of a sweep that failed or were cancelled to the queue again, to go on from their checkpoints; returns
    how many.

    Raises:
        TrainingError: Somebody has too many runs waiting.
    """
    check_may_queue(len(state.stopped))

    def again(run: Run) -> None:
        priority = run.record.job.priority if run.record.job else 0
        submit(make_ready(run, reason="tried again with its sweep"), priority, tag=state.tag, at_once=at_once)

    return _each(state.stopped, lambda run: run.startable, again)


def limit_sweep(state: SweepState, at_once: int) -> int:
    """Set how many runs of a sweep are trained at once; what is in hand goes on. Returns how many runs wait.

    Args:
        state: The sweep.
        at_once: Most of them; 0 for any number.
    """
    check_writable("change a sweep")
    if not 0 <= at_once <= MAX_AT_ONCE:
        raise LwalError(
            f"{at_once} runs at once are out of range.", f"Give 0 for any number, or up to {MAX_AT_ONCE:,}."
        )

    def change(record: RunRecord) -> RunRecord:
        if record.job is None:
            return record
        job = record.job.model_copy(update={"tag": state.tag, "at_once": at_once})
        return record.model_copy(update={"job": job})

    return _each(state.unfinished, lambda run: run.record.job is not None, lambda run: change_record(run.path, change))


def at_once_of(state: SweepState) -> int:
    """How many runs of a sweep may be trained at once, as its newest unfinished run says; 0 for any number."""
    for summary in state.unfinished:
        try:
            job = summary.opened().record.job
        except (LwalError, OSError):
            continue
        if job is not None and job.tag == state.tag:
            return job.at_once
    return 0


def _each(runs: Iterable[RunSummary], wanted: Callable[[Run], bool], act: Callable[[Run], object]) -> int:
    """Do something with runs as they are now; what was removed, ended or taken in the meantime is left out."""
    count = 0
    for summary in runs:
        try:
            run = summary.opened()
            if wanted(run):
                act(run)
                count += 1
        except LwalError:
            continue
    return count
