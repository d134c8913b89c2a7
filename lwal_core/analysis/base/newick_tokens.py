"""What Newick text is made of, for the readers of taxonomies and of dendrograms alike."""

from __future__ import annotations

import re

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A branch length, or the support of a group."""

TOKEN = re.compile(
    r"\s+|\[[^\]]*+\]"
    r"|([(),:;]|'[^']*+(?:''[^']*+)*+'|[^\s()\[\]':;,]++|['\[][\s\S]*|\])"
)
"""A token in the group; white space and [comments] are matched outside it and come out empty. A quote or bracket that is
never closed takes all the rest, so that scanning stays linear whatever the text."""
