"""Sweep files: what they make, what they refuse and in which words, and the command."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.config import RunConfig
from lwal_core.errors import ConfigError
from lwal_core.experiments.sweeps import MAX_FILE_BYTES, MAX_MEMBERS, Sweep, absolute_paths, parse_sweep, read_sweep
from lwal_core.jobs.devices import Devices
from lwal_core.runs import Run, RunWriter, create_run, list_runs, open_run

TWO_BY_TWO = """
name: small
base: {data: {name: digits, per_class: 20}, training: {epochs: 2}}
grid:
  method: [{name: onehot}, {name: lwal, dim: 10x}]
  training.seed: [1, 2]
"""


def problems(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as refused:
        parse_sweep(text)
    return str(refused.value)


class TestMembers:
    def test_every_combination_in_the_files_order(self):
        sweep = parse_sweep(TWO_BY_TWO)
        found = [(m.config.method_label(), m.config.training.seed) for m in sweep.members]
        assert found == [("One-hot", 1), ("One-hot", 2), ("LwAL10", 1), ("LwAL10", 2)]
        assert sweep.members[3].title == "method=lwal dim=10x, training.seed=2" and sweep.tag == "sweep:small"
        assert {(m.config.data.per_class, m.config.training.epochs) for m in sweep.members} == {(20, 2)}

    def test_the_same_as_nested_loops(self):
        rates, pushes, seeds = [0.1, 0.01, 0.001], [0.0, 1.0], [3, 4]
        text = yaml.safe_dump(
            {
                "name": "x",
                "grid": {"training.learning_rate": rates, "method.push_weight": pushes, "training.seed": seeds},
            },
            sort_keys=False,
        )
        expected = [
            RunConfig.parse({"training": {"learning_rate": a, "seed": c}, "method": {"push_weight": b}})
            for a, b, c in itertools.product(rates, pushes, seeds)
        ]
        assert [m.config for m in parse_sweep(text).members] == expected

    def test_an_option_goes_over_a_part_wherever_it_stands(self):
        text = "name: x\ngrid:\n  method.push_weight: [2, 3]\n  method: [{name: lwal, push_weight: 7, dim: 10x}]"
        assert [(m.config.method.push_weight, m.config.method.dim) for m in parse_sweep(text).members] == [
            (2, "10x"),
            (3, "10x"),
        ]

    def test_parts_that_are_varied_together(self):
        text = """
            name: x
            base: {training: {epochs: 3}}
            grid:
              together:
                - {method: onehot, training: {learning_rate: 0.001}}
                - {method: {name: lwal, dim: 10x}, training: {learning_rate: 0.01}, data: {per_class: 20}}
              training.seed: [1, 2]
        """
        members = parse_sweep(text).members
        assert [
            (m.config.method.name, m.config.training.learning_rate, m.config.data.per_class, m.config.training.seed)
            for m in members
        ] == [("onehot", 0.001, None, 1), ("onehot", 0.001, None, 2), ("lwal", 0.01, 20, 1), ("lwal", 0.01, 20, 2)]
        assert {m.config.training.epochs for m in members} == {3}
        assert (
            members[2].title == "method=lwal dim=10x, training=learning_rate=0.01, data=per_class=20, training.seed=1"
        )

    def test_a_part_goes_over_the_base_option_by_option(self):
        text = "name: x\nbase: {data: {per_class: 30, split_seed: 4}}\ngrid: {data: [digits, {per_class: 40}]}"
        assert [
            (m.config.data.name, m.config.data.per_class, m.config.data.split_seed) for m in parse_sweep(text).members
        ] == [
            ("digits", 30, 4),
            ("digits", 40, 4),
        ]

    def test_a_preset_brings_its_settings_and_seeds(self):
        text = "name: x\nbase: {preset: paper/cifar100-efficientnet_b0, training: {epochs: 3}}\ngrid: {method: [onehot, lwal]}"
        configs = [m.config for m in parse_sweep(text).members]
        assert [(c.method.name, c.training.seed) for c in configs] == [
            (method, seed) for method in ("onehot", "lwal") for seed in (12, 123, 1234)
        ]
        assert {(c.training.epochs, c.training.batch_size, c.training.learning_rate) for c in configs} == {
            (3, 5000, 1e-3)
        }

    @pytest.mark.parametrize(
        ("rest", "seeds"),
        [
            ("base: {preset: paper/mnist-resnet50, training: {seed: 5}}\ngrid: {method: [onehot]}", [5]),
            ("base: {preset: paper/mnist-resnet50}\ngrid: {training.seed: [6, 7]}", [6, 7]),
            ("base: {preset: paper/mnist-resnet50}\ngrid: {training: [{seed: 8}]}", [8]),
            ("base: {preset: paper/mnist-resnet50}\ngrid: {together: [{training: {seed: 9}, method: onehot}]}", [9]),
        ],
    )
    def test_seeds_of_the_file_count_before_the_presets(self, rest: str, seeds: list[int]):
        assert [m.config.training.seed for m in parse_sweep("name: x\n" + rest).members] == seeds

    def test_numbers_as_people_write_them(self):
        text = "name: x\ngrid: {training.learning_rate: [1e-3, 1e-4, 1.0e-5, 2]}"  # YAML 1.1 reads 1e-3 as a text
        assert [m.config.training.learning_rate for m in parse_sweep(text).members] == [1e-3, 1e-4, 1e-5, 2]

    def test_paths_are_relative_to_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        here = tmp_path / "experiments"
        here.mkdir()
        (here / "vectors.csv").write_text("")
        monkeypatch.chdir(tmp_path)
        (here / "a.yaml").write_text(
            "name: x\nbase: {method: {name: static, label_vectors: vectors.csv}}\ngrid: {training.seed: [1]}"
        )
        (member,) = read_sweep(Path("experiments/a.yaml")).members
        assert member.config.method.label_vectors == str(here / "vectors.csv")


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "holds no sweep"),
            ("[1, 2]", "holds no sweep"),
            ("just words", "holds no sweep"),
            ("name: x", "grid: nothing is no mapping"),
            ("name: x\ngrid: {}", "grid: {} is no mapping"),
            ("name: x\ngrid: [1]", "grid: [1] is no mapping"),
            ("name: x\ngrid: {training.seed: 1}", "grid.training.seed: 1 is no list"),
            ("name: x\ngrid: {training.seed: []}", "grid.training.seed: [] is no list"),
            ("name: x\ngrid: {seed: [1]}", "unknown key 'seed'"),
            ("name: x\ngrid: {training.: [1]}", "unknown key 'training.'"),
            ("name: x\ngrid: {1: [1]}", "unknown key 1"),
            ("name: x\ngrid: {training: [5]}", "grid.training: 5 is no mapping of options"),
            ("name: x\ngrid: {method: [{1: 2}]}", "is no mapping of options"),
            ("name: x\ngrid: {together: []}", "grid.together: [] is no list"),
            ("name: x\ngrid: {together: [5]}", "grid.together: 5 is no mapping of parts"),
            ("name: x\ngrid: {together: [{}]}", "grid.together: {} is no mapping of parts"),
            ("name: x\ngrid: {together: [{seed: 1}]}", "grid.together: 'seed' of {'seed': 1} is no mapping of parts"),
            ("name: x\ngrid: {together: [{training: 5}]}", "grid.together: 'training' of"),
            ("name: x\ngrid: {together.x: [1]}", "unknown key 'together.x'"),
            ("grid: {training.seed: [1]}", "name: nothing is not allowed"),
            ("name: 5\ngrid: {training.seed: [1]}", "name: 5 is not allowed"),
            ("name: a b\ngrid: {training.seed: [1]}", "name: 'a b' is not allowed"),
            ("name: ../x\ngrid: {training.seed: [1]}", "is not allowed"),
            ("name: x\nbase: 5\ngrid: {training.seed: [1]}", "base: 5 is no mapping"),
            ("name: x\nbase: {preset: [1]}\ngrid: {training.seed: [1]}", "base.preset: "),
            ("name: x\nbase: {preset: paper/x}\ngrid: {training.seed: [1]}", "lwal presets"),
            ("name: x\nbase: {epochs: 3}\ngrid: {training.seed: [1]}", "unknown key 'epochs'"),
            ("name: x\nseeds: [1]\ngrid: {training.seed: [1]}", "unknown key 'seeds'"),
            ("name: x\nname: y\ngrid: {training.seed: [1]}", "'name' stands there twice"),
            ("name: x\ngrid: {training.seed: [2024-13-45]}", "no YAML that can be read"),
            ("name: x\ngrid: {training.seed: [2024-01-05]}", "member 1"),
            ("name: x\ngrid: {training.learning_rate: [.nan]}", "member 1"),
            ("name: x\ngrid: {training.seed: [!!python/object/apply:os.getcwd []]}", "no YAML that can be read"),
            ("name: x\ngrid: {data: [{name: 'folder:/nowhere/at/all'}]}", "/nowhere/at/all"),
            ("name: x\ngrid: {data: [{name: digits, per_class: 100000}]}", "per_class"),
            ("name: x\ngrid: {method.dim: [60000x]}", "K = 600,000 for 10 classes"),
            (b"\xff\xfe\x00", "no YAML that can be read"),
            ("name: \x00", "no YAML that can be read"),
        ],
    )
    def test_one_sentence_that_says_what_is_wrong(self, text: str | bytes, said: str):
        assert said in problems(text)

    def test_all_problems_of_all_members_at_once_and_each_once(self):
        text = """
        name: x
        base: {training: {epochs: 0}}
        grid:
          method: [{name: onehot, push_weight: 3}, {name: lwal}]
          training.batch_size: [1, 64]
        """
        said = problems(text)
        assert (
            "member 1 (method=onehot push_weight=3, training.batch_size=1) and 3 more: training.epochs: 0 is out of"
            in said
        )
        assert (
            "member 1 (method=onehot push_weight=3, training.batch_size=1) and 1 more: training.batch_size: 1 is"
            in said
        )
        assert said.count("push_weight does not apply to onehot") == 1
        assert list_runs() == []

    def test_the_same_run_twice(self):
        said = problems("name: x\ngrid: {method: [{name: lwal}, {name: lwal, dim: 1x}]}")
        assert "member 2 (method=lwal dim=1x)" in said and "the same run as member 1 (method=lwal)" in said
        # Where a run trains does not make it another one.
        assert "the same run as" in problems("name: x\ngrid: {training.device: [cpu, auto]}")

    def test_too_many_members_are_counted_and_not_made(self):
        axis = "[" + ", ".join(map(str, range(1, 101))) + "]"
        text = f"name: x\ngrid: {{training.seed: {axis}, training.epochs: {axis}, training.batch_size: {axis}}}"
        started = time.monotonic()
        assert f"makes 1,000,000 members; at most {MAX_MEMBERS:,}" in problems(text)
        assert time.monotonic() - started < 5

    def test_exactly_as_many_as_allowed(self):
        seeds = ", ".join(map(str, range(MAX_MEMBERS)))
        assert len(parse_sweep(f"name: x\ngrid: {{training.seed: [{seeds}]}}").members) == MAX_MEMBERS
        assert "1,001 members" in problems(f"name: x\ngrid: {{training.seed: [{seeds}, 5000]}}")

    @pytest.mark.parametrize(
        "text",
        [
            "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nname: [*c,*c]",  # in the large: billion laughs
            "name: &n [*n]",
            "x: &x {a: 1}\nname: {<<: *x}",
        ],
    )
    def test_aliases(self, text: str):
        assert "aliases (*name) are not read" in problems(text)

    @pytest.mark.parametrize("text", ["[" * 30_000, "{a: " * 15_000, "- " * 30_000, "? " * 30_000], ids=lambda t: t[:4])
    def test_deep_nesting(self, text: str):
        assert problems(text)

    def test_numbers_beyond_all_bounds(self):
        assert problems("name: x\ngrid: {training.epochs: [" + "9" * 20_000 + "]}")
        assert "out of range" in problems("name: x\ngrid: {training.epochs: [" + "9" * 100 + "]}")

    def test_a_huge_file_is_not_read(self, tmp_path: Path):
        path = tmp_path / "huge.yaml"
        path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
        with pytest.raises(ConfigError, match="larger than 64 KiB"):
            read_sweep(path)
        path.write_text(TWO_BY_TWO + "#" * (MAX_FILE_BYTES - len(TWO_BY_TWO)))
        assert len(read_sweep(path).members) == 4

    def test_a_sentence_does_not_repeat_the_file(self):
        long = "x" * 50_000
        assert len(problems(f"name: x\ngrid: {{method: [{{name: {long}}}], training.device: [{long}]}}")) < 5_000

    @pytest.mark.parametrize("path", ["missing.yaml", "."])
    def test_files_that_cannot_be_read(self, path: str, tmp_path: Path):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_sweep(tmp_path / path)


def read(content: str | bytes) -> None:
    """Either a sweep, or a refusal in few words; nothing else."""
    refusal, sweep = None, None
    try:
        sweep = parse_sweep(content)
    except ConfigError as error:
        refusal = error
    if refusal is not None:
        assert refusal.problems and len(str(refusal)) < 50_000
    else:
        assert isinstance(sweep, Sweep) and 1 <= len(sweep.members) <= MAX_MEMBERS


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_any_text_is_read_or_refused(content: str | bytes):
    read(content)


_pieces = st.sampled_from(
    [*"[]{}:,-?&*!|>%@`#'\" \n\t", "name", "grid", "base", "training", ".seed", "1e3", "!!int", "!!set", "!!binary"]
)


@settings(max_examples=150)
@given(st.lists(_pieces, max_size=60))
def test_any_punctuation_is_read_or_refused(pieces: list[str]):
    read("".join(pieces))


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(),
    st.sampled_from(["lwal", "onehot", "digits", "1x", "folder:", "folder:\x00", "features:~nobody/x.npz", "cuda"]),
)  # fmt: skip
_options = st.dictionaries(
    st.sampled_from(["name", "dim", "seed", "epochs", "per_class", "label_vectors", "x", 3]), _scalars, max_size=3
)
_values = st.one_of(_scalars, _options, st.lists(_scalars, max_size=2))
_keys = st.sampled_from(
    [
        "data",
        "encoder",
        "method",
        "training",
        "together",
        "preset",
        "training.seed",
        "method.dim",
        "data.name",
        "",
        "x.y",
        7,
    ]
)
_parts = st.dictionaries(_keys, _values, max_size=2)


@settings(max_examples=300)
@given(
    st.one_of(st.just("x"), _scalars),
    st.one_of(_values, st.dictionaries(_keys, _values, max_size=3)),
    st.one_of(
        _values,
        st.dictionaries(_keys, st.one_of(_values, st.lists(st.one_of(_values, _parts), max_size=3)), max_size=3),
    ),
)
def test_any_document_of_the_right_shape_is_read_or_refused(name: object, base: object, grid: object):
    read(yaml.safe_dump({"name": name, "base": base, "grid": grid}))


def test_paths_become_absolute_and_nothing_else_changes(tmp_path: Path):
    given_values = {
        "data": {"name": "features:a/../b.npz", "per_class": 3},
        "method": {"name": "static", "label_vectors": "sentence"},
    }
    made = absolute_paths(given_values, tmp_path)
    assert made == {
        "data": {"name": f"features:{tmp_path}/b.npz", "per_class": 3},
        "method": {"name": "static", "label_vectors": "sentence"},
    }
    assert given_values["data"]["name"] == "features:a/../b.npz"
    assert absolute_paths({"data": {"name": "folder: "}}, tmp_path) == {"data": {"name": "folder: "}}
    assert absolute_paths({"data": {"name": "digits"}, "method": {"label_vectors": "/x.npy"}}, tmp_path) == {
        "data": {"name": "digits"},
        "method": {"label_vectors": "/x.npy"},
    }


@pytest.mark.parametrize("module", ["experiments.sweeps", "experiments.presets", "experiments.comparison", "cli.main"])
def test_without_torch(module: str):
    code = f"import sys, lwal_core.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "small.yaml"
        path.write_text(TWO_BY_TWO)
        return path

    def member(self, number: int, status: str = "done") -> Run:
        """A run with the configuration of a member, as if it had been trained outside the sweep."""
        run = create_run(parse_sweep(TWO_BY_TWO).members[number].config)
        if status != "queued":
            RunWriter(run.path).move_to(status)  # type: ignore[arg-type]
        return run

    def test_dry_run_lists_and_makes_nothing(self, file: Path):
        result = CliRunner().invoke(app, ["sweep", str(file), "--dry-run"])
        assert result.exit_code == 0 and list_runs() == []
        assert result.output.count("to train") == 4 and "method=lwal dim=10x, training.seed=2" in result.output

    def test_members_trained_already_are_skipped_and_tagged(self, file: Path, make_run: Callable[..., Run]):
        made = [self.member(number) for number in range(4)]
        other = make_run(seed=1)
        for _ in range(2):
            result = CliRunner().invoke(app, ["sweep", str(file)])
            assert result.exit_code == 0 and "4 runs, 4 trained already" in result.output
        assert [open_run(run.id).record.tags for run in made] == [["sweep:small"]] * 4
        assert open_run(other.id).record.tags == [] and len(list_runs()) == 5

    @pytest.mark.process
    def test_what_stopped_early_is_trained_again_and_what_is_trained_now_is_not(self):
        self.member(0, "failed")
        self.member(1, "cancelled")
        done = self.member(2)
        self.member(2, "failed")
        waiting = self.member(3, "queued")
        found = parse_sweep(TWO_BY_TWO).found_in(list_runs())
        assert [run and run.id for run in found] == [None, None, done.id, waiting.id]

    @pytest.mark.process
    def test_a_member_that_fails_does_not_stop_the_rest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("lwal_core.jobs.devices_here", Devices)  # not known here, so that the training finds out
        path = tmp_path / "a.yaml"
        path.write_text(
            "name: gpu\nbase: {data: {per_class: 5}, method: onehot}\n"
            "grid: {training: [{device: 'cuda:99', seed: 1, epochs: 1}, {device: cpu, seed: 2, epochs: 1}]}"
        )
        result = CliRunner().invoke(app, ["sweep", str(path)])
        assert result.exit_code == 1, result.output
        by_seed = {run.seed: run for run in list_runs()}
        assert {seed: run.status for seed, run in by_seed.items()} == {1: "failed", 2: "done"}, (
            result.output,
            result.exception,
        )
        assert all(run.tags == ("sweep:gpu",) and run.id in result.output for run in by_seed.values())
        again = CliRunner().invoke(app, ["sweep", str(path), "--dry-run"])
        assert again.output.count("to train") == 1 and "2 runs, 1 trained already" in again.output

    def test_a_device_that_is_not_there_makes_no_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("lwal_core.jobs.devices_here", lambda: Devices(cuda=1, mps=False))
        path = tmp_path / "a.yaml"
        path.write_text("name: gpu\nbase: {method: onehot}\ngrid: {training: [{device: cpu}, {device: 'cuda:1'}]}")
        result = CliRunner().invoke(app, ["sweep", str(path)])
        assert isinstance(result.exception, ConfigError) and "cuda:1" in str(result.exception) and list_runs() == []

    def test_a_bad_file_makes_no_run(self, tmp_path: Path):
        path = tmp_path / "bad.yaml"
        path.write_text(TWO_BY_TWO.replace("epochs: 2", "epochs: 0"))
        result = CliRunner().invoke(app, ["sweep", str(path)])
        assert isinstance(result.exception, ConfigError) and list_runs() == []
