"""The address holds the view: every control of every page is found on the page, changed, and found the same in a fresh
window and after Back.

Controls are found by their roles. Left out: what has tests of its own and is no part of the view (uploads, buttons,
dialogs, selections in figures and tables), and what lies in a folded part, which is opened only where it is bound.
"""

from __future__ import annotations

import re

from playwright.sync_api import Page

from app.common.pages import PAGES
from tests.browser.conftest import settled

LEFT_OUT = {
    "Name": "a name is typed for one submission",
    "It can be opened for": "part of the form that makes a link, which nobody sends half filled in",
    "Note for your list": "part of the same form",
    "Search": "Plotly's and Streamlit's own",
}
"""Labels of controls that are no part of a view, and why."""

CONTROLS = """() => {
  const seen = element => element.offsetParent !== null;
  const label = element => (element.getAttribute('aria-label') || '').replace(/^Selected .*?\\. /, '');
  const found = [];
  const add = (kind, name, value) => { if (name) found.push([kind, name, value]); };
  const main = document.querySelector('[data-testid="stApp"]');
  main.querySelectorAll('[data-testid="stSlider"]').forEach(box => {
    if (!seen(box)) return;
    const thumb = box.querySelector('input[type="range"], [role="slider"]');
    const shown = box.querySelector('[data-testid="stSliderThumbValue"]');
    add('slider', box.querySelector('[data-testid="stWidgetLabel"]').innerText.trim(),
        shown ? shown.innerText : thumb.value || thumb.getAttribute('aria-valuenow'));
  });
  main.querySelectorAll('[data-testid="stSelectbox"]').forEach(box => {
    if (seen(box)) add('selectbox', box.querySelector('[data-testid="stWidgetLabel"]').innerText.trim(),
        box.querySelector('input').value || box.innerText.split('\\n').slice(1).join(' '));
  });
  main.querySelectorAll('[data-testid="stButtonGroup"]').forEach(box => {
    if (!seen(box)) return;
    const text = box.querySelector('[data-testid="stWidgetLabel"]');
    const on = [...box.querySelectorAll('[role="radio"], button')].filter(
      b => b.getAttribute('aria-checked') === 'true' || b.getAttribute('aria-pressed') === 'true'
        || (b.dataset.testid || '').endsWith('Active')).map(b => b.innerText.trim());
    add('group', text ? text.innerText.trim() : '', on.join('|'));
  });
  main.querySelectorAll('[data-testid="stCheckbox"]').forEach(box => {
    if (seen(box)) add('toggle', box.innerText.trim(), String(box.querySelector('input').checked));
  });
  main.querySelectorAll('[data-testid="stTextInput"], [data-testid="stNumberInput"]').forEach(box => {
    if (!seen(box) || box.querySelector('input').disabled) return;
    const text = box.querySelector('[data-testid="stWidgetLabel"]').innerText.trim();
    add(box.dataset.testid === 'stTextInput' ? 'text' : 'number', text, box.querySelector('input').value);
  });
  return found;
}"""
"""Kind, label and value of every control that is in sight."""


ON = """choices => choices.map(b => b.getAttribute('aria-checked') === 'true' || b.getAttribute('aria-pressed') === 'true'
  || (b.dataset.testid || '').endsWith('Active'))"""
"""Which of the choices of a group are on."""

BOXES = {
    "slider": "stSlider", "selectbox": "stSelectbox", "group": "stButtonGroup", "toggle": "stCheckbox",
    "text": "stTextInput", "number": "stNumberInput",
}  # fmt: skip
"""Streamlit's name of the box of each kind of control."""


def controls(page: Page) -> dict[tuple[str, str], str]:
    return {(kind, name): value for kind, name, value in page.evaluate(CONTROLS) if name not in LEFT_OUT}


def shown(page: Page) -> dict[tuple[str, str], str]:
    """Values of the controls once the page has drawn them, which takes a moment after its script has run."""
    settled(page)
    before: dict[tuple[str, str], str] = {}
    for _ in range(40):
        now = controls(page)
        if now and now == before:
            return now
        before = now
        page.wait_for_timeout(150)
    return before


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=2).first.inner_text()


