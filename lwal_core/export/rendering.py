"""HTML and SVG from Jinja2 templates: one self-contained page, escaped, with a content security policy by hashes.

Markup, style sheets and scripts are files in ``templates``. A page forbids itself to load anything and to run any script
but its own ones, whose hashes are computed from the very text that is written into it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwal_core.analysis.base.formatting import format_number
from lwal_core.export.pictures.text import drawable, shown_name
from lwal_core.sanitize import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FOLDER = Path(__file__).parent / "templates"


@cache
def asset(name: str) -> str:
    """Text of a script or a style sheet in the templates' folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """Source expression of a script or a style in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8', 'replace')).digest()).decode()}'"


def render(template: str, **values: Any) -> Markup:
    """Markup of a template; every text is escaped, and control characters become blanks."""
    from markupsafe import Markup

    return Markup(_environment().get_template(template).render(values))


def render_page(
    template: str,
    *,
    style: str,
    scripts: Sequence[str],
    inline_styles: bool = False,
    compiles: bool = False,
    **values: Any,
) -> bytes:
    """A page in UTF-8.

    Args:
        template: Name of a template that extends ``page.html``.
        style: The style sheet.
        scripts: Scripts, run in this order at the end of the page.
        inline_styles: Whether elements may have style attributes, as plotly's do.
        compiles: Whether scripts may compile code at run time, as WebGL's shaders need.
        values: What the template shows.
    """
    from markupsafe import Markup

    sources = [policy_hash(script) for script in scripts] + ["'unsafe-eval'"] * compiles
    page = render(
        template,
        style=Markup(style),
        scripts=list(map(Markup, scripts)),
        script_sources=Markup(" ".join(sources)),
        style_sources=Markup("'unsafe-inline'" if inline_styles else policy_hash(style)),
        **values,
    )
    return page.encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        finalize=lambda value: printable(value, "\n") if type(value) is str else value,
        loader=FileSystemLoader(FOLDER),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"cell": _cell, "drawable": drawable}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


def _cell(value: str | float | None) -> str:
    """A table's value: formatted numbers, names on one line."""
    if value is None or value == "":
        return ""
    return shown_name(value) if isinstance(value, str) else format_number(value)
