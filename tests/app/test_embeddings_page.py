"""The Embeddings page and its layouts: what it says, what it draws, and what happens when things are missing."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest

from app.common import projections
from app.common.class_distances import ClassDistances, class_distances
from app.common.evaluation import sampled_test_set
from app.common.projections import Projections, ask, frame_request, request_like
from app.embeddings.text import answer, reliability
from lwal_core.analysis.base.formatting import format_percent
from lwal_core.analysis.projection import Projection, project, quality
from lwal_core.errors import AnalysisError, LwalError, RunError
from lwal_core.projections import ProjectionTask, client
from lwal_core.projections.defaults import default_tasks
from lwal_core.runs import Run
from lwal_core.runs.paths import EVALUATION, label_file
from tests.app.conftest import text_of

ROOT = Path(__file__).parents[2]
HOSTILE = ["<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]", "=1+1", "tab\tname", "very " * 30 + "long"]


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("layouts")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # a worker ends when its queue is gone


@pytest.fixture(autouse=True)
def one_worker(layouts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process lays out for all homes of these tests: to start one takes longer than to draw ten pages."""
    monkeypatch.setattr("lwal_core.projections.cache.home", lambda: layouts)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def open_page(**address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
    for key, value in address.items():
        at.query_params[key] = value
    at.switch_page("../pages/embeddings.py").run()
    assert not at.exception
    return settled(at)


def settled(at: AppTest) -> AppTest:
    """Run again until no layout is in the making."""
    for _ in range(600):
        assert not at.exception
        if not any("so far)" in caption.value for caption in at.caption):
            return at
        time.sleep(0.1)
        at.run()
    raise AssertionError("the layout never came")


def chart(at: AppTest) -> dict[str, Any]:
    (found,) = at.get("plotly_chart")
    spec: dict[str, Any] = json.loads(found.proto.spec)
    return spec


# --- layouts --------------------------------------------------------------------------------------------------------


def layouts_of(run: Run, **options: Any) -> Projections:
    values = {
        "method": "pca",
        "dimensions": 2,
        "samples": False,
        "seed": 0,
        "params": {},
        "epoch": run.label_epochs()[-1],
    } | options
    frame = frame_request(run, values["epoch"], "centroids", values["dimensions"])
    base = ask(frame, patience=60)
    request = request_like(
        frame,
        values["epoch"],
        len(run.class_names),
        values["method"],
        values["seed"],
        values["params"],
        values["samples"],
    )
    found = ask(request, base, patience=120)
    assert found is not None
    return found


def test_samples_lie_where_the_principal_axes_of_the_classes_put_them(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=2)
    found = layouts_of(run, samples=True)
    assert found.samples is not None
    V = run.vectors(2).astype(float)
    z = run.evaluation().z.astype(float)[sampled_test_set(run).rows]
    axes = np.linalg.svd(V - V.mean(axis=0))[2][:2].T  # numpy's own decomposition; the signs may differ
    expected = (z - V.mean(axis=0)) @ axes
    for k in range(2):
        assert np.allclose(found.samples[:, k], expected[:, k], atol=1e-3) or np.allclose(
            found.samples[:, k], -expected[:, k], atol=1e-3
        )
    without = layouts_of(run)
    assert np.array_equal(found.frames[2].points, without.frames[2].points)  # the classes do not move when samples come


def test_samples_with_mds_keep_their_distances_and_are_turned_to_the_frame(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=1, dim=2)
    found, frame = layouts_of(run, method="mds", samples=True), layouts_of(run)
    assert found.samples is not None and list(found.frames) == [1]
    assert np.allclose(found.frames[1].points, frame.frames[1].points - frame.frames[1].points.mean(axis=0), atol=2.0)
    V, z = run.vectors(1), run.evaluation().z[sampled_test_set(run).rows]
    true = np.linalg.norm(V[:, None] - z[None].astype(float), axis=2)
    shown = np.linalg.norm(found.frames[1].points[:, None] - found.samples[None], axis=2)
    assert np.corrcoef(true.ravel(), shown.ravel())[0, 1] > 0.99


def test_many_classes_are_laid_out_one_epoch_at_a_time(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "FILM_CLASSES", 5)
    run = make_run(epochs=2, classes=6)
    assert list(layouts_of(run, method="mds", epoch=1).frames) == [1]
    assert list(layouts_of(run, method="pca", epoch=1).frames) == [0, 1, 2]


def test_damaged_epochs_are_left_out_and_said(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3)
    label_file(run.path, 1).write_bytes(b"damaged")
    arrays = load_file(label_file(run.path, 2))
    arrays["centroids"][3, 2] = np.nan
    save_file(arrays, label_file(run.path, 2))
    found = layouts_of(run)
    assert list(found.frames) == [0, 3] and found.left_out == (1, 2)
    with pytest.raises(RunError):
        class_distances(run, 1, "centroids")
    with pytest.raises(AnalysisError, match="not finite"):
        class_distances(run, 2, "centroids")


def test_a_slow_layout_does_not_hold_up_and_is_made_once(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1)
    frame = frame_request(run, 1, "centroids", 2)
    go, calls = threading.Event(), []

    def slow(*args: Any) -> Projections:
        calls.append(1)
        go.wait(30)
        return Projections(frame, {})

    monkeypatch.setattr(projections, "_film", slow)
    assert ask(frame, patience=0.01) is None and ask(frame, patience=0.01) is None
    seconds = projections.seconds_so_far(frame)
    assert seconds is not None and seconds >= 0
    go.set()
    assert ask(frame, patience=30) is not None
    assert len(calls) == 1 and projections.seconds_so_far(frame) is None


def test_a_layout_that_fails_says_so_and_can_be_asked_for_again(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1)
    frame = frame_request(run, 1, "centroids", 2)

    def broken(*args: Any) -> Projections:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(projections, "_film", broken)
        with pytest.raises(LwalError, match="no room"):
            ask(frame, patience=30)
    assert ask(frame, patience=30) is not None


# --- class_distances and sentences -----------------------------------------------------------------------------------------


def test_nearness_against_a_naive_search(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=2, classes=7)
    near, V = class_distances(run, 2, "centroids"), run.vectors(2).astype(float)
    D = {(i, j): float(np.sqrt(((V[i] - V[j]) ** 2).sum())) for i in range(7) for j in range(7) if i != j}
    assert near.pairs[0][:2] == min((d, i, j) for (i, j), d in D.items() if i < j)[1:]
    loneliness = {i: min(D[i, j] for j in range(7) if j != i) for i in range(7)}
    assert near.alone is not None and near.alone[0] == max(loneliness, key=loneliness.__getitem__)
    assert near.alone[2] == pytest.approx(max(loneliness.values()))
    for i in range(7):
        assert near.neighbours[i].tolist() == sorted((j for j in range(7) if j != i), key=lambda j: D[i, j])[:5]


def near_of(*points: float) -> ClassDistances:
    """Classes on a line."""
    x = np.array(points)
    D = np.abs(x[:, None] - x)
    away = D + np.diag(np.full(len(x), np.inf))
    pairs = sorted((float(D[i, j]), i, j) for i in range(len(x)) for j in range(i + 1, len(x)))
    far = int(np.argmax(away.min(axis=1))) if len(x) > 2 else 0
    alone = (far, int(np.argmin(away[far])), float(away[far].min())) if len(x) > 2 else None
    return ClassDistances(
        D, np.argsort(away, axis=1)[:, : len(x) - 1], tuple((i, j, d) for d, i, j in pairs[:5]), alone, False
    )


def test_the_answer_names_the_nearest_pair_and_the_loner() -> None:
    said = answer(["cat", "dog", "truck"], near_of(0, 0.42, 2.52), 10, "centroids", False)
    assert said == "cat and dog are nearest, 0.42 apart; truck is farthest from all."
    assert len(said.split()) == 12
    assert (
        answer(["cat", "dog"], near_of(0, 2), 0, "centroids", False)
        == "Before training, cat and dog, the two classes, are 2 apart."
    )
    assert "one class, cat" in answer(["cat"], near_of(0), 3, "centroids", False)


def test_trust_is_said_in_words_and_never_as_nan() -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(12, 6))
    near = near_of(*range(12))
    pca = project(X, "pca")
    said = reliability(quality(X, pca.points), pca, near)
    assert "of the neighbourhoods" in said and "of the variance" in said and "nan" not in said
    assert said.startswith(reliability(quality(X, pca.points), pca, near, brief=True))
    assert "means little" in reliability(quality(X, pca.points), Projection(pca.points.copy(), "umap", "umap"), near)
    few = project(X[:3], "pca")
    assert (
        reliability(quality(X[:3], few.points), few, near_of(0, 1, 3))
        == "3 points fit into 2 dimensions: all distances are true."
    )
    assert reliability(quality(X[:1], project(X[:1], "pca").points), project(X[:1], "pca"), near_of(0)) == ""


