"""Files of a model hub: listed by address, one fetched and examined like an upload.

The app fetches for whoever can open it, from its own place in the network; so it talks to the hubs that its owner names
and to nobody else: ``huggingface.co``, and those in ``LWAL_HUB_HOSTS``. Each redirect is checked before it is followed.
Only https is spoken, but for a host named with its port on this very machine. A file is taken as long as it has the size
and the checksum that the hub lists for it.

Sources: https://huggingface.co/docs/hub/api (``/api/models/REPO/revision/REV`` and ``/tree/REV``); content of large files
is behind a redirect to a host of the hub's delivery network (https://github.com/huggingface/huggingface_hub/pull/4739).
"""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import orjson

from lwal_core.errors import ImportFileError
from lwal_core.imports.incoming import ENDINGS
from lwal_core.imports.model_names import CONFIG
from lwal_core.runs.files import atomic_write
from lwal_core.security.permissions import check_upload, check_writable
from lwal_core.settings import HOST, settings, variable

HUB_HOSTS = variable("hub_hosts")
DEFAULT_HOST = "huggingface.co"
DELIVERY = {DEFAULT_HOST: ("huggingface.co", "hf.co")}
"""Domains, with all below them, that a hub may send its readers to; another hub only to itself."""
READ_ENDINGS = tuple(
    ending for ending in ENDINGS if ending not in (".zip", ".txt")
)  # vocabularies, licences ... are .txt
SILENCE_SECONDS = 20.0
"""How long a hub may say nothing."""
LIST_SECONDS, MOST_SECONDS = 60.0, 900.0
"""How long a listing and a file may take in all, redirects and every page included, however slowly a hub says what."""
MOST_REDIRECTS, MOST_PAGES, MOST_FILES = 4, 10, 10_000
MAX_JSON_BYTES = 4 * 2**20
CHUNK = 2**18
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_REPO_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class HubAddress:
    """What an address names.

    Attributes:
        host: The hub, with its port where it has one of its own.
        repo: ``ORG/REPO``, or ``REPO`` for the oldest ones.
        revision: A branch, tag or commit.
        file: Path inside; empty for the repository.
    """

    host: str
    repo: str
    revision: str = "main"
    file: str = ""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository that could be read here: its path, its bytes, and its checksum as the hub lists it
    (``sha256`` for a large file, else ``git``, which is git's own for a blob)."""

    path: str
    size: int
    sha256: str = ""
    git: str = ""


@dataclass(frozen=True)
class HubListing:
    """The files of a repository at one commit, in the order of their paths; ``configs`` may name the classes of those beside."""

    address: HubAddress
    commit: str
    files: tuple[HubFile, ...]
    configs: tuple[HubFile, ...] = ()


def hub_hosts() -> tuple[str, ...]:
    """Hubs that may be asked: ``huggingface.co`` and those of ``$LWAL_HUB_HOSTS``."""
    return tuple(dict.fromkeys((DEFAULT_HOST, *settings().hub_hosts)))


def is_hub_address(text: str) -> bool:
    """Whether a text is meant as an address rather than as a path."""
    return text.strip().lower().startswith(("https://", "http://"))


def parse_address(text: str) -> HubAddress:
    """Read ``https://HOST/ORG/REPO``, also with ``/tree/REV``, ``/blob/REV/FILE`` or ``/resolve/REV/FILE``.

    Raises:
        ImportFileError: It is none, or its host is not among the hubs that may be asked.
    """
    parts = _split(text.strip())
    host = _allowed(parts, hub_hosts())
    path = [unquote(part) for part in parts.path.split("/") if part]
    at = next((i for i in (1, 2) if len(path) > i and path[i] in ("tree", "blob", "resolve")), min(len(path), 2))
    repo, rest = path[:at], path[at:]
    if not repo or repo[0] in ("datasets", "spaces", "api") or not all(_REPO_PART.fullmatch(part) for part in repo):
        raise ImportFileError(
            f"{text[:120]!r} does not name a repository of models.", f"Write https://{host}/ORG/REPO, as the hub's page has it."
        )  # fmt: skip
    revision, file = (rest[1] if len(rest) > 1 else "main"), "/".join(rest[2:])
    if (rest and rest[0] not in ("tree", "blob", "resolve")) or not _REVISION.fullmatch(revision):
        raise ImportFileError(f"{revision[:60]!r} is no revision.", "Use the name of a branch or tag, or a commit.")
    if file and (rest[0] == "tree" or not _plain_path(file)):
        raise ImportFileError(f"{file[:120]!r} is no file of a repository.", "Copy the address of the file's own page.")
    return HubAddress(host, "/".join(repo), revision, file)


def list_files(address: HubAddress) -> HubListing:
    """Ask a hub for the files of a repository that could be read here.

    Raises:
        ImportFileError: The hub cannot be reached, has no such repository or revision, or does not answer as a hub.
    """
    base = f"{_scheme(address.host)}://{address.host}/api/models/{quote(address.repo)}"
    until = _Until(LIST_SECONDS)
    facts = _json(f"{base}/revision/{quote(address.revision, safe='')}", address, until)[0]
    commit = facts.get("sha") if isinstance(facts, dict) else None
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise ImportFileError(
            f"{address.host} does not say which commit {address.revision!r} is.", "Is it a model hub?"
        )
    found: list[HubFile] = []
    url = f"{base}/tree/{commit}?recursive=true"
    for _ in range(MOST_PAGES):
        entries, following = _json(url, address, until)
        if not isinstance(entries, list):
            raise ImportFileError(f"{address.host} does not list its files as a hub does.", "Is it a model hub?")
        found += [file for entry in entries if (file := _file(entry)) is not None]
        if not following or len(found) > MOST_FILES:
            break
        url = urljoin(url, following)
    ordered = sorted(found[:MOST_FILES], key=lambda file: file.path)
    configs = tuple(file for file in ordered if _is_config(file.path))
    return HubListing(address, commit, tuple(file for file in ordered if file not in configs), configs)


def choose(listing: HubListing) -> HubFile:
    """The file that the address names, or the only one there is.

    Raises:
        ImportFileError: It is not there, cannot be read here, or there are several; the message lists them.
    """
    files = {file.path: file for file in listing.files}
    wanted = listing.address.file
    if wanted in files:
        return files[wanted]
    shown = ", ".join(list(files)[:20]) + (f" and {len(files) - 20:,} more" if len(files) > 20 else "")
    where = _page(listing.address)
    if wanted or not files:
        what = f"{wanted[:120]!r} is not among the files" if wanted else "There is no file"
        raise ImportFileError(
            f"{what} of {where} that can be read here.",
            f"There is {shown}." if files else f"What is read ends in {', '.join(READ_ENDINGS)}.",
        )
    if len(files) > 1:
        raise ImportFileError(
            f"{where} has {len(files):,} files that can be read: {shown}.", f"Name one: {where}/blob/main/FILE"
        )
    return next(iter(files.values()))


def fetch(listing: HubListing, file: HubFile, folder: Path) -> Path:
    """Fetch a file into a folder of its own below ``folder``, and ``config.json`` beside it, where there is one; what is there already
    is not fetched again.

    Args:
        listing: As :func:`list_files` gives it.
        file: One of its files.
        folder: Where it goes.

    Returns:
        The file, whole and with the checksum that the hub lists.

    Raises:
        ReadOnlyError: Nothing may be brought in here.
        ImportFileError: It is too large, comes too slowly, or is not what the hub lists.
    """
    check_writable("fetch files")
    check_upload(file.size)
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in file.path.rpartition("/")[2])[
        -80:
    ]
    path = folder / hashlib.sha256(source_of(listing, file).encode()).hexdigest()[:32] / name.lstrip(".")
    _bring(listing, file, path)
    beside = f"{file.path.rpartition('/')[0]}/{CONFIG}".lstrip("/")
    for config in listing.configs:
        if config.path == beside and config.size <= MAX_JSON_BYTES:
            _bring(listing, config, path.parent / CONFIG)
    return path


