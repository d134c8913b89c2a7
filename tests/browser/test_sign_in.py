"""The sign-in as people meet it: a provider on this machine, and an owner, a viewer, strangers and a visitor in Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from lwal_core.config import RunConfig
from lwal_core.inference import stop
from lwal_core.runs import Run, create_run, list_runs, open_run
from lwal_core.shares import share_run
from lwal_core.training.loop import train_run
from tests.browser.conftest import settled
from tests.browser.identity_provider import CLIENT, SECRET, Provider, running

COOKIE_SECRET = "0123456789abcdef0123456789abcdef0123"
SEVERAL = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None
"""Whether the app may have two processes; without HAProxy it has one."""


@pytest.fixture
def provider(tmp_path: Path, port: int) -> Iterator[tuple[Provider, Path]]:
    """The provider, and the file that tells the app of it."""
    with running(f"http://127.0.0.1:{port}/oauth2callback") as found:
        secrets = tmp_path / "secrets.toml"
        secrets.write_text(
            f'[auth]\nredirect_uri = "{found.redirect_uri}"\ncookie_secret = "{COOKIE_SECRET}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{found.address}/.well-known/openid-configuration"\n'
        )
        secrets.chmod(0o600)
        yield found, secrets
        assert not found.refused


def enter(page: Page, address: str, email: str, *, verified: bool = True) -> None:
    """Sign in at the provider and come back."""
    page.goto(address)
    settled(page)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Address").fill(email)
    page.get_by_label("Verified").set_checked(verified)
    moved = to_the_other_process(page)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(re.compile(re.escape(address)))
    settled(page)
    assert process_of(page) == moved


def process_of(page: Page) -> str:
    """Cookie's name for the app process that the browser is sent to; empty where there is one process."""
    found = [cookie["value"] for cookie in page.context.cookies() if cookie["name"].startswith("lwal_process_")]
    return found[0] if found else ""


def to_the_other_process(page: Page) -> str:
    """Let the browser's next requests go to the other app process, which has not seen how the sign-in began; returns its name."""
    for cookie in page.context.cookies():
        if cookie["name"].startswith("lwal_process_"):
            page.context.add_cookies([{**cookie, "value": "2" if cookie["value"] == "1" else "1"}])
    return process_of(page)


