"""Projections computed by processes of their own: once, whoever asks, whatever dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from lwal_core.analysis.projection import Projection
from lwal_core.errors import AnalysisError
from lwal_core.projections import (
    Abandoned,
    ProjectionCache,
    ProjectionTask,
    client,
    request_projections,
    start_after_training,
)
from lwal_core.projections import worker as worker_module
from lwal_core.projections.defaults import class_frames, default_tasks, shared_epochs
from lwal_core.projections.queue import LEASE_SECONDS, MAX_WAITING, Queue, QueueFull
from lwal_core.projections.task import task_bytes
from lwal_core.projections.worker import Computer, compute_into
from lwal_core.runs import Run, RunWriter
from lwal_core.runs.paths import EVALUATION

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
WHO = "test"


def random(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


def task(n: int = 12, method: str = "mds", seed: int = 0) -> ProjectionTask:
    return ProjectionTask.make([random(n, 6, seed)], method)


def same_points(a: list[Projection], b: list[Projection]) -> bool:
    return [p.points.tobytes() for p in a] == [p.points.tobytes() for p in b]


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def log(queue: Queue) -> str:
    return (queue.folder / "log.txt").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("layouts")
    yield made
    shutil.rmtree(made / "cache", ignore_errors=True)  # a worker ends when its queue is gone


@pytest.fixture
def one_worker(folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker for several tests, which each ask for layouts of their own."""
    monkeypatch.setenv("LWAL_HOME", str(folder))


@pytest.mark.usefixtures("one_worker")
def test_a_layout_is_computed_by_a_worker_and_then_comes_from_the_cache() -> None:
    wanted = task()
    fresh = request_projections(wanted)
    queue = Queue(ProjectionCache())
    assert log(queue).count(wanted.key) == 1
    assert same_points(fresh, wanted.compute())  # this process and the worker agree to the last bit
    assert same_points(request_projections(wanted), fresh)
    assert log(queue).count(wanted.key) == 1
    assert not list(queue.folder.glob("*.request")) and not list(queue.folder.glob("*.started"))


@pytest.mark.usefixtures("one_worker")
def test_a_cached_umap_is_the_fresh_one_to_the_last_bit() -> None:
    wanted = ProjectionTask.make([random(12, 6), random(12, 6) + 0.1], "umap", seed=3)
    request_projections(wanted)
    cached = ProjectionCache().get(wanted.key)
    assert cached is not None and same_points(cached, wanted.compute())
    assert [p.params for p in cached] == [p.params for p in wanted.compute()]
    assert {p.method for p in cached} == {"umap"}


@pytest.mark.usefixtures("one_worker")
def test_many_who_ask_at_once_start_one_computation() -> None:
    wanted = task(40)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: request_projections(wanted), range(6)))
    assert all(same_points(found[0], other) for other in found)
    assert log(Queue(ProjectionCache())).count(wanted.key) == 1


@pytest.mark.usefixtures("one_worker")
def test_several_processes_that_ask_at_once_start_one_computation() -> None:
    code = (
        "import numpy as np; from lwal_core.projections import *; "
        "print(request_projections(ProjectionTask.make([np.random.default_rng(5).normal(size=(40, 6))], 'mds'))[0].points.sum())"
    )
    asking = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = {process.communicate(timeout=120)[0] for process in asking}
    assert len(answers) == 1 and answers != {""}
    assert log(Queue(ProjectionCache())).count(ProjectionTask.make([random(40, 6, 5)], "mds").key) == 1


def test_small_sets_need_no_process(home: Path) -> None:
    (found,) = request_projections(task(3, "umap"))
    assert found.method == "pca" and "fit exactly" in found.note
    assert not (home / "cache").exists()


