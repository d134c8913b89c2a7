"""Vectors from elsewhere on every page, and the dialog that brings them in."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from app.common.pages import page_names
from lwal_core.imports import examine, hub, import_run
from lwal_core.runs import Run, list_runs, open_run
from lwal_core.runs.bundle import write_bundle
from lwal_core.security.permissions import READ_ONLY
from tests.app.conftest import text_of
from tests.support.hub_server import COMMIT, played_hub

CSV = "name,x,y,z\ncat,1,2,0\ndog,1.5,2,0\ntruck,9,9,1\nship,8,9,2\n"


@pytest.fixture
def imported(tmp_path: Path) -> Run:
    file = tmp_path / "animals.csv"
    file.write_text(CSV)
    return import_run(examine(file))[0]


@pytest.mark.parametrize("page", page_names())
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside trained runs"])
def test_every_page_draws_with_imported_vectors(open_page, make_run, imported, page, beside):
    groups = [imported.group]
    if beside:
        groups += [make_run(class_names=["cat", "dog", "truck", "ship"]).group, make_run("onehot", classes=5).group]
    at = open_page(page, {"runs": groups, "run": imported.id})
    assert not at.error


def test_curves_say_what_is_not_there(open_page, make_run, imported):
    at = open_page("curves", {"runs": [imported.group, make_run().group]})
    assert "Not here: animals. Imported vectors have no training to compare." in text_of(at)


def test_home_marks_what_was_imported(open_page, imported):
    at = open_page()
    row = at.dataframe[0].value.iloc[0]
    assert (row["Name"], row["Status"], row["Epochs"]) == ("animals", "imported", "")


def test_pages_speak_of_no_training(open_page, imported):
    text = text_of(open_page("embeddings", {"run": imported.id}))
    assert "Before training" not in text and "cat and dog are nearest" in text


def opened(open_page):
    at = open_page()
    return at.button(key="bring").click().run()


def brought(at, name: str, data: bytes):
    return brought_together(at, {name: data})


def brought_together(at, files: dict[str, bytes]):
    at.file_uploader(key="bring_file").set_value(
        [(name, data, "application/octet-stream") for name, data in files.items()]
    ).run()
    assert not at.exception
    return at


def test_a_table_is_shown_and_kept(open_page):
    at = brought(opened(open_page), "animals.csv", CSV.encode())
    text = text_of(at)
    assert "4 classes in 3 dimensions; names from the file" in text and r"SHA\-256" in text
    assert list_runs() == []
    at.text_input(key="bring_name").set_value("Mine").run()
    at.button(key="bring_keep").click().run()
    assert not at.exception and not at.error
    (run,) = list_runs()
    assert (run.name, run.imported) == ("Mine", True)
    assert not at.file_uploader  # the dialog is closed
    assert at.dataframe[0].value["Name"].tolist() == ["Mine"]


def test_class_names_can_be_typed(open_page):
    at = brought(opened(open_page), "a.csv", b"0.5,1\n2,3\n")
    at.text_area(key="bring_names").set_value("left\nright").run()
    at.button(key="bring_keep").click().run()
    assert open_run(list_runs()[0].id).class_names == ("left", "right")


def test_another_tensor_is_chosen_from_the_list(open_page, tmp_path):
    save_file(
        {"fc.weight": np.eye(3, 5, dtype=np.float32), "x.weight": np.eye(4, 6, dtype=np.float32)},
        tmp_path / "m.safetensors",
    )
    at = brought(opened(open_page), "m.safetensors", (tmp_path / "m.safetensors").read_bytes())
    assert at.selectbox(key="bring_tensor").value == "fc.weight"
    at.selectbox(key="bring_tensor").set_value("x.weight").run()
    at.button(key="bring_keep").click().run()
    run = open_run(list_runs()[0].id)
    assert run.vectors(0).shape == (4, 6) and run.record.origin.tensor == "x.weight"


@pytest.mark.parametrize("rows", [1, 10_001], ids=["one row", "too many rows"])
def test_after_a_refused_head_another_tensor_is_chosen(open_page, tmp_path, rows):
    tensors = {"classifier.weight": np.eye(rows, 3), "hidden.weight": np.eye(4, 6), "hidden.bias": np.ones(4)}
    save_file({key: value.astype(np.float32) for key, value in tensors.items()}, tmp_path / "m.safetensors")
    at = brought(opened(open_page), "m.safetensors", (tmp_path / "m.safetensors").read_bytes())
    assert "classifier.weight" in at.error[0].value.replace("\\", "") and not list_runs()
    choice = at.selectbox(key="bring_tensor")
    assert choice.value is None and [option.split()[0] for option in choice.options] == ["hidden.weight"]
    choice.set_value("hidden.weight").run()
    assert not at.error
    at.button(key="bring_keep").click().run()
    assert open_run(list_runs()[0].id).record.origin.tensor == "hidden.weight"


def test_a_bundle_and_the_same_again(open_page, make_run, tmp_path, monkeypatch):
    data = write_bundle(make_run(name="From afar"))
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "second"))
    for _ in range(2):
        at = brought(opened(open_page), "run.zip", data)
        assert "From afar" in text_of(at) and "without weights" in text_of(at)
        at.button(key="bring_keep").click().run()
        assert not at.exception and not at.error
    assert [run.name for run in list_runs()] == ["From afar"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"name,x\ncat,1\ndog,nan\n", "dog"),
        ("a.csv", b"", "empty"),
        ("a.zip", b"PK", "no whole zip"),
        ("../../a.npy", b"\x93NUMPY", "a.npy"),
    ],
    ids=["nan", "empty", "no zip", "cut off, with a path for a name"],
)
def test_what_cannot_be_read_is_a_sentence(open_page, name, data, said):
    at = brought(opened(open_page), name, data)
    assert any(said in error.value.replace("\\", "") for error in at.error)
    assert list_runs() == []


def test_a_path_on_the_server_and_a_run_folder(open_page, make_run, tmp_path, monkeypatch):
    run = make_run(name="Copied")
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "second"))
    at = opened(open_page)
    at.segmented_control(key="bring_from").set_value("Path on the server").run()
    at.text_input(key="bring_path").set_value(str(tmp_path / "absent")).run()
    assert "no file" in at.error[0].value
    at.text_input(key="bring_path").set_value(str(run.path)).run()
    at.button(key="bring_keep").click().run()
    assert not at.error and [found.name for found in list_runs()] == ["Copied"]


def test_hostile_names_stay_text(open_page, home):
    hostile = "<img src=x onerror=alert(1)> :red[x] =cmd()"
    at = brought(opened(open_page), "a.csv", f'name,x\n"{hostile}",1\ndog,2\n'.encode())
    at.button(key="bring_keep").click().run()
    assert not at.exception
    assert open_run(list_runs()[0].id).class_names[0] == hostile
    for page in ("embeddings", "hierarchy"):
        shown = text_of(open_page(page))
        assert hostile not in shown and ":red[x]" not in shown.replace("\\", "\\\\")


def test_uploads_are_cleared_away(open_page, home):
    brought(opened(open_page), "a.csv", CSV.encode())
    (old,) = (home / "cache" / "incoming").iterdir()
    os.utime(old, (0, 0))
    brought(opened(open_page), "b.csv", CSV.encode())
    assert [folder.name != old.name for folder in (home / "cache" / "incoming").iterdir()] == [True]


def test_a_zip_that_is_no_bundle(open_page, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.txt", "x")
    at = brought(opened(open_page), "a.zip", (tmp_path / "a.zip").read_bytes())
    assert "no run bundle" in at.error[0].value


@pytest.fixture
def played(monkeypatch):
    with played_hub() as running:
        monkeypatch.setenv(hub.HUB_HOSTS, running.host)
        yield running


def from_hub(open_page, address: str):
    at = opened(open_page)
    at.segmented_control(key="bring_from").set_value("Model hub").run()
    at.text_input(key="bring_hub_address").set_value(address).run()
    assert not at.exception
    return at


def test_a_file_of_a_hub_is_chosen_fetched_and_kept(open_page, played):
    at = from_hub(open_page, f"http://{played.host}/org/repo")
    (file,) = [box for box in at.selectbox if box.label == "File"]
    assert len(file.options) == 2 and not any("resolve" in path for path in played.asked)  # nothing comes unasked
    file.set_value("vectors.csv").run()
    at.button(key="bring_hub_fetch").click().run()
    assert not at.exception and "3 classes in 2 dimensions" in text_of(at)
    at.button(key="bring_keep").click().run()
    assert not at.exception and not at.error
    (run,) = list_runs()
    assert run.imported
    assert open_run(run.id).record.origin.source == f"http://{played.host}/org/repo/blob/{COMMIT}/vectors.csv"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1/org/repo", "is not among the hubs that are asked"),
        ("http://169.254.169.254/latest/meta-data", "is not among the hubs that are asked"),
        ("http://HOST/org/none", "answers 404"),
        ("http://HOST/org/repo/blob/main/README.md", "is not among the files"),
        ("no address", "is not among the hubs that are asked"),
        ("<script>alert(1)</script>[x](http://evil.example)", "is not among the hubs that are asked"),
    ],
)
def test_an_address_that_is_none_of_a_hub_is_a_sentence(open_page, played, address, said):
    at = from_hub(open_page, address.replace("HOST", played.host))
    assert len(at.error) == 1 and said in at.error[0].value.replace("\\", "") and "<script>" not in at.error[0].value
    assert not [button for button in at.button if button.key == "bring_hub_fetch"]


def test_read_only_mode_asks_no_hub(open_page, played, monkeypatch):
    at = opened(open_page)
    at.segmented_control(key="bring_from").set_value("Model hub").run()
    monkeypatch.setenv(READ_ONLY, "1")
    at.text_input(key="bring_hub_address").set_value(f"http://{played.host}/org/repo").run()
    assert not at.exception and READ_ONLY in at.error[0].value.replace("\\", "") and played.asked == []