def leave(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    settled(page)


@pytest.fixture
def trained(home: Path) -> Iterator[Run]:
    """A run that was really trained, so that its model can be asked; the process that holds models ends with the test."""
    training = {"encoder": {"width": 8}, "training": {"epochs": 1, "device": "cpu"}}
    run = create_run(RunConfig.parse({"method": {"name": "lwal"}, **training}))
    train_run(run.path)
    yield run
    stop()


def test_owner_viewer_strangers_and_a_visitor(
    serve: Callable[..., str], provider: tuple[Provider, Path], page: Page, other_page: Page,
    trained: Run, make_run: Callable[..., Run], tmp_path: Path,
) -> None:  # fmt: skip
    known, secrets = provider
    run = make_run(name="the labels of secret things")
    try_image = f"/embeddings?run={trained.id}&try_image=true&projection=PCA"
    _, token = share_run(run)
    address = serve(
        LWAL_PROCESSES="2" if SEVERAL else "1", LWAL_SECRETS=str(secrets), LWAL_OWNERS="ada@lab.org",
        LWAL_ALLOWED_USERS="@lab.org, eve@else.org", LWAL_MAX_QUEUED_PER_USER="2", LWAL_LOG="json",
    )  # fmt: skip

    # Nobody sees anything but the sign-in, on whatever page.
    for place in ("/", "/train", f"/hierarchy?run={run.id}"):
        page.goto(f"{address}{place}")
        settled(page)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert "secret things" not in page.content() and run.id not in page.content()
        assert page.locator('[data-testid="stSidebar"], [data-testid="stTopNavLink"]').count() == 0
    # A link stays open: it was made for people without an account.
    page.goto(f"{address}/?share={token}&view=Report")
    settled(page)
    expect(page.locator("iframe")).to_have_count(1)

    # A stranger, and somebody whose address nobody vouches for.
    enter(page, address, "mallory@lab.org.evil.com")
    expect(page.get_by_text("this address may not see this installation")).to_be_visible()
    assert "secret things" not in page.content()
    leave(page)
    enter(page, address, "ada@lab.org", verified=False)
    expect(page.get_by_text("it is not verified")).to_be_visible()
    assert "secret things" not in page.content()
    leave(page)
    assert known.signed_out == 2

    # An owner trains, up to the limit.
    enter(page, address, "Ada@lab.org")
    expect(page.get_by_text("Owner: may train and change")).to_be_visible()
    page.goto(f"{address}/train")
    settled(page)
    page.get_by_role("textbox", name="Seeds").fill("1, 2")
    page.get_by_role("textbox", name="Seeds").press("Enter")
    page.get_by_role("button", name="Start 4 trainings").click()
    expect(page.get_by_text("over the limit of 2 per person")).to_be_visible()
    assert len(list_runs()) == 2
    page.get_by_role("textbox", name="Seeds").fill("1")
    page.get_by_role("textbox", name="Seeds").press("Enter")
    page.get_by_role("button", name="Start 2 trainings").click()
    expect(page.get_by_text("by ada@lab.org").first).to_be_visible()
    queued = [open_run(found.id) for found in list_runs() if found.status == "queued"]
    assert [found.record.job.by for found in queued if found.record.job] == ["ada@lab.org"] * 2
    # The process that holds the models is asked for by a person, and knows none.
    Image.fromarray(np.full((16, 16), 90, dtype=np.uint8)).save(tmp_path / "grey.png")
    page.goto(f"{address}{try_image}")
    settled(page)
    page.locator('input[type="file"]').set_input_files(tmp_path / "grey.png")
    expect(page.get_by_text(re.compile(r"LwAL takes it for \d"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text("A PNG file of 16 x 16 pixels, grey.")).to_be_visible()

    # A viewer in another window looks, and changes nothing; a callback runs before the page and is refused as well.
    guest = other_page
    enter(guest, address, "grace@lab.org")
    expect(guest.get_by_text("Viewer: may look")).to_be_visible()
    expect(guest.get_by_text("secret things").first).to_be_visible()
    guest.goto(f"{address}/train")
    settled(guest)
    expect(guest.get_by_role("button", name=re.compile("^Start .*training"))).to_be_disabled()
    for button in guest.get_by_role("button", name="Cancel").all():
        expect(button).to_be_disabled()
    guest.goto(f"{address}{try_image}")
    settled(guest)
    expect(guest.locator('input[type="file"]')).to_be_disabled()
    assert len(list_runs()) == 4
    leave(guest)
    # The owner's own window is still the owner's.
    page.reload()
    settled(page)
    expect(page.get_by_text("Owner: may train and change")).to_be_visible()

    assert bool(process_of(page)) == SEVERAL
    assert known.signed_in == ["mallory@lab.org.evil.com", "ada@lab.org", "Ada@lab.org", "grace@lab.org"]
    log = (tmp_path / "app.log").read_text()
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    told = [(event["event"], event.get("user")) for event in events]
    assert ("sign_in.refused", "mallory@lab.org.evil.com") in told and ("sign_in.done", "ada@lab.org") in told
    assert told.count(("job.queued", "ada@lab.org")) == 2 and ("share.opened", None) in told
    assert ("sign_in.ended", "grace@lab.org") in told
    assert not any(secret in log for secret in (SECRET, COOKIE_SECRET, token))


def test_lists_without_a_provider_close_the_app(
    serve: Callable[..., str], page: Page, make_run: Callable[..., Run]
) -> None:
    make_run(name="the labels of secret things")
    page.goto(serve(LWAL_OWNERS="ada@lab.org"))
    settled(page)
    expect(page.get_by_text("the sign-in is not set up")).to_be_visible()
    assert "secret things" not in page.content()
