"""Paths, files and names from strangers: each is taken or refused with a sentence that a person can read."""

from __future__ import annotations

import io
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lwal_core.errors import ImportFileError, LwalError, RunError
from lwal_core.export.newick import from_newick
from lwal_core.imports import examine, keep, keep_folder
from lwal_core.runs import Run, annotate_clade, list_runs, open_run
from lwal_core.runs.edits import rename, set_tags
from lwal_core.shares.store import damaged_files

PATHS = (
    "/",
    "/etc/passwd",
    "~nosuch/x.csv",
    "\0.csv",
    "x" * 300 + ".csv",
    "\ud800.csv",
    "/dev/zero",
    "a/" * 3_000,
    "..",
)
TABLE = "name,x,y\ncat,1,2\ndog,3,4\ncar,9,9\n"
SURROGATE, CONTROL, TURNED = "\ud800", "\x1b[31m\0", "\u202egpj.exe"


@pytest.mark.parametrize("path", PATHS, ids=[ascii(path)[:30] for path in PATHS])
def test_paths_that_somebody_types(home: Path, path: str) -> None:
    with pytest.raises(LwalError):
        examine(path)
    with pytest.raises(LwalError):
        keep_folder(Path(path))
    assert list_runs() == []


def small_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.json", "{}")
    return out.getvalue()


def changed(offset: int, value: int) -> bytes:
    """A zip file with another byte in the entry of its directory."""
    data = bytearray(small_zip())
    data[data.find(b"PK\1\2") + offset] = value
    return bytes(data)


def directory(entries: int) -> bytes:
    """A zip file that is nothing but a directory."""
    head = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0)
    listed = b"".join(head + b"%08d" % i for i in range(entries))
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(listed), 0)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, len(listed), 1)
    return listed + end + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)


ZIPS: dict[str, Callable[[], bytes]] = {
    "an end without a beginning": lambda: struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 100, 0, 0),
    "a damaged directory": lambda: changed(0, 0),
    "version 9.9": lambda: changed(6, 99),
    "a million entries": lambda: directory(1_000_000),
    "100,000 entries": lambda: directory(100_000),
}


@pytest.mark.parametrize("ending", ["zip", "npz"])
@pytest.mark.parametrize("what", ZIPS)
def test_zip_files_whose_directory_lies(home: Path, tmp_path: Path, what: str, ending: str) -> None:
    file = tmp_path / f"x.{ending}"
    file.write_bytes(ZIPS[what]())
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImportFileError):
        examine(file)
    assert time.process_time() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # KiB: 1 GiB more than ever before
    assert list_runs() == []


@pytest.mark.parametrize(
    "text", [SURROGATE, CONTROL, TURNED, "x" * 10_000], ids=["surrogate", "control", "turned", "long"]
)
def test_names_that_no_file_can_hold_or_nobody_can_see(home: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "words.csv"
    file.write_text(TABLE)
    run = keep(examine(file, names=[text, "dog", "car"]), name=text)[0]
    rename(run, text)
    set_tags(run, [text[:50]])
    kept = open_run(run.id).record
    shown = [kept.name, *kept.tags, *kept.class_names]
    assert all(word.isprintable() and len(word) <= 500 for word in shown) and all(kept.class_names)


def test_a_file_whose_name_is_no_text(home: Path, tmp_path: Path) -> None:
    file = tmp_path / b"bad\xff.csv".decode("utf-8", "surrogateescape")
    file.write_text(TABLE)
    run = keep(examine(file))[0]
    assert run.name == "bad" and run.record.origin is not None and run.record.origin.file == "bad .csv"


def test_joined_letters_stay_joined(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "words.csv"
    file.write_text(TABLE)
    names = ("می\u200cخواهم", "👩\u200d🚀", "car")
    assert keep(examine(file, names=names))[0].class_names == names


def test_a_clade_of_a_class_that_no_file_can_hold(make_run: Callable[..., Run]) -> None:
    run = make_run(classes=3)
    with pytest.raises(RunError, match="UTF-8"):
        annotate_clade(run.path, [SURROGATE, "class 1"], "x")


@pytest.mark.parametrize("share_id", [None, 3, ["x"], "../x", "0" * 15 + "/"])
def test_ids_of_snapshots_that_are_none(home: Path, share_id: object) -> None:
    with pytest.raises(LwalError, match="no shared snapshot"):
        damaged_files(share_id)  # type: ignore[arg-type]


def test_a_length_of_a_million_digits_is_not_said_in_full() -> None:
    with pytest.raises(ImportFileError, match="branch length") as said:
        from_newick("(a:1e" + "9" * 10**6 + ",b:1);")
    assert len(str(said.value)) < 300
