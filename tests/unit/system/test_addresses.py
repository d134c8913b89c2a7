"""Addresses that `lwal serve` prints: they can be opened, and are not announced when they are taken."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lwal_core.cli.main import app, main
from lwal_core.errors import LwalError
from lwal_core.runs import Run
from lwal_core.system.addresses import BASE_PATH, browser_address, check_address, opens_only_here


@pytest.mark.parametrize(
    ("address", "path", "expected"),
    [
        ("127.0.0.1", "", "http://localhost:8501"), ("0.0.0.0", "", "http://localhost:8501"),
        ("::", "", "http://localhost:8501"), ("::1", "", "http://[::1]:8501"), ("10.0.0.7", "", "http://10.0.0.7:8501"),
        ("127.0.0.1", "lwal", "http://localhost:8501/lwal/"), ("::1", "/a b/", "http://[::1]:8501/a%20b/"),
    ],
)  # fmt: skip
def test_what_a_browser_opens(monkeypatch: pytest.MonkeyPatch, address: str, path: str, expected: str) -> None:
    monkeypatch.setenv(BASE_PATH, path)
    assert browser_address(address, 8501) == expected


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_refused_before_it_is_announced(
    monkeypatch: pytest.MonkeyPatch, home: Path, capfd: pytest.CaptureFixture[str], address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        try:
            taken.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        taken.listen(1)
        port = taken.getsockname()[1]
        monkeypatch.setattr("sys.argv", ["lwal", "serve", "--address", address, "--port", str(port)])
        with pytest.raises(SystemExit) as stopped:
            main()
    said = capfd.readouterr().err
    assert stopped.value.code == 2 and f"{address} port {port}: Address already in use" in said
    assert "LwAL Explorer:" not in said and "Traceback" not in said
    check_address(address, port)  # free again


@pytest.mark.parametrize("address", ["nonsense.invalid", "", "a" * 70 + ".b", "203.0.113.1"])
def test_what_is_no_address_of_this_machine(address: str) -> None:
    with pytest.raises(LwalError, match="cannot listen on"):
        check_address(address, 8501)


@pytest.mark.parametrize(
    ("url", "only_here"),
    [
        ("http://localhost:8501", True), ("http://LOCALHOST", True), ("http://127.0.0.1:8501/lwal/?share=x", True),
        ("http://127.8.9.1", True), ("http://[::1]:8501", True), ("http://0.0.0.0:8501", True), ("localhost:8501", True),
        ("http://lab.localhost", True), ("https://lwal.example.org", False), ("http://10.0.0.7:8501", False),
        ("http://localhost.example.org", False), ("http://[fe80::1]", False), ("", False), ("http://[", False),
    ],
)  # fmt: skip
def test_which_addresses_other_machines_cannot_open(url: str, only_here: bool) -> None:
    assert opens_only_here(url) is only_here


@pytest.mark.parametrize(("more", "said"), [([], True), (["--url", "https://lwal.example.org"], False)])
def test_a_shared_link_to_localhost_says_so_on_the_terminal(
    make_run: Callable[..., Run], more: list[str], said: bool
) -> None:
    result = CliRunner().invoke(app, ["share", make_run().id, *more])
    assert result.exit_code == 0 and "?share=" in result.stdout
    text = " ".join(result.output.split())
    assert ("Only this machine can open" in text and "--url" in text and "--address" in text) is said
