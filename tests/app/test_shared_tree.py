"""A snapshot in the app: epochs, groups, names, support, pictures, a tree beside; of the home nothing, and nothing is changed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.share import shared_tree
from app.share.made_link import frame_of
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, annotate_clade
from lwal_core.security.permissions import SHARES_ONLY, ReadOnlyError
from lwal_core.shares import revoke_share, share_run
from lwal_core.shares.store import NOWHERE
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]

PNG = "iVBORw0K"
"""How the address of a picture begins."""


def shown(at: AppTest) -> str:
    """All that the page sends to the browser, figures included."""
    return "\n".join(str(getattr(node, "proto", "")) for node in at._tree)


def toggle(at: AppTest, label: str) -> AppTest:
    found = next(each for each in at.toggle if each.label == label)
    at = found.set_value(not found.value).run()
    assert not at.exception, at.exception
    return at


def test_epochs_groups_names_and_pictures_without_the_run(open_page: Open, make_run: Make, home: Path) -> None:
    run = make_run(name="the shared one")
    make_run("onehot", name="a private one")
    annotate_clade(run.path, run.class_names[:2], "the first two")
    _, token = share_run(run, TreeSpec.of(run, 2, cut=4), pictures=True)
    for folder in (home / "runs").iterdir():
        shutil.rmtree(folder)
    at = open_page("home", {"share": token})
    assert len(at.get("plotly_chart")) == 1 and not at.get("iframe") and not at.sidebar.children
    said = text_of(at).replace("\\", "")
    assert "the shared one" in said and "At 4 groups" in said and "private" not in shown(at)
    epochs = at.select_slider[0]
    assert epochs.value == 2 and epochs.options == ["0", "1", "2", "3"] and PNG in shown(at)
    before = shown(at)
    at = epochs.set_value(3).run()
    assert not at.exception and shown(at) != before
    at = at.slider[0].set_value(3).run()
    assert not at.exception and "At 3 groups" in text_of(at).replace("\\", "")
    assert PNG not in shown(toggle(at, "Pictures of the classes"))


def test_support_and_a_tree_beside_come_from_the_runs_of_the_snapshot(open_page: Open, make_run: Make) -> None:
    run = make_run()
    beside = [make_run(seed=13), make_run(seed=14), make_run("onehot")]
    make_run(seed=15)  # of the home, not of the snapshot
    at = open_page("home", {"share": share_run(run, beside=beside)[1]})
    at = toggle(at, "Support over seeds")
    assert "percent of 2 other seeds" in text_of(at)
    (other,) = [box for box in at.selectbox if box.label == "Beside this tree"]
    assert other.options == [
        "Nothing", "Epoch 0", *(f"LwAL, seed {seed}, epoch 3" for seed in (13, 14)), "One-hot, seed 12, epoch 3"
    ]  # fmt: skip
    for choice in other.options[1:]:
        at = next(box for box in at.selectbox if box.label == "Beside this tree").set_value(choice).run()
        assert (
            not at.exception
            and len(at.get("plotly_chart")) == 2
            and "of the left tree are in the right one" in text_of(at)
        )
    alone = open_page("home", {"share": share_run(run)[1]})
    assert "Support over seeds" not in [each.label for each in alone.toggle]


def test_a_class_is_found_and_its_clade_folded(open_page: Open, make_run: Make) -> None:
    at = open_page("home", {"share": share_run(make_run())[1]})
    at = next(box for box in at.selectbox if box.label == "Class").set_value("class 3").run()
    assert not at.exception and "Nearest: " in text_of(at)
    at = at.button(key="shared_up").click().run()
    at = at.button(key="shared_fold").click().run()
    assert not at.exception and "a click on a closed clade opens it" in text_of(at)
    at = at.button(key="shared_whole").click().run()
    assert not at.exception and "a click on a closed clade opens it" not in text_of(at)


def test_a_link_that_is_revoked_shows_nothing_at_the_next_move(open_page: Open, make_run: Make) -> None:
    share, token = share_run(make_run())
    at = open_page("home", {"share": token})
    revoke_share(share.id)
    at = at.select_slider[0].set_value(1).run()
    assert NOWHERE in text_of(at).replace("\\", "") and not at.get("plotly_chart") and not at.slider


@pytest.mark.parametrize("query", [{}, {"view": "Report"}, {"view": "x"}, {"view": ["Report", "x"]}])
def test_no_run_of_the_home_can_be_asked_for(
    open_page: Open, make_run: Make, query: dict[str, str | list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, private = make_run(name="the shared one"), make_run("onehot", name="a private one")
    _, token = share_run(run)
    hostile = {"run": private.id, "left": private.id, "runs": private.group, "beside": f"{private.id}", "page": "train"}
    monkeypatch.setenv(SHARES_ONLY, "1")
    for page in ("home", "hierarchy", "train"):
        at = open_page(page, {"share": token, **query, **(hostile if page == "home" else {})})
        assert "a private one" not in shown(at) and "the shared one" in shown(at)
        assert not at.get("page_link") and not at.get("file_uploader") and not at.get("download_button")


def test_whoever_came_by_a_link_changes_nothing_whatever_the_page_calls(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, refused = make_run(), list[str]()

    def writes(*_: object) -> None:
        try:
            annotate_clade(run.path, run.class_names[:2], "x")
        except ReadOnlyError as error:
            refused.append(str(error))

    at = open_page("home", {"share": share_run(run)[1]})
    monkeypatch.setattr("app.share.shared_tree.draw_groups", writes)
    at.run()
    assert not at.exception and len(refused) == 1 and "only owners change things here" in refused[0]
    assert not (run.path / "annotations.json").exists()


def test_visitors_trees_are_built_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, most = list[int](), list[int]()

    def built(_: object, number: int) -> int:
        now.append(number)
        time.sleep(0.02)
        most.append(len(now))
        now.remove(number)
        return number

    monkeypatch.setattr(shared_tree, "run_hierarchy", built)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda number: shared_tree._hierarchy("no share", number, None), range(4))  # type: ignore[arg-type]
        assert list(found) == [0, 1, 2, 3]
    assert most == [1] * 4


def test_many_classes_and_few(open_page: Open, make_run: Make) -> None:
    for classes in (1, 2, 200):
        at = open_page("home", {"share": share_run(make_run(classes=classes, epochs=1))[1]})
        assert len(at.get("plotly_chart")) == 1, classes
    assert "Showing" in text_of(at)


def test_the_frame_for_other_pages_is_escaped() -> None:
    html = frame_of("https://lab.example/?share=abc", '"><script>')
    assert 'src="https://lab.example/?share=abc&amp;embed=true"' in html and "<script" not in html
