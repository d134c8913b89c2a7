"""Titles of runs where there is little room: what all share goes first, and method, data set and seed are never cut."""

from __future__ import annotations

import pytest

from app.common.selection import all_groups, group_titles, run_choices, short_labels, shown_titles
from app.home.run_rows import LONGEST_NAME, rows_of
from lwal_core.runs import list_runs

FOLDER = "folder:/data/cifar10-images"


@pytest.fixture
def rates(make_run):
    """One-hot and the hybrid on one folder with two rates and two sizes each."""
    for rate in (0.001, 0.0003):
        for per_class in (50, 100):
            for method, options in (("onehot", {}), ("hybrid", {"head": "cosine"})):
                make_run(
                    method,
                    options=options,
                    data={"name": FOLDER, "per_class": per_class},
                    training={"epochs": 3, "seed": 12345, "learning_rate": rate},
                )
    return all_groups()


def test_what_all_share_goes_first_and_values_alone_tell_runs_apart(rates):
    full, shown = group_titles(rates), shown_titles(rates, 40)
    assert min(map(len, full.values())) > 40 >= max(map(len, shown.values()))
    assert len(set(shown.values())) == len(rates) == 8
    for group in rates:
        values = [str(group.config.data.per_class), f"{group.config.training.learning_rate:g}"]
        assert shown[group.key].startswith(group.first.method_label) and "…" not in shown[group.key]
        assert [value for value in values if value not in shown[group.key]] == []


def test_only_what_differs_between_those_that_stand_there_is_said(rates):
    same_rate = [group for group in rates if group.config.training.learning_rate == 0.001]
    assert sorted(shown_titles(same_rate, 50).values()) == [
        "Hybrid, cosine head (per class 100)",
        "Hybrid, cosine head (per class 50)",
        "One-hot on cifar10-images (per class 100)",
        "One-hot on cifar10-images (per class 50)",
    ]
    one = [group for group in same_rate if group.config.data.per_class == 50]
    assert sorted(shown_titles(one).values()) == [
        "Hybrid, cosine head on cifar10-images",
        "One-hot on cifar10-images",
    ]


def test_a_choice_of_runs_ends_with_the_seed_and_a_row_of_the_table_is_whole(rates):
    choices = run_choices(list_runs())
    assert len(set(choices.values())) == 8
    assert all(title.endswith(", seed 12345") and len(title) <= 46 and "…" not in title for title in choices.values())
    rows, _ = rows_of(rates, [], group_titles(rates))
    assert len({row["Name"] for row in rows}) == 8
    assert all(len(row["Name"]) <= LONGEST_NAME and "…" not in row["Name"] for row in rows)
    assert all(label.startswith(("One-hot", "Hybrid, cosine head (")) for label in short_labels(rates, 26).values())


def test_other_data_sets_and_methods_are_whole_however_little_room_there_is(make_run):
    make_run("onehot", data={"name": FOLDER})
    make_run("hybrid", options={"head": "cosine"}, data={"name": "folder:/data/a-much-longer-name-of-a-folder"})
    assert set(shown_titles(all_groups(), 30).values()) == {
        "One-hot on cifar10-images",
        "Hybrid, cosine head on a-much-longer-name-of-a-folder",
    }


@pytest.mark.parametrize("name", ["x" * 190, "a\nb", "<b>" * 40, "é" * 100])
def test_a_name_that_somebody_gave_is_one_line_of_a_length_that_fits(make_run, name):
    make_run(name=name)
    (title,) = shown_titles(all_groups(), 40).values()
    assert "\n" not in title and 0 < len(title) <= 80 and title[:1] == name[:1]
