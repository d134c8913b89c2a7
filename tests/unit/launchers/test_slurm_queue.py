"""Places among pending jobs against counting them one by one, and reasons in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.launchers import slurm_queue
from lwal_core.launchers.slurm_queue import positions, reason_words

JOBS = st.lists(
    st.tuples(
        st.integers(1, 60),
        st.sets(st.sampled_from(["main", "gpu", "long"]), min_size=1),
        st.integers(0, 4),
    ),
    max_size=30,
    unique_by=lambda job: job[0],
)


@given(JOBS)
def test_places_are_those_of_counting_who_is_before(jobs: list[tuple[int, set[str], int]]) -> None:
    lines = [f"{job}|{','.join(sorted(names))}|{priority}" for job, names, priority in jobs]
    found = positions(lines, [str(job) for job, _, _ in jobs])
    for job, names, priority in jobs:
        before = [
            other
            for other, theirs, importance in jobs
            if other != job and names & theirs and importance > 0
            and (importance > priority or (importance == priority and other < job))
        ]  # fmt: skip
        assert found.get(str(job), 0) == (len(before) + 1 if priority else 0)


@given(st.lists(st.text(max_size=40), max_size=10), st.lists(st.text(max_size=5), max_size=3))
def test_whatever_is_printed_is_read(lines: list[str], jobs: list[str]) -> None:
    assert set(positions(lines, jobs)) <= set(jobs)


def test_arrays_and_long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["9_[1-40%2]|main|50", "7|main|10", "8|other|90"]
    assert positions(lines, ["7", "8", "9"]) == {"7": 2, "8": 1}
    monkeypatch.setattr(slurm_queue, "MAX_JOBS", 2)
    assert positions(lines, ["7"]) == {}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Resources", "no node is free for it yet"),
        ("Priority", "jobs of higher priority are before it"),
        ("ReqNodeNotAvail, UnavailableNodes:n1", "a node that it asks for is not available"),
        ("QOSMaxJobsPerUserLimit", "its quality of service allows no more for you"),
        ("AssocGrpGRES", "its account uses as much as it may"),
        ("Nodes required for job are DOWN, DRAINED or reserved", "nodes that it needs are down, or kept for jobs of higher priority"),
        ("SomethingNew", "SomethingNew"),
        ("", ""),
    ],
)  # fmt: skip
def test_reasons_have_words(reason: str, words: str) -> None:
    assert reason_words(reason) == words
    assert not re.search(r"[A-Z]{4}", words)
