"""Bundles of runs from strangers: what is inside them is judged before it is unpacked, and nothing slips out."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lwal_core.experiments.examples import examples
from lwal_core.imports import examine
from lwal_core.runs import Run, list_runs, open_run
from lwal_core.runs.bundle import import_bundle, write_bundle
from tests.security.corpus.bundles import SLIPS
from tests.security.corpus.words import IDS
from tests.security.making import zipped
from tests.security.measure import tried

Entries = dict[str, bytes]


@pytest.fixture
def entries(scratch: Path, make_run: Callable[..., Run]) -> Entries:
    """The files of a proper bundle."""
    path = scratch / "run.zip"
    path.write_bytes(write_bundle(make_run(classes=3, epochs=1)))
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    path.unlink()
    return found


def packed(path: Path, entries: Entries, deflated: bool = False) -> Path:
    """A bundle of these files whose manifest agrees with them."""
    manifest = json.loads(entries["manifest.json"])
    rest = {name: data for name, data in entries.items() if name != "manifest.json"}
    manifest["files"] = {n: {"size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in rest.items()}
    path.write_bytes(zipped({"manifest.json": json.dumps(manifest).encode("utf-8", "surrogatepass"), **rest}, deflated))
    return path


def taken(bundles: dict[str, Path], second: Path, scratch: Path) -> list[str]:
    """What was not refused with a sentence."""
    acts = {name: lambda path=path: import_bundle(path, home=second) for name, path in bundles.items()}
    return [
        f"{n}: {lines or 'taken'}" for n, (said, lines) in tried(acts, second, scratch).items() if lines or said is None
    ]


def test_names_that_are_no_files_of_a_run(entries: Entries, scratch: Path, inbox: Path, tmp_path: Path) -> None:
    """Zip slip in all spellings, names of devices, digits of other scripts, capitals."""
    bundles = {
        ascii(s)[:60]: packed(inbox / f"{i}.zip", {**entries, s: b"x"})
        for i, s in enumerate(SLIPS)
        if s != "run.json\0.txt"
    }
    before = set(tmp_path.rglob("*"))
    assert taken(bundles, tmp_path / "second", scratch) == []
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "second")}
    assert after == before and not list((tmp_path / "second").rglob("*.*"))


def test_a_name_with_a_zero_is_cut_there(entries: Entries, scratch: Path, inbox: Path, tmp_path: Path) -> None:
    """zipfile ends names at the zero, and so the bundle names a file twice or one that its manifest lacks."""
    path = packed(inbox / "x.zip", {**entries, "metrics.jsonl/nul": b"x"})
    path.write_bytes(path.read_bytes().replace(b"metrics.jsonl/nul", b"metrics.jsonl\0nul"))
    assert taken({"nul": path}, tmp_path / "second", scratch) == []


def test_a_bomb_of_many_small_files(
    entries: Entries, scratch: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stays below the limit of one file; all together unpack to 300 times what was sent."""
    monkeypatch.setattr("lwal_core.runs.bundle.FREE_BYTES", 2**20)
    zeros = {f"labels/epoch-{i:04d}.safetensors": bytes(2**19) for i in range(100, 140)}
    path = packed(inbox / "x.zip", {**entries, **zeros}, deflated=True)
    said, lines = tried({"x": lambda: import_bundle(path, home=tmp_path / "second")}, tmp_path / "second", scratch)["x"]
    assert said is not None and "20 times its size" in said and lines == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices(entries: Entries, scratch: Path, inbox: Path, tmp_path: Path, kind: int) -> None:
    path = packed(inbox / "x.zip", entries)
    with zipfile.ZipFile(path) as archive:
        listed = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in listed:
            if entry.filename == "metrics.jsonl":
                entry.external_attr = (kind | 0o777) << 16
            archive.writestr(entry, data)
    assert taken({"kind": path}, tmp_path / "second", scratch) == []


@pytest.mark.parametrize("size", [-1, -(2**40), 0, 1, 2**31, 2**62])
def test_sizes_in_a_manifest_that_are_none(entries: Entries, scratch: Path, inbox: Path, size: int) -> None:
    """A negative one would have been read to its end at once."""
    manifest = json.loads(entries["manifest.json"])
    manifest["files"]["run.json"]["size"] = size
    path = inbox / "x.zip"
    path.write_bytes(zipped({**entries, "manifest.json": json.dumps(manifest).encode()}))
    said, lines = tried({"x": lambda: examine(path)}, scratch)["x"]
    assert said is not None and lines == []


def test_ids_that_are_none(entries: Entries, scratch: Path, inbox: Path, tmp_path: Path) -> None:
    """The id of the record becomes the folder's name, or the bundle is refused."""
    record, second, bundles = json.loads(entries["run.json"]), tmp_path / "second", {}
    for i, run_id in enumerate(x for x in IDS if isinstance(x, str | int) or x is None):
        changed = {**entries, "run.json": json.dumps(record | {"id": run_id}).encode()}
        bundles[ascii(run_id)[:60]] = packed(inbox / f"{i}.zip", changed)
    acts = {name: lambda path=path: import_bundle(path, home=second) for name, path in bundles.items()}
    assert [f"{name}: {lines}" for name, (_, lines) in tried(acts, second, scratch).items() if lines] == []
    assert all(open_run(run.id, second).path.parent == second / "runs" for run in list_runs(second))
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "scratch", "inbox", "second"}


def test_contents_that_lie(entries: Entries, scratch: Path, inbox: Path, tmp_path: Path) -> None:
    """Whole files with right checksums whose contents are none of a run."""
    label = next(name for name in entries if name.startswith("labels/"))
    lies: dict[str, Entries] = {
        "labels of another shape": {label: entries["eval.safetensors"]},
        "labels that are a pickle": {label: b"\x80\x04cposix\nsystem\n."},
        "labels, a header of 2^63": {label: b"\0\0\0\0\0\0\0\x80"},
        "an evaluation without arrays": {"eval.safetensors": b"\2\0\0\0\0\0\0\0{}"},
        "a record of a newer format": {"run.json": b'{"format":99}'},
        "a record without an end": {"run.json": b"[" * 10**5},
        "17 MB of metrics": {"metrics.jsonl": b'{"epoch":1}\n' * 1_500_000},
        "9 MB of clades": {"annotations.json": bytes(9 * 10**6)},
    }
    bundles = {what: packed(inbox / f"{i}.zip", {**entries, **lie}) for i, (what, lie) in enumerate(lies.items())}
    assert taken(bundles, tmp_path / "second", scratch) == []


def test_the_examples_pass_the_same_checks() -> None:
    """The limits are above what real bundles have."""
    assert len(examples()) >= 5
