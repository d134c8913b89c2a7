"""A link as two people meet it: one makes it, the other opens it in a window that has never seen the app."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import settled


def test_a_link_is_made_opened_and_taken_back(serve, page: Page, other_page: Page, make_run) -> None:
    run = make_run()
    make_run("onehot", name="not in the snapshot's title")
    address = serve()
    page.goto(f"{address}/share?run={run.id}&groups=4")
    settled(page)
    page.get_by_role("button", name="Make a link").click()
    link = page.locator('[data-testid="stCode"]').first.inner_text().strip()
    assert link.startswith(f"{address}/?share=") and len(link.partition("?share=")[2]) == 32

    guest = other_page
    guest.goto(link)  # the app itself: the tree and its epochs
    settled(guest)
    expect(guest.locator(".js-plotly-plot")).to_have_count(1)
    guest.get_by_role("slider", name="Epoch").focus()
    guest.keyboard.press("ArrowLeft")
    settled(guest)
    assert "epoch=2" in guest.url and "share=" in guest.url
    assert guest.locator('[data-testid="stSidebar"], [data-testid="stTopNavLink"]').count() == 0
    for theme in ("dark", "light"):
        guest.emulate_media(color_scheme=theme)
        settled(guest)
        assert not findings(guest.main_frame)
    guest.get_by_role("radio", name="Report").click()
    settled(guest)
    expect(guest.locator("iframe")).to_have_count(1)
    for ending in ("&view=Report", "&view=Report&embed=true", "&view=Report&run=x&groups=9"):
        guest.goto(link + ending)
        settled(guest)
        report = guest.frame_locator("iframe")
        expect(report.locator("#groups li")).to_have_count(4)
        report.get_by_role("slider", name="Groups").focus()
        guest.keyboard.press("ArrowRight")
        expect(report.locator("#groups li")).to_have_count(5)
        # Nothing leads anywhere: no navigation, no sidebar, no link but those inside the page itself.
        assert guest.locator('[data-testid="stSidebar"], [data-testid="stTopNavLink"]').count() == 0
        hrefs = guest.eval_on_selector_all("a", "links => links.map(a => a.getAttribute('href'))")
        assert all(href is None or href.startswith("#") for href in hrefs), hrefs
    for theme in ("dark", "light"):
        guest.emulate_media(color_scheme=theme)
        settled(guest)
        assert not [found for frame in guest.frames for found in findings(frame)]
    with guest.expect_download() as loading:
        guest.frame_locator("iframe").get_by_role("link", name="tree, JSON").click()
    assert loading.value.suggested_filename == "tree.json"
    # Other paths of the same address with the token show the same.
    guest.goto(link.replace("/?", "/train?") + "&view=Report")
    settled(guest)
    expect(guest.locator("iframe")).to_have_count(1)
    assert guest.get_by_text("What shall be trained or analysed?").count() == 0

    page.get_by_role("button", name="Revoke").click()
    settled(page)
    guest.goto(link)
    settled(guest)
    expect(guest.get_by_text("This link leads nowhere")).to_be_visible()
    expect(guest.locator("iframe")).to_have_count(0)
