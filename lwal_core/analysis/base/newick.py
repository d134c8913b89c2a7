"""Parser of Newick text, for dendrograms and taxonomies alike: tokens to nodes in one pass, without recursion.

Grammar: Olsen's description of the format (https://phylipweb.github.io/phylip/newick_doc.html). Names in double quotes
are read as well, as other programs write them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from itertools import islice

from lwal_core.errors import LwalError

MAX_CHARACTERS = 20_000_000
"""A file of 20 MB; about 500,000 classes with names and lengths."""
MAX_BRANCHES = 2_500_000
"""Read in some seconds; 20 MB of brackets alone would take half a minute."""

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A branch length, or the support of a group."""

# A token in the group; white space and [comments] are matched outside it and come out empty. A quote ' or bracket that
# is never closed takes all the rest, so that scanning stays linear whatever the text.
_TOKEN = re.compile(
    r"\s+|\[[^\]]*+\]"
    r"""|([(),:;]|'[^']*+(?:''[^']*+)*+'|"[^"]*+"(?![^\s()\[\]:;,])|[^\s()\[\]':;,]++|['\[][\s\S]*|\])"""
)

# What has been read of a branch: nothing, a ':'; and enough to end it: its name, its ')', its length; or the whole tree.
_START, _COLON, _LABEL, _CLOSED, _LENGTH, _END = range(6)


@dataclass(slots=True)
class NewickTree:
    """Nodes of a tree in the order of the text: a group comes before what it holds; the first node is the root.

    Attributes:
        parents: Number of the group above each node; -1 for the root.
        labels: Name of each node, without quotes; None for one without.
        quoted: Numbers of the nodes whose name stood in quotes.
        lengths: Length of the branch above each node; nan where there is none.
        closed: Numbers of the groups in the order of their closing brackets, hence children before parents.
    """

    parents: list[int] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    quoted: set[int] = field(default_factory=set)
    lengths: list[float] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)


class _FaultError(Exception):
    """What is wrong with a token, and what to do about it."""


def parse_newick(text: str, error: type[LwalError], *, dendrogram: bool = False) -> NewickTree:
    """Read one Newick tree.

    An underscore outside quotes means a blank. ``[Comments]``, which do not nest, are skipped.

    Args:
        text: Newick, at most :data:`MAX_CHARACTERS` characters and :data:`MAX_BRANCHES` branches.
        error: What is raised.
        dendrogram: Lengths must be finite and not negative, and no two classes may have the same name.

    Raises:
        LwalError: As ``error``: not one Newick tree, with the place, or too long.
    """
    _check_size(text, error)
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:6].upper() == "#NEXUS":
        raise error("This is a NEXUS file, plain Newick is expected.", "Take the tree out of its TREES block: (a,b);")
    tree, seen = NewickTree(), set[str]()
    parents, labels, lengths = tree.parents, tree.labels, tree.lengths
    open_groups: list[int] = []
    node, state, index = -1, _START, 0
    tokens = _TOKEN.findall(text)
    try:
        for index, token in enumerate(tokens):  # noqa: B007 - the place of an error
            if not token:
                continue
            if state == _END:
                raise _FaultError("text after the ';' that ends the tree", "Give one tree a file.")
            if token == "," or token == ")":
                if state < _LABEL or not open_groups:
                    raise _misplaced_end(token, state)
                state = _START
                if token == ")":
                    node, state = open_groups.pop(), _CLOSED
                    tree.closed.append(node)
            elif token == "(":
                if state != _START:
                    raise _FaultError("'(' where ',' or ')' is expected", "Put a comma between two branches.")
                parents.append(open_groups[-1] if open_groups else -1)
                open_groups.append(len(labels))
                labels.append(None)
                lengths.append(math.nan)
            elif token == ":":
                if state not in (_LABEL, _CLOSED):
                    raise _FaultError("':' without a branch before it", "Write a name before the length.")
                state = _COLON
            elif token == ";":
                if open_groups:
                    what = f"{len(open_groups):,} '(' without ')' before the ';'"
                    raise _FaultError(what, "Check that the brackets pair up.")
                if state < _LABEL:
                    raise _FaultError("a tree that ends too early", "Check that the file is complete.")
                state = _END
            elif state == _COLON:
                lengths[node] = _length(token, dendrogram)
                state = _LENGTH
            elif state == _START:
                name, quoted = (token, False) if token.isalnum() else _label(token)
                if not name or name.isspace():
                    raise _FaultError("a class with an empty name", "Name every class.")
                if dendrogram and name in seen:
                    raise _FaultError(f"the name {_short(name)} a second time", "Give every class a name of its own.")
                seen.add(name)
                node, state = len(labels), _LABEL
                parents.append(open_groups[-1] if open_groups else -1)
                labels.append(name)
                lengths.append(math.nan)
                if quoted:
                    tree.quoted.add(node)
            elif state == _CLOSED:
                labels[node], quoted = _label(token)
                if quoted:
                    tree.quoted.add(node)
                state = _LABEL
            else:
                _label(token)
                what = f"{_short(token)} where ',' or ')' is expected"
                raise _FaultError(what, "Put names with blanks or quotes in '...'.")
        if state != _END:
            if not labels:
                raise error("The text holds no tree.", "Newick looks like ((cat,dog)pet,car);")
            index = len(tokens)
            hint = "Newick looks like ((cat,dog)pet,car); and ends with a semicolon."
            raise _FaultError("the end of the text, without ';'", hint)
    except _FaultError as fault:
        what, hint = fault.args
        raise error(f"Not a Newick tree: {what} ({_place(text, index)}).", hint) from None
    return tree


