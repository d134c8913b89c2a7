"""Every variable that is read anywhere is known, told in one table, and read somewhere."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

from lwal_core.settings import VARIABLES, misspelt_variables

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bLWAL_[A-Z]+(?:_[A-Z]+)*\b")


def in_code() -> dict[str, set[str]]:
    """Names in strings of the program and in what starts it, with their files."""
    found: dict[str, set[str]] = {}
    files = [path for folder in ("lwal_core", "app", "pages") for path in (ROOT / folder).rglob("*.py")]
    others = [ROOT / "Dockerfile", ROOT / "compose.yaml", *(ROOT / "deploy").iterdir()]
    assert len(files) > 200 and len(others) > 4
    for path in [*files, *others]:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
            text = "\n".join(token.string for token in tokens if token.type in kinds)
        if path.name != "environment.py":
            for name in NAME.findall(text):
                found.setdefault(name, set()).add(path.name)
    return found


def test_the_list_is_what_the_code_reads() -> None:
    assert set(in_code()) == set(VARIABLES)


def test_all_of_them_are_in_the_one_table() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("## Environment\n")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in NAME.findall(row.split("|")[1])]
    assert sorted(named) == sorted(VARIABLES)
    assert all(row.count("|") == 4 and row.split("|")[3].strip() for row in rows)


def test_a_misspelt_one_is_told_with_the_likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not misspelt_variables()
    monkeypatch.setenv("LWAL_READONLY", "1")
    monkeypatch.setenv("LWAL_XQZ", "1")
    assert misspelt_variables() == {"LWAL_READONLY": "LWAL_READ_ONLY", "LWAL_XQZ": ""}