def _bring(listing: HubListing, file: HubFile, path: Path) -> None:
    """Fetch a file to its place, unless it is there."""
    if path.is_file() and path.stat().st_size == file.size:
        return
    source = source_of(listing, file)
    address = listing.address
    url = f"{_scheme(address.host)}://{address.host}/{quote(address.repo)}/resolve/{listing.commit}/{quote(file.path)}"
    large, small = hashlib.sha256(), hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)

    def write(out: Any) -> None:
        until = _Until(MOST_SECONDS)
        with _opened(url, address, until) as answer:
            count = 0
            for chunk in _chunks(answer, until, min(file.size, settings().max_upload_mb * 2**20)):
                count += len(chunk)
                large.update(chunk)
                small.update(chunk)
                out.write(chunk)
        same = large.hexdigest() == file.sha256 if file.sha256 else small.hexdigest() == file.git
        if count != file.size or not same:
            raise ImportFileError(f"{source} came with another content than {address.host} lists.", "Try again later.")

    atomic_write(path, write, durable=False)


def source_of(listing: HubListing, file: HubFile) -> str:
    """Where a file is from, with the commit: what a run remembers."""
    return f"{_page(listing.address)}/blob/{listing.commit}/{file.path}"


# --- asking ----------------------------------------------------------------------------------------------------------


