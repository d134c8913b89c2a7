"""What a program says of its run: class names, configuration, data, taxonomy; checked once, before anything is trained."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lwal_core.config import EXTERNAL_DATA, EXTERNAL_METHOD, IMPORTED_DATA, DataConfig, RunConfig
from lwal_core.config.methods.external import MAX_OPTION_NAME, MAX_OPTION_TEXT, MAX_OPTIONS, MAX_TITLE
from lwal_core.datafiles.limits import MAX_CLASSES, named
from lwal_core.recording.arrays import RecordError
from lwal_core.sanitize import encodable, printable, quoted

MAX_CLASS_NAME, MAX_DEPTH = 300, 8
"""Characters of a class name; levels of a configuration within configurations."""
SEED_NAMES = {"seed", "random_seed", "random_state", "manual_seed"}
"""What programs call the option that the run's seed stands for."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # in memory, of a function or an object: another one in each process


def class_names(classes: Iterable[Any]) -> list[str]:
    """Names of the classes as they are kept: one line of printable characters each.

    A dictionary of numbers by name (``class_to_idx``) or of names by number (``id2label``) is read in the order of the numbers.

    Raises:
        RecordError: Fewer than 2 or more than 10,000, a name that is empty or too long, or two that are the same.
    """
    if isinstance(classes, str | bytes) or not isinstance(classes, Iterable):
        raise RecordError("classes", f"classes is {quoted(classes, 60)}.", "Give a list of class names.")
    if isinstance(classes, Mapping):
        classes = _by_number(classes)
    names = [" ".join(printable(encodable(str(name))).split()) for name in classes]
    if not 2 <= len(names) <= MAX_CLASSES:
        raise RecordError("classes", f"Number of classes: {len(names):,}.", f"Give 2 to {MAX_CLASSES:,}.")
    if "" in names:
        raise RecordError("classes", f"Class {names.index('')} has no name.", "Give every class a name.")
    long = [name for name in names if len(name) > MAX_CLASS_NAME]
    if long:
        raise RecordError(
            "classes", f"A class name has {len(long[0]):,} characters.", f"At most {MAX_CLASS_NAME} are kept."
        )
    if len(set(names)) < len(names):
        twice = [name for name, count in Counter(names).items() if count > 1]
        raise RecordError(
            "classes", f"Several classes are called {named(twice)}.", "Give each class a name of its own."
        )
    return names


def _by_number(classes: Mapping[Any, Any]) -> list[Any]:
    """Names of the classes from a dictionary of numbers by name, or of names by number."""
    for pairs in (classes.items(), [(name, number) for number, name in classes.items()]):
        numbers = {int(number): name for name, number in pairs if _is_number(number)}
        if numbers.keys() == set(range(len(classes))):
            return [numbers[number] for number in range(len(classes))]
    raise RecordError(
        "classes", "classes is a dictionary that does not number its classes from 0.", "Give a list of class names."
    )


def _is_number(value: Any) -> bool:
    """Whether this is a whole number, also as a text, as the keys of JSON are."""
    return hasattr(value, "__index__") or (isinstance(value, str) and value.isdecimal())


def configuration(method: str, data: str, seed: int, config: Any, epochs: int | None) -> tuple[RunConfig, list[str]]:
    """Configuration of a recorded run, and sentences about what of it is left out.

    Args:
        method: What the program calls its method.
        data: What it calls its data; the name of a data set that the app knows stands for that one.
        seed: From 0 to 2,147,483,647.
        config: Its options: a mapping, a namespace or a dataclass, nested or not; None for none.
        epochs: How many there will be; None where that is not known.

    Raises:
        ConfigError: A name is empty or too long, or a number out of its range.
    """
    options, notes = flat_options(config)
    options = {name: value for name, value in options.items() if not _is_seed(name, value, seed)}
    values: dict[str, Any] = {
        "data": {"name": data_name(data)},
        "method": {"name": EXTERNAL_METHOD, "called": _text("method", method), "options": options},
        "training": {"seed": _whole("seed", seed), "epochs": 1 if epochs is None else _whole("epochs", epochs)},
    }
    return RunConfig.parse(values), notes


def data_name(data: str) -> str:
    """The data as configurations call it: the app's own name for a data set that it knows, so that the run is compared with
    the app's own trainings; a name of the program's otherwise.

    Raises:
        RecordError: It is empty or too long.
    """
    text = _text("data", data)
    if text.startswith((IMPORTED_DATA, EXTERNAL_DATA)):
        return EXTERNAL_DATA + text.partition(":")[2].strip()
    try:
        return DataConfig(name=text).name
    except ValueError:
        return EXTERNAL_DATA + text


def flat_options(config: Any) -> tuple[dict[str, Any], list[str]]:
    """Options as one level, ``{"optimizer.lr": 0.1}``, with values that JSON has; texts of everything else.

    Returns:
        The options, and sentences about those that are left out or cut.
    """
    found: dict[str, Any] = {}
    cut: list[str] = []
    for name, value in _leaves(config, "", 0):
        key = printable(encodable(name))
        if len(key) > MAX_OPTION_NAME or len(found) >= MAX_OPTIONS:
            cut.append(key)
            continue
        found[key] = _plain(value)
    notes = [f"{len(cut):,} options of config are left out: at most {MAX_OPTIONS} are kept."] if cut else []
    return found, notes


def _leaves(value: Any, name: str, depth: int) -> Iterable[tuple[str, Any]]:
    inner = _inner(value)
    if inner is None or depth >= MAX_DEPTH or (not inner and name):
        if name:
            yield name, value
        return
    for key, part in inner:
        yield from _leaves(part, f"{name}.{key}" if name else str(key), depth + 1)


def _inner(value: Any) -> list[tuple[Any, Any]] | None:
    """The parts of what holds others by name or in order; None of a value."""
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if type(value).__name__ == "Namespace":  # argparse's
        return list(vars(value).items())
    return None


def _is_seed(name: str, value: Any, seed: Any) -> bool:
    """Whether an option says the run's seed once more: by it repeats would differ."""
    return name.lower() in SEED_NAMES and type(value) is int and value == seed


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    try:
        text = str(value)
    except Exception:  # somebody's own class
        text = f"a {type(value).__name__}"
    return _ADDRESS.sub("", printable(encodable(text)))[:MAX_OPTION_TEXT]


def taxonomy_name(taxonomy: str | os.PathLike[str] | None, home: str | os.PathLike[str] | None) -> str | None:
    """Name of a taxonomy: of one that is there, or of a file, which is kept in the home.

    Raises:
        LwalError: There is neither, or the file cannot be read.
    """
    if taxonomy is None:
        return None
    from lwal_core.taxonomy.files import MAX_BYTES, parse_taxonomy
    from lwal_core.taxonomy.store import find_taxonomy, save_taxonomy

    path = Path(taxonomy).expanduser()
    if path.is_file():
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RecordError("taxonomy", f"{path.name} has {size:,} bytes.", f"At most {MAX_BYTES:,} are read.")
        read = parse_taxonomy(path.read_bytes(), path.name, path.stem)
        return save_taxonomy(read, home, again=False).name
    return find_taxonomy(str(taxonomy)).name


def _text(argument: str, value: Any) -> str:
    text = " ".join(printable(encodable(str(value))).split())
    if not 0 < len(text) <= MAX_TITLE:
        raise RecordError(argument, f"{argument} has {len(text):,} characters.", f"Give 1 to {MAX_TITLE}.")
    return text


def _whole(argument: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise RecordError(argument, f"{argument} is {quoted(value, 60)}.", "Give a whole number.")
    return int(value.__index__())
