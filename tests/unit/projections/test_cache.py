"""Projections on disk: exact, found by what decides them, safe against damage, bounded."""

from __future__ import annotations

import math
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lwal_core.analysis.projection import Projection
from lwal_core.errors import AnalysisError
from lwal_core.projections import ProjectionCache, ProjectionTask
from lwal_core.projections.cache import pack, unpack
from lwal_core.projections.task import expected_seconds, read_task, takes_a_moment, task_bytes

KEY = "ab" * 20


def random(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


def layout(n: int = 5, d: int = 2, seed: int = 0, **facts: Any) -> Projection:
    return Projection(random(n, d, seed), "mds", "umap", **facts)


def same(a: Projection, b: Projection) -> bool:
    """To the last bit, nan equal to nan."""
    one, other = vars(a).copy(), vars(b).copy()
    for name in ("points", "explained"):
        x, y = one.pop(name), other.pop(name)
        if (x is None) != (y is None) or (x is not None and (x.tobytes() != y.tobytes() or x.shape != y.shape)):
            return False
    return repr(one) == repr(other)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_whatever_decides_a_layout_is_in_the_key() -> None:
    X, Y = random(9, 4), random(9, 4, 1)
    tasks = [
        ProjectionTask.make([X], "umap"),
        ProjectionTask.make([X], "tsne"),
        ProjectionTask.make([X], "umap", 3),
        ProjectionTask.make([X], "umap", seed=1),
        ProjectionTask.make([X], "umap", params={"n_neighbors": 5}),
        ProjectionTask.make([X], "umap", params={"min_dist": 0.2}),
        ProjectionTask.make([X], "umap", params={"metric": "cosine"}),
        ProjectionTask.make([Y], "umap"),
        ProjectionTask.make([X, Y], "umap"),
        ProjectionTask.make([Y, X], "umap"),
        ProjectionTask.make([X], "umap", samples=Y),
        ProjectionTask.make([X.reshape(4, 9)], "umap"),
        ProjectionTask.make([X.astype(np.float32)], "umap"),
    ]
    assert len({task.key for task in tasks}) == len(tasks)
    again = ProjectionTask.make([X.copy()], "umap", params={"n_neighbors": np.int64(15), "min_dist": 0.1})
    assert again.key == tasks[0].key  # a default that is said is the same
    assert ProjectionTask.make([X], "tsne", params={"perplexity": 30}).key == tasks[1].key
    assert ProjectionTask.make([np.asfortranarray(X)], "umap").key == tasks[0].key


def test_one_bit_of_the_vectors_gives_another_key() -> None:
    X = random(9, 4)
    other = X.copy()
    other[8, 3] = np.nextafter(other[8, 3], 9)
    assert ProjectionTask.make([X], "pca").key != ProjectionTask.make([other], "pca").key


def test_another_version_of_the_algorithm_gives_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from lwal_core.projections import task

    before = ProjectionTask.make([random(4, 3)], "pca").key
    with monkeypatch.context() as patch:
        patch.setattr(task, "ALGORITHM_VERSION", task.ALGORITHM_VERSION + 1)
        assert ProjectionTask.make([random(4, 3)], "pca").key != before
    with monkeypatch.context() as patch:
        patch.setattr(task, "_versions", lambda: ("umap-learn 99",))
        assert ProjectionTask.make([random(4, 3)], "pca").key != before
    assert ProjectionTask.make([random(4, 3)], "pca").key == before


def test_tasks_that_make_no_sense_are_refused() -> None:
    with pytest.raises(AnalysisError, match="no parameter 'perplexity'"):
        ProjectionTask.make([random(4, 3)], "umap", params={"perplexity": 3})
    with pytest.raises(AnalysisError, match="0 frames"):
        ProjectionTask.make([], "pca")
    with pytest.raises(AnalysisError, match="2 frames"):
        ProjectionTask.make([random(4, 3)] * 2, "mds", samples=random(4, 3))


@given(
    frames=st.lists(
        arrays(st.sampled_from([np.float16, np.float32, np.float64]), array_shapes(min_dims=2, max_dims=2)), min_size=1
    ),
    method=st.sampled_from(["umap", "pca", "tsne", "mds"]),
    dimensions=st.sampled_from([2, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_task_survives_the_way_to_another_process(
    frames: list[np.ndarray], method: str, dimensions: int, seed: int
) -> None:
    task = ProjectionTask.make(frames, method, dimensions, seed)
    back = read_task(task_bytes(task))
    assert back.key == task.key and back.params == task.params and len(back.frames) == len(frames)
    assert all(a.tobytes() == b.tobytes() and a.dtype == b.dtype for a, b in zip(frames, back.frames, strict=True))


@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_task_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="request"):
        read_task(data)


# --- what is worth a process ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_sets_that_fit_exactly_are_laid_out_at_once(n: int) -> None:
    for method in ("umap", "pca", "tsne", "mds"):
        assert not takes_a_moment(ProjectionTask.make([random(n, 6)], method))
    assert not takes_a_moment(ProjectionTask.make([np.ones((500, 6))], "umap"))
    assert not takes_a_moment(ProjectionTask.make([random(4, 6)], "umap", 3))


def test_what_loads_slow_libraries_gets_a_process_and_little_pca_does_not() -> None:
    for method in ("umap", "tsne", "mds"):
        assert takes_a_moment(ProjectionTask.make([random(4, 6)], method))
        assert takes_a_moment(ProjectionTask.make([random(2, 6)], method, samples=random(2, 6, 1)))
    assert not takes_a_moment(ProjectionTask.make([random(1_000, 100)], "pca"))
    assert takes_a_moment(ProjectionTask.make([random(3_000, 2_000)], "pca"))


def test_vectors_that_are_not_finite_are_refused_before_any_process_starts() -> None:
    X = random(6, 3)
    X[4, 1] = np.nan
    with pytest.raises(AnalysisError, match="row 4"):
        takes_a_moment(ProjectionTask.make([X], "umap"))


def test_more_of_anything_is_expected_to_take_longer() -> None:
    for method in ("umap", "tsne", "mds"):
        few, many = (expected_seconds(ProjectionTask.make([random(n, 8)], method)) for n in (10, 1_000))
        film = expected_seconds(ProjectionTask.make([random(10, 8)] * 20, method))
        assert few < many and few < film
    assert expected_seconds(ProjectionTask.make([random(20, 8)], "umap", samples=random(20_000, 8))) > 60


# --- entries --------------------------------------------------------------------------------------------------------

NUMBERS = st.floats(width=64)


@given(
    points=arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(2, 3)), elements=NUMBERS),
    explained=st.none() | arrays(np.float64, 2, elements=NUMBERS),
    note=st.text(),
    stress=st.none() | NUMBERS,
    disparity=NUMBERS,
    params=st.dictionaries(st.text(), st.none() | st.integers() | NUMBERS | st.text(), max_size=4),
)
def test_what_is_kept_comes_back_to_the_last_bit(points: np.ndarray, explained: Any, **facts: Any) -> None:
    whole = Projection(points, "pca", "umap", explained=explained, **facts)
    (back,) = unpack(pack([whole], KEY), KEY)
    assert same(whole, back) and not back.points.flags.writeable


def test_several_layouts_of_different_sizes(home: Path) -> None:
    cache = ProjectionCache()
    layouts = [layout(5), layout(900, seed=1, stress=0.1 + 0.2), layout(1, 3, 2, disparity=math.pi)]
    assert cache.get(KEY) is None
    assert cache.put(KEY, layouts)
    found = cache.get(KEY)
    assert found is not None and all(map(same, layouts, found)) and len(found) == 3
    assert (home / "cache" / "projections").is_dir()


@settings(max_examples=60)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    whole = pack([layout(note="as it was")], KEY)
    at = data.draw(st.integers(0, 8 * len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at // 8] ^= 1 << at % 8
    with pytest.raises(ValueError, match="checksum"):
        unpack(bytes(damaged), KEY)


@settings(max_examples=60)
@given(length=st.integers(0, 400))
def test_a_file_cut_short_is_noticed(length: int) -> None:
    whole = pack([layout()], KEY)
    with pytest.raises(ValueError, match="checksum"):
        unpack(whole[: min(length, len(whole) - 1)], KEY)


def test_damaged_files_count_as_absent_and_are_replaced() -> None:
    cache = ProjectionCache()
    cache.put(KEY, [layout()])
    (path,) = cache.folder.glob("*.layout")
    for damage in (b"", b"x", path.read_bytes()[:-1], path.read_bytes() + b"\0"):
        path.write_bytes(damage)
        assert cache.get(KEY) is None
        assert cache.put(KEY, [layout()])
        found = cache.get(KEY)
        assert found is not None and same(found[0], layout())


def test_an_entry_under_another_name_is_not_taken_for_it() -> None:
    cache = ProjectionCache()
    cache.put(KEY, [layout()])
    other = "cd" * 20
    (cache.folder / f"{other}.layout").write_bytes((cache.folder / f"{KEY}.layout").read_bytes())
    assert cache.get(other) is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ProjectionCache(tmp_path / "file" / "cache")
    assert cache.put(KEY, [layout()]) is False
    assert cache.get(KEY) is None


# --- size -----------------------------------------------------------------------------------------------------------


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    size = len(pack([layout(100)], KEY))
    cache = ProjectionCache(tmp_path, limit=3 * size)
    keys = [f"{i:040x}" for i in range(5)]
    for age, key in enumerate(keys[:3]):
        cache.put(key, [layout(100)])
        os.utime(tmp_path / f"{key}.layout", (1_000 + age, 1_000 + age))
    assert cache.get(keys[0]) is not None  # the oldest is used, so the second is now the first to go
    cache.put(keys[3], [layout(100)])
    assert [key for key in keys if cache.get(key) is not None] == [keys[0], keys[2], keys[3]]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * size


def test_the_newest_stays_even_where_it_alone_is_too_large(tmp_path: Path) -> None:
    cache = ProjectionCache(tmp_path, limit=10)
    for key in ("aa" * 20, "bb" * 20):
        assert cache.put(key, [layout(100)])
    assert cache.get("aa" * 20) is None and cache.get("bb" * 20) is not None


def test_half_written_files_of_dead_processes_are_swept(tmp_path: Path) -> None:
    old, new = tmp_path / ".x.layout.old.part", tmp_path / ".x.layout.new.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1_000, 1_000))
    ProjectionCache(tmp_path, limit=10**6).put(KEY, [layout()])
    assert not old.exists() and new.exists()


def test_the_limit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ProjectionCache().limit == 512 * 2**20
    monkeypatch.setenv("LWAL_CACHE_MB", "3")
    assert ProjectionCache().limit == 3 * 2**20


def _write_many(folder: Path, writer: int) -> int:
    """Write and read the same few keys in a cache with room for two of them; how many reads were of another value."""
    cache = ProjectionCache(folder, limit=2 * len(pack([layout(200)], KEY)))
    wrong = 0
    for turn in range(120):
        seed = (turn * 7 + writer) % 4
        key = f"{seed:040x}"
        assert cache.put(key, [layout(200, seed=seed)])
        found = cache.get(key)
        wrong += found is not None and not same(found[0], layout(200, seed=seed))
    return wrong


def test_two_processes_write_and_evict_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        assert list(pool.map(_write_many, [tmp_path] * 2, [0, 1])) == [0, 0]
    left = list(tmp_path.iterdir())
    assert not [path for path in left if path.suffix == ".part"]
    assert 1 <= len(left) <= 3  # the last two writers may each have kept their newest
