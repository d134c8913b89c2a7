"""Arrays kept part by part: computed once, taken up where they stopped, whole with several processes and after a kill."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lwal_core.data import array_cache
from lwal_core.data.array_cache import Stopped, cached_array, key_digest
from lwal_core.errors import DataError
from lwal_core.system import locks

KEY = {"what": "squares", "format": 1}
SHAPE = (10, 3)


class Squares:
    """Rows of squares, and a record of which were computed."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> np.ndarray:
        self.calls.append((start, stop))
        return np.arange(start * 3, stop * 3, dtype=np.float32).reshape(-1, 3) ** 2


EXPECTED = np.arange(30, dtype=np.float32).reshape(SHAPE) ** 2
PARTS = [(0, 4), (4, 8), (8, 10)]


def get(compute: Squares, key: dict = KEY, **options: object) -> np.ndarray:
    return cached_array("tests", key, SHAPE, np.float32, compute, rows_a_part=4, **options)  # type: ignore[arg-type]


def folder(home: Path) -> Path:
    return home / "cache" / "tests" / key_digest(KEY)[:32]


def test_is_computed_once(home):
    first, second = Squares(), Squares()
    np.testing.assert_array_equal(get(first), EXPECTED)
    np.testing.assert_array_equal(get(second), EXPECTED)
    assert (first.calls, second.calls) == (PARTS, [])
    assert sorted(path.name for path in folder(home).glob("[!.]*")) == [
        "about.json", "rows-000000000.npy", "rows-000000004.npy", "rows-000000008.npy",
    ]  # fmt: skip
    assert json.loads((folder(home) / "about.json").read_text()) == KEY


def test_another_key_is_another_array():
    get(Squares())
    other = Squares()
    get(other, key={**KEY, "format": 2})
    assert other.calls == PARTS
    assert key_digest({"a": 1, "b": 2}) == key_digest({"b": 2, "a": 1}) != key_digest({"a": 1, "b": "2"})


def test_rows_that_the_parts_divide_evenly_and_a_single_row():
    for rows in (8, 1):
        compute = Squares()
        found = cached_array("tests", {"rows": rows}, (rows, 3), np.float32, compute, rows_a_part=4)
        np.testing.assert_array_equal(found, EXPECTED[:rows])


def test_no_rows():
    assert cached_array("tests", KEY, (0, 3), np.float32, Squares(), rows_a_part=4).shape == (0, 3)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "other shape", "other type", "no array", "pickle"])
def test_a_damaged_part_is_computed_again(home, damage):
    get(Squares())
    part = folder(home) / "rows-000000004.npy"
    if damage == "gone":
        part.unlink()
    elif damage == "cut":
        part.write_bytes(part.read_bytes()[:-5])
    elif damage == "other shape":
        np.save(part, np.zeros((3, 3), np.float32))
    elif damage == "other type":
        np.save(part, np.zeros((4, 3), np.float64))
    elif damage == "pickle":
        np.save(part, np.array([None] * 4, dtype=object), allow_pickle=True)
    else:
        part.write_bytes(b"" if damage == "empty" else b"not an array at all")
    again = Squares()
    np.testing.assert_array_equal(get(again), EXPECTED)
    assert again.calls == [(4, 8)]


class TestStopping:
    def test_between_parts_keeps_what_is_finished(self):
        first, second = Squares(), Squares()
        with pytest.raises(Stopped):
            get(first, should_stop=lambda: len(first.calls) == 2)
        np.testing.assert_array_equal(get(second), EXPECTED)
        assert (first.calls, second.calls) == (PARTS[:2], PARTS[2:])

    def test_an_error_on_the_way_keeps_what_is_finished_and_frees_the_lock(self):
        calls = Squares()

        def failing(start: int, stop: int) -> np.ndarray:
            if start == 4:
                raise ZeroDivisionError
            return calls(start, stop)

        with pytest.raises(ZeroDivisionError):
            get(failing)
        second = Squares()
        get(second)
        assert second.calls == PARTS[1:]

    def test_progress_counts_rows_and_starts_where_the_last_one_stopped(self):
        seen: list[tuple[int, int]] = []
        get(Squares(), progress=lambda done, total: seen.append((done, total)))
        assert seen[0] == (0, 10) and seen[-1] == (10, 10)
        assert seen == sorted(seen)
        again: list[tuple[int, int]] = []
        get(Squares(), progress=lambda done, total: again.append((done, total)))
        assert again == []  # nothing to do


WORKER = """
import sys, time
import numpy as np
from lwal_core.data.array_cache import cached_array

def compute(start, stop):
    print(start, flush=True)
    time.sleep(float(sys.argv[1]))
    return np.arange(start * 3, stop * 3, dtype=np.float32).reshape(-1, 3) ** 2

cached_array("tests", {"what": "squares", "format": 1}, (10, 3), np.float32, compute, rows_a_part=4)
print("done", flush=True)
"""


def worker(seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(seconds)], stdout=subprocess.PIPE, text=True, env=os.environ
    )


def read_until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    while process.stdout.readline().strip() != line:
        assert process.poll() is None


@pytest.mark.process
class TestProcesses:
    def test_two_at_once_share_the_work_and_both_get_the_whole(self, home):
        processes = [worker(0.3) for _ in range(2)]
        outputs = [process.communicate(timeout=60)[0].split() for process in processes]
        assert all(process.returncode == 0 for process in processes)
        assert [output[-1] for output in outputs] == ["done", "done"]
        computed = [start for output in outputs for start in output[:-1]]
        assert sorted(computed) == ["0", "4", "8"]  # no part twice
        np.testing.assert_array_equal(get(Squares()), EXPECTED)

    def test_killed_in_the_middle_and_taken_up(self, home):
        process = worker(5)
        read_until(process, "0")
        process.send_signal(signal.SIGKILL)
        process.wait()
        (folder(home) / ".rows-000000000.npy.abc.part").write_bytes(b"half a part")
        second = Squares()
        np.testing.assert_array_equal(get(second), EXPECTED)
        assert second.calls == PARTS
        assert not list(folder(home).glob("*.part"))

    def test_killed_after_a_part(self):
        process = worker(0.5)
        read_until(process, "4")
        process.kill()
        process.wait()
        second = Squares()
        np.testing.assert_array_equal(get(second), EXPECTED)
        assert second.calls == PARTS[1:]

    def test_who_waits_for_another_process_can_be_stopped(self):
        process = worker(30)
        try:
            read_until(process, "0")
            started, mine = time.monotonic(), Squares()
            with pytest.raises(Stopped):
                get(mine, should_stop=lambda: time.monotonic() - started > 1)
            assert time.monotonic() - started < 10
            assert not mine.calls
        finally:
            process.kill()
            process.wait()


def test_a_file_system_without_locks(monkeypatch):
    def unsupported(descriptor: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "lock_descriptor", unsupported)
    np.testing.assert_array_equal(get(Squares()), EXPECTED)


def test_a_folder_that_cannot_be_written(home):
    home.mkdir(parents=True)
    (home / "cache").write_text("in the way")
    with pytest.raises(DataError, match=r"The cache folder .* cannot be written"):
        get(Squares())


def test_a_full_disk(home, monkeypatch):
    def full(path: Path, write: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(array_cache, "atomic_write", full)
    with pytest.raises(DataError, match=r"cannot be written: No space left on device\. Free some space"):
        get(Squares())
