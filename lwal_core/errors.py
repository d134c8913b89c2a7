"""Error classes: cause, value and way out in one sentence.

Every error that a user can cause is a :class:`LwalError`. Its message names the value that was given and the rule that
it broke; its hint says what to do. The command line prints both on one line, the pages show the message with the hint
below.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence

from lwal_core.sanitize import printable, without_middle

MAX_SAID = 4_000
"""Characters of a message: it may quote a path, or what a file holds, which has no end of its own."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of an object, in a parser's own words


class LwalError(Exception):
    """Base of all errors that are meant for people.

    Whatever of the two was quoted from elsewhere is made plain here, for all who say it: no control characters, and no
    more than :data:`MAX_SAID` characters.

    Args:
        message: What was given and which rule it broke, one sentence.
        hint: What to do about it, one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = _plain(message)
        self.hint = _plain(hint)
        super().__init__(f"{self.message} {self.hint}".strip())


class ConfigError(LwalError):
    """A run configuration breaks one or several rules; ``problems`` lists all of them as ``(field, sentence)``."""

    def __init__(self, problems: list[tuple[str, str]], hint: str = "") -> None:
        self.problems = [(_plain(field), _plain(sentence)) for field, sentence in problems]
        said = (f"{field}: {sentence}" if field else sentence for field, sentence in self.problems)
        super().__init__("; ".join(said), hint)


class SettingsError(LwalError):
    """Variables of the environment hold wrong values: one line per variable with its name, the value and what is
    allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems), "")


class StorageError(LwalError):
    """A file or folder cannot be used, in the system's words."""

    def __init__(self, error: OSError) -> None:
        reason = error.strerror or str(error) or type(error).__name__
        where = next((str(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)), "")
        super().__init__(f"{where}: {reason}." if where else f"{reason}.", _STORAGE_HINTS.get(error.errno or 0, ""))


def foreseen(error: Exception) -> LwalError | None:
    """What a reader is told of an error: its own words, or those of a disk that is full, read-only or gone; None for an
    error that nobody foresaw."""
    if isinstance(error, LwalError):
        return error
    return StorageError(error) if isinstance(error, OSError) and error.errno in _STORAGE else None


_STORAGE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ENOTCONN}
)
_STORAGE_HINTS = {
    errno.ENOSPC: "`lwal delete RUN` and `lwal gc --yes` free space.",
    errno.EDQUOT: "`lwal delete RUN` and `lwal gc --yes` free space.",
    errno.EROFS: "Set LWAL_HOME to a folder that can be written, or LWAL_READ_ONLY=1 to look only.",
    errno.EACCES: "Set LWAL_HOME to a folder of your own, or ask whoever owns this one.",
}


class DataError(LwalError):
    """A data set cannot be used: missing, unreadable, inconsistent, or too small."""


class RunError(LwalError):
    """A run folder is damaged, foreign, or written by a newer format."""


class RunNotFound(RunError):
    """No run has this id."""


class TrainingError(LwalError):
    """A training cannot start or cannot go on."""


class InferenceError(LwalError):
    """A trained model cannot be asked about an image, or the image cannot be shown to it."""


class AnalysisError(LwalError):
    """An analysis was asked for something that is not defined for its input."""


class ExportError(LwalError):
    """A file cannot be written in the format that was asked for."""


class ImportFileError(DataError):
    """A file that somebody brought cannot be read as what it claims to be."""


def _plain(text: str) -> str:
    return without_middle(printable(_ADDRESS.sub("", text), keep="\n"), MAX_SAID)
