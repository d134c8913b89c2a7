"""A model hub played by a server of this machine, as the hub's own documentation says that it answers. No hub is asked."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lwal_core.cli.main import main
from lwal_core.errors import ImportFileError, LwalError, SettingsError
from lwal_core.imports import examine, hub
from lwal_core.runs import list_runs, open_run
from lwal_core.security.permissions import MAX_UPLOAD, READ_ONLY, ReadOnlyError
from tests.support.hub_server import COMMIT, TABLE, WEIGHTS, Hub, played_hub


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with played_hub() as running:
        monkeypatch.setenv(hub.HUB_HOSTS, running.host)
        yield running


def listing(played: Hub, rest: str = "") -> hub.HubListing:
    return hub.list_files(hub.parse_address(f"http://{played.host}/org/repo{rest}"))


def test_what_an_address_names() -> None:
    def parsed(text: str) -> tuple[str, str, str]:
        found = hub.parse_address(text)
        return found.repo, found.revision, found.file

    at = "https://huggingface.co"
    assert parsed(f"{at}/org/repo") == parsed(f"  {at}/org/repo/ ") == ("org/repo", "main", "")
    assert parsed("HTTPS://HuggingFace.co/gpt2") == ("gpt2", "main", "")
    assert parsed(f"{at}/org/repo/tree/v1.0") == ("org/repo", "v1.0", "")
    assert parsed(f"{at}/org/repo/blob/main/sub/a.npy") == ("org/repo", "main", "sub/a.npy")
    assert parsed(f"{at}/org/repo/resolve/{COMMIT}/a.npy?download=true") == ("org/repo", COMMIT, "a.npy")
    assert parsed(f"{at}/gpt2/blob/main/a%20b.csv") == ("gpt2", "main", "a b.csv")


@pytest.mark.parametrize(
    "text",
    ["http://huggingface.co/org/repo", "https://evil.example/org/repo", "https://huggingface.co.evil.example/org/repo",
     "https://huggingface.co@evil.example/org/repo", "https://user:word@huggingface.co/org/repo",
     "https://huggingface.co:8443/org/repo",
     "https://127.0.0.1/org/repo", "http://127.0.0.1:22/org/repo", "http://169.254.169.254/latest/meta-data",
     "http://[::1]/org/repo",
     "https://cdn-lfs.huggingface.co/org/repo", "https://hf.co/org/repo", "ftp://huggingface.co/org/repo", "file:///etc/passwd",
     "https://huggingface.co", "https://huggingface.co/datasets/org/repo", "https://huggingface.co/org/repo/settings",
     "https://huggingface.co/../org", "https://huggingface.co/org/repo/blob/main/../../x.npy",
     "https://huggingface.co/org/repo/tree/a/b.npy",
     "https://huggingface.co/org/repo/blob/main/%2e%2e/x.npy", "https://huggingface.co/org/re%0d%0apo",
     "https://huggingface.co/org/repo/blob/ma in/x.npy",
     "https://huggingface.co:99999/org/repo", "https://[/org", "https://ｈuggingface.co/org/repo"],
)  # fmt: skip
def test_what_is_no_address_of_a_hub(text: str) -> None:
    with pytest.raises(ImportFileError):
        hub.parse_address(text)


@given(some.text(max_size=80))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    for whole in (text, f"https://huggingface.co/{text}"):
        try:
            found = hub.parse_address(whole)
        except ImportFileError:
            continue
        assert found.host == "huggingface.co" and ".." not in found.file.split("/") and found.repo.count("/") <= 1


@pytest.mark.parametrize("hosts", ["http://a.example", "a.example/x", "a b", "*", "ä.example", "-"])
def test_hosts_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    monkeypatch.setenv(hub.HUB_HOSTS, hosts)
    with pytest.raises(SettingsError, match=hub.HUB_HOSTS):
        hub.hub_hosts()


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_the_files_that_can_be_read(played: Hub, page: int) -> None:
    played.page = page
    found = listing(played)
    assert found.commit == COMMIT and [file.path for file in found.files] == ["sub/model.safetensors", "vectors.csv"]
    assert found.files[0].sha256 == hashlib.sha256(WEIGHTS).hexdigest() and found.files[1].git


@pytest.mark.parametrize(("file", "data"), [("vectors.csv", TABLE), ("sub/model.safetensors", WEIGHTS)])
def test_a_file_comes_once_and_whole(played: Hub, tmp_path: Path, file: str, data: bytes) -> None:
    found = listing(played, f"/blob/v1/{file}")
    path = hub.fetch(found, hub.choose(found), tmp_path)
    assert path.read_bytes() == data and path.is_relative_to(tmp_path)
    before = len(played.asked)
    assert hub.fetch(found, hub.choose(found), tmp_path) == path and len(played.asked) == before


def test_class_names_come_with_a_checkpoint(played: Hub, tmp_path: Path) -> None:
    names = ["ant", "bee", "cat", "dog"]
    played.files["sub/config.json"] = json.dumps({"id2label": dict(enumerate(names))}).encode()
    played.files["config.json"] = b"{}"
    found = listing(played)
    assert [file.path for file in found.files] == ["sub/model.safetensors", "vectors.csv"]
    path = hub.fetch(found, found.files[0], tmp_path)
    assert examine(path).names == tuple(names)
    before = len(played.asked)
    hub.fetch(found, found.files[0], tmp_path)
    assert len(played.asked) == before
    played.files["sub/config.json"] = b"{}" + b" " * (len(played.files["sub/config.json"]) - 2)
    with pytest.raises(ImportFileError, match="another content"):
        hub.fetch(found, found.files[0], tmp_path / "again")


def test_several_files_are_named(played: Hub) -> None:
    with pytest.raises(ImportFileError, match=r"2 files.*sub/model.safetensors, vectors.csv"):
        hub.choose(listing(played))
    with pytest.raises(ImportFileError, match="not among"):
        hub.choose(listing(played, "/blob/main/README.md"))
    played.files = {"README.md": b""}
    with pytest.raises(ImportFileError, match="no file"):
        hub.choose(listing(played))


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/x", "http://169.254.169.254/latest", "https://evil.example/x", "file:///etc/passwd",
     "//evil.example/x",
     "http://localhost:{port}/x", "http://127.0.0.1/x", "gopher://127.0.0.1:{port}/x",
     "http://user@127.0.0.1:{port}/x", "https://127.0.0.1:{port}/x"],
)  # fmt: skip
def test_no_redirect_leads_elsewhere(played: Hub, tmp_path: Path, target: str) -> None:
    found = listing(played, "/blob/main/vectors.csv")
    where = {"Location": target.replace("{port}", played.host.partition(":")[2])}
    played.answers[f"/org/repo/resolve/{COMMIT}/vectors.csv"] = 302, where, b""
    before = len(played.asked)
    with pytest.raises(ImportFileError, match=r"not among the hubs|https only"):
        hub.fetch(found, hub.choose(found), tmp_path)
    assert len(played.asked) == before + 1 and not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_redirects_end(played: Hub, tmp_path: Path) -> None:
    found = listing(played, "/blob/main/vectors.csv")
    path = f"/org/repo/resolve/{COMMIT}/vectors.csv"
    played.answers[path] = 302, {"Location": path}, b""
    with pytest.raises(ImportFileError, match="one address to the next"):
        hub.fetch(found, hub.choose(found), tmp_path)


def test_where_the_hub_itself_may_lead() -> None:
    for url, allowed in {
        "https://cdn-lfs-us-1.hf.co/x": True, "https://cas-bridge.xethub.hf.co/x": True, "https://cdn-lfs.huggingface.co/x": True,
        "https://huggingface.co/api/resolve-cache/x": True, "http://cdn-lfs.hf.co/x": False, "https://evilhf.co/x": False,
        "https://hf.co.evil.example/x": False, "https://cdn-lfs.hf.co:8080/x": False, "https://127.0.0.1/x": False,
    }.items():  # fmt: skip
        parts = hub._split(url)
        if allowed:
            hub._allowed(parts, (hub.DEFAULT_HOST,), hub.DELIVERY[hub.DEFAULT_HOST])
        else:
            with pytest.raises(ImportFileError):
                hub._allowed(parts, (hub.DEFAULT_HOST,), hub.DELIVERY[hub.DEFAULT_HOST])


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (TABLE[:-1] + b"!", {}, "another content"),
        (TABLE[:-3], {}, "another content"),
        (TABLE * 2, {}, "More than"),
        (TABLE[:5], {"Content-Length": "34"}, "another content|broke off"),
        (b"", {}, "another content"),
    ],
)
def test_a_file_that_is_not_what_the_hub_lists(
    played: Hub, tmp_path: Path, body: bytes, headers: dict[str, str], said: str
) -> None:
    found = listing(played, "/blob/main/vectors.csv")
    played.answers[f"/org/repo/resolve/{COMMIT}/vectors.csv"] = 200, headers, body
    with pytest.raises(ImportFileError, match=said):
        hub.fetch(found, hub.choose(found), tmp_path)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_file_that_is_too_large_is_not_asked_for(
    played: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.files["large.npy"] = b"\0" * (2**20 + 1)
    monkeypatch.setenv(MAX_UPLOAD, "1")
    found = listing(played, "/blob/main/large.npy")
    before = len(played.asked)
    with pytest.raises(LwalError, match="at most 1 MB"):
        hub.fetch(found, hub.choose(found), tmp_path)
    assert len(played.asked) == before


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"sha": 7}', b'{"sha": "../../x"}', b'{"sha": null}', b"\xff"]
)
def test_who_does_not_answer_as_a_hub(played: Hub, body: bytes) -> None:
    played.answers["/api/models/org/repo/revision/main"] = 200, {}, body
    with pytest.raises(ImportFileError):
        listing(played)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_refusal_is_told(played: Hub, status: int) -> None:
    played.answers["/api/models/org/repo/revision/main"] = status, {}, b""
    with pytest.raises(ImportFileError, match=str(status)):
        listing(played)


def test_entries_that_are_none_are_left_out(played: Hub) -> None:
    good = next(entry for entry in played.entries() if entry["path"] == "vectors.csv")
    bad: list[object] = [
        None, 7, [], {}, {**good, "path": "../x.csv"}, {**good, "path": "/etc/x.csv"}, {**good, "path": "a\\b.csv"},
        {**good, "path": "a\nb.csv"}, {**good, "size": -1}, {**good, "size": "9"}, {**good, "oid": "x"}, {**good, "oid": None},
        {**good, "lfs": {"oid": "y"}}, {**good, "lfs": {"oid": 5}}, {**good, "type": "directory"}, {**good, "path": "x.exe"},
    ]  # fmt: skip
    played.answers[f"/api/models/org/repo/tree/{COMMIT}?recursive=true"] = 200, {}, json.dumps([*bad, good]).encode()
    assert [file.path for file in listing(played).files] == ["vectors.csv"]


def test_nobody_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hub.HUB_HOSTS, "127.0.0.1:9")
    with pytest.raises(ImportFileError, match="cannot be reached"):
        hub.list_files(hub.parse_address("http://127.0.0.1:9/org/repo"))


def test_who_sends_too_slowly_is_left(played: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = listing(played, "/blob/main/vectors.csv")
    monkeypatch.setattr(hub, "MOST_SECONDS", -1.0)
    with pytest.raises(ImportFileError, match="seconds"):
        hub.fetch(found, hub.choose(found), tmp_path)


class Dripping:
    """A hub that says something every moment and comes to no end: in the head of its answer, in its body, or before TLS."""

    def __init__(self, first: bytes, then: bytes) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self.first, self.then = first, then
        threading.Thread(target=self._drip, daemon=True).start()

    def _drip(self) -> None:
        with suppress(OSError):
            while True:
                opened, _ = self.listening.accept()
                with opened, suppress(OSError):
                    opened.sendall(self.first)
                    while True:
                        opened.sendall(self.then)
                        time.sleep(0.02)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nA: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b" "),
        (b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", b"\0"),  # the hello of a server of TLS, of 16,380 bytes
    ],
)
def test_a_hub_that_comes_to_no_end_is_left_in_time(
    monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes, scheme: str
) -> None:
    dripping = Dripping(first, then)
    monkeypatch.setenv(hub.HUB_HOSTS, dripping.host)
    monkeypatch.setattr(hub, "_scheme", lambda host: scheme)
    monkeypatch.setattr(hub, "LIST_SECONDS", 0.3)
    began = time.monotonic()
    with dripping.listening, pytest.raises(ImportFileError, match=r"more than 0 seconds|reached"):
        hub.list_files(hub.parse_address(f"{scheme}://{dripping.host}/org/repo"))
    assert time.monotonic() - began < 15  # it would drip for hours


def test_pages_of_a_listing_have_one_end_in_common(played: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page alone comes in time."""
    played.files |= {f"{i}.csv": TABLE for i in range(9)}
    played.page, answer = 1, played.answer

    def slowly(path: str) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.1)
        return answer(path)

    played.answer = slowly  # type: ignore[method-assign]
    monkeypatch.setattr(hub, "LIST_SECONDS", 0.5)
    with pytest.raises(ImportFileError, match="more than"):
        listing(played)
    assert 3 <= len(played.asked) <= 6


