"""Read-only mode: every function that changes something refuses, and nothing on the disk changes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lwal_core.cli.main import main
from lwal_core.config import ReadyModelConfig
from lwal_core.datafiles.folder_browser import view_folder
from lwal_core.datafiles.hub_data import unpack
from lwal_core.datafiles.shards import keep_index
from lwal_core.datafiles.uploaded_images import keep_images
from lwal_core.errors import LwalError, SettingsError
from lwal_core.experiments.sweep_runs import SweepState, limit_sweep, submit_sweep
from lwal_core.experiments.sweeps import Sweep
from lwal_core.imports import examine, hub, import_run
from lwal_core.jobs import cancel, create_analysis, gc, resume, start_training
from lwal_core.jobs.commands import duplicate, make_ready, retry, submit
from lwal_core.jobs.worker import Worker
from lwal_core.notifications.channels import Message
from lwal_core.notifications.outbox import deliver, leave_message
from lwal_core.past_runs.keep import keep_predictions, keep_training
from lwal_core.past_runs.prediction_files import Predictions
from lwal_core.ready_models.analyse import analyse
from lwal_core.recording import resume_run, start_run
from lwal_core.runs import Run, RunWriter, annotate_clade, create_run, edits, forget_cut, keep_cut, trash
from lwal_core.runs.bundle import import_bundle
from lwal_core.runs.index import save_index
from lwal_core.runs.own_columns import OwnColumn, OwnTable, keep_own_columns, remove_own_columns
from lwal_core.security.permissions import (
    MAX_UPLOAD,
    READ_ONLY,
    SHARES_ONLY,
    ReadOnlyError,
    check_upload,
    check_writable,
    read_only,
)
from lwal_core.settings import settings
from lwal_core.shares import revoke_share, share_run, snapshot
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.store import delete_taxonomy, save_matches, save_taxonomy
from lwal_core.training.__main__ import main as train_process

Make = Callable[..., Run]
NO_LISTING = hub.HubListing(hub.HubAddress("huggingface.co", "org/repo"), "0" * 40, ())
ONES = np.ones(2, np.int64)
COLUMN = OwnColumn(name="weight", kind="number", numbers=(1.0,))
OWN = OwnTable(name="traits.csv", of="class", rows=("cat",), columns=(COLUMN,), changed=datetime.now(UTC))
TREE = b"((cat,dog)pets,(car,bus)vehicles);"


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def vectors_file(run: Run) -> Path:
    file = run.path.parents[2] / "words.csv"
    file.write_text("name,x,y\ncat,0,1\ndog,1,0\ncar,5,5\n")
    return file


WRITERS: dict[str, Callable[[Run, str, str], object]] = {
    "create_run": lambda run, taxonomy, share: create_run(run.config),
    "keep_index": lambda run, taxonomy, share: keep_index(run.path / "shard.npz", {}),
    "keep_images": lambda run, taxonomy, share: keep_images(io.BytesIO(), "x.zip"),
    "view_folder": lambda run, taxonomy, share: view_folder(run.path),
    "unpack": lambda run, taxonomy, share: unpack(None),
    "start_training": lambda run, taxonomy, share: start_training(run),
    "cancel": lambda run, taxonomy, share: cancel(run),
    "make_ready": lambda run, taxonomy, share: make_ready(run),
    "resume": lambda run, taxonomy, share: resume(run),
    "submit": lambda run, taxonomy, share: submit(run),
    "submit_sweep": lambda run, taxonomy, share: submit_sweep(Sweep("x", ())),
    "limit_sweep": lambda run, taxonomy, share: limit_sweep(SweepState("sweep:x", ()), 1),
    "save_index": lambda run, taxonomy, share: save_index(run.path.parents[1], {}),
    "leave_message": lambda run, taxonomy, share: leave_message(run.path.parents[1], Message("done", "", "")),
    "deliver": lambda run, taxonomy, share: deliver(run.path.parents[1]),
    "retry": lambda run, taxonomy, share: retry(run),
    "duplicate": lambda run, taxonomy, share: duplicate(run, {"training": {"epochs": 2}}),
    "rename": lambda run, taxonomy, share: edits.rename(run, "other"),
    "set_tags": lambda run, taxonomy, share: edits.set_tags(run, ["other"]),
    "archive": lambda run, taxonomy, share: edits.archive(run),
    "delete": lambda run, taxonomy, share: gc.delete(run.id),
    "delete_run": lambda run, taxonomy, share: trash.delete_run(run.id),
    "restore_run": lambda run, taxonomy, share: trash.restore_run(run.id),
    "empty_trash": lambda run, taxonomy, share: trash.empty_trash(),
    "collect": lambda run, taxonomy, share: gc.collect([]),
    "Worker": lambda run, taxonomy, share: Worker(run.path.parents[1]),
    "start_run": lambda run, taxonomy, share: start_run(classes=["a", "b"], method="m", data="d"),
    "resume_run": lambda run, taxonomy, share: resume_run(run.id),
    "RunWriter": lambda run, taxonomy, share: RunWriter(run.path),
    "annotate_clade": lambda run, taxonomy, share: annotate_clade(run.path, run.class_names[:2], "x"),
    "keep_cut": lambda run, taxonomy, share: keep_cut(run.path, "x", [("all", run.class_names)]),
    "forget_cut": lambda run, taxonomy, share: forget_cut(run.path, "x"),
    "keep_own_columns": lambda run, taxonomy, share: keep_own_columns(run.path, OWN),
    "remove_own_columns": lambda run, taxonomy, share: remove_own_columns(run.path, "traits.csv"),
    "save_taxonomy": lambda run, taxonomy, share: save_taxonomy(parse_taxonomy(TREE, "tree.nwk", name="again")),
    "delete_taxonomy": lambda run, taxonomy, share: delete_taxonomy(taxonomy),
    "save_matches": lambda run, taxonomy, share: save_matches(taxonomy, {"kitten": "cat"}),
    "import_run": lambda run, taxonomy, share: import_run(examine(vectors_file(run))),
    "keep_training": lambda run, taxonomy, share: keep_training(None, None),
    "keep_predictions": lambda run, taxonomy, share: keep_predictions(
        Predictions(run.path, ("a", "b"), "", ONES, ONES)
    ),
    "create_analysis": lambda run, taxonomy, share: create_analysis(
        ReadyModelConfig(model="timm:resnet18"), run.config.data
    ),
    "analyse": lambda run, taxonomy, share: analyse("timm:resnet18", run.config.data),
    "fetch": lambda run, taxonomy, share: hub.fetch(NO_LISTING, hub.HubFile("x.csv", 1), run.path),
    "import_bundle": lambda run, taxonomy, share: import_bundle(run.path / "not-even-looked-at.zip"),
    "share_run": lambda run, taxonomy, share: share_run(run),
    "revoke_share": lambda run, taxonomy, share: revoke_share(share),
}


@pytest.mark.parametrize("variable", [READ_ONLY, SHARES_ONLY])
@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_refuses(
    home: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch, writer: str, variable: str
) -> None:
    run = make_run(status="queued")
    taxonomy = save_taxonomy(parse_taxonomy(TREE, "tree.nwk", name="mine")).name
    monkeypatch.setattr(snapshot, "tree_card", lambda *_, **__: b"")  # drawing it takes longer than all the rest
    share = share_run(run)[0].id
    before = state(home)
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ReadOnlyError, match=variable):
        WRITERS[writer](run, taxonomy, share)
    assert state(home) == before


@pytest.mark.parametrize(
    "arguments",
    ["train --dataset digits", "resume RUN", "share RUN", "unshare 0123456789abcdef", "demo --no-serve --epochs 1"],
)
def test_every_command_that_changes_something_refuses(
    home: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: str
) -> None:
    run = make_run(status="cancelled")
    before = state(home)
    monkeypatch.setenv(READ_ONLY, "1")
    monkeypatch.setattr(sys, "argv", ["lwal", *arguments.replace("RUN", run.id).split()])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2 and READ_ONLY in capfd.readouterr().err
    assert state(home) == before


def test_a_training_process_that_somebody_starts_by_hand_refuses(
    home: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = make_run(status="queued")
    before = run.path.joinpath("run.json").read_bytes()
    monkeypatch.setenv(READ_ONLY, "1")
    assert train_process([str(run.path)]) == 2 and READ_ONLY in capfd.readouterr().err
    assert run.path.joinpath("run.json").read_bytes() == before


@pytest.mark.parametrize(("value", "locked"), [("1", True), ("true", True), ("yes", True), ("0", False), ("no", False),
                                               ("", False), (" ", False), ("False", False)])  # fmt: skip
def test_what_counts_as_set(monkeypatch: pytest.MonkeyPatch, value: str, locked: bool) -> None:
    monkeypatch.setenv(READ_ONLY, value)
    assert read_only() is locked
    if not locked:
        check_writable("do anything")


@pytest.mark.parametrize("variable", [READ_ONLY, SHARES_ONLY])
def test_a_value_that_is_neither_changes_nothing(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "anything")
    with pytest.raises(SettingsError, match=f"{variable} is 'anything'"):
        check_writable("do anything")


def test_uploads_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MAX_UPLOAD, raising=False)
    assert settings().max_upload_mb == 200
    monkeypatch.setenv(MAX_UPLOAD, "3")
    check_upload(3 * 2**20)
    with pytest.raises(LwalError, match="at most 3 MB"):
        check_upload(3 * 2**20 + 1)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "9" * 30, "٣"])
def test_limits_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(MAX_UPLOAD, value)
    with pytest.raises(LwalError, match=MAX_UPLOAD):
        settings().max_upload_mb  # noqa: B018


def test_the_server_is_told_the_limit(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[str] = []
    monkeypatch.setenv(MAX_UPLOAD, "7")
    monkeypatch.setattr("lwal_core.jobs.service.run_together", lambda command, *rest: told.extend(command))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lwal", "serve"])
    with pytest.raises(SystemExit):
        main()
    assert "--server.maxUploadSize=7" in told
