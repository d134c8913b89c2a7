"""Try an image on the Embeddings page: what is asked, what is said, where the star stands, and what is missing.

A fake stands at the client's boundary; the process that really answers has its own tests, and one here.
"""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.try_image import view
from app.try_image.picker import thumbnail_choice
from app.try_image.text import distances_table, far_sentence, forks_sentence, stored_sentence, verdict
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.hierarchy.routing import route
from lwal_core.errors import InferenceError
from lwal_core.inference import Answer, DataGone, Question
from lwal_core.runs import Run, Samples, open_run
from lwal_core.runs.paths import MODEL
from tests.app.conftest import text_of

Make = Callable[..., Run]
Open = Callable[..., AppTest]
OPEN = {"try_image": "true"}


class FakeModel:
    """Says of every image that it is what the run's test set has at its number, 0.1 away from its class mean."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.fails: Exception | None = None

    def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        if self.fails is not None and question.source == "test":
            raise self.fails
        run = open_run(question.run_id)
        epoch, vectors = 3, run.vectors(3).astype(np.float64)
        own = question.index % len(vectors)
        z = vectors[own] + 0.1 / np.sqrt(vectors.shape[1])
        to_means = np.linalg.norm(vectors - z, axis=1).astype(np.float32)
        one_hot = run.config.method.rule == "head"
        return Answer(
            epoch, z.astype(np.float32), to_means, None if one_hot else to_means + 1, own, own,
            "largest output" if one_hot else "nearest label", np.exp(-to_means) / np.exp(-to_means).sum(),
            np.zeros((8, 8, 1), dtype=np.uint8), ("Looked at.",), own if question.source == "test" else None, "", "cpu",
        )  # fmt: skip


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModel]:
    """A fake instead of the client."""
    fake = FakeModel()
    monkeypatch.setattr(view, "ask", fake)
    view.ANSWERS.forget_all()
    yield fake
    view.ANSWERS.forget_all()


@pytest.fixture
def make(make_run: Make) -> Make:
    """A run with a folder for the model."""

    def with_model(*args: Any, **options: Any) -> Run:
        run = make_run(*args, **options)
        (run.path / MODEL).mkdir()
        return run

    return with_model


def star(at: AppTest) -> tuple[dict[str, Any], dict[str, Any]]:
    """The star's trace and that of the classes."""
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    found = spec["data"][-1], next(trace for trace in spec["data"] if trace["name"] == "classes")
    for trace in found:
        trace.update({axis: numbers(trace[axis]) for axis in "xy"})
    return found


