"""Snapshot as the app opens it for a visitor: its runs, read from its own folder and from nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from lwal_core.errors import LwalError
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, run_folder
from lwal_core.shares.store import Manifest, Share, ShareNotFound, inside, open_manifest, share_folder
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.record import taxonomy_of_record

TAXONOMY = "taxonomy.json"
"""The reference whose groups give clades their names."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a visitor may look at.

    Attributes:
        share: Title, end, how it is looked at.
        run: The run that is shown. Its folder lies in the snapshot: :func:`lwal_core.runs.open_run` would give another one.
        beside: Runs beside it, likewise.
        spec: Which tree is shown at first, cut into how many groups.
        taxonomy: The reference that names clades; None without one.
    """

    share: Share
    run: Run
    beside: tuple[Run, ...]
    spec: TreeSpec
    taxonomy: Taxonomy | None


def open_snapshot(token: object) -> Snapshot:
    """The runs behind a link.

    Args:
        token: From the address: anything at all.

    Raises:
        ShareNotFound: Unknown, expired, revoked or damaged, one of its files was changed, or it is a report alone.
    """
    share, manifest = open_manifest(token)
    folder = share_folder(share)
    if not manifest.in_app or not manifest.runs:
        raise ShareNotFound
    try:
        _check(folder, manifest)
        first, *others = [Run(run_folder(run_id, folder)) for run_id in manifest.runs]  # as a home has them
        view = share.view
        if type(view["epoch"]) is not int or type(view["groups"]) not in (int, type(None)):
            raise ValueError("a view with a number that is none")
        spec = TreeSpec(first.id, view["epoch"], view["vectors"], view["linkage"], view["distance"], view["groups"])
        named_by = manifest.files.get(TAXONOMY)
        taxonomy = None if named_by is None else _taxonomy(folder / TAXONOMY, named_by.sha256)
    except (LwalError, OSError, ValueError, KeyError, TypeError):
        raise ShareNotFound from None
    return Snapshot(share, first, tuple(others), spec, taxonomy)


def _check(folder: Path, manifest: Manifest) -> None:
    """Compare what is read for visitors with its checksums.

    Raises:
        ValueError: A file was changed. OSError: One is missing.
    """
    for name, fact in manifest.files.items():
        if name.startswith("runs/") or name == TAXONOMY:
            path = folder / inside(name)
            facts = path.lstat()  # a pipe would be waited for
            if (
                not stat.S_ISREG(facts.st_mode)
                or facts.st_size != fact.size
                or not _same(path, facts.st_mtime_ns, fact.sha256)
            ):
                raise ValueError(f"{name} was changed")
    listed = set(manifest.files)
    for path in (folder / "runs").rglob("*"):
        if path.is_symlink() or (path.is_file() and path.relative_to(folder).as_posix() not in listed):
            raise ValueError(f"{path.name} is no file of the snapshot")


@lru_cache(maxsize=20_000)
def _same(path: Path, changed: int, wanted: str) -> bool:
    """Whether a file has a checksum; read once for each time of its last change."""
    with open(path, "rb") as file:
        return hmac.compare_digest(hashlib.file_digest(file, "sha256").hexdigest(), wanted)


@lru_cache(maxsize=32)
def _taxonomy(path: Path, checksum: str) -> Taxonomy:
    """The reference of a snapshot, whose checksum was compared."""
    return taxonomy_of_record(orjson.loads(path.read_bytes()))
