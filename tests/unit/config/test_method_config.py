"""Options of every method: defaults, ranges, what applies to what, and names for people."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import METHOD_TITLES, MethodConfig, RunConfig
from lwal_core.config.method import IMPORTED_METHOD, METHOD_OPTIONS
from lwal_core.errors import ConfigError
from lwal_core.figures.palette import _OTHER_METHODS

OTHER_VALUES = {
    "dim": "10x",
    "push_weight": 1.0,
    "stationary_steps": 2,
    "warmup_steps": 5,
    "decay": 0.5,
    "leave_one_out": True,
    "gradient_through_update": False,
    "distance_temperature": 0.5,
    "start": "random",
    "smoothing": 0.2,
    "label_vectors": "/data/word vectors.csv",
    "retrospection_epochs": 2,
    "temperature": 3.0,
    "alpha": 0.8,
    "beta": 0.25,
    "tau": 4.0,
}
NAMES = get_args(MethodConfig.model_fields["name"].annotation)


def parse(**method: object) -> MethodConfig:
    data = {"name": "imported:words#0123abcd"} if method.get("name") == IMPORTED_METHOD else {}
    return RunConfig.parse({"method": method, "data": data}).method


def problem(**method: object) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(**method)
    (only,) = caught.value.problems
    return only


def test_every_method_has_a_title_and_every_option_a_method():
    assert set(NAMES) == set(METHOD_OPTIONS) == {*METHOD_TITLES, IMPORTED_METHOD}
    options = [option for of_method in METHOD_OPTIONS.values() for option in of_method]
    assert sorted(options) == sorted(set(MethodConfig.model_fields) - {"name"}) == sorted(OTHER_VALUES)
    assert set(_OTHER_METHODS) < set(METHOD_TITLES.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", OTHER_VALUES)
def test_an_option_is_taken_by_its_method_and_refused_by_others(name, option):
    value = OTHER_VALUES[option]
    if option in METHOD_OPTIONS[name]:
        config = parse(name=name, **{option: value})
        assert getattr(config, option) == value
        assert config.label() != parse(name=name).label()
        assert RunConfig.parse({"method": config.model_dump(mode="json")}).method == config
    else:
        assert problem(name=name, **{option: value}) == (
            "method",
            f"{option} does not apply to {name}; leave it out",
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_default_may_be_written_out(name):
    config = parse(name=name)
    assert parse(**config.model_dump(mode="json")) == config
    assert config.label() == METHOD_TITLES.get(name, "Imported labels")


def test_several_options_that_do_not_apply_are_named_together():
    assert problem(name="static", alpha=0.8, dim="10x")[1] == "dim, alpha do not apply to static; leave it out"


@pytest.mark.parametrize(
    ("method", "field", "words"),
    [
        ({"name": "smoothing", "smoothing": 0}, "method.smoothing", "must be above 0"),
        ({"name": "smoothing", "smoothing": 1}, "method.smoothing", "must be below 1"),
        ({"name": "smoothing", "smoothing": float("nan")}, "method.smoothing", "nan is out of range"),
        ({"name": "lwr", "retrospection_epochs": 0}, "method.retrospection_epochs", "at least 1"),
        ({"name": "lwr", "temperature": 0}, "method.temperature", "above 0"),
        ({"name": "labelemb", "alpha": 0}, "method.alpha", "above 0"),
        ({"name": "labelemb", "beta": 1.5}, "method.beta", "at most 1"),
        ({"name": "labelemb", "tau": -1}, "method.tau", "above 0"),
        ({"name": "lwal", "distance_temperature": 0}, "method.distance_temperature", "above 0"),
        (
            {"name": "lwal", "start": "zeros"},
            "method.start",
            "'zeros' is not known; use 'identity', 'random' or 'centroids'",
        ),
        ({"name": "static", "label_vectors": "words.txt"}, "method.label_vectors", "is neither 'sentence' nor a file"),
        ({"name": "static", "label_vectors": ""}, "method.label_vectors", "is neither 'sentence' nor a file"),
        (
            {"name": "static", "label_vectors": "folder/.csv"},
            "method.label_vectors",
            "is neither 'sentence' nor a file",
        ),
        ({"name": "bert"}, "method.name", "'bert' is not known"),
    ],
)
def test_values_out_of_range(method, field, words):
    found, sentence = problem(**method)
    assert found == field
    assert words in sentence


@pytest.mark.parametrize("path", ["v.npy", "v.csv", "/a b/v.TSV", "../v.SafeTensors", "C:\\v.npy", "sentence"])
def test_sources_of_vectors(path):
    assert parse(name="static", label_vectors=path).label_vectors == path


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ({"name": "smoothing", "smoothing": 0.2}, "Label smoothing, 0.2"),
        ({"name": "static", "label_vectors": "/data/glove 50d.csv"}, "Static labels, glove 50d"),
        ({"name": "static", "label_vectors": "/x/<b>*a*.npy"}, "Static labels, _b_a_"),
        ({"name": "lwr", "retrospection_epochs": 2, "temperature": 3}, "Retrospection, every 2 epochs, temperature 3"),
        ({"name": "lwr", "retrospection_epochs": 1}, "Retrospection, every epoch"),
        (
            {"name": "labelemb", "alpha": 0.8, "beta": 0.25, "tau": 4},
            "Label embedding network, alpha 0.8, beta 0.25, tau 4",
        ),
        (
            {"dim": "10x", "gradient_through_update": False, "distance_temperature": 0.5, "start": "random"},
            "LwAL10, no gradient through labels, distance temperature 0.5, random start",
        ),
        ({"dim": "10x", "start": "centroids"}, "LwAL10, centroids start"),
    ],
)
def test_labels(method, label):
    assert parse(**method).label() == label


@given(st.text(max_size=60))
def test_a_file_name_becomes_a_short_plain_label(stem):
    try:
        config = parse(name="static", label_vectors=f"{stem}.csv")
    except ConfigError:
        return
    label = config.label()
    assert len(label) <= 60
    assert not set(label) & set("<>&*`$[]\n|")


def test_label_dimension():
    assert [parse(name=name).resolve_dim(7) for name in NAMES] == [7, 7, None, 7, 7, 7, None]


def test_which_labels_say_nothing_about_classes():
    assert [name for name in NAMES if parse(name=name).equidistant_labels] == ["onehot", "smoothing", "lwr"]


def test_imported_vectors_and_trained_ones_do_not_mix():
    for values in ({"method": {"name": "imported"}}, {"data": {"name": "imported:words#0123abcd"}}):
        with pytest.raises(ConfigError, match="imported vectors are not trained"):
            RunConfig.parse(values)
