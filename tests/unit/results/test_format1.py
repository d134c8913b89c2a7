"""What release 0.1 wrote: its run folder, bundle and share open, and export to the bytes that it exported."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.imports import examine, import_run
from lwal_core.runs import Run, open_run, runs_folder
from lwal_core.shares import ShareNotFound, list_shares, open_share, revoke_share

FORMAT1 = Path(__file__).resolve().parents[2] / "fixtures" / "format1"
RUN_ID = next((FORMAT1 / "run").iterdir()).name
TOKEN = "yZqeveSVesik8bXopYhKRIa5xuoci1E_"
EXPORTS = {
    "newick": ("tree.nwk",),
    "nexus": ("tree.nex",),
    "csv": ("distances.csv",),
    "linkage": ("linkage.csv",),
    "cut": ("cut.csv", "--cut", "3"),
}


def from_folder(tmp_path: Path) -> Run:
    """A copy of the run folder, in this test's home."""
    shutil.copytree(FORMAT1 / "run" / RUN_ID, runs_folder() / RUN_ID)
    return open_run(RUN_ID)


def from_bundle(tmp_path: Path) -> Run:
    """The bundle, imported."""
    file = tmp_path / "bundle.zip"
    shutil.copyfile(FORMAT1 / "bundle.zip", file)
    return import_run(examine(file))[0]


def stored() -> dict[str, bytes]:
    """What release 0.1 exported, by file name."""
    return {name: (FORMAT1 / name).read_bytes() for name, *_ in EXPORTS.values()}


def exported(run: Run, folder: Path) -> dict[str, bytes]:
    """What ``lwal export`` makes of a run now, by file name; tables without their byte order mark."""
    for format, (name, *options) in EXPORTS.items():
        result = CliRunner().invoke(app, ["export", run.id, "--format", format, "-o", str(folder / name), *options])
        assert result.exit_code == 0, result.output
    files = {name: (folder / name).read_bytes() for name, *_ in EXPORTS.values()}
    marked = {name for name, data in files.items() if data.startswith(codecs.BOM_UTF8)}
    assert marked == {name for name in files if name.endswith(".csv")}  # for spreadsheets; release 0.1 wrote none
    return {name: data.removeprefix(codecs.BOM_UTF8) for name, data in files.items()}


@pytest.mark.parametrize("opened", [from_folder, from_bundle])
def test_exports_are_the_same_bytes(opened: Callable[[Path], Run], tmp_path: Path) -> None:
    assert exported(opened(tmp_path), tmp_path) == stored()


def test_the_share_opens_and_can_be_revoked(home: Path) -> None:
    shutil.copytree(FORMAT1 / "share", home / "shares")
    share, report = open_share(TOKEN)
    assert share.title == "format 1" and share.runs == (RUN_ID,) and share.state() == "open"
    assert report == (FORMAT1 / "share" / share.id / "report.html").read_bytes()
    assert list_shares() == [share]
    assert revoke_share(share.id).state() == "revoked"
    with pytest.raises(ShareNotFound):
        open_share(TOKEN)


def test_a_share_holds_the_run_that_it_was_made_from(home: Path, tmp_path: Path) -> None:
    """Its copy of the run folder opens, and exports to the same bytes."""
    shutil.copytree(next((FORMAT1 / "share").iterdir()) / "runs" / RUN_ID, runs_folder() / RUN_ID)
    assert exported(open_run(RUN_ID), tmp_path) == stored()