def _file(entry: Any) -> HubFile | None:
    """An entry of a listing, if it is a file that can be read here; a listing is a stranger's text."""
    if not isinstance(entry, dict) or entry.get("type") != "file":
        return None
    path, size, large = entry.get("path"), entry.get("size"), entry.get("lfs") or {}
    if not isinstance(path, str) or not isinstance(size, int) or size < 0 or not _plain_path(path):
        return None
    if not path.lower().endswith(READ_ENDINGS) and not _is_config(path):
        return None
    sha256 = large.get("oid", "") if isinstance(large, dict) else ""
    git = entry.get("oid", "")
    known = sha256 if sha256 else git
    if not isinstance(known, str) or not re.fullmatch(r"[0-9a-f]{64}" if sha256 else r"[0-9a-f]{40}", known):
        return None
    return HubFile(path, size, sha256, "" if sha256 else git)


def _is_config(path: str) -> bool:
    return path.rpartition("/")[2] == CONFIG


def _plain_path(path: str) -> bool:
    parts = path.split("/")
    return len(path) <= 500 and path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(parts)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ImportFileError(f"{url[:120]!r} is no address.", "Copy it from the hub's page.") from None
    return parts


def _allowed(parts: SplitResult, hosts: tuple[str, ...], domains: tuple[str, ...] = ()) -> str:
    """The host of an address that may be asked.

    Raises:
        ImportFileError: It may not.
    """
    host = parts.netloc.lower()
    known = host in hosts or any(host == domain or host.endswith(f".{domain}") for domain in domains)
    if not known or not HOST.fullmatch(host):
        raise ImportFileError(
            f"{host[:80] or 'That address'!r} is not among the hubs that are asked: {', '.join(hosts)}.",
            f"The owner of this installation can add one by {HUB_HOSTS}.",
        )
    if parts.scheme.lower() != _scheme(host):
        raise ImportFileError(f"{host[:80]!r} is asked by https only.", "Write https://.")
    return host


def _page(address: HubAddress) -> str:
    return f"{_scheme(address.host)}://{address.host}/{address.repo}"


def _scheme(host: str) -> str:
    return "http" if host.rpartition(":")[0] in _LOOPBACK else "https"


