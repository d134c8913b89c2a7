"""The log: one line an event whatever a name holds, no password in it, and the same events from every part."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.errors import LwalError
from lwal_core.imports import examine, import_run
from lwal_core.jobs import cancel, submit
from lwal_core.jobs.events import log_state
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.recovery import Recovery, acquire_run
from lwal_core.runs import Run, RunWriter, open_run
from lwal_core.security.identity import Person, set_user_provider
from lwal_core.shares import revoke_share, share_run
from lwal_core.system.log import JsonLines, OthersLines, PlainLines, event, set_up

Make = Callable[..., Run]
HOSTILE = 'a\nb\r\x1b[31mred\u2028\x85\x00"}\n{"event": "sign_in.done"}\u202e'


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Events so far, as a machine reads them."""
    monkeypatch.setenv("LWAL_LOG", "json")
    stream = io.StringIO()
    logger = logging.getLogger("lwal")
    before = logger.handlers[:]
    set_up(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers[:] = before


def record(sentence: str, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("lwal", logging.INFO, "", 0, "%s", (sentence,), None)
    made.__dict__ |= {"event_name": "test.event", "facts": facts}
    return made


@given(st.text() | st.just(HOSTILE))
def test_no_text_makes_a_second_line_or_moves_the_cursor(text: str) -> None:
    plain, machine = PlainLines().format(record(text, user=text)), JsonLines().format(record(text, name=text))
    assert plain.translate({0x200C: "", 0x200D: ""}).isprintable() and len((plain + "x").splitlines()) == 1
    assert machine.isascii() and machine.isprintable()
    assert json.loads(machine)["event"] == "test.event"


def test_an_object_a_line_with_time_level_and_what_belongs_to_it(heard) -> None:
    event("job.started", HOSTILE, run="r-1", seconds=1.5, nothing=None, broken=float("nan"), path=Path("/x"))
    event("worker.trouble", "redis://u:hunter22@h/?share=abc", level=logging.ERROR)
    first, second = heard()
    assert first["event"] == "job.started" and first["message"] == HOSTILE and first["run"] == "r-1"
    assert first["seconds"] == 1.5 and first["broken"] is None and first["path"] == "/x" and "nothing" not in first
    at = datetime.fromisoformat(str(first["time"]))
    assert str(first["time"]).endswith("Z") and abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert second["level"] == "error" and "hunter22" not in str(second) and "abc" not in str(second)


@given(st.text() | st.just(HOSTILE))
def test_a_traceback_begins_no_line_and_has_no_password(text: str) -> None:
    form = OthersLines(logging.Formatter("12:00 ERROR %(message)s"))
    try:
        raise ValueError(f"{text} redis://u:hunter22@h share=abcdef")
    except ValueError:
        told = logging.LogRecord("streamlit", logging.ERROR, "", 0, "Uncaught %s", (text,), sys.exc_info())
    first, *others = form.format(told).split("\n")
    assert first.startswith("12:00 ERROR Uncaught ") and all(line.startswith("    ") for line in others)
    assert any(line.strip().startswith("Traceback") for line in others)
    for line in (first, *others):
        assert all(c.isprintable() or c in "\u200c\u200d" for c in line)
        assert "hunter22" not in line and "abcdef" not in line


def test_a_queue_s_password_is_covered_wherever_it_stands(heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWAL_QUEUE_URL", "postgresql://lab:pa%24%24word@db/lwal")
    event("worker.trouble", "role lab, pa%24%24word or pa$$word is wrong")
    assert "word or" not in str(heard()) and "$$" not in str(heard()) and "%24" not in str(heard())


def test_text_is_the_default_and_other_forms_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LWAL_LOG", raising=False)
    stream = io.StringIO()
    logger = logging.getLogger("lwal")
    before = logger.handlers[:]
    try:
        set_up(stream)
        event("job.started", "r-1 starts", user="ada@lab.org")
        assert stream.getvalue().endswith(" r-1 starts (ada@lab.org)\n")
        monkeypatch.setenv("LWAL_LOG", "xml")
        with pytest.raises(LwalError, match="LWAL_LOG"):
            set_up(stream)
    finally:
        logger.handlers[:] = before


def test_a_run_from_the_queue_to_its_end(heard, home: Path, make_run: Make) -> None:
    set_user_provider(lambda: Person("ada@lab.org", "owner"))
    try:
        run = submit(make_run(status="queued"))
    finally:
        set_user_provider(lambda: None)
    assert acquire_run(run.id, home) is not None
    RunWriter(run.path).move_to("running")
    RunWriter(run.path).move_to("done")
    log_state(open_run(run.id).record)
    queued, finished = heard()
    assert queued["event"] == "job.queued" and finished["event"] == "job.finished"
    assert all(e["run"] == run.id and e["user"] == "ada@lab.org" for e in (queued, finished))
    assert isinstance(finished["seconds"], float) and 0 <= finished["seconds"] < 60


def test_a_run_that_is_cancelled_fails_or_is_found_again(heard, home: Path, make_run: Make) -> None:
    cancel(submit(make_run(status="queued")))
    failed, lost = make_run(status="queued", seed=2), make_run(status="queued", seed=3)
    RunWriter(failed.path).update(error=HOSTILE)
    RunWriter(failed.path).move_to("failed", HOSTILE)
    log_state(open_run(failed.id).record)
    submit(lost)
    RunWriter(lost.path).move_to("interrupted", "its machine went down")
    Recovery(home, Queue(home), lambda line: None).sweep()
    found = {(e["event"], e["run"]) for e in heard()}
    assert {("job.failed", failed.id), ("job.recovered", lost.id)} < found
    assert "job.cancelled" in {name for name, _ in found}
    assert next(e for e in heard() if e["event"] == "job.failed")["level"] == "error"


def test_imports_and_shares(heard, home: Path, make_run: Make, tmp_path: Path) -> None:
    table = tmp_path / "words.csv"
    table.write_text("name,x,y\ncat,0,1\ndog,1,0\n")
    run, _ = import_run(examine(table))
    assert heard()[-1]["event"] == "import.kept" and heard()[-1]["run"] == run.id
    incoming = examine(table)
    (home / "runs").rename(tmp_path / "away")
    (home / "runs").write_text("not a folder")
    with pytest.raises((LwalError, OSError)):
        import_run(incoming)
    (home / "runs").unlink()
    (tmp_path / "away").rename(home / "runs")
    share, token = share_run(make_run())
    revoke_share(share.id)
    assert [e["event"] for e in heard()][-2:] == ["share.made", "share.revoked"]
    assert token not in str(heard()) and heard()[-2]["share_id"] == share.id


def test_nothing_is_written_before_a_service_sets_it_up() -> None:
    """In a process of its own, as others set the log up in this one."""
    code = "from lwal_core.system.log import event; event('job.started', 'nobody hears this', level=40)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