def test_read_only_mode_fetches_nothing(played: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = listing(played, "/blob/main/vectors.csv")
    monkeypatch.setenv(READ_ONLY, "1")
    before = len(played.asked)
    with pytest.raises(ReadOnlyError):
        hub.fetch(found, hub.choose(found), tmp_path)
    assert len(played.asked) == before and list(tmp_path.rglob("*.csv")) == []


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lwal", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("file", ["vectors.csv", "sub/model.safetensors"])
def test_the_command_remembers_where_it_is_from(
    played: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], file: str
) -> None:
    assert command(monkeypatch, "import", f"http://{played.host}/org/repo/blob/main/{file}") == 0
    run = open_run(capfd.readouterr().out.strip())
    origin = run.record.origin
    assert origin is not None and origin.source == f"http://{played.host}/org/repo/blob/{COMMIT}/{file}"
    assert origin.sha256 == hashlib.sha256(played.files[file]).hexdigest() and len(run.class_names) in (3, 4)


def test_the_command_lists_and_refuses(
    played: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "import", f"http://{played.host}/org/repo") == 2
    assert "vectors.csv" in capfd.readouterr().err
    monkeypatch.setenv(READ_ONLY, "1")
    assert command(monkeypatch, "import", f"http://{played.host}/org/repo/blob/main/vectors.csv") == 2
    assert READ_ONLY in capfd.readouterr().err and list_runs() == []
