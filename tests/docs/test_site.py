"""The documents as a whole: the site, its links, the changelog, the citation, the map of the code, what each folder is for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from lwal_core import __version__
from tests.support.documents import ROOT, anchors, documents, links
from tools.site_pages import OUTSIDE, site_links

_LOADED = re.compile(r"<(?:script|img|source|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")
_STYLE = re.compile(r"(?:@import\s+|url\()[\"']?((?:https?:)?//[^\"')\s]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr  # --strict: a link, an anchor or a page that is not there is an error
    return folder


def test_no_page_asks_another_host(site: Path):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= len(documents())
    for page in [*pages, *site.rglob("*.css")]:
        text = page.read_text(encoding="utf-8")
        foreign = (_LOADED if page.suffix == ".html" else _STYLE).findall(text)
        assert not foreign, f"{page.relative_to(site)}: {foreign}"
    assert _LOADED.findall('<script src="https://unpkg.com/x"></script>') and _STYLE.findall("url(//fonts.org/a)")


def test_every_document_is_in_the_navigation(site: Path):
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r": (\S+\.md)$", text, re.MULTILINE))
    for document in documents():
        name = document.relative_to(ROOT).as_posix()
        assert OUTSIDE.get(name, name.removeprefix("docs/")) in listed, name
        assert (site / OUTSIDE.get(name, name.removeprefix("docs/"))).with_suffix(".html").is_file()


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path):
    for link in links(document):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (document.parent / path).resolve() if path else document
        assert target.is_file(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


def test_links_are_written_for_the_site():
    assert site_links("[a](docs/cli.md#x) ![b](docs/img/a.png)", "index.md") == "[a](cli.md#x) ![b](img/a.png)"
    assert site_links("[a](../SECURITY.md) [b](cli.md)", "sharing.md") == "[a](security.md) [b](cli.md)"
    assert site_links("[a](../science.md)", "science/speed.md") == "[a](../science.md)"
    assert site_links("`[a](docs/b.md)` <https://a.b> [c](https://a.b)", "index.md").endswith("[c](https://a.b)")


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", text, re.MULTILINE)
    assert versions[0] == ("Unreleased", "") and versions[1][0] == __version__ and all(day for _, day in versions[1:])


def test_the_citation_has_what_its_format_demands():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    # Required by the schema of CFF 1.2.0; of a reference authors, title and type.
    assert {"cff-version", "message", "title", "authors"} <= citation.keys() and citation["cff-version"] == "1.2.0"
    (paper,) = citation["references"]
    assert {"authors", "title", "type"} <= paper.keys() and "2209.04528" in paper["doi"]
    assert [author["family-names"] for author in paper["authors"]] == ["Yu", "Verma"]
    assert citation["version"] == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}] - {citation['date-released']}" in changelog


def test_one_licence_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["license"] == citation["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert "MIT licence ([LICENSE](LICENSE))" in (ROOT / "README.md").read_text(encoding="utf-8")


def _map() -> str:
    return (ROOT / "docs" / "development.md").read_text(encoding="utf-8").split("```")[1]


def test_the_map_names_what_is_there():
    section = ROOT
    for line in _map().splitlines():
        if line.startswith(("  ", " " * 20)):
            first = re.match(r"  (\S+)", line)
        else:
            first = re.match(r"(\S+)", line)
            if first:
                section = ROOT / first[1]
                assert section.is_dir(), line
        if first and not line.startswith(" " * 20) and line.startswith("  "):
            assert (section / first[1]).exists(), line
        for path in re.findall(r"[\w/]+\.py", line):
            assert any((folder / path).is_file() for folder in (ROOT, section, ROOT / "lwal_core")), f"{path}: {line}"


def test_the_map_names_everything_at_the_top_of_the_library():
    drawn = _map()
    for entry in sorted((ROOT / "lwal_core").iterdir()):
        name = f"{entry.name}/" if entry.is_dir() else entry.name
        if entry.suffix in {"", ".py"} and not name.startswith("__"):
            assert re.search(rf"(?<![\w/]){re.escape(name)}", drawn), f"docs/development.md lacks {name}"


def test_every_folder_says_what_belongs_there():
    tops = ("lwal_core", "app", "pages", "tools", "benchmarks")
    folders = {file.parent for top in tops for file in (ROOT / top).rglob("*.py")}
    assert len(folders) >= 35
    others = (
        "tests",
        "deploy",
        "examples",
        "docs/img",
        "docs/science",
        "docs/site",
        "docs/sweeps",
        "lwal_core/taxonomy/data",
    )
    for folder in sorted(folders | {ROOT / name for name in others}):
        package, readme = folder / "__init__.py", folder / "README.md"
        said = package.is_file() and package.read_text(encoding="utf-8").startswith('"""')
        assert said or (readme.is_file() and len(readme.read_text(encoding="utf-8").split()) > 4), folder
    listed = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    for folder in (ROOT / "tests").iterdir():
        assert not folder.is_dir() or folder.name == "__pycache__" or f"`{folder.name}/`" in listed, folder
