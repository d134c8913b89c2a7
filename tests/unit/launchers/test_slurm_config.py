"""``slurm.yaml``: what is read, what is refused in one line, and what a run's job asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import RunConfig
from lwal_core.errors import ConfigError
from lwal_core.launchers.slurm_config import MAX_BYTES, SlurmConfig, minutes, parse_slurm_config, read_slurm_config
from lwal_core.runs import Run, create_run

WHOLE = """
partition: gpu
account: lab
time: 1:00:00
gpus: 1
cpus: 8
memory: 32G
extra_lines:
  - "#SBATCH --constraint=a100|h100"
  - --exclusive
setup:
  - module load cuda
profiles:
  big: {time: 2-12, gpus: 4, nodes: 2}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90), ("90:00", 90), ("0:30", 1), ("1:30:00", 90), ("01:30:01", 91), ("2-12", 3600), ("2-12:30", 3630),
        ("2-12:30:00", 3630), (" 5 ", 5),
    ],
)  # fmt: skip
def test_time_limits_are_read_as_sbatch_reads_them(text: str, expected: int) -> None:
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0:00", "-5", "1:2:3:4", "1h", "٣", "1-", "90 minutes", "9" * 30])
def test_other_time_limits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="minute"):
        minutes(text)


def test_a_whole_file() -> None:
    config = parse_slurm_config(WHOLE.encode())
    assert config.time == 60  # YAML 1.1 makes 3600 of it
    assert config.sbatch_options() == {
        "partition": "gpu", "account": "lab", "cpus-per-task": 8, "mem": "32G", "constraint": "a100|h100", "exclusive": True,
    }  # fmt: skip
    assert parse_slurm_config(b"") == SlurmConfig()


def run_with(tags: tuple[str, ...] = (), **training: object) -> Run:
    return create_run(RunConfig.parse({"data": {"name": "digits"}, "training": training}), tags=tags)


def test_a_run_and_its_profile_go_over_the_home() -> None:
    config = parse_slurm_config(WHOLE.encode())
    plain, big, wide = run_with(), run_with(("slurm:big", "x")), run_with(devices=8, nodes=3)
    assert (config.options_of(plain).time, config.options_of(plain).gpus, config.options_of(plain).nodes) == (60, 1, 1)
    options = config.options_of(big)
    assert (options.time, options.gpus, options.nodes, options.partition) == (3600, 4, 2, "gpu")
    assert (config.options_of(wide).gpus, config.options_of(wide).nodes) == (8, 3)
    assert SlurmConfig().options_of(wide).gpus == 0  # a cluster without GPUs
    with pytest.raises(ConfigError, match=r"no profile 'small'; there are: big"):
        config.options_of(run_with(("slurm:small",)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("partition: 'a; rm -rf ~'", "partition: letters, digits"),
        ("partition: \"a\\n#SBATCH --uid=0\"", "partition: letters, digits"),
        ("extra_lines: ['--wrap=reboot']", "--wrap is set by the launcher"),
        ("extra_lines: ['#SBATCH --uid=0']", "--uid is set by the launcher"),
        ("extra_lines: [\"--comment=a\\nreboot\"]", "one line"),
        ("extra_lines: [reboot]", "a line such as"),
        ("extra_lines: --exclusive", "extra_lines"),
        ("setup: [\"a\\nb\"]", "one line"),
        ("memory: lots", "memory"),
        ("gpus: -1", "gpus"),
        ("nodes: 0", "nodes"),
        ("jobs: 1e9", "jobs"),
        ("time: tomorrow", "minutes, H:MM:SS or D-HH:MM:SS"),
        ("partitions: gpu", "partitions"),
        ("- partition", "no list of options"),
        ("gpu", "no list of options"),
        ("a: [", "line"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: " + "[" * 5_000, "nested too deep"),
        ("profiles: {big: {jobs: 3}}", "profiles.big.jobs"),
        ("look_seconds: nan", "look_seconds"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_in_a_line(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_slurm_config(text.encode())
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 1_000


@given(st.binary(max_size=300) | st.text(alphabet="ab:-[]{}&*!%#'\"\n \t0123,|>", max_size=200).map(str.encode))
def test_any_bytes_are_settings_or_refused(data: bytes) -> None:
    said = ""
    try:
        assert isinstance(parse_slurm_config(data), SlurmConfig)
    except ConfigError as error:
        said = str(error)
    assert "\n" not in said


def test_a_file_that_others_may_write_is_refused(home: Path) -> None:
    home.mkdir()
    with pytest.raises(ConfigError, match="missing"):
        read_slurm_config(home)
    path = home / "slurm.yaml"
    path.write_text("partition: gpu")
    path.chmod(0o644)
    assert read_slurm_config(home).partition == "gpu"
    path.chmod(0o664)
    with pytest.raises(ConfigError, match="others may write it"):
        read_slurm_config(home)
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 1234, -1)
        with pytest.raises(ConfigError, match="others may write it"):
            read_slurm_config(home)
        os.chown(path, 0, -1)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="more than"):
        read_slurm_config(home)
    path.unlink()
    path.mkdir()
    with pytest.raises((ConfigError, OSError)):
        read_slurm_config(home)


def test_two_runs_that_differ_in_nodes_are_one_experiment(make_run: Callable[..., Run]) -> None:
    assert run_with().group == run_with(nodes=2).group
