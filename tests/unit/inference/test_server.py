"""The process that holds the models, as those who ask meet it: numbers, sentences, one server, crashes, leaving."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import psutil
import pytest
import torch

from lwal_core.data import load_dataset
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.errors import InferenceError
from lwal_core.inference import DataGone, Question, ask, client, stop
from lwal_core.inference.protocol import Message, receive, send
from lwal_core.inference.socket_path import LOG, SERVER_LOCK, SOCKET, server_folder
from lwal_core.inference_server.server import Server
from lwal_core.runs import Run
from lwal_core.system.locks import try_lock
from lwal_core.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.process

Have = Callable[..., Run]


def server_pid() -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server_folder() / SOCKET))
        return int(receive(connection, 0).facts["pid"])


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_it_says_what_the_evaluation_said_and_is_started_once(have: Have, monkeypatch: pytest.MonkeyPatch) -> None:
    """One server for the whole story, as starting one loads torch."""
    run, other = have("lwal"), have("onehot")
    started: list[subprocess.Popen[bytes]] = []
    really = client.start_detached
    monkeypatch.setattr(client, "start_detached", lambda *args: started.append(really(*args)) or started[-1])

    # Several that ask at once start one server.
    rows = range(0, 359, 40)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: ask(Question(run.id, "test", i)), rows))
    assert len(started) == 1 and server_pid() == started[0].pid

    # The numbers are those of the model in the checkpoint of the same epoch, to float32.
    data = load_dataset(run.config.data)
    parts, facts = load_checkpoint(run.path)  # type: ignore[misc]
    assert facts["epoch"] == facts["best_epoch"] == answers[0].epoch
    encoder = build_encoder(run.config.encoder, data.input_shape)
    model = Classifier(encoder, 16, *data.channel_mean_std())
    model.load_state_dict(parts["model"])
    with torch.no_grad():
        expected = model.eval()(data.x_test).numpy()
    stored, snapshot = run.evaluation(), run.labels(1)
    for i, answer in zip(rows, answers, strict=True):
        assert answer.z == pytest.approx(expected[i], rel=1e-4, abs=1e-5)
        # float16 keeps 11 bits
        assert np.abs(answer.z - stored.z[i]).max() <= np.abs(stored.z[i]).max() * 2**-10
        assert answer.by_mean == stored.pred[i] and answer.true_class == stored.y[i] == data.y_test[i]
        for distances, vectors in ((answer.to_means, snapshot.centroids), (answer.to_labels, snapshot.labels)):
            naive = [float(np.sqrt(((expected[i] - v) ** 2).sum())) for v in vectors]
            assert distances == pytest.approx(naive, rel=1e-3)
        assert answer.rule == "nearest label" and answer.by_rule == int(answer.to_labels.argmin())  # type: ignore[union-attr]
        assert (answer.seen == data.x_test[i].permute(1, 2, 0).numpy()).all()
        assert answer.probabilities is not None and answer.probabilities.sum() == pytest.approx(1, abs=1e-5)

    # One-hot is read by its largest output.
    answer = ask(Question(other.id, "test", 5))
    assert answer.rule == "largest output" and answer.to_labels is None and answer.by_rule == int(answer.z.argmax())
    assert answer.probabilities == pytest.approx(np.exp(answer.z) / np.exp(answer.z).sum(), rel=1e-4)

    # A thumbnail was enlarged by whole pixels and gives the same numbers as the test image that it was made of.
    samples = run.samples()
    assert samples is not None
    first = int(np.flatnonzero(stored.y == samples.y[0])[0])
    thumbnail, original = ask(Question(run.id, "thumbnail", 0)), ask(Question(run.id, "test", first))
    assert thumbnail.z == pytest.approx(original.z, rel=1e-6) and "every pixel" in thumbnail.steps[0]

    # What cannot be asked, each in its sentence.
    for question, sentence in (
        (Question(run.id, "test", 359), r"no test image 359\. They are numbered from 0 to 358"),
        (Question(run.id, "test", -1), "no test image"),
        (Question(run.id, "thumbnail", 10_000), "no thumbnail 10,000"),
        (Question(run.id, image=b"no picture"), "no picture that can be read"),
        (Question("../../etc", "test"), "is not a run id"),
        (Question("unknown", "test"), "no run 'unknown'"),
    ):
        with pytest.raises(InferenceError, match=sentence):
            ask(question)

    # Data that has changed is not taken for that of the training.
    record = run.path / "run.json"
    values = orjson.loads(record.read_bytes())
    values["data"]["fingerprint"] = "f" * 64
    record.write_bytes(orjson.dumps(values))
    with pytest.raises(DataGone, match="its fingerprint differs"):
        ask(Question(run.id, "test", 0))
    assert ask(Question(run.id, "thumbnail", 0)).by_mean == thumbnail.by_mean

    # Other processes find the same server, and no second one can be.
    before = server_pid()
    assert Server(Path(os.environ["LWAL_HOME"]), 1.0).folder == server_folder()
    assert try_lock(server_folder() / SERVER_LOCK) is None

    # Killed: the next question starts a fresh one, although the socket's file is still there.
    os.kill(before, signal.SIGKILL)
    started[0].wait()
    assert (server_folder() / SOCKET).exists()
    assert ask(Question(other.id, "thumbnail", 3)).epoch == 1
    assert server_pid() != before and len(started) == 2

    # Its folder gone, it leaves.
    child = psutil.Process(server_pid())
    shutil.rmtree(server_folder())
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


# --- a server inside this process, without a model -------------------------------------------------------------------


def serving(home: Path, idle: float = 60.0, answer: Callable[[Question], Message] | None = None) -> threading.Thread:
    server = Server(home, idle)
    if answer is not None:
        server._answer = answer  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    wait_until(lambda: client._connect(server.folder / SOCKET, 5.0) is not None)
    return thread


def test_it_leaves_when_it_was_idle(home: Path) -> None:
    thread = serving(home, idle=0.2)
    thread.join(10)
    assert not thread.is_alive() and not (server_folder() / SOCKET).exists() and not stop()


def test_it_stays_while_it_works(home: Path) -> None:
    def slowly(question: Question) -> Message:
        time.sleep(1.2)
        return Message({"error": "Slow.", "hint": ""})

    thread = serving(home, idle=0.1, answer=slowly)
    with pytest.raises(InferenceError, match=r"^Slow\."):
        ask(Question("a"))
    thread.join(10)
    assert not thread.is_alive()


def test_an_answer_that_takes_too_long_is_given_up(home: Path) -> None:
    release = threading.Event()

    def never(question: Question) -> Message:
        release.wait(20)
        return Message({"error": "Late."})

    serving(home, answer=never)
    with pytest.raises(InferenceError, match=r"did not answer within 0\.3 seconds"):
        ask(Question("a"), seconds=0.3)
    release.set()
    with pytest.raises(InferenceError, match=r"^Late\."):  # and the server goes on
        ask(Question("a"))


def test_an_error_of_the_program_is_a_sentence_and_the_server_goes_on(home: Path) -> None:
    def fails(question: Question) -> Message:
        raise ZeroDivisionError("so it is")

    serving(home, answer=fails)
    for _ in range(2):
        with pytest.raises(InferenceError, match=r"The model failed \(ZeroDivisionError: so it is\)"):
            ask(Question("a"))


def test_bytes_that_are_no_question_do_no_harm(home: Path) -> None:
    serving(home, answer=lambda question: Message({"error": "Still here."}))
    path = str(server_folder() / SOCKET)
    for content in (b"", b"\xff" * 8, b"GET / HTTP/1.1\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            receive(connection, 0)
            connection.sendall(content)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        receive(connection, 0)
        send(connection, Message({"op": "dance"}))
        assert "cannot be read" in receive(connection, 0).facts["error"]
    with pytest.raises(InferenceError, match="Still here"):
        ask(Question("a"))


def fake_server(home: Path, meet: Callable[[socket.socket], None]) -> None:
    """Something on the socket that is no server of ours."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(server_folder(home) / SOCKET))
    listener.listen()

    def run() -> None:
        with listener:
            connection, _ = listener.accept()
            (server_folder(home) / SOCKET).unlink()
            with connection:
                meet(connection)

    threading.Thread(target=run, daemon=True).start()


