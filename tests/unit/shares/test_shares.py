"""Shared snapshots: whole or not at all, seen with the right token only, never changed, taken back for good."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import ExportError, LwalError
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunWriter, open_run
from lwal_core.security.permissions import READ_ONLY, SHARES_ONLY, ReadOnlyError
from lwal_core.shares import ShareNotFound, list_shares, open_share, revoke_share, share_run, store

Make = Callable[..., Run]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_link_shows_the_run_as_it_was(home: Path, make_run: Make) -> None:
    run, other = make_run(), make_run("onehot")
    share, token = share_run(run, TreeSpec.of(run, 2, cut=4), beside=[other, run], note="for  Ada")
    again, report = open_share(token)
    assert again == share and share.note == "for Ada" and share.runs == (run.id, other.id)
    assert share.view == {
        "epoch": 2, "vectors": "centroids", "linkage": "average", "distance": "euclidean", "groups": 4, "classes": 10
    }  # fmt: skip
    assert b'max="10" value="4"' in report and b"One-hot" in report
    # What happens to the runs later does not reach it.
    RunWriter(run.path).update(name="renamed")
    (run.path / "metrics.jsonl").unlink()
    (other.path / "run.json").unlink()
    assert open_share(token)[1] == report


def test_the_files_that_it_was_drawn_from_are_copied_with_checksums(home: Path, make_run: Make) -> None:
    run, other = make_run(), make_run("onehot")
    share, _ = share_run(run, beside=[other])
    folder = home / "shares" / share.id
    manifest = json.loads((folder / "share.json").read_text())
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"share.json"}
    assert found == set(manifest["files"]) and f"runs/{run.id}/labels/epoch-0003.safetensors" in found
    for name, fact in manifest["files"].items():
        data = (folder / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == fact["sha256"] and len(data) == fact["size"]
    assert not list((home / "shares").glob(".*.part"))


def test_the_token_is_long_new_each_time_and_kept_nowhere(home: Path, make_run: Make) -> None:
    run = make_run()
    tokens = [share_run(run)[1] for _ in range(3)]
    assert len(set(tokens)) == 3 and all(len(token) == 32 for token in tokens)  # 32 of 64 characters: 192 bit
    kept = everything(home / "shares")
    assert not any(token.encode() in kept for token in tokens)
    assert {share.id for share in list_shares()} == {hashlib.sha256(t.encode()).hexdigest()[:16] for t in tokens}


def test_unknown_expired_revoked_and_damaged_links_read_alike(home: Path, make_run: Make) -> None:
    run, soon = make_run(), datetime.now(UTC) + timedelta(hours=1)
    (expired, a), (revoked, b), (damaged, c), (changed, d) = [share_run(run, expires=soon) for _ in range(4)]
    path = home / "shares" / expired.id / "share.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"expires": "2020-01-01T00:00:00Z"}))
    revoke_share(revoked.id)
    (home / "shares" / damaged.id / "share.json").write_text("{")
    report = home / "shares" / changed.id / "report.html"
    report.write_bytes(report.read_bytes().replace(b"LwAL", b"XXXX"))
    said = set()
    for token in (a, b, c, d, "A" * 32, "", "../../etc", None, 7, ["x"], expired.id):
        with pytest.raises(ShareNotFound) as caught:
            open_share(token)
        said.add(str(caught.value))
    assert len(said) == 1
    states = {share.id: share.state() for share in list_shares()}
    assert states == {expired.id: "expired", revoked.id: "revoked", damaged.id: "damaged", changed.id: "open"}


@settings(max_examples=100)
@given(st.one_of(st.text(), st.text("abcXYZ019-_./\\%\0", min_size=30, max_size=34), st.binary(), st.none()))
def test_no_text_is_a_way_in(home: Path, token: object) -> None:
    with pytest.raises(ShareNotFound):
        open_share(token)


def test_a_manifest_of_another_snapshot_opens_nothing(home: Path, make_run: Make) -> None:
    """The hash that a folder is called by is not the whole of it, and it is the whole that is compared."""
    run = make_run()
    (one, token), (two, _) = share_run(run), share_run(run)
    shares = home / "shares"
    (shares / one.id / "share.json").write_bytes((shares / two.id / "share.json").read_bytes())
    with pytest.raises(ShareNotFound):
        open_share(token)


def test_a_snapshot_reveals_no_paths_of_this_machine(home: Path, make_run: Make, tmp_path: Path) -> None:
    run = make_run(data={"name": f"folder:{tmp_path}/secret/birds"})
    _, token = share_run(run)
    report = open_share(token)[1].decode()
    assert "birds" in report and str(tmp_path) not in report and "secret" not in report


def test_revoking_again_changes_nothing_and_unknown_ids_are_refused(home: Path, make_run: Make) -> None:
    share, _ = share_run(make_run())
    first = revoke_share(share.id)
    assert revoke_share(share.id) == first and first.state() == "revoked"
    for wrong in ("0" * 16, "../x", "", "a" * 64):
        with pytest.raises(ExportError):
            revoke_share(wrong)


@pytest.mark.parametrize(
    "options",
    [{"expires": datetime(2020, 1, 1, tzinfo=UTC)}, {"note": "x" * 600}, {"spec": TreeSpec("run", 99)}],
)
def test_what_cannot_be_shared_leaves_nothing_behind(home: Path, make_run: Make, options: dict) -> None:
    run = make_run()
    with pytest.raises(LwalError):
        share_run(run, **options)
    assert list_shares() == [] and not list((home / "shares").glob("*/*"))


def test_a_link_in_the_folder_is_no_way_out(home: Path, make_run: Make) -> None:
    with pytest.raises(ValueError, match="no file of a snapshot"):
        store.inside("../../x")
    with pytest.raises(ValueError, match="no file of a snapshot"):
        store.inside("/etc/passwd")
    share, _ = share_run(make_run())
    assert oct((home / "shares" / share.id).stat().st_mode)[-3:] == "700"


@pytest.mark.parametrize("variable", [READ_ONLY, SHARES_ONLY])
def test_read_only_shows_and_does_not_change(
    home: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    run = make_run()
    share, token = share_run(run)
    before = everything(home)
    monkeypatch.setenv(variable, "1")
    for change in (lambda: share_run(run), lambda: revoke_share(share.id)):
        with pytest.raises(ReadOnlyError, match=variable):
            change()
    assert open_share(token)[0] == share and everything(home) == before
    assert open_run(run.id).id == run.id


def test_no_more_than_can_be_listed(home: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_KEPT", 2)
    run = make_run()
    share_run(run), share_run(run)
    with pytest.raises(ExportError, match="kept already"):
        share_run(run)


def test_a_home_that_cannot_be_written_is_said(home: Path, make_run: Make) -> None:
    run = make_run()
    (home / "shares").write_text("in the way")
    with pytest.raises(ExportError, match="cannot be written"):
        share_run(run)
    assert os.listdir(home) and list_shares() == []
