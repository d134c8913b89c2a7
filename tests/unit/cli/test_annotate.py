"""``lwal annotate``: bring, list, replace and remove columns; export what they say; one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lwal_core.runs import Run, paths
from lwal_core.runs.own_columns import read_own_columns

Lwal = Callable[..., tuple[int, str, str]]


def written(folder: Path, run: Run, name: str = "traits.csv") -> Path:
    path = folder / name
    rows = [f"{each},{i / 2},{'ab'[i % 2]}" for i, each in enumerate(run.class_names)]
    path.write_text("class,weight,kind\n" + "\n".join(rows) + "\nnobody,1,a\n")
    return path


def test_columns_are_kept_listed_exported_and_removed(lwal: Lwal, make_run: Callable[..., Run], tmp_path: Path) -> None:
    run = make_run()
    code, _, err = lwal("annotate", run.id, str(written(tmp_path, run)))
    assert code == 0 and "traits.csv: 10 classes; weight (number), kind (category)" in err
    assert "Not a class of this run and left out: 'nobody'." in err
    code, out, _ = lwal("annotate", run.id, "--json")
    assert json.loads(out) == [
        {"file": "traits.csv", "rows": "class", "column": "weight", "kind": "number", "values": 10},
        {"file": "traits.csv", "rows": "class", "column": "kind", "kind": "category", "values": 10},
    ]
    code, out, _ = lwal("annotate", run.id, "--list")
    assert code == 0 and "10 of 10" in out and "category" in out
    picture = tmp_path / "tree.svg"
    code, _, err = lwal("export", run.id, "--format", "svg", "--column", "kind", "-o", str(picture))
    assert code == 0 and ">kind:</text>" in picture.read_text()
    code, _, err = lwal("export", run.id, "--format", "svg", "--column", "height", "-o", str(picture))
    assert (
        code == 2 and err.strip() == "lwal: This run has no column 'height' of its classes. It has: 'weight', 'kind'."
    )
    code, out, _ = lwal("export", run.id, "--format", "cut", "--cut", "2", "-o", "-")
    assert code == 0 and out.splitlines()[0] == "class,group,weight,kind"
    assert lwal("annotate", run.id, "--remove", "traits.csv")[0] == 0 and read_own_columns(run.path) == ()
    assert "No columns yet" in lwal("annotate", run.id, "--list")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "There is no file to read."),
        (["gone.csv"], "cannot be read"),
        (["--remove", "x"], "This run has no columns of a file 'x'."),
    ],
)
def test_what_is_wrong_is_one_line(lwal: Lwal, make_run: Callable[..., Run], arguments: list[str], says: str) -> None:
    run = make_run()
    code, out, err = lwal("annotate", run.id, *arguments)
    assert code == 2 and out == "" and says in err and len(err.strip().splitlines()) == 1
    assert not (run.path / paths.COLUMNS).exists()


def test_nothing_is_kept_of_a_table_with_a_mistake(lwal: Lwal, make_run: Callable[..., Run], tmp_path: Path) -> None:
    run = make_run()
    path = tmp_path / "traits.csv"
    path.write_text(f"class,a\n{run.class_names[0]},1\n{run.class_names[0]},2\n")
    code, _, err = lwal("annotate", run.id, str(path))
    assert code == 2 and "'traits.csv', line 3: class" in err and not (run.path / paths.COLUMNS).exists()