def test_a_crash_over_an_image_is_a_sentence(home: Path) -> None:
    def crash(connection: socket.socket) -> None:
        send(connection, Message({"protocol": client.PROTOCOL, "version": client.__version__}))
        receive(connection, 2**20)

    fake_server(home, crash)
    with pytest.raises(InferenceError, match="ended while it worked on this image"):
        ask(Question("a"))


@pytest.mark.parametrize("greeting", [None, {"protocol": 0, "version": "older"}])
def test_one_that_was_leaving_or_is_of_another_version_is_replaced(
    home: Path, monkeypatch: pytest.MonkeyPatch, greeting: dict[str, object] | None
) -> None:
    told: list[object] = []

    def meet(connection: socket.socket) -> None:
        if greeting is not None:
            send(connection, Message(greeting))
            told.append(receive(connection, 0).facts["op"])
            send(connection, Message({}))

    def start(module: str, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
        serving(home, answer=lambda question: Message({"error": "A fresh one."}))
        return subprocess.Popen(["true"])

    fake_server(home, meet)
    monkeypatch.setattr(client, "start_detached", start)
    with pytest.raises(InferenceError, match="A fresh one"):
        ask(Question("a"))
    assert told == ([] if greeting is None else ["stop"])


def test_one_that_cannot_start_is_said_with_its_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWAL_INFERENCE_IDLE_MINUTES", "soon")
    with pytest.raises(InferenceError, match="could not be started"):
        ask(Question("a"))
    assert "LWAL_INFERENCE_IDLE_MINUTES is 'soon'" in (server_folder() / LOG).read_text()


def test_a_file_that_is_too_large_is_not_even_sent(home: Path) -> None:
    with pytest.raises(InferenceError, match="at most 20 are taken"):
        ask(Question("a", image=bytes(client.MAX_IMAGE_BYTES + 1)))
    assert not (home / "inference").exists()
