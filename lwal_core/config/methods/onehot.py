"""One-hot labels, the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class OneHot(MethodConfig):
    """One-hot labels; no options."""

    title = "One-hot"
    summary = "fixed labels, the baseline"
    sentence = "Every class is equally far from every other; this is the baseline."
    when = "The baseline: every comparison needs it."
    is_baseline = True
    equidistant_labels = True

    name: Literal["onehot"] = "onehot"

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.onehot import OneHotLabels

        return OneHotLabels(len(task.class_names))
