"""``slurm.yaml`` in the home: what jobs ask a SLURM cluster for."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lwal_core.errors import ConfigError
from lwal_core.runs import Run

FILE = "slurm.yaml"
PROFILE_TAG = "slurm:"
"""A run with the tag ``slurm:NAME`` takes the profile of that name."""
MAX_BYTES = 65_536
MAX_LINES = 50
MAX_DEPTH = 8
RESERVED = frozenset(
    {
        "array", "chdir", "error", "export", "job-name", "no-requeue", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output",
        "parsable", "requeue", "signal", "test-only", "time", "uid", "gid", "wait", "wrap",
    }
)  # fmt: skip
"""Options of sbatch that the launcher sets itself, or that would change who runs what."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,:@+-]{0,199}")
_TIME = re.compile(r"(?:(?P<days>\d{1,3})-)?(?P<parts>\d{1,6}(?::\d{1,2}){0,2})", re.ASCII)
_LINE = re.compile(r"(?:#SBATCH\s+)?--(?P<key>[a-z][a-z-]{1,40})(?:(?:=|\s+)(?P<value>.+))?")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("letters, digits and _ . , : @ + - alone")
    return value


def minutes(text: str) -> int:
    """Minutes of a time limit as sbatch reads it: ``90``, ``90:00``, ``1:30:00``, ``2-12``, ``2-12:30``, ``2-12:30:00``.

    Raises:
        ValueError: It is none, or below a minute.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError("minutes, H:MM:SS or D-HH:MM:SS")
    parts = [int(part) for part in match["parts"].split(":")]
    if match["days"] is not None:
        hours, mins, seconds = [*parts, 0, 0][:3]
        total = (int(match["days"]) * 24 + hours) * 60 + mins
    else:
        hours, mins, seconds = [0, *parts, 0] if len(parts) == 1 else ([0, *parts] if len(parts) == 2 else parts)
        total = hours * 60 + mins
    total += seconds > 0
    if total < 1:
        raise ValueError("at least a minute")
    return total


def _plain_line(value: str) -> str:
    if not value.isprintable() or len(value) > 1_000:
        raise ValueError("one line of at most 1,000 printable characters")
    return value


def _option(value: str) -> str:
    match = _LINE.fullmatch(_plain_line(value).strip())
    if match is None:
        raise ValueError("a line such as '--constraint=a100' or '#SBATCH --exclusive'")
    if match["key"] in RESERVED:
        raise ValueError(f"--{match['key']} is set by the launcher; leave it out")
    return value


Name = Annotated[str, AfterValidator(_name)]
Minutes = Annotated[int, BeforeValidator(lambda value: minutes(str(value))), Field(le=1_000_000)]
Lines = Annotated[tuple[Annotated[str, AfterValidator(_option)], ...], Field(max_length=MAX_LINES)]


class JobOptions(BaseModel):
    """What a job asks for; what is left out, the cluster decides.

    Attributes:
        partition: Partition or partitions, separated by commas.
        account: Account that is charged.
        qos: Quality of service.
        time: Time limit in minutes; in the file also as ``H:MM:SS`` or ``D-HH:MM:SS``.
        nodes: Nodes of a run that asks for one itself (1 to 64).
        gpus: GPUs per node (0 to 64); of a run on several devices as many as those, where it is above 0.
        cpus: Processor cores per node.
        memory: Memory per node, such as ``16G``.
        extra_lines: Further options of sbatch, such as ``--constraint=a100``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: Name | None = None
    account: Name | None = None
    qos: Name | None = None
    time: Minutes | None = None
    nodes: int = Field(1, ge=1, le=64)
    gpus: int = Field(0, ge=0, le=64)
    cpus: int | None = Field(None, ge=1, le=4_096)
    memory: str | None = Field(None, pattern=r"^[0-9]{1,9}[KMGT]?$")
    extra_lines: Lines = ()

    def sbatch_options(self) -> dict[str, Any]:
        """Options of sbatch by name, besides nodes and time; True for one without a value."""
        options: dict[str, Any] = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "cpus-per-task": self.cpus,
            "mem": self.memory,
        }
        for line in self.extra_lines:
            match = _LINE.fullmatch(line.strip())
            assert match is not None
            options[match["key"]] = match["value"].strip() if match["value"] else True
        return {key: value for key, value in options.items() if value is not None}


