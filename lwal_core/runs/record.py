"""``run.json``: configuration, status and history of a run."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lwal_core.config import ReadyModelConfig, RunConfig
from lwal_core.errors import ConfigError, RunError, RunNotFound
from lwal_core.runs import paths
from lwal_core.runs.files import write_json
from lwal_core.runs.owner import Owner
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_writable
from lwal_core.system.locks import file_lock

Status = Literal["queued", "running", "cancelling", "cancelled", "failed", "done", "interrupted", "paused"]
ACTIVE: frozenset[str] = frozenset({"queued", "running", "cancelling"})
"""Statuses in which a run waits for a process or has one."""

MAX_RECORD_BYTES = 8 * 2**20
"""Largest ``run.json`` that is read; 10,000 class names take well under 1 MiB."""


class StatusChange(BaseModel):
    """One line of a run's history."""

    status: Status
    at: datetime
    reason: str = ""


class Job(BaseModel):
    """What the queue knows about a run that was given to it; None in the record of a run that a terminal trains.

    Attributes:
        priority: Higher goes first.
        number: Place among runs of one priority; ascending in the order in which they were handed in, whatever the
            clock did.
        starts: Times in a row that a process was started and lost before another epoch was done.
        epoch: Epochs that were done at the last start.
        worker: The worker that started the last process.
        by: Address of the person who handed it in; empty where nobody signs in, and from a terminal.
        tag: The tag whose runs are limited together; empty where none is.
        at_once: Most runs of that tag that are in a worker's hands at once; 0 for as many as there are slots.
    """

    priority: int = 0
    number: int
    starts: int = 0
    epoch: int = 0
    worker: Owner | None = None
    by: str = ""
    tag: str = ""
    at_once: int = 0


class Launch(BaseModel):
    """Where a run was started; None in the record of one that a process of this machine trains, whose ``owner`` says it.

    Attributes:
        name: The launcher, such as ``slurm``.
        job: What the launcher calls it: the number of a job; empty while it has none.
        node: Machines that it is on; empty while it waits.
        state: The launcher's word for its state, such as ``PENDING``.
        reason: Why it waits, as the launcher says it (``Priority``), or was not accepted.
        why: The same in words.
        position: Place among those that wait where it does, 1 being the next; 0 where that is not known, or it waits no more.
        limit: Longest time that it may take, as the launcher writes it.
        meet: Address ``host:port`` where the processes of several nodes meet.
        over: Whether the launcher has nothing more to do with it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    job: str = ""
    node: str = ""
    state: str = ""
    reason: str = ""
    why: str = ""
    position: int = 0
    limit: str = ""
    meet: str = ""
    over: bool = False

    @property
    def title(self) -> str:
        """Launcher, job, state and place in a few words, for people."""
        name = self.name.upper()
        if not self.job:
            return f"{name}: {self.reason}" if self.reason else name
        where = f" on {self.node}" if self.node else ""
        waits = not self.over and not self.node
        place = f"place {self.position:,} in its partition" if self.position else ""
        words = ", ".join(filter(None, [place, self.why or self.reason])) if waits else ""
        why = f" ({words})" if words else ""
        limit = f", time limit {self.limit}" if self.limit and not self.over else ""
        return f"{name} job {self.job}, {self.state.lower().replace('_', ' ')}{where}{why}{limit}"


class DataInfo(BaseModel):
    """What the data set turned out to be when it was loaded; of what another program trained on, what it said.

    ``pixels`` is the fingerprint of the arrays, of images of files that were in memory; their ``fingerprint`` is that of the files'
    names and sizes, as of images that are streamed.
    """

    fingerprint: str
    pixels: str = ""
    kind: Literal["images", "features", "unknown"]
    input_shape: list[int]
    train_size: int
    test_size: int
    validation_size: int = 0
    notes: list[str] = []
    taxonomy: str | None = None


class Origin(BaseModel):
    """Where came from what no training here made.

    ``kind``: ``"table"`` for a file of label vectors, ``"checkpoint"`` for one tensor of a network's state, ``"series"`` for the same
    of a checkpoint for each epoch, ``"curves"`` and ``"predictions"`` for files of those. ``tensor``: its
    name there, empty where the file holds one alone. ``sha256`` is of the whole file. ``source``: the address, with the
    commit, that it was fetched from; empty for a file that somebody brought.
    """

    kind: Literal["table", "checkpoint", "series", "curves", "predictions"]
    file: str
    sha256: str
    tensor: str = ""
    shape: list[int]
    at: datetime
    source: str = ""


MAX_GROUP_NAME = 200  # characters


class ClassGroup(BaseModel):
    """Several classes under one name."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, max_length=MAX_GROUP_NAME)
    classes: tuple[str, ...] = Field(min_length=1)


