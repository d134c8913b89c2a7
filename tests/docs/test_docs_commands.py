"""Commands in the documents: blocks that are marked runnable run as they stand, and every `lwal` command parses.

A block is marked by a comment before it, which nobody sees in the rendered page: ``<!-- runnable -->``, or ``<!-- file: NAME -->``
for the content of a file that later blocks of the page use. Blocks of a page run in order in one folder, pages share a home with
the examples. ``RUN`` in a command stands for a run of that home. Blocks of nothing but ``python NAME`` are run by this process:
loading the libraries of other people again for each would take longer than all the rest of the page.
"""

from __future__ import annotations

import itertools
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from safetensors.numpy import save_file

from lwal_core.cli.main import app
from tests.support.documents import ROOT, Block, blocks, documents, prose

pytestmark = pytest.mark.process

RUNNABLE = {
    page: [block for block in blocks(page) if block.mark == "runnable" or block.mark.startswith("file: ")]
    for page in documents()
    if any(block.mark == "runnable" for block in blocks(page))
}
_INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*lwal [^`]+)`")
_PROGRAM = re.compile(r"python (\w+\.py)((?: \S+)*)")
_COMMAND = re.compile(r"^\s*(?:[A-Z_]+=\S+ +)*(lwal( .*|$))")


def test_no_marked_block_was_lost():
    count = sum(block.mark == "runnable" for page in RUNNABLE.values() for block in page)
    assert count >= 12 and len(RUNNABLE) >= 6


def test_every_mark_is_one_that_means_something():
    for page in documents():
        for block in blocks(page):
            if block.mark == "runnable":
                assert block.language in {"bash", "console"} and block.commands.strip(), block.place
            elif not block.mark.startswith("file: "):
                assert "runnable" not in block.mark, f"{block.place}: {block.mark}"


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[str]]:
    """An environment with the examples in its home, and their ids."""
    folder = tmp_path_factory.mktemp("shell")
    environment = _a_shell(folder)
    return environment, _run("lwal examples open", environment, folder).split()


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.stem)
def test_marked_blocks_run_as_they_stand(
    page: Path, shell: tuple[dict[str, str], list[str]], tmp_path: Path, subtests: pytest.Subtests,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    environment, opened = shell
    examples = [run for run in opened if "-digits-s12-" in run]
    baseline = next(run for run in examples if "-one-hot-" in run)
    runs = sorted(examples, key=lambda run: ("-lwal10-digits" not in run, run != baseline))
    _what_a_reader_has(tmp_path)
    for block in RUNNABLE[page]:
        if block.mark.startswith("file: "):
            (tmp_path / block.mark.removeprefix("file: ")).write_text(block.code, encoding="utf-8")
            continue
        programs = [_PROGRAM.fullmatch(line) for line in block.commands.splitlines()]
        with subtests.test(block.place):
            if all(programs):
                _run_here([found for found in programs if found], environment, tmp_path, monkeypatch)
            else:
                _run(_with_runs(block, runs, baseline), environment, tmp_path)


def _run_here(
    programs: list[re.Match[str]], environment: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run programs of a page as ``python`` would, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LWAL_HOME", environment["LWAL_HOME"])
    for program in programs:
        monkeypatch.setattr(sys, "argv", [program[1], *program[2].split()])
        runpy.run_path(program[1], run_name="__main__")


def _a_shell(folder: Path) -> dict[str, str]:
    """An environment in which `lwal` and `python` are this code's, with a home of its own."""
    programs = folder / "bin"
    programs.mkdir()
    for name, module in (("lwal", " -m lwal_core.cli"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LWAL_HOME": str(folder / "shared-home"),
        "LWAL_LAYOUTS_AHEAD": "0",  # nobody looks at these runs' layouts, which take longer than the trainings
        "OMP_NUM_THREADS": "1",
    }


def _run(commands: str, environment: dict[str, str], folder: Path) -> str:
    """What the commands print; the first that fails is an error with its own words."""
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _with_runs(block: Block, runs: list[str], baseline: str) -> str:
    """The commands with ids of runs for their placeholders: the n-th RUN of a line is the n-th run."""
    lines = []
    for line in block.commands.replace("BASELINE_RUN", baseline).splitlines():
        left = iter(runs)
        lines.append(re.sub(r"\bRUN\b", lambda _, left=left: next(left), line))
    return "\n".join(lines)


def _what_a_reader_has(folder: Path) -> None:
    """Images in folders, vectors and a checkpoint under the names that the pages use."""
    generator = np.random.default_rng(12)
    for number, name in enumerate(("cat", "dog", "truck")):
        place = folder / "my-images" / name
        place.mkdir(parents=True)
        for index in range(12):
            pixels = generator.integers(60 * number, 60 * number + 100, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{index}.png")
    np.save(folder / "tensors.npy", generator.normal(size=(3, 8)))
    (folder / "classes.txt").write_text("cat\ndog\ntruck\n", encoding="utf-8")
    save_file({"fc.weight": generator.normal(size=(3, 8)).astype(np.float32)}, folder / "model.safetensors")


def test_every_command_in_a_document_exists():
    root = typer.main.get_command(app)
    checked = 0
    for page in documents():
        if page.name == "cli.md":  # made from the code, and compared with it elsewhere
            continue
        shown = [(f"{page.name}: {text}", text, False) for text in _INLINE.findall(prose(page))]
        for block in blocks(page):
            if block.language in {"bash", "console"}:
                found = (_COMMAND.match(line) for line in block.commands.splitlines())
                shown += [(f"{block.place}: {match[1]}", match[1], True) for match in found if match]
        for place, text, whole in shown:
            _check_command(root, place, shlex.split(text, comments=True), whole)
            checked += 1
    assert checked >= 60


def _check_command(root: typer.main.TyperGroup, place: str, words: list[str], whole: bool) -> None:
    """A command's name and options exist, of alternatives (`resume|retry`) each; a whole line of a block parses."""
    words = [word for word in words[words.index("lwal") + 1 :] if word != "…"]
    words = list(
        itertools.takewhile(lambda word: word not in ("|", ">", "&&", "||", ";"), words)
    )  # the rest is the shell's
    if not words or words[0].startswith("-"):
        assert set(words) <= {"--version", "--debug", "--help"}, place
        return
    for name in words[0].split("|"):
        assert name in root.commands, f"{place}: there is no command {name}"
        command, rest = root.commands[name], words[1:]
        if hasattr(command, "commands") and rest:
            assert rest[0] in command.commands, f"{place}: there is no command {name} {rest[0]}"
            command, rest = command.commands[rest[0]], rest[1:]
        known = {option for part in command.params for option in (*part.opts, *part.secondary_opts)}
        for word in rest:
            if word.startswith("-") and word != "-":
                assert word.split("=")[0] in known, f"{place}: {name} has no option {word}"
        if whole and not any(word.startswith("$") for word in rest):  # a loop's variable is more than one word
            try:
                command.make_context(name, list(rest))
            except Exception as error:  # typer brings its own kinds of usage errors
                pytest.fail(f"{place}: {error}")


@pytest.mark.parametrize(
    "text",
    ["lwal trian", "lwal export RUN --fromat svg", "lwal examples close", "lwal train --epochs many", "lwal show"],
)
def test_a_wrong_command_would_be_seen(text: str):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _check_command(typer.main.get_command(app), "here", shlex.split(text), True)
