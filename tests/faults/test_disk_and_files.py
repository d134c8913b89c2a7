"""A full disk pauses a run and loses nothing; damaged files are named, and nothing else is affected; two processes that
write one home do not undo each other's work."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.common.pages import page_names, page_path
from lwal_core.config import RunConfig
from lwal_core.errors import LwalError
from lwal_core.jobs import make_ready, start_training, submit
from lwal_core.jobs.gc import collect, leftovers
from lwal_core.jobs.worker import Worker
from lwal_core.runs import Run, create_run, list_runs, open_run, read_annotations
from lwal_core.runs.edits import rename, set_tags
from lwal_core.system.child_processes import code_environment
from tests.faults.service import ROOT, Service, check_done_once, hand_in, same_results, short, wait_until

DISK_MB = 24
Lwal = Callable[..., tuple[int, str, str]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small file system can be mounted by root alone")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def fill(disk: Path) -> Path:
    """Take the rest of a disk, to the last byte."""
    path = disk / "somebody-elses"
    with open(path, "wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


class TestFullDisk:
    def test_a_full_disk_pauses_and_the_rest_is_trained_to_the_same_bits(
        self, small_disk: Path, make_service: Callable[..., Service], home: Path
    ):
        """With the real loop: the disk fills up while it trains, down to the last byte."""
        disk_home = small_disk / "home"
        run, twin = create_run(short(3, 300), home=disk_home), create_run(short(3, 8), home=home)
        environment = {"LWAL_KEEP_FREE_MB": "0", "OMP_NUM_THREADS": "1"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            process = start_training(run)
            wait_until(lambda: open_run(run.id, disk_home).metrics().epochs_done >= 2, 120)
            other = fill(small_disk)
            assert process.wait(60) == 75
            paused = open_run(run.id, disk_home)
            assert paused.status == "paused"
            assert "disk" in paused.record.history[-1].reason
            done = paused.metrics().epochs_done
            assert done >= 2 and set(range(done + 1)) <= set(paused.label_epochs())
            paused.evaluation()  # what was written is whole
            assert not list(paused.path.rglob("*.part"))
            other.unlink()
            # The same kernels on the same numbers: a run of few epochs is the beginning of one of many.
            assert start_training(twin).wait(120) == 0
            again = start_training(make_ready(paused, epochs=max(done + 1, 8)))
            assert again.wait(120) == 0
        after, twin = open_run(run.id, disk_home), open_run(twin.id, home)
        assert after.status == "done"
        for epoch in twin.label_epochs():
            assert (twin.vectors(epoch, "labels") == after.vectors(epoch, "labels")).all(), epoch
        assert (twin.metrics().loss[1:] == after.metrics().loss[1:9]).all()

    def test_a_run_waits_until_there_is_room(
        self, make_service: Callable[..., Service], home: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (run,) = hand_in(1, home, epochs=1)
        monkeypatch.setenv("LWAL_KEEP_FREE_MB", "999999999")
        worker = Worker(home)
        for _ in range(2):
            worker.step()
        assert open_run(run.id).status == "paused" and not worker.trainings
        assert "are needed to go on" in open_run(run.id).record.history[-1].reason
        worker.run(lambda: True)
        monkeypatch.delenv("LWAL_KEEP_FREE_MB")
        service = make_service()
        service.worker()
        wait_until(lambda: open_run(run.id).status == "done", 60, service.log)
        assert "There is room on the disk again" in open_run(run.id).record.history[2].reason
        check_done_once(run)

    def test_deleting_needs_no_space_and_frees_it(self, small_disk: Path, monkeypatch: pytest.MonkeyPatch, lwal: Lwal):
        monkeypatch.setenv("LWAL_HOME", str(small_disk / "home"))
        run = create_run(short(1))
        (run.path / "weights").write_bytes(bytes(2 * 2**20))
        fill(small_disk)
        code, _, err = lwal("delete", run.id)
        assert (code, err) == (0, "") and list_runs() == [] and lwal("gc", "--yes")[0] == 0
        assert shutil.disk_usage(small_disk).free > 2 * 2**20
        with open(small_disk / "room", "wb") as file:
            file.write(bytes(2**20))

    def test_a_start_on_a_full_disk_leaves_no_run(self, small_disk: Path, monkeypatch: pytest.MonkeyPatch):
        """As the page does it: the disk is full before the run is made, and between making it and handing it in."""
        monkeypatch.setenv("LWAL_HOME", str(small_disk / "home"))
        run = create_run(short(1))
        other = fill(small_disk)
        with pytest.raises((OSError, LwalError), match=r"No space left"):
            create_run(short(2))
        with pytest.raises(OSError, match=r"No space left"):
            submit(run)
        other.unlink()
        assert list_runs() == []

    @pytest.mark.parametrize("state", ["full", "read-only"])
    def test_every_command_that_writes_says_one_line(
        self, small_disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str, lwal: Lwal
    ):
        monkeypatch.setenv("LWAL_HOME", str(small_disk / "home"))
        table = tmp_path / "table.csv"
        table.write_text("a,1,2\nb,2,3\n")
        assert lwal("import", str(table))[0] == 0
        run = list_runs()[0].id
        if state == "full":
            fill(small_disk)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        words = {"full": "No space left on device", "read-only": "Read-only file system"}[state]
        commands: list[tuple[str, ...]] = [
            ("train", "--per-class", "3"), ("import", str(table)), ("rename", run, "x"), ("tag", run, "x"), ("archive", run),
            ("share", run), ("export", run, "-o", str(small_disk / "tree.nwk")),
        ]  # fmt: skip
        if state == "read-only":
            commands += [("delete", run), ("worker", "--until-idle"), ("serve", "--port", "1")]
        for command in commands:
            if command[0] in ("train", "worker", "serve"):
                code, lines = spoken(*command)
            else:
                code, _, err = lwal(*command)
                lines = err.splitlines()
            assert code in (1, 2), command
            assert len([line for line in lines if words in line]) == 1, (command, lines)
            assert not any("Traceback" in line for line in lines), command
        assert [summary.id for summary in list_runs()] == [run]
        assert not list(small_disk.rglob("*.part"))


def test_a_home_that_is_a_file_says_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "afile").touch()
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "afile"))
    for command in (("train", "--per-class", "3"), ("worker",), ("serve",), ("delete", "20260101-000000-x-000000")):
        code, lines = spoken(*command)
        assert code in (1, 2) and len(lines) == 1 and "Traceback" not in lines[0], (command, lines)


def test_nothing_of_the_working_directory_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path):
    """Modules of the user's own that are called as the standard library's and ours, where the command is typed."""
    for name in ("random.py", "queue.py", "json.py", "lwal_core.py", "torch.py"):
        (tmp_path / name).write_text("raise SystemExit('a script of my own')\n")
    monkeypatch.chdir(tmp_path)
    run = create_run(
        RunConfig.parse({"data": {"name": "digits", "per_class": 3}, "training": {"epochs": 1, "device": "cpu"}})
    )
    assert start_training(run).wait(120) == 0, run.log_tail()
    assert open_run(run.id).status == "done"
    probe = "import sys, json; from pathlib import Path; Path(sys.argv[1]).write_text(json.dumps(sys.path))"
    subprocess.run([sys.executable, "-c", probe, "path.json"], env=code_environment(), check=True)
    found = (tmp_path / "path.json").read_text()
    assert '""' not in found and str(tmp_path) not in found


def spoken(*arguments: str) -> tuple[int, list[str]]:
    """Exit code of an ``lwal`` command in a process of its own and the lines on its standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "lwal_core.cli", *arguments],
        env=code_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr.splitlines()


