"""A worker, or its training process, whose arithmetic is a stand-in: everything else (queue, locks, turns, record,
signals, files) is the real thing, at a tenth of the time that loading torch takes.

    python tests/faults/stand_in.py worker ...     as `lwal worker ...`
    python tests/faults/stand_in.py train RUN_DIR  as `python -m lwal_core.training RUN_DIR`

``STAND_IN_HOST`` gives the process another machine's name, ``STAND_IN_EPOCH_SECONDS`` the time of an epoch.
``STAND_IN_SIGNAL`` lets the training end itself by that signal in its first epoch. ``STAND_IN_CLOCK`` names a file with
the seconds by which the process's clock is wrong, which may change while it runs.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if "STAND_IN_HOST" in os.environ:
    socket.gethostname = lambda: os.environ["STAND_IN_HOST"]
if "STAND_IN_CLOCK" in os.environ:
    import time_machine

    def _follow(file: Path, traveller: time_machine.Traveller, error: float = 0.0) -> None:
        """What ``settimeofday`` does to a process: the wall clock jumps, the steady clock goes on."""
        while True:
            told = float(file.read_text() or 0)
            if told != error:
                traveller.shift(told - error)
                error = told
            time.sleep(0.02)

    _clock = time_machine.travel(time.time(), tick=True)
    threading.Thread(target=_follow, args=(Path(os.environ["STAND_IN_CLOCK"]), _clock.start()), daemon=True).start()

from lwal_core.jobs.stop import Cancelled
from lwal_core.runs import RunWriter
from lwal_core.runs.files import atomic_write
from lwal_core.runs.metrics import keep_metrics_until

CLASSES = ["cat", "dog", "truck", "car"]


def train_run(folder: Path, should_stop: Callable[[], bool], team: object = None) -> str:
    """A recurrence in place of a network; its state is checkpointed as the real loop's is, after everything else."""
    writer = RunWriter(folder)
    training = writer.record.config.training
    writer.update(class_names=CLASSES)
    path = folder / "checkpoint" / "last.safetensors"
    epoch, state = orjson.loads(path.read_bytes()) if path.exists() else (0, training.seed)
    keep_metrics_until(folder, epoch if path.exists() else -1)
    if not path.exists():
        _finish(writer, path, 0, state)
    while epoch < training.epochs:
        epoch += 1
        for batch in range(4):
            if should_stop():
                raise Cancelled
            time.sleep(float(os.environ.get("STAND_IN_EPOCH_SECONDS", "0.04")) / 4)
            if "STAND_IN_SIGNAL" in os.environ:
                print("about to end", flush=True)
                os.kill(os.getpid(), int(os.environ["STAND_IN_SIGNAL"]))
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            writer.progress(epoch, batch + 1, 4)
        _finish(writer, path, epoch, state)
    return ""


def _finish(writer: RunWriter, path: Path, epoch: int, state: int) -> None:
    vectors = np.random.default_rng(state).normal(size=(len(CLASSES), 3))
    writer.labels(epoch, vectors, vectors)
    writer.metrics({"epoch": epoch, "loss": state / 2**64, "test_accuracy_mean": state % 1000 / 1000})
    atomic_write(path, lambda file: file.write(orjson.dumps([epoch, state])))


def main(arguments: list[str]) -> int:
    """Run the worker or the training."""
    if arguments[0] == "train":
        loop, parallel = types.ModuleType("loop"), types.ModuleType("parallel")
        loop.train_run = train_run  # type: ignore[attr-defined]
        parallel.Team = types.SimpleNamespace(from_environment=lambda: None)  # type: ignore[attr-defined]
        sys.modules |= {"lwal_core.training.loop": loop, "lwal_core.training.parallel": parallel}
        from lwal_core.training.__main__ import main as train

        return train(arguments[1:])
    from lwal_core.cli.main import main as cli
    from lwal_core.jobs import processes

    processes.launch_command = lambda folder, count: [sys.executable, __file__, "train", str(folder)]
    sys.argv = ["lwal", *arguments]
    cli()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
