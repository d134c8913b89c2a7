"""record_classifier: embeddings, weights and classes of the usual kinds of estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

import lwal_core as lwal
from lwal_core.integrations.sklearn import record_classifier
from lwal_core.recording.arrays import RecordError
from lwal_core.recording.open_runs import RecordWarning
from lwal_core.runs import Run, open_run

NAMES = ("robin", "wren", "eagle")


def points(classes: int = 3, count: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(count) % classes
    return np.random.default_rng(seed).normal(size=(count, 4)) + 2 * np.eye(classes, 4)[y], y


def recorded(estimator: Any, x: Any, y: Any, names: tuple[str, ...] = NAMES, **options: Any) -> Run:
    with lwal.start_run(classes=names, method="m", data="d", strict=True) as run:
        record_classifier(run, estimator, x, y, **options)
    return open_run(run.id)


def means_of(z: np.ndarray, y: np.ndarray, classes: int = 3) -> np.ndarray:
    return np.stack([np.mean([row for row, c in zip(z, y, strict=True) if c == k], axis=0) for k in range(classes)])


def test_a_linear_model_has_its_features_and_weights() -> None:
    x, y = points()
    estimator = LogisticRegression().fit(x, y)
    table = recorded(estimator, x, y).labels(1)
    assert np.allclose(table.centroids, means_of(x, y), atol=1e-5) and np.allclose(table.labels, estimator.coef_)
    assert np.allclose(table.accuracy("own"), [np.mean(estimator.predict(x[y == c]) == c) for c in range(3)])


def test_two_classes_have_a_row_each() -> None:
    x, y = points(2)
    estimator = LogisticRegression().fit(x, y)
    labels = recorded(estimator, x, y, NAMES[:2]).labels(1).labels
    assert np.allclose(labels, [-estimator.coef_[0], estimator.coef_[0]])


def test_the_last_step_of_a_pipeline_counts_also_of_a_search() -> None:
    x, y = points()
    estimator = GridSearchCV(make_pipeline(PCA(2), LogisticRegression()), {"pca__n_components": [2, 3]}, cv=2).fit(x, y)
    best = estimator.best_estimator_
    table = recorded(estimator, x, y).labels(1)
    assert np.allclose(table.centroids, means_of(best[:-1].transform(x), y), atol=1e-5)
    assert np.allclose(table.labels, best[-1].coef_)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_hidden_layers_of_every_activation(activation: str) -> None:
    x, y = points()
    estimator = MLPClassifier((5, 3), activation=activation, max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        estimator.fit(x, y)
    run = recorded(estimator, x, y)
    scores = run.evaluation().z @ estimator.coefs_[-1] + estimator.intercepts_[-1]
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.abs(shares - estimator.predict_proba(x)).max() < 2e-3  # embeddings are kept in half precision


@pytest.mark.parametrize(
    "estimator", [RandomForestClassifier(5, random_state=0), KNeighborsClassifier(3)], ids=["forest", "neighbours"]
)
def test_any_other_classifier_has_its_scores(estimator: Any) -> None:
    (x, y), (x_test, y_test) = points(), points(seed=1)
    run = recorded(estimator.fit(x, y), x_test, y_test, train=(x, y))
    assert np.allclose(run.labels(1).centroids, means_of(estimator.predict_proba(x), y), atol=1e-5)
    assert run.record.vectors == ["centroids"] and np.isfinite(run.metrics().test_accuracy_mean[0])
    assert run.metrics().test_accuracy_own[0] == pytest.approx(estimator.score(x_test, y_test))


def test_classes_are_told_by_name_in_whatever_order() -> None:
    x, y = points()
    named = np.array(NAMES)[y]
    estimator = LogisticRegression().fit(x, named)
    assert estimator.classes_.tolist() == ["eagle", "robin", "wren"]
    run = recorded(estimator, x, named)
    assert np.allclose(run.labels(1).labels, estimator.coef_[[1, 2, 0]])
    assert np.allclose(run.labels(1).centroids, means_of(x, y), atol=1e-5)
    other = recorded(LogisticRegression().fit(x, y * 10), x, y * 10)  # classes 0, 10, 20, in their order
    assert np.allclose(other.labels(1).centroids, run.labels(1).centroids)
    with pytest.raises(RecordError, match=r"The class 'crow' is none of the run's\. They are 'robin', 'wren', 'eagle'"):
        recorded(estimator, x, np.where(named == "wren", "crow", named))


def test_a_class_that_the_estimator_never_saw_has_no_weights() -> None:
    x, y = points()
    run = recorded(LogisticRegression().fit(x[y < 2], y[y < 2]), x, y)
    assert run.record.vectors == ["centroids"] and run.labels(1).accuracy("own")[2] == 0  # type: ignore[index]
    with pytest.warns(RecordWarning, match="A class has no sample"):
        run = recorded(LogisticRegression().fit(x, y), x[y < 2], y[y < 2])
    assert run.record.vectors == ["labels"]


def test_rounds_are_epochs() -> None:
    x, y = points()
    estimator = MLPClassifier((5,), random_state=0)
    with lwal.start_run(classes=NAMES, method="m", data="d", strict=True) as run:
        for _ in range(3):
            record_classifier(run, estimator.partial_fit(x, y, classes=range(3)), x, y, train_loss=estimator.loss_)
    read = open_run(run.id)
    assert read.label_epochs() == [1, 2, 3] == read.metrics().epoch.tolist() and np.isfinite(read.metrics().loss).all()


def test_what_cannot_be_recorded_is_said_and_the_program_goes_on() -> None:
    x, y = points()
    with lwal.start_run(classes=NAMES, method="m", data="d") as run:
        with pytest.warns(RecordWarning, match=r"record_classifier\(\): .*It is left out"):
            record_classifier(run, LogisticRegression().fit(x, y), x[:, :2], y)
        assert run.recording
