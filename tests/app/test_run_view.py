"""A running training over the whole page: what it takes, its curves, tree and map, and the ways to other pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from lwal_core.config import RunConfig
from lwal_core.runs import Run, RunWriter, create_run
from lwal_core.runs.files import write_json
from lwal_core.runs.paths import LOG, PULSE
from tests.app.conftest import text_of as escaped

Open, Make = Callable[..., AppTest], Callable[..., Run]


def text_of(at: AppTest) -> str:
    return escaped(at).replace("\\", "")


@pytest.fixture
def running(make_run: Make) -> Run:
    run = make_run(status="running", name="pets & <b>more</b>", epochs=4)
    RunWriter(run.path).take()
    sign = {"updated": datetime.now(UTC).isoformat(), "cpu_percent": 150.0, "memory_bytes": 8.2e8, "gpu_used_bytes": 2e9,
            "gpu_total_bytes": 8e9}  # fmt: skip
    write_json(run.path / PULSE, sign)
    (run.path / LOG).write_text("first line\nlast line of its log\n")
    return run


def test_a_running_training_has_the_page(open_page: Open, running: Run) -> None:
    at = open_page("train", {"watch": running.id})
    said = text_of(at)
    assert at.header[0].value.replace("\\", "") == "pets & <b>more</b>, seed 12"
    assert "1.5 cores" in said and "0.82 GB of memory" in said and "2.0 of 8.0 GB on the GPU" in said
    samples = 4 * 40  # training samples of an epoch, in half a second
    assert f"{samples / 0.5:,.0f} samples a second" in said and "loss " in said
    assert "The tree after epoch 4" in said and "The map after epoch 4" in said and len(at.get("plotly_chart")) == 4
    assert "last line of its log" in at.code[0].value
    links = {link.proto.label: link.proto.query_string for link in at.get("page_link")}
    assert {"Hierarchy", "Embeddings", "Curves"} <= set(links) and f"run={running.id}" in links["Embeddings"]
    assert not [button for button in at.button if button.key == "train_start"]  # it has the page for itself
    at.button(key="watch_cancel").click().run()
    assert not at.exception


def test_the_way_back_leads_to_the_form_and_the_board_leads_here(open_page: Open, running: Run) -> None:
    at = open_page("train", {"watch": running.id})
    at.button(key="watch_back").click().run()
    assert not at.exception and at.button(key="train_start") and "watch" not in at.query_params
    (link,) = [each.proto for each in at.get("page_link") if each.proto.label == "Watch"]
    assert link.query_string == f"watch={running.id}"


def test_a_run_that_has_ended_and_one_that_waits(open_page: Open, make_run: Make) -> None:
    done, waiting = make_run(epochs=2), create_run(RunConfig())
    assert "Done** after 2 epochs, test accuracy 95.0 %" in text_of(open_page("train", {"watch": done.id}))
    at = open_page("train", {"watch": waiting.id})
    assert not at.error and "has not been measured yet" in text_of(at)


@pytest.mark.parametrize("name", ["20260101-000000-none", "../../etc", "<b>"])
def test_one_that_is_not_here(open_page: Open, name: str) -> None:
    at = open_page("train", {"watch": name})
    assert "This run is not here" in text_of(at) and not at.get("plotly_chart")
    at.button(key="address_forget").click().run()
    assert not at.exception and at.button(key="train_start")
