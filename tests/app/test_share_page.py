"""The Share page, and what a visitor with a link sees: the snapshot, and nothing that leads anywhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.share.shares_list import curves_shown
from lwal_core.runs import Run
from lwal_core.security.permissions import READ_ONLY, SHARES_ONLY
from lwal_core.shares import list_shares, open_share, open_snapshot, revoke_share, share_run
from lwal_core.shares.store import NOWHERE
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def links_of(at: AppTest) -> list[str]:
    return [each.value for each in at.code]


def shown_snapshot(at: AppTest) -> str | None:
    frames = at.get("iframe")
    return frames[0].proto.srcdoc if frames else None


def widgets(at: AppTest) -> list[object]:
    kinds = ("button", "selectbox", "multiselect", "slider", "select_slider", "text_input", "toggle", "checkbox")
    return [each for kind in kinds for each in getattr(at, kind)] + list(at.get("download_button"))


def test_a_link_is_made_seen_and_taken_back(open_page: Open, make_run: Make) -> None:
    run = make_run()
    make_run("onehot")
    at = open_page("share", {"run": run.id, "groups": "4"})
    at.text_input[0].set_value("for Ada <b>")
    next(b for b in at.button if b.label == "Make a link").click().run()
    assert not at.exception
    (share,) = list_shares()
    (link,) = links_of(at)
    token = link.partition("?share=")[2]
    assert link.startswith("http://localhost") and "Only this machine can open this link" in text_of(at)
    assert open_share(token)[0].id == share.id and share.view["groups"] == 4 and len(share.runs) == 2
    assert share.expires is not None and "1 link can be opened now" in text_of(at)
    at.button(key=f"unshare_{share.id}").click().run()
    assert not at.exception and list_shares()[0].state() == "revoked" and not links_of(at)
    assert "revoked" in text_of(at)


def test_links_begin_with_the_public_address_and_the_thing_itself_is_seen_first(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWAL_PUBLIC_URL", "https://lab.example/lwal/")
    run = make_run()
    at = open_page("share", {"run": run.id})
    assert len(at.get("plotly_chart")) == 1 and not list_shares()
    next(b for b in at.button if b.label == "Make a link").click().run()
    (link,) = links_of(at)
    assert link.startswith("https://lab.example/lwal/?share=") and "Only this machine" not in text_of(at)


@pytest.mark.parametrize("sites", ["", "https://wiki.example.org", "*"])
def test_a_frame_for_other_pages_where_they_may_have_one(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch, sites: str
) -> None:
    monkeypatch.setenv("LWAL_EMBED_IN", sites)
    at = open_page("share", {"run": make_run().id})
    next(b for b in at.button if b.label == "Make a link").click().run()
    frames = [text for text in links_of(at) if "<iframe" in text]
    assert len(frames) == bool(sites) and ("LWAL_EMBED_IN" in text_of(at)) == (not sites)


def test_pictures_leave_only_where_the_toggle_says_so(open_page: Open, make_run: Make) -> None:
    at = open_page("share", {"run": make_run().id})
    for wanted in (True, False):
        at = next(each for each in at.toggle if each.label == "Pictures").set_value(wanted).run()
        assert ("iVBORw0K" in str(at.get("plotly_chart")[0].proto)) is wanted
        next(b for b in at.button if b.label == "Make a link").click().run()
        token = links_of(at)[0].partition("?share=")[2]
        assert (open_snapshot(token).run.samples() is not None) is wanted


def test_nothing_to_share_leads_to_training(open_page: Open) -> None:
    at = open_page("share")
    assert "Nothing to share yet" in text_of(at)


def test_a_visitor_sees_the_snapshot_and_nothing_else(open_page: Open, make_run: Make) -> None:
    run = make_run(name="the shared one")
    make_run("onehot", name="a private one")
    _, token = share_run(run)
    # Whatever else the address says is not read.
    at = open_page(
        "home", {"share": token, "view": "Report", "run": run.id, "runs": "x", "groups": "2", "page": "train"}
    )
    report = shown_snapshot(at)
    assert report is not None and "the shared one" in report and "a private one" not in report
    assert widgets(at) == [] and not at.sidebar.children
    assert "a private one" not in text_of(at)


@pytest.mark.parametrize("kind", ["unknown", "revoked", "empty", "twice", "path"])
def test_other_links_all_lead_nowhere(open_page: Open, make_run: Make, kind: str) -> None:
    share, token = share_run(make_run(name="hidden"))
    if kind == "revoked":
        revoke_share(share.id)
    wanted = {"revoked": token, "unknown": "A" * 32, "empty": "", "twice": [token, token], "path": "../" + token}
    at = open_page("home", {"share": wanted[kind]})
    said = text_of(at).replace("\\", "")
    assert NOWHERE in said and "hidden" not in said
    assert shown_snapshot(at) is None and widgets(at) == [] and not at.sidebar.children


def test_shares_only_shows_nothing_without_a_link(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(name="private")
    _, token = share_run(run)
    monkeypatch.setenv(SHARES_ONLY, "1")
    at = open_page("home")
    assert NOWHERE in text_of(at).replace("\\", "") and widgets(at) == [] and not at.sidebar.children
    assert shown_snapshot(open_page("home", {"share": token, "view": "Report"})) is not None


def test_read_only_disables_the_buttons_with_a_reason(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    share, _ = share_run(run)
    monkeypatch.setenv(READ_ONLY, "1")
    at = open_page("share")
    for button in (at.button(key=f"unshare_{share.id}"), next(b for b in at.button if b.label == "Make a link")):
        assert button.disabled and "read-only" in button.help


@pytest.mark.parametrize(
    ("imported", "others", "said"),
    [
        (False, [], ", with its curve"),
        (False, [False], ", with its curve and that of 1 other run"),
        (False, [False, True, False], ", with its curve and those of 2 other runs"),
        (True, [], ""),
        (True, [True], ""),
        (True, [False], ", with the curve of 1 other run"),
        (True, [False] * 1_000, ", with the curves of 1,000 other runs"),
    ],
)
def test_whose_curves_a_snapshot_shows(imported: bool, others: list[bool], said: str) -> None:
    assert curves_shown(imported, others) == said