def numbers(values: Any) -> np.ndarray:
    """Numbers as plotly sends them: a list, or bytes with their type."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.array(values)


def test_a_test_image_is_asked_about_placed_and_told(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make()
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "try_index": "4", "run": run.id})
    assert not at.exception, at.exception
    assert [(q.run_id, q.source, q.index) for q in model.asked] == [(run.id, "test", 4)]
    text = text_of(at)
    assert "**LwAL takes it for class 4.**" in text
    assert "That is right." in text and "lies on the same axes as the classes" in text
    found, classes = star(at)
    assert found["name"] == "tried" and "test image 4" in found["hovertext"][0]
    # It is 0.1 away from class 4 in space, so no farther from it in the picture.
    distance = np.hypot(found["x"][0] - np.array(classes["x"]), found["y"][0] - np.array(classes["y"]))
    assert distance[4] <= 0.1 + 1e-5
    (table,) = [frame.value for frame in at.dataframe if "To class mean" in frame.value]
    assert table["Class"].iloc[0] == "class 4" and table["To class mean"].is_monotonic_increasing
    assert table["To class mean"].iloc[0] == pytest.approx(0.1, rel=1e-3)
    assert "Down the tree to class 4" in at.get("plotly_chart")[1].proto.spec
    at.run()
    assert len(model.asked) == 1  # the answer is kept


def test_closed_it_asks_nothing(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make()
    at = open_page("embeddings", {"try_source": "Test image", "run": run.id})
    assert not model.asked and star(at)[0]["name"] != "tried"


def test_a_layout_without_axes_is_interpolated_and_says_so(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make(classes=3, epochs=3)  # three points: MDS is exact, and there at once
    alone = {"projection": "MDS", "cloud": "false"}
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", **alone, "run": run.id})
    text = text_of(at)
    assert "is interpolated: MDS has no rule for anything new" in text and "the 3 nearest classes" in text
    found, classes = star(at)
    # So near to class 0 that its weight is nearly 1.
    assert np.hypot(found["x"][0] - classes["x"][0], found["y"][0] - classes["y"][0]) < 0.1


def test_another_epoch_is_said(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make()
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "epoch": "1", "run": run.id})
    assert "Its embedding is that of epoch 3, the best one" in text_of(at)
    assert star(at)[0]["name"] == "tried"


def test_the_film_says_that_it_is_not_in_it(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make()
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "film": "true", "run": run.id})
    assert "not in the film" in text_of(at) and "takes it for" in text_of(at)


def test_the_baseline_is_asked_beside(open_page: Open, make: Make, model: FakeModel) -> None:
    one_hot, other = make("onehot"), make("onehot", seed=123)
    run = make()
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "run": run.id})
    assert {q.run_id for q in model.asked} == {run.id, one_hot.id} and other.id not in {q.run_id for q in model.asked}
    assert "One\\-hot, seed 12 \\(the baseline\\) takes it for" in text_of(at)
    (table,) = [frame.value for frame in at.dataframe if "To class mean" in frame.value]
    assert "One-hot, seed 12: probability" in table


def test_a_baseline_without_a_model_is_said(open_page: Open, make: Make, make_run: Make, model: FakeModel) -> None:
    make_run("onehot")
    run = make()
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "run": run.id})
    assert "The baseline is not asked. No model is kept" in text_of(at) and len(model.asked) == 1


def test_data_that_is_gone_falls_back_on_the_thumbnail(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make()
    model.fails = DataGone("The data set is gone.", "Take a thumbnail instead.")
    at = open_page("embeddings", {**OPEN, "try_source": "Thumbnail", "run": run.id})
    assert [q.source for q in model.asked] == ["test", "thumbnail"]
    assert "The data set is gone\\. The thumbnail is asked about instead." in text_of(at)
    assert star(at)[0]["name"] == "tried"
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "run": run.id})
    assert "Take a thumbnail instead" in text_of(at) and star(at)[0]["name"] != "tried"


def test_a_failure_is_said_and_asked_again(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make()
    model.fails = InferenceError("The process ended.", "Try again.")
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "run": run.id})
    assert "The process ended" in text_of(at)
    model.fails = None
    at.run()
    assert "takes it for" in text_of(at) and len(model.asked) == 2


def test_while_it_is_awaited_the_page_goes_on(
    open_page: Open, make: Make, monkeypatch: pytest.MonkeyPatch, model: FakeModel
) -> None:
    run = make()

    def slowly(question: Question) -> Answer:
        time.sleep(2.5)
        return model(question)

    monkeypatch.setattr(view, "ask", slowly)
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "run": run.id})
    assert "Asking the model" in text_of(at) and at.get("plotly_chart")
    time.sleep(2.5)
    at.run()
    assert "takes it for" in text_of(at)


def test_without_a_model_or_images_it_says_why(open_page: Open, make_run: Make, model: FakeModel) -> None:
    run = make_run()
    at = open_page("embeddings", {**OPEN, "run": run.id})
    assert "No model is kept with" in text_of(at)
    vectors = make_run("lwal", images=False, data={"name": "features:/data/x.npz"}, encoder={"name": "dense"})
    at = open_page("embeddings", {**OPEN, "run": vectors.id, "runs": vectors.config.group_key()})
    assert "trained on vectors from a file" in text_of(at) and not model.asked


@pytest.mark.parametrize("classes", [2, 3])
def test_few_classes(open_page: Open, make: Make, model: FakeModel, classes: int) -> None:
    run = make(classes=classes)
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "run": run.id})
    assert "takes it for class 0" in text_of(at)


def test_hostile_names_stay_text(open_page: Open, make: Make, model: FakeModel) -> None:
    run = make(class_names=["<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]"])
    at = open_page("embeddings", {**OPEN, "try_source": "Test image", "try_index": "1", "run": run.id})
    assert "takes it for \\$x\\$ \\*star\\* \\[a\\]\\(b\\)" in text_of(at)


def test_a_thumbnail_is_the_test_image_that_it_was_made_of(make_run: Make) -> None:
    run = make_run(classes=10)  # 40 test images, class by class in turn: 4 of each; 2 thumbnails of each
    samples = run.samples()
    assert samples is not None
    for row, index in ((0, 0), (1, 20), (2, 1), (19, 29)):
        picked = thumbnail_choice(run, samples, row)
        assert picked.question == Question(run.id, "test", index) and picked.fallback == Question(
            run.id, "thumbnail", row
        )
    more = Samples(np.zeros((9, 4, 4, 3), dtype=np.uint8), np.zeros(9, dtype=np.int64))  # more than test images
    assert thumbnail_choice(run, more, 8) == (Question(run.id, "thumbnail", 8), None)


# --- sentences -------------------------------------------------------------------------------------------------------


def answer(to_means: list[float], by_rule: int = 0, **more: Any) -> Answer:
    means = np.array(to_means, dtype=np.float32)
    facts: dict[str, Any] = {"to_labels": None, "rule": "largest output", "probabilities": None, **more}
    seen = np.zeros((1, 1, 1), dtype=np.uint8)
    return Answer(5, means, means, by_mean=int(means.argmin()), by_rule=by_rule, seen=seen, steps=(), **facts)


def test_the_verdict_names_both_rules_and_the_truth() -> None:
    names = ["cat", "dog"]
    text = verdict("LwAL", answer([1, 2], 0, true_class=0), names)
    assert text == (
        "**LwAL takes it for cat.** Nearest class mean: 1 away, then dog, 2 away. By its own rule, the largest output, it is cat, "
        "too. That is right."
    )
    text = verdict("x", answer([3, 2], 0, true_class=0, probabilities=np.array([0.75, 0.25])), names)
    assert "**x takes it for dog.**" in text and "it is cat (probability 75.0 %). The data set calls it cat." in text
    assert "then" not in verdict("x", answer([3.0]), ["only"])


def test_what_the_evaluation_said() -> None:
    names = ["cat", "dog"]
    assert stored_sentence(5, 0, answer([1, 2]), names) == "The evaluation after epoch 5 took it for the same class."
    assert "took it for dog" in stored_sentence(5, 1, answer([1, 2]), names)
    assert "those of epoch 4, the model is that of epoch 5" in stored_sentence(4, 0, answer([1, 2]), names)


def test_what_is_unlike_all_that_was_seen() -> None:
    others = np.arange(200.0)
    assert far_sentence(150, others) == "" == far_sentence(1, np.zeros(0))
    assert "than 99.0 % of 200 test samples" in far_sentence(198, others)
    assert "than all of 200 test samples" in far_sentence(500, others)


def test_the_table_is_sorted_by_what_is_looked_at() -> None:
    a = answer([1, 2, 3], to_labels=np.array([3, 1, 2], dtype=np.float32), rule="nearest label")
    assert distances_table(a, "abc", "centroids")["Class"] == ["a", "b", "c"]
    assert distances_table(a, "abc", "labels")["Class"] == ["b", "c", "a"]
    assert distances_table(answer([2, 1, 3]), "abc", "labels")["Class"] == ["b", "a", "c"]
    other = distances_table(a, "abc", "labels", answer([7, 8, 9]), "LwAL")
    assert other["To class mean, LwAL"] == [8, 9, 7]


def test_a_way_that_does_not_end_at_the_nearest_class_says_so() -> None:
    vectors = np.array([[0.0], [4.0], [8.0], [9.0]])
    h = build_hierarchy(vectors, list("abcd"))
    text = forks_sentence(h, route(h, vectors, [5.4]), 1)
    assert "The way ends at c although b is the nearest class" in text and "c and d (3.1) and a and b (3.4)" in text
    assert "Both sides are equally far" in forks_sentence(h, route(h, vectors, [5.25]), 1)
    assert "although" not in forks_sentence(h, route(h, vectors, [9.0]), 3)


@pytest.mark.process
def test_the_answer_comes_from_the_real_process(open_page: Open, home: Path) -> None:
    from lwal_core.config import RunConfig
    from lwal_core.inference import stop
    from lwal_core.runs import create_run
    from lwal_core.training.loop import train_run

    config = {"data": {"per_class": 20}, "encoder": {"width": 8}, "training": {"epochs": 1, "device": "cpu"}}
    run = create_run(RunConfig.parse(config))
    train_run(run.path)
    stored = open_run(run.id).evaluation()
    try:
        at = open_page("embeddings", {**OPEN, "try_source": "Test image", "try_index": "8", "run": run.id})
        deadline = time.monotonic() + 120
        while "Asking the model" in text_of(at):
            assert time.monotonic() < deadline
            time.sleep(0.2)
            at.run()
        assert not at.exception
        assert f"takes it for {stored.pred[8]}" in text_of(at)
        assert "The evaluation after epoch 1 took it for the same class." in text_of(at)
    finally:
        stop()
        shutil.rmtree(home / "inference", ignore_errors=True)
