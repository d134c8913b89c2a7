"""Trainings and analyses as child processes: the queue, the worker, which goes when; start, cancel, resume. No torch."""

from lwal_core.jobs.commands import cancel, check_may_queue, duplicate, make_ready, resume, retry, submit
from lwal_core.jobs.devices import check_device, check_nodes, devices_here
from lwal_core.jobs.processes import start_training
from lwal_core.jobs.ready_model import create_analysis
from lwal_core.jobs.run_lock import RunLock
from lwal_core.jobs.waiting import waiting
from lwal_core.jobs.worker_heartbeat import live_workers

__all__ = [
    "RunLock",
    "cancel",
    "check_device",
    "check_may_queue",
    "check_nodes",
    "create_analysis",
    "devices_here",
    "duplicate",
    "live_workers",
    "make_ready",
    "resume",
    "retry",
    "start_training",
    "submit",
    "waiting",
]
