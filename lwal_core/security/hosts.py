"""Names that the app answers to, and origins whose pages may speak to it.

A page of another site reaches an app on this machine through the browser of whoever looks at that page. The browser says
where a request comes from (``Origin``) and whom it believes to speak to (``Host``); both are compared here with what the
installation was told, and nothing is looked up.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from lwal_core.settings import settings

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"0.0.0.0", "::"})
"""Addresses of ``lwal serve --address`` that mean all addresses of the machine at once."""
_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """A host in lower case, IPv6 without brackets, and its port; None where none is named."""

    name: str
    port: int | None


def parse_place(text: str) -> Place | None:
    """Host and port of ``host``, ``host:port`` or ``[IPv6]:port``; None for anything else."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != text or "@" in text or not text.isascii():
        return None
    return Place(parts.hostname.rstrip("."), port)


def host_allowed(host: str | None, address: str) -> bool:
    """Whether the app answers to a name, whatever its port.

    A name that somebody else owns may point to this machine (DNS rebinding), a number cannot: where the app listens on all
    addresses, each of them is one of its names, and so is the machine's own.

    Args:
        host: Header ``Host``.
        address: Where the app listens, empty for localhost.
    """
    place = parse_place(host) if host else None
    if place is None:
        return False
    if place.name in LOCAL or place.name == address.lower() or any(place.name == own.name for own in _configured()):
        return True
    return address in EVERYWHERE and (_is_number(place.name) or place.name == socket.gethostname().lower())


def origin_allowed(origin: str, host: str | None) -> bool:
    """Whether a page of an origin may speak to the app: its own pages, and those of hosts in ``LWAL_HOSTS``.

    Another port of the same machine is another origin. A host without a port is meant at the ports of http and https.

    Args:
        origin: Header ``Origin``.
        host: Header ``Host``.
    """
    scheme, mark, rest = origin.partition("://")
    place, default = parse_place(rest) if mark else None, _PORTS.get(scheme)
    if place is None or default is None:
        return False
    own = parse_place(host) if host else None
    # The proxy that ends TLS speaks http to the app, so that a missing port may be 80 or 443: only the scheme tells.
    if own is not None and own.name == place.name and (own.port or default) == (place.port or default):
        return True
    return any(
        known.name == place.name and (place.port or default) == (known.port or default) for known in _configured()
    )


def _configured() -> list[Place]:
    return [place for place in map(parse_place, settings().hosts) if place is not None]


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
