"""Folders to choose from: what lies below the allowed roots, nothing beside them, and quickly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lwal_core.datafiles import folder_browser
from lwal_core.datafiles.folder_browser import ROOTS, allowed_roots, folder_contents, view_folder
from lwal_core.datafiles.folders import scan_folder
from lwal_core.errors import DataError
from lwal_core.security.permissions import READ_ONLY, ReadOnlyError


def fill(folder: Path, **counts: int) -> Path:
    """Folders with so many files each that are called like images."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            (folder / name / f"{index}.png").touch()
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv(ROOTS, f"{tmp_path / 'data'}:{tmp_path / 'gone'}")
    return (tmp_path / "data").resolve()


def test_roots_are_those_of_the_settings_that_are_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert allowed_roots() == (root,)
    (root.parent / "again").symlink_to(root)
    monkeypatch.setenv(ROOTS, f"{root.parent / 'again'}:{root}")
    assert allowed_roots() == (root,)  # the same folder twice
    monkeypatch.delenv(ROOTS)
    assert allowed_roots() == ()


def test_sub_folders_come_in_natural_order_without_hidden_ones(root: Path) -> None:
    for name in ("run10", "run2", ".git", "__MACOSX", "Été"):
        (root / name).mkdir()
    (root / "a file").touch()
    view = view_folder(root)
    assert view.names == ("run2", "run10", "Été") and view.whole and not view.left_out
    assert view_folder(root, ("run2",)).path == root / "run2" and view_folder(root, ("run2",)).names == ()


def test_what_is_said_of_a_folder_is_what_the_scan_finds(root: Path) -> None:
    fill(root / "flat", ant=3, bee=2)
    fill(root / "split" / "train", ant=4, bee=5, cow=6)
    fill(root / "split" / "test", ant=1, bee=1, cow=2)
    fill(root / "loose", ant=3)
    (root / "empty").mkdir()
    view = view_folder(root)
    assert folder_contents(view).said() == "4 folders"
    (root / "loose" / "x.png").touch()
    for name in ("flat", "split"):
        held, listing = folder_contents(view, name), scan_folder(root / name)
        assert (held.classes, held.images) == (
            len(listing.classes),
            sum(listing.train_counts) + sum(listing.test_counts),
        )
        assert held.usable and held.whole
    assert folder_contents(view, "split").said() == "3 classes, 19 images"
    assert folder_contents(view, "empty").said() == "no images" and not folder_contents(view, "empty").usable
    assert folder_contents(view, "loose").said() == "1 class, 3 images" and not folder_contents(view, "loose").usable
    assert folder_contents(view_folder(root, ("flat", "ant"))).said() == "3 images, no classes"
    assert folder_contents(view, "split", most=10).said().startswith("at least ")


@pytest.mark.parametrize("parts", [("..",), ("a", "..", ".."), ("/etc",), ("a/../..",), (".hidden",), ("",), (".",)])
def test_a_way_out_in_the_parts_is_refused(root: Path, parts: tuple[str, ...]) -> None:
    (root / "a").mkdir()
    (root / ".hidden").mkdir()
    with pytest.raises(DataError, match="not shown"):
        view_folder(root, parts)


def test_a_link_out_of_the_root_is_not_listed_counted_or_followed(root: Path) -> None:
    secret = fill(root.parent / "secret", ant=3, bee=3)
    (root / "out").symlink_to(secret)
    (root / "inside").mkdir()
    (root / "in").symlink_to(root / "inside")
    (root / "loop").symlink_to(root / "loop")
    view = view_folder(root)
    assert view.names == ("in", "inside") and view.left_out == 1  # what leads nowhere is no folder
    with pytest.raises(DataError, match="link leads out"):
        view_folder(root, ("out",))
    with pytest.raises(DataError, match="not shown"):
        folder_contents(view, "out")
    assert folder_contents(view).folders == 2  # nor is it counted in the folder above
    with pytest.raises(DataError, match="cannot be reached"):
        view_folder(root, ("loop",))


def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_counted(root: Path) -> None:
    fill(root / "own", ant=1, bee=1)
    secret = fill(root.parent / "secret", x=3, y=3)
    before = view_folder(root)
    assert folder_contents(before, "own").classes == 2
    (root / "own").rename(root / "moved")
    (root / "own").symlink_to(secret)
    assert folder_contents(before, "own") == folder_contents(before, "own").__class__()
    with pytest.raises(DataError, match="leads out"):
        view_folder(root, ("own",))


def test_only_a_root_is_a_root(root: Path) -> None:
    (root / "a").mkdir()
    for other in (root / "a", root.parent, Path("/"), Path("relative")):
        with pytest.raises(DataError, match="no folder that may be looked into"):
            view_folder(other)


def test_who_may_not_write_does_not_look(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    with pytest.raises(ReadOnlyError):
        view_folder(root)


def test_names_that_cannot_be_written_into_a_form_are_left_out(root: Path) -> None:
    for name in ("a\nb", "\udcff", "‮gpj", "a‌b"):
        (root / name).mkdir()
    view = view_folder(root)
    assert view.names == ("a‌b",) and view.left_out == 3  # a joiner is part of a name


def test_a_folder_that_is_gone_or_closed_is_said(root: Path) -> None:
    with pytest.raises(DataError, match="There is no folder"):
        view_folder(root, ("nothing",))
    (root / "file").touch()
    with pytest.raises(DataError, match="cannot be read"):
        view_folder(root, ("file",))


def test_ten_thousand_folders_are_listed_at_once_and_counting_stops(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(10_000):
        (root / f"class{index}").mkdir()
    start = time.process_time()
    view = view_folder(root)
    assert len(view.names) == 10_000 and view.names[:2] == ("class0", "class1") and view.names[-1] == "class9999"
    held = folder_contents(view)
    assert time.process_time() - start < 1.0
    assert not held.whole and held.folders == folder_browser.COUNTED
    monkeypatch.setattr(folder_browser, "LOOKED_AT", 50)
    assert len(view_folder(root).names) == 50 and not view_folder(root).whole
