"""Store of snapshots, and access by token."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lwal_core.errors import ExportError, LwalError
from lwal_core.runs import home
from lwal_core.runs.files import atomic_write, write_json
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_writable
from lwal_core.system.locks import file_lock
from lwal_core.system.log import event

FORMAT = 1
TOKEN_BYTES = 24  # 192 bit, as 32 characters
MAX_KEPT = 1_000
MAX_NOTE = 500
MAX_MANIFEST_BYTES = 2**20
MAX_REPORT_BYTES = 64 * 2**20
MAX_CARD_BYTES = 2 * 2**20
REPORT, CARD, MANIFEST = "report.html", "card.png", "share.json"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_ID = re.compile(r"[0-9a-f]{16}")
NOWHERE = "This link leads nowhere: it never did, has expired, or was revoked."
NOWHERE_HINT = "Ask whoever gave it to you for a new one."


class ShareNotFound(LwalError):
    """There is nothing behind a link. Unknown, expired, revoked and damaged ones read alike."""

    def __init__(self) -> None:
        super().__init__(NOWHERE, NOWHERE_HINT)


class FileFact(BaseModel):
    """What a file of a snapshot must be."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Manifest(BaseModel):
    """``share.json``."""

    model_config = ConfigDict(extra="ignore")

    format: int
    token_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    title: str
    note: str = ""
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    runs: list[str] = []
    view: dict[str, Any] = {}
    in_app: bool = False
    files: dict[str, FileFact] = {}


@dataclass(frozen=True)
class Share:
    """A snapshot as its owner sees it.

    Attributes:
        id: What it is revoked by; gives no access.
        title: What is shared.
        note: For whom or what for, in the owner's words.
        created: When.
        expires: Until when; None: until it is revoked.
        revoked: Since when it is not shown any more.
        runs: Ids of the runs at that time.
        view: Epoch, vectors, linkage, distance and groups.
        problem: Why it cannot be read; empty when it can.
        in_app: Whether it opens in the app, beside its report; those of earlier releases are a report alone.
        pictured: Whether it has a picture for chat windows.
    """

    id: str
    title: str
    note: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    runs: tuple[str, ...]
    view: dict[str, Any]
    problem: str = ""
    in_app: bool = False
    pictured: bool = False

    def state(self, now: datetime | None = None) -> str:
        """``"open"``, ``"expired"``, ``"revoked"`` or ``"damaged"``."""
        if self.problem:
            return "damaged"
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= (now or datetime.now(UTC)) else "open"


def create_share(
    files: Mapping[str, bytes],
    *,
    title: str,
    runs: list[str],
    view: dict[str, Any],
    note: str = "",
    expires: datetime | None = None,
    in_app: bool = False,
) -> tuple[Share, str]:
    """Keep a snapshot.

    Args:
        files: Its files by their paths below the snapshot's folder; :data:`REPORT` among them.
        title: What is shared.
        runs: Ids of the runs.
        view: How it is looked at.
        note: At most :data:`MAX_NOTE` characters.
        expires: Until when, with a time zone; None for no end.
        in_app: Whether visitors may open it in the app; the files of its runs are then read for them.

    Returns:
        The snapshot and its token. The token cannot be had again.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        ExportError: Too long a note, an end in the past, too many snapshots, or the home cannot be written.
    """
    check_writable("share anything")
    note, now = " ".join(printable(note).split()), datetime.now(UTC)
    if len(note) > MAX_NOTE:
        raise ExportError(f"The note has {len(note):,} characters, at most {MAX_NOTE} are kept.", "Shorten it.")
    if expires is not None and expires <= now:
        raise ExportError(f"The link would end at {expires:%Y-%m-%d %H:%M}, which is past.", "Choose a later time.")
    if len(files[REPORT]) > MAX_REPORT_BYTES:
        raise ExportError("The report is too large to be shared.", "Share fewer runs.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hashed = _hash(token)
    folder, making = _folder() / hashed[:16], _folder() / f".{hashed[:16]}.part"
    manifest = Manifest(
        format=FORMAT,
        token_sha256=hashed,
        title=" ".join(printable(title).split())[:300],
        note=note,
        created=now,
        expires=expires,
        runs=runs,
        view=view,
        in_app=in_app,
        files={name: FileFact(sha256=hashlib.sha256(data).hexdigest(), size=len(data)) for name, data in files.items()},
    )
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with _lock():
            if len(_ids()) >= MAX_KEPT:
                raise ExportError(f"{MAX_KEPT:,} snapshots are kept already.", f"Delete folders below {_folder()}.")
            for name, data in files.items():
                atomic_write(making / inside(name), lambda file, data=data: file.write(data))  # type: ignore[misc]
            _write(making, manifest)
            os.chmod(making, 0o700)
            os.rename(making, folder)  # a snapshot is there as a whole or not at all
    except OSError as error:
        raise ExportError(f"The snapshot cannot be written to {_folder()}: {error}.", "Check the folder.") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    event("share.made", f"Snapshot {folder.name} is shared", share_id=folder.name, runs=", ".join(runs))
    return _share(folder.name, manifest), token


def open_share(token: object) -> tuple[Share, bytes]:
    """What is behind a link.

    Args:
        token: From the address: anything at all.

    Returns:
        The snapshot and its report, unchanged since it was made.

    Raises:
        ShareNotFound: Unknown, expired, revoked or damaged; a visitor is not told which.
    """
    share, manifest = open_manifest(token)
    return share, _unchanged(share, manifest, REPORT)


def open_card(token: object) -> bytes:
    """The picture of a link for chat windows, a PNG.

    Raises:
        ShareNotFound: As for :func:`open_share`, or it has none.
    """
    share, manifest = open_manifest(token)
    if manifest.files.get(CARD, FileFact(sha256="0" * 64, size=0)).size > MAX_CARD_BYTES:
        raise ShareNotFound
    return _unchanged(share, manifest, CARD)


def open_manifest(token: object) -> tuple[Share, Manifest]:
    """The snapshot of a link and the list of its files; every way in passes here.

    Raises:
        ShareNotFound: As for :func:`open_share`.
    """
    wanted = token if isinstance(token, str) and _TOKEN.fullmatch(token) else ""
    hashed = _hash(wanted)  # a path is made from this alone
    share, manifest = None, None
    try:
        manifest = _read(hashed[:16])
        share = _share(hashed[:16], manifest)
    except (OSError, ValueError):
        pass
    known = manifest.token_sha256 if manifest is not None else "0" * 64
    same = hmac.compare_digest(known, hashed)
    if not (wanted and same and share is not None and manifest is not None and share.state() == "open"):
        raise ShareNotFound
    return share, manifest


def share_folder(share: Share) -> Path:
    """Folder of a snapshot that was opened."""
    return _folder() / share.id


def _unchanged(share: Share, manifest: Manifest, name: str) -> bytes:
    """A file of a snapshot, compared with its checksum."""
    try:
        path, fact = share_folder(share) / inside(name), manifest.files[name]
        if not path.is_file() or path.stat().st_size != fact.size:  # a pipe would be waited for
            raise ValueError("another size")
        data = path.read_bytes()
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), fact.sha256):
            raise ValueError("another content")
    except (OSError, ValueError, KeyError):
        raise ShareNotFound from None
    return data


