"""Ids, paths and names from strangers: no text becomes a path, none is kept that cannot be written or seen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lwal_core.cli.files import read_names
from lwal_core.config import DataConfig
from lwal_core.datafiles import source_stats
from lwal_core.errors import ImportFileError, LwalError, RunError
from lwal_core.experiments.sweeps import read_sweep
from lwal_core.export.newick import from_newick
from lwal_core.imports import examine, import_folder, import_run
from lwal_core.imports.label_vectors import read_vector_table
from lwal_core.jobs.admission import Waiter
from lwal_core.runs import Run, annotate_clade, list_runs, open_run, read_annotations
from lwal_core.runs.edits import rename, set_tags
from lwal_core.runs.record import parse_record
from lwal_core.runs.trash import delete_run, restore_run
from lwal_core.sanitize import printable
from lwal_core.shares import open_share, revoke_share
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.store import delete_taxonomy, find_taxonomy, save_matches, save_taxonomy
from tests.security.corpus.words import IDS, NAMES, PATHS
from tests.security.measure import tried

Make = Callable[..., Run]
TABLE = "name,x,y\ncat,1,2\ndog,3,4\ncar,9,9\n"


def by_all(actions: tuple[Callable[..., object], ...], values: tuple[object, ...]) -> dict[str, Callable[[], object]]:
    return {
        f"{getattr(action, '__name__', 'act')} {ascii(value)[:60]} {number}": partial(action, value)
        for number, value in enumerate(values)
        for action in actions
    }


def refused(acts: dict[str, Callable[[], object]], *folders: Path) -> list[str]:
    """What was not refused with a sentence."""
    return [
        f"{name}: {lines or 'taken'}" for name, (said, lines) in tried(acts, *folders).items() if lines or said is None
    ]


def test_ids(home: Path, scratch: Path) -> None:
    """Of runs, taxonomies, snapshots and links."""

    def matched(name: object) -> None:
        save_matches(name, {"a": "b"})  # type: ignore[arg-type]

    actions = (
        open_run,
        delete_run,
        restore_run,
        find_taxonomy,
        delete_taxonomy,
        matched,
        revoke_share,
        open_share,
    )
    assert refused(by_all(actions, IDS), home) == []
    assert [path for path in home.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_paths(home: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scratch)

    def folder(path: str) -> None:
        import_folder(Path(path))

    def names(path: str) -> None:
        if read_names(Path(path)) == Path("/etc/passwd").read_text().splitlines():
            raise LwalError("A text file of the machine is read as names, by whom it runs for.")

    def sweep(path: str) -> None:
        read_sweep(Path(path))

    def data(path: str) -> None:
        for kind in ("folder", "features"):
            try:
                source_stats(DataConfig(name=f"{kind}:{path}"))
            except ValueError as error:
                raise LwalError(str(error)) from None

    actions = (examine, folder, names, sweep, read_vector_table, data)
    assert refused(by_all(actions, PATHS)) == []
    assert list_runs() == [] and list(scratch.iterdir()) == []


def test_names(home: Path, scratch: Path, make_run: Make, inbox: Path) -> None:
    """Of runs, tags, classes, clades, taxonomies and notes: what is kept can be written, seen and found again."""
    file = inbox / "words.csv"
    file.write_text(TABLE)
    incoming, run = examine(file), make_run(classes=3, epochs=1)

    def everywhere(text: str) -> None:
        made = import_run(examine(file, names=[text, "dog", "car"]), name=text)[0]
        rename(made, text)
        set_tags(made, [text[:40]])
        annotate_clade(run.path, run.class_names[:2], text[:80], text[:2_000])
        save_taxonomy(parse_taxonomy(b"((a,b)c,d);", text, text[:100] + " trees"))
        kept = open_run(made.id).record
        clade = read_annotations(run.path)[frozenset(run.class_names[:2])] if printable(text[:80]).split() else None
        for word in (kept.name, *kept.tags, *kept.class_names, *([clade.name] if clade else [])):
            assert word.replace("\u200d", "").isprintable() and len(word) <= 500
        assert all(kept.class_names) and kept.origin is not None and kept.origin.file == "words.csv"

    found = tried(by_all((everywhere,), NAMES), home, scratch)
    assert [f"{name}: {lines}" for name, (_, lines) in found.items() if lines] == []
    assert incoming.names == ("cat", "dog", "car")


@pytest.mark.parametrize("what", ["run.json", "sweep.yaml", "names.txt", "x.csv", "x.npz", "samples.npz"])
def test_a_pipe_is_not_waited_for(home: Path, scratch: Path, inbox: Path, what: str) -> None:
    os.mkfifo(inbox / what)
    reads = {"sweep.yaml": read_sweep, "names.txt": read_names, "run.json": lambda path: import_folder(path.parent)}
    act = reads.get(what, examine)
    assert refused({what: lambda: act(inbox / what)}, scratch) == []


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "..", "loop"])
def test_links_in_a_folder(scratch: Path, inbox: Path, make_run: Make, tmp_path: Path, target: str) -> None:
    """A device behind a link would be read without end, a folder that holds itself walked without end."""
    run = make_run(classes=3, epochs=1, images=False)
    second = tmp_path / "second"
    for name in ("samples.npz", "run.json"):
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to(target if target != "loop" else name)
        assert refused({name: lambda: import_folder(run.path, home=second)}, scratch) == []
    assert not second.exists()


def test_a_folder_of_terabytes(scratch: Path, make_run: Make, tmp_path: Path) -> None:
    run = make_run(classes=3, epochs=1)
    os.truncate(run.path / "eval.safetensors", 2**40)
    said, lines = tried({"x": lambda: import_folder(run.path, home=tmp_path / "second")}, scratch)["x"]
    assert said is not None and "more than" in said and "512 MiB" in said and lines == []


def test_a_file_whose_name_is_no_text(home: Path, inbox: Path) -> None:
    file = inbox / b"bad\xff.csv".decode("utf-8", "surrogateescape")
    file.write_text(TABLE)
    run = import_run(examine(file))[0]
    assert run.name == "bad" and run.record.origin is not None and run.record.origin.file == "bad .csv"


def test_joined_letters_stay_joined(home: Path, inbox: Path) -> None:
    file = inbox / "words.csv"
    file.write_text(TABLE)
    names = ("می\u200cخواهم", "👩\u200d🚀", "car")
    assert import_run(examine(file, names=names))[0].class_names == names


def test_a_clade_of_a_class_that_no_file_can_hold(make_run: Make) -> None:
    run = make_run(classes=3, epochs=1)
    with pytest.raises(RunError, match="UTF-8"):
        annotate_clade(run.path, ["\ud800", "class 1"], "x")


def test_names_in_the_record_of_a_stranger(make_run: Make) -> None:
    values = json.loads((make_run(classes=3, epochs=1).path / "run.json").read_text())
    record = parse_record(values | {"name": "\u202egpj\x1b[31m", "tags": ["a\0"], "class_names": ["\x07a", "b", "c"]})
    assert all(text.isprintable() for text in (record.name, *record.tags, *record.class_names))


@pytest.mark.parametrize("share_id", [None, 3, ["x"], "../x", "0" * 15 + "/", "٣" * 16])
def test_ids_of_snapshots_that_are_none(home: Path, share_id: object) -> None:
    with pytest.raises(LwalError, match="no shared snapshot"):
        revoke_share(share_id)  # type: ignore[arg-type]


def test_a_length_of_a_million_digits_is_not_said_in_full() -> None:
    with pytest.raises(ImportFileError, match="branch length") as said:
        from_newick("(a:1e" + "9" * 10**6 + ",b:1);")
    assert len(str(said.value)) < 300


@pytest.mark.parametrize("digits", ["٣", "²", "1" * 5_000, ""])
def test_digits_that_are_none_or_too_many(digits: str) -> None:
    assert Waiter.from_name(f"{digits[:9]}-²-x.json") is None