class _Until:
    """An end that everything that is asked for one listing or file has in common."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._end = seconds, time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; 0 or less when it is over."""
        return self._end - time.monotonic()

    def check(self) -> None:
        """Refuse to go on when it is over."""
        if self.left <= 0:
            raise ImportFileError(
                f"It takes more than {self.seconds:,.0f} seconds.", "Download it otherwise and import the file."
            )

    @contextmanager
    def cutting(self, opened: socket.socket) -> Iterator[None]:
        """Cut a connection off at the end: the time limit of a socket begins anew with each byte."""

        def cut() -> None:
            with suppress(OSError):  # closed by the other side
                opened.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(self.left, 0), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


@contextmanager
def _opened(url: str, address: HubAddress, until: _Until) -> Iterator[http.client.HTTPResponse]:
    """The answer to a GET, behind redirects that may be followed; no proxy of the environment, no credentials, no cookie."""
    domains = DELIVERY.get(address.host, ())
    for _ in range(MOST_REDIRECTS + 1):
        parts = _split(url)
        host = _allowed(parts, (address.host,), domains)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with _asked(host, target, until) as answer:
            if answer.status in (301, 302, 303, 307, 308):
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            if answer.status != 200:
                missing = answer.status in (401, 403, 404)
                raise ImportFileError(
                    f"{host} answers {answer.status} for {address.repo!r} at {address.revision!r}.",
                    "Check the spelling; what needs an account there cannot be fetched." if missing else "Try again later.",
                )  # fmt: skip
            yield answer
            return
    raise ImportFileError(f"{address.host} leads from one address to the next.", "Try again later.")


@contextmanager
def _asked(host: str, target: str, until: _Until) -> Iterator[http.client.HTTPResponse]:
    """The answer of a host that may be asked; the connection is open as long as it is read."""
    place, secure = urlsplit(f"//{host}"), _scheme(host) == "https"
    until.check()
    with ExitStack() as open_things:
        try:
            wire = socket.create_connection(
                (place.hostname or "", place.port or (443 if secure else 80)), min(SILENCE_SECONDS, until.left)
            )
            # A descriptor of its own, as the one of the connection goes over to TLS: that, too, may take without end.
            open_things.enter_context(until.cutting(open_things.enter_context(wire.dup())))
            connection = open_things.enter_context(closing(http.client.HTTPConnection(host)))
            connection.sock = wire
            if secure:
                connection.sock = ssl.create_default_context().wrap_socket(wire, server_hostname=place.hostname)
            connection.request("GET", target, headers={"User-Agent": "lwal", "Accept-Encoding": "identity"})
            answer = connection.getresponse()
        except (OSError, ValueError, http.client.HTTPException) as error:
            until.check()
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise ImportFileError(
                f"{host} cannot be reached: {reason}.", "Check the network, or import the file itself."
            ) from None
        yield answer


def _chunks(answer: http.client.HTTPResponse, until: _Until, most: int) -> Iterator[bytes]:
    """The body, as long as it stays within its size and time."""
    count = 0
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except (OSError, ValueError, http.client.HTTPException) as error:
            until.check()
            raise ImportFileError(f"The answer broke off: {type(error).__name__}.", "Try again later.") from None
        until.check()
        if not chunk:
            return
        count += len(chunk)
        if count > most:
            raise ImportFileError(
                f"More than the {most:,} bytes come that were announced or are taken.", "Try another file."
            )
        yield chunk


def _json(url: str, address: HubAddress, until: _Until) -> tuple[Any, str]:
    """A JSON answer, and the address of the page that follows."""
    with _opened(url, address, until) as answer:
        data = b"".join(_chunks(answer, until, MAX_JSON_BYTES))
        following = re.search(r'<([^<>"\s]{1,2000})>;\s*rel="next"', answer.headers.get("Link", ""))
    try:
        return orjson.loads(data), following[1] if following else ""
    except orjson.JSONDecodeError:
        raise ImportFileError(f"{address.host} does not answer in JSON.", "Is it a model hub?") from None