# --- the page -------------------------------------------------------------------------------------------------------


def test_without_runs_the_page_says_what_would_be_here() -> None:
    at = open_page()
    assert "No class vectors yet" in text_of(at)
    assert at.button(key="empty_train")


def test_one_run_shows_the_answer_the_picture_and_what_to_pick(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3)
    at = open_page()
    near = class_distances(run, 3, "centroids")
    i, j, _ = near.pairs[0]
    said = text_of(at)
    assert f"class {i} and class {j} are nearest" in said
    assert "of the neighbourhoods" in said and "all 40, after epoch 3" in said
    assert "Nearest classes" in said
    assert chart(at)["data"]


@pytest.mark.parametrize(  # what each projection makes of few points is tested below the pages
    ("method", "classes"), [("PCA", 1), ("PCA", 2), ("PCA", 3), ("UMAP", 1), ("MDS", 2), ("t-SNE", 3)]
)
def test_a_few_classes(make_run: Callable[..., Run], method: str, classes: int) -> None:
    make_run(classes=classes, epochs=1)
    at = open_page(projection=method, cloud="true", colour="Groups", trails="true")
    said = text_of(at)
    assert "nan" not in said
    assert {1: "There is one class", 2: "the two classes", 3: "are nearest"}[classes] in said


def test_the_address_brings_the_view_back(make_run: Callable[..., Run]) -> None:
    make_run(epochs=3)
    address = {
        "epoch": "1",
        "projection": "MDS",
        "dimensions": "3-D",
        "tree_vectors": "Label table",
        "colour": "Groups",
        "groups": "5",
    }
    at = open_page(**address, tree_class="class 2", cloud="true", trails="true", fit="true")
    assert at.session_state["epoch"] == 1
    assert at.session_state["groups"] == 5
    assert "classes of epoch 1" in text_of(at) and "5 groups" in text_of(at)
    assert "class 2" in text_of(at) and "**Nearest**" in text_of(at)
    assert {key: at.query_params[key] for key in address} == address


