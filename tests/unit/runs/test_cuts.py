"""Kept cuts: written and read again, limits, damaged files, and what leaves the installation."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lwal_core.errors import RunError
from lwal_core.runs import Run, forget_cut, keep_cut, read_cuts
from lwal_core.runs.bundle import import_bundle, write_bundle
from lwal_core.runs.cuts import MAX_CUTS, cuts_for_others

GROUPS = [("pets", ("cat", "dog")), ("rest", ("car",))]


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    return make_run(classes=3, epochs=1)


def test_kept_replaced_and_forgotten(run: Run) -> None:
    assert not read_cuts(run.path)
    keep_cut(run.path, " my \n cut ", GROUPS, "by hand")
    keep_cut(run.path, "other", [("all", ("cat", "dog", "car"))])
    kept = read_cuts(run.path)
    assert list(kept) == ["my cut", "other"]
    assert [(g.name, g.classes) for g in kept["my cut"].groups] == GROUPS
    assert kept["my cut"].made == "by hand"
    keep_cut(run.path, "my cut", [("one", ("cat",)), ("two", ("dog", "car"))])
    assert [g.name for g in read_cuts(run.path)["my cut"].groups] == ["one", "two"]
    forget_cut(run.path, "my cut")
    assert list(read_cuts(run.path)) == ["other"]
    with pytest.raises(RunError, match="No cut"):
        forget_cut(run.path, "my cut")


@pytest.mark.parametrize("name", ["", "  ", "a:b", "x" * 61, "\x00"])
def test_names_that_no_cut_can_have(run: Run, name: str) -> None:
    with pytest.raises(RunError, match="no name of a cut"):
        keep_cut(run.path, name, GROUPS)
    assert not (run.path / "cuts.json").exists()


@pytest.mark.parametrize(
    "groups",
    [[], [("a", ())], [("a", ("x",)), ("b", ("x",))], [("a", ("x",)), ("a", ("y",))], [("", ("x",))], [("a", ("x", "x"))]],
)  # fmt: skip
def test_groups_that_are_no_partition(run: Run, groups: list[tuple[str, tuple[str, ...]]]) -> None:
    with pytest.raises(RunError):
        keep_cut(run.path, "cut", groups)
    assert not (run.path / "cuts.json").exists()


def test_no_more_than_so_many(run: Run) -> None:
    for i in range(MAX_CUTS):
        keep_cut(run.path, f"cut {i}", GROUPS)
    with pytest.raises(RunError, match="are kept"):
        keep_cut(run.path, "one more", GROUPS)
    keep_cut(run.path, "cut 0", GROUPS)  # one that is there can be changed


def test_two_writers_at_once_both_get_in(run: Run) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: keep_cut(run.path, f"cut {i}", GROUPS), range(16)))
    assert len(read_cuts(run.path)) == 16


@given(st.binary(max_size=200) | st.sampled_from([b"[]", b'{"format": 2}', b'{"format": 1, "cuts": [{"name": "a"}]}']))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_a_damaged_file_is_refused_in_one_line_and_left(run: Run, data: bytes) -> None:
    path = run.path / "cuts.json"
    path.write_bytes(data)
    with pytest.raises(RunError) as caught:
        read_cuts(run.path)
    assert "\n" not in caught.value.message
    with pytest.raises(RunError):
        keep_cut(run.path, "cut", GROUPS)
    assert path.read_bytes() == data


def test_a_bundle_has_the_cuts_without_what_tells_of_this_machine(run: Run, tmp_path: Path) -> None:
    keep_cut(run.path, "mine", [("of /home/somebody/x", ("cat", "dog")), ("rest", ("car",))], "from /home/somebody/y")
    assert b"somebody" not in cuts_for_others(run.path)
    path = tmp_path / "run.zip"
    path.write_bytes(write_bundle(run))
    with zipfile.ZipFile(path) as archive:
        assert orjson.loads(archive.read("cuts.json"))["cuts"][0]["name"] == "mine"
    again, new = import_bundle(path, home=tmp_path / "there")
    assert new and list(read_cuts(again.path)) == ["mine"]
    keep_cut(run.path, "since", GROUPS)  # kept cuts do not make it another run
    same, new = import_bundle(path)
    assert not new and list(read_cuts(same.path)) == ["mine", "since"]
