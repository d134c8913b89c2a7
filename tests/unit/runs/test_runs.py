"""The run folder: what is written is read back, and whatever is damaged says so and breaks nothing."""

from __future__ import annotations

import json
import os
import shutil
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.config import RunConfig
from lwal_core.errors import LwalError, RunError, RunNotFound
from lwal_core.runs import Run, RunWriter, create_run, group_runs, list_runs, one_per_seed, open_run, run_folder
from lwal_core.runs import metrics as metrics_file
from lwal_core.runs.files import append_line, atomic_write
from lwal_core.runs.metrics import COLUMNS, LONG_BYTES, keep_metrics_until, read_metrics
from lwal_core.runs.record import Owner, write_record


class TestRoundTrip:
    def test_everything_written_is_read_back(self, make_run):
        run = make_run(classes=4, epochs=2, dim=5)
        assert run.status == "done"
        assert run.label_epochs() == [0, 1, 2]
        assert len(run.metrics()) == 3
        assert run.metrics().epochs_done == 2
        assert np.isnan(run.metrics().loss[0])
        assert run.vectors(2, "centroids") == pytest.approx(run.vectors(2, "labels") + 0.01, abs=1e-6)
        evaluation = run.evaluation()
        assert evaluation.z.dtype == np.float16
        assert evaluation.confusion.sum() == len(evaluation.y)
        samples = run.samples()
        assert samples is not None
        assert samples.images.shape == (8, 16, 16, 3)

    def test_history_tells_each_change(self, make_run):
        history = make_run().record.history
        assert [change.status for change in history] == ["queued", "done"]
        assert all(change.at.tzinfo is not None for change in history)

    def test_a_copied_folder_goes_by_its_new_name(self, make_run, home):
        run = make_run()
        shutil.copytree(run.path, run.path.parent / "a-copy")
        assert open_run("a-copy").id == "a-copy"
        assert len(list_runs()) == 2

    def test_names_are_one_line_and_bounded(self):
        run = create_run(RunConfig(), name="two\nlines " + "x" * 500)
        assert run.name.startswith("two lines x")
        assert len(run.name) == 200


class TestIds:
    @pytest.mark.parametrize(
        "bad", ["", "..", "../x", "a/b", "a\\b", "A", "-a", "a" * 81, "a\x00b", "a b", "ä", ".hidden"]
    )
    def test_what_is_no_id_never_becomes_a_path(self, bad):
        with pytest.raises(RunNotFound, match="not a run id"):
            run_folder(bad)

    @settings(max_examples=200)
    @given(st.text(max_size=40))
    def test_no_text_escapes_the_runs_folder(self, home, text):
        try:
            folder = run_folder(text)
        except RunNotFound:
            return
        assert folder.parent == home / "runs"

    def test_ids_of_hostile_data_names_are_sound(self):
        run = create_run(RunConfig.parse({"data": {"name": "folder:/tmp/../<b>ä ö"}}))
        assert run_folder(run.id) == run.path

    def test_unknown_run(self):
        with pytest.raises(RunNotFound, match="There is no run 'nothing-here'"):
            open_run("nothing-here")


class TestDamage:
    @pytest.fixture
    def run(self, make_run):
        return make_run(classes=3, epochs=1)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "cannot be read"),
            (b"{", "cannot be read"),
            (b"[]", "not a run's record"),
            (b"{}", "not a run's record"),
            (b'{"format": 99}', "has format 99"),
            (b'{"format": "x"}', "has format 'x'"),
            (b'{"format": 1, "id": "x"}', "wrong fields"),
            (b'{"format": 1, "config": {"nonsense": 1}}', "wrong fields"),
            (b"\xff\xfe", "cannot be read"),
        ],
    )
    def test_damaged_record_is_listed_with_the_reason(self, run, make_run, content, reason):
        make_run(seed=1)
        (run.path / "run.json").write_bytes(content)
        listed = {summary.id: summary for summary in list_runs()}
        assert len(listed) == 2
        assert listed[run.id].status == "damaged"
        assert reason in listed[run.id].problem
        with pytest.raises(RunError, match=reason):
            open_run(run.id)

    def test_missing_record(self, run):
        (run.path / "run.json").unlink()
        assert "is missing" in list_runs()[0].problem

    def test_foreign_folders_and_files_are_no_runs(self, run):
        (run.path.parent / "Some Folder").mkdir()
        (run.path.parent / "note.txt").write_text("hello")
        (run.path.parent / ".hidden").mkdir()
        assert {summary.id for summary in list_runs()} == {run.id, "Some Folder"}

    @pytest.mark.parametrize("cut", [0, 1, 7, 50, 200])
    def test_truncated_arrays_are_refused(self, run, cut):
        path = run.path / "labels" / "epoch-0001.safetensors"
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(RunError, match="damaged"):
            run.labels(1)

    @settings(max_examples=60)
    @given(position=st.integers(0, 400), bit=st.integers(0, 7))
    def test_flipped_bits_never_crash_a_reader(self, run, position, bit):
        for name in ("labels/epoch-0001.safetensors", "eval.safetensors", "samples.npz", "run.json", "metrics.jsonl"):
            path = run.path / name
            whole = path.read_bytes()
            data = bytearray(whole)
            data[position % len(data)] ^= 1 << bit
            path.write_bytes(data)
            try:
                again = open_run(run.id)
                again.labels(1)
                again.evaluation()
            except LwalError:
                pass
            run.samples()
            run.metrics()
            list_runs()
            path.write_bytes(whole)

    def test_labels_of_another_number_of_classes_are_refused(self, run, make_run):
        other = make_run(classes=5, epochs=1, seed=9)
        shutil.copy(other.path / "labels" / "epoch-0001.safetensors", run.path / "labels")
        with pytest.raises(RunError, match="for 3 classes"):
            run.labels(1)

    def test_no_home_is_an_empty_list(self):
        assert list_runs() == []


