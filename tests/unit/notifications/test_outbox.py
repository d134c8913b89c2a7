"""Messages wait in the home until they are taken; what ends makes the right ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from lwal_core.experiments.sweep_runs import submit_sweep
from lwal_core.experiments.sweeps import parse_sweep
from lwal_core.jobs.events import announce_state, tell_lost
from lwal_core.notifications import outbox
from lwal_core.notifications.channels import Message, NotifyError
from lwal_core.notifications.outbox import FIRST_WAIT, GIVE_UP, Sender, deliver, post
from lwal_core.runs import Run, RunWriter, home, open_run
from lwal_core.runs.record import change_record
from lwal_core.system.locks import file_lock

MESSAGE = Message("done", "Done", "Run r is done.", "r")
A, B = "https://a.example/x", "https://b.example/y"


class Post:
    """Stands in for the network: who was told what, and who does not answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.down: set[str] = set()

    def __call__(self, address: str, message: Message) -> None:
        if address in self.down:
            raise NotifyError("it is down")
        self.sent.append((address, message))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Post:
    made = Post()
    monkeypatch.setattr(outbox, "send", made)
    monkeypatch.setenv("LWAL_NOTIFY", f"{A} {B}")
    return made


def waiting() -> list[Path]:
    return sorted((home() / "outbox").glob("*.json"))


def told() -> list[tuple[str, str]]:
    """Event and title of what waits."""
    return [(m["event"], m["title"]) for m in (_fields(json.loads(path.read_bytes())["message"]) for path in waiting())]


def _fields(message: list[str] | dict[str, str]) -> dict[str, str]:
    return message if isinstance(message, dict) else Message(*message)._asdict()


