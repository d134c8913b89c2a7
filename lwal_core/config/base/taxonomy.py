"""The option of methods that are told a hierarchy of the classes: which one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints


def _empty_is_none(name: object) -> object:
    return None if name == "" else name


TaxonomyName = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,79}$")] | None,
    BeforeValidator(_empty_is_none),
]
"""Name of a shipped taxonomy or the id of an own one; None for the data set's."""


def taxonomy_field() -> Any:
    """The field ``taxonomy``, the same in every method that has it."""
    return Field(
        None, title="Taxonomy", json_schema_extra={"since": "0.3", "placeholder": "The data set's own"},
        description="Hierarchy of the classes that the method is told: the name of a taxonomy, or wordnet for nouns. Empty: the data set's "
        "own, else the shipped one that fits the class names.",
    )  # fmt: skip
