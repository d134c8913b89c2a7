"""A label method that is added by one file and one registration is known everywhere."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.common.pages import page_path
from lwal_core.cli.main import app
from lwal_core.config import METHODS, MethodConfig, RunConfig, TaskInfo, register
from lwal_core.config.methods.onehot import OneHot
from lwal_core.errors import ConfigError
from lwal_core.experiments.form_values import FormValues, command_lines, configurations
from lwal_core.experiments.sweeps import parse_sweep
from lwal_core.runs import Run, list_runs

ROOT = Path(__file__).resolve().parents[3]
FILE = '''
from typing import Literal

from pydantic import Field

from lwal_core.config import MethodConfig, TaskInfo


class Echo(MethodConfig):
    """One-hot labels whose loss is multiplied."""

    title = "Echo labels"
    summary = "one-hot labels, louder"
    equidistant_labels = True

    name: Literal["echo"] = "echo"
    loudness: float = Field(2.0, gt=0.0, le=5.0, title="Loudness", description="Factor of the loss (above 0, up to 5). More of it.")
    repeats: int = Field(1, ge=1, description="Times that it is said.")

    def build(self, task: TaskInfo):
        from lwal_core.methods import LabelLoss, OneHotLabels

        class EchoLabels(OneHotLabels):
            def forward(inner, z, y):
                loss = super().forward(z, y).total * self.loudness
                return LabelLoss(loss, loss, loss.new_zeros(()))

        return EchoLabels(len(task.class_names))
'''
PROGRAM = """
import contextlib, io, json, sys
from echo_labels import Echo
from lwal_core.config import register
register(Echo)
from lwal_core.cli.main import main
from typer.cli import main as typer
found = []
for words in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = words
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            typer() if words[0] == "typer" else main()
        except SystemExit as ended:
            code = ended.code or 0
    found.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""
COMMANDS = {
    "help": ["lwal", "train", "--help"],
    "out of range": ["lwal", "train", "--method", "echo", "--loudness", "6"],
    "of another": ["lwal", "train", "--method", "onehot", "--loudness", "3"],
    "docs": ["typer", "lwal_core.cli.main", "utils", "docs", "--name", "lwal"],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "echo_labels.py"
    path.write_text(FILE)
    return path


@pytest.fixture
def echo(file: Path) -> Iterator[type[MethodConfig]]:
    """The method, registered while the test runs."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    register(module.Echo)
    yield module.Echo
    del METHODS["echo"]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    """Exit code, standard output and standard error of each of :data:`COMMANDS`, in a program that has registered the method."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "echo_labels.py").write_text(FILE)
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "COLUMNS": "250", "LWAL_HOME": str(folder / "home"),
    }  # fmt: skip
    command = [sys.executable, "-c", PROGRAM, json.dumps([*COMMANDS.values()])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {name: tuple(found) for name, found in zip(COMMANDS, json.loads(done.stdout), strict=True)}


def test_the_command_line_has_its_options(said: dict[str, tuple[int, str, str]]):
    code, out, err = said["help"]
    assert code == 0, err
    (line,) = [line for line in out.splitlines() if "--loudness" in line]
    assert "echo: Factor of the loss (above 0, up to 5); default 2" in line and "<float>" in line
    assert "--repeats" in out and "cpcc, proxy, echo; default lwal" in out


def test_a_value_out_of_range_or_of_another_method_is_one_line(said: dict[str, tuple[int, str, str]]):
    code, out, err = said["out of range"]
    assert (code, out) == (2, "")
    assert err.strip() == "lwal: method.loudness: 6.0 is out of range; it must be at most 5.0"
    code, _, err = said["of another"]
    assert code == 2 and err.strip() == "lwal: method: loudness does not apply to onehot; leave it out"


def test_the_command_reference_has_its_options(said: dict[str, tuple[int, str, str]]):
    made = said["docs"][1]
    assert "* `--loudness <float>`: echo: Factor of the loss (above 0, up to 5); default 2\n" in made
    without = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert "--loudness" not in without and "--push-weight" in made


def test_the_form_offers_it_with_its_options(echo: type[MethodConfig]):
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120).run()
    at.switch_page(page_path("train")).run()
    assert not at.exception
    assert not [box for box in at.number_input if box.key == "train_loudness"]
    at.session_state["train_more_methods"] = True
    at.run()
    assert [box.key for box in at.checkbox][-1] == "train_method_Echo labels"
    at.checkbox(key="train_method_Echo labels").check().run()
    (methods,) = [pills for pills in at.get("pills") if pills.key == "train_methods"]
    assert methods.options[-1] == "Echo labels"
    methods.set_value(["Echo labels"]).run()
    assert not at.exception
    box = at.number_input(key="train_loudness")
    assert (box.label, box.value, box.min, box.max) == ("Loudness", 2.0, 0.01, 5.0)
    assert box.help.replace("\\", "") == "Factor of the loss (above 0, up to 5). More of it."
    box.set_value(3.5).run()
    assert "--method echo --loudness 3.5 --epochs" in at.code[0].value
    at.button(key="train_start").click().run()
    assert not at.exception
    assert [(run.method, run.method_label, run.is_baseline) for run in list_runs()] == [
        ("echo", "Echo labels, loudness 3.5", False)
    ] * 3


