"""Reads one Newick tree into lists of merges: one pass, no recursion, positions in errors.

Grammar as in :mod:`lwal_core.export.newick`. The parser knows branches, names and lengths; whether the tree is a
dendrogram is decided by :func:`lwal_core.export.newick.from_newick`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from operator import length_hint
from typing import NoReturn

from lwal_core.analysis.base.newick_tokens import NUMBER, TOKEN
from lwal_core.errors import ImportFileError

# What the parser has read of a branch: nothing, a ':'; and enough to end it: its name, its ')', its length; or the
# whole tree.
_START, _COLON, _LABEL, _CLOSED, _LENGTH, _END = range(6)


class NewickParser:
    """One pass over the tokens, no recursion: finished nodes wait on a stack until their bracket closes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        # One entry a merge; children come before parents.
        self.left: list[int] = []
        self.right: list[int] = []
        self.heights: list[float] = []
        self.levels: list[int] = []
        self._tokens: Iterator[str] = iter(())
        self._token_count = 0
        self.edges = 0
        self.lengths_given = 0
        self.root_depths = (0.0, 0.0)

    def parse(self) -> NewickParser:
        """Read the text.

        Raises:
            ImportFileError: The text is not one Newick tree.
        """
        names, seen = self.names, set[str]()
        left, right, heights, levels = self.left, self.right, self.heights, self.levels
        # Per open bracket, how many nodes waited when it opened. A waiting node: id, distance from the top of its
        # branch to its deepest and to its shallowest tip, levels below it. The node read last is in local variables:
        # this loop is hot.
        open_brackets: list[int] = []
        waiting: list[tuple[int, float, float, int]] = []
        node, deep, shallow, level = 0, 0.0, 0.0, 0
        edges = lengths_given = 0
        state = _START
        found = TOKEN.findall(self.text)
        tokens = self._tokens = iter(found)
        self._token_count = len(found)
        for token in tokens:
            if not token:
                continue
            if token == "," or token == ")":
                if state < _LABEL or not open_brackets:
                    self._fail_at_separator(token, state)
                edges += 1
                if token == ",":
                    waiting.append((node, deep, shallow, level))
                    state = _START
                    continue
                state = _CLOSED
                first = open_brackets.pop()
                if len(waiting) == first:  # a single child is a point on a branch
                    continue
                # Several children are joined last to first, all at the height of the deepest.
                before = len(left)
                while len(waiting) > first:
                    other, other_deep, other_shallow, other_level = waiting.pop()
                    left.append(other)
                    right.append(node)
                    node = -len(left)
                    deep = other_deep if other_deep > deep else deep
                    shallow = other_shallow if other_shallow < shallow else shallow
                    level = other_level if other_level > level else level
                level += 1
                heights += [deep] * (len(left) - before)
                levels += [level] * (len(left) - before)
            elif token == "(":
                if state != _START:
                    self._fail("'(' where ',' or ')' is expected", "Put a comma between two branches.")
                open_brackets.append(len(waiting))
            elif token == ":":
                if state not in (_LABEL, _CLOSED):
                    self._fail("':' without a branch before it", "Write a name before the length.")
                state = _COLON
            elif token == ";":
                if open_brackets:
                    self._fail(
                        f"{len(open_brackets)} '(' without ')' before the ';'", "Check that the brackets pair up."
                    )
                if state < _LABEL:
                    self._fail("a tree that ends too early", "Check that the file is complete.")
                state = _END
                break
            elif state == _COLON:
                length = self._length(token)
                if open_brackets:  # the root's length has no meaning
                    deep += length
                    shallow += length
                    lengths_given += 1
                state = _LENGTH
            elif state == _START:
                name = token if token.isalnum() else self._label(token)
                if not name or name.isspace():
                    self._fail("a tip with an empty name", "Name every tip.")
                if name in seen:
                    self._fail(f"the name {_short(name)} a second time", "Give every tip a name of its own.")
                seen.add(name)
                node, deep, shallow, level = len(names), 0.0, 0.0, 0
                names.append(name)
                state = _LABEL
            elif state == _CLOSED:
                self._label(token)
                state = _LABEL
            else:
                self._label(token)
                self._fail(f"{_short(token)} where ',' or ')' is expected", "Put names with blanks or quotes in '...'.")
        if state != _END:
            if not names and not open_brackets:
                raise ImportFileError("The text holds no tree.", "Newick looks like ((cat:1,dog:1):2,car:3);")
            self._fail("the end of the text, without ';'", "Check that the file is complete.", at_end=True)
        for token in tokens:
            if token:
                self._fail("text after the ';' that ends the tree", "Give one tree a file.")
        self.edges, self.lengths_given = edges, lengths_given
        self.root_depths = (deep, shallow)
        return self

    def _fail_at_separator(self, token: str, state: int) -> NoReturn:
        if state == _START:
            self._fail("a tip without a name", "Name every tip.")
        if state == _COLON:
            self._fail("a ':' without a length", "Write a number after it.")
        self._fail(f"{token!r} outside of all brackets", "Check that the brackets pair up.")

    def _label(self, token: str) -> str:
        first = token[0]
        if first == "'":
            if token.count("'") % 2:
                self._fail("a quote ' that is never closed", "Close it, and double a quote inside a name.")
            return token[1:-1].replace("''", "'")
        if first == "[":
            self._fail("a comment [ that is never closed", "Close it with ].")
        if first == "]":
            self._fail("a ] without [ before it", "Quote names that hold brackets; comments do not nest.")
        return token.replace("_", " ")

    def _length(self, token: str) -> float:
        if not NUMBER.fullmatch(token):
            self._label(token)
            self._fail(f"{_short(token)} where a branch length is expected", "Write a decimal number such as 0.25.")
        length = float(token)
        if length < 0 and length > -1e-12:  # float noise of other programs
            return 0.0
        if length < 0 or not math.isfinite(length):
            self._fail(f"the branch length {token[:40]}", "Lengths are finite and not negative in a dendrogram.")
        return length

    def _fail(self, what: str, hint: str, *, at_end: bool = False) -> NoReturn:
        """Positions are worked out only now, from how many tokens are left: keeping them would double the time."""
        position = len(self.text)
        if not at_end:
            index = self._token_count - length_hint(self._tokens) - 1
            position = next(islice(TOKEN.finditer(self.text), index, None)).start()
        line = self.text.count("\n", 0, position) + 1
        column = position - (self.text.rfind("\n", 0, position) + 1) + 1
        raise ImportFileError(f"Not a Newick tree: {what} (line {line:,}, character {column:,}).", hint)


def _short(token: str) -> str:
    return repr(token if len(token) <= 40 else token[:39] + "…")