class RunRecord(BaseModel):
    """The content of ``run.json``.

    ``ready_model`` is what the run's process analyses as it is, without training; None where it trains, or has no process here.
    ``groups`` are those of ``data.labels_from``: the classes of this run, each with the classes of the data that it holds.
    """

    model_config = ConfigDict(extra="ignore")

    format: int = paths.FORMAT
    id: str
    name: str = ""
    tags: list[str] = []
    status: Status = "queued"
    history: list[StatusChange] = []
    config: RunConfig
    ready_model: ReadyModelConfig | None = None
    created: datetime
    owner: Owner | None = None
    job: Job | None = None
    launcher: Launch | None = None
    archived: bool = False
    made_from: str = ""
    class_names: list[str] = []
    groups: list[ClassGroup] = []
    data: DataInfo | None = None
    label_dim: int | None = None
    parameters: int | None = None
    batches_per_epoch: int | None = None
    label_seconds: float | None = None
    output_seconds: float | None = None
    device: str = ""
    versions: dict[str, str] = {}
    best_epoch: int | None = None
    error: str = ""
    warnings: list[str] = Field(default=[])
    origin: Origin | None = None
    vectors: list[Literal["centroids", "features", "labels"]] = ["centroids", "labels"]

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the data; empty where it is not known."""
        return self.data.fingerprint if self.data else ""

    def moved_to(self, status: Status, reason: str = "") -> RunRecord:
        """A copy with another status and one more line of history."""
        change = StatusChange(status=status, at=datetime.now(UTC), reason=reason)
        return self.model_copy(update={"status": status, "history": [*self.history, change]})


def read_record(folder: Path) -> RunRecord:
    """Read ``run.json``.

    Raises:
        RunNotFound: The folder is not there.
        RunError: It is there and cannot be used; the message says why.
    """
    path = folder / paths.RECORD
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would be waited for, a device read without end
            raise RunError(f"{paths.RECORD} is no plain file.", "This is not a run's record.")
        if facts.st_size > MAX_RECORD_BYTES:
            raise RunError(
                f"{paths.RECORD} is larger than {MAX_RECORD_BYTES // 2**20} MiB.", "This is not a run's record."
            )
        values = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        if not folder.is_dir():
            raise RunNotFound(
                f"There is no run {folder.name!r}.", "Ids are listed by `lwal runs` and on the home page."
            ) from None
        raise RunError(f"{paths.RECORD} is missing.", "The folder is not a run, or its record was deleted.") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise RunError(f"{paths.RECORD} cannot be read: {error}.", "Restore it from a copy of the folder.") from None
    return parse_record(values, folder.name)


def parse_record(values: Any, folder_name: str = "") -> RunRecord:
    """A record from what ``run.json`` holds.

    Args:
        values: The parsed JSON.
        folder_name: The run folder's name, which becomes the id; empty keeps the record's own.

    Raises:
        RunError: It is no record, or of a newer format; the message says why.
    """
    if not isinstance(values, dict) or "format" not in values:
        raise RunError(f"{paths.RECORD} is not a run's record.", "It has no field 'format'.")
    version = values["format"]
    if not isinstance(version, int) or not 1 <= version <= paths.FORMAT:
        raise RunError(
            f"{paths.RECORD} has format {version!r}; this version reads up to {paths.FORMAT}.",
            "Open it with a newer LwAL Explorer.",
        )
    try:
        config = RunConfig.parse(values.get("config") or {})
        record = _with_plain_names(RunRecord.model_validate({**values, "config": config}))
    except (ValidationError, ConfigError) as error:
        first = str(error).splitlines()
        raise RunError(
            f"{paths.RECORD} has wrong fields: {'; '.join(first)[:300]}.", "Restore it from a copy of the folder."
        ) from None
    if folder_name and record.id != folder_name:
        # A copied or renamed folder: the folder's name is what links and commands say.
        record = record.model_copy(update={"id": folder_name})
    return record


def _with_plain_names(record: RunRecord) -> RunRecord:
    """The record with names that can be shown, whoever wrote the file."""
    if all(text.isprintable() for text in (record.name, *record.tags, *record.class_names)):
        return record
    changes = {"name": printable(record.name), "tags": [printable(tag) for tag in record.tags],
               "class_names": [printable(name) for name in record.class_names]}  # fmt: skip
    return record.model_copy(update=changes)


def write_record(folder: Path, record: RunRecord) -> None:
    """Replace ``run.json`` atomically."""
    write_json(folder / paths.RECORD, record.model_dump(mode="json"))


@contextmanager
def record_lock(folder: Path) -> Iterator[None]:
    """Held while ``run.json`` is read, changed and written, so that the training process and a person who renames the
    run do not undo each other's change.

    Raises:
        RunNotFound: The folder is not there.
        LockTimeoutError: Another process does not give it free.
    """
    if not folder.is_dir():
        raise RunNotFound(f"There is no run {folder.name!r}.", "Ids are listed by `lwal runs` and on the home page.")
    with file_lock(folder / paths.RECORD_LOCK, subject=f"The record of run {folder.name}"):
        yield


def change_record(folder: Path, change: Callable[[RunRecord], RunRecord]) -> RunRecord:
    """Read ``run.json``, change it and write it, with nobody else in between.

    Args:
        folder: The run folder.
        change: Given the record as it is now; what it returns is written, unless it is the same object.

    Returns:
        The record as it is afterwards.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("change a run")
    with record_lock(folder):
        before = read_record(folder)
        after = change(before)
        if after is not before:
            write_record(folder, after)
        return after