def test_a_layout_that_was_computed_before_needs_no_process(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1, classes=6)
    first = layouts_of(run, method="mds", samples=True)
    assert first.samples is not None
    projections.PROJECTIONS.forget_all()  # as after a restart of the app

    def refused(*arguments: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(client, "_start", refused)
    again = layouts_of(run, method="mds", samples=True)
    assert again is not first and again.samples is not None
    assert np.array_equal(again.samples, first.samples)
    assert np.array_equal(again.frames[1].points, first.frames[1].points)


def test_what_the_page_asks_for_first_is_what_a_training_leaves(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=2, classes=6)
    asked: list[str] = []

    def request(task: ProjectionTask, **options: Any) -> list[Projection]:
        asked.append(task.key)
        return ProjectionTask.make(task.frames, "pca", samples=task.samples).compute()

    monkeypatch.setattr(projections, "request_projections", request)
    monkeypatch.setattr("app.embeddings.toolbar.FIRST", "umap")
    at = open_page()
    assert at.selectbox(key="projection").value == "umap" and at.toggle(key="cloud").value
    left = {task.key for task in default_tasks(run)}
    assert len(left) == 1 and left <= set(asked)


def test_a_layout_that_fails_is_said_beside_the_principal_components(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(epochs=1, classes=6)

    def request(task: ProjectionTask, **options: Any) -> list[Projection]:
        if task.method == "mds":
            raise AnalysisError("The process ended *without* a word.", "Choose another projection.")
        return task.compute()

    monkeypatch.setattr(projections, "request_projections", request)
    at = open_page(projection="MDS")
    (error,) = at.error
    assert (
        "ended \\*without\\* a word" in error.value
        and "Choose another projection" in error.value
        and "Shown instead is PCA" in error.value
    )
    assert "PCA in 2 dimensions of 6 classes" in at.get("plotly_chart")[0].proto.alt


def test_samples_of_another_space_are_refused_and_the_classes_still_shown(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=1, classes=6)
    for epoch in (0, 1):
        arrays = load_file(label_file(run.path, epoch))
        arrays["labels"] = np.ascontiguousarray(arrays["labels"][:, :5])
        save_file(arrays, label_file(run.path, epoch))
    at = open_page(cloud="true", tree_vectors="Label table", projection="MDS")
    assert "another number of dimensions than the label table" in text_of(at)
    assert "MDS in 2 dimensions" in at.get("plotly_chart")[0].proto.alt
    assert "Test samples: all" not in text_of(at)


def test_a_run_that_came_without_its_test_samples_is_no_fault(make_run: Callable[..., Run]) -> None:
    run = make_run()
    (run.path / EVALUATION).unlink()
    at = open_page(cloud="true", projection="MDS")
    assert "This run came without its test samples" in text_of(at)
    assert EVALUATION not in text_of(at) and "MDS in 2 dimensions" in at.get("plotly_chart")[0].proto.alt


def test_samples_are_those_of_the_epoch_where_they_are_kept(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3, layers=True)
    at = open_page(epoch="1")
    assert "all 40, after epoch 1" in text_of(at)
    trace = next(trace for trace in chart(at)["data"] if trace["name"] == "samples")
    pred = run.evaluation(epoch=1).pred
    assert [symbol == "x" for symbol in trace["marker"]["symbol"]] == (pred != run.evaluation().y).tolist()
    assert "samples" not in [trace["name"] for trace in chart(open_page(epoch="1", cloud="false"))["data"]]


def test_the_last_picture_stays_pale_until_the_next_is_there(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(epochs=2, classes=6)
    go = threading.Event()

    def request(task: ProjectionTask, **options: Any) -> list[Projection]:
        if task.method == "tsne":
            go.wait(60)
        return ProjectionTask.make(task.frames, "pca", samples=task.samples).compute()

    monkeypatch.setattr(projections, "request_projections", request)
    at = open_page(projection="MDS")
    before = chart(at)
    at.selectbox(key="projection").set_value("tsne").run()
    assert not at.exception
    pale = chart(at)
    assert [mark["text"] for mark in pale["layout"]["annotations"]] == ["t-SNE is being computed"]
    assert [trace["x"] for trace in pale["data"]] == [trace["x"] for trace in before["data"]]
    assert all(trace["opacity"] < 1 for trace in pale["data"])
    assert "t-SNE is being computed" in text_of(at)
    go.set()
    assert not settled(at).exception
    assert "annotations" not in chart(at)["layout"]


def test_at_first_principal_components_are_read_at_full_strength_until_umap_is_there(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(epochs=2, classes=6)
    go = threading.Event()

    def request(task: ProjectionTask, **options: Any) -> list[Projection]:
        if task.method == "umap":
            go.wait(60)
        return ProjectionTask.make(task.frames, "pca", samples=task.samples).compute()

    monkeypatch.setattr(projections, "request_projections", request)
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
    at.query_params["projection"] = "UMAP"
    at.switch_page("../pages/embeddings.py").run()
    first = chart(at)
    assert [mark["text"] for mark in first["layout"]["annotations"]] == ["PCA, until UMAP is there"]
    assert all(trace.get("opacity", 1) == 1 for trace in first["data"])
    assert not first["layout"]["xaxis"]["title"].get("text")  # the next one has no titles, and nothing is to move
    go.set()
    last = chart(settled(at))
    assert "annotations" not in last["layout"] and last["layout"]["height"] == first["layout"]["height"]


def test_the_film_has_the_only_slider_and_gives_its_epoch_back(make_run: Callable[..., Run]) -> None:
    make_run(epochs=3)
    at = open_page(epoch="1", film="true")
    assert not [slider for slider in at.select_slider if slider.key == "epoch"]
    assert chart(at)["layout"]["sliders"][0]["active"] == 1
    at.toggle(key="film").set_value(False).run()
    assert not at.exception
    assert at.select_slider(key="epoch").value == 1


def test_the_judgement_of_a_large_layout_does_not_hold_up_the_page(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1)
    found, go = layouts_of(run), threading.Event()

    def slow(*arguments: Any) -> Any:
        go.wait(30)
        return quality(*arguments)

    monkeypatch.setattr(projections, "quality", slow)
    points = found.frames[1].points
    assert projections.projection_quality(found.request, 1, points, patience=0.01) is None
    assert projections.seconds_so_far(projections.QualityRequest(found.request, 1)) is not None
    go.set()
    known = projections.projection_quality(found.request, 1, points, patience=30)
    assert known == quality(run.vectors(1), points)


@pytest.mark.parametrize("view", ["Confusion", "Distances and mistakes", "Gallery", "Pairs by epoch"])
def test_everything_opens_at_once(make_run: Callable[..., Run], view: str) -> None:
    make_run(epochs=3)
    at = open_page(
        tree_class="class 2",
        class_history="true",
        embedding_linked="true",
        linked_view=view,
        film="true",
        trails="true",
    )
    said = text_of(at)
    assert "Nearest in turn" in said and "Picked: class 2" in said
    assert len(at.get("plotly_chart")) == (3 if view == "Gallery" else 4)


# --- the film -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PCA", "MDS"])
@pytest.mark.parametrize("dimensions", ["2-D", "3-D"])
def test_the_film_has_all_epochs_and_says_how_they_move(
    make_run: Callable[..., Run], method: str, dimensions: str
) -> None:
    run = make_run(epochs=4)
    at = open_page(film="true", projection=method, dimensions=dimensions, trails="true", epoch="2", cloud="true")
    spec = chart(at)
    assert [frame["name"] for frame in spec["frames"]] == ["0", "1", "2", "3", "4"]
    assert spec["layout"]["sliders"][0]["active"] == 2
    assert any(trace["name"] == "trails" for trace in spec["data"])
    said = text_of(at)
    assert "the vectors themselves by" in said and "Disparity after alignment at most" in said
    assert "they are not in the film" in said and "nan" not in said
    moved = [run.vectors(epoch).astype(float) for epoch in range(5)]
    step = np.mean([np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(moved)])
    spread = np.sqrt(np.mean([((V - V.mean(axis=0)) ** 2).sum(axis=1).mean() for V in moved]))
    assert f"the vectors themselves by {format_percent(step / spread)} of theirs" in said


def test_a_projection_of_single_epochs_plays_as_pca_and_says_so(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.common.projections.FILM_CLASSES", 5)
    make_run(epochs=2)
    at = open_page(film="true", projection="MDS")
    assert len(chart(at)["frames"]) == 3
    assert "MDS of 10 classes lays out one epoch at a time, so the film is PCA" in text_of(at)


def test_one_epoch_has_no_film(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=1)
    label_file(run.path, 0).unlink()
    at = open_page(film="true")
    assert "frames" not in chart(at) or not chart(at)["frames"]
    assert "A film needs labels of two epochs" in text_of(at)


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_a_film_of_a_few_classes(make_run: Callable[..., Run], classes: int) -> None:
    make_run(classes=classes, epochs=2)
    at = open_page(film="true", trails="true", projection="UMAP", tree_class="class 0")
    assert len(chart(at)["frames"]) == 3 and "nan" not in text_of(at)