@pytest.mark.parametrize("obstacle", ["no folder", "no cache"])
def test_without_a_place_to_keep_it_a_layout_is_just_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    wanted = task()
    if obstacle == "no cache":
        monkeypatch.setenv("LWAL_CACHE_MB", "0")
        found = request_projections(wanted)
    else:
        (tmp_path / "file").write_text("in the way")
        found = request_projections(wanted, folder=tmp_path / "file" / "cache")
    assert same_points(found, wanted.compute())
    assert ProjectionCache().get(wanted.key) is None


def test_a_worker_that_dies_is_said_and_the_next_try_is_a_fresh_one() -> None:
    wanted = task(1_500)  # takes seconds
    queue = Queue(ProjectionCache())
    problems: list[AnalysisError] = []

    def asking() -> None:
        try:
            request_projections(wanted)
        except AnalysisError as error:
            problems.append(error)

    thread = threading.Thread(target=asking)
    thread.start()
    wait_until(lambda: queue.started(wanted.key))
    (process,) = [process for process, folder, _ in client._started if folder == queue.folder]
    os.kill(process.pid, signal.SIGKILL)
    thread.join(60)
    assert "exited without an error message" in str(problems[0])
    assert not queue.pending(wanted.key) and not queue.started(wanted.key)
    small = task(8)
    assert same_points(request_projections(small), small.compute())
    queue.submit(wanted, WHO)
    assert queue.error(wanted.key) is None  # asked for anew
    shutil.rmtree(queue.folder)


@pytest.mark.usefixtures("one_worker")
def test_what_goes_wrong_in_a_worker_reaches_who_asked() -> None:
    X = random(6, 3)
    X[2] = 0.0
    bad = ProjectionTask((X, random(6, 4)), "mds", 2, task().params)  # frames of different shapes
    with pytest.raises(AnalysisError, match="Snapshots have one shape"):
        request_projections(bad)
    zero = ProjectionTask.make([X], "mds", params={"metric": "cosine"})
    with pytest.raises(AnalysisError, match="all zeros"):
        request_projections(zero)


def test_errors_that_nobody_foresaw_become_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, wanted = ProjectionCache(), task()

    def broken(self: ProjectionTask) -> list[Projection]:
        raise MemoryError("no room")

    monkeypatch.setattr(ProjectionTask, "compute", broken)
    problem = compute_into(cache.folder, cache.limit, task_bytes(wanted))
    assert problem is not None and "MemoryError: no room" in problem[0]
    assert cache.get(wanted.key) is None


# --- stopping -------------------------------------------------------------------------------------------------------


def test_a_projection_that_takes_too_long_is_stopped_and_the_next_one_is_made() -> None:
    cache, long, short = ProjectionCache(), task(1_500), task(8)
    with Computer() as computer:
        assert computer.compute(task_bytes(short), cache, lambda: True, 60.0) is None  # the child is there now
        started, child = time.monotonic(), computer._pid
        problem = computer.compute(task_bytes(long), cache, lambda: True, 0.5)
        assert time.monotonic() - started < 5
        assert problem is not None and "stopped after 0.5 seconds" in problem[0]
        assert cache.get(long.key) is None
        wait_until(lambda: not psutil.pid_exists(child), 10)
        other = task(9)
        assert computer.compute(task_bytes(other), cache, lambda: True, 60.0) is None
    found = cache.get(other.key)
    assert found is not None and same_points(found, other.compute())
    wait_until(lambda: not psutil.pid_exists(computer._pid), 10)


def test_a_deadline_reaches_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "DEADLINE_SECONDS", 0.3)
    queue, wanted = Queue(ProjectionCache()), task(1_500)
    queue.submit(wanted, WHO)
    worker_module.serve(queue, 0.3)
    problem = queue.error(wanted.key)
    assert problem is not None and "stopped after 0.3 seconds" in problem.message
    assert not queue.pending(wanted.key) and not queue.started(wanted.key)


