"""What the app opens for a visitor: the snapshot's own files, as they were, as long as the link holds."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lwal_core.errors import ExportError
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, annotate_clade, open_run
from lwal_core.shares import (
    ShareNotFound,
    list_shares,
    open_card,
    open_share,
    open_snapshot,
    revoke_share,
    share_run,
    snapshot,
)

Make = Callable[..., Run]


def test_it_is_read_from_its_own_folder_alone(home: Path, make_run: Make) -> None:
    run, other = make_run(), make_run(seed=13)
    annotate_clade(run.path, run.class_names[:2], "the first two")
    vectors = {epoch: run.vectors(epoch) for epoch in run.label_epochs()}
    share, token = share_run(run, TreeSpec.of(run, 2, cut=4), beside=[other])
    shutil.rmtree(run.path)
    shutil.rmtree(other.path)
    opened = open_snapshot(token)
    assert opened.share == share and opened.spec == TreeSpec(run.id, 2, cut=4)
    assert [each.id for each in (opened.run, *opened.beside)] == [run.id, other.id]
    assert all(each.path.is_relative_to(home / "shares" / share.id) for each in (opened.run, *opened.beside))
    assert opened.run.label_epochs() == list(vectors) and len(vectors) == 4
    for epoch, wanted in vectors.items():
        np.testing.assert_array_equal(opened.run.vectors(epoch), wanted)
    assert (opened.run.path / "annotations.json").is_file()
    assert run_hierarchy(opened.run, opened.spec).names == run.class_names


def test_pictures_come_along_only_when_they_are_asked_for_and_one_of_a_class(make_run: Make) -> None:
    run = make_run(classes=5)
    assert open_snapshot(share_run(run)[1]).run.samples() is None
    kept, own = open_snapshot(share_run(run, pictures=True)[1]).run.samples(), run.samples()
    assert kept is not None and own is not None and kept.y.tolist() == [0, 1, 2, 3, 4] and len(own.y) == 10
    np.testing.assert_array_equal(kept.images, own.images[[own.y.tolist().index(i) for i in range(5)]])
    assert open_snapshot(share_run(make_run(images=False), pictures=True)[1]).run.samples() is None


def test_what_is_no_open_link_opens_nothing(home: Path, make_run: Make) -> None:
    run = make_run()
    soon = datetime.now(UTC) + timedelta(hours=1)
    (expired, a), (revoked, b) = share_run(run, expires=soon), share_run(run)
    path = home / "shares" / expired.id / "share.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"expires": "2020-01-01T00:00:00Z"}))
    revoke_share(revoked.id)
    for token in (a, b, "A" * 32, "", None, f"../{revoked.id}", b[:-1], b.swapcase(), expired.id, 7):
        for opens in (open_snapshot, open_card):
            with pytest.raises(ShareNotFound):
                opens(token)


@pytest.mark.parametrize("change", ["labels", "record", "more", "missing", "link", "outside"])
def test_a_folder_that_was_changed_is_not_shown(home: Path, make_run: Make, tmp_path: Path, change: str) -> None:
    run, other = make_run(), make_run("onehot")
    share, token = share_run(run)
    folder = home / "shares" / share.id / "runs" / run.id
    open_snapshot(token)  # what was compared once is compared again after a change
    labels = folder / "labels" / "epoch-0003.safetensors"
    if change == "labels":
        data = bytearray(labels.read_bytes())
        data[-1] ^= 1
        labels.write_bytes(data)
    elif change == "record":
        (folder / "run.json").write_bytes((other.path / "run.json").read_bytes())
    elif change == "more":
        shutil.copy(other.path / "cuts.json" if (other.path / "cuts.json").exists() else labels, folder / "cuts.json")
    elif change == "missing":
        labels.unlink()
    elif change == "link":
        labels.unlink()
        labels.symlink_to(other.path / "labels" / "epoch-0003.safetensors")
    else:
        manifest = home / "shares" / share.id / "share.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"runs": ["../../../runs/" + other.id]}))
    with pytest.raises(ShareNotFound):
        open_snapshot(token)


@pytest.mark.parametrize(
    "view", [{"epoch": "x"}, {"epoch": 1.5}, {"epoch": True}, {"groups": "x"}, {"groups": [2]}, {"linkage": [1]}, {}]
)
def test_a_view_that_is_none_is_not_shown(home: Path, make_run: Make, view: dict[str, object]) -> None:
    share, token = share_run(make_run())
    path = home / "shares" / share.id / "share.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"view": manifest["view"] | view if view else {}}))
    with pytest.raises(ShareNotFound):
        open_snapshot(token)


@pytest.mark.parametrize("name", ["runs/pipe", "runs/../../../pipe"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(home: Path, make_run: Make, name: str) -> None:
    share, token = share_run(make_run())
    folder = home / "shares" / share.id
    os.mkfifo(folder / name)
    manifest = json.loads((folder / "share.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "size": 0}
    (folder / "share.json").write_text(json.dumps(manifest))
    with pytest.raises(ShareNotFound):
        open_snapshot(token)
    for own in ("report.html", "share.json"):
        manifest["files"][own] = {"sha256": "0" * 64, "size": 0}
        (folder / "share.json").write_text(json.dumps(manifest))
        (folder / own).unlink()
        os.mkfifo(folder / own)
        with pytest.raises(ShareNotFound):
            open_share(token)
    assert [each.problem for each in list_shares()] == ["share.json is no file"]


def test_those_of_earlier_releases_are_a_report_alone(home: Path, make_run: Make) -> None:
    share, token = share_run(make_run())
    manifest = home / "shares" / share.id / "share.json"
    values = json.loads(manifest.read_text())
    del values["in_app"], values["files"]["card.png"]
    manifest.write_text(json.dumps(values))
    assert open_share(token)[1] and not list_shares()[0].in_app and not list_shares()[0].pictured
    for opens in (open_snapshot, open_card):
        with pytest.raises(ShareNotFound):
            opens(token)


def test_epochs_are_left_out_evenly_where_they_are_too_many(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(epochs=10)
    size = os.path.getsize(run.path / "labels" / "epoch-0001.safetensors")
    monkeypatch.setattr(snapshot, "MAX_LABEL_BYTES", 4 * size)
    assert open_snapshot(share_run(run, TreeSpec.of(run, 5))[1]).run.label_epochs() == [0, 3, 5, 7, 10]
    monkeypatch.setattr(snapshot, "MAX_LABEL_BYTES", size)
    assert open_snapshot(share_run(run, TreeSpec.of(run, 5))[1]).run.label_epochs() == [5]
    monkeypatch.setattr(snapshot, "MAX_LABEL_BYTES", 10**9)
    monkeypatch.setattr(snapshot, "MAX_EPOCHS_BESIDE", 4)
    both = [make_run(epochs=10, seed=seed) for seed in (13, 14)]
    opened = open_snapshot(share_run(run, TreeSpec.of(run, 5), beside=both)[1])
    assert [each.label_epochs() for each in opened.beside] == [[0, 5, 10]] * 2 and len(opened.run.label_epochs()) == 11


def test_the_reference_comes_along(make_run: Make) -> None:
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    taxonomy = open_snapshot(share_run(make_run(class_names=names))[1]).taxonomy
    assert taxonomy is not None and set(taxonomy.kept(names)) == set(range(10))
    assert open_snapshot(share_run(make_run(class_names=[f"x{i}q" for i in range(4)]))[1]).taxonomy is None


def test_the_picture_for_chat_windows(home: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    share, token = share_run(make_run(name="the shared one"))
    path = home / "shares" / share.id / "card.png"
    with Image.open(path) as picture:
        assert picture.size == (1_200, 630) and picture.text["Title"] == "the shared one"
    assert open_card(token) == path.read_bytes() and share.pictured
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ShareNotFound):
        open_card(token)

    def fails(*_: object, **__: object) -> bytes:
        raise ExportError("It cannot be drawn.", "")

    monkeypatch.setattr(snapshot, "tree_card", fails)
    share, token = share_run(open_run(share.runs[0]))
    assert not share.pictured and open_share(token)[1] and open_snapshot(token).run.id == share.runs[0]
