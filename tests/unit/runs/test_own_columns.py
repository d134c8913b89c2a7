"""Columns of one's own in a run folder: kept, replaced, removed, packed; nothing damaged is overwritten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from lwal_core.errors import ImportFileError, RunError
from lwal_core.runs import Run, paths
from lwal_core.runs.bundle import import_bundle, write_bundle
from lwal_core.runs.own_columns import (
    MAX_FILES,
    OwnColumn,
    OwnTable,
    keep_own_columns,
    read_own_columns,
    remove_own_columns,
)
from tests.unit.runs.test_bundle import _add, rewritten


def table(name: str = "traits.csv", word: str = "home") -> OwnTable:
    columns = (
        OwnColumn(name="weight", kind="number", numbers=(0.1, None)),
        OwnColumn(name="habitat", kind="category", texts=(word,), codes=(-1, 0)),
    )
    return OwnTable(name=name, of="class", rows=("cat", "dog"), columns=columns, changed=datetime.now(UTC))


def test_tables_are_kept_in_order_replaced_and_removed(tmp_path: Path) -> None:
    assert read_own_columns(tmp_path) == ()
    keep_own_columns(tmp_path, table("a.csv"))
    keep_own_columns(tmp_path, table("b.csv"))
    first, second = read_own_columns(tmp_path)
    assert first == table("a.csv").model_copy(update={"changed": first.changed}) and second.name == "b.csv"
    keep_own_columns(tmp_path, table("a.csv", word="barn"))
    found = read_own_columns(tmp_path)
    assert [(each.name, each.columns[1].texts) for each in found] == [("b.csv", ("home",)), ("a.csv", ("barn",))]
    remove_own_columns(tmp_path, "b.csv")
    assert [each.name for each in read_own_columns(tmp_path)] == ["a.csv"]
    with pytest.raises(RunError, match=r"no columns of a file 'b.csv'. It has those of: 'a.csv'"):
        remove_own_columns(tmp_path, "b.csv")
    with pytest.raises(RunError, match="no run folder"):
        keep_own_columns(tmp_path / "gone", table())


def test_there_is_a_limit_of_files(tmp_path: Path) -> None:
    for i in range(MAX_FILES):
        keep_own_columns(tmp_path, table(f"{i}.csv"))
    keep_own_columns(tmp_path, table("3.csv", word="barn"))
    with pytest.raises(RunError, match=f"columns of {MAX_FILES} files"):
        keep_own_columns(tmp_path, table("one more.csv"))


def changed(**values: object) -> dict[str, object]:
    return orjson.loads(table().model_dump_json()) | values


COLUMN = {"name": "a", "kind": "number", "numbers": [1.0, 2.0], "texts": [], "codes": []}


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        {"format": 2, "files": []},
        {"format": 1, "files": [changed(rows=["cat", "cat"])]},
        {"format": 1, "files": [changed(rows=[0, 1])]},
        {"format": 1, "files": [changed(of="sample")]},
        {"format": 1, "files": [changed(of="sample", rows=[0, -1])]},
        {"format": 1, "files": [changed(name="x" * 81)]},
        {"format": 1, "files": [changed(columns=[])]},
        {"format": 1, "files": [changed(columns=[COLUMN, COLUMN])]},
        {"format": 1, "files": [changed(columns=[COLUMN | {"numbers": [1.0]}])]},
        {"format": 1, "files": [changed(columns=[COLUMN | {"numbers": [1.0, "many"]}])]},
        {"format": 1, "files": [changed(columns=[COLUMN | {"kind": "category", "numbers": [], "texts": ["x"], "codes": [0, 1]}])]},
        {"format": 1, "files": [changed(columns=[COLUMN | {"kind": "colour"}])]},
        {"format": 1, "files": [changed()] * (MAX_FILES + 1)},
    ],
)  # fmt: skip
def test_what_is_damaged_is_refused_and_left_as_it_is(tmp_path: Path, value: object) -> None:
    path = tmp_path / paths.COLUMNS
    path.write_bytes(value if isinstance(value, bytes) else orjson.dumps(value))
    before = path.read_bytes()
    for use in (read_own_columns, lambda folder: keep_own_columns(folder, table())):
        with pytest.raises(RunError, match=paths.COLUMNS) as error:
            use(tmp_path)
        assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_bundles_have_the_columns_without_what_is_private(make_run, tmp_path: Path) -> None:
    run: Run = make_run()
    keep_own_columns(run.path, table("traits.csv", word="of somebody@example.org, /home/me/secret/list.csv"))
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(run))
    again, new = import_bundle(file, home=tmp_path / "second")
    (found,) = read_own_columns(again.path)
    assert new and found.columns[0].numbers == (0.1, None)
    assert found.columns[1].texts == ("of ***, list.csv",)
    # Columns that somebody brought since do not make it another run, and stay.
    keep_own_columns(again.path, table("more.csv"))
    assert import_bundle(file, home=tmp_path / "second")[1] is False
    assert [each.name for each in read_own_columns(again.path)] == ["traits.csv", "more.csv"]


def test_a_bundle_with_damaged_columns_is_refused(make_run, tmp_path: Path) -> None:
    run: Run = make_run()
    keep_own_columns(run.path, table())
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(run))
    with_wrong = rewritten(file, _add(paths.COLUMNS, b'{"format":1,"files":[{}]}'))
    with pytest.raises(ImportFileError, match="holds a damaged run"):
        import_bundle(with_wrong, home=tmp_path / "second")