class TestMetrics:
    def test_half_a_line_is_counted_and_left_out(self, make_run):
        run = make_run(epochs=2)
        path = run.path / "metrics.jsonl"
        path.write_bytes(path.read_bytes() + b'{"epoch": 3, "lo')
        assert run.metrics().damaged_lines == 1
        assert run.metrics().epochs_done == 2

    def test_a_line_after_half_a_line_is_whole(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        path.write_bytes(b'{"epoch": 0}\n{"epo')
        append_line(path, b'{"epoch": 1}')
        assert list(read_metrics(tmp_path).epoch) == [0, 1]

    def test_an_epoch_logged_twice_counts_once_with_its_last_values(self, tmp_path):
        (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch":0}\n{"epoch":1,"loss":5}\n{"epoch":1,"loss":3}\n')
        metrics = read_metrics(tmp_path)
        assert list(metrics.epoch) == [0, 1]
        assert metrics.loss[1] == 3

    def test_a_long_file_is_read_once_until_it_changes(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        path.write_bytes(b"".join(b'{"epoch":%d,"loss":%d.5}\n' % (e, e) for e in range(4_000)))
        assert path.stat().st_size > LONG_BYTES
        first = read_metrics(tmp_path)
        assert read_metrics(tmp_path) is first and not first.loss.flags.writeable
        append_line(path, b'{"epoch":4000,"loss":7}')
        assert read_metrics(tmp_path).loss[-1] == 7 and len(first) == 4_000
        atomic_write(
            path, lambda file: file.write(path.read_bytes().replace(b'3999,"loss":3999.5', b'3999,"loss":1234.5'))
        )
        assert read_metrics(tmp_path).loss[-2] == 1234.5
        keep_metrics_until(tmp_path, 3_000)
        assert read_metrics(tmp_path).epochs_done == 3_000

    @settings(max_examples=60)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("append"), st.integers(-3, 40), st.floats(0, 9)),
                st.tuples(st.just("half"), st.binary(max_size=12)),
                st.tuples(st.just("cut"), st.integers(0, 60)),
                st.tuples(st.just("flip"), st.integers(0, 4_000)),
                st.tuples(st.just("again"), st.integers(0, 40), st.floats(0, 9)),
            ),
            max_size=8,
        )
    )
    def test_a_file_that_changes_is_read_as_if_for_the_first_time(self, tmp_path_factory, changes):
        """Read after every change, against the same bytes in a folder that nobody has read before."""
        path = tmp_path_factory.mktemp("m") / "metrics.jsonl"
        path.write_bytes(b"".join(b'{"epoch":%d,"loss":%d.5}\n' % (e, e) for e in range(100)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lwal_core.runs.metrics.LONG_BYTES", 0)
            for what, *values in [("append", 0, 0.0), *changes]:
                data = path.read_bytes()
                if what in ("append", "again"):
                    last = 100 if what == "append" else 0
                    append_line(path, orjson.dumps({"epoch": last + values[0], "loss": values[1]}))
                elif what == "half":
                    path.write_bytes(data + values[0])
                elif what == "cut":
                    path.write_bytes(data[: len(data) - values[0]])
                else:
                    at = values[0] % len(data)
                    path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
                fresh = tmp_path_factory.mktemp("fresh")
                shutil.copy(path, fresh)
                again, expected = read_metrics(path.parent), read_metrics(fresh)
                assert again.damaged_lines == expected.damaged_lines
                for name in COLUMNS:
                    np.testing.assert_array_equal(getattr(again, name), getattr(expected, name))

    def test_lines_that_are_appended_are_the_only_ones_read(self, tmp_path, monkeypatch):
        path = tmp_path / "metrics.jsonl"
        path.write_bytes(b"".join(b'{"epoch":%d,"loss":%d.5}\n' % (e, e) for e in range(4_000)))
        read_metrics(tmp_path)
        parsed = []
        monkeypatch.setattr(metrics_file.orjson, "loads", lambda line: parsed.append(line) or json.loads(line))
        append_line(path, b'{"epoch":4000,"loss":7}')
        assert len(read_metrics(tmp_path)) == 4_001
        assert parsed == [b'{"epoch":4000,"loss":7}\n']

    def test_a_file_of_any_length_takes_the_memory_of_its_columns(self, tmp_path):
        path, epochs = tmp_path / "metrics.jsonl", 20_000
        row = b'"seconds":12.345678901234,"loss":1.23456789012,"pull":0.123456789,"test_accuracy_own":0.97654321}\n'
        path.write_bytes(b"".join(b'{"epoch":%d,%s' % (e, row) for e in range(epochs)))
        columns = len(COLUMNS) * 8 * epochs
        tracemalloc.start()
        try:
            metrics = read_metrics(tmp_path)
            assert len(metrics) == epochs and metrics.loss[-1] == 1.23456789012
            assert tracemalloc.get_traced_memory()[1] < 1.5 * columns + 2 * 2**20
        finally:
            tracemalloc.stop()

    def test_what_is_kept_of_all_files_is_limited(self, tmp_path, monkeypatch):
        monkeypatch.setattr(metrics_file, "LONG_BYTES", 0)
        monkeypatch.setattr(metrics_file, "MOST_KEPT_BYTES", 3 * len(COLUMNS) * 8 * 100)
        folders = [tmp_path / str(i) for i in range(6)]
        for folder in folders:
            folder.mkdir()
            (folder / "metrics.jsonl").write_bytes(b"".join(b'{"epoch":%d}\n' % e for e in range(100)))
            read_metrics(folder)
        assert [path.parent for path in metrics_file._long] == folders[-3:]

    def test_a_line_that_is_too_long_is_one_damaged_line(self, tmp_path):
        long = b'{"epoch":1,"x":"' + b"x" * 3 * metrics_file.LINE_BYTES + b'"}\n'
        (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch":0}\n' + long + b'{"epoch":2}\n' + long[:-1])
        metrics = read_metrics(tmp_path)
        assert list(metrics.epoch) == [0, 2] and metrics.damaged_lines == 2

    def test_values_that_are_no_numbers_are_undefined(self, tmp_path):
        (tmp_path / "metrics.jsonl").write_bytes(
            b'{"epoch":0,"loss":null}\n{"epoch":1,"loss":"x"}\n{"epoch":2,"loss":true}\n'
        )
        assert np.isnan(read_metrics(tmp_path).loss).all()

    def test_keeping_until_an_epoch(self, make_run):
        run = make_run(epochs=3)
        keep_metrics_until(run.path, 1)
        assert list(run.metrics().epoch) == [0, 1]

    @given(st.binary(max_size=300))
    def test_any_bytes_are_read_without_an_error(self, tmp_path_factory, data):
        folder = tmp_path_factory.mktemp("m")
        (folder / "metrics.jsonl").write_bytes(data)
        read_metrics(folder)


class TestStatus:
    def test_dead_process_means_interrupted(self, make_run):
        run = make_run(status="running")
        owner = Owner.this_process()
        write_record(run.path, run.record.model_copy(update={"owner": owner}))
        assert open_run(run.id).status == "running"
        for another in (
            {"ticks": 1},
            {"boot": "another"},
            {"ticks": None, "started": 1.0},
            {"boot": "", "started": 1.0},
        ):
            write_record(run.path, run.record.model_copy(update={"owner": owner.model_copy(update=another)}))
            assert open_run(run.id).status == "interrupted", another
        write_record(run.path, run.record.model_copy(update={"owner": owner.model_copy(update={"pid": 2**22 + 1})}))
        assert open_run(run.id).status == "interrupted"

    def test_a_clock_that_was_set_back_changes_nothing(self, make_run):
        """The start time that a process list computes moves with the clock; the kernel's own count does not."""
        run = make_run(status="running")
        owner = Owner.this_process()
        moved = owner.model_copy(update={"started": owner.started - 86_400})
        write_record(run.path, run.record.model_copy(update={"owner": moved}))
        assert open_run(run.id).status == "running"

    def test_process_elsewhere_is_believed(self, make_run):
        run = make_run(status="running")
        owner = Owner.this_process().model_copy(update={"host": "another-machine", "pid": 1})
        write_record(run.path, run.record.model_copy(update={"owner": owner}))
        assert open_run(run.id).status == "running"

    def test_queued_run_that_never_started_is_interrupted_after_a_while(self):
        run = create_run(RunConfig())
        assert run.status == "queued"
        long_ago = datetime.now(UTC) - timedelta(minutes=10)
        history = [change.model_copy(update={"at": long_ago}) for change in run.record.history]
        write_record(run.path, run.record.model_copy(update={"history": history}))
        assert open_run(run.id).status == "interrupted"

    def test_active_runs_are_never_read_from_the_cache(self, make_run):
        run = make_run(status="running")
        write_record(run.path, run.record.model_copy(update={"owner": Owner.this_process()}))
        assert list_runs()[0].status == "running"
        write_record(run.path, open_run(run.id).record.moved_to("done"))
        assert list_runs()[0].status == "done"


class TestGroups:
    def test_seeds_of_one_configuration_are_one_group(self, make_run):
        for seed in (3, 1, 2):
            make_run(seed=seed, accuracy=0.9 + seed / 100)
        make_run("onehot")
        groups = {group.first.method: group for group in group_runs(list_runs())}
        assert groups["lwal"].seeds == (1, 2, 3)
        assert groups["lwal"].best_accuracies() == pytest.approx([0.91, 0.92, 0.93])
        assert groups["lwal"].title == "LwAL on digits"
        assert groups["onehot"].status == "done"

    def test_a_seed_trained_twice_counts_once(self, make_run):
        make_run(seed=1, accuracy=0.5)
        make_run(seed=1, accuracy=0.9)
        (group,) = group_runs(list_runs())
        assert len(group.runs) == 2
        assert len(group.best_accuracies()) == 1
        assert len(one_per_seed(group.runs)) == 1

    def test_unfinished_runs_do_not_count_in_the_accuracy(self, make_run):
        make_run(seed=1)
        make_run(seed=2, status="cancelled")
        (group,) = group_runs(list_runs())
        assert len(group.best_accuracies()) == 1
        assert group.status == "cancelled"

    def test_a_cancelled_second_try_does_not_spoil_a_finished_group(self, make_run):
        make_run(seed=1)
        make_run(seed=2, accuracy=0.9)
        make_run(seed=2, accuracy=0.3, status="cancelled")
        (group,) = group_runs(list_runs())
        assert group.status == "done"
        assert [run.status for run in group.one_per_seed] == ["done", "done"]
        assert group.best_accuracies()[1] == pytest.approx(0.9)


class TestAtomicWrite:
    def test_failure_leaves_the_old_file_and_nothing_else(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"old")

        def fail(file):
            file.write(b"half")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            atomic_write(path, fail)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_record_is_plain_json(self, make_run):
        values = orjson.loads((Path(make_run().path) / "run.json").read_bytes())
        assert values["format"] == 2
        assert values["config"]["method"]["name"] == "lwal"


def test_a_new_owner_deletes_what_a_killed_one_left_half_written(make_run):
    run = make_run(status="queued")
    left = [run.path / folder / ".last.safetensors.x1.part" for folder in ("checkpoint", "labels", "model")]
    others = run.path / ".annotations.json.x2.part"  # may be written by somebody else at this moment
    for path in [*left, others]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    RunWriter(run.path).take()
    assert not any(path.exists() for path in left) and others.exists()
    assert run.label_epochs()


def test_a_process_on_another_machine_that_shows_nothing_is_silent(make_run):
    """One here is asked whether it lives; one there cannot be, so its newest file tells."""
    run = make_run(status="running")
    writer = RunWriter(run.path)
    writer.take()
    assert Run(run.path).silent_since() is None  # alive, here
    far = Run(run.path).record.owner.model_copy(update={"host": "far-away"})
    writer.update(owner=far)
    assert Run(run.path).status == "running" and Run(run.path).silent_since() is None
    old = time.time() - 3_600
    for path in run.path.rglob("*"):
        os.utime(path, (old, old))
    since = Run(run.path).silent_since()
    assert since is not None and abs(since.timestamp() - old) < 1
    writer.move_to("done")
    for path in run.path.rglob("*"):
        os.utime(path, (old, old))
    assert Run(run.path).silent_since() is None
