"""The Newick parser: any tree comes back from its text, any other text ends in the error that was asked for."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.base.newick import NewickTree, parse_newick
from lwal_core.errors import AnalysisError, ImportFileError

Node = tuple[str, float | None, list["Node"]]  # a name, a length, what is below
names = st.text(min_size=1, max_size=8).filter(lambda name: not name.isspace())
lengths = st.none() | st.floats(-1e6, 1e6)
trees: st.SearchStrategy[Node] = st.recursive(
    st.tuples(names, lengths, st.just([])),
    lambda below: st.tuples(st.just("") | names, lengths, st.lists(below, min_size=1, max_size=4)),
    max_leaves=20,
)


def text_of(node: Node) -> str:
    name, length, below = node
    inner = f"({','.join(text_of(child) for child in below)})" if below else ""
    quoted = "'" + name.replace("'", "''") + "'" if name else ""
    return inner + quoted + ("" if length is None else f":{length!r}")


def node_of(tree: NewickTree, number: int = 0) -> Node:
    below = [node_of(tree, child) for child, parent in enumerate(tree.parents) if parent == number]
    length = tree.lengths[number]
    return tree.labels[number] or "", None if math.isnan(length) else length, below


@given(trees)
@settings(max_examples=150)
def test_any_tree_comes_back(tree: Node) -> None:
    assert node_of(parse_newick(text_of(tree) + ";", AnalysisError)) == tree


@given(st.text("()[]',:;\"ab_ 1.-e\n\0日\ud800#", max_size=50) | st.text(max_size=100), st.booleans())
@settings(max_examples=400)
def test_any_text_is_a_tree_or_the_error_asked_for(text: str, dendrogram: bool) -> None:
    for error in (AnalysisError, ImportFileError):
        try:
            tree = parse_newick(text, error, dendrogram=dendrogram)
        except error:
            continue
        assert tree.parents[0] == -1 and all(0 <= parent < i for i, parent in enumerate(tree.parents) if i)
        assert sorted(tree.closed) == sorted(set(tree.parents) - {-1})
        assert all((i in tree.closed) or label for i, label in enumerate(tree.labels))


def test_double_quotes_are_quotes() -> None:
    tree = parse_newick('(("big cat","o\'neil"[x])"a (b)":1,5"disk,\'"c"\');', AnalysisError)
    assert tree.labels == [None, "a (b)", "big cat", "o'neil", '5"disk', '"c"']
    assert tree.quoted == {1, 2, 3, 5}


@pytest.mark.parametrize("text", ['("cat,dog);', '("cat"s,dog);', '(",dog);', '("",dog);'])
def test_double_quotes_without_a_pair_are_refused(text: str) -> None:
    with pytest.raises(AnalysisError, match=r"line 1, character 2"):
        parse_newick(text, AnalysisError)


def test_lengths_are_only_asked_of_dendrograms() -> None:
    assert parse_newick("(a:-1,b:1e999);", AnalysisError).lengths[1:] == [-1, math.inf]
    with pytest.raises(AnalysisError, match=r"the branch length 1e999 \(line 2, character 3\)"):
        parse_newick("(a:1,\nb:1e999);", AnalysisError, dendrogram=True)
    assert parse_newick("(a,a);", AnalysisError).labels[1:] == ["a", "a"]
    with pytest.raises(AnalysisError, match=r"'a' a second time \(line 1, character 4\)"):
        parse_newick("(a,a);", AnalysisError, dendrogram=True)


@pytest.mark.parametrize("text", ['("' * 10**5, '",""' * 10**5, '"x' * 10**5, '(",' * 10**5, "\"'" * 10**5])
def test_quotes_without_end_are_scanned_once(text: str) -> None:
    start = time.process_time()  # another's work on the machine does not count
    with pytest.raises(AnalysisError):
        parse_newick(text, AnalysisError)
    assert time.process_time() - start < 1
