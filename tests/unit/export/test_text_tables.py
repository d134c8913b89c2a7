"""Markdown and LaTeX: whatever names hold, the table stays one table of text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.export.text_tables import latex_table, latex_text, markdown_table

HOSTILE = [
    "a|b",
    "a & b",
    r"\input{/etc/passwd}",
    "50 % of $x$",
    "x_1^2~#{}",
    "line\nbreak",
    "[option]",
    "*star*",
    "<b>",
    "",
]


def test_latex_by_hand():
    assert latex_text("a_b & 5 % ± 1") == r"a\_b \& 5 \% $\pm$ 1"
    assert latex_text("\\") == r"\textbackslash{}"
    assert latex_table(["A", "B"], [["x", "y"]], "n=3_") == (
        "% needs \\usepackage{booktabs} and \\usepackage{textcomp}\n"
        "\\begin{table}\n\\centering\n\\begin{tabular}{ll}\n\\toprule\nA & B \\\\\n\\midrule\nx & y \\\\\n\\bottomrule\n"
        "\\end{tabular}\n\\caption{n=3\\_}\n\\end{table}\n"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_in_their_cell(name):
    rows = markdown_table(["A", "B"], [[name, "end"]]).splitlines()
    assert len(rows) == 3
    assert len(re.findall(r"(?<!\\)\|", rows[2])) == 3
    body = latex_table(["A", "B"], [[name, "end"]]).splitlines()[7]
    assert len(re.findall(r"(?<!\\)&", body)) == 1
    assert body.endswith(r" & end \\")


@settings(max_examples=25)
@given(st.text(max_size=30))
def test_latex_leaves_no_special_character_unescaped(text):
    # Commands that the escape itself writes are taken out; what is left must hold nothing that LaTeX reads.
    left = re.sub(r"\\(text\w+|ldots)\{\}|\\[{}$&#%_]|\$(\\pm|-|\\times)\$|\{[\[\]*]\}", "", latex_text(text))
    assert not set(left) & set("\\{}$&#%_~^\n\r")
