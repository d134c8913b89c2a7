"""Normalised spellings of class names."""

from __future__ import annotations

import re


def spelling_key(name: str) -> str:
    """A name without what does not matter: case, blanks, underscores, hyphens."""
    return re.sub(r"[\s_\-]+", "", str(name).casefold())


def singular_forms(name: str) -> set[str]:
    """The key of a name and what it may be the English plural of."""
    key = spelling_key(name)
    forms = {key}
    if key.endswith("s") and not key.endswith("ss"):
        forms.add(key[:-1])
    if key.endswith("es"):
        forms.add(key[:-2])
    if key.endswith("ies"):
        forms.add(key[:-3] + "y")
    if key.endswith("ves"):
        forms |= {key[:-3] + "f", key[:-3] + "fe"}
    return {form for form in forms if len(form) > 2 or form == key}


def words_of(name: str) -> list[str]:
    """The words of a name: parted by what is no letter or digit, and where a capital follows a small letter."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name))
