"""Training curve of one run: accuracy and losses per epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from lwal_core.analysis.comparison.intervals import FloatArray
from lwal_core.errors import AnalysisError

Quantity = Literal["accuracy", "loss", "pull", "push"]
XAxis = Literal["epoch", "step", "samples", "seconds"]

_COLUMNS = ("epoch", "accuracy", "samples", "seconds", "loss", "pull", "push", "step", "validation")


@dataclass(frozen=True, eq=False)
class Curve:
    """One run as the curves page sees it; every array has one row per epoch, row 0 the untrained network (epoch 0).

    Attributes:
        run_id: Id of the run.
        group: What is equal within a group: everything but the seed.
        method_label: ``"One-hot"``, ``"LwAL"``, ...
        seed: Seed of the run.
        epoch: ``[E+1]``, increasing.
        accuracy: ``[E+1]`` test accuracy as a fraction in [0, 1]; nan where it was not measured.
        samples: ``[E+1]`` training samples seen so far.
        seconds: ``[E+1]`` seconds of training alone so far.
        loss, pull, push: ``[E+1]`` losses; nan (the default) where the method has none.
        step: ``[E+1]`` optimiser steps so far; nan (the default) where they were not counted.
        validation: ``[E+1]`` accuracy on a validation part, by which an epoch is chosen; nan (the default) without one.
        parameters: Trained parameters; None where they were not counted.
        label_share: Work of the label method as a share of a training step's seconds, at least 0; nan where it was
            not measured.
        output_share: The same of the output layer with its share of the optimiser.
        rule: By which rule this method's accuracy was measured, in words, where it is not the same for all methods
            compared; else empty.
        extra: ``[E+1]`` what a program that recorded the run measured besides, by name.
        measured: ``[E+1]`` other fractions of the same run, by what they are called: accuracies on other parts of the data, measures.
        learned: Whether the method learns its labels with the network: such a method leads what is said.

    Raises:
        AnalysisError: Lengths differ, epochs do not increase, accuracy is not a fraction, or samples or seconds run
            backwards.
    """

    run_id: str
    group: str
    method_label: str
    seed: int
    epoch: FloatArray
    accuracy: FloatArray
    samples: FloatArray
    seconds: FloatArray
    loss: FloatArray | None = None
    pull: FloatArray | None = None
    push: FloatArray | None = None
    step: FloatArray | None = None
    validation: FloatArray | None = None
    parameters: int | None = None
    label_share: float = math.nan
    output_share: float = math.nan
    rule: str = ""
    learned: bool = False
    extra: Mapping[str, FloatArray] = field(default_factory=dict)
    measured: Mapping[str, FloatArray] = field(default_factory=dict)

    def with_measure(self, name: str) -> Curve:
        """The same with a measure of ``extra`` in place of the losses; nan where this run has none of that name."""
        return replace(self, loss=self.extra.get(name), pull=None, push=None)

    def with_measured(self, name: str) -> Curve:
        """The same with another fraction in place of the accuracy; nan where this run has none of that name."""
        values = np.asarray(self.measured.get(name, np.full(len(self.epoch), np.nan)), dtype=np.float64)
        return replace(self, accuracy=np.where((values >= 0) & (values <= 1), values, np.nan))

    def __post_init__(self) -> None:
        rows = np.asarray(self.epoch).shape
        for name in _COLUMNS:
            given = getattr(self, name)
            array = np.full(rows, np.nan) if given is None else np.array(given, dtype=np.float64)
            if array.ndim != 1 or array.shape != rows or not array.size:
                raise AnalysisError(
                    f"Run {self.run_id!r}: {name} has shape {array.shape}, epoch has {rows}.",
                    "Every column has one value per epoch, at least one.",
                )
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not np.isfinite(self.epoch).all() or (np.diff(self.epoch) <= 0).any():
            raise AnalysisError(f"Run {self.run_id!r}: epochs do not increase.", "Give each epoch once, in order.")
        for name in ("samples", "seconds", "step"):
            column = getattr(self, name)
            if (np.diff(column[np.isfinite(column)]) < 0).any():
                raise AnalysisError(f"Run {self.run_id!r}: {name} run backwards.", "Give running totals.")
        measured = self.accuracy[~np.isnan(self.accuracy)]
        if ((measured < 0) | (measured > 1)).any():
            raise AnalysisError(
                f"Run {self.run_id!r}: accuracy ranges from {measured.min():g} to {measured.max():g}.",
                "Accuracies are fractions between 0 and 1.",
            )


def measures_of(curves: Iterable[Curve]) -> list[str]:
    """Names of what programs measured besides, in the order in which they come."""
    return list(dict.fromkeys(name for curve in curves for name in curve.extra))


def measured_points(curve: Curve, quantity: Quantity, x: XAxis) -> tuple[FloatArray, FloatArray]:
    """The points of a curve that have both values, ``(x [n], y [n])``."""
    px, py = getattr(curve, x), getattr(curve, quantity)
    both = np.isfinite(px) & np.isfinite(py)
    return px[both], py[both]
