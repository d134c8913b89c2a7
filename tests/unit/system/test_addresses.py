"""Addresses that `lwal serve` prints: they can be opened, and are not announced when they are taken."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lwal_core.cli.main import main
from lwal_core.errors import LwalError
from lwal_core.system.addresses import BASE_PATH, browser_address, check_address


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
