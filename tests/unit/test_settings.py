"""Every variable of the environment: parsed by one class, told in one table, read somewhere; wrong values are all reported."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path
from typing import Any

import pytest
from pydantic import ByteSize

from lwal_core.cli.main import main
from lwal_core.errors import SettingsError
from lwal_core.settings import VARIABLES, Settings, check_settings, misspelt_variables, settings, variable, wrong_values

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bLWAL_[A-Z]+(?:_[A-Z]+)*\b")
READ = re.compile(r"settings\(\)\.(\w+)")
STARTED_ELSEWHERE = {"LWAL_PUBLISHED_PORT"}
"""Read by compose.yaml alone."""


def sources() -> dict[Path, str]:
    """The program's files but settings.py, and what starts it."""
    files = [path for folder in ("lwal_core", "app", "pages") for path in (ROOT / folder).rglob("*.py")]
    others = [ROOT / "Dockerfile", ROOT / "compose.yaml", *(ROOT / "deploy").iterdir()]
    assert len(files) > 200 and len(others) > 4
    return {path: path.read_text(encoding="utf-8") for path in [*files, *others] if path.name != "settings.py"}


def words_of(path: Path, text: str) -> str:
    """Strings of a Python file, all of another one."""
    if path.suffix != ".py":
        return text
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    return "\n".join(t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type in kinds)


