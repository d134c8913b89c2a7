"""Read-only mode and the mode that shows links only, tried against every action of every page.

A hostile client sends what the page shows as disabled, too: each button, form, switch and uploader is set, enabled or
not, and afterwards every file of the home but its cache is what it was.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import page_path
from app.hierarchy import own_columns
from app.imports import import_dialog
from app.taxonomy import dialogs
from app.taxonomy.picker import REFERENCE
from app.training import folder_choice
from app.tree.chosen_node import CLADE
from app.try_image import view
from lwal_core.doctor.checks import examine as doctor
from lwal_core.imports import examine, import_run
from lwal_core.inference.socket_path import server_folder
from lwal_core.jobs.admission import Priority, Waiter, waiters
from lwal_core.jobs.gc import delete
from lwal_core.jobs.worker_heartbeat import admission_folder
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run, RunWriter, annotate_clade
from lwal_core.runs.edits import archive
from lwal_core.runs.files import write_json
from lwal_core.runs.own_columns import OwnColumn, OwnTable, keep_own_columns
from lwal_core.runs.owner import Owner
from lwal_core.security.permissions import READ_ONLY, SHARES_ONLY
from lwal_core.shares import share_run
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.store import save_taxonomy
from tests.app.conftest import ENTRY
from tests.support.runs import write_run

pytestmark = pytest.mark.page

Make = Callable[..., Run]
TREE = b"(('class 0','class 1')pets,('class 2','class 3')vehicles,('class 4','class 5')rest);"
PRESSED = ("button", "form_submit_button", "checkbox", "toggle", "file_uploader")
MAY_START = ("lwal_core.projections", "lwal_core.inference_server")
"""Processes that look: they lay out and ask a model, and write nothing but the cache."""


class Home:
    """A home with a run of every kind.

    Attributes:
        folder: Where.
        runs: By status, and "imported", "binned", "archived".
        vectors: A table of label vectors outside.
    """

    def __init__(self, folder: Path, make: Make, outside: Path) -> None:
        self.folder = folder
        self.vectors = outside / "vectors.csv"
        self.vectors.write_text("name,x,y,z\ncat,0,1,2\ndog,1,0,1\ncar,5,5,5\n")
        small: dict[str, Any] = {"classes": 6, "epochs": 2, "dim": 4}
        self.runs = {"onehot": make("onehot", **small), "done": make(**small), "again": make(seed=123, **small)}
        for status in ("queued", "running", "cancelled", "failed", "interrupted", "paused"):
            run = self.runs[status] = make(status="queued", **small)
            if status != "queued":
                RunWriter(run.path).move_to("running")
            if status not in ("queued", "running"):
                RunWriter(run.path).move_to(status, "as it happens")
        self.runs["archived"] = archive(make(**small))
        self.runs["imported"] = import_run(examine(self.vectors))[0]
        binned = make(**small)
        delete(binned.id)
        # Who stood in line and is gone: lists of what waits come by here.
        gone = Owner.this_process().model_copy(update={"pid": 2**22 + 1, "started": 0.0, "ticks": 0})
        line = admission_folder(folder)
        write_json(line / Waiter(Priority.of(0, 1), self.runs["queued"].id).file_name, gone.model_dump())
        damaged = make(**small)
        (damaged.path / "run.json").write_text("{")
        self.damaged = damaged.id
        self.taxonomy = save_taxonomy(parse_taxonomy(TREE, "tree.nwk", name="mine")).name
        self.share = share_run(self.runs["done"], note="kept")[1]
        h = run_hierarchy(self.runs["done"])
        self.clade = tuple(h.names[i] for i in h.members(h.n + h.n - 3))
        annotate_clade(self.runs["done"].path, self.clade, "named")
        column = OwnColumn(name="weight", kind="number", numbers=(1.0,))
        keep_own_columns(
            self.runs["done"].path,
            OwnTable(name="own.csv", of="class", rows=("class 1",), columns=(column,), changed=datetime.now(UTC)),
        )

    def state(self) -> dict[str, tuple[int, str]]:
        """Every file and folder but the cache, with the time of its last change and its checksum."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if name.partition("/")[0] != "cache":
                data = path.read_bytes() if path.is_file() else b""
                found[name] = path.stat().st_mtime_ns, hashlib.sha256(data).hexdigest()
        return found


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("modes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LWAL_HOME", str(folder / "home"))
        return Home(folder / "home", write_run, folder)


