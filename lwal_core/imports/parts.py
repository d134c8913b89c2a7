"""Models in several parts: ``model.safetensors.index.json`` says which file holds the classification head."""

from __future__ import annotations

from pathlib import Path

import orjson

from lwal_core.datafiles.limits import named
from lwal_core.errors import ImportFileError
from lwal_core.imports.heads import is_quantisation, rank


def part_to_read(file: Path, tensor: str | None) -> tuple[Path, str, str]:
    """The part of a model that holds its classification head, beside the list of parts.

    Args:
        file: The list, ``*.index.json``.
        tensor: The tensor that somebody chose; None for the classification head.

    Returns:
        The part, the tensor in it, and a sentence about it.

    Raises:
        ImportFileError: It is no such list, has no such tensor, or the part does not lie beside it.
    """
    try:
        places = {str(name): str(part) for name, part in orjson.loads(file.read_bytes())["weight_map"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ImportFileError(
            f"{file.name!r} is no list of the parts of a model.", "Import the parts themselves."
        ) from None
    what = f"{file.name!r} lists the {len(set(places.values())):,} parts of a model and holds no numbers."
    if tensor is not None and tensor not in places:
        raise ImportFileError(f"{file.name!r} lists no tensor {tensor[:80]!r}.", f"It has {named(places)}.")
    likely = [tensor] if tensor is not None else [n for n in places if not is_quantisation(n) and rank(n)[0] == 3]
    if not likely:
        raise ImportFileError(what, f"Import the part that you want: {named(sorted(set(places.values())))}.")
    head = max(likely, key=rank)
    place = places[head]
    # What a file says is no path: the part is a plain name in the same folder.
    plain = place not in ("", ".", "..") and not set(place) & set("/\\\0")
    part = file.parent / place if plain else None
    if part is None or part.name.lower().endswith(".index.json") or not part.is_file():
        called = "classifier" if tensor is None else "tensor"
        raise ImportFileError(f"{what} The {called} {head[:80]!r} is in {place[:120]!r}.", "Import that file.")
    return part, head, f"{head[:80]!r} is in {place[:120]!r}, which is read."
