"""A run that a program of somebody's own recorded, on every page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lwal_core as lwal
from app.common.pages import page_names
from lwal_core.runs import Run
from lwal_core.taxonomy.store import delete_taxonomy
from tests.app.conftest import text_of
from tests.security.test_names_in_exports import check_markdown
from tests.support.own_loop import NAMES, train_own


def test_it_stands_beside_a_training_of_the_app_in_one_verdict(
    open_page: Callable[..., AppTest], make_run: Callable[..., Run]
) -> None:
    for seed in (12, 123):
        ours = make_run("onehot", seed=seed, classes=6, accuracy=0.7)
        theirs = train_own(data="digits", seed=seed)
    for base in (ours, theirs):
        at = open_page("curves", {"runs": [ours.group, theirs.group], "baseline": base.group})
        said = text_of(at).replace("\\", "")
        assert not at.error
        assert "my-loss" in said and "ne-hot" in said and "two shared seeds" in said, said
        assert "came along" not in said  # what it was trained with is not known, so nothing is said to be alike


HOSTILE = "**m**<b>x</b>[a](http://evil.org):red[y]$z$"
RAW = re.compile(r"(?<!\\)\*\*m|<b>x|(?<!\\)\[a\\?\]|(?<!\\):red|(?<!\\)\$z")


@pytest.mark.parametrize("page", page_names())
def test_it_opens_on_every_page_with_names_shown_as_they_are(page: str, open_page: Callable[..., AppTest]) -> None:
    run = train_own(HOSTILE, method=HOSTILE, data=HOSTILE, config={HOSTILE: HOSTILE}, classes=[HOSTILE, "b", "c"])
    other = train_own("", method=HOSTILE + "2", data=HOSTILE, seed=12, classes=[HOSTILE, "b", "c"])
    opened = dict.fromkeys(("tree_real", "tree_heat", "tree_beside", "tree_film_open", "linked", "cloud"), "true")
    sides = {"left": run.id, "right": other.id}
    at = open_page(page, {"runs": [run.group, other.group], "run": run.id, **sides, **opened})
    assert not at.error, text_of(at)
    assert not RAW.search(text_of(at)), RAW.findall(text_of(at))
    check_markdown(at)
    assert at.get("plotly_chart") or page in ("train", "share")
    for chart in at.get("plotly_chart"):
        assert "<b>x</b>" not in chart.proto.spec


def choices(at: AppTest, key: str) -> list[str]:
    """Options of a control that has buttons side by side."""
    (found,) = [each for kind in ("segmented_control", "button_group") for each in at.get(kind) if each.key == key][:1]
    return [getattr(option, "content", option) for option in found.options]


def test_the_confusion_matrix_makes_a_tree_and_no_projection(open_page: Callable[..., AppTest]) -> None:
    run = train_own()
    at = open_page("hierarchy", {"run": run.id, "tree_vectors": "Confusion matrix", "support": "true"})
    assert not at.error and f"that of epoch {run.record.best_epoch}, the best one" in text_of(at)
    assert "How the tree emerged and whether it is real are told of class means" in text_of(at)
    at = open_page("trees", {"left": run.id, "right": run.id, "left_vectors": "Confusion matrix"})
    assert not at.error and "Its confusion matrix is that of epoch" in text_of(at)
    at = open_page("embeddings", {"run": run.id, "tree_vectors": "Confusion matrix"})
    assert not at.error and choices(at, "tree_vectors") == ["Class means", "Label table"]


def test_vectors_that_were_not_recorded_are_not_offered(open_page: Callable[..., AppTest]) -> None:
    with lwal.start_run(classes=["a", "b", "c"], method="m", data="d") as recorder:
        recorder.log_labels(1, labels=np.eye(3, 4))
    at = open_page("embeddings", {"run": recorder.id, "tree_vectors": "Class means"})
    assert not at.error and choices(at, "tree_vectors") == ["Label table"]


def test_what_a_program_logged_is_a_choice_on_curves(
    open_page: Callable[..., AppTest], make_run: Callable[..., Run]
) -> None:
    ours, theirs = make_run("onehot", classes=6), train_own(data="digits")
    shown = {"runs": [ours.group, theirs.group], "curve": "Logged"}  # as addresses of older releases say
    at = open_page("curves", {**shown, "measure": "spread"})
    evaluated = ["Top-5 accuracy", "Balanced accuracy", "Macro F1", "Calibration error"]
    assert not at.error and at.selectbox(key="measure").options == ["Training accuracy", *evaluated, "spread"]
    (chart,) = at.get("plotly_chart")
    assert "spread" in chart.proto.spec and "my-loss" in chart.proto.spec
    with lwal.start_run(classes=["a", "b"], method="bare", data="digits") as bare:
        bare.log_predictions(1, [0, 1, 1], predictions=[0, 1, 0])  # without scores
    at = open_page("curves", {"runs": [lwal.open_run(bare.id).group], "curve": "Measures", "measure": "Top-5 accuracy"})
    assert not at.exception and not at.get("plotly_chart") and "accuracy is not here" in text_of(at)


def test_the_taxonomy_that_a_program_named_is_the_one_to_begin_with(
    open_page: Callable[..., AppTest], tmp_path: Path
) -> None:
    file = tmp_path / "my birds.nwk"
    file.write_text("((robin,wren)songbirds,(eagle,hawk)raptors,(duck,goose)waterfowl);")
    run = train_own(taxonomy=file)
    at = open_page("hierarchy", {"run": run.id, "tree_details": "true"})
    assert not at.error and "My birds" in text_of(at) and "raptors" in text_of(at)
    assert lwal.compare([lwal.open_run(run.id)]).content.rows[0].taxonomy == "own-my-birds"
    delete_taxonomy("own-my-birds")
    at = open_page("hierarchy", {"run": run.id})
    assert not at.error and "**WordNet, senses as guessed**" in text_of(at)


def test_a_run_that_is_being_recorded_is_watched_and_not_stopped(open_page: Callable[..., AppTest]) -> None:
    with lwal.start_run("live birds", classes=["a", "b"], method="m", data="d", epochs=4) as recorder:
        recorder.log(1, test_accuracy=0.5)
        recorder.log_labels(1, class_means=np.eye(2))
        at = open_page("train", {"manage_runs": "true"})
        assert not at.error
        assert "live birds, seed 0: epoch 1 recorded by another program" in str(
            [bar.proto for bar in at.get("progress")]
        )
        assert at.button(key=f"cancel_{recorder.id}").disabled
    at = open_page("train")
    assert not at.error
    assert not [button.key for button in at.button if recorder.id in str(button.key) and "retry" in str(button.key)]


def test_predictions_alone_make_a_tree(open_page: Callable[..., AppTest]) -> None:
    targets = np.arange(60) % 6
    with lwal.start_run(classes=list(NAMES), method="m", data="d") as recorder:
        recorder.log_predictions(1, targets, predictions=np.where(np.arange(60) % 5, targets, targets ^ 1))
    assert lwal.open_run(recorder.id).tree().data
    for page, said in (
        ("hierarchy", "that of epoch 1, the best one"),
        ("trees", "Its confusion matrix is that of epoch 1"),
    ):
        at = open_page(page, {"run": recorder.id, "left": recorder.id, "right": recorder.id})
        assert not at.error and said in text_of(at) and at.get("plotly_chart")
    for page in ("home", "embeddings", "share"):
        assert not open_page(page, {"run": recorder.id}).error


@pytest.mark.parametrize("page", ["embeddings", "hierarchy", "share"])
def test_a_run_without_class_vectors_is_not_taken_for_another(page: str, open_page: Callable[..., AppTest]) -> None:
    shown = train_own()
    with lwal.start_run("only a loss", classes=["a", "b", "c"], method="m", data="d") as recorder:
        recorder.log(1, loss=1)
    text = text_of(open_page(page, {"runs": [shown.group], "run": recorder.id}))
    assert "only a loss has nothing to show here" in text and "None were recorded" in text
    assert "robin" not in text and "or wait" not in text


@pytest.mark.parametrize("page", ["embeddings", "share"])
def test_predictions_alone_are_led_to_their_tree(page: str, open_page: Callable[..., AppTest]) -> None:
    with lwal.start_run(classes=["a", "b", "c"], method="m", data="d") as recorder:
        recorder.log_predictions(1, [0, 1, 2, 0], [0, 1, 1, 0])
    text = text_of(open_page(page, {"run": recorder.id}))
    assert "no class vectors" in text and "is a tree on *Hierarchy*" in text and "or wait" not in text


def test_without_embeddings_nothing_is_resampled_and_that_is_said(open_page: Callable[..., AppTest]) -> None:
    with lwal.start_run(classes=["a", "b", "c"], method="m", data="d") as recorder:
        recorder.log_labels(1, class_means=np.arange(12.0).reshape(3, 4) ** 2)
        recorder.log_predictions(1, [0, 1, 2, 0], [0, 1, 1, 0])
    text = text_of(open_page("hierarchy", {"run": recorder.id, "tree_real": "true"}))
    assert "This run has no embeddings of its test samples" in text and "have the shape" not in text


def test_curves_warn_of_another_test_set(open_page: Callable[..., AppTest]) -> None:
    with lwal.start_run(classes=["a", "b"], method="first", data="d") as first:
        first.log_predictions(1, [0, 1], [0, 1])
    with lwal.start_run(classes=["a", "b"], method="second", data="d") as second:
        second.log_predictions(1, [0, 1, 1], [0, 1, 1])
    groups = [lwal.open_run(run.id).group for run in (first, second)]
    assert "accuracies are not of one test set" in text_of(open_page("curves", {"runs": groups}))
    assert "one test set" not in text_of(open_page("curves", {"runs": groups[:1]}))