@pytest.fixture
def full_home(home: Path, kept_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One home for all tests that show that nothing changes it."""
    monkeypatch.setenv("LWAL_HOME", str(kept_home.folder))
    return kept_home


@pytest.fixture
def home_to_change(home: Path, make_run: Make, tmp_path: Path) -> Home:
    return Home(home, make_run, tmp_path)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands of processes that somebody tried to start; none is."""
    commands: list[list[str]] = []

    def refuse(self: object, command: Any, *rest: object, **options: object) -> None:
        commands.append([str(part) for part in command])
        raise OSError("no process is started here")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    return commands


def scenes(home: Home) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Page, session state and query: each with what is folded, and every dialog open once."""
    shown = [home.runs[name].group for name in ("onehot", "done", "imported")]
    done = {"run": home.runs["done"].id, "runs": shown}
    yield "home", {}, done
    yield "home", {import_dialog.OPEN: True, "bring_from": "Upload"}, done
    yield "home", {import_dialog.OPEN: True, "bring_from": "Path on the server", "bring_path": str(home.vectors)}, done
    yield (
        "home",
        {import_dialog.OPEN: True, "bring_from": "Path on the server", "bring_path": str(home.runs["done"].path)},
        done,
    )
    yield (
        "home",
        {import_dialog.OPEN: True, "bring_from": "Model hub", "bring_hub_address": "https://huggingface.co/org/repo"},
        done,
    )
    followed = [run.id for run in home.runs.values()]
    yield "train", {"live_ids": followed[:7]}, done
    yield "train", {"train_source": "folder:", folder_choice.OPEN: True, "train_choice_from": "Zip file"}, done
    for status in ("done", "queued", "running", "cancelled", "failed", "interrupted", "paused", "imported", "archived"):
        yield "train", {"manage_runs": True, "manage_run": home.runs[status].id, "bin_sure": True}, done
    yield "train", {"manage_runs": True, "manage_run": home.damaged}, done
    opened = {"tree_film_open": "true", "tree_heat": "true", "tree_beside": "true", "tree_real": "true"}
    yield "hierarchy", {CLADE: home.clade, "tree_notes": True}, done | opened
    yield "hierarchy", {dialogs.DIALOG: "own"}, done
    yield "hierarchy", {dialogs.DIALOG: "match", REFERENCE: home.taxonomy}, done | {"tree_real": "true"}
    yield "hierarchy", {own_columns.OPEN: True}, done
    yield "embeddings", {}, done | {"class_history": "true", "class": "class 1", "samples": "true"}
    yield "embeddings", {view.OPEN: True}, done
    yield "curves", {"curves_copy": True, "curves_numbers": True}, done
    yield "trees", {dialogs.DIALOG: "own"}, done | {"trees_every_cut": "true"}
    yield "share", {}, done
    yield "share", {}, done | {"run": home.runs["imported"].id}


def opened(page: str, state: dict[str, Any], query: dict[str, Any]) -> AppTest:
    at = AppTest.from_file(str(ENTRY), default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    for key, value in state.items():
        at.session_state[key] = value
    at.switch_page(page_path(page))
    at.run()
    assert not at.exception, (page, state, at.exception)
    return at


def actions(at: AppTest) -> dict[str, Any]:
    """Everything that can be pressed, switched or filled with a file, by its id; dialogs and popovers included."""
    return {node.id: node for node in at._tree if getattr(node, "type", "") in PRESSED and hasattr(node, "id")}


def press(node: Any, files: dict[str, bytes]) -> None:
    node.proto.disabled = False  # a browser would not, a client of its own does
    if node.type == "file_uploader":
        name = next(name for name in files if name[name.index(".") :] in node.allowed_type)
        node.set_value((name, files[name], "application/octet-stream"))
    elif node.type in ("checkbox", "toggle"):
        node.set_value(not node.value)
    else:
        node.click()


def press_all(
    page: str, state: dict[str, Any], query: dict[str, Any], files: dict[str, bytes], seen: set[str]
) -> list[tuple[str, bool]]:
    """Press all that is there and not in ``seen``, one after the other, and what appears by it; returns the labels and
    whether each was disabled."""
    at = opened(page, state, query)
    done: list[tuple[str, bool]] = []
    while True:
        waiting = {key: node for key, node in actions(at).items() if key not in seen}
        if not waiting:
            fresh = opened(page, state, query)  # what was pressed may have led elsewhere
            waiting = {key: node for key, node in actions(fresh).items() if key not in seen}
            if not waiting:
                return done
            at = fresh
        key, node = next(iter(waiting.items()))
        seen.add(key)
        done.append((f"{page}: {node.label or node.key}", bool(node.disabled)))
        press(node, files)
        at.run()
        assert not at.exception, (page, node.label, at.exception)


PRESSED_LEAST = {
    "home": (4, 1),
    "train": (67, 12),
    "hierarchy": (17, 3),
    "embeddings": (4, 0),
    "curves": (3, 0),
    "trees": (1, 0),
    "share": (2, 2),
}
"""How many actions a page has at least, and how many of them are disabled in read-only mode: none was overlooked."""


@pytest.mark.parametrize("page", PRESSED_LEAST)
def test_nothing_that_can_be_pressed_changes_anything(
    page: str, full_home: Home, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "tree.nwk": TREE,
        "a.csv": full_home.vectors.read_bytes(),
        "a.png": b"\x89PNG\r\n\x1a\n",
        "a.zip": b"PK\x05\x06",
    }
    monkeypatch.setenv(READ_ONLY, "1")
    before = full_home.state()
    pressed: list[tuple[str, bool]] = []
    seen: set[str] = set()
    for where, state, query in scenes(full_home):
        if where == page:
            pressed += press_all(page, state, query, files, seen)
            assert full_home.state() == before, state
    assert not [command for command in started if not any(name in command for name in MAY_START)]
    disabled = {label for label, off in pressed if off}
    least = PRESSED_LEAST[page]
    assert len(pressed) >= least[0] and len(disabled) >= least[1], sorted(disabled)


def test_every_page_is_pressed(full_home: Home) -> None:
    assert {page for page, _, _ in scenes(full_home)} == set(PRESSED_LEAST)


def test_an_empty_home_stays_empty(home: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    pressed = [found for page in ("home", "train", "share") for found in press_all(page, {}, {}, {}, set())]
    assert ("home: Open the examples", True) in pressed and ("train: Start 6 trainings", True) in pressed
    assert [path for path in home.rglob("*") if path.relative_to(home).parts[0] != "cache"] == [] and not started


def test_who_only_looks_writes_nothing(home_to_change: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, before = admission_folder(home_to_change.folder), home_to_change.state()
    monkeypatch.setenv(READ_ONLY, "1")
    assert waiters(line) == [] and doctor() and home_to_change.state() == before
    assert not server_folder(home_to_change.folder).is_relative_to(home_to_change.folder)
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "nowhere"))
    assert doctor() and not (tmp_path / "nowhere").exists()
    monkeypatch.delenv(READ_ONLY)
    assert waiters(line) == [] and home_to_change.state() != before  # the waiter whose process is gone is cleared away


def test_the_same_presses_do_change_a_home_that_may_be_changed(home_to_change: Home) -> None:
    """What the test above looks at does show a change."""
    before = home_to_change.state()
    press_all("share", {}, {"run": home_to_change.runs["done"].id}, {}, set())
    assert len(home_to_change.state()) > len(before)


def test_whatever_a_visitor_presses_changes_nothing(full_home: Home, started: list[list[str]]) -> None:
    """Where others may change everything: it is the link that binds him."""
    before, share = full_home.state(), {"share": full_home.share}
    pressed = press_all("home", {"tree_class": "class 1"}, share, {}, set())
    assert len(pressed) >= 5 and full_home.state() == before and not started


def test_a_mode_that_shows_links_only_has_nothing_to_press(
    full_home: Home, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHARES_ONLY, "1")
    before = full_home.state()
    secret = [full_home.runs["done"].id, full_home.runs["done"].name, "class 0"]
    for page, state, query in {page: (page, state, query) for page, state, query in scenes(full_home)}.values():
        for asked in (query, query | {"share": full_home.share, "view": "Report"}, {"share": "A" * 32}):
            at = opened(page, state, asked)
            assert not actions(at) and not list(at.selectbox) and not list(at.dataframe)
            shown = " ".join(str(getattr(node, "value", "")) for node in at.main)
            with_link = asked.get("share") == full_home.share  # whose title is no secret
            assert not any(word in shown for word in secret if not with_link or word != full_home.runs["done"].name)
    assert full_home.state() == before and not started
