"""Options of every method: defaults, ranges, what applies to what, and names for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import IMPORTED_METHOD, METHODS, MethodConfig, RunConfig
from lwal_core.config.base.method import OPTIONS_OF_0_1
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
LATER_OPTIONS = {
    "memory_per_class": 4,
    "memory_warmup_steps": 7,
    "head": "cosine",
    "reading": "labels",
    "branch_weight": 0.5,
    "branch_dim": "1x",
    "branch_push_weight": 1.0,
    "branch_leave_one_out": False,
    "branch_labels": "fixed",
    "vector_dim": "12",
    "taxonomy": "cifar10",
    "contrast_temperature": 0.5,
    "projection_dim": "64",
    "max_penalty": 0.2,
    "tree_weight": 0.5,
    "proxy_margin": 0.2,
    "proxy_scale": 16.0,
}
"""Options that came after release 0.1."""
OTHER_VALUES |= LATER_OPTIONS
NO_VECTORS = "is neither 'sentence', 'etf', 'random', 'taxonomy' nor a file"
BESIDE = {("static", "vector_dim"): {"label_vectors": "etf"}, ("static", "taxonomy"): {"label_vectors": "taxonomy"}}
"""Options that an option needs."""
KNOWN = {name: method for name, method in METHODS.items() if not method.recorded}  # the other: test_external.py
NAMES = tuple(KNOWN)


def parse(**method: object) -> MethodConfig:
    data = {"name": "imported:words#0123abcd"} if method.get("name") == IMPORTED_METHOD else {}
    return RunConfig.parse({"method": method, "data": data}).method


def problem(**method: object) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(**method)
    (only,) = caught.value.problems
    return only


def test_every_method_has_a_title_and_every_option_a_method():
    assert [(name, method().name) for name, method in KNOWN.items()] == [(name, name) for name in NAMES]
    options = [option for method in KNOWN.values() for option in method.model_fields if option != "name"]
    assert sorted(set(options)) == sorted(OTHER_VALUES) == sorted([*OPTIONS_OF_0_1, *LATER_OPTIONS])
    titles = {title.partition(",")[0] for method in METHODS.values() for title in method.choices()}
    assert titles > set(_OTHER_METHODS)
    assert [name for name, method in METHODS.items() if method.is_baseline] == ["onehot"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", OTHER_VALUES)
def test_an_option_is_taken_by_its_method_and_refused_by_others(name, option):
    value, beside = OTHER_VALUES[option], BESIDE.get((name, option), {})
    if option in METHODS[name].model_fields:
        config = parse(name=name, **beside, **{option: value})
        assert getattr(config, option) == value
        assert config.label() != parse(name=name, **beside).label()
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
    assert config.label() == METHODS[name].title


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
        (
            {"name": "static", "label_vectors": "words.txt"},
            "method.label_vectors",
            NO_VECTORS,
        ),
        (
            {"name": "static", "label_vectors": ""},
            "method.label_vectors",
            NO_VECTORS,
        ),
        (
            {"name": "static", "label_vectors": "folder/.csv"},
            "method.label_vectors",
            NO_VECTORS,
        ),
        ({"name": "static", "vector_dim": 5}, "method", "vector_dim does not apply to sentence"),
        ({"name": "static", "label_vectors": "etf", "taxonomy": "cifar10"}, "method", "taxonomy does not apply"),
        ({"name": "cpcc", "taxonomy": "../own"}, "method.taxonomy", "../own"),
        ({"name": "supcon", "contrast_temperature": 0}, "method.contrast_temperature", "at least 0.01"),
        ({"name": "maxsup", "max_penalty": 0}, "method.max_penalty", "above 0"),
        ({"name": "hybrid", "head": "round"}, "method.head", "'round' is not known; use 'linear' or 'cosine'"),
        ({"name": "hybrid", "reading": "mean"}, "method.reading", "use 'product', 'head' or 'labels'"),
        ({"name": "hybrid", "branch_weight": 0}, "method.branch_weight", "above 0"),
        ({"name": "hybrid", "branch_dim": "0x"}, "method.branch_dim", "0x"),
        ({"name": "bert"}, "method.name", "'bert' is not known"),
    ],
)
def test_values_out_of_range(method, field, words):
    found, sentence = problem(**method)
    assert found == field
    assert words in sentence


@pytest.mark.parametrize(
    "path", ["v.npy", "v.csv", "/a b/v.TSV", "../v.SafeTensors", "C:\\v.npy", "sentence", "etf", "random", "taxonomy"]
)
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
        ({"name": "static", "label_vectors": "etf"}, "Static, equiangular labels"),
        ({"name": "static", "label_vectors": "random", "vector_dim": "2x"}, "Static, random labels, K=2 C"),
        (
            {"name": "static", "label_vectors": "taxonomy", "taxonomy": "own-birds"},
            "Static, taxonomy labels, own-birds",
        ),
        ({"name": "supcon", "projection_dim": 64, "contrast_temperature": 0.07}, "SupCon, temperature 0.07, K=64"),
        ({"name": "nonl", "contrast_temperature": 0.2}, "NONL, temperature 0.2"),
        ({"name": "maxsup", "max_penalty": 0.2}, "MaxSup, 0.2"),
        ({"name": "cpcc", "tree_weight": 0.5, "taxonomy": "cifar10"}, "CPCC, weight 0.5, cifar10"),
        ({"name": "hybrid", "head": "cosine", "reading": "head"}, "Hybrid, cosine head, read by head"),
        (
            {
                "name": "hybrid",
                "branch_dim": 64,
                "branch_weight": 0.5,
                "branch_push_weight": 2,
                "branch_leave_one_out": False,
            },
            "Hybrid, branch weight 0.5, K=64, push 2, own sample not left out",
        ),
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
    assert {name: parse(name=name).resolve_dim(7) for name in NAMES} == {
        "onehot": 7, "lwal": 7, "smoothing": 7, "cosine": 7, "lwr": 7, "labelemb": 7, "hybrid": 70, "static": None, "imported": None,
        "supcon": 128, "ntce": 7, "nonl": 7, "maxsup": 7, "cpcc": 7, "proxy": 128,
    }  # fmt: skip


def test_which_labels_say_nothing_about_classes():
    assert [name for name in NAMES if parse(name=name).equidistant_labels] == [
        "onehot", "smoothing", "cosine", "lwr", "ntce", "nonl", "maxsup", "cpcc",
    ]  # fmt: skip


def test_imported_vectors_and_trained_ones_do_not_mix():
    for values in ({"method": {"name": "imported"}}, {"data": {"name": "imported:words#0123abcd"}}):
        with pytest.raises(ConfigError, match="imported vectors are not trained"):
            RunConfig.parse(values)


KEYS_OF_0_1 = [
    ({}, "2073de6136d3", "fed27264ae43"),
    ({"method": {"name": "onehot"}}, "66f21a3d5ffb", "ccd5d98de596"),
    ({"method": {"dim": "10x", "push_weight": 0.0, "leave_one_out": True}}, "1b59c90a843f", "d51c34f32684"),
    ({"method": {"name": "smoothing", "smoothing": 0.2}}, "8b932ed8603a", "7d843fb8c426"),
    ({"method": {"name": "static", "label_vectors": "/data/words.csv"}}, "7720a48d7450", "52d7ad3a31f6"),
    (
        {"method": {"name": "lwr", "retrospection_epochs": 2, "temperature": 3}},
        "211089ba4eb6",
        "20f6602020a3",
    ),
    ({"method": {"name": "labelemb", "alpha": 0.8}}, "971c37c3d552", "b09095e5f019"),
    ({"data": {"name": "imported:words#0123abcd"}, "method": {"name": "imported"}}, "717a62692e6a", "fceb729c3d0d"),
    (
        {
            "method": {
                "gradient_through_update": False, "start": "random", "distance_temperature": 0.5, "decay": 0.5,
                "warmup_steps": 5, "stationary_steps": 2,
            },
            "encoder": {"name": "resnet18"},
            "training": {"epochs": 3, "device": "cpu", "seed": 5},
        },
        "494ef5bc31e8",
        "336cf6fc9369",
    ),
]  # fmt: skip
"""Configurations with their group key and workload as the code of release 0.1 printed them."""


@pytest.mark.parametrize(("values", "group", "workload"), KEYS_OF_0_1)
def test_runs_of_release_0_1_and_later_ones_are_repeats_of_each_other(values, group, workload):
    config = RunConfig.parse(values)
    assert (config.group_key(), config.workload()) == (group, workload)
    # As release 0.1 wrote it: every method's options in every record.
    as_written = config.to_dict()
    as_written["method"] = {**OPTIONS_OF_0_1, **as_written["method"]}
    old = RunConfig.parse(as_written)
    assert old == config and (old.group_key(), old.workload()) == (group, workload)


def test_a_later_option_counts_where_it_is_set(monkeypatch):
    """As if ``schedule`` had come after the first release."""
    from lwal_core.config import run

    plain = RunConfig()
    monkeypatch.setattr(run.TrainingConfig.model_fields["schedule"], "json_schema_extra", {"since": "9"})
    without = plain._told()
    for option in ("schedule", *run.WHERE_AND_SEED):
        del without["training"][option]
    assert run._key(without) == plain.group_key()
    assert RunConfig.parse({"training": {"schedule": "cosine"}}).group_key() != plain.group_key()


def test_hybrid_runs_of_before_its_control_are_repeats_of_later_ones():
    assert RunConfig.parse({"method": {"name": "hybrid"}}).group_key() == "2e81fbe3c53e"  # as it was before the option


def test_a_record_holds_the_options_of_its_own_method_alone():
    assert parse(name="smoothing").model_dump() == {"name": "smoothing", "smoothing": 0.1}
    assert RunConfig.parse({"method": {"name": "onehot"}}).to_dict()["method"] == {"name": "onehot"}


@pytest.mark.parametrize("given", ["lwal", 5, None, [], {"name": []}, {"name": None}])
def test_what_is_no_method_is_refused_in_words(given):
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse({"method": given})
    ((field, sentence),) = caught.value.problems
    assert field in ("method", "method.name") and sentence


def test_the_baseline_of_a_configuration_differs_in_the_method_alone():
    config = RunConfig.parse({"method": {"dim": "10x"}, "training": {"seed": 5}})
    assert config.as_baseline() == RunConfig.parse({"method": {"name": "onehot"}, "training": {"seed": 5}})


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_is_called_by_its_name_and_has_a_sentence(name):
    method = METHODS[name]
    choices = method.choices()
    assert next(iter(choices)) == method.title
    for title, variant in choices.items():
        if method.trainable:
            assert parse(name=name, **variant.options).label() == title
        assert variant.sentence.endswith(".") and 4 <= len(variant.sentence.split()) <= 20


@pytest.mark.parametrize(
    ("method", "spelled"),
    [
        ({"dim": "10x", "push_weight": 0, "leave_one_out": True}, "LwAL10, no push, own sample left out"),
        ({"dim": "3x"}, "LwAL (K=3 C)"),
        ({"name": "static", "label_vectors": "etf"}, "ETF labels"),
        ({"name": "hybrid", "head": "cosine", "reading": "head"}, "Hybrid, cosine head, read by head"),
    ],
)
def test_ids_are_made_from_what_options_were_called_before_they_had_names(method, spelled):
    assert parse(**method).spelled_out() == spelled
