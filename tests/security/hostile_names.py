"""Names as nobody means well with them, and readers of their own for what the exports make of them.

The readers here share no code with the writers: html.parser, an XML parser, the csv module, a Newick reader of thirty
lines.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator

ELEMENT = "x-evil"
"""An element that no page of ours has: where a parser finds one, a name became markup."""

MARKUP = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    f"<{ELEMENT}>",
    f"</title><{ELEMENT}>",
    f"</style><{ELEMENT}>",
    f"</svg><{ELEMENT}>",
    "<img src=x onerror=alert(3)>",
    "<svg/onload=alert(4)>",
    f'"><{ELEMENT} y="',
    f"'><{ELEMENT} y='",
    '" onmouseover="alert(5)',
    "' onfocus='alert(6)",
    "<!--",
    "<!--<script>",
    "--><b>",
    "]]>",
    "<![CDATA[",
    "<?xml version='1.0'?>",
    "<!DOCTYPE html>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "&",
    "<a href='javascript:alert(7)'>x</a>",
    "<ScRiPt src=//evil.example/x.js>",
)
FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "\ufeff=1+1",
    "＝1+1", "＋1", "－1", "＠SUM(A1)", "\ufe66HYPERLINK(1)", '=HYPERLINK("http://evil.example")', "a;=1+1", "b\t=1+1",
    'c";=1+1', "=cmd|' /C calc'!A0",
)  # fmt: skip
TREES = (
    "a,b", "(a,b)c", "a:0.5", "it's", "''", "a;b", "[&R] x", "[comment", "a]b", "END;", "#NEXUS", "1", "2.5", "a_b", "x=y",
    "left|right",
)  # fmt: skip
WORDS = (
    r"\input{/etc/passwd}", r"\write18{id}", "50 % & more", "$x^2$", "#1_~^", r"\\", "| a | b |", "**bold** _it_ `code`",
    "[text](http://evil.example)", "![](http://evil.example/x.png)", "https://evil.example/a", "www.evil.example",
    "~~gone~~", "# head", "- item", "1. item", "> said", ":red[hot]", ":material/delete:", "{{7*7}}", "{0.__class__}",
    "${HOME}", "%s %n %(x)s", "%00", "[bold red]loud[/bold red]", "[/nope]", "[link=http://evil.example]x[/link]",
)  # fmt: skip
CHARACTERS = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\x00nul", "a\x08\x08b", "\u202egpj.exe", "\u2066x\u2069",
    "a\u200bb", "e\u0301\u0323\u0301\u0323", "👩\u200d🔬", "ﷺ", "日本語", "\u2028line", "\uffff", "x\x85y",
)  # fmt: skip
FILES = (
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\CON",
    "CON",
    ".",
    "..",
    "a/b\\c",
    "name\r\nX-Evil: 1",
    "~root",
    "x" * 300,
)

NAMES = tuple(dict.fromkeys(MARKUP + FORMULAS + TREES + WORDS + CHARACTERS + FILES))
"""Names that a record can hold."""
BLANK = ("", " ", "\u3000")
SURROGATES = ("\ud800", "a\udcffb", "\udfff<b>")
"""What no file in UTF-8 can hold; it may come from names of files, and reach the library from a script."""

_TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "div",
        "section",
        "span",
        "button",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "script",
        "svg",
        "g",
        "path",
        "line",
        "circle",
        "rect",
        "text",
        "desc",
        "polygon",
        "input",
        "label",
        "output",
        "ul",
        "li",
        "details",
        "summary",
        "a",
        "br",
    ]
)
_NO_FORMULA = re.compile(r"[=+\-@]")


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.problems: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.policy = ""
        self._script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in _TAGS:
            self.problems.append(f"element {tag}")
        for name, value in attrs:
            if name.startswith("on"):
                self.problems.append(f"attribute {name} of {tag}")
            if name in ("href", "src", "action", "formaction") and not (value or "").startswith(
                "data:application/octet"
            ):
                self.problems.append(f"{name}={value!r}")
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs).get("content") or ""
        if tag == "script":
            self._script = dict(attrs).get("type") or ""
            self.scripts.append((self._script, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.text.append(data)
        else:
            kind, before = self.scripts[-1]
            self.scripts[-1] = kind, before + data

    def handle_comment(self, data: str) -> None:
        self.problems.append(f"comment {data[:40]!r}")

    def handle_pi(self, data: str) -> None:
        self.problems.append(f"instruction {data[:40]!r}")

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html" or self.tags:
            self.problems.append(f"declaration {decl[:40]!r}")


def check_html(data: bytes) -> _Page:
    """Read a page; no element, attribute, comment or script in it may come from a name."""
    page = _Page()
    page.feed(data.decode())
    page.close()
    assert page.problems == []
    assert page.tags[:2] == ["html", "head"] and page.tags.count("html") == page.tags.count("body") == 1
    # Its own policy lets it run these scripts and no others.
    allowed = next(part for part in page.policy.split(";") if part.strip().startswith("script-src"))
    assert page.policy.startswith("default-src 'none'") and "unsafe-inline" not in allowed
    for kind, content in page.scripts:
        if kind != "application/json":
            assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in allowed
        if kind == "application/json":
            assert "<" not in content
            json.loads(content)
    return page


def check_csv(data: bytes, separator: str = ",") -> list[list[str]]:
    """Read a table: rows of one length, and no cell that a spreadsheet would take for a formula, whichever of comma,
    semicolon and tab divides cells where it is opened."""
    text = data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator))
    assert rows and len({len(row) for row in rows}) == 1
    for cell in (cell for row in rows for cell in row):
        assert not is_formula(cell), cell
        for part in re.split(r"[;\t]", cell):
            assert not is_formula(part.strip("\"'") if not part.startswith("'") else part), cell
    return rows


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may run it: text that, for all its blanks and invisible characters, begins like one."""
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?(e[+-]?\d+)?|inf)|nan", cell):
        return False
    visible = next((c for c in cell if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf", "Cs")), "")
    return _NO_FORMULA.match(unicodedata.normalize("NFKC", visible) or " ") is not None


def check_xml(data: bytes) -> set[str]:
    """Read an SVG; returns its texts."""
    root = ElementTree.fromstring(data)
    texts = set()
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        assert tag not in ("script", "foreignObject", "image", "a", ELEMENT), tag
        for key, value in element.attrib.items():
            assert not key.lower().startswith("on"), key
            assert not key.endswith("href") or value.startswith("#"), value
        texts.add("".join(element.itertext()))
    return texts


def newick_tips(text: str) -> list[str]:
    """The tips of a tree, quotes undone; fails on what is no tree."""
    tips: list[str] = []
    depth, at, before = 0, 0, ""
    while at < len(text):
        char = text[at]
        if char == "'":
            end = at + 1
            while text[end] != "'" or text[end : end + 2] == "''":
                end += 2 if text[end] == "'" else 1
            label, at = text[at + 1 : end].replace("''", "'"), end + 1
        elif char == "[":
            at = text.index("]", at) + 1
            continue
        elif char in "(),;":
            depth += {"(": 1, ")": -1}.get(char, 0)
            assert depth >= 0
            if char == ";":
                break
            before, at = char, at + 1
            continue
        else:
            found = re.compile(r"[^()\[\],;']+").match(text, at)
            assert found, text[at : at + 20]
            label, at = found[0].partition(":")[0], found.end()
            if not label:
                continue
        if before != ")":
            tips.append(label)
        before = "label"
    assert depth == 0 and text[at:].strip() == ";"
    return tips


def unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Files of a zip, whose names are plain."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            assert re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", info.filename) and ".." not in info.filename
            yield info.filename, archive.read(info)
