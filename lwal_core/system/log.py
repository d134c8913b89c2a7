"""Log: one line per event, as text or, with ``LWAL_LOG=json``, as JSON.

App, worker and trainings call :func:`set_up` once; what happens is told by :func:`event`. Until then an event is heard by
nobody, so that commands print their own words alone. Names, paths and reasons come from anywhere: no text of an event can
begin a second line, change colours or carry a password.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from lwal_core.sanitize import encodable, printable
from lwal_core.security.identity import current_user
from lwal_core.security.redact import redacted
from lwal_core.settings import settings

MAX_CHARACTERS = 2_000
_LOGGER = logging.getLogger("lwal")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False


def set_up(stream: TextIO | None = None) -> None:
    """Write events from now on; called again it changes nothing but where to.

    Args:
        stream: Where to; standard error when left out.

    Raises:
        SettingsError: ``LWAL_LOG`` is neither text nor json.
    """
    form: logging.Formatter = JsonLines() if settings().log == "json" else PlainLines()
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(form)
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(logging.INFO)


def event(name: str, sentence: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Tell that something happened.

    Args:
        name: What, in two words with a point between, such as ``"job.started"``; machines look for it.
        sentence: The same for people.
        level: One of :mod:`logging`.
        facts: What belongs to it, such as ``run="..."`` or ``seconds=1.5``; None is left out.
    """
    if not _LOGGER.isEnabledFor(level):
        return
    person = current_user()
    if person is not None and person.address:
        facts.setdefault("user", person.address)
    # Half a surrogate pair, as a file's name may hold, would stop whatever other handler writes the event in UTF-8.
    known = {key: encodable(v) if isinstance(v, str) else v for key, v in facts.items() if v is not None}
    _LOGGER.log(level, "%s", encodable(sentence), extra={"event_name": name, "facts": known})


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment, as a stream that was replaced may be closed."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class JsonLines(logging.Formatter):
    """``{"time": ..., "level": ..., "event": ..., "message": ..., ...}``, ASCII only, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object on one line, without passwords."""
        facts = getattr(record, "facts", {})
        values = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event_name", "log"),
            "message": _covered(record.getMessage()),
            **{key: _covered(value) for key, value in facts.items()},
        }
        if record.exc_info:
            values["exception"] = redacted(self.formatException(record.exc_info))
        # Escaped to ASCII: some readers take U+2028 or U+0085 for the end of a line.
        return json.dumps(values, ensure_ascii=True, allow_nan=False, default=str)


class PlainLines(logging.Formatter):
    """``HH:MM:SS sentence``, in the machine's time; characters that cannot be seen are blanks."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of text, without passwords."""
        user = getattr(record, "facts", {}).get("user")
        text = str(_covered(record.getMessage()))
        if user and str(_covered(user)) not in text:
            text += f" ({_covered(user)})"
        return f"{datetime.fromtimestamp(record.created):%H:%M:%S} {printable(text)}"


class OthersLines(logging.Formatter):
    """Text of another library's log: its own first line, those of a traceback indented below, so that no text of an error
    looks like a line of its own; characters that cannot be seen are blanks.

    Args:
        form: How that library formats its lines.
    """

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__()
        self.form = form

    def format(self, record: logging.LogRecord) -> str:
        """One line or several, without passwords."""
        text = redacted(self.form.format(record))
        return "\n    ".join(printable(line) for line in text.split("\n"))


def _covered(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)[:MAX_CHARACTERS]
    if isinstance(value, float) and not (value == value and abs(value) != float("inf")):
        return None
    return value if isinstance(value, int | float | bool) else redacted(str(value))[:MAX_CHARACTERS]