def table() -> dict[str, tuple[str, str]]:
    """Default and meaning by variable, from docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    lines = text.partition("## Environment\n")[2].partition("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    assert all(len(row) == 3 and row[2] for row in rows)
    return {name: (row[1], row[2]) for row in rows for name in NAME.findall(row[0])}


def test_every_field_is_read_and_every_name_is_a_field() -> None:
    found = sources()
    named = {name for path, text in found.items() for name in NAME.findall(words_of(path, text))}
    assert named <= set(VARIABLES)
    read = {variable(field) for text in found.values() for field in READ.findall(text)}
    assert read == set(VARIABLES) - STARTED_ELSEWHERE


def test_nobody_reads_the_environment_beside_the_class() -> None:
    direct = re.compile(r"(?:environ\.get\(|environ\[|getenv\()\s*[\"']LWAL_\w+[\"'](?!\]\s*=)")
    found = {path.name for path, text in sources().items() if path.suffix == ".py" and direct.search(text)}
    assert found == {"redact.py"}  # a password is covered even where its address is refused


def test_the_table_of_the_documents_has_the_fields_and_their_defaults() -> None:
    assert sorted(table()) == sorted(VARIABLES)
    for field, facts in Settings.model_fields.items():
        default, _ = table()[variable(field)]
        if isinstance(facts.default, ByteSize):
            assert default == facts.default.human_readable(separator=" ").replace(".0", ""), field
        elif isinstance(facts.default, bool):
            assert default == ("on" if facts.default else "off"), field
        elif isinstance(facts.default, int | float):
            assert default == f"{facts.default:g}", field


def test_a_misspelt_one_is_told_with_the_likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not misspelt_variables()
    monkeypatch.setenv("LWAL_READONLY", "1")
    monkeypatch.setenv("LWAL_XQZ", "1")
    assert misspelt_variables() == {"LWAL_READONLY": "LWAL_READ_ONLY", "LWAL_XQZ": ""}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("LWAL_SLOTS", "64", 64), ("LWAL_SLOTS", " 1 ", 1), ("LWAL_SLOTS", "  ", None), ("LWAL_SLOTS", "", None),
        ("LWAL_CACHE_MB", "0", 0), ("LWAL_KEEP_FREE_MB", "999999999", 999_999_999), ("LWAL_LOG", "JSON", "json"),
        ("LWAL_INFERENCE_IDLE_MINUTES", "0.5", 0.5), ("LWAL_LAYOUTS_AHEAD", "0", False), ("LWAL_READ_ONLY", "yes", True),
        ("LWAL_OWNERS", " Ada@Lab.org; @b.org ,", ("ada@lab.org", "@b.org")), ("LWAL_HUB_HOSTS", "a.b:8080", ("a.b:8080",)),
        ("LWAL_DATA_ROOTS", " /data:/a b/c: ", (Path("/data"), Path("/a b/c"))), ("LWAL_DATA_ROOTS", "", ()),
        ("LWAL_DATA_MEMORY", "4GiB", 2**32), ("LWAL_DATA_MEMORY", "1.5 GB", 1_500_000_000), ("LWAL_DATA_WORKERS", "0", 0),
        ("LWAL_EMBED_IN", "https://a.b, https://*.C.d:8443", ("https://a.b", "https://*.c.d:8443")), ("LWAL_EMBED_IN", "*", ("*",)),
        ("LWAL_LAUNCHER", "SLURM", "slurm"), ("LWAL_HOME", "a b", Path("a b")), ("LWAL_QUEUE_URL", "unix:///tmp/s", "unix:///tmp/s"),
    ],
)  # fmt: skip
def test_right_values(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any) -> None:
    monkeypatch.setenv(name, text)
    check_settings()
    assert getattr(settings(), name.removeprefix("LWAL_").lower()) == value


WRONG = {
    "LWAL_SLOTS": ["0", "65", "-1", "1.5", "1_0", "+1", "٣", "²", "many", "1" * 5_000],
    "LWAL_PORT": ["0", "80000", "http"],
    "LWAL_CACHE_MB": ["-1", "1.5", "many", "²"],
    "LWAL_KEEP_FREE_MB": ["-1", "1e3", "9" * 13],
    "LWAL_MAX_UPLOAD_MB": ["0", "-1", "9" * 30],
    "LWAL_MAX_QUEUED_PER_USER": ["0", "-1", "1.5"],
    "LWAL_INFERENCE_IDLE_MINUTES": ["0", "-1", "nan", "inf", "ten"],
    "LWAL_READ_ONLY": ["maybe", "2"],
    "LWAL_LOG": ["xml"],
    "LWAL_LAUNCHER": ["1234", "ray", "slurm2"],
    "LWAL_STARTED_BY": ["me", "-1", "9" * 13],
    "LWAL_DATA_MEMORY": ["much", "-1", "4 apples"],
    "LWAL_DATA_WORKERS": ["-1", "257"],
    "LWAL_DATA_ROOTS": ["data", "/data:../other"],
    "LWAL_HUB_HOSTS": ["http://a.example", "a b", "*", "ä.example"],
    "LWAL_EMBED_IN": [
        "a.example",
        "https://a b",
        "https://*",
        "https://a;script-src",
        "self",
        "https://a/x",
        "data:",
    ],
    "LWAL_HOSTS": ["http://a.example", "*", "*.example", "ä.example"],
    "LWAL_QUEUE_URL": ["http://ada:hunter22@host", "localhost:6379", "redis://h:many/0", "redis://h:99999"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_wrong_values_are_said_with_what_is_allowed(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    field = name.removeprefix("LWAL_").lower()
    with pytest.raises(SettingsError, match=f"^{name} is '.*'; allowed: ") as said:
        getattr(settings(), field)
    assert str(Settings.model_fields[field].title) in str(said.value)
    assert "hunter22" not in str(said.value) and len(str(said.value)) < 250
    for other in Settings.model_fields:  # a wrong value concerns who needs it, and nobody else
        if other != field:
            getattr(settings(), other)


@pytest.mark.parametrize("command", ["serve", "worker", "train"])
def test_all_wrong_values_are_said_at_once_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, home: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    for name, texts in WRONG.items():
        monkeypatch.setenv(name, texts[0])
    assert len(wrong_values()) == len(WRONG)
    monkeypatch.setattr("sys.argv", ["lwal", command])
    with pytest.raises(SystemExit) as stopped:
        main()
    lines = capfd.readouterr().err.splitlines()
    assert stopped.value.code == 2 and len(lines) == len(WRONG) and "Traceback" not in "".join(lines)
    assert all(any(f"{name} is " in line for line in lines) for name in WRONG)
    assert not (home / "runs").exists() and not (home / "queue").exists()
