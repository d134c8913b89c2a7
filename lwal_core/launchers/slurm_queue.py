"""Place of a job among the pending jobs of its partition, and why it waits, in words."""

from __future__ import annotations

from collections.abc import Iterable

FORM = "--format=%i|%P|%Q"
"""What squeue prints of a pending job: number, partitions, priority (squeue(1))."""
MAX_JOBS = 200_000
"""Pending jobs that are looked at; in a longer line no place is told."""

_WORDS = {
    "Resources": "no node is free for it yet",
    "Priority": "jobs of higher priority are before it",
    "Dependency": "it waits for another job",
    "DependencyNeverSatisfied": "it waits for a job that failed",
    "BeginTime": "its start time has not come",
    "JobHeldUser": "it is held (scontrol release lets it go)",
    "JobHeldAdmin": "an administrator holds it",
    "Licenses": "no licence is free",
    "Reservation": "its reservation has not begun",
    "ReqNodeNotAvail": "a node that it asks for is not available",
    "NodeDown": "a node that it asks for is down",
    "BadConstraints": "no node has what it asks for",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition takes no jobs now",
    "PartitionNodeLimit": "it asks for more nodes than its partition gives",
    "PartitionTimeLimit": "it asks for more time than its partition gives",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its quality of service is not valid",
    "JobArrayTaskLimit": "as many jobs of its array run as may",
    "Cleaning": "its last try is being cleaned up",
    "SystemFailure": "SLURM itself failed",
    "NonZeroExitCode": "its last try failed",
}
"""Common reasons of squeue(1), section JOB REASON CODES."""
_BEGINNINGS = {
    "AssocGrp": "its account uses as much as it may",
    "AssocMax": "its account uses as much as it may",
    "QOSGrp": "its quality of service is used as much as it may be",
    "QOSMax": "its quality of service allows no more for you",
    "QOSMin": "it asks for less than its quality of service takes",
    "QOSUsage": "its quality of service is used up",
    "QOSJob": "its quality of service has reached a limit",
    "QOSTime": "it asks for more time than its quality of service gives",
    "QOSResource": "its quality of service has reached a limit",
    "Nodes required for job are DOWN": "nodes that it needs are down, or kept for jobs of higher priority",
}


def reason_words(reason: str) -> str:
    """Why a job waits, in words; the reason itself where it has none.

    Args:
        reason: As squeue gives it, such as ``Priority`` or ``ReqNodeNotAvail, UnavailableNodes:n1``.
    """
    code = reason.partition(",")[0].strip()
    if code in _WORDS:
        return _WORDS[code]
    return next((words for beginning, words in _BEGINNINGS.items() if reason.startswith(beginning)), reason)


def positions(lines: Iterable[str], jobs: Iterable[str]) -> dict[str, int]:
    """Place of jobs among the pending jobs of their partitions: 1 is started next, by priority alone.

    SLURM starts a smaller job earlier where that delays no other (backfill), and priorities change with time: a place says how many
    are before it now, and not when it starts. Jobs that are held have priority 0 and stand before nobody; a held job has no place.
    An array of jobs counts as one. Where a cluster shows a user their own jobs alone (``PrivateData=jobs``), these are counted.

    Args:
        lines: What squeue prints with :data:`FORM` for pending jobs, in any order.
        jobs: Numbers of the jobs.

    Returns:
        Place by job; without those that are not pending, are held, or wait behind more than :data:`MAX_JOBS` lines.
    """
    wanted = set(jobs)
    waiting: list[tuple[int, int, str, frozenset[str]]] = []
    for number, line in enumerate(lines):
        if number >= MAX_JOBS:
            return {}
        job, _, rest = line.strip().partition("|")
        partition, _, priority = rest.partition("|")
        first = job.partition("_")[0]
        if _is_number(first) and _is_number(priority) and int(priority) > 0:
            waiting.append((-int(priority), int(first), job, frozenset(partition.split(","))))
    waiting.sort(key=lambda each: each[:2])
    before: dict[str, int] = {}
    seen: set[str] = set()
    found: dict[str, int] = {}
    for index, (_, _, job, partitions) in enumerate(waiting):
        if job in wanted and job not in seen:
            found[job] = 1 + (
                before.get(next(iter(partitions)), 0)
                if len(partitions) == 1
                else sum(bool(partitions & others) for *_, others in waiting[:index])
            )
        seen.add(job)
        for name in partitions:
            before[name] = before.get(name, 0) + 1
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
