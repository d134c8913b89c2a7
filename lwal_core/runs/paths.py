"""File names of a run folder, and the place of run folders.

Nothing outside :mod:`lwal_core.runs` knows a file name of the run folder (format 2).
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lwal_core.errors import RunNotFound
from lwal_core.settings import settings

FORMAT = 2
"""Version of the run folder that this code writes; older ones are read, newer ones are refused by name."""

RECORD = "run.json"
METRICS = "metrics.jsonl"
PROGRESS = "progress.json"
LABELS = "labels"
TESTED = "tested"
EVALUATION = "eval.safetensors"
SAMPLES = "samples.npz"
MODEL = "model"
CHECKPOINT = "checkpoint"
ANNOTATIONS = "annotations.json"
CUTS = "cuts.json"
COLUMNS = "columns.json"
PUSHED = "pushed"
LOG = "log.txt"
SKIPPED = "skipped.csv"
LOCK = ".lock"
RECORD_LOCK = ".record.lock"
RESERVE = ".reserve"
PULSE = "pulse.json"
DELETED = "deleted.json"

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_EPOCH_FILE = re.compile(r"epoch-([0-9]{4,6})\.safetensors")


def home(path: str | os.PathLike[str] | None = None) -> Path:
    """Folder of everything that this installation keeps: ``path``, else ``$LWAL_HOME``, else ``./var``; absolute."""
    return Path(path or settings().home).expanduser().resolve()


def make_home(path: str | os.PathLike[str] | None = None) -> Path:
    """The home, made with access for its user alone where it is missing; one that is there is left as it is.

    The folder that it lies in is never made: where that is missing, the path is most likely mistyped.

    Raises:
        OSError: It cannot be made; FileNotFoundError where the folder that it would lie in is missing.
    """
    folder = home(path)
    if not folder.is_dir():
        with suppress(FileExistsError):  # made by another process just now, or a file, which the next write says
            folder.mkdir(mode=0o700)
    return folder


def runs_folder(home_path: str | os.PathLike[str] | None = None) -> Path:
    """Folder that holds one folder per run."""
    return home(home_path) / "runs"


def run_folder(run_id: str, home_path: str | os.PathLike[str] | None = None) -> Path:
    """Folder of a run. The id is checked first, so that no text from a link or a file ever becomes a path.

    Raises:
        RunNotFound: ``run_id`` does not look like an id. Whether the folder exists is not checked here.
    """
    if not isinstance(run_id, str) or not _ID.fullmatch(run_id):
        raise RunNotFound(
            f"{str(run_id)[:80]!r} is not a run id.", "Ids are listed by `lwal runs` and on the home page."
        )
    return runs_folder(home_path) / run_id


def new_id(*words: str) -> str:
    """A fresh id that sorts by time and says what it is, e.g. ``20260131-101502-lwal10-digits-12-k3f9``."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    text = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")[:50].strip("-")
    return "-".join(part for part in (stamp, text, secrets.token_hex(3)) if part)


def fresh_id(taken: str) -> str:
    """An id like one that another run has already."""
    return f"{taken[:73]}-{secrets.token_hex(3)}"


@contextmanager
def new_folder(home_path: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """A hidden folder beside the runs in which a run can be made ready; gone afterwards unless it was placed."""
    make_home(home_path)
    root = runs_folder(home_path)
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place_folder(folder: Path, target: Path) -> None:
    """Make a folder that is ready the folder of a run, in one step."""
    folder.chmod(0o755 & target.parent.stat().st_mode)
    os.rename(folder, target)


def label_file(folder: Path, epoch: int) -> Path:
    """File of the label snapshot of an epoch."""
    return folder / LABELS / f"epoch-{epoch:04d}.safetensors"


def label_epochs(folder: Path) -> list[int]:
    """Epochs that have a label snapshot, ascending."""
    return _epochs_in(folder / LABELS)


def tested_file(folder: Path, epoch: int) -> Path:
    """File of the sample of the test set as an epoch sees it."""
    return folder / TESTED / f"epoch-{epoch:04d}.safetensors"


def tested_epochs(folder: Path) -> list[int]:
    """Epochs that have one, ascending."""
    return _epochs_in(folder / TESTED)


def _epochs_in(folder: Path) -> list[int]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(int(m.group(1)) for m in map(_EPOCH_FILE.fullmatch, names) if m)
