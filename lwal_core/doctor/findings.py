"""Findings of ``lwal doctor``: one line each, with its fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lwal_core.security.redact import redacted


@dataclass(frozen=True)
class Finding:
    """One line of a report. Passwords in its texts are covered.

    Attributes:
        subject: What was looked at, one word.
        level: ``"ok"``, ``"warning"``: works and will not for long or not well; ``"problem"``: does not work.
        text: What was found.
        fix: What to do; empty when all is well.
        counts: Numbers for machines.
    """

    subject: str
    level: Literal["ok", "warning", "problem"]
    text: str
    fix: str = ""
    counts: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", redacted(self.text))
        object.__setattr__(self, "fix", redacted(self.fix))
