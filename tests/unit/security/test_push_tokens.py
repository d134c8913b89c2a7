"""Tokens that runs are pushed with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.errors import LwalError
from lwal_core.security.push_tokens import name_of, new_token, pushes_taken


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LWAL_PUSH_TOKENS", str(tmp_path / "tokens"))
    return tmp_path / "tokens"


def test_a_token_is_known_as_long_as_its_line_is_there(file: Path) -> None:
    (token, line), (other, second) = new_token("cluster"), new_token("laptop")
    assert name_of(token) is None
    file.write_text(f"# tokens\n{line}\n\n  {second}  \n")
    assert (name_of(token), name_of(other), name_of(token + "x"), name_of("")) == ("cluster", "laptop", None, None)
    file.write_text(second)
    assert (name_of(token), name_of(other)) == (None, "laptop")


def test_the_file_holds_hashes_alone() -> None:
    token, line = new_token("a.b-c_1")
    assert token not in line and line == f"a.b-c_1 {hashlib.sha256(token.encode()).hexdigest()}"
    assert len({new_token("a")[0] for _ in range(20)}) == 20 and len(token) >= 43  # 256 bits


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a\nb 0", "x" * 61, "ä", "a/b"])
def test_names_of_tokens(name: str) -> None:
    with pytest.raises(LwalError, match="no name of a token"):
        new_token(name)


@given(st.binary(max_size=300))
def test_a_file_that_is_none_lets_nobody_in(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert name_of("A" * 43) is None


def test_without_a_file_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LWAL_PUSH_TOKENS", raising=False)
    assert not pushes_taken() and name_of("A" * 43) is None
