"""SECURITY.md: each section has claims with tests, each test that is named is there, and each file of tests/security is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
WITHOUT = {"Checked by", "What this does not protect from", "Reporting"}
FILE = re.compile(r"`([\w/]+\.py)`: ((?:`test_\w+`(?:, )?)+)")
TABLES = TEXT.partition("## Checked by\n")[2].partition("\n## ")[0]
ROWS = [
    line.strip("| ").split(" | ") for line in TABLES.splitlines() if line.startswith("| ") and "| claim |" not in line
]


def found_in(path: Path) -> set[str]:
    """Names of the tests of a file, also of those in classes."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def named() -> list[tuple[str, str]]:
    """File and test, as the tables name them."""
    return [
        (file, test)
        for _, tests in ROWS
        for file, names in FILE.findall(tests)
        for test in re.findall(r"test_\w+", names)
    ]


@pytest.mark.parametrize(("file", "test"), named())
def test_a_test_that_is_named_is_there(file: str, test: str) -> None:
    assert test in found_in(ROOT / "tests" / file)


def test_rows_have_a_claim_and_nothing_but_tests() -> None:
    assert len(ROWS) > 40 and len(named()) > 100
    for row in ROWS:
        assert len(row) == 2 and row[0], row
        assert not FILE.sub("", row[1]).strip("; "), row


def test_each_section_has_its_claims() -> None:
    sections = set(re.findall(r"^## (.+)$", TEXT, re.M)) - WITHOUT
    assert sections == set(re.findall(r"^\*\*(.+)\*\*$", TABLES, re.M))


def test_each_file_of_attacks_is_named() -> None:
    files = {f"security/{path.name}" for path in (ROOT / "tests" / "security").glob("test_*.py")}
    assert files <= {file for file, _ in named()}
