"""The import graph has no circles, neither between files nor between folders, and no folder is a heap."""

from __future__ import annotations

import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import networkx
import pytest
from grimp import ImportGraph, build_graph

ROOT = Path(__file__).resolve().parents[2]
LOOSE = {"lwal_core": 5, "app": 4}
"""Most modules that lie at the top of a package, beside its folders."""
LARGEST = 25  # modules of a folder


def circles(graph: ImportGraph, of_folders: bool, allowed: list[str]) -> list[list[str]]:
    """Files, or folders, that import each other, however far around; ``allowed`` are imports that do not count, as
    patterns ``a.* -> b.*``."""
    patterns = [tuple(pattern.split(" -> ")) for pattern in allowed]
    arrows = [
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if not any(fnmatchcase(importer, a) and fnmatchcase(imported, b) for a, b in patterns)
    ]
    if of_folders:
        arrows = [(folder(graph, a), folder(graph, b)) for a, b in arrows]
    found = networkx.strongly_connected_components(networkx.DiGraph(arrows))
    return sorted(sorted(names) for names in found if len(names) > 1)


def folder(graph: ImportGraph, module: str) -> str:
    """The folder of a file; a folder's ``__init__.py`` lies in it."""
    return module if graph.find_children(module) else module.rpartition(".")[0]


def sizes(graph: ImportGraph) -> Counter[str]:
    """How many modules lie in each folder, besides its ``__init__.py``."""
    return Counter(folder(graph, module) for module in graph.modules if not graph.find_children(module))


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return build_graph("lwal_core", "app", "pages", cache_dir=None, exclude_type_checking_imports=True)


@pytest.fixture(scope="module")
def late() -> list[str]:
    """Imports made when a method is built, not when a module is loaded: named once, for the import rules."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return sorted({pattern for contract in contracts for pattern in contract.get("ignore_imports", [])})


@pytest.mark.parametrize("of_folders", [False, True], ids=["files", "folders"])
def test_there_are_no_circles(graph: ImportGraph, late: list[str], of_folders: bool) -> None:
    assert len(graph.modules) > 300
    assert circles(graph, of_folders, late) == []


def test_no_folder_is_a_heap(graph: ImportGraph) -> None:
    found = sizes(graph)
    assert {name: found[name] for name, most in LOOSE.items() if found[name] > most} == {}
    assert {name: count for name, count in found.items() if count > LARGEST} == {}


def made(*arrows: tuple[str, str]) -> ImportGraph:
    """A graph of files ``package.folder.file``."""
    graph = ImportGraph()
    for module in {name for arrow in arrows for name in arrow}:
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            graph.add_module(".".join(parts[:length]))
    for importer, imported in arrows:
        graph.add_import(importer=importer, imported=imported)
    return graph


def test_a_circle_of_files_is_found() -> None:
    chain = [("p.a.x", "p.a.y"), ("p.a.y", "p.a.z")]
    assert circles(made(*chain), False, []) == []
    assert circles(made(*chain, ("p.a.z", "p.a.x")), False, []) == [["p.a.x", "p.a.y", "p.a.z"]]
    assert circles(made(*chain, ("p.a.z", "p.a.x")), False, ["p.a.z -> p.*"]) == []


def test_a_circle_of_folders_needs_none_of_files() -> None:
    graph = made(("p.a.x", "p.b.x"), ("p.b.y", "p.a.y"), ("p.b.y", "p.c.x"))
    assert circles(graph, False, []) == [] and circles(graph, True, []) == [["p.a", "p.b"]]
    assert circles(made(("p.main", "p.a.x"), ("p.a.x", "p.loose")), True, []) == [["p", "p.a"]]


def test_modules_of_a_folder_are_counted() -> None:
    assert sizes(made(("p.a.x", "p.a.y"), ("p.main", "p.a"))) == {"p.a": 2, "p": 1}