def _check_size(text: str, error: type[LwalError]) -> None:
    for what, count, limit in (
        ("text has {:,} characters", len(text), MAX_CHARACTERS),
        ("tree has about {:,} branches", text.count("(") + text.count(",") + 1, MAX_BRANCHES),
    ):
        if count > limit:
            raise error(f"The {what.format(count)}, at most {limit:,} are read.", "Give a smaller tree.")


def _misplaced_end(token: str, state: int) -> _FaultError:
    if state == _START:
        return _FaultError("a class without a name", "Name every class.")
    if state == _COLON:
        return _FaultError("a ':' without a length", "Write a number after it.")
    return _FaultError(f"{token!r} outside of all brackets", "Check that the brackets pair up.")


def _label(token: str) -> tuple[str, bool]:
    """A name without its quotes, and whether it had some."""
    first = token[0]
    if first == "'":
        if token.count("'") % 2:
            raise _FaultError("a quote ' that is never closed", "Close it, and double a quote inside a name.")
        return token[1:-1].replace("''", "'"), True
    if first == '"':
        if len(token) == 1 or token.count('"') != 2 or token[-1] != '"':
            raise _FaultError(f'the quote " of {_short(token)} without its pair', "Put the name in '...'.")
        return token[1:-1], True
    if first == "[":
        raise _FaultError("a comment [ that is never closed", "Close it with ].")
    if first == "]":
        raise _FaultError("a ] without [ before it", "Quote names that hold brackets; comments do not nest.")
    return token.replace("_", " "), False


def _length(token: str, dendrogram: bool) -> float:
    if not NUMBER.fullmatch(token):
        _label(token)
        raise _FaultError(f"{_short(token)} where a branch length is expected", "Write a decimal number such as 0.25.")
    length = float(token)
    if dendrogram and -1e-12 < length < 0:  # float noise of other programs
        return 0.0
    if dendrogram and not 0 <= length < math.inf:
        hint = "Lengths are finite and not negative in a dendrogram."
        raise _FaultError(f"the branch length {token[:40]}", hint)
    return length


def _place(text: str, index: int) -> str:
    """Where the token is. Worked out only now: to keep all positions would double the time."""
    match = next(islice(_TOKEN.finditer(text), index, None), None)
    position = match.start() if match else len(text)
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return f"line {line:,}, character {column:,}"


def _short(token: str) -> str:
    return repr(token if len(token) <= 40 else token[:39] + "…")