def test_a_computation_that_nobody_waits_for_is_stopped() -> None:
    cache, long = ProjectionCache(), task(1_500)
    asked: list[float] = []

    def wanted() -> bool:
        asked.append(time.monotonic())
        return len(asked) < 3

    with Computer() as computer:
        assert computer.compute(task_bytes(long), cache, wanted, 60.0) is None
    assert len(asked) == 3 and cache.get(long.key) is None


def test_a_child_that_is_killed_in_mid_computation_is_said_and_replaced() -> None:
    cache, long, short = ProjectionCache(), task(1_500), task(8)
    with Computer() as computer:
        computer.compute(task_bytes(short), cache, lambda: True, 60.0)
        threading.Timer(0.3, lambda: os.kill(computer._pid, signal.SIGKILL)).start()
        problem = computer.compute(task_bytes(long), cache, lambda: True, 60.0)
        assert problem is not None and "exited without an error message" in problem[0]
        assert computer.compute(task_bytes(task(9)), cache, lambda: True, 60.0) is None


def test_no_child_outlives_its_worker() -> None:
    queue, wanted = Queue(ProjectionCache()), task(1_500)

    def asking() -> None:
        with pytest.raises(AnalysisError):
            request_projections(wanted)

    thread = threading.Thread(target=asking)
    thread.start()
    wait_until(lambda: queue.started(wanted.key))
    (process,) = [process for process, folder, _ in client._started if folder == queue.folder]
    worker = psutil.Process(process.pid)
    wait_until(lambda: len(worker.children(recursive=True)) >= 1)
    children = worker.children(recursive=True)
    worker.kill()
    thread.join(60)
    wait_until(lambda: not any(child.is_running() for child in children), 30)


def test_whoever_leaves_withdraws_the_request() -> None:
    queue, wanted, gone = Queue(ProjectionCache()), task(1_500), threading.Event()
    problems: list[AnalysisError] = []

    def asking() -> None:
        try:
            request_projections(wanted, wanted=lambda: not gone.is_set())
        except AnalysisError as error:
            problems.append(error)

    thread = threading.Thread(target=asking)
    thread.start()
    wait_until(lambda: queue.started(wanted.key))
    assert queue.wanted(wanted.key)
    gone.set()
    thread.join(5)
    assert isinstance(problems[0], Abandoned)
    wait_until(lambda: not queue.pending(wanted.key), 10)
    assert queue.error(wanted.key) is None and queue.cache.get(wanted.key) is None


# --- the queue ------------------------------------------------------------------------------------------------------


def test_a_request_is_taken_once_and_the_oldest_first() -> None:
    queue = Queue(ProjectionCache())
    tasks = [task(seed=seed) for seed in range(4)]
    for age, wanted in enumerate(tasks):
        queue.submit(wanted, WHO)
        os.utime(queue.path(wanted.key, "request"), (time.time() - 60 + age, time.time() - 60 + age))
    assert queue.waiting() == [wanted.key for wanted in tasks]
    first = queue.claim_next()
    assert first is not None and first.key == tasks[0].key and first.read().key == tasks[0].key
    assert queue.claim(first.key) is None
    queue.submit(tasks[0], "another")  # does not replace what is being worked on
    assert queue.claim(first.key) is None
    # However many newer ones come, the oldest that waits is next.
    late = task(seed=9)
    queue.submit(late, WHO)
    second = queue.claim_next()
    assert second is not None and second.key == tasks[1].key
    first.leave()
    again = queue.claim_next()
    assert again is not None and again.key == tasks[0].key
    taken = [again, second, *(claim for _ in range(3) if (claim := queue.claim_next()))]
    assert [claim.key for claim in taken[2:]] == [tasks[2].key, tasks[3].key, late.key]
    assert queue.claim_next() is None
    for claim in taken:
        claim.finish()
    assert not list(queue.folder.glob("*.request")) and not list(queue.folder.glob("*.started"))