def damage(data: bytes, cut: float | None, flips: list[tuple[float, int]]) -> bytes:
    """Bytes with bits flipped at fractions of their length, and cut off at one."""
    changed = bytearray(data)
    for where, bit in flips:
        if changed:
            changed[min(int(where * len(changed)), len(changed) - 1)] ^= 1 << bit
    return bytes(changed[: int(cut * len(changed))] if cut is not None else changed)


FRACTION = st.floats(0, 1, allow_nan=False)


class TestDamagedFiles:
    @settings(max_examples=120)
    @given(
        name=st.sampled_from(
            ["run.json", "metrics.jsonl", "eval.safetensors", "samples.npz", "labels/epoch-0003.safetensors",
             "tested/epoch-0003.safetensors", "progress.json", "pulse.json", "annotations.json", "log.txt", "checkpoint/last.safetensors"]
        ),
        cut=st.none() | FRACTION,
        flips=st.lists(st.tuples(FRACTION, st.integers(0, 7)), max_size=4),
    )  # fmt: skip
    def test_a_reader_gets_data_or_a_sentence(self, damaged_home, name, cut, flips):
        """Every file of a run, cut short and with flipped bits: the list has the run, and reading never fails in another
        way than in words."""
        from lwal_core.training.checkpoint import load_checkpoint

        original, run_id, sound_id = damaged_home
        folder = original.parent / "runs" / run_id
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original, folder)
        path = folder / name
        path.write_bytes(damage(path.read_bytes(), cut, flips))
        listed = {run.id: run for run in list_runs(original.parent)}
        assert set(listed) == {run_id, sound_id} and listed[sound_id].problem is None
        if listed[run_id].problem is not None:
            assert listed[run_id].status == "damaged"
            return
        run = open_run(run_id, original.parent)
        run.samples(), run.progress(), run.pulse(), run.log_tail(), run.metrics()
        for read in (
            lambda: run.labels(3),
            run.evaluation,
            lambda: run.evaluation("features"),
            lambda: run.evaluation(epoch=3),
            lambda: run.vectors(3, "features"),
            run.layers,
            lambda: read_annotations(run.path),
            lambda: load_checkpoint(run.path),
        ):
            with contextlib.suppress(LwalError):  # and nothing else
                read()

    @pytest.fixture
    def damaged_home(self, make_run: Callable[..., Run], home: Path) -> tuple[Path, str, str]:
        import torch

        from lwal_core.runs.annotations import annotate_clade
        from lwal_core.training.checkpoint import save_checkpoint

        run, sound = make_run(seed=1, layers=True), make_run(seed=2)
        annotate_clade(run.path, ["class 1", "class 2"], "pair", "")
        save_checkpoint(run.path, {"model": {"weight": torch.ones(3)}}, {"epoch": 3})
        for name, content in (("progress.json", "{}"), ("pulse.json", "{}"), ("log.txt", "one\ntwo\n")):
            (run.path / name).write_text(content)
        original = home / "original"
        shutil.move(run.path, original)
        return original, run.id, sound.id

    def test_every_page_draws_with_a_damaged_run_beside(self, make_run: Callable[..., Run], home: Path):
        """Each way to be unreadable, in one home: every page opens and the list names them."""
        from streamlit.testing.v1 import AppTest

        sound = make_run(seed=1)
        make_run("onehot", seed=1)
        for number, content in enumerate([b"", b"{", b"[]", b'{"format": 99}', b"\xff\xfe\x00", b"null"]):
            folder = home / "runs" / f"damaged-{number}"
            shutil.copytree(sound.path, folder)
            (folder / "run.json").write_bytes(content)
        at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120).run()
        assert not at.exception
        shown = at.dataframe[0].value
        assert shown["Status"].str.startswith("damaged").sum() == 6
        for page in page_names():
            at.switch_page(page_path(page)).run()
            assert not at.exception, page


