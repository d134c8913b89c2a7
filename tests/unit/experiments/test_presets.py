"""Presets against the protocol's numbers, written out by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.config import RunConfig
from lwal_core.datafiles.downloads import DOWNLOADS
from lwal_core.errors import ConfigError
from lwal_core.experiments import form_values
from lwal_core.experiments.demo import DemoData, demo_configs
from lwal_core.experiments.presets import PRESETS, get_preset, merge_options
from lwal_core.runs import list_runs

# Data set, encoder: pixels, batch, learning rate, epochs (arXiv:2209.04528, section 4).
PROTOCOL = {
    ("mnist", "resnet50"): (56, 500, 1e-4, 10),
    ("mnist", "efficientnet_b0"): (56, 500, 1e-3, 10),
    ("mnist", "densenet121"): (56, 500, 1e-4, 10),
    ("fashion_mnist", "resnet50"): (56, 500, 1e-4, 10),
    ("fashion_mnist", "efficientnet_b0"): (56, 500, 1e-3, 10),
    ("fashion_mnist", "densenet121"): (56, 500, 1e-4, 10),
    ("cifar10", "resnet50"): (32, 500, 1e-4, 10),
    ("cifar10", "efficientnet_b0"): (32, 500, 1e-3, 10),
    ("cifar10", "densenet121"): (32, 500, 1e-4, 10),
    ("cifar100", "resnet50"): (32, 5_000, 1e-4, 20),
    ("cifar100", "efficientnet_b0"): (32, 5_000, 1e-3, 20),
    ("cifar100", "densenet121"): (32, 5_000, 1e-4, 20),
    ("food101", "resnet50"): (32, 5_050, 1e-4, 20),
    ("food101", "efficientnet_b0"): (32, 5_050, 1e-3, 20),
    ("food101", "densenet121"): (32, 5_050, 1e-4, 20),
}


# Feature file, batch: 50 of each class of an average batch (text_exp.py and hierarchical_exp.py of the authors).
VECTORS = {
    "paper/imdb-bert": ("imdb-bert.npz", 100),
    "paper/yelp-bert": ("yelp-bert.npz", 100),
    "paper/awa2-resnet101": ("awa2-resnet101.npz", 1_150),
}


PICTOGRAMS = {
    "one-hot": "One-hot",
    "smoothing": "Label smoothing",
    "lwal": "LwAL",
    "lwal10": "LwAL10",
    "lwal-plus": "lwal-plus",
    "hybrid": "Hybrid",
}


def test_there_is_one_for_each_data_set_and_encoder():
    of_the_paper = {f"paper/{data}-{encoder}" for data, encoder in PROTOCOL} | {*VECTORS}
    fair = {name.replace("paper/", "paper-fair/") for name in of_the_paper}
    assert set(PRESETS) == of_the_paper | fair | {"lwal-plus"} | {f"pictograms/{name}" for name in PICTOGRAMS}


def test_the_fair_presets_differ_in_how_accuracies_are_taken_and_in_nothing_else():
    for name in (name for name in PRESETS if name.startswith("paper/")):
        theirs, ours = get_preset(name).values(), get_preset(name.replace("paper/", "paper-fair/")).values()
        assert theirs["training"].pop("evaluation") == "batch_statistics"
        assert ours["training"].pop("evaluation") == "running_means"
        assert theirs == ours


def test_lwal_plus_is_a_method_for_any_data():
    values = get_preset("lwal-plus").values()
    assert set(values) == {"method"}
    config = RunConfig.parse(merge_options(values, {"data": {"name": "shapes"}}))
    assert config.method_label() == "lwal-plus"
    assert config.data.name == "shapes" and config.training == RunConfig().training


@pytest.mark.parametrize(("data", "encoder"), PROTOCOL)
def test_a_preset_has_the_protocols_numbers(data: str, encoder: str):
    preset = get_preset(f"paper/{data}-{encoder}")
    config = RunConfig.parse({**preset.values(), "method": {"name": "lwal"}})
    training = config.training
    assert (config.data.image_size, training.batch_size, training.learning_rate, training.epochs) == PROTOCOL[
        data, encoder
    ]
    assert (config.data.name, config.data.per_class, config.data.augment) == (data, None, "none")
    assert (config.encoder.name, config.encoder.pretrained, config.encoder.flatten) == (encoder, True, True)
    assert preset.seeds == (12, 123, 1234)
    assert (training.optimizer, training.weight_decay, training.schedule) == ("adam", 0, "constant")
    assert (training.warmup_epochs, training.clip_norm, training.patience) == (0, None, None)
    method = config.method
    assert (method.push_weight, method.stationary_steps, method.warmup_steps, method.decay) == (10, 1, 0, 1)
    assert (method.dim, method.leave_one_out, method.gradient_through_update) == ("1x", False, True)
    assert training.batch_size == 50 * len(DOWNLOADS[data].train_per_class)


@pytest.mark.parametrize("name", VECTORS)
def test_a_preset_of_vectors_has_the_scripts_numbers(name: str):
    config, (file, batch) = RunConfig.parse(get_preset(name).values()), VECTORS[name]
    assert (config.data.name, config.data.per_class) == (f"features:{file}", None)
    assert (config.encoder.name, config.encoder.hidden, config.encoder.dropout) == ("dense", 768, 0.1)
    training = config.training
    assert (training.batch_size, training.learning_rate, training.epochs) == (batch, 1e-4, 10)
    assert (training.optimizer, training.weight_decay, training.schedule) == ("adam", 0, "constant")
    assert get_preset(name).seeds == (12, 123, 1234)


def test_a_preset_of_vectors_takes_the_file_beside_it_or_says_that_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "train",
        "--preset",
        "paper/imdb-bert",
        "--method",
        "lwal",
        "--push-weight",
        "0",
        "--epochs",
        "1",
        "--seed",
        "12",
        "--no-wait",
    ]
    missing = CliRunner().invoke(app, words)
    assert missing.exit_code and "no file 'imdb-bert.npz'" in str(missing.exception)
    generator = np.random.default_rng(0)
    y = np.arange(200) % 2
    x = (generator.normal(size=(200, 768)) + y[:, None]).astype(np.float32)
    np.savez(
        "imdb-bert.npz",
        x_train=x,
        y_train=y,
        x_test=x[:50],
        y_test=y[:50],
        class_names=np.array(["negative", "positive"]),
    )
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    (run,) = list_runs()
    assert run.method_label == "LwAL, no push"


@pytest.mark.parametrize(("name", "label"), PICTOGRAMS.items())
def test_those_of_the_pictograms_differ_in_the_method_alone(name: str, label: str):
    config = RunConfig.parse(get_preset(f"pictograms/{name}").values())
    training = config.training
    assert config.method_label().startswith(label)
    assert (config.data.name, config.data.augment, config.encoder.name) == ("pictograms", "crop_flip", "auto")
    assert (training.epochs, training.batch_size, training.learning_rate) == (15, 128, 3e-3)


def test_the_form_starts_with_the_same_settings():
    """The chip and the presets make runs of one group, so that they are compared."""
    chip = form_values.preset_values("Pictograms")
    form = form_values.FormValues(
        source=chip["source"], methods=tuple(chip["methods"]), seeds=chip["seeds"], data={"augment": chip["augment"]},
        training={option: chip[option] for option in ("epochs", "batch_size", "learning_rate")},
    )  # fmt: skip
    wanted = [RunConfig.parse(get_preset(f"pictograms/{name}").values()) for name in ("one-hot", "lwal-plus")]
    assert [config.group_key() for config in form_values.configurations(form)] == [c.group_key() for c in wanted]
    assert form_values.preset_values("")["learning_rate"] == RunConfig().training.learning_rate


def test_the_demo_trains_two_methods_with_three_seeds():
    configs = demo_configs(DemoData.PICTOGRAMS)
    assert [config.training.seed for config in configs] == [12, 123, 1234] * 2
    assert len({config.group_key() for config in configs}) == 2 == sum(c.is_baseline for c in configs[::3]) + 1
    assert {config.training.epochs for config in demo_configs(DemoData.PICTOGRAMS, 2)} == {2}
    on_digits = demo_configs(DemoData.DIGITS)
    assert len(on_digits) == 9 and {c.data.name for c in on_digits} == {"digits"}


def test_values_are_a_copy():
    name = next(iter(PRESETS))
    get_preset(name).values()["training"]["epochs"] = 99
    assert get_preset(name).values()["training"]["epochs"] == 10


@pytest.mark.parametrize("name", ["", "paper/", "paper/cifar10-vgg", "PAPER/cifar10-resnet50", "../x"])
def test_unknown(name: str):
    with pytest.raises(ConfigError, match="lwal presets"):
        get_preset(name)


def test_laying_over_goes_option_by_option():
    below = {"data": {"name": "digits", "per_class": 5}, "method": {"name": "lwal"}}
    above = {"data": {"per_class": None}, "training": {"epochs": 2}}
    assert merge_options(below, above) == {
        "data": {"name": "digits", "per_class": None},
        "method": {"name": "lwal"},
        "training": {"epochs": 2},
    }
    assert below["data"]["per_class"] == 5


class TestCommands:
    @pytest.fixture(autouse=True)
    def processes_that_end_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The real ones would download data sets and train for hours."""
        monkeypatch.setattr("lwal_core.jobs.processes.launch_command", lambda folder, count: [sys.executable, "-c", ""])

    def test_the_list_has_them_all(self):
        result = CliRunner().invoke(app, ["presets"])
        assert result.exit_code == 0 and all(name in result.output for name in PRESETS)

    def test_train_with_a_preset_makes_its_three_runs(self):
        arguments = [
            "train",
            "--preset",
            "paper/cifar100-efficientnet_b0",
            "--method",
            "lwal",
            "--dim",
            "10x",
            "--no-wait",
        ]
        result = CliRunner().invoke(app, [*arguments, "--epochs", "3"])
        assert result.exit_code == 0, result.output
        runs = list_runs()
        assert sorted(run.seed for run in runs) == [12, 123, 1234] and len({run.group for run in runs}) == 1
        assert {(run.data, run.encoder, run.method_label, run.epochs) for run in runs} == {
            ("cifar100", "efficientnet_b0", "LwAL10", 3)
        }

    def test_lwal_plus_goes_with_any_data(self):
        result = CliRunner().invoke(app, ["train", "--preset", "lwal-plus", "--dataset", "digits", "--no-wait"])
        assert result.exit_code == 0, result.output
        runs = list_runs()
        assert sorted(run.seed for run in runs) == [12, 123, 1234]
        assert {(run.data, run.method_label) for run in runs} == {("digits", "lwal-plus")}

    @pytest.mark.parametrize("seed", [["--seed", "7"], ["--set", "training.seed=7"]])
    def test_a_seed_that_is_given_counts(self, seed: list[str]):
        result = CliRunner().invoke(app, ["train", "--preset", "paper/mnist-resnet50", "--no-wait", *seed])
        assert result.exit_code == 0 and [run.seed for run in list_runs()] == [7]

    def test_unknown_preset(self):
        result = CliRunner().invoke(app, ["train", "--preset", "paper/nothing"])
        assert isinstance(result.exception, ConfigError) and list_runs() == []
