"""Network addresses: whether one is free to be served, and how a browser writes it."""

from __future__ import annotations

import ipaddress
import os
import socket
from urllib.parse import quote, urlsplit

from lwal_core.errors import LwalError

BASE_PATH = "STREAMLIT_SERVER_BASE_URL_PATH"
_HERE = frozenset({"127.0.0.1", "0.0.0.0", "::"})
"""Addresses of this machine that a browser on it reaches as ``localhost``; the last two are all addresses at once."""


def check_address(address: str, port: int) -> None:
    """Refuse an address that cannot be listened on.

    Args:
        address: A name or number, IPv6 without brackets.
        port: From 1 to 65535.

    Raises:
        LwalError: It is in use, not of this machine, or not allowed.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed just now counts as free
            tried.bind(place)
            tried.listen(1)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a machine"
        raise LwalError(
            f"The app cannot listen on {address} port {port}: {reason}.", "Choose another --port or --address."
        ) from None


def browser_address(address: str, port: int) -> str:
    """Address of the app for a browser on this machine, with the sub-path of ``STREAMLIT_SERVER_BASE_URL_PATH``."""
    host = "localhost" if address in _HERE else f"[{address}]" if ":" in address else address
    path = quote(os.environ.get(BASE_PATH, "").strip().strip("/"))
    return f"http://{host}:{port}" + (f"/{path}/" if path else "")


def opens_only_here(url: str) -> bool:
    """Whether an address is of this machine for whoever opens it, such as ``http://localhost:8501``."""
    try:
        host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified
