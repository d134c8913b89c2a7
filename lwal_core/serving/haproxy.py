"""HAProxy in front of several app processes: one address, and each browser always at the same process.

A Streamlit session is one websocket and many requests beside it: uploads, media, downloads. All of them must reach the process
that holds the session, so a cookie names it. HAProxy does this, limits headers and slow clients, and looks whether processes
live; uvicorn's own workers share one socket, and the kernel gives each connection to any of them.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from lwal_core.errors import LwalError

MIN_VERSION = (2, 4)
"""Since then a websocket is an ordinary request that is upgraded (2021)."""
MAX_CONNECTIONS = 2_000
"""Connections of all browsers together; further ones wait. A page has one that stays, and up to six more while it loads."""
BUFFER = 32_768
"""Bytes of a request's headers, less 1,024 that are kept for headers added on the way; a longer request gets 400."""
BACKLOG = 1_024
LONGEST_SOCKET = 90
"""Bytes of a socket's path that HAProxy takes; the system's own limit is 104 or 108."""
STARTING = "The app is starting. Load the page again in a few seconds."
_PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
_FIX = "apt install haproxy, brew install haproxy or conda install haproxy; or serve with one process."

_CONFIG = """\
# Written by lwal serve --processes; removed when it ends.
global
    maxconn {connections}
    nbthread 1
    tune.bufsize {buffer}
    hard-stop-after 5s

defaults
    mode http
    maxconn {connections}
    timeout connect 5s
    # Headers that do not come, and readers that do not read.
    timeout http-request 10s
    timeout http-keep-alive 30s
    timeout client 60s
    timeout client-fin 30s
    # A pushed run is answered when it was read and checked.
    timeout server 10m
    # The app pings each page every 30 seconds.
    timeout tunnel 10m
    timeout queue 5s
    # A process that draws for many may be slow to say that it lives.
    timeout check 10s
    retries 3
    option redispatch 1
    option http-server-close
    option disable-h2-upgrade
    http-error status 503 content-type text/plain string "{starting}" hdr Retry-After 2

frontend browsers
    bind fd@{listening}
    # Who asks: this connection's other end, or what a proxy on this machine says of it.
    acl from_here src 127.0.0.0/8 ::1
    acl says_for_whom req.hdr_cnt(x-forwarded-for) gt 0
    http-request set-header X-Forwarded-For %[req.hdr_ip(x-forwarded-for,-1)] if from_here says_for_whom
    http-request set-header X-Forwarded-For %[src] unless from_here says_for_whom
    http-request set-header X-Forwarded-Proto http unless from_here
    acl has_cookie req.cook({cookie}) -m found
    acl opens_page req.hdr(sec-fetch-dest) -m str document
    acl says_what_for req.hdr_cnt(sec-fetch-dest) gt 0
    acl wants_page req.hdr(accept) -m sub text/html
    use_backend metrics if {{ path_end /_stcore/metrics }}
    use_backend pushes if {{ path_end /_lwal/push }}
    use_backend pages if has_cookie or opens_page or !says_what_for wants_page
    default_backend without_cookie

# A browser gets a cookie with its first page: where the fewest are.
backend pages
    balance leastconn
    cookie {cookie} insert indirect nocache httponly attr SameSite=Lax
    option httpchk
    http-check send meth GET uri {health} ver HTTP/1.1 hdr Host localhost
    http-check expect status 200
    default-server check inter 2s fastinter 500ms downinter 500ms fall 3 rise 1
{pages}

# Browsers that keep no cookie, such as those that show a link in another site's page: by address, always the same.
backend without_cookie
    balance hash req.hdr(x-forwarded-for)
    hash-type consistent
{tracked}

# Limits on pushed runs are counted in one process.
backend pushes
    balance first
{tracked}

# ?process=N is asked for its numbers, the first one without.
backend metrics
    balance first
{chosen}
{tracked}
"""


@dataclass(frozen=True)
class Program:
    """An installed HAProxy.

    Attributes:
        path: Where it is.
        version: Major and minor number.
    """

    path: str
    version: tuple[int, int]


