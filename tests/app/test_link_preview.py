"""Open Graph tags of a shared link: the snapshot's title, escaped; nothing where the link leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.link_preview import preview_tags
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from lwal_core.shares import list_shares, revoke_share, share_run

Make = Callable[..., Run]


@pytest.mark.parametrize("name", ["plain", '"><script>alert(1)</script>', "a \u2028 'quoted' & <b>"])
def test_the_title_of_the_snapshot_is_there_and_escaped(make_run: Make, name: str) -> None:
    run = make_run(name=name)
    _, token = share_run(run, TreeSpec.of(run, run.label_epochs()[-1]))
    tags = preview_tags(f"share={token}".encode()).decode()
    found = dict(re.findall(r'<meta property="([^"]*)" content="([^"]*)">', tags))
    assert unescape(found["og:title"]) == list_shares()[0].title and "class tree" in found["og:description"]
    assert re.sub(r'<meta property="[^"]*" content="[^"<>]*">', "", tags) == ""


def test_of_a_revoked_link_and_of_none_nothing_is_said(make_run: Make) -> None:
    run = make_run()
    share, token = share_run(run, TreeSpec.of(run, run.label_epochs()[-1]))
    assert preview_tags(f"share={token}&share={token}".encode()) == b""
    revoke_share(share.id)
    assert preview_tags(f"share={token}".encode()) == preview_tags(b"") == preview_tags(b"runs=x") == b""


@given(st.binary(max_size=80))
def test_no_query_breaks_it(query: bytes) -> None:
    assert preview_tags(query) == b"" and preview_tags(b"share=" + query) == b""