class TestOutbox:
    def test_everybody_is_told_once(self, network: Post):
        post(home(), MESSAGE)
        assert deliver(home()) == 0 and network.sent == [(A, MESSAGE), (B, MESSAGE)] and waiting() == []
        assert deliver(home()) == 0 and len(network.sent) == 2

    def test_who_was_down_is_told_later_and_nobody_twice(self, network: Post):
        network.down = {B}
        now = time.time()
        post(home(), MESSAGE)
        assert deliver(home(), now=now) == 1
        assert deliver(home(), now=now + FIRST_WAIT - 1) == 1 and network.sent == [(A, MESSAGE)]
        network.down = set()
        assert deliver(home(), now=now + FIRST_WAIT) == 0 and network.sent == [(A, MESSAGE), (B, MESSAGE)]

    def test_the_pauses_grow_and_end_after_a_day(self, network: Post):
        network.down = {A, B}
        now, tries = time.time(), []
        post(home(), MESSAGE)
        start = now
        while deliver(home(), now=now):
            tries.append(now - start)
            now = json.loads(waiting()[0].read_bytes())["due"]
        pauses = [b - a for a, b in pairwise(tries)]
        assert pauses[:4] == pytest.approx([5, 10, 20, 40]) and max(pauses) == pytest.approx(600)
        assert GIVE_UP - 600 <= tries[-1] <= GIVE_UP + 1 and waiting() == []

    def test_a_message_outlives_its_process(self, network: Post):
        network.down = {A, B}
        post(home(), MESSAGE)
        deliver(home())
        network.down = set()
        assert deliver(home(), now=time.time() + 3600) == 0 and len(network.sent) == 2

    def test_one_process_sends_at_a_time(self, network: Post):
        post(home(), MESSAGE)
        with file_lock(home() / "outbox" / "send.lock"):
            assert deliver(home()) == 0 and network.sent == []
        deliver(home())
        assert len(network.sent) == 2

    def test_off_by_default(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("LWAL_NOTIFY", raising=False)
        post(home(), MESSAGE)
        assert not (home() / "outbox").exists()

    def test_only_what_is_wanted(self, network: Post, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LWAL_NOTIFY_ON", "failed, sweep")
        post(home(), MESSAGE)
        post(home(), MESSAGE._replace(event="failed"))
        assert [event for event, _ in told()] == ["failed"]

    def test_the_oldest_give_way(self, network: Post, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(outbox, "MOST_WAITING", 3)
        for number in range(5):
            post(home(), MESSAGE._replace(title=str(number)))
        assert [title for _, title in told()] == ["2", "3", "4"]

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"message": 3}', b"x" * 100_000])
    def test_what_is_no_message_is_dropped(self, network: Post, content: bytes):
        post(home(), MESSAGE)
        waiting()[0].with_name("0.json").write_bytes(content)
        assert deliver(home()) == 0 and len(network.sent) == 2 and waiting() == []

    def test_a_channel_that_was_taken_out_is_not_told(self, network: Post, monkeypatch: pytest.MonkeyPatch):
        post(home(), MESSAGE)
        monkeypatch.setenv("LWAL_NOTIFY", B)
        assert deliver(home()) == 0 and network.sent == [(B, MESSAGE)]

    def test_no_address_stands_in_the_file(self, network: Post):
        post(home(), MESSAGE)
        assert b"a.example" not in waiting()[0].read_bytes()
        assert (home() / "outbox").stat().st_mode & 0o077 == 0

    def test_a_home_that_is_not_there_raises_nothing(self, network: Post, tmp_path: Path):
        post(tmp_path / "no" / "home", MESSAGE)

    def test_a_thread_sends_what_waits_and_what_comes_last(self, network: Post, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(outbox, "LOOK_SECONDS", 30.0)
        sender = Sender(home())
        sender.start()
        post(home(), MESSAGE)
        sender.stop()
        assert network.sent == [(A, MESSAGE), (B, MESSAGE)]


class TestEvents:
    @pytest.mark.parametrize(
        ("status", "event"),
        [("done", "done"), ("failed", "failed"), ("paused", "disk"), ("cancelled", None), ("interrupted", None)],
    )
    def test_how_a_run_ended(self, network: Post, make_run: Callable[..., Run], status: str, event: str | None):
        run = make_run("lwal", seed=4, status=status, name="mine")
        announce_state(home(), run.record)
        found = told()
        assert [kind for kind, _ in found] == ([event] if event else [])
        assert all("mine, seed 4" in title for _, title in found)

    def test_a_lost_process(self, network: Post):
        tell_lost(home(), "r: its process was killed; it goes on after epoch 3")
        assert told() == [("lost", "A training lost its process")]

    def test_of_a_sweep_failures_and_the_end(self, network: Post):
        ids = submit_sweep(
            parse_sweep("name: small\nbase: {data: {per_class: 20}}\ngrid: {training.seed: [1, 2, 3]}"), at_once=2
        )
        for run_id, status in zip(ids, ["done", "failed", "done"], strict=True):
            RunWriter(open_run(run_id).path).move_to(status)  # type: ignore[arg-type]
            announce_state(home(), open_run(run_id).record)
        assert [kind for kind, _ in told()] == ["failed", "sweep"]
        last = _fields(json.loads(waiting()[-1].read_bytes())["message"])
        assert last["title"] == "Sweep ended: small" and last["text"] == "Of its 3 runs: 2 done, 1 failed."

    def test_a_run_that_will_go_on_keeps_its_sweep_open(self, network: Post):
        ids = submit_sweep(parse_sweep("name: small\nbase: {data: {per_class: 20}}\ngrid: {training.seed: [1, 2]}"))
        RunWriter(open_run(ids[0]).path).move_to("interrupted")
        RunWriter(open_run(ids[1]).path).move_to("done")
        announce_state(home(), open_run(ids[1]).record)
        assert told() == []

    def test_a_reason_of_any_length_and_kind(self, network: Post, make_run: Callable[..., Run]):
        run = make_run(status="failed")
        record = change_record(run.path, lambda r: r.model_copy(update={"error": "\N{SNOWMAN}<script>" * 1000}))
        announce_state(home(), record)
        assert deliver(home()) == 0 and len(network.sent[0][1].text) < 700
