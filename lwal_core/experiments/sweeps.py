"""Sweeps: every combination of a grid in one YAML file. No torch.

::

    name: push-weight
    base:
      preset: paper/cifar10-resnet50      # optional; what else is in base goes on top of it
      data: {per_class: 500}
    grid:
      method: [{name: onehot}, {name: lwal, dim: 10x}]
      training.learning_rate: [0.001, 0.0001]
      training.seed: [12, 123, 1234]

A key of the grid is an option (``training.seed``) or a whole part (``data``, ``encoder``, ``method``, ``training``),
whose values are mappings of options, or a name alone. Values of ``together`` are mappings of several parts, which are varied as one:
``{encoder: resnet18, training: {learning_rate: 0.01}}``. Parts go over the base option by option, single options over
parts; the last key changes fastest. A preset brings its seeds where the file names none. Paths are relative to the
file's folder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from lwal_core.config import PATH_DATA, RunConfig, run_options
from lwal_core.config.data import HUB_DATA
from lwal_core.config.encoder import model_path
from lwal_core.datafiles import source_stats
from lwal_core.datafiles.hub_data import names_a_folder
from lwal_core.errors import ConfigError, LwalError
from lwal_core.experiments.presets import get_preset, merge_options
from lwal_core.runs import RunSummary, open_run
from lwal_core.runs.record import change_record
from lwal_core.sanitize import printable, quoted

MAX_MEMBERS = 1_000
"""Runs in one sweep; the list of runs stays quick up to here."""
MAX_FILE_BYTES = 64 * 1024
"""Of a sweep file: a thousand members are the product of a few short lists."""
TAG_PREFIX = "sweep:"
TOGETHER = "together"
"""Key of a grid whose values set several parts at once."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_PARTS = tuple(RunConfig.model_fields)
_NAMED_PARTS = ("data", "encoder", "method")
_SHOWN_PROBLEMS = 20
_SHOWN_CHARACTERS = 80
_LONGEST_SENTENCE = 500  # characters

Values = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Member:
    """One run of a sweep.

    Attributes:
        title: What makes it this one, such as ``"method=onehot, training.seed=12"``.
        config: What will be trained.
    """

    title: str
    config: RunConfig


