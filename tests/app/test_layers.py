"""Layers on pages: class means of the outputs and of the features in one list, and features where outputs do not compare."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lwal_core.analysis.projection import Projection
from lwal_core.projections import ProjectionTask
from lwal_core.runs import Run
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def vectors(at: AppTest, key: str = "tree_vectors") -> tuple[list[str], Any]:
    control = next(each for each in (*at.segmented_control, *at.selectbox) if each.key == key)  # a list of many
    return list(control.options), control.value


def points(at: AppTest, name: str) -> np.ndarray:
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    (trace,) = [trace for trace in spec["data"] if trace.get("name") == name]
    return np.column_stack([_numbers(trace[axis]) for axis in "xy"])


def _numbers(values: Any) -> np.ndarray:
    if isinstance(values, dict):  # plotly packs long arrays
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).astype(float)
    return np.array(values, float)


@pytest.mark.parametrize("page", ["embeddings", "hierarchy"])
def test_a_run_that_keeps_features_offers_them(open_page: Open, make_run: Make, page: str) -> None:
    run = make_run(layers=True)
    at = open_page(page, {"run": run.id})
    assert vectors(at)[0][:3] == ["Class means", "Feature means", "Label table"] and vectors(at)[1] == "centroids"
    at = open_page(page, {"run": run.id, "tree_vectors": "Feature means"})
    assert not at.exception and vectors(at)[1] == "features"
    if page == "hierarchy":
        specs = [chart.proto.spec for chart in at.get("plotly_chart")]
        assert any("(feature units)" in spec for spec in specs) and not any("label units" in spec for spec in specs)


def test_a_run_of_format_1_offers_what_it_has(open_page: Open, make_run: Make) -> None:
    run = make_run()
    assert vectors(open_page("embeddings", {"run": run.id}))[0] == ["Class means", "Label table"]


def test_test_samples_lie_in_the_space_of_the_features(open_page: Open, make_run: Make) -> None:
    run = make_run(layers=True)
    at = open_page("embeddings", {"run": run.id, "tree_vectors": "Feature means", "cloud": "true"})
    cloud = points(at, "samples")
    assert len(cloud) == 20  # every second of 40 test samples has its features kept
    found = run.evaluation("features")
    means = run.vectors(3, "features").astype(np.float64)
    # The picture shows both on the principal axes of the class means: distances to them are those of a projection.
    centred = means - means.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    own, shown = (found.z.astype(np.float64) - means.mean(axis=0)) @ axes.T, cloud
    np.testing.assert_allclose(np.abs(own), np.abs(shown), atol=2e-2)


def test_the_film_moves_the_samples_on_the_axes_of_the_classes(open_page: Open, make_run: Make) -> None:
    run = make_run(layers=True)
    at = open_page("embeddings", {"run": run.id, "film": "true", "cloud": "true"})
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    kinds = [trace.get("name") for trace in spec["data"]]

    def places(frame: dict[str, Any], name: str) -> np.ndarray:
        data = frame["data"][frame["traces"].index(kinds.index(name))]
        return np.column_stack([_numbers(data[axis]) for axis in "xy"])

    assert [frame["name"] for frame in spec["frames"]] == ["0", "1", "2", "3"]
    last = run.vectors(3).astype(np.float64)
    axes = np.linalg.lstsq(last - last.mean(axis=0), places(spec["frames"][3], "classes"), rcond=None)[0]
    for epoch, frame in enumerate(spec["frames"]):
        found, means = run.evaluation(epoch=epoch), run.vectors(epoch).astype(np.float64)
        own = (found.z.astype(np.float64) - means.mean(axis=0)) @ axes
        np.testing.assert_allclose(places(frame, "samples"), own, atol=1e-2)
        assert len(own) == 40
    assert "Dots are 40 test samples" in text_of(at)


def test_the_film_of_another_projection_lays_out_classes_and_samples_together(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = make_run(layers=True), []

    def request(task: ProjectionTask, **options: Any) -> list[Projection]:
        asked.append(task)
        return ProjectionTask.make(task.frames, "pca", samples=task.samples).compute()

    monkeypatch.setattr("app.common.projections.request_projections", request)
    at = open_page("embeddings", {"run": run.id, "film": "true", "projection": "UMAP"})
    (joint,) = [task for task in asked if task.method == "umap"]
    assert [len(frame) for frame in joint.frames] == [50] * 4
    for epoch, frame in enumerate(joint.frames):
        np.testing.assert_array_equal(frame[:10], run.vectors(epoch))
        np.testing.assert_array_equal(frame[10:], run.evaluation(epoch=epoch).z)
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    kinds = [trace.get("name") for trace in spec["data"]]
    moving = [kinds[index] for index in spec["frames"][0]["traces"]]
    assert "samples" in moving and "classes" in moving and len(spec["frames"]) == 4
    assert "Dots are 40 test samples" in text_of(at)


@pytest.mark.parametrize(
    ("layers", "query", "why"),
    [
        (False, {}, "kept of one epoch only"),
        (True, {"tree_vectors": "Feature means"}, "of the best epoch alone"),
    ],
)
def test_a_film_without_samples_says_why(
    open_page: Open, make_run: Make, layers: bool, query: dict[str, str], why: str
) -> None:
    run = make_run(layers=layers)
    at = open_page("embeddings", {"run": run.id, "film": "true", "cloud": "true", **query})
    for _ in range(300):  # the layout is made by another process
        if "so far)" not in text_of(at):
            break
        time.sleep(0.1)
        at.run()
    assert why in text_of(at)
    assert "samples" not in [trace.get("name") for trace in json.loads(at.get("plotly_chart")[0].proto.spec)["data"]]


def test_outputs_of_other_widths_are_compared_in_the_features(open_page: Open, make_run: Make) -> None:
    make_run("onehot", layers=True, dim=10)
    wide = make_run(layers=True, dim=30)
    at = open_page("trees")
    assert not at.exception
    for side in ("left", "right"):
        assert vectors(at, f"{side}_vectors")[1] == "features"
    assert "different widths (10 and 30)" in text_of(at)
    at = open_page("trees", {"left_vectors": "Class means", "right_vectors": "Class means"})
    assert "different widths" not in text_of(at)
    at = open_page("embeddings", {"run": wide.id})
    assert vectors(at)[1] == "features" and "different widths (10 and 30)" in text_of(at)


def test_outputs_of_one_width_are_compared_as_they_are(open_page: Open, make_run: Make) -> None:
    make_run("onehot", layers=True)
    make_run(layers=True)
    at = open_page("trees")
    assert [vectors(at, f"{side}_vectors")[1] for side in ("left", "right")] == ["centroids", "centroids"]


@pytest.mark.parametrize("panel", ["tree_real", "tree_beside", "tree_film_open", "tree_heat"])
def test_what_is_told_of_a_tree_is_told_of_features(open_page: Open, make_run: Make, panel: str) -> None:
    for seed in (12, 13, 14):
        make_run("onehot", seed=seed, layers=True)
        run = make_run(seed=seed, layers=True)
    at = open_page("hierarchy", {"run": run.id, "tree_vectors": "Feature means", panel: "true"})
    assert not at.exception and not at.error
    if panel == "tree_real":
        assert "feature means" in text_of(at)


@pytest.mark.parametrize("view", ["Confusion", "Distances and mistakes", "Gallery"])
def test_mistakes_of_an_epoch_are_those_of_its_sample(open_page: Open, make_run: Make, view: str) -> None:
    run = make_run(layers=True)
    at = open_page("embeddings", {"run": run.id, "embedding_linked": "true", "linked_view": view})
    slider = at.select_slider(key="mistakes_epoch")
    assert slider.value == 3 and list(slider.options) == ["0", "1", "2", "3"]
    assert "test set after epoch 3" in text_of(at).lower()
    slider.set_value(1).run()
    assert not at.exception and not at.error
    said = text_of(at).lower()
    assert (
        "sample of the test set after epoch 1"
        if view.startswith("Dist")
        else "test set after epoch 1, by nearest class mean"
    ) in said
    if view == "Confusion":  # after epoch 1 every sample of another class is taken for class 0
        shown = at.dataframe[-1].value
        assert set(shown["Taken for"]) - {"class 0"} <= {"class 1"} and shown["Samples"].sum() >= 36
        assert list(shown["Samples"].head(9)) == [4] * 9


def test_a_run_with_one_tested_epoch_has_no_slider_for_mistakes(open_page: Open, make_run: Make) -> None:
    at = open_page("embeddings", {"run": make_run().id, "embedding_linked": "true"})
    assert "mistakes_epoch" not in [each.key for each in at.select_slider]
    at = open_page("embeddings", {"run": make_run(layers=True).id, "mistakes_epoch": "99", "embedding_linked": "true"})
    assert "99 is not here" in text_of(at)


def test_accuracy_by_features_is_a_reading_of_runs_that_keep_them(open_page: Open, make_run: Make) -> None:
    make_run("onehot", layers=True)
    run = make_run(layers=True)
    at = open_page("curves", {"predictor": "Nearest feature mean"})
    assert at.segmented_control(key="predictor").value == "features" and not at.error
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    drawn = [
        _numbers(trace["y"]) for trace in spec["data"] if trace.get("name") == "LwAL" and trace.get("y") is not None
    ]
    shown = run.metrics().test_accuracy_features
    assert any(
        len(line) == len(shown) and (np.allclose(line, shown) or np.allclose(line, 100 * shown)) for line in drawn
    )
    assert "nearest class mean of features" in text_of(at)


def test_runs_without_features_are_not_read_by_them(open_page: Open, make_run: Make) -> None:
    make_run("onehot")
    make_run()
    at = open_page("curves", {"predictor": "Nearest feature mean"})
    assert list(at.segmented_control(key="predictor").options) == ["As used", "Nearest class mean", "Own predictor"]
    assert at.segmented_control(key="predictor").value == "as-used"
