"""Configurations: every problem at once, in words; equal settings have equal keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import RunConfig, differences
from lwal_core.errors import ConfigError


def problems(values: dict) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse(values)
    return dict(caught.value.problems)


def test_all_problems_are_reported_at_once():
    found = problems(
        {
            "data": {"name": "imagenet", "image_size": 4},
            "method": {"name": "lwal", "dim": "ten", "decay": 0},
            "training": {"epochs": 0, "learning_rate": "fast", "sede": 3},
            "extra": {},
        }
    )
    assert set(found) == {
        "data.name", "data.image_size", "method.dim", "method.decay", "training.epochs", "training.learning_rate",
        "training.sede", "extra",
    }  # fmt: skip
    assert "'imagenet' is no data set" in found["data.name"]
    assert found["data.image_size"] == "4 is out of range; it must be at least 8"
    assert found["method.decay"] == "0 is out of range; it must be above 0.0"
    assert found["training.sede"] == "unknown option 'sede'"


@pytest.mark.parametrize("name", ["folder:", "features:  "])
def test_a_source_without_a_path_is_refused(name):
    assert "names no path" in problems({"data": {"name": name}})["data.name"]


def test_options_of_lwal_do_not_apply_to_onehot():
    assert (
        "dim, push_weight do not apply to onehot"
        in problems({"method": {"name": "onehot", "dim": "10x", "push_weight": 1}})["method"]
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_numbers_that_are_no_step_size(number):
    assert "training.learning_rate" in problems({"training": {"learning_rate": number}})


@pytest.mark.parametrize(
    ("dim", "classes", "expected"), [("1x", 10, 10), ("10x", 7, 70), ("16", 10, 16), (16, 100, 16), ("3", 10, 3)]
)
def test_label_dimension(dim, classes, expected):
    assert RunConfig.parse({"method": {"dim": dim}}).method.resolve_dim(classes) == expected


def test_a_label_dimension_too_large_is_refused():
    with pytest.raises(ConfigError, match="K = 10,000,000"):
        RunConfig.parse({"method": {"dim": "10000x"}}).method.resolve_dim(1_000)


def test_group_key_ignores_seed_and_device_only():
    base = RunConfig()
    assert base.with_seed(99).group_key() == base.group_key()
    assert RunConfig.parse({"training": {"device": "cpu"}}).group_key() == base.group_key()
    for change in (
        {"training": {"epochs": 3}},
        {"method": {"push_weight": 1}},
        {"data": {"name": "shapes"}},
        {"encoder": {"width": 8}},
    ):
        assert RunConfig.parse(change).group_key() != base.group_key()


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ({"name": "onehot"}, "One-hot"),
        ({}, "LwAL"),
        ({"dim": "10x"}, "LwAL10"),
        ({"dim": "16"}, "LwAL, K=16"),
        ({"dim": "3x"}, "LwAL, K=3 C"),
        ({"dim": "10x", "push_weight": 0, "leave_one_out": True}, "lwal-plus"),
        ({"dim": "10x", "push_weight": 0.5, "leave_one_out": True}, "lwal-plus, push 0.5"),
        ({"dim": "10x", "push_weight": 0, "leave_one_out": True, "decay": 0.1}, "lwal-plus, decay 0.1"),
        ({"dim": "64", "push_weight": 0, "leave_one_out": True}, "lwal-plus, K=64"),
        ({"push_weight": 0, "leave_one_out": True}, "lwal-plus, K=C"),
        ({"dim": "10x", "push_weight": 0}, "LwAL10, no push"),
        ({"dim": "10x", "leave_one_out": True}, "LwAL10, own sample left out"),
        (
            {"push_weight": 0, "warmup_steps": 5, "stationary_steps": 2, "decay": 0.5},
            "LwAL, no push, every 2 steps, warm-up 5, decay 0.5",
        ),
    ],
)
def test_method_labels(method, label):
    assert RunConfig.parse({"method": method}).method_label() == label


def test_round_trip():
    config = RunConfig.parse({"data": {"name": "folder:/x/y"}, "method": {"dim": "10x"}, "training": {"seed": 5}})
    assert RunConfig.parse(config.to_dict()) == config
    assert config.data.title == "y"


def test_what_nobody_watches_makes_no_other_group():
    """Runs of release 0.1 say test_accuracy_mean, which without patience decides nothing."""
    old, new = (RunConfig.parse({"training": {"watch": watch}}) for watch in ("test_accuracy_mean", "test_accuracy"))
    assert old.group_key() == new.group_key() and differences([old, new]) == {}
    old, new = (RunConfig.parse({"training": {"patience": 3, "watch": c.training.watch}}) for c in (old, new))
    assert old.group_key() != new.group_key() and list(differences([old, new])) == ["training.watch"]


def test_differences_name_what_is_not_equal():
    a, b = RunConfig(), RunConfig.parse({"method": {"name": "onehot"}, "training": {"seed": 3, "epochs": 20}})
    assert differences([a, b]) == {"method.name": ["lwal", "onehot"], "training.epochs": [10, 20]}
    assert differences([]) == {}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda c: (
            st.lists(c, max_size=3)
            | st.dictionaries(st.sampled_from(["data", "method", "training", "name", "dim", "epochs"]), c, max_size=4)
        ),
    )
)
def test_any_value_is_accepted_or_refused_in_words(values):
    try:
        RunConfig.parse(values)
    except ConfigError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(sentence for _, sentence in problems)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"encoder": {"name": "frozen:resnet18"}, "data": {"augment": "crop_flip"}}, "sees each image once"),
        ({"encoder": {"name": "resnet18"}, "data": {"name": "features:/a.npz"}}, "takes images"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(values, said):
    with pytest.raises(ConfigError, match=said):
        RunConfig.parse(values)
