"""``lwal cut``: groups printed, kept, listed and forgotten; exported by name; one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lwal_core.results.cuts import groups_of
from lwal_core.runs import Run, read_cuts

Lwal = Callable[..., tuple[int, str, str]]


def test_groups_are_printed_kept_listed_exported_and_forgotten(lwal: Lwal, make_run: Callable[..., Run]) -> None:
    run = make_run(classes=6)
    code, out, _ = lwal("cut", run.id, "size=2", "--json")
    assert code == 0
    assert [tuple(each["classes"]) for each in json.loads(out)] == [
        classes for _, classes in groups_of(run, "size=2").classes(run.class_names)
    ]
    code, out, err = lwal("cut", run.id, "3", "--keep", "coarse")
    assert code == 0 and "kept 3 groups" in err and len(out.strip().splitlines()) == 4
    kept = read_cuts(run.path)["coarse"]
    assert [group.name for group in kept.groups] == list(groups_of(run, "groups=3").names)
    assert "coarse" in lwal("cut", run.id)[1]
    code, out, _ = lwal("export", run.id, "--format", "groups", "--cut", "coarse")
    assert code == 0
    assert [set(group["classes"]) for group in json.loads(out)["groups"]] == [set(g.classes) for g in kept.groups]
    assert lwal("cut", run.id, "--forget", "coarse")[0] == 0
    assert "No cut is kept" in lwal("cut", run.id)[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["birds"], "has no cut 'birds'"),
        (["99"], "cannot be cut into k=99"),
        (["size=0"], "at most 0 classes"),
        (["3", "--keep", "a:b"], "no name of a cut"),
        (["--keep", "x"], "nothing to keep"),
        (["--forget", "x"], "No cut 'x'"),
        (["3", "--forget", "x"], "goes alone"),
        (["3", "--epoch", "99"], "99"),
    ],
)
def test_what_is_wrong_takes_one_line(
    lwal: Lwal, make_run: Callable[..., Run], arguments: list[str], says: str
) -> None:
    run = make_run(classes=6)
    code, out, err = lwal("cut", run.id, *arguments)
    assert code == 2 and says in err and len(err.strip().splitlines()) == 1 and not out
