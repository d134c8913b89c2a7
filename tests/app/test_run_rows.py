"""Rows of Home's table: options as columns, the column that leads, damaged folders and runs that are gone."""

from __future__ import annotations

import shutil

from app.common.selection import all_groups, group_titles
from app.home.run_rows import option_names, rows_of
from lwal_core.runs import list_runs


def test_options_in_which_the_chosen_differ_come_first(make_run):
    make_run(epochs=3)
    make_run(epochs=4)
    names = option_names(all_groups())
    assert names[0] == "training.epochs" and "encoder.name" in names and "training.seed" not in names
    assert set(option_names([])) == set(names) and len(names) == len(set(names))


def test_a_run_that_is_gone_has_its_row_without_options(make_run):
    run = make_run()
    groups = all_groups()
    shutil.rmtree(run.path)
    rows, keys = rows_of(
        groups, [], group_titles(groups), columns=["training.batch_size"], group_by="training.batch_size"
    )
    assert keys == [run.group] and rows[0]["training.batch_size"] in ("", "64")


def test_damaged_folders_stay_whatever_leads(make_run):
    make_run()
    broken = make_run("onehot")
    (broken.path / "run.json").write_text("{")
    groups = all_groups()
    damaged = [run for run in list_runs() if run.problem]
    rows, keys = rows_of(groups, damaged, group_titles(groups), group_by="Method")
    assert [row["Method"] for row in rows] == ["", "LwAL"] and keys[0] == ""
    assert next(iter(rows[0])) == "Method" and rows_of(groups, damaged, group_titles(groups), search="damaged")[1] == [
        ""
    ]


def test_every_word_of_a_search_counts(make_run):
    make_run(name="my birds")
    make_run("onehot", name="my fish")
    groups = all_groups()
    titles = group_titles(groups)
    assert [len(rows_of(groups, [], titles, search=words)[0]) for words in ("my", "MY birds", "birds fish", "")] == [
        2,
        1,
        0,
        2,
    ]
