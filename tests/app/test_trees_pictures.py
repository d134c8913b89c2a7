"""The Trees page's pictures: their entries in the menu, and the caption that lets both trees be made again."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from streamlit.testing.v1 import AppTest

from app.tree.stats import TreeKey
from app.trees.pair import Pair, TaxonomyKey, pair, side_labels
from app.trees.view import download_entries, picture_caption
from lwal_core import __version__
from lwal_core.figures.tanglegram import tanglegram_figure
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from lwal_core.taxonomy import load_taxonomy
from tests.unit.export.pictures.test_dendrogram import texts

SHAPES = list(load_taxonomy("shapes").classes)
Make = Callable[..., Run]


def found_pair(left: TreeKey | TaxonomyKey, right: TreeKey | TaxonomyKey) -> Pair:
    return pair(left, right, side_labels(left, right), "step2side")


def key_of(run: Run, epoch: int = 3, method: str = "average") -> TreeKey:
    return TreeKey(TreeSpec.of(run, epoch, linkage=method), True, 0)


def test_the_caption_has_both_sides_with_linkage_seed_and_versions(make_run: Make) -> None:
    a, b = make_run(seed=12), make_run("onehot", seed=123)
    lines = picture_caption(found_pair(key_of(a), key_of(b, 1, "complete"))).splitlines()
    assert len(lines) == 2 and lines[0].startswith("Left: ") and lines[1].startswith("Right: ")
    assert "LwAL after epoch 3 of 3" in lines[0] and "seed 12." in lines[0] and "Average linkage" in lines[0]
    assert "One-hot after epoch 1 of 3" in lines[1] and "seed 123." in lines[1] and "Complete linkage" in lines[1]
    assert all(f"lwal {__version__}" in line for line in lines)


def test_a_taxonomy_says_where_it_is_from(make_run: Make) -> None:
    run, taxonomy = make_run(class_names=SHAPES), load_taxonomy("shapes")
    line = picture_caption(found_pair(key_of(run), TaxonomyKey("shapes"))).splitlines()[1]
    assert line == f"Right: {taxonomy.title} over 16 classes. {taxonomy.source}"


@pytest.mark.parametrize("groups", [None, 3])
def test_every_picture_is_made(make_run: Make, groups: int | None) -> None:
    run, other = make_run(seed=1), make_run(seed=2)
    found = found_pair(key_of(run), key_of(other))
    facing = found.facing
    files = download_entries(
        found, groups, lambda look: tanglegram_figure(facing.left, facing.right, groups, theme=look)
    )
    entries = {name.rpartition(".")[2]: (name, media, make()) for _, name, media, make in files[:4]}
    assert [media for _, media, _ in entries.values()] == ["image/svg+xml", "image/png", "application/pdf", "text/html"]
    assert b"Plotly" in entries["html"][2] and b"Left: Class means" in entries["html"][2]
    assert all(("-3-groups." in name) == (groups is not None) for name, _, _ in entries.values())
    shown = " ".join(texts(ElementTree.fromstring(entries["svg"][2])))
    assert all(label in shown for label in found.labels) and "Left: Class means" in shown
    assert entries["png"][2].startswith(b"\x89PNG") and entries["pdf"][2].startswith(b"%PDF")


def test_the_menu_offers_them(open_page: Callable[..., AppTest], make_run: Make) -> None:
    make_run(seed=1), make_run("onehot", seed=1)
    at = open_page("trees")
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels[:3] == ["Picture, SVG", "Picture, PNG", "Picture, PDF"] and labels[3].startswith(
        "Figure as on screen"
    )
