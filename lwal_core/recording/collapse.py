"""Neural collapse of vectors that a program gives."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, get_args

from lwal_core.analysis.collapse import neural_collapse
from lwal_core.recording.arrays import RecordError, class_numbers, table
from lwal_core.runs import Layer
from lwal_core.sanitize import quoted


def collapse_numbers(features: Any, targets: Any, head: Any, bias: Any, layer: str, classes: int) -> dict[str, float]:
    """The measures under the names of their columns, those that are defined; arguments as for
    :meth:`lwal_core.recording.recorder.Recorder.log_collapse`.

    Raises:
        RecordError: Something does not fit; the message names the argument.
    """
    if layer not in get_args(Layer):
        raise RecordError("layer", f"layer is {quoted(layer, 60)}.", f"Give {' or '.join(get_args(Layer))}.")
    x = table(features, "features", "ND", {})
    y = class_numbers(targets, "targets", len(x), classes)
    sizes = {"C": classes, "D": x.shape[1]}
    weights = None if head is None else table(head, "head", "CD", sizes)
    if bias is not None and weights is None:
        raise RecordError("bias", "bias is given without a head.", "Give both, or neither.")
    offsets = None if bias is None else table(bias, "bias", "C", sizes)
    found = asdict(neural_collapse(x, y, weights, offsets))
    return {f"{layer}_{name}": value for name, value in found.items() if math.isfinite(value)}