def test_no_more_requests_wait_than_may() -> None:
    queue = Queue(ProjectionCache())
    tasks = [task(seed=seed) for seed in range(MAX_WAITING + 1)]
    for wanted in tasks[:-1]:
        queue.submit(wanted, WHO)
    with pytest.raises(QueueFull, match=f"{MAX_WAITING} projections wait"):
        queue.submit(tasks[-1], WHO)
    assert not queue.pending(tasks[-1].key) and not queue.wanted(tasks[-1].key)
    queue.submit(tasks[0], "another")  # what waits already may be waited for by anybody
    claim = queue.claim_next()
    assert claim is not None
    queue.submit(tasks[-1], WHO)
    claim.finish()


def test_a_request_that_nobody_waits_for_is_dropped() -> None:
    queue = Queue(ProjectionCache())
    gone, left, kept = (task(seed=seed) for seed in range(3))
    for wanted in (gone, left, kept):
        queue.submit(wanted, WHO)
    queue.submit(kept, "another")
    lease = queue.path(gone.key, f"wanted-{WHO}")  # of a process that was killed
    os.utime(lease, (time.time() - LEASE_SECONDS - 1,) * 2)
    queue.withdraw(left.key, WHO)
    queue.withdraw(kept.key, WHO)
    assert queue.waiting() == [kept.key]
    assert not queue.pending(gone.key) and not queue.pending(left.key) and not lease.exists()
    assert queue.error(gone.key) is None


def test_a_request_that_ended_a_process_is_not_tried_for_ever() -> None:
    queue, wanted = Queue(ProjectionCache()), task()
    queue.submit(wanted, WHO)
    queue.path(wanted.key, "started").touch()  # as a process that was killed leaves it
    assert queue.claim_next() is None
    problem = queue.error(wanted.key)
    assert problem is not None and "exited without an error message" in problem.message
    assert not queue.pending(wanted.key)


def test_damaged_requests_are_answered_and_old_ones_swept() -> None:
    queue, good = Queue(ProjectionCache()), task()
    queue.submit(good, WHO)
    path = queue.path(good.key, "request")
    path.write_bytes(path.read_bytes()[:-3])
    old = queue.path("ee" * 20, "request")
    old.write_bytes(b"nobody waits for this")
    os.utime(old, (1_000, 1_000))
    worker_module.serve(queue, 0.3)
    problem = queue.error(good.key)
    assert problem is not None and "damaged" in problem.message
    assert not old.exists()


def test_a_worker_of_another_version_does_not_answer_with_its_own() -> None:
    queue, wanted = Queue(ProjectionCache()), task()
    queue.submit(wanted, WHO)
    other = queue.path("ee" * 20, "request")
    queue.renew("ee" * 20, WHO)
    queue.path(wanted.key, "request").rename(other)  # what another version's key would look like to this one
    worker_module.serve(queue, 0.3)
    problem = queue.error("ee" * 20)
    assert problem is not None and "different versions" in problem.message
    assert ProjectionCache().get(wanted.key) is None


def test_no_more_workers_than_may_be() -> None:
    queue = Queue(ProjectionCache())
    queue.folder.mkdir(parents=True)
    held = [worker_module.lock_slot(queue.folder, index) for index in range(worker_module.WORKERS)]
    assert None not in held and worker_module.free_workers(queue.folder) == 0
    started = time.monotonic()
    worker_module.serve(queue, 60.0)  # ends at once
    assert time.monotonic() - started < 10
    for file in held:
        assert file is not None
        file.close()
    assert worker_module.free_workers(queue.folder) == worker_module.WORKERS


# --- after a training -----------------------------------------------------------------------------------------------


