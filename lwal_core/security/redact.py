"""Redaction of passwords in addresses and of link tokens.

:func:`redacted` is for logs, which whoever runs the server reads. :func:`for_others` is for files that are passed on: every
export, bundle and shared snapshot goes through it, and decides nothing itself.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from lwal_core.config import run_options
from lwal_core.config.encoder import model_path

COVER = "***"
SHORTEST = 4
"""A password shorter than this is only covered where it stands in an address: it may be a part of any word."""

_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/?#@:]*):(?P<password>[^\s/?#]*)@")
_NAMED = re.compile(r"(?i)\b(?P<name>password|passwd|pwd|secret|client_secret|cookie_secret|token|share)=[^\s&;,'\"]+")


_QUOTED_PATH = re.compile(r"(?P<quote>['\"])(?:~|/|[A-Za-z]:[\\/])[^'\"\n]*[/\\](?P<last>[^'\"/\\\n]*)(?P=quote)")
_PATH = re.compile(
    r"(?:(?<![\w/.])~?/|(?<![\w])[A-Za-z]:[\\/]|file:///?)(?:[^\s/\\'\"<>|]+[/\\])+(?P<last>[^\s/\\'\"<>|]*)"
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*")
_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\w)")
_KEPT = frozenset({"class_names", "config", "format", "groups", "id", "versions"})
"""Entries of a record that are no text about this machine: a class may be called ``/m/01g317``."""


def for_others(text: str) -> str:
    """A text as it may leave the installation: of each path the last part, no address of a person or a machine, and what
    :func:`redacted` takes out."""
    text = redacted(text)
    for pattern in (_QUOTED_PATH, _PATH):
        text = pattern.sub(_last, text)
    text = _NUMBER.sub(COVER, _MAIL.sub(COVER, text))
    host = socket.gethostname()
    return re.sub(rf"\b{re.escape(host)}\b", COVER, text) if len(host) >= SHORTEST and host != "localhost" else text


def values_for_others(values: Any) -> Any:
    """Lists and dictionaries of texts, each as :func:`for_others` has it."""
    if isinstance(values, str):
        return for_others(values)
    if isinstance(values, list):
        return [values_for_others(value) for value in values]
    if isinstance(values, dict):
        return {key: value if key in _KEPT else values_for_others(value) for key, value in values.items()}
    return values


def record_for_others(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a ``run.json`` as they may leave: without owner and job, its paths and texts as above."""
    values = values_for_others({**values, "owner": None, "job": None, "launcher": None})
    return {**values, "config": without_paths(values["config"])}


def without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration whose paths are reduced to their last part: on another machine they lead nowhere, and they may
    tell more than one wants to share."""
    config = {part: dict(options) for part, options in config.items()}
    kind, colon, path = str(config.get("data", {}).get("name", "")).partition(":")
    if colon and kind in ("folder", "features"):
        config["data"]["name"] = f"{kind}:{PurePosixPath(path).name or 'data'}"
    encoder = str(config.get("encoder", {}).get("name", ""))
    if (folder := model_path(encoder)) is not None:
        config["encoder"]["name"] = f"{encoder.removesuffix(folder)}./{PurePosixPath(folder).name or 'model'}"
    if kind == "external":
        config["data"]["name"] = f"{kind}:{for_others(path)}"
    called = config.get("method", {}).get("called")
    if isinstance(called, str):
        config["method"]["called"] = for_others(called)
    own = config.get("method", {}).get("options")
    if isinstance(own, dict):  # what a program that recorded a run said of itself
        config["method"]["options"] = {name: for_others(v) if isinstance(v, str) else v for name, v in own.items()}
    for option in run_options():
        file = config.get(option.part, {}).get(option.name)
        if option.extra("file") and isinstance(file, str) and "/" in file:
            config[option.part][option.name] = PurePosixPath(file).name
    return config


def _last(found: re.Match[str]) -> str:
    quote = found.groupdict().get("quote") or ""
    return f"{quote}{found['last'] or COVER}{quote}"


def redacted(text: str) -> str:
    """A text without the passwords in its addresses (``redis://user:***@host``), without values named as a password or a
    token (``?share=***``), and without the password of ``LWAL_QUEUE_URL`` wherever it stands."""
    text = _USER_INFO.sub(rf"\g<scheme>\g<user>:{COVER}@", text)
    text = _NAMED.sub(rf"\g<name>={COVER}", text)
    for password in _queue_passwords():
        text = text.replace(password, COVER)
    return text


def _queue_passwords() -> list[str]:
    """As they are written in the address, and as they are read from it; longest first."""
    try:
        password = (
            urlsplit(os.environ.get("LWAL_QUEUE_URL", "")).password or ""
        )  # covered even where the address is refused
    except ValueError:
        return []
    return sorted({p for p in (password, unquote(password)) if len(p) >= SHORTEST}, key=len, reverse=True)
