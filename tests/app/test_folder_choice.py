"""Your images: a folder is found without typing, or brought as a zip file, and then trained on as any folder."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lwal_core.datafiles.folder_browser import ROOTS
from lwal_core.datafiles.uploaded_images import uploaded_images, uploads_folder
from lwal_core.runs import list_runs, open_run
from lwal_core.security.permissions import READ_ONLY
from tests.app.conftest import said, text_of

Open = Callable[..., AppTest]


def picture(value: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 9), (value, 0, 0)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path.resolve() / "data"
    for name in ("ant", "bee"):
        (folder / "my pets" / name).mkdir(parents=True)
        for index in range(4):
            (folder / "my pets" / name / f"{index}.png").write_bytes(picture(index))
    monkeypatch.setenv(ROOTS, str(folder))
    return folder


def of_folders(open_page: Open) -> AppTest:
    return open_page("train", {"train_source": "Image folder"})


def opened(open_page: Open) -> AppTest:
    return press(of_folders(open_page), "train_choice")


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception, at.exception
    return at


def upload(at: AppTest, name: str, data: bytes) -> AppTest:
    at.file_uploader(key="train_choice_file").set_value((name, data, "application/zip")).run()
    assert not at.exception, at.exception
    return at


def archive(*more: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for index, name in enumerate((*(f"pets/{c}/{i}.png" for c in ("ant", "bee") for i in range(3)), *more)):
            packed.writestr(zipfile.ZipInfo(name), picture(index))
    return out.getvalue()


def test_a_folder_is_chosen_by_going_down_and_is_previewed(open_page: Open, root: Path) -> None:
    (root / ".hidden").mkdir()
    (root / "out").symlink_to(root.parent)
    at = opened(open_page)
    assert "1 folder left out" in text_of(at)
    assert at.button(key="train_choice_use").disabled and at.button(key="train_choice_up").disabled
    (down,) = [button for button in at.button if str(button.key).startswith("train_choice_in_")]
    assert down.label == "**my pets**: 2 classes, 8 images"
    at = press(at, str(down.key))
    assert "my pets" in text_of(at) and not at.button(key="train_choice_up").disabled
    at = press(press(at, "train_choice_up"), "train_choice_in_my pets")
    at = press(at, "train_choice_use")
    assert at.text_input(key="train_path").value == str(root / "my pets") and not at.error
    assert said(at, "train_path") == [str(root / "my pets")]
    assert at.dataframe[0].value["Class"].tolist() == ["ant", "bee"]
    assert not at.button(key="train_start").disabled
    assert not any(str(button.key).startswith("train_choice_") for button in at.button)  # the dialog is closed


def test_among_many_folders_one_is_found_by_a_part_of_its_name(open_page: Open, root: Path) -> None:
    for index in range(60):
        (root / f"set{index}").mkdir()
    at = opened(open_page)
    assert "31 more" in text_of(at).replace("\\", "")
    at.text_input(key="train_choice_find").set_value("PETS").run()
    assert [b.key for b in at.button if str(b.key).startswith("train_choice_in_")] == ["train_choice_in_my pets"]


def test_without_roots_it_says_which_setting_names_them(open_page: Open, home: Path) -> None:
    at = opened(open_page)
    assert at.segmented_control(key="train_choice_from").value == "Zip file"
    at.segmented_control(key="train_choice_from").set_value("On this machine").run()
    assert not at.exception and f"`{ROOTS}` says below which folders" in text_of(at)


def test_a_made_up_way_out_is_refused_in_a_line(open_page: Open, root: Path) -> None:
    at = opened(open_page)
    at.session_state["train_choice_parts"] = ("..", "..", "etc")
    at.run()
    assert not at.exception and any("not shown" in error.value for error in at.error)
    assert not at.error or not any("etc" in button.label for button in at.button)
    assert not any(error.value for error in press(at, "train_choice_top").error if "not shown" in error.value)


def test_a_zip_file_is_kept_previewed_and_trained_on(open_page: Open, home: Path) -> None:
    at = upload(opened(open_page), "My pets.zip", archive("pets/notes.txt"))
    (kept,) = uploaded_images()
    assert kept.title == "My pets" and "Left out 1 file that is no image" in text_of(at).replace("\\", "")
    at = press(at, f"train_choice_zip_{kept.path.parent.name}")
    assert at.text_input(key="train_path").value == str(kept.path) and not at.error
    assert at.dataframe[0].value["Class"].tolist() == ["ant", "bee"]
    assert all(strip.startswith("data:image/png") for strip in at.dataframe[0].value["Pictures"])
    at.text_input(key="train_seeds").set_value("1").run()
    press(at, "train_start")
    run = open_run(list_runs()[0].id)
    assert run.config.data.name == f"folder:{kept.path}" and run.config.data.title == "My pets"

    again = opened(open_page)
    assert "Brought before" in text_of(again)
    assert again.button(key=f"train_choice_zip_{kept.path.parent.name}").label == "Use My pets"


def test_a_zip_file_that_leads_out_is_refused_in_a_line_and_leaves_nothing(open_page: Open, home: Path) -> None:
    at = upload(opened(open_page), "x.zip", archive("../../evil.png"))
    assert any("leads out of its folder" in error.value.replace("\\", "") for error in at.error)
    assert list(uploads_folder().iterdir()) == [] and not (home.parent / "evil.png").exists()
    assert not any(str(button.key).startswith("train_choice_zip_") for button in at.button)
    at.run()
    assert any("leads out" in error.value for error in at.error)  # said once more, not looked at once more


def test_in_read_only_mode_nothing_is_shown_or_taken(
    open_page: Open, root: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    at = of_folders(open_page)
    assert at.button(key="train_choice").disabled
    at.session_state["train_choice_open"] = True  # as a client of its own would
    at.run()
    assert any(READ_ONLY in error.value.replace("\\", "") for error in at.error)
    assert not any("my pets" in button.label for button in at.button)
    at.segmented_control(key="train_choice_from").set_value("Zip file").run()
    upload(at, "x.zip", archive())
    assert any(READ_ONLY in error.value.replace("\\", "") for error in at.error) and not uploads_folder().exists()
