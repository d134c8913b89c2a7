"""Slots: how many trainings run at once on this machine, and the GPU of each."""

from __future__ import annotations

from pathlib import Path

from lwal_core.jobs.devices import visible_gpus
from lwal_core.jobs.worker_heartbeat import workers_of
from lwal_core.settings import MAX_SLOTS, settings


def slot_count(folder: Path) -> int:
    """Trainings that may run at the same time on this machine: ``LWAL_SLOTS``, else what its workers were started with,
    else one per GPU, else one.

    Args:
        folder: Admission folder of this machine, see :mod:`lwal_core.jobs.admission`.
    """
    chosen = settings().slots
    if chosen is not None:
        return chosen
    announced = [w.slots for w in workers_of(folder) if w.launcher == "process" and w.owner.alive()]
    return max(announced, default=0) or default_slots()


def default_slots() -> int:
    """One slot a GPU that may be used here, and one where there is none."""
    return min(max(len(visible_gpus()), 1), MAX_SLOTS)


def own_gpu(slot: int) -> str | None:
    """The GPU that belongs to a slot where there are several; None where there is nothing to choose."""
    gpus = visible_gpus()
    return gpus[slot % len(gpus)] if len(gpus) > 1 else None
