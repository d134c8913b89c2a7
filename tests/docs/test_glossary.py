"""The glossary: its page is what the source says, every word is used somewhere, and none is explained twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from lwal_core.config import METHODS
from lwal_core.errors import LwalError
from lwal_core.glossary import GLOSSARY, explained, glossary_markdown

ROOT = Path(__file__).resolve().parents[2]


def _term(field: FieldInfo) -> str:
    """The glossary's word that the training form explains beside an option; empty where there is none."""
    extra = field.json_schema_extra
    return str(extra.get("term", "")) if isinstance(extra, dict) else ""


USED = {
    name
    for folder in ("app", "pages")
    for file in (ROOT / folder).rglob("*.py")
    for call in re.findall(r"explained\(([^)]*)\)", file.read_text(encoding="utf-8"))
    for _, name in re.findall(r"([\"'])(.+?)\1", call)
} | {term for method in METHODS.values() for field in method.model_fields.values() if (term := _term(field))}


def test_the_page_is_written_from_the_glossary() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert page == glossary_markdown(), "python -m lwal_core.glossary > docs/glossary.md"


def test_the_app_explains_every_word_and_no_other() -> None:
    assert set(GLOSSARY) == USED


@pytest.mark.parametrize("name", GLOSSARY)
def test_a_word_has_short_plain_sentences_and_a_source(name: str) -> None:
    term = GLOSSARY[name]
    assert term.meaning.endswith(".") and len(term.meaning) <= 280
    assert not set(term.meaning + term.source) & set("|*_`<>$[]"), "it goes into tables and Markdown as it is"
    assert term.source
    if term.source.startswith("docs/"):
        assert (ROOT / term.source).is_file()


def test_words_are_in_order() -> None:
    assert list(GLOSSARY) == sorted(GLOSSARY, key=str.casefold)


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(LwalError, match="no entry “cophenetics”"):
        explained("Clade", "cophenetics")