def list_shares() -> list[Share]:
    """All snapshots for their owner, newest first; damaged ones last, with the reason."""
    found = []
    for name in _ids():
        try:
            found.append(_share(name, _read(name)))
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            found.append(Share(name, "", "", datetime.min.replace(tzinfo=UTC), None, None, (), {}, reason))
    return sorted(found, key=lambda share: (not share.problem, share.created), reverse=True)


def revoke_share(share_id: str) -> Share:
    """Revoke a link for good; the snapshot's files stay for its owner.

    Raises:
        ReadOnlyError: Nothing may be changed here. ExportError: There is no such snapshot, or it cannot be written.
    """
    check_writable("revoke a link")
    if not isinstance(share_id, str) or not _ID.fullmatch(share_id) or share_id not in _ids():
        raise ExportError(f"There is no shared snapshot {str(share_id)[:40]!r}.", "`lwal shares` lists them.")
    try:
        with _lock():
            manifest = _read(share_id)
            if manifest.revoked is None:
                manifest = manifest.model_copy(update={"revoked": datetime.now(UTC)})
                _write(_folder() / share_id, manifest)
    except ValueError:  # damaged, and so shown to nobody
        raise ExportError(f"Snapshot {share_id} is damaged; nobody can see it.", "Delete its folder.") from None
    except OSError as error:
        raise ExportError(f"Snapshot {share_id} cannot be changed: {error}.", "Check the folder.") from error
    event("share.revoked", f"Snapshot {share_id} is revoked", share_id=share_id)
    return _share(share_id, manifest)


def _folder() -> Path:
    return home() / "shares"


def _lock() -> AbstractContextManager[None]:
    return file_lock(_folder() / ".lock", subject="The list of shared snapshots")


def _ids() -> list[str]:
    try:
        return sorted(name for name in os.listdir(_folder()) if _ID.fullmatch(name))
    except OSError:
        return []


def _read(share_id: str) -> Manifest:
    path = _folder() / share_id / MANIFEST
    if path.exists() and not path.is_file():
        raise ValueError(f"{MANIFEST} is no file")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ValueError(f"{MANIFEST} is too large")
    try:
        manifest = Manifest.model_validate(orjson.loads(path.read_bytes()))
    except ValidationError as error:
        raise ValueError(f"{MANIFEST} is damaged: {error.errors()[0]['msg']}") from None
    if manifest.format != FORMAT:
        raise ValueError(f"{MANIFEST} has format {manifest.format}, this version reads {FORMAT}")
    if not manifest.token_sha256.startswith(share_id):
        raise ValueError(f"{MANIFEST} belongs to another snapshot")
    for at in (manifest.created, manifest.expires, manifest.revoked):
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{MANIFEST} has a time without a zone")
    return manifest


def _write(folder: Path, manifest: Manifest) -> None:
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def _share(share_id: str, m: Manifest) -> Share:
    return Share(
        share_id, m.title, m.note, m.created, m.expires, m.revoked, tuple(m.runs), dict(m.view),
        in_app=m.in_app, pictured=CARD in m.files,
    )  # fmt: skip


def inside(name: str) -> PurePosixPath:
    """Path of a snapshot's file below its folder.

    Args:
        name: As a manifest has it, which may be anything.

    Raises:
        ValueError: It leads out of the folder, or is the manifest.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or name == MANIFEST:
        raise ValueError(f"{name!r} is no file of a snapshot")
    return path


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
