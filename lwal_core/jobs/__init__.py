"""Trainings as child processes: who trains when, start, cancel, resume. No torch."""

from lwal_core.jobs.processes import cancel, resume, start_training
from lwal_core.jobs.turns import RunLock, waiting

__all__ = ["RunLock", "cancel", "resume", "start_training", "waiting"]
