"""A run in a cluster on the page of trainings: its job, why it waits, where it is trained."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from lwal_core.config import RunConfig
from lwal_core.jobs import submit
from lwal_core.runs import Run, create_run
from lwal_core.runs.record import Launch, change_record


def with_launch(run: Run, **values: object) -> None:
    launch = Launch(name="slurm", **values)  # type: ignore[arg-type]
    change_record(run.path, lambda record: record.model_copy(update={"launcher": launch}))


def bars(at: AppTest) -> str:
    """Texts of the bars, as they are read."""
    return written(at).replace("\\", "")


def written(at: AppTest) -> str:
    return str([bar.proto for bar in at.get("progress")])


def test_job_state_and_node_stand_beside_the_run(open_page: Callable[..., AppTest]) -> None:
    run = submit(create_run(RunConfig.parse({"data": {"name": "digits"}})))
    with_launch(run, job="7", state="PENDING", reason="Resources", limit="1:00:00")
    at = open_page("train")
    assert "SLURM job 7, pending (Resources), time limit 1:00:00" in bars(at) and "in line" not in bars(at)
    with_launch(run, job="7", state="RUNNING", node="n1", limit="1:00:00")
    assert "SLURM job 7, running on n1" in bars(at.run())
    with_launch(run, state="NOT_ACCEPTED", reason="invalid *partition*", over=True)
    assert "next in line (SLURM: invalid *partition*)" in bars(at.run())
    assert " *partition*" not in written(at)  # no Markdown