class TestTwoWriters:
    def test_a_record_keeps_every_change(self, make_run: Callable[..., Run]):
        """Twelve processes change one record at once: names, tags and history all get in."""
        run = make_run()
        code = (
            "import sys\nfrom lwal_core.runs import RunWriter, open_run\nfrom lwal_core.runs.record import change_record\n"
            "run = open_run(sys.argv[1])\n"
            "for i in range(15):\n"
            "    change_record(run.path, lambda r: r.model_copy(update={'tags': [*r.tags, f'{sys.argv[2]}-{i}']}))\n"
        )
        count = 4
        with ThreadPoolExecutor(count) as pool:
            commands = [[sys.executable, "-c", code, run.id, str(i)] for i in range(count)]
            for done in pool.map(lambda c: subprocess.run(c, capture_output=True, text=True, check=False), commands):
                assert done.returncode == 0, done.stderr
        assert sorted(open_run(run.id).record.tags) == sorted(f"{i}-{j}" for i in range(count) for j in range(15))

    def test_a_person_renames_what_is_being_trained(self, make_service: Callable[..., Service], home: Path):
        (run,) = hand_in(1, home, epochs=20)
        service = make_service(STAND_IN_EPOCH_SECONDS="0.1")
        service.worker("--until-idle")
        wait_until(lambda: open_run(run.id).metrics().epochs_done >= 1, 60, service.log)
        rename(open_run(run.id), "renamed\nmeanwhile")
        set_tags(open_run(run.id), ["a", "b", "a"])
        wait_until(lambda: open_run(run.id).status == "done", 60, service.log)
        assert open_run(run.id).record.name == "renamed meanwhile"
        assert open_run(run.id).record.tags == ["a", "b"]
        check_done_once(run)


def test_a_real_run_killed_and_taken_up_by_the_next_worker_has_the_same_bits(
    make_service: Callable[..., Service], home: Path, tmp_path: Path
):
    """The real loop behind the real command line: trainer and worker die, another worker ends it."""
    run, twin = submit(create_run(short(7, 60))), create_run(short(7, 60), home=tmp_path / "peace")
    service = make_service(real=True)
    worker = service.worker()
    wait_until(lambda: open_run(run.id).metrics().epochs_done >= 2, 120, service.log)
    worker.kill()
    (training,) = service.trainings()
    training.kill()
    worker.wait()
    wait_until(lambda: open_run(run.id).status == "interrupted")
    done = open_run(run.id).metrics().epochs_done
    assert service.worker("--until-idle").wait(180) == 0, service.log()
    check_done_once(run)
    reasons = [change.reason for change in open_run(run.id).record.history]
    assert any("ended without an error message" in reason for reason in reasons)
    assert any(f"after epoch {done}" in reason or f"after epoch {done + 1}" in reason for reason in reasons), reasons
    assert start_training(twin).wait(180) == 0
    same_results(open_run(twin.id, tmp_path / "peace"), open_run(run.id))
    # Only the best and the last checkpoint are kept, and the last of a run that is done can be freed.
    assert sorted(p.name for p in (run.path / "checkpoint").iterdir()) == ["last.safetensors"]
    assert sorted(p.name for p in (run.path / "model").iterdir()) == ["config.json", "model.safetensors"]
    assert [item.what for item in leftovers(home, checkpoints=True)] == ["checkpoint of a run that is done"]
    assert leftovers(home) == []
    assert collect(leftovers(home, checkpoints=True)) > 1000
    assert not (run.path / "checkpoint").exists() and open_run(run.id).evaluation()
