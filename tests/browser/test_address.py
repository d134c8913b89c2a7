"""The address holds the view: every control of every page is found on the page, changed, and found the same in a fresh
window and after Back.

Controls are found by their roles. Left out: what has tests of its own and is no part of the view (uploads, buttons,
dialogs, selections in figures and tables), and what lies in a folded part, which is opened only where it is bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, TimeoutError

from app.common.pages import PAGES
from app.common.pages import Page as Listed
from tests.browser.conftest import settled

LEFT_OUT = {
    "Name": "a name is typed for one submission",
    "Expires after": "part of the form that makes a link, which nobody sends half filled in",
    "Note for your list": "part of the same form",
    "Tags to add, separated by commas": "typed for one press",
    "Keep these groups as": "a name is typed for one press",
    "Width of pictures, mm": "of the files that are downloaded",
    "Width, mm": "of the files that are downloaded",
    "Proposed names of clades, too": "of the files that are downloaded",
    "Search": "Plotly's and Streamlit's own",
}
"""Labels of controls that are no part of a view, and why."""

CONTROLS = """() => {
  const seen = element => element.offsetParent !== null && !element.querySelector('input:disabled, button:disabled, [data-disabled]');
  const label = element => (element.getAttribute('aria-label') || '').replace(/^Selected .*?\\. /, '');
  const found = [];
  const add = (kind, name, value) => { if (name) found.push([kind, name, value]); };
  const main = document.body; // popovers lie outside the app's own element
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
"""Kind, label and value of every control that is in sight and may be changed."""


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


TRIES = 6
"""How often a press is made before its control counts as one that cannot be changed."""
PATIENCE = 5_000
"""Milliseconds that each of them may take to show."""


def press(page: Page, box: Locator, kind: str) -> bool:
    """Press once for another value of a control, as a reader would by mouse or keyboard.

    Args:
        page: The page.
        box: The control's box.
        kind: A key of :data:`BOXES`.

    Returns:
        Whether there was another value to press for.
    """
    if kind == "slider":
        thumb = box.locator('input[type="range"], [role="slider"]').first
        before = thumb.input_value(timeout=PATIENCE)
        for key in ("Home", "ArrowRight"):  # the first value is the one that used to be lost
            thumb.press(key, timeout=PATIENCE)
            page.wait_for_timeout(100)
            if thumb.input_value(timeout=PATIENCE) != before:
                break
    elif kind == "selectbox":
        options = page.get_by_role("option")
        if not options.count():  # a list that is open would be closed by a press
            box.locator("input").first.click(timeout=PATIENCE)
        options.first.wait_for(timeout=PATIENCE)
        chosen = options.evaluate_all("all => all.map(option => option.getAttribute('aria-selected') === 'true')")
        if all(chosen):
            page.keyboard.press("Escape")
            return False
        options.nth(max(i for i, on in enumerate(chosen) if not on)).click(timeout=PATIENCE)
    elif kind == "group":
        choices = box.locator('[role="radio"], button')
        on = choices.evaluate_all(ON)
        choices.nth(max(i for i, chosen in enumerate(on) if not chosen)).click(timeout=PATIENCE)
    elif kind == "toggle":
        box.locator("label").first.click(timeout=PATIENCE)
    else:
        field = box.locator("input").first
        before = field.input_value(timeout=PATIENCE)
        field.fill("7" if before != "7" else "8", timeout=PATIENCE)
        field.press("Enter", timeout=PATIENCE)
        field.press("Tab", timeout=PATIENCE)
    return True


def until(page: Page, condition: Callable[[], bool]) -> bool:
    """Wait a moment for something to become true; returns whether it did."""
    for _ in range(PATIENCE // 100):
        if condition():
            return True
        page.wait_for_timeout(100)
    return condition()


def change(page: Page, kind: str, name: str) -> None:
    """Give a control another value. A press that meets a redraw is lost: it is made again until the value has changed.

    Raises:
        AssertionError: It kept its value.
    """
    box = page.locator(f'[data-testid="{BOXES[kind]}"]:visible').filter(has=page.get_by_text(name, exact=True)).first
    before = controls(page).get((kind, name))
    for _ in range(TRIES):
        try:
            if not press(page, box, kind):
                return
        except TimeoutError:  # what was opened closed again, or was drawn anew under the mouse
            if page.get_by_role("option").count():
                page.keyboard.press("Escape")
        settled(page)
        if until(page, lambda: controls(page).get((kind, name)) != before):
            return
    raise AssertionError(f"the {kind} {name} keeps its value {before}")


def set_popover(page: Page, i: int, *, is_open: bool) -> None:
    """Open or close the i-th popover of a page, again when a redraw undid it.

    Raises:
        AssertionError: It stays as it was.
    """
    inside = page.locator('[data-testid="stPopoverBody"]:visible')

    def done() -> bool:
        return (inside.count() > 0) == is_open

    for _ in range(TRIES):
        if done():
            return
        try:
            popovers(page).nth(i).click(timeout=PATIENCE) if is_open else page.keyboard.press("Escape")
        except TimeoutError:
            settled(page)
        if until(page, done):
            return
    raise AssertionError(f"popover {i} cannot be {'opened' if is_open else 'closed'}")


def popovers(page: Page) -> Locator:
    return page.locator('[data-testid="stPopover"] button:visible')


def everything(page: Page) -> dict[tuple[str, str], str]:
    """Values of the controls of the page and of its popovers."""
    found = shown(page)
    for i in range(popovers(page).count()):
        set_popover(page, i, is_open=True)
        found |= at_rest(page)
        set_popover(page, i, is_open=False)
    return found


def at_rest(page: Page) -> dict[tuple[str, str], str]:
    """Values of the controls once nothing more comes: what lies in a popover is drawn after its frame."""
    before = controls(page)
    for _ in range(TRIES):
        page.wait_for_timeout(200)
        if (now := controls(page)) == before:
            break
        before = now
    return before


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

    def one_more() -> bool:
        new = [control for control in controls(page) if control not in changed]
        if new:
            changed.add(new[0])
            change(page, *new[0])
            settled(page)
        return bool(new)

    shown(page)
    while one_more():
        pass
    for i in range(popovers(page).count()):
        set_popover(page, i, is_open=True)
        while one_more():
            set_popover(page, i, is_open=True)  # a change may have closed it
        set_popover(page, i, is_open=False)
    return changed


LEAST = {"home": 2, "train": 7, "curves": 5, "embeddings": 8, "hierarchy": 6, "trees": 6, "share": 6}
"""How many controls each page has at least; fewer means that they are not found any more."""


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_every_control_is_the_same_by_its_address_and_after_back(
    each: Listed, library: str, page: Page, other_page: Page
) -> None:
    following = PAGES[(PAGES.index(each) + 1) % len(PAGES)]
    page.goto(f"{library}/{each.url_path}")
    settled(page)
    length = page.evaluate("history.length")
    changed = change_all(page)
    assert len(changed) >= LEAST[each.name]
    before, title, link = everything(page), heading(page), page.url
    assert page.evaluate("history.length") == length  # a change of the view is no step back

    other_page.goto(link)
    expect_same(other_page, before, each.name)

    page.get_by_role("link", name=following.title, exact=True).first.click()
    page.wait_for_url(re.compile(rf"/{following.url_path}(\?|$)"))
    settled(page)
    page.go_back()
    page.wait_for_url(re.compile(rf"/{each.url_path}(\?|$)"))
    expect_same(page, before, each.name)
    assert heading(page) == title


def test_back_from_the_second_page_leads_to_the_first_and_then_out(library: str, page: Page) -> None:
    page.goto("about:blank")
    page.goto(library)
    settled(page)
    for name in ("Hierarchy", "Curves"):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.wait_for_url(re.compile(name.lower()))
        settled(page)
    for name in ("hierarchy", r":\d+/(\?|$)", "about:blank"):
        page.go_back()
        page.wait_for_url(re.compile(name))
