"""Names on a terminal: they neither steer it nor are read as the console's own markup."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections.abc import Callable
from typing import cast

import pytest

from lwal_core.cli.main import main
from lwal_core.cli.output import PlainConsole, without_control
from lwal_core.cli.progress import _report
from lwal_core.errors import LwalError
from lwal_core.runs import Run, RunWriter, create_run, edits, open_run
from lwal_core.shares import share_run
from tests.security.hostile_names import BLANK, NAMES, SURROGATES

Make = Callable[..., Run]
STEERING = "\x1b[31m\x1b]0;title\x07\x9b2J\u202egpj.exe[bold red]loud[/bold red][/nope]\x00\x08"


def harmless(text: str) -> bool:
    return not any((unicodedata.category(c) == "Cc" and c not in "\n\t") or c in "\u202e\u2066\u2069" for c in text)


@pytest.mark.parametrize("name", [*NAMES, *BLANK, *SURROGATES])
def test_what_a_console_prints(name: str) -> None:
    file = io.StringIO()
    PlainConsole(file=file, width=2_000).print(name, highlight=False, markup=False)
    shown = file.getvalue()
    assert harmless(shown) and shown.encode()
    kept = "".join(c for c in name if c.isprintable() and not c.isspace())
    assert [c for c in shown if c.isprintable() and not c.isspace() and c != "\ufffd"] == list(kept)


def test_its_own_colours_stay() -> None:
    file = io.StringIO()
    PlainConsole(file=file, force_terminal=True, color_system="standard", width=80, _environ={}).print("[red]a\x1bc[/]")
    assert file.getvalue() == "\x1b[31ma\ufffdc\x1b[0m\n"


@pytest.mark.parametrize(
    "arguments",
    ["runs", "show RUN", "shares", "compare", "export RUN --format csv", "export RUN -o OUT", "rename RUN NEW", "tag RUN NEW",
     "show NEW", "export RUN --format NEW", "import NEW.csv", "unshare NEW", "train --dataset NEW", "runs --json"],
)  # fmt: skip
def test_what_the_commands_print(
    make_run: Make, tmp_path: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: str
) -> None:
    hostile = [STEERING, *(name[:60] for name in NAMES[:24])]
    run = edits.set_tags(make_run(class_names=hostile, name=STEERING), [STEERING])
    make_run("onehot", class_names=hostile, name=STEERING)
    broken = make_run(status="queued", name=STEERING)
    RunWriter(broken.path).update(error=STEERING)
    share_run(run, note=STEERING)
    given = {"RUN": run.id, "OUT": f"{tmp_path}/{STEERING.replace('/', '').replace(chr(0), '')}", "NEW": STEERING,
             "NEW.csv": STEERING + ".csv"}  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["lwal", *(given.get(word, word) for word in arguments.split())])
    with pytest.raises(SystemExit) as stopped:
        main()
    output = capfd.readouterr()
    assert "Traceback" not in output.err
    assert output.out or output.err or stopped.value.code == 0
    if "--json" in arguments:
        assert json.loads(output.out)
    elif not arguments.startswith("export RUN --format csv"):  # a file is written as it is, also to standard output
        assert harmless(output.out + output.err)


def test_why_a_training_ended(make_run: Make) -> None:
    class Ended:
        returncode = 1

    for status in ("failed", "paused"):
        run = make_run(status="queued")
        RunWriter(run.path).move_to("running")
        RunWriter(run.path).update(error=STEERING)
        RunWriter(run.path).move_to(status, STEERING)
        file = io.StringIO()
        _report(open_run(run.id), cast("object", Ended()), PlainConsole(file=file, width=400))  # type: ignore[arg-type]
        assert harmless(file.getvalue()) and "[bold red]loud[/bold red][/nope]" in file.getvalue()


def test_a_log_is_shown_line_by_line() -> None:
    assert without_control("a\r\nb\tc\x1b[2K\rd") == "a\nb\tc\ufffd[2K\ufffdd"


@pytest.mark.parametrize("name", SURROGATES)
def test_names_that_a_terminal_could_not_decode(make_run: Make, name: str) -> None:
    run = make_run()
    assert edits.rename(run, f"a{name}").name.encode() and edits.set_tags(run, [f"a{name}"]).record.tags[0].encode()
    assert create_run(run.config, name=name).name.encode()
    try:
        share_run(run, note=name)[0].note.encode()
    except LwalError:
        pytest.fail("a note is text")