def change(page: Page, kind: str, name: str) -> None:
    """Give a control another value, as a reader would by mouse or keyboard."""
    box = page.locator(f'[data-testid="{BOXES[kind]}"]:visible').filter(has=page.get_by_text(name, exact=True)).first
    if kind == "slider":
        thumb = box.locator('input[type="range"], [role="slider"]').first
        before = thumb.input_value()
        for key in ("Home", "ArrowRight"):  # the first value is the one that used to be lost
            thumb.press(key)
            page.wait_for_timeout(100)
            if thumb.input_value() != before:
                break
    elif kind == "selectbox":
        box.locator("input").first.click()
        options = page.get_by_role("option")
        options.first.wait_for()
        others = [i for i in range(options.count()) if options.nth(i).get_attribute("aria-selected") != "true"]
        options.nth(others[-1]).click() if others else page.keyboard.press("Escape")
    elif kind == "group":
        choices = box.locator('[role="radio"], button')
        on = choices.evaluate_all(ON)
        choices.nth(max(i for i, chosen in enumerate(on) if not chosen)).click()
    elif kind == "toggle":
        box.locator("label").first.click()
    else:
        field = box.locator("input").first
        before = field.input_value()
        field.fill("7" if before != "7" else "8")
        field.press("Enter")
        field.press("Tab")


def everything(page: Page) -> dict[tuple[str, str], str]:
    """Values of the controls of the page and of its popovers."""
    found = shown(page)
    popovers = page.locator('[data-testid="stPopover"] button:visible')
    for i in range(popovers.count()):
        popovers.nth(i).click()
        inside = page.locator('[data-testid="stPopoverBody"]:visible')
        inside.wait_for()
        found |= controls(page)
        page.keyboard.press("Escape")
        inside.wait_for(state="detached")
    return found


def expect_same(page: Page, before: dict[tuple[str, str], str], name: str) -> None:
    """Expect the values that the controls had; a page that is still being drawn has fewer."""
    for _ in range(4):
        if (now := everything(page)) == before:
            return
        page.wait_for_timeout(1_000)
    assert now == before, name


def change_all(page: Page) -> set[tuple[str, str]]:
    """Change every control of the page, and of its popovers, once; one that a change brings along is changed, too."""
    changed: set[tuple[str, str]] = set()

    def here() -> None:
        while new := [control for control in controls(page) if control not in changed]:
            changed.add(new[0])
            change(page, *new[0])
            settled(page)

    shown(page)
    here()
    popovers = page.locator('[data-testid="stPopover"] button:visible')
    for i in range(popovers.count()):
        popovers.nth(i).click()
        inside = page.locator('[data-testid="stPopoverBody"]:visible')
        inside.wait_for()
        here()
        page.keyboard.press("Escape")
        inside.wait_for(state="detached")
    return changed


def test_every_control_of_every_page_is_the_same_by_its_address_and_after_back(serve, browser, page, make_run):
    for seed in (12, 123):
        make_run("onehot", seed=seed)
        make_run(seed=seed)
    address = serve()
    count = 0
    for each, following in zip(PAGES, [*PAGES[1:], PAGES[0]], strict=True):
        page.goto(f"{address}/{each.url_path}")
        settled(page)
        length = page.evaluate("history.length")
        changed = change_all(page)
        count += len(changed)
        before, title, link = everything(page), heading(page), page.url
        assert page.evaluate("history.length") == length  # a change of the view is no step back

        other = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        other.goto(link)
        expect_same(other, before, each.name)
        other.context.close()

        page.get_by_role("link", name=following.title, exact=True).first.click()
        page.wait_for_url(re.compile(rf"/{following.url_path}(\?|$)"))
        settled(page)
        page.go_back()
        page.wait_for_url(re.compile(rf"/{each.url_path}(\?|$)"))
        expect_same(page, before, each.name)
        assert heading(page) == title
    assert count >= 40  # on seven pages; fewer means that they are not found any more


def test_back_from_the_second_page_leads_to_the_first_and_then_out(serve, page, make_run):
    make_run()
    address = serve()
    page.goto("about:blank")
    page.goto(address)
    settled(page)
    for name in ("Hierarchy", "Curves"):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.wait_for_url(re.compile(name.lower()))
        settled(page)
    for name in ("hierarchy", r":\d+/(\?|$)", "about:blank"):
        page.go_back()
        page.wait_for_url(re.compile(name))
