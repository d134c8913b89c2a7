"""Runs of a sweep: the plan, what is submitted, how many at once, state, cancel and retry; ``lwal sweep --no-wait``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.datafiles import source_stats
from lwal_core.errors import LwalError, TrainingError
from lwal_core.experiments.sweep_runs import (
    at_once_of,
    cancel_sweep,
    limit_sweep,
    plan_lines,
    plan_sweep,
    retry_sweep,
    submit_sweep,
    sweep_states,
)
from lwal_core.experiments.sweeps import parse_sweep
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.recovery import Recovery, acquire_run
from lwal_core.runs import Run, RunWriter, estimate_seconds, home, list_runs, open_run
from lwal_core.runs.files import write_json
from lwal_core.runs.paths import PULSE
from lwal_core.runs.record import change_record

TEXT = """
name: small
base: {data: {name: digits, per_class: 20}, training: {epochs: 2}}
grid:
  method: [{name: onehot}, {name: lwal, dim: 10x}]
  training.seed: [1, 2, 3]
"""
SWEEP = parse_sweep(TEXT)


def moved(run_id: str, status: str) -> None:
    RunWriter(open_run(run_id).path).move_to(status)  # type: ignore[arg-type]


def queued() -> list[str]:
    return Queue(home()).run_ids()


def swept() -> list[str]:
    """What stands in the queue after a worker has looked at everything."""
    queue = Queue(home())
    Recovery(home(), queue, lambda line: None).sweep()
    return queue.run_ids()


class TestSubmit:
    def test_every_member_is_a_run_with_the_tag_in_the_files_order(self):
        ids = submit_sweep(SWEEP, priority=3)
        runs = [open_run(run_id) for run_id in ids]
        assert [run.config for run in runs] == [member.config for member in SWEEP.members]
        assert queued() == ids and {(*run.record.tags, run.record.job.priority) for run in runs} == {("sweep:small", 3)}

    def test_again_submits_only_what_is_missing(self):
        ids = submit_sweep(SWEEP)
        moved(ids[0], "failed")
        moved(ids[1], "cancelled")
        moved(ids[2], "done")
        moved(ids[3], "interrupted")  # a worker takes it up again
        again = submit_sweep(SWEEP)
        assert [new == old for new, old in zip(again, ids, strict=True)] == [False, False, True, True, True, True]
        assert submit_sweep(SWEEP) == again and len(list_runs()) == 8

    def test_a_priority_out_of_range_leaves_nothing_waiting(self):
        with pytest.raises(TrainingError, match="Priority 101"):
            submit_sweep(SWEEP, priority=101)
        assert queued() == []

    def test_the_command_returns_at_once_and_prints_the_ids(self, tmp_path: Path):
        path = tmp_path / "small.yaml"
        path.write_text(TEXT)
        result = CliRunner().invoke(app, ["sweep", str(path), "--no-wait", "--at-once", "2"])
        assert result.exit_code == 0, result.output
        assert result.stdout.split() == [run.id for run in reversed(list_runs())] and len(list_runs()) == 6
        assert {open_run(run.id).record.job.at_once for run in list_runs()} == {2}
        again = CliRunner().invoke(app, ["sweep", str(path), "--no-wait"])
        assert again.stdout == result.stdout and "6 waiting or being trained" in again.output


class TestAtOnce:
    def test_no_more_than_so_many_come_into_the_queue(self):
        ids = submit_sweep(SWEEP, at_once=2)
        assert queued() == [] and swept() == ids[:2] and swept() == ids[:2]

    def test_the_next_one_comes_when_one_ends(self):
        ids = submit_sweep(SWEEP, at_once=2)
        swept()
        taken = Queue(home()).take()
        assert taken == ids[0] and acquire_run(taken, home()) is not None
        own = {taken}
        queue = Queue(home())
        recovery = Recovery(home(), queue, lambda line: None)
        recovery.sweep(own)
        assert queue.run_ids() == [ids[1]]  # one in this worker's hands, one in the queue
        moved(taken, "running")
        recovery.sweep(own)
        assert queue.run_ids() == [ids[1]]
        moved(taken, "done")
        recovery.sweep()
        assert queue.run_ids() == ids[1:3]

    def test_a_run_in_another_workers_hands_counts_before_it_has_begun(self, monkeypatch: pytest.MonkeyPatch):
        ids = submit_sweep(SWEEP, at_once=1)
        assert swept() == ids[:1]
        assert acquire_run(Queue(home()).take() or "", home()) is not None
        monkeypatch.setattr("lwal_core.jobs.recovery.Owner.this_process", lambda: None)  # as another worker sees it
        assert swept() == []

    def test_other_runs_are_not_held_back(self):
        ids = submit_sweep(SWEEP, at_once=1)
        other = submit_sweep(parse_sweep(TEXT.replace("small", "other").replace("epochs: 2", "epochs: 3")))
        assert swept() == [*other, ids[0]]

    def test_the_limit_can_be_changed_while_they_wait(self):
        ids = submit_sweep(SWEEP, at_once=1)
        (state,) = sweep_states(list_runs())
        assert at_once_of(state) == 1 and limit_sweep(state, 3) == 6 and at_once_of(state) == 3
        assert swept() == ids[:3]
        assert limit_sweep(state, 0) == 6 and swept() == ids

    @pytest.mark.parametrize("count", [-1, 1_001])
    def test_a_limit_out_of_range(self, count: int):
        submit_sweep(SWEEP)
        (state,) = sweep_states(list_runs())
        with pytest.raises(LwalError, match="out of range"):
            limit_sweep(state, count)


class TestState:
    def test_a_matrix_of_options_by_seeds(self):
        ids = submit_sweep(SWEEP)
        moved(ids[4], "failed")
        (state,) = sweep_states(list_runs())
        assert (state.name, state.seeds) == ("small", (1, 2, 3))
        assert [(label, [run and run.id for run in runs]) for label, runs in state.rows()] == [
            ("One-hot", ids[:3]),
            ("LwAL10", ids[3:]),
        ]
        assert dict(state.counts) == {"queued": 5, "failed": 1}
        assert {run.id for run in state.unfinished} == {*ids} - {ids[4]} and [run.id for run in state.stopped] == [
            ids[4]
        ]

    def test_rows_that_differ_in_an_option_say_which(self):
        submit_sweep(parse_sweep("name: x\nbase: {method: onehot}\ngrid: {training.learning_rate: [0.1, 0.01]}"))
        (state,) = sweep_states(list_runs())
        assert [label for label, _ in state.rows()] == ["One-hot (learning rate 0.1)", "One-hot (learning rate 0.01)"]

    def test_the_run_that_is_done_counts_and_a_missing_one_is_none(self, make_run: Callable[..., Run]):
        first = make_run(seed=1, method="onehot")
        again = make_run(seed=1, method="onehot", status="failed")
        other = make_run(seed=2, method="lwal")
        for run in (first, again, other):
            change_record(run.path, lambda record: record.model_copy(update={"tags": ["sweep:x", "mine"]}))
        (state,) = sweep_states(list_runs())
        assert [[run and run.id for run in runs] for _, runs in state.rows()] == [[first.id, None], [None, other.id]]

    def test_unfinished_sweeps_come_first_and_runs_of_none_are_left_out(self, make_run: Callable[..., Run]):
        submit_sweep(SWEEP)
        done = make_run(seed=9)
        change_record(done.path, lambda record: record.model_copy(update={"tags": ["sweep:newer"]}))
        make_run(seed=10)
        assert [state.name for state in sweep_states(list_runs())] == ["small", "newer"]

    def test_nothing(self):
        assert sweep_states([]) == []


class TestAllRuns:
    def test_cancel_stops_what_is_left_and_keeps_what_is_done(self):
        ids = submit_sweep(SWEEP)
        moved(ids[0], "done")
        moved(ids[1], "failed")
        moved(ids[2], "interrupted")
        assert cancel_sweep(sweep_states(list_runs())[0]) == 4
        assert [open_run(run_id).status for run_id in ids] == ["done", "failed", *["cancelled"] * 4]

    def test_retry_queues_what_failed_with_its_priority_and_the_limit(self):
        ids = submit_sweep(SWEEP, priority=7)
        for run_id, status in zip(ids, ["done", "failed", "cancelled", "queued", "queued", "queued"], strict=True):
            if status != "queued":
                moved(run_id, status)
        assert retry_sweep(sweep_states(list_runs())[0], at_once=2) == 2
        jobs = [open_run(run_id).record.job for run_id in ids[1:3]]
        assert {(job.priority, job.tag, job.at_once) for job in jobs if job} == {(7, "sweep:small", 2)}
        assert open_run(ids[1]).record.history[-1].reason == "tried again with its sweep"
        assert {open_run(run_id).status for run_id in ids[1:]} == {"queued"} and len(list_runs()) == 6


class TestPlan:
    def test_what_is_missing_and_how_many_samples_it_sees(self):
        ids = submit_sweep(SWEEP)
        moved(ids[0], "done")
        moved(ids[5], "failed")
        plan = plan_sweep(SWEEP)
        train = source_stats(SWEEP.members[5].config.data).train
        assert (plan.runs, plan.done, plan.in_hand, plan.samples) == (6, 1, 4, 2 * train)
        assert [member.config for member in plan.missing] == [SWEEP.members[5].config]
        assert (plan.known, plan.gpu_bytes) == (0, None)
        assert "not known" in plan_lines(plan)["Time"] and "not known" in plan_lines(plan)["GPU memory"]

    def test_time_and_memory_are_those_of_runs_like_them(self, make_run: Callable[..., Run]):
        like = make_run("onehot", seed=7, epochs=2, data={"name": "digits", "per_class": 20})
        used = {"gpu_used_bytes": 3_000_000_000, "gpu_total_bytes": 9_000_000_000}
        write_json(like.path / PULSE, used | {"updated": "2026-01-01T00:00:00Z", "cpu_percent": 1, "memory_bytes": 1})
        plan = plan_sweep(SWEEP)
        one = estimate_seconds(SWEEP.members[0].config)
        assert one is not None and plan.known == 3 and plan.seconds == pytest.approx(3 * one)
        lines = plan_lines(plan)
        assert "3 of 6 not counted" in lines["Time"] and lines["GPU memory"].startswith("3.0 GB")

    def test_a_sweep_that_is_trained_has_no_time_left(self):
        for run_id in submit_sweep(SWEEP):
            moved(run_id, "done")
        assert plan_lines(plan_sweep(SWEEP)) == {"Runs": "0 to train, 6 trained already, 0 waiting or being trained"}

    def test_the_command_makes_nothing(self, tmp_path: Path):
        path = tmp_path / "small.yaml"
        path.write_text(TEXT)
        result = CliRunner().invoke(app, ["sweep", str(path), "--plan"])
        assert result.exit_code == 0 and list_runs() == [] and "6 to train" in result.output
