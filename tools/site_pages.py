"""What `mkdocs.yml` needs to make a site of documents that are read on a code host as well.

README.md, SECURITY.md, CHANGELOG.md and the few files that pages link to lie outside ``docs/``. They are taken in under names of
the site, and links between them and the pages are written for where they are there. Nothing is copied into the working tree.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.txt",
    "NOTICE": "notice.txt",
    "CITATION.cff": "citation.cff.txt",
    "deploy/nginx.conf": "nginx.conf.txt",
    "app/icon.png": "site/icon.png",
}
"""Files beside ``docs/`` and their names in the site; text gets an ending that browsers show."""

_LINK = re.compile(r"(?<=\]\()([^)\s:#]+)(?=[)#])")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, *, config: Any) -> Files:
    """Take the files in."""
    from mkdocs.structure.files import File

    for source, name in OUTSIDE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Write the links of a page for the site."""
    return site_links(markdown, page.file.src_uri)


def site_links(markdown: str, page: str) -> str:
    """Links of a page of the site, by its name there, as they must be in the site; code is left alone."""
    source = next((outside for outside, name in OUTSIDE.items() if name == page), f"docs/{page}")

    def written(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        name = OUTSIDE.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(name, posixpath.dirname(page) or ".")

    parts = _CODE.split(markdown)
    return "".join(part if part.startswith("`") else _LINK.sub(written, part) for part in parts)
