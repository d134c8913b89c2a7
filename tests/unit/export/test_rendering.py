"""Templates, style sheets and scripts of exported pages: read by a linter and a parser, escaped, allowed by their hashes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tinycss2
from jinja2 import UndefinedError

from lwal_core.export.figure_page import Section, view_page
from lwal_core.export.rendering import FOLDER, asset, render, render_page
from lwal_core.figures.palette import NEUTRAL

ROOT = Path(__file__).parents[3]
STYLES = sorted(path.name for path in FOLDER.glob("*.css"))
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.js"))


def before_scripts(**values: Any) -> str:
    """A view's page up to plotly.js, whose megabytes no failing assertion should print."""
    return view_page(**({"title": "", "summary": "", "caption": ""} | values)).decode().partition("<script>")[0]


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "oxlint", "--deny-warnings", "-c", ROOT / ".oxlintrc.json", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_scripts_pass_the_linter(tmp_path: Path) -> None:
    assert len(SCRIPTS) == 4
    done = lint(FOLDER)
    assert done.returncode == 0, done.stdout
    for wrong in ("const a = ;", "nobody();", "var a = 1; document.title = a;"):
        (tmp_path / "wrong.js").write_text(wrong)
        assert lint(tmp_path / "wrong.js").returncode != 0, wrong


def _problems(nodes: list[Any]) -> Iterator[str]:
    """Errors of a style sheet: of its rules, and of the declarations inside them."""
    for node in nodes:
        if node.type == "error":
            yield node.message
        elif node.type == "qualified-rule":
            yield from _problems(tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True))
        elif node.type == "at-rule" and node.content is not None:
            yield from _problems(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True))
        elif node.type == "declaration" and any(part.type == "{} block" for part in node.value):
            yield f"a block inside {node.name}"  # a brace that is never closed


def problems(sheet: str) -> list[str]:
    return list(_problems(tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)))


@pytest.mark.parametrize("name", STYLES)
def test_style_sheets_parse(name: str) -> None:
    assert problems(asset(name)) == []
    for needed in set(re.findall(r"var\(--([a-z]+)\)", asset(name))) - {"font"}:
        assert needed in NEUTRAL["light"] or f"--{needed}:" in asset(name), needed


@pytest.mark.parametrize(
    "wrong", ["a { color red; }", "a { color: red; } }", "a { : red }", "@media print { a { x } }"]
)
def test_a_wrong_style_sheet_is_noticed(wrong: str) -> None:
    assert problems(wrong)


def test_the_palette_is_a_style_sheet_without_errors() -> None:
    for theme in (None, "light", "dark"):
        page = before_scripts(sections=[], theme=theme)
        (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
        assert problems(style) == []
        assert style.count("color-scheme:") == (1 if theme else 2)


def test_every_text_is_escaped_and_what_is_missing_is_an_error() -> None:
    hostile = "<b>\x00\u202e\"'&"
    page = before_scripts(title=hostile, sections=[Section(hostile, notes=[hostile, ""])])
    assert hostile not in page and "\x00" not in page and "\u202e" not in page
    assert page.count("&lt;b&gt;") == 4  # window, heading, section, note
    with pytest.raises(UndefinedError):
        render("figures.html", title="only a title")


@pytest.mark.parametrize("inline", [False, True])
def test_the_policy_names_the_hash_of_each_script_as_it_is_written(inline: bool) -> None:
    scripts = ["let a = '<é>';", 'let b = "\ud800";']
    values: dict[str, Any] = {"title": "t", "theme": None, "summary": "", "sections": [], "figures": [], "caption": ""}
    page = render_page("figures.html", style="p {}", scripts=scripts, inline_styles=inline, **values).decode()
    (policy,) = re.findall('Security-Policy" content="([^"]+)"', page)
    written = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    assert len(written) == 2
    for text in written:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert ("'unsafe-inline'" in policy) == inline and "unsafe-eval" not in policy


def test_a_table_sets_numbers_right_and_says_nothing_for_none() -> None:
    rows = [("a\tb", 1234, None), ("", 0.12345, 2)]
    page = before_scripts(sections=[Section("", columns="xyz", rows=rows)])
    heads, cells = re.findall(r"<th\b(.*?)>(.*?)</th>", page), re.findall(r"<td\b(.*?)>(.*?)</td>", page)
    number = ' class="number"'
    assert heads == [("", "x"), (number, "y"), (number, "z")]
    assert cells == [("", "a b"), (number, "1,234"), ("", ""), ("", ""), (number, "0.123"), (number, "2")]


def test_data_in_a_script_element_cannot_end_it() -> None:
    import plotly.graph_objects as go

    fig = go.Figure(go.Scatter(x=[0], y=[1], text=["</script><!-- 'é"]))
    page = before_scripts(sections=[Section("", figure=lambda theme: fig)])
    (data,) = re.findall('<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert "<" not in data and json.loads(data)["figure"]["data"][0]["text"] == ["</script><!-- 'é"]
    assert json.loads(data)["dark"] == []