def test_the_usual_layout_of_a_run(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(epochs=2, classes=6)
    (task,) = default_tasks(run)
    assert task.method == "umap" and task.dimensions == 2 and len(task.frames) == 1
    assert np.array_equal(task.frames[0], run.vectors(2)) and task.samples is not None and len(task.samples) == 40
    from lwal_core.projections import defaults

    with monkeypatch.context() as patch:
        patch.setattr(defaults, "expected_seconds", lambda task: 61.0)
        assert not list(default_tasks(run))
    (run.path / EVALUATION).unlink()
    (task,) = default_tasks(run)
    assert task.samples is None and len(task.frames) == 3
    monkeypatch.setattr(defaults, "FILM_CLASSES", 5)
    assert {len(task.frames) for task in default_tasks(run)} == {1}
    few = make_run(epochs=1, classes=3)
    (few.path / EVALUATION).unlink()
    assert not list(default_tasks(few))  # laid out exactly, at once


def test_a_long_training_is_laid_out_at_some_of_its_epochs(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lwal_core.projections import defaults

    run = make_run(epochs=9)
    assert shared_epochs(run, 4) == tuple(range(10))
    monkeypatch.setattr(defaults, "FILM_EPOCHS", 4)
    assert shared_epochs(run, 9) == (0, 3, 6, 9)
    assert shared_epochs(run, 4) == (0, 3, 4, 6, 9)  # what is looked at is always among them
    (run.path / EVALUATION).unlink()
    assert {len(task.frames) for task in default_tasks(run)} == {4}
    monkeypatch.setattr(defaults, "FILM_NUMBERS", 1)
    assert shared_epochs(run, 4) == (4,)


def test_vectors_that_are_not_finite_are_refused_with_the_names_of_their_classes(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=1, class_names=["cat", "dog", *(f"class {i}" for i in range(8))])
    broken = run.vectors(0).copy()
    broken[1, 2] = np.nan
    RunWriter(run.path).labels(0, broken, broken)
    with pytest.raises(AnalysisError, match="epoch 0 hold values that are not finite, those of dog\\."):
        class_frames(run, (0,), "centroids")
    broken[2:] = np.inf
    RunWriter(run.path).labels(0, broken, broken)
    with pytest.raises(AnalysisError, match="those of dog, class 0, class 1, class 2, class 3 and 4 more"):
        class_frames(run, (0,), "centroids")


def test_a_run_without_labels_has_none(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=1)
    shutil.rmtree(run.path / "labels")
    assert not list(default_tasks(run))


def test_a_training_that_ends_leaves_the_usual_layouts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lwal_core.config import RunConfig
    from lwal_core.jobs import start_training
    from lwal_core.jobs.processes import wait
    from lwal_core.runs import create_run

    monkeypatch.setenv("LWAL_LAYOUTS_AHEAD", "1")
    values = {"data": {"name": "digits", "per_class": 8}, "method": {"name": "lwal"}, "training": {"epochs": 1}}
    run = create_run(RunConfig.parse(values))
    assert wait(start_training(run), 180) == 0
    assert Run(run.path).status == "done"
    cache, wanted = ProjectionCache(), list(default_tasks(Run(run.path)))
    assert wanted
    wait_until(lambda: all(cache.get(task.key) is not None for task in wanted), 180)


def test_nothing_is_started_where_nothing_may_be_kept(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[object] = []
    monkeypatch.setattr(client, "_start", lambda *arguments: started.append(arguments))
    run = make_run(epochs=1)
    monkeypatch.setenv("LWAL_LAYOUTS_AHEAD", "1")
    for text in ("0", "nonsense"):
        monkeypatch.setenv("LWAL_CACHE_MB", text)
        start_after_training(run.path)
    monkeypatch.setenv("LWAL_CACHE_MB", "10")
    monkeypatch.setenv("LWAL_LAYOUTS_AHEAD", "0")
    start_after_training(run.path)
    assert not started
    monkeypatch.setenv("LWAL_LAYOUTS_AHEAD", "1")
    start_after_training(run.path)
    assert len(started) == 1

    def refused(*arguments: object) -> None:
        raise OSError("no process")

    monkeypatch.setattr(client, "_start", refused)
    start_after_training(run.path)  # never raises
