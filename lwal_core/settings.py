"""Settings from the environment: every variable that this program reads, with its type, default and allowed values.

They are read by :func:`settings` at each use and parsed once per content of the environment. A wrong value is an error
only for whoever needs it; :func:`check_settings` reports all of them at once, before a service starts.
"""

from __future__ import annotations

import difflib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lwal_core.errors import SettingsError

PREFIX = "LWAL_"
MAX_SLOTS = 64
QUEUE_SCHEMES = ("redis", "rediss", "unix", "postgresql", "postgres")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")
SITE = re.compile(rf"https?://(\*\.)?{HOST.pattern}")
"""A site as a policy of content security names it."""
MAX_SHOWN = 60
"""Characters of a wrong value that are repeated."""


def _digits(value: object) -> object:
    """Digits 0 to 9 alone: no sign, no underscore, no digits of other scripts."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise ValueError("no whole number")
    return value


def _entries(value: object) -> object:
    """Lower-case entries of a list that is separated by commas or semicolons."""
    if not isinstance(value, str):
        return value
    return tuple(entry.strip().lower() for entry in value.replace(";", ",").split(",") if entry.strip())


def _words(value: object) -> object:
    """Words of a list that is separated by blanks, as they are."""
    return tuple(value.split()) if isinstance(value, str) else value


def _folders(value: object) -> object:
    """Paths of a list as ``PATH`` has them."""
    return tuple(part.strip() for part in value.split(os.pathsep) if part.strip()) if isinstance(value, str) else value


def _whole_paths(value: tuple[Path, ...]) -> tuple[Path, ...]:
    if not all(path.is_absolute() for path in value):
        raise ValueError("a path from where the program was started")
    return value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(HOST.fullmatch(host) for host in value):
        raise ValueError("no host")
    return value


def _sites(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(site == "*" or SITE.fullmatch(site) for site in value):
        raise ValueError("no site")
    return value


def _queue_address(value: str) -> str:
    parts = urlsplit(value)
    if value and parts.scheme not in QUEUE_SCHEMES:
        raise ValueError("another scheme")
    if parts.scheme != "unix" and parts.port == 0:  # reading it raises ValueError for what is no port
        raise ValueError("no port")
    return value


def _public_address(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("no address")
    if value and (not HOST.fullmatch(parts.netloc.lower()) or parts.port == 0):
        raise ValueError("no host")
    return value.rstrip("/")


def _starter(value: str) -> str:
    if not re.fullmatch(r"[0-9]{0,12}|slurm", value):
        raise ValueError("no process")
    return value


WholeNumber = Annotated[int, BeforeValidator(_digits)]
Entries = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_entries)]
LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Settings(BaseSettings):
    """The variables ``LWAL_*``. ``title`` says which values are allowed, ``description`` what a variable is for."""

    model_config = SettingsConfigDict(
        alias_generator=lambda name: PREFIX + name.upper(), case_sensitive=True, extra="ignore", frozen=True
    )

    home: Path = Field(Path("var"), title="a path", description="folder of everything that is kept")
    data: Path | None = Field(None, title="a path", description="downloaded data sets")
    port: WholeNumber = Field(
        8501, ge=1, le=65_535, title="a whole number from 1 to 65535", description="port of lwal serve"
    )
    processes: WholeNumber = Field(
        1, ge=1, le=64, title="a whole number from 1 to 64", description="app processes behind the one address"
    )
    published_port: WholeNumber = Field(
        8501, ge=1, le=65_535, title="a whole number from 1 to 65535", description="port that compose.yaml publishes"
    )
    slots: WholeNumber | None = Field(
        None, ge=1, le=MAX_SLOTS, title=f"a whole number from 1 to {MAX_SLOTS}", description="trainings at a time here"
    )
    queue_url: Annotated[str, AfterValidator(_queue_address)] = Field(
        "", title="redis://HOST, rediss://HOST, unix://PATH or postgresql://HOST", description="queue on a server"
    )
    keep_free_mb: WholeNumber = Field(
        200, ge=0, title="a whole number of megabytes, 0 or more", description="free space below which trainings pause"
    )
    data_roots: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_folders), AfterValidator(_whole_paths)] = Field(
        (),
        title=f"whole paths, separated by {os.pathsep}",
        description="folders below which the training form shows folders to choose from",
    )
    data_memory: ByteSize = Field(
        ByteSize(4_294_967_296),
        ge=0,
        title="a size such as 4GiB or 500MB",
        description="images held in memory; larger folders are streamed",
    )
    data_workers: WholeNumber | None = Field(
        None, ge=0, le=256, title="a whole number from 0 to 256", description="processes that read images of a training"
    )
    data_nvjpeg: bool = Field(False, title="1 or 0", description="decode streamed JPEG files on the GPU")
    cache_mb: WholeNumber = Field(
        512, ge=0, title="a whole number of megabytes, 0 or more", description="computed projections that are kept"
    )
    layouts_ahead: bool = Field(True, title="1 or 0", description="compute projections after a training")
    inference_idle_minutes: float = Field(
        10.0, gt=0, le=1e6, title="a number of minutes above 0", description="how long an idle model stays loaded"
    )
    max_upload_mb: WholeNumber = Field(
        200, ge=1, le=100_000, title="a whole number of megabytes from 1 to 100000", description="largest imported file"
    )
    hub_hosts: Annotated[Entries, AfterValidator(_hosts)] = Field(
        (), title="host or host:port, separated by commas", description="model hubs beside huggingface.co"
    )
    push_tokens: Path | None = Field(None, title="a path", description="file with the tokens that runs are pushed with")
    push_token: str = Field("", title="a token", description="token that lwal push and recorders send")
    hosts: Annotated[Entries, AfterValidator(_hosts)] = Field(
        (), title="host or host:port, separated by commas", description="names that the app answers to beside localhost"
    )
    public_url: Annotated[str, AfterValidator(_public_address)] = Field(
        "", title="http://HOST or https://HOST, perhaps with a path", description="address of the app in shared links"
    )
    embed_in: Annotated[Entries, AfterValidator(_sites)] = Field(
        (), title="* or https://HOST, separated by commas", description="sites that may show a shared view in a frame"
    )
    metrics: bool = Field(False, title="1 or 0", description="tell whoever asks how many sessions are open")
    read_only: bool = Field(False, title="1 or 0", description="refuse every change")
    shares_only: bool = Field(False, title="1 or 0", description="show shared snapshots alone")
    owners: Entries = Field((), title="addresses and @domain, separated by commas", description="who may change things")
    allowed_users: Entries = Field((), title="addresses, @domain or *, separated by commas", description="who may look")
    secrets: Path | None = Field(None, title="a path", description="secrets.toml with the provider of the sign-in")
    max_queued_per_user: WholeNumber | None = Field(
        None, ge=1, le=100_000, title="a whole number from 1 to 100000", description="waiting runs per person"
    )
    notify: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        (),
        title="addresses, separated by blanks",
        description="webhooks, chats and mail addresses that are told of runs",
    )
    notify_on: Annotated[
        tuple[Literal["done", "failed", "lost", "disk", "sweep"], ...], NoDecode, BeforeValidator(_entries)
    ] = Field(
        ("done", "failed", "lost", "disk", "sweep"),
        title="done, failed, lost, disk and sweep, separated by commas",
        description="what is told",
    )
    notify_secret: str = Field("", title="a secret", description="what webhooks of one's own are signed with")
    log: Annotated[Literal["text", "json"], LowerCase] = Field(
        "text", title="text or json", description="form of the log"
    )
    launcher: Annotated[Literal["process", "slurm"], LowerCase] = Field(
        "process", title="process or slurm", description="what starts the trainings of the queue"
    )
    started_by: Annotated[str, AfterValidator(_starter)] = Field(
        "", title="a process id or slurm", description="set for the program's own processes"
    )

    @model_validator(mode="before")
    @classmethod
    def _without_blank(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A variable that is empty or blank counts as unset."""
        stripped = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in stripped.items() if value != ""}

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Asked for a field that is not there, as its variable holds a wrong value."""
            if name in type(self).model_fields:
                raise SettingsError([line for line in wrong_values() if line.startswith(f"{variable(name)} is ")])
            return super().__getattr__(name)


def variable(field: str) -> str:
    """Variable of a field, such as ``LWAL_READ_ONLY`` of ``read_only``."""
    return PREFIX + field.upper()


VARIABLES = tuple(variable(field) for field in Settings.model_fields)


def settings() -> Settings:
    """Settings as the environment has them now.

    Reading a field whose variable holds a wrong value raises :class:`~lwal_core.errors.SettingsError`.
    """
    return _parsed(_environment())[0]


def wrong_values() -> tuple[str, ...]:
    """Variables with a wrong value: per variable one sentence with its name, the value and what is allowed."""
    return _parsed(_environment())[1]


def check_settings() -> None:
    """Refuse an environment with wrong values.

    Raises:
        SettingsError: One line per wrong value.
    """
    if wrong_values():
        raise SettingsError(wrong_values())


def misspelt_variables() -> dict[str, str]:
    """Variables that are set, begin as ours do and are none of them, each with the one that it is most like, or ``""``."""
    known = [name.removeprefix(PREFIX) for name in VARIABLES]
    found = {}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in VARIABLES:
            like = difflib.get_close_matches(name.removeprefix(PREFIX), known, 1)
            found[name] = PREFIX + like[0] if like else ""
    return found


def _environment() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in VARIABLES)


@lru_cache(maxsize=16)
def _parsed(environment: tuple[str | None, ...]) -> tuple[Settings, tuple[str, ...]]:
    """Settings without the fields that are wrong, and the sentences about those."""
    given = {name: value for name, value in zip(VARIABLES, environment, strict=True) if value is not None}
    try:
        return Settings(), ()
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors()}
    blank: dict[str, Any] = dict.fromkeys(wrong, "")  # so that the defaults are taken
    found = Settings(**blank)
    sentences = []
    for field, facts in Settings.model_fields.items():
        if variable(field) in wrong:
            del found.__dict__[field]
            sentences.append(f"{variable(field)} is {_shown(given[variable(field)])}; allowed: {facts.title}.")
    return found, tuple(sentences)


def _shown(value: str) -> str:
    """A value as a report repeats it: of an address the scheme alone, as the rest may hold a password."""
    scheme, mark, _ = value.partition("://")
    text = f"{scheme}://..." if mark else value
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")