@dataclass(frozen=True)
class Sweep:
    """A sweep whose members are all valid and all different."""

    name: str
    members: tuple[Member, ...]

    @property
    def tag(self) -> str:
        """The tag of its runs."""
        return TAG_PREFIX + self.name

    def found_in(self, runs: Iterable[RunSummary]) -> list[RunSummary | None]:
        """For each member the run that has trained it already, is doing so or will go on by itself; None where none is there.

        Args:
            runs: Runs of the home, newest first. Runs outside the sweep count: what was trained once is not trained
                again.
        """
        known: dict[tuple[str, int], RunSummary] = {}
        for run in sorted(runs, key=lambda run: run.status != "done"):
            if run.status == "done" or run.unfinished:
                known.setdefault((run.group, run.seed), run)
        return [known.get((member.config.group_key(), member.config.training.seed)) for member in self.members]


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file; see :func:`parse_sweep`.

    Raises:
        ConfigError: It cannot be read, or as :func:`parse_sweep`.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError("it is no plain file")
        with open(path, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError([(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")]) from None
    return parse_sweep(content, path.resolve().parent)


def parse_sweep(content: str | bytes, folder: Path | None = None) -> Sweep:
    """A sweep from the text of its file.

    Args:
        content: YAML.
        folder: What relative paths are relative to; the working directory when left out.

    Raises:
        ConfigError: The text is no YAML or no sweep, or members are invalid, use data that is not there, or are the
            same; all problems at once, with the member named.
    """
    document = _read_yaml(content)
    problems: list[tuple[str, str]] = []
    unknown = [key for key in document if key not in ("name", "base", "grid")]
    if unknown:
        problems.append(("", f"unknown {_plural(unknown, 'key')} {_listed(unknown)}; a sweep has name, base and grid"))
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        rule = "1 to 60 letters, digits, dots, hyphens and underscores that start with a letter or digit"
        problems.append(("name", f"{_short(name)} is not allowed; it must be {rule}"))
    base, seeds = _base(document.get("base"), problems)
    axes = _axes(document.get("grid"), problems)
    if seeds and "training.seed" not in axes and "seed" not in base.get("training", {}):
        whole = [*axes.get("training", []), *(value.get("training") for value in axes.get(TOGETHER, []))]
        if not any(isinstance(value, dict) and "seed" in value for value in whole):
            axes["training.seed"] = list(seeds)
    count = math.prod(len(values) for values in axes.values())
    if count > MAX_MEMBERS:
        problems.append(("grid", f"makes {count:,} members; at most {MAX_MEMBERS:,} are allowed"))
    if problems:
        raise ConfigError(problems)
    members = _members(base, axes, folder or Path.cwd())
    return Sweep(str(name), members)


def put_tag(run_id: str, tag: str) -> None:
    """Add a tag to a run that is done."""
    run = open_run(run_id)
    if tag not in run.record.tags:
        change_record(run.path, lambda record: record.model_copy(update={"tags": [*record.tags, tag]}))


def absolute_paths(values: Mapping[str, Mapping[str, Any]], folder: Path) -> Values:
    """Nested values of a configuration with the paths made absolute, so that a run means the same data wherever it is
    resumed.

    Args:
        values: As for :meth:`RunConfig.parse`; left as they are.
        folder: What relative paths are relative to.
    """
    made = {part: dict(options) for part, options in values.items()}
    name = made.get("data", {}).get("name")
    if isinstance(name, str):
        for prefix in PATH_DATA:
            rest = name[len(prefix) :]
            if name.startswith(prefix) and rest.strip() and (prefix != HUB_DATA or names_a_folder(rest, folder)):
                made["data"]["name"] = prefix + _absolute(name[len(prefix) :], folder)
    encoder = made.get("encoder", {}).get("name")
    if isinstance(encoder, str) and (place := model_path(encoder)) is not None:
        made["encoder"]["name"] = encoder.removesuffix(place) + _absolute(place, folder)
    for option in run_options():
        path = made.get(option.part, {}).get(option.name)
        words = ("", option.field.default, *(option.extra("words") or ()))
        if option.extra("file") and isinstance(path, str) and path not in words:
            made[option.part][option.name] = _absolute(path, folder)
    return made


def _absolute(path: str, folder: Path) -> str:
    try:
        return str((folder / Path(path).expanduser()).resolve())
    except (OSError, ValueError, RuntimeError):  # a null character, a loop of links, an unknown user's home
        return path  # refused with the rest when it is looked at


# --- YAML ------------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Plain values alone, without aliases (a few lines of them can stand for gigabytes) and without repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read; write the values out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {_short(twice)} stands there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _read_yaml(content: str | bytes) -> dict[Any, Any]:
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError([("", f"the file is larger than {MAX_FILE_BYTES // 1024} KiB; a sweep is a short list")])
    try:
        document = yaml.load(content, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError([("", f"the file is no YAML that can be read: {where}{error.problem}")]) from None
    except RecursionError:
        raise ConfigError([("", "the file is nested too deeply for a sweep")]) from None
    # Constructors of dates, numbers and binary values raise what Python raises for them.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, LookupError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError([("", f"the file is no YAML that can be read: {reason}")]) from None
    if not isinstance(document, dict):
        raise ConfigError([("", "the file holds no sweep; it has the keys name, base and grid")])
    return document


def _base(given: Any, problems: list[tuple[str, str]]) -> tuple[Values, tuple[int, ...]]:
    """Nested values that all members share, and the seeds of their preset."""
    if given is None:
        return {}, ()
    if not isinstance(given, dict):
        problems.append(("base", f"{_short(given)} is no mapping, such as {{data: {{name: digits}}}}"))
        return {}, ()
    own: Values = {}
    for part, options in given.items():
        if part == "preset":
            continue
        if part not in _PARTS:
            problems.append(("base", f"unknown key {_short(part)}; use preset, {', '.join(_PARTS)}"))
            continue
        read = _options(part, options)
        if read is None:
            problems.append((f"base.{part}", f"{_short(options)} is no mapping of options"))
        else:
            own[part] = read
    if "preset" not in given:
        return own, ()
    try:
        preset = get_preset(given["preset"] if isinstance(given["preset"], str) else repr(given["preset"]))
    except ConfigError as error:
        problems.append(("base.preset", f"{error.problems[0][1]}; `lwal presets` lists them all"))
        return own, ()
    return merge_options(preset.values(), own), preset.seeds


def _axes(given: Any, problems: list[tuple[str, str]]) -> dict[str, list[Any]]:
    """What is varied, in the file's order: ``part`` or ``part.option`` to its values."""
    if not isinstance(given, dict) or not given:
        problems.append(("grid", f"{_short(given)} is no mapping of options to lists, such as training.seed: [1, 2]"))
        return {}
    axes: dict[str, list[Any]] = {}
    for key, values in given.items():
        part, dot, option = key.partition(".") if isinstance(key, str) else ("", "", "")
        if key != TOGETHER and (part not in _PARTS or (dot and not option)):
            problems.append(
                (
                    "grid",
                    f"unknown key {_short(key)}; use {', '.join(_PARTS)}, {TOGETHER} or an option such as training.seed",
                )
            )
        elif not isinstance(values, list) or not values:
            problems.append((f"grid.{key}", f"{_short(values)} is no list of values"))
        elif key == TOGETHER:
            axes[key] = [_parts_of(value, problems) for value in values]
        elif dot:
            axes[key] = values
        else:
            read = [_options(part, value) for value in values]
            wrong = [value for value, options in zip(values, read, strict=True) if options is None]
            problems += [(f"grid.{key}", f"{_short(value)} is no mapping of options") for value in wrong]
            axes[key] = read
    return axes


def _parts_of(given: Any, problems: list[tuple[str, str]]) -> Values:
    """Nested values of several parts."""
    read = {part: _options(part, options) for part, options in given.items()} if isinstance(given, dict) else {}
    wrong = [part for part, options in read.items() if part not in _PARTS or options is None]
    if not read or wrong:
        said = _short(given) if not read else f"{_short(wrong[0])} of {_short(given)}"
        problems.append(
            (f"grid.{TOGETHER}", f"{said} is no mapping of parts, such as {{method: onehot, training: {{epochs: 5}}}}")
        )
    return {part: options for part, options in read.items() if options is not None and part not in wrong}


def _options(part: str, given: Any) -> dict[str, Any] | None:
    """Options of a part; a text is a name. None when it is neither."""
    if isinstance(given, str) and part in _NAMED_PARTS:
        return {"name": given}
    return given if isinstance(given, dict) and all(isinstance(key, str) for key in given) else None


# --- members ---------------------------------------------------------------------------------------------------------


def _members(base: Values, axes: dict[str, list[Any]], folder: Path) -> tuple[Member, ...]:
    """Every combination, validated.

    Raises:
        ConfigError: With all problems.
    """
    # Parts first: an option by itself is the more particular wish, wherever it stands in the file.
    order = sorted(axes, key=lambda key: "." in key)
    members: list[Member] = []
    found: dict[tuple[str, str], list[str]] = {}
    known: dict[tuple[str, int], str] = {}
    data_problems: dict[Any, tuple[int | None, tuple[str, str] | None]] = {}
    for number, combination in enumerate(product(*axes.values()), start=1):
        chosen = dict(zip(axes, combination, strict=True))
        said = [pair for key, value in chosen.items() for pair in (value if key == TOGETHER else {key: value}).items()]
        title = ", ".join(f"{key}={_value_text(value)}" for key, value in said)
        who = f"member {number} ({title})"
        values = {part: dict(options) for part, options in base.items()}
        for key in order:
            part, _, option = key.partition(".")
            options = {option: chosen[key]} if option else chosen[key]
            values = merge_options(values, options if key == TOGETHER else {part: options})
        try:
            config = RunConfig.parse(absolute_paths(values, folder))
        except ConfigError as error:
            for problem in error.problems:
                found.setdefault(problem, []).append(who)
            continue
        if config.data not in data_problems:
            data_problems[config.data] = _look_at_data(config)
        classes, problem_with_data = data_problems[config.data]
        if problem_with_data:
            found.setdefault(problem_with_data, []).append(who)
        if classes:
            try:
                config.method.resolve_dim(classes)
            except ConfigError as error:
                for problem in error.problems:
                    found.setdefault(problem, []).append(who)
        # Where a run trains makes no other run of it.
        key_of_run = (config.group_key(), config.training.seed)
        if key_of_run in known:
            found.setdefault(("", f"the same run as {known[key_of_run]}; leave one of them out"), []).append(who)
        known.setdefault(key_of_run, who)
        members.append(Member(title, config))
    if found:
        raise ConfigError(_said(found))
    return tuple(members)


def _look_at_data(config: RunConfig) -> tuple[int | None, tuple[str, str] | None]:
    """Number of classes, and what is wrong with the data."""
    try:
        return source_stats(config.data).classes, None
    except LwalError as error:
        return None, ("data", str(error))
    except (OSError, ValueError) as error:  # a path that the file system refuses to look at
        return None, ("data", f"{_short(config.data.name)} cannot be looked at: {error}")


def _said(found: dict[tuple[str, str], list[str]]) -> list[tuple[str, str]]:
    """Each problem once, with the first member that has it and how many more do."""
    problems = []
    for (field, sentence), members in found.items():
        more = f" and {len(members) - 1:,} more" if len(members) > 1 else ""
        # A sentence quotes what was given, which may be as long as the file.
        said = sentence if len(sentence) <= _LONGEST_SENTENCE else sentence[:_LONGEST_SENTENCE] + "…"
        problems.append((f"{members[0]}{more}", f"{field}: {said}" if field else said))
    left = len(problems) - _SHOWN_PROBLEMS
    return problems[:_SHOWN_PROBLEMS] + ([("", f"and {left:,} more problems")] if left > 0 else [])


def _value_text(value: Any) -> str:
    """A value of the grid in a title: ``onehot``, ``lwal dim=10x``, ``0.001``."""
    if not isinstance(value, dict):
        return _short(value) if not isinstance(value, str) else _cut(value)
    rest = [f"{key}={_value_text(option)}" for key, option in value.items() if key != "name"]
    name = [_value_text(value["name"])] if "name" in value else []
    return _cut(" ".join([*name, *rest])) or "defaults"


def _short(value: Any) -> str:
    return _cut("nothing" if value is None else quoted(value))


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _listed(values: list[Any]) -> str:
    return _cut(", ".join(_short(value) for value in values))


def _plural(values: list[Any], noun: str) -> str:
    return noun if len(values) == 1 else noun + "s"
