"""Messages over a socket: back as they were, and refused before anything large is read."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import InferenceError
from lwal_core.inference.answer import Answer, Question
from lwal_core.inference.protocol import MAX_FACTS_BYTES, Message, ProtocolError, receive, send
from lwal_core.inference.socket_path import LONGEST_PATH, SOCKET, server_folder


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    b.settimeout(5)
    yield a, b
    a.close()
    b.close()


def test_a_message_comes_back_as_it_was(pair: tuple[socket.socket, socket.socket]) -> None:
    for message in (Message({}), Message({"a": [1, "ü", None]}, b"\x00\xff" * 1000)):
        send(pair[0], message)
        assert receive(pair[1], 2_000) == message


def test_too_much_is_refused_by_its_length(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(struct.pack(">II", 2, 101))
    with pytest.raises(ProtocolError, match="at most 100"):
        receive(pair[1], 100)
    pair[0].sendall(struct.pack(">II", MAX_FACTS_BYTES + 1, 0))
    with pytest.raises(ProtocolError):
        receive(pair[1], 100)


@pytest.mark.parametrize("facts", [b"", b"{", b"[1]", b"\xff", b"null"])
def test_what_is_no_object_is_refused(pair: tuple[socket.socket, socket.socket], facts: bytes) -> None:
    pair[0].sendall(struct.pack(">II", len(facts), 0) + facts)
    with pytest.raises(ProtocolError):
        receive(pair[1], 100)


def test_a_message_that_is_cut_is_no_message(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(struct.pack(">II", 2, 10) + b"{}12345")
    pair[0].close()
    with pytest.raises(EOFError):
        receive(pair[1], 100)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_a_message(content: bytes) -> None:
    a, b = socket.socketpair()
    b.settimeout(5)
    try:
        a.sendall(content)
        a.close()
        assert isinstance(receive(b, 1_000), Message)
    except (ProtocolError, EOFError):
        pass
    finally:
        b.close()


def test_a_question_comes_back() -> None:
    question = Question("a-run", "test", 7, True, b"bytes")
    assert Question.read(question.message()) == question


@pytest.mark.parametrize(
    "change", [{"op": "other"}, {"run": 3}, {"source": "disk"}, {"index": "1"}, {"invert": None}, {"index": 1.5}]
)
def test_what_is_no_question_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Question.read(Message({**Question("a").message().facts, **change}))


@pytest.mark.parametrize("full", [True, False])
def test_an_answer_comes_back(full: bool) -> None:
    numbers = np.arange(3, dtype=np.float32)
    answer = Answer(
        4, numbers, numbers + 1, numbers + 2 if full else None, 0, 1, "nearest label", numbers if full else None,
        np.zeros((2, 5, 1), dtype=np.uint8), ("One.", "Two."), 2 if full else None, "hint", "cpu",
    )  # fmt: skip
    back = Answer.read(answer.message())
    for field in ("epoch", "by_mean", "by_rule", "rule", "steps", "true_class", "hint", "device"):
        assert getattr(back, field) == getattr(answer, field)
    for field in ("z", "to_means", "to_labels", "probabilities", "seen"):
        a, b = getattr(answer, field), getattr(back, field)
        assert (a is None and b is None) or (a.dtype == b.dtype and (a == b).all())
    with pytest.raises(ProtocolError):
        Answer.read(answer.message()._replace(data=b"nothing"))
    with pytest.raises(ProtocolError):
        Answer.read(Message({"steps": []}, answer.message().data))


def test_the_folder_is_private(home: Path) -> None:
    folder = server_folder()
    assert folder == home / "inference" and stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)  # by whatever copied the home
    assert stat.S_IMODE(server_folder().stat().st_mode) == 0o700


def test_a_home_deep_down_has_its_socket_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    folder = server_folder(deep)
    assert folder.parent == tmp_path / "t" and folder != server_folder(deep / "other")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and folder == server_folder(deep)
    with socket.socket(socket.AF_UNIX) as listener:
        if len(os.fsencode(folder / SOCKET)) <= LONGEST_PATH:
            listener.bind(str(folder / SOCKET))


def test_a_folder_that_is_a_link_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.mkdir()
    (home / "inference").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InferenceError, match="no folder of yours"):
        server_folder()


def test_a_home_that_cannot_be_written_is_said(home: Path) -> None:
    home.write_text("a file where the home should be")
    with pytest.raises(InferenceError, match="cannot be made"):
        server_folder()
