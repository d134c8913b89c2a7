"""Pages of the app: the one list that navigation, links, tools, benchmarks and tests read.

A new page is a script in ``pages/`` and an entry in :data:`PAGES`. Plain data: nothing here imports Streamlit.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

APP = Path(__file__).resolve().parents[1]
ROOT = APP.parent


class Page(NamedTuple):
    """A page.

    Attributes:
        name: Name of its script, also its path in the address.
        title: What navigation calls it.
        icon: Streamlit's name of an icon.
        help: What it is for, in one or two sentences.
        figures: How many figures it draws at least when there are runs.
        folder: Where its script lies.
    """

    name: str
    title: str
    icon: str
    help: str
    figures: int = 0
    folder: Path = ROOT / "pages"

    @property
    def script(self) -> Path:
        """Its script."""
        return self.folder / f"{self.name}.py"

    @property
    def url_path(self) -> str:
        """Its path in the address; the first page, Home, has none."""
        return "" if self.name == PAGES[0].name else self.name


PAGES = (
    Page(
        "home", "Home", ":material/home:",
        "All runs, with accuracy over seeds and a preview of the class tree. Pick here what the other pages show.", 2,
    ),
    Page(
        "train", "Train or analyse", ":material/model_training:",
        "Start a training, or look at a model as it is; watch how far it is, cancel it. It goes on when the page is closed.",
    ),
    Page(
        "curves", "Curves", ":material/show_chart:",
        "Accuracy and losses by epoch, seconds or samples, and a verdict against the one-hot baseline.", 1,
    ),
    Page(
        "embeddings", "Embeddings", ":material/scatter_plot:",
        "Labels and test samples projected to two or three dimensions: which classes are near which.", 1,
    ),
    Page(
        "hierarchy", "Hierarchy", ":material/account_tree:",
        "The tree that the labels form: cut it into groups, compare it with one-hot's, download it.", 1,
    ),
    Page(
        "trees", "Trees", ":material/compare_arrows:",
        "Two trees face to face: runs, epochs or a reference taxonomy; scores, and which classes sit differently.", 1,
    ),
    Page(
        "share", "Share", ":material/share:",
        "A link to a read-only snapshot, or a file: see it, make it, list and revoke.", 1,
    ),
)  # fmt: skip
"""All pages in the order of navigation; the first is the one that the app opens with."""

FIGURES = {page.url_path: page.figures for page in PAGES}
"""How many figures each page draws at least when there are runs, by its path in the address."""


def page_names() -> list[str]:
    """Names of all pages."""
    return [page.name for page in PAGES]


def page_path(name: str) -> str:
    """A page as ``st.switch_page`` and ``st.page_link`` want it: its script relative to the entry point.

    Raises:
        KeyError: There is no such page.
    """
    found = {page.name: page for page in PAGES}[name]
    return os.path.relpath(found.script, APP)
