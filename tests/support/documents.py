"""The documents as the tests read them: their blocks and what marks them, their headings, their links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<language>\w*)[^\n`]*\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what its comment says (``runnable``, ``file: NAME`` or nothing), what is in it."""

    place: str
    mark: str
    language: str
    code: str

    @property
    def commands(self) -> str:
        """Its commands as a shell takes them: of a console's block the lines behind the prompt."""
        if self.language != "console":
            return self.code
        return "".join(line[2:] + "\n" for line in self.code.splitlines() if line.startswith("$ "))


def documents() -> list[Path]:
    """Everything that people read, the introduction first."""
    return [
        *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")),
        *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "README.md"),
    ]


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            f"{document.relative_to(ROOT)}:{text.count(chr(10), 0, match.start('code')) + 1}",
            match["mark"] or "",
            match["language"],
            match["code"],
        )
        for match in _FENCE.finditer(text)
    ]


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    """Where links and pictures of a document lead."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(document)))


def anchors(document: Path) -> set[str]:
    """What can stand behind # for each heading: lower case, without punctuation, blanks as hyphens."""
    titles = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in _HEADING.findall(prose(document)))
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}
