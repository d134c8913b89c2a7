"""Names and notes of clades: what was written is read, whoever else writes, and nothing damaged is overwritten."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import RunError
from lwal_core.runs import paths
from lwal_core.runs.annotations import MAX_CLADES, MAX_NAME, MAX_NOTE, annotate_clade, read_annotations

PETS = frozenset({"cat", "dog"})


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    assert dict(read_annotations(tmp_path)) == {}


def test_a_name_is_kept_changed_and_taken_away(tmp_path: Path) -> None:
    annotate_clade(tmp_path, ["dog", "cat"], " pets\n ", "both\nfurry ")
    entry = read_annotations(tmp_path)[PETS]
    assert (entry.classes, entry.name, entry.note) == (("cat", "dog"), "pets", "both\nfurry")
    annotate_clade(tmp_path, ["cat", "dog", "cow"], "animals")
    annotate_clade(tmp_path, ["cat", "dog"], "carnivores")
    notes = read_annotations(tmp_path)
    assert {frozenset(e.classes): e.name for e in notes.values()} == {PETS: "carnivores", PETS | {"cow"}: "animals"}
    annotate_clade(tmp_path, PETS, "")
    assert set(read_annotations(tmp_path)) == {PETS | {"cow"}}
    annotate_clade(tmp_path, PETS, "", "a note alone stays")
    assert read_annotations(tmp_path)[PETS].note == "a note alone stays"


@given(st.text(max_size=60), st.text(max_size=200), st.frozensets(st.text(max_size=12), min_size=2, max_size=5))
@settings(max_examples=60)
def test_any_text_comes_back_printable(tmp_path_factory: pytest.TempPathFactory, name: str, note: str, classes) -> None:
    folder = tmp_path_factory.mktemp("run")
    try:
        "".join(classes).encode()
    except UnicodeEncodeError:
        return
    annotate_clade(folder, classes, name, note)
    notes = read_annotations(folder)
    if not notes:
        assert not any(c.isprintable() and not c.isspace() for c in name + note)
        return
    entry = notes[classes]
    assert entry.name.isprintable()
    assert all(c.isprintable() or c == "\n" for c in entry.note)
    assert entry.name.split() == "".join(c if c.isprintable() else " " for c in name).split()


@pytest.mark.parametrize(
    ("classes", "name", "note", "says"),
    [
        (["cat"], "x", "", "at least two"),
        ([], "x", "", "at least two"),
        (["cat", "dog"], "x" * (MAX_NAME + 1), "", "81 characters"),
        (["cat", "dog"], "x", "y" * (MAX_NOTE + 1), "2,001 characters"),
    ],
)
def test_refused_with_a_reason(tmp_path: Path, classes: list[str], name: str, note: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        annotate_clade(tmp_path, classes, name, note)
    assert not (tmp_path / paths.ANNOTATIONS).exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format":1,"clades":[{"classes":["a"]}]}', b'{"format":2}', b"\xff\xfe", b'{"clades":[]}'],
)
def test_a_damaged_file_is_said_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / paths.ANNOTATIONS
    path.write_bytes(content)
    with pytest.raises(RunError, match=paths.ANNOTATIONS):
        read_annotations(tmp_path)
    with pytest.raises(RunError, match=paths.ANNOTATIONS):
        annotate_clade(tmp_path, PETS, "pets")
    assert path.read_bytes() == content


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run folder"):
        annotate_clade(tmp_path / "gone", PETS, "pets")


def test_there_is_a_limit(tmp_path: Path) -> None:
    entry = {"name": "x", "note": "", "changed": "2026-01-01T00:00:00Z"}
    full = [{**entry, "classes": [f"a{i}", "b"]} for i in range(MAX_CLADES)]
    (tmp_path / paths.ANNOTATIONS).write_bytes(orjson.dumps({"format": 1, "clades": full}))
    with pytest.raises(RunError, match="1,000 clades"):
        annotate_clade(tmp_path, PETS, "one more")
    annotate_clade(tmp_path, ["a0", "b"], "renamed")
    assert read_annotations(tmp_path)[frozenset({"a0", "b"})].name == "renamed"


def _write_many(folder: Path, writer: int) -> None:
    for i in range(20):
        annotate_clade(folder, [f"w{writer}", f"c{i}"], f"{writer}-{i}")


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path, w)) for w in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    names = {entry.name for entry in read_annotations(tmp_path).values()}
    assert names == {f"{w}-{i}" for w in range(3) for i in range(20)}
