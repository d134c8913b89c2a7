"""Addresses that somebody made up: every page with every parameter that it reads, each with things that it cannot mean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import page_names, page_path
from lwal_core.errors import LwalError
from lwal_core.runs import Run, open_run
from lwal_core.shares import revoke_share, share_run
from lwal_core.shares.store import ShareNotFound, open_share
from tests.app.conftest import ENTRY, text_of
from tests.security.hostile_names import NAMES
from tests.security.test_names_in_exports import check_markdown

pytestmark = pytest.mark.page

Make = Callable[..., Run]
BY_HAND = ["runs", "baseline", "run", "embed", "page", "nobody_reads_this"]
ROUNDS = 3


def hostile_values(outside: Path) -> list[str | list[str]]:
    return [
        "nan", "../" * 8 + "etc/passwd", "inf", str(outside), "-1", "9" * 400, "x" * 100_000, "٣", "1e999", "",
        "<script>alert(1)</script>", ["1", "2", "3"], "true", "\x00", "0x10", "centroids'--", ["../..", ""] * 50, "None",
        "-0", "1.5", "﷽", "{}", "[]", "\u202e1", "１２", "%00%2e%2e/", "javascript:alert(1)", "CON", ".", "false",
    ]  # fmt: skip


class Opened:
    """Paths that this process opened while somebody watched; an audit hook stays for good, hence the switch."""

    def __init__(self) -> None:
        self.on, self.read, self.written = False, set[str](), set[str]()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: Any) -> None:
        if self.on and event == "open" and isinstance(arguments[0], str):
            writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            (self.written if writes or arguments[2] & 0o1101 else self.read).add(arguments[0])
        elif self.on and event in ("os.rename", "os.remove", "os.mkdir", "subprocess.Popen", "shutil.rmtree"):
            self.written.add(str(arguments[0]))


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()


@pytest.fixture
def watched(opened: Opened) -> Iterator[Opened]:
    opened.read, opened.written, opened.on = set(), set(), True
    yield opened
    opened.on = False


def parameters(at: AppTest) -> list[str]:
    """Those that the page's widgets are bound to, as it stands."""
    found = {str(getattr(getattr(node, "proto", None), "query_param_key", "")) for node in at._tree}
    return sorted(found - {"", "None"})


def page(name: str, query: dict[str, str | list[str]]) -> AppTest:
    at = AppTest.from_file(str(ENTRY), default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page(page_path(name))
    at.run()
    return at


@pytest.mark.parametrize("name", page_names())
def test_no_address_breaks_a_page(
    make_run: Make, home: Path, tmp_path: Path, watched: Opened, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make_run("onehot", classes=6, epochs=2, dim=4)
    run = make_run(classes=6, epochs=2, dim=4)
    outside = tmp_path / "outside.csv"
    outside.write_text("a,1\nb,2\n")
    values = hostile_values(outside)
    keys = [*BY_HAND, *parameters(page(name, {"run": run.id}))]
    watched.read, watched.written = set(), set()
    rounds = [{key: values[(turn * 7 + i) % len(values)] for i, key in enumerate(keys)} for turn in range(ROUNDS)]
    for query in (*rounds, dict.fromkeys(keys, ""), {key: ["", "x"] for key in keys}):
        at = page(name, query)
        assert not at.exception, (query, at.exception)
        check_markdown(at)
        shown = text_of(at)
        assert "Traceback" not in shown and str(home) not in shown and "alert(1)</script>" not in shown
        assert at.header  # the page's question: what could not be meant is the default
    assert str(outside) not in watched.read and not any("passwd" in path for path in watched.read)
    inside = (str(home), str(tmp_path))
    strangers = [p for p in watched.written if not p.startswith(inside) and "__pycache__" not in p and p != "/dev/null"]
    assert not [p for p in strangers if "mpl" not in p and "fontlist" not in p], strangers


def test_no_address_breaks_a_shared_view_or_leads_out_of_it(
    make_run: Make, home: Path, tmp_path: Path, watched: Opened
) -> None:
    shown = {"classes": 6, "epochs": 2, "dim": 4}
    run, private = make_run(**shown), make_run(seed=13, **shown)
    share, token = share_run(run, beside=[make_run(seed=14, **shown), make_run(seed=15, **shown)], pictures=True)
    watched.read, watched.written = set(), set()
    values = hostile_values(tmp_path / "outside.csv")
    keys = [key for key in {*BY_HAND, *parameters(page("home", {"share": token}))} if key != "share"]
    assert {"epoch", "groups", "beside", "support", "view"} <= set(keys)
    values[0] = private.id
    for turn in range(ROUNDS):
        query = {key: values[(turn * 7 + i) % len(values)] for i, key in enumerate(sorted(keys))}
        at = page("home", {**query, "share": token})
        assert not at.exception, (query, at.exception)
        check_markdown(at)
        assert "Traceback" not in text_of(at) and str(home) not in text_of(at)
    read = {path for path in watched.read if path.startswith(str(home))}
    assert read and all(path.startswith(str(home / "shares" / share.id)) for path in read), read
    assert not any(path.startswith(str(home)) for path in watched.written)


def test_every_bound_parameter_is_tried(make_run: Make) -> None:
    """The list above is found, not written: it must not run empty."""
    make_run("onehot", classes=6, epochs=2, dim=4)
    run = make_run(classes=6, epochs=2, dim=4)
    found = {
        name: parameters(page(name, {"run": run.id}))
        for name in ("curves", "hierarchy", "embeddings", "trees", "share")
    }
    assert min(map(len, found.values())) >= 3 and sum(map(len, found.values())) >= 30, found


STRANGE = (*NAMES, "", " ", "a" * 100_000, "../runs", "..%2f", "20260101-000000-abcdef/..", "٣" * 20, "-", "\ud800")


def test_ids_of_runs_are_no_paths(home: Path, make_run: Make, watched: Opened) -> None:
    make_run()
    for text in STRANGE:
        with pytest.raises(LwalError):
            open_run(text)
    assert not any("passwd" in path or "CON" in Path(path).name for path in watched.read | watched.written)


def test_tokens_of_links_are_no_paths(make_run: Make, watched: Opened) -> None:
    share, token = share_run(make_run())
    given: list[object] = [
        *STRANGE,
        token[:-1],
        token + "=",
        token.swapcase(),
        share.id,
        [token],
        None,
        7,
        token.encode(),
    ]
    watched.written = set()
    for text in given:
        with pytest.raises(ShareNotFound):
            open_share(text)
        if text != share.id:
            with pytest.raises(LwalError):
                revoke_share(text)  # type: ignore[arg-type]
    assert open_share(token)[0].id == share.id
    assert not any("passwd" in path for path in watched.read) and not watched.written


@pytest.mark.parametrize("token", ["", "../../etc/passwd", "x" * 100_000, "<script>", "\x00", "٣" * 32, ["a", "b"]])
def test_links_that_are_none_give_one_sentence(make_run: Make, token: str | list[str]) -> None:
    share_run(make_run())
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    at.query_params["share"] = token
    at.run()
    assert not at.exception and at.header[0].value == "Nothing to see here" and not at.button
