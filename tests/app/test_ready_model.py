"""A model as it is: its run on the pages, and the command on Train."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from lwal_core.config import DataConfig
from lwal_core.ready_models.analyse import analyse
from tests.app.conftest import text_of
from tests.unit.ready_models.conftest import pictures

__all__ = ["pictures"]


def test_its_run_is_on_the_pages(pictures: Path, open_page: Callable[..., AppTest]) -> None:
    data = DataConfig(name=f"folder:{pictures}")
    run, other = (analyse(f"timm:test_{kind}", data, weights="random", device="cpu").run for kind in ("resnet", "vit"))
    for page in ("home", "curves", "hierarchy", "embeddings", "trees", "share"):
        at = open_page(page, {"runs": [run.group, other.group], "run": run.id, "left": run.id, "right": other.id})
        assert not at.exception and not at.error, (page, text_of(at))
        assert "test\\_resnet" in text_of(at) or "test_resnet" in text_of(at), page


def test_the_command_has_what_is_chosen(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    at = open_page("train")
    assert [c.value for c in at.code if "analyse" in c.value] == [
        "lwal analyse --model timm:resnet18.a1_in1k --data digits"
    ]
    at.text_input(key="ready_model").set_value("a b; rm -rf /").run()
    at.toggle(key="ready_random").set_value(True).run()
    (line,) = [c.value for c in at.code if "analyse" in c.value]
    assert shlex.split(line)[2:] == ["--model", "timm:a b; rm -rf /", "--data", "digits", "--weights", "random"]
    assert not at.exception


def test_without_data_that_can_be_read_there_is_no_command(open_page: Callable[..., AppTest]) -> None:
    at = open_page("train")
    at.segmented_control(key="train_source").set_value("folder:").run()
    assert not [c for c in at.code if "analyse" in c.value] and not at.exception
    assert "when the data of the form can be read" in text_of(at)