class SlurmConfig(JobOptions):
    """The content of ``slurm.yaml``.

    Attributes:
        jobs: Jobs of this home that wait or run in the cluster at once.
        stop_seconds: How long before the time limit a training is asked to stop after its batch.
        look_seconds: How often the cluster is asked about all jobs.
        setup: Lines of shell that run on the node before the training, such as ``module load cuda``.
        python: Command of the Python of the nodes, a shell command; empty for the one of this process.
        folder: Folder of this user alone for what submitit hands to the nodes, which must reach it.
        profiles: Other options by name, for runs with the tag ``slurm:NAME``.
    """

    jobs: int = Field(20, ge=1, le=10_000)
    stop_seconds: int = Field(120, ge=1, le=7_200)
    look_seconds: float = Field(10.0, ge=0.2, le=600.0)
    setup: tuple[Annotated[str, AfterValidator(_plain_line)], ...] = Field((), max_length=MAX_LINES)
    python: Annotated[str, AfterValidator(_plain_line)] = ""
    folder: Path = Path("~/.cache/lwal/slurm")
    profiles: dict[Name, JobOptions] = Field(default={}, max_length=50)

    def options_of(self, run: Run) -> JobOptions:
        """Options of a run's job: those of the home, with what its profile and the run itself say.

        Raises:
            ConfigError: There is no profile of that name.
        """
        names = [tag.removeprefix(PROFILE_TAG) for tag in run.record.tags if tag.startswith(PROFILE_TAG)]
        values = {key: getattr(self, key) for key in JobOptions.model_fields}
        for name in names:
            if name not in self.profiles:
                there = ", ".join(sorted(self.profiles)) or "none"
                raise ConfigError([(FILE, f"there is no profile {name!r}; there are: {there}")])
            profile = self.profiles[name]
            values |= {key: getattr(profile, key) for key in profile.model_fields_set}
        training = run.config.training
        if training.nodes > 1:
            values["nodes"] = training.nodes
        if run.record.ready_model is not None:
            values["nodes"] = 1  # an analysis is one process's
        if training.devices > 1 and values["gpus"]:
            values["gpus"] = training.devices
        return JobOptions.model_construct(**values)


class _Loader(yaml.BaseLoader):
    """Text alone: YAML 1.1 would read 1:00:00 as 3600. No aliases, and no deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read; write the values out")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.YAMLError("it is nested too deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_slurm_config(home: Path) -> SlurmConfig:
    """The settings of a home.

    Its lines are run as whoever runs the worker, so the file must be that user's (or root's), and nobody else may write it.

    Raises:
        ConfigError: The file is missing, others may write it, or a value is wrong; one line per problem's field.
    """
    path = home / FILE
    try:
        with open(path, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ConfigError([(str(path), "it is no plain file")])
            if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & 0o022:
                raise ConfigError(
                    [(str(path), "others may write it, and its lines are run as you.")],
                    "Let it belong to you, and take the right to write it from all others: chmod go-w.",
                )
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            [(str(path), "it is missing.")], "Write one with partition, time and gpus; docs/clusters.md shows how."
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigError([(str(path), f"it has more than {MAX_BYTES:,} bytes")])
    return parse_slurm_config(data, str(path))


def parse_slurm_config(data: bytes, source: str = FILE) -> SlurmConfig:
    """Settings from the bytes of a file.

    Args:
        data: YAML in UTF-8.
        source: What messages call it.

    Raises:
        ConfigError: It is no YAML, or a value is wrong.
    """
    try:
        values = yaml.load(data.decode("utf-8"), Loader=_Loader)
    except UnicodeDecodeError:
        raise ConfigError([(source, "it is no text in UTF-8")]) from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(
            [(source, f"{where}{getattr(error, 'problem', None) or str(error).splitlines()[0]}")]
        ) from None
    if values in (None, ""):
        values = {}
    if not isinstance(values, dict):
        raise ConfigError([(source, "it is no list of options such as 'partition: gpu'")])
    try:
        return SlurmConfig.model_validate({key: value for key, value in values.items() if value not in ("", None)})
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False):
            field = ".".join(str(part) for part in one["loc"])
            problems.append((f"{source}: {field}", one["msg"].removeprefix("Value error, ")))
        raise ConfigError(problems) from None