def test_the_form_makes_configurations_and_command_lines(echo: type[MethodConfig]):
    form = FormValues(methods=("Echo labels", "One-hot"), seeds="1", labels={"loudness": 3.0})
    louder, plain = configurations(form)
    assert louder.method == echo(loudness=3.0) and plain.method == OneHot()  # type: ignore[call-arg]
    assert command_lines([louder]) == "lwal train --dataset digits --method echo --loudness 3 --epochs 10 --seed 1"


def test_a_sweep_over_its_options(echo: type[MethodConfig]):
    sweep = parse_sweep("name: x\ngrid: {method: [onehot, {name: echo, repeats: 2}, {name: echo, loudness: 4}]}")
    labels = [member.config.method_label() for member in sweep.members]
    assert labels == ["One-hot", "Echo labels, repeats 2", "Echo labels, loudness 4"]
    with pytest.raises(ConfigError, match=r"loudness: 'loud'"):
        parse_sweep("name: x\ngrid: {method: [{name: echo, loudness: loud}]}")


def test_runs_of_it_are_compared_and_grouped(echo: type[MethodConfig], make_run: Callable[..., Run]):
    for seed in (1, 2):
        make_run("onehot", seed=seed, accuracy=0.9)
        make_run("echo", seed=seed)
    result = CliRunner().invoke(app, ["compare", "--markdown"])
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("| Echo labels |")]
    assert line.count("|") > 5 and "One-hot (baseline)" in result.output
    assert len({run.group for run in list_runs()}) == 2


def test_it_trains(echo: type[MethodConfig]):
    import torch

    z, y = torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0])
    method = RunConfig.parse({"method": {"name": "echo", "loudness": 3}}).method
    loss = method.build(TaskInfo(("cat", "dog"), 2, 5, 0)).step_loss(z, y, None)  # type: ignore[arg-type]
    by_hand = (torch.log(1 + torch.exp(torch.tensor(-1.0))) + torch.log(1 + torch.exp(torch.tensor(3.0)))) / 2
    assert loss.total.item() == pytest.approx(3 * by_hand.item())


def test_a_record_of_a_method_that_is_not_there_any_more_says_so(file: Path, make_run: Callable[..., Run], request):
    request.getfixturevalue("echo")
    run = make_run("echo")
    del METHODS["echo"]
    try:
        (summary,) = list_runs()
        assert summary.status == "damaged" and "echo" in str(summary.problem) and summary.id == run.id
    finally:
        METHODS["echo"] = OneHot  # which the fixture takes away


def test_a_name_is_given_once(echo: type[MethodConfig]):
    register(echo)  # again, as a module that is loaded twice does
    with pytest.raises(ValueError, match="registered already"):
        register(type("Other", (echo,), {"__module__": __name__}))


def test_nothing_is_left_of_it():
    assert "echo" not in METHODS