def find_haproxy() -> Program:
    """The installed HAProxy.

    Raises:
        LwalError: There is none, or it is older than 2.4.
    """
    path = shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES.split(":")]))
    if path is None:
        raise LwalError("Several app processes need the reverse proxy HAProxy, and it is not installed.", _FIX)
    try:
        said = subprocess.run(
            [path, "-v"], capture_output=True, text=True, errors="replace", timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    found = re.search(r"version (\d{1,3})\.(\d{1,3})", said)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < MIN_VERSION:
        raise LwalError(f"{path} is HAProxy {version[0]}.{version[1]}; 2.4 is the oldest that will do.", _FIX)
    return Program(path, version)


@dataclass
class ReverseProxy:
    """What the proxy needs: a port that is listened on, a folder of this user alone with the processes' sockets, its settings.

    A context manager: at the end the port is free and the folder gone. The port stays open while HAProxy itself is started again, so
    that browsers wait instead of being refused.

    Args:
        address: Where to listen: a name or number, IPv6 without brackets.
        port: From 1 to 65535.
        processes: App processes, 1 to 64.
        base_path: Path that the app is under behind a further proxy; empty for none.

    Raises:
        LwalError: HAProxy is missing, or the address cannot be listened on, or HAProxy refuses its settings.
    """

    address: str
    port: int
    processes: int
    base_path: str = ""
    _listening: socket.socket = field(init=False, repr=False)
    _folder: Path = field(init=False, repr=False)
    _program: Program = field(init=False, repr=False)

    def __enter__(self) -> ReverseProxy:
        self._program = find_haproxy()
        self._listening = _listen(self.address, self.port)
        self._folder = _own_folder()
        try:
            text = config_text(self.sockets, self.fd, self.port, self.base_path)
            self.config.write_text(text, encoding="utf-8")
            self._check()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def sockets(self) -> list[Path]:
        """Unix socket of each app process."""
        return [self._folder / f"{number}.sock" for number in range(1, self.processes + 1)]

    @property
    def config(self) -> Path:
        """HAProxy's settings."""
        return self._folder / "haproxy.cfg"

    @property
    def command(self) -> list[str]:
        """Command line of HAProxy, in the foreground."""
        return [self._program.path, "-db", "-q", "-f", str(self.config)]

    @property
    def fd(self) -> int:
        """File descriptor of the listening socket, which HAProxy inherits."""
        return self._listening.fileno()

    def _check(self) -> None:
        done = subprocess.run(
            [self._program.path, "-c", "-f", str(self.config)],
            capture_output=True, text=True, errors="replace", timeout=30, check=False, pass_fds=[self.fd],
        )  # fmt: skip
        if done.returncode:
            said = next((line for line in done.stderr.splitlines() if "[ALERT]" in line), done.stderr.strip()[:300])
            raise LwalError(f"HAProxy refuses its settings: {said}", _FIX)


def config_text(sockets: list[Path], listening: int, port: int, base_path: str = "") -> str:
    """HAProxy's settings.

    Args:
        sockets: Unix socket of each app process.
        listening: File descriptor of the listening socket.
        port: Its port; it is part of the cookie's name, as browsers send cookies to all ports of a host.
        base_path: Path that the app is under; empty for none.
    """
    names = [(f"p{number}", number, _quoted(f"unix@{path}")) for number, path in enumerate(sockets, start=1)]
    base = base_path.strip().strip("/")
    return _CONFIG.format(
        connections=_connections(),
        starting=STARTING,
        buffer=BUFFER,
        listening=listening,
        cookie=f"lwal_process_{port}",
        health=_quoted(f"/{base}/_stcore/health" if base else "/_stcore/health"),
        pages="\n".join(f"    server {name} {place} cookie {number}" for name, number, place in names),
        tracked="\n".join(f"    server {name} {place} track pages/{name}" for name, _, place in names),
        chosen="\n".join(f"    use-server {name} if {{ urlp(process) {number} }}" for name, number, _ in names),
    )


def _quoted(text: str) -> str:
    """Text as one word of HAProxy's settings, in strong quotes, within which nothing has a meaning."""
    if not text.isprintable():
        raise LwalError(
            f"{text!r} cannot be written into HAProxy's settings.", "Choose a path of printable characters."
        )
    return "'" + text.replace("'", "'\\''") + "'"


def _connections() -> int:
    """As many as file descriptors allow: each takes two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if most == resource.RLIM_INFINITY else max(50, min(MAX_CONNECTIONS, (most - 100) // 2))


def _listen(address: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # :: is all addresses, also the old ones
            opened.bind(place)
            opened.listen(BACKLOG)
        except BaseException:
            opened.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a machine"
        raise LwalError(
            f"The app cannot listen on {address} port {port}: {reason}.", "Choose another --port or --address."
        ) from None
    return opened


def _own_folder() -> Path:
    """A new folder of this user alone, with a path that leaves room for the name of a socket."""
    made = Path(tempfile.mkdtemp(prefix="lwal-"))
    if len(os.fsencode(made / "99.sock")) <= LONGEST_SOCKET:
        return made
    made.rmdir()
    return Path(tempfile.mkdtemp(prefix="lwal-", dir="/tmp"))
