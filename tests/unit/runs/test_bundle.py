"""Run bundles: out and in again is equal; nothing that is no bundle writes a byte."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import ImportFileError, LwalError, RunError
from lwal_core.imports import examine, import_folder, import_run
from lwal_core.runs import Job, Owner, Run, RunWriter, annotate_clade, list_runs, open_run, runs_folder
from lwal_core.runs.bundle import MANIFEST, examine_bundle, import_bundle, write_bundle
from lwal_core.runs.files import read_arrays, write_arrays


@pytest.fixture
def bundle(make_run, tmp_path) -> tuple[Run, Path]:
    run = make_run(classes=4, epochs=2)
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(run))
    return run, file


def rewritten(file: Path, change) -> Path:
    """A bundle whose entries were changed: ``change(entries)`` works on ``name -> bytes``, and the manifest follows."""
    import hashlib

    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries.pop(MANIFEST))
    change(entries)
    manifest["files"] = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in entries.items()
    }
    target = file.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
        for name, data in entries.items():
            archive.writestr(name, data)
    return target


def test_out_and_in_on_a_second_home_is_equal(bundle, tmp_path, make_run):
    run, file = bundle
    other, new = import_bundle(file, home=tmp_path / "second")
    assert new and other.id == run.id and other.path != run.path
    assert other.record.model_dump(exclude={"owner"}) == run.record.model_dump(exclude={"owner"})
    np.testing.assert_array_equal(other.metrics().test_accuracy_mean, run.metrics().test_accuracy_mean)
    for epoch in run.label_epochs():
        np.testing.assert_array_equal(other.labels(epoch).labels, run.labels(epoch).labels)
        np.testing.assert_array_equal(other.labels(epoch).centroids, run.labels(epoch).centroids)
    np.testing.assert_array_equal(other.evaluation().z, run.evaluation().z)
    np.testing.assert_array_equal(other.evaluation().confusion, run.evaluation().confusion)
    assert write_bundle(other) == file.read_bytes()


def test_layers_and_samples_by_epoch_go_along(make_run, tmp_path):
    run = make_run(classes=4, epochs=2, layers=True)
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(run))
    other, _ = import_bundle(file, home=tmp_path / "second")
    assert other.tested_epochs() == [0, 1, 2] and other.sources() == ("centroids", "features", "labels")
    for epoch in range(3):
        np.testing.assert_array_equal(other.evaluation(epoch=epoch).z, run.evaluation(epoch=epoch).z)
        np.testing.assert_array_equal(other.vectors(epoch, "features"), run.vectors(epoch, "features"))
    np.testing.assert_array_equal(other.evaluation("features").z, run.evaluation("features").z)
    assert write_bundle(other) == file.read_bytes()
    file.write_bytes(write_bundle(run, evaluation=False))
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("tested", "eval"))]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("eval.safetensors", {"feature_pred": np.full(40, 4, np.int32)}),
        ("eval.safetensors", {"feature_rows": np.full(20, 40, np.int32)}),
        ("eval.safetensors", {"features": np.zeros((3, 2), np.float16)}),
        ("tested/epoch-0001.safetensors", {"pred": np.full(40, -1, np.int32)}),
        ("tested/epoch-0001.safetensors", {"rows": np.zeros(2, np.int32)}),
        ("labels/epoch-0001.safetensors", {"feature_means": np.zeros((3, 2), np.float32)}),
    ],
)
def test_layers_of_other_shapes_are_damage(make_run, tmp_path, name, change):
    run = make_run(classes=4, epochs=2, layers=True)
    write_arrays(run.path / name, {**read_arrays(run.path / name), **change})
    read = {
        "eval": lambda: run.evaluation("features"),
        "tested": lambda: run.evaluation(epoch=1),
        "labels": lambda: run.labels(1),
    }
    with pytest.raises(RunError, match="damaged"):
        read[name.replace("/", ".").partition(".")[0]]()
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(run))
    with pytest.raises(ImportFileError, match="damaged run"):
        import_bundle(file, home=tmp_path / "second")


def test_same_run_same_bytes(bundle):
    run, file = bundle
    assert write_bundle(run) == file.read_bytes()


def test_the_very_same_run_is_not_doubled(bundle):
    run, file = bundle
    again, new = import_bundle(file)
    assert (again.id, new) == (run.id, False)
    annotate_clade(run.path, ["class 0", "class 1"], name="pets")
    assert import_bundle(file)[1] is False


def test_another_run_of_the_same_id_gets_a_fresh_one(bundle):
    run, file = bundle
    (run.path / "metrics.jsonl").write_bytes(b'{"epoch":0}\n')
    other, new = import_bundle(file)
    assert new and other.id != run.id and other.id.startswith(run.id[:40]) and len(list_runs()) == 2


def test_parts_can_be_left_out(bundle, tmp_path):
    run, file = bundle
    small = write_bundle(run, images=False, evaluation=False)
    assert len(small) < file.stat().st_size
    (tmp_path / "small.zip").write_bytes(small)
    other, _ = import_bundle(tmp_path / "small.zip", home=tmp_path / "second")
    assert other.samples() is None
    with pytest.raises(LwalError, match="no eval"):
        other.evaluation()


def test_no_path_and_no_owner_leaves_the_machine(make_run, tmp_path):
    run = make_run(data={"name": f"folder:{tmp_path}/secret place/pets"})
    text = zipfile.ZipFile(io.BytesIO(write_bundle(run))).read("run.json").decode()
    assert str(tmp_path) not in text and '"folder:pets"' in text and '"owner": null' in text


def test_nothing_that_comes_in_waits_for_a_worker(make_run, tmp_path):
    """Neither a bundle that this program made nor one that claims to be in the queue."""
    run = make_run(status="cancelled")
    RunWriter(run.path).update(job=Job(number=7), owner=Owner.this_process())
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(open_run(run.id)))
    assert import_bundle(file, home=tmp_path / "second")[0].record.job is None

    def forge(entries):
        entries["run.json"] = entries["run.json"].replace(b'"job": null', b'"job": {"number": 7}')
        assert b'"number": 7' in entries["run.json"]

    other, _ = import_bundle(rewritten(file, forge), home=tmp_path / "third")
    assert open_run(other.id, tmp_path / "third").record.job is None


def test_a_run_in_training_is_not_bundled(make_run):
    with pytest.raises(LwalError, match="queued"):
        write_bundle(make_run(status="queued"))


def test_a_folder_is_imported_by_the_same_checks(bundle, tmp_path):
    run, _ = bundle
    copied, new = import_folder(run.path, home=tmp_path / "second", name="from a colleague")
    assert new and copied.name == "from a colleague" and copied.label_epochs() == run.label_epochs()


def test_a_name_for_people_can_be_given(bundle, tmp_path):
    assert import_run(examine(bundle[1]), name="Ours", home=tmp_path / "second")[0].name == "Ours"


def _add(name: str, data: bytes = b"x"):
    return lambda entries: entries.__setitem__(name, data)


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "/absolute",
        "labels/../../escaped",
        "a\\..\\b",
        "checkpoint/last.safetensors",
        "labels/epoch-1.npz",
        "C:\\x",
    ],
)
def test_names_that_are_no_files_of_a_run(bundle, tmp_path, name):
    file = rewritten(bundle[1], _add(name))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ImportFileError, match="not unpacked"):
        import_bundle(file)
    assert sorted(tmp_path.rglob("*")) == before


def test_bomb_link_twice_and_wrong_checksum(bundle, tmp_path):
    _, file = bundle
    bomb = rewritten(file, _add("annotations.json", b"\0" * 50_000_000))
    with pytest.raises(ImportFileError, match="200 times"):
        examine_bundle(bomb)
    link = tmp_path / "link.zip"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(link, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "metrics.jsonl":
                entry.external_attr, data = (stat.S_IFLNK | 0o777) << 16, b"/etc/passwd"
            target.writestr(entry, data)
    with pytest.raises(ImportFileError, match="no plain file"):
        import_bundle(link)
    twice = tmp_path / "twice.zip"
    twice.write_bytes(file.read_bytes())
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("run.json", "{}")
    with pytest.raises(ImportFileError, match="twice"):
        import_bundle(twice)
    wrong = tmp_path / "wrong.zip"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(wrong, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            target.writestr(entry, data.replace(b"0.5", b"0.9") if entry.filename == "metrics.jsonl" else data)
    count = len(os.listdir(runs_folder()))
    with pytest.raises(ImportFileError, match="checksum"):
        import_bundle(wrong)
    assert len(os.listdir(runs_folder())) == count


def test_a_size_that_lies_is_not_followed(bundle, tmp_path):
    """The directory says that a file is small, its packed bytes hold more: never more than promised is written."""
    _, file = bundle
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        size = archive.getinfo("metrics.jsonl").file_size
    for place in range(len(data) - 4):
        if data[place : place + 4] == size.to_bytes(4, "little"):
            data[place : place + 4] = (10).to_bytes(4, "little")
    lying = tmp_path / "lying.zip"
    lying.write_bytes(data)
    with pytest.raises(ImportFileError):
        import_bundle(lying)


def test_newer_formats_and_foreign_zips(bundle, tmp_path):
    foreign = tmp_path / "foreign.zip"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ImportFileError, match="no run bundle"):
        examine_bundle(foreign)

    def newer(entries):
        record = json.loads(entries["run.json"])
        entries["run.json"] = json.dumps(record | {"format": 99}).encode()

    with pytest.raises(ImportFileError, match="99"):
        examine_bundle(rewritten(bundle[1], newer))


def test_a_damaged_label_file_is_found_before_the_run_is_kept(bundle, tmp_path):
    file = rewritten(bundle[1], _add("labels/epoch-0001.safetensors", b"not tensors"))
    with pytest.raises(ImportFileError, match="damaged run"):
        import_bundle(file, home=tmp_path / "second")
    assert list_runs(tmp_path / "second") == []


@settings(max_examples=60)
@given(where=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
def test_damaged_bytes_end_in_a_sentence_or_in_the_same_run(bundle, tmp_path, where, value, cut):
    run, file = bundle
    data = bytearray(file.read_bytes())
    place = where % len(data)
    data[place] = value
    changed = tmp_path / "damaged.zip"
    changed.write_bytes(data[:place] if cut else data)
    try:
        other, _ = import_bundle(changed)
    except ImportFileError:
        return
    assert other.class_names == run.class_names


def test_thumbnails_that_unpack_to_too_much_are_no_thumbnails(make_run, monkeypatch):
    run = make_run(classes=3)
    assert run.samples() is not None
    monkeypatch.setattr("lwal_core.runs.files.MAX_NPZ_UNPACKED_BYTES", 1_000)
    assert run.samples() is None


@pytest.mark.parametrize(
    "change",
    [{"pred": 7}, {"y": -1}, {"confusion": None}],
    ids=["class too large", "negative class", "confusion of others"],
)
def test_an_evaluation_of_other_classes_is_damaged(make_run, change):
    from lwal_core.runs.files import read_arrays, write_arrays

    run = make_run(classes=3)
    arrays = read_arrays(run.path / "eval.safetensors")
    for name, value in change.items():
        if value is None:
            arrays[name] = np.zeros((5, 5), dtype=np.int64)
        else:
            arrays[name] = np.full_like(arrays[name], value)
    write_arrays(run.path / "eval.safetensors", arrays)
    with pytest.raises(LwalError, match="does not fit its 3 classes"):
        run.evaluation()


def test_a_folder_with_a_link_is_not_imported(make_run, tmp_path):
    run = make_run(images=False)
    secret = tmp_path / "secret"
    secret.write_text("key")
    (run.path / "samples.npz").symlink_to(secret)
    with pytest.raises(ImportFileError, match="is a link"):
        import_folder(run.path, home=tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_a_negative_size_is_refused(bundle, tmp_path):
    with zipfile.ZipFile(bundle[1]) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries[MANIFEST])
    manifest["files"]["run.json"]["size"] = -1
    changed = tmp_path / "negative.zip"
    with zipfile.ZipFile(changed, "w") as archive:
        for name, data in {**entries, MANIFEST: json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    with pytest.raises(ImportFileError, match="negative size"):
        examine_bundle(changed)


@pytest.mark.parametrize("name", ["x.bundle", "x", "x.csv"])
def test_a_bundle_is_known_by_its_content_whatever_it_is_called(make_run, tmp_path, name):
    run = make_run(name="mine")
    target = tmp_path / name
    target.write_bytes(write_bundle(run))
    found = examine(target)
    assert found.bundle is not None and found.bundle.record.name == "mine"
    other = tmp_path / "other.bundle"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.csv", "x")
    with pytest.raises(LwalError, match="bundle"):
        examine(other)
