"""Placement of a tried image: where it lies in the layout that the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.common.evaluation import sampled_embeddings
from app.common.projections import Projections, axes_epoch, samples_on_axes
from app.common.wording import plain, shortened
from app.embeddings.toolbar import METHODS
from app.try_image.view import Trial
from lwal_core.analysis.projection.out_of_sample import place_out_of_sample
from lwal_core.errors import LwalError, RunError
from lwal_core.figures.labels import shown_name
from lwal_core.figures.palette import Theme
from lwal_core.figures.query_image import with_query_image
from lwal_core.projections.defaults import class_frames

if TYPE_CHECKING:
    import plotly.graph_objects as go

NOT_IN_FILM = "The image that was tried is not in the film; leave the film to see where it lands."


def with_trial(
    fig: go.Figure, trial: Trial | None, layouts: Projections, epoch: int, theme: Theme
) -> tuple[go.Figure, list[str]]:
    """The picture with the tried image in it, and what the reader should know about its place (markdown).

    On principal axes it lies where the axes put it, as the classes do. Other layouts have no rule for anything new: it is
    placed at a mean of the classes, and of the test samples where they are shown, that it is nearest to.

    Args:
        fig: The picture of the epoch; shared, so that a copy is returned.
        trial: The image; None for none.
        layouts: What is drawn.
        epoch: Of the classes that are drawn.
        theme: ``"light"`` or ``"dark"``.
    """
    if trial is None:
        return fig, []
    try:
        place, between, said = _place(trial, layouts, epoch)
    except LwalError as error:
        return fig, [f"{trial.what.capitalize()} cannot be placed in this picture. {plain(str(error))}"]
    names, answer = trial.run.class_names, trial.answer
    hover = f"taken for {shown_name(names[answer.by_mean])}"
    drawn = with_query_image(fig, place, text=trial.what, hover=hover, between=between, theme=theme)
    return drawn, said


def _place(trial: Trial, layouts: Projections, epoch: int) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    run, answer, shown = trial.run, trial.answer, layouts.frames[epoch]
    source = layouts.request.source
    what = trial.what.capitalize()
    if source == "features":
        raise RunError(
            "The model gives its outputs, and this is the space of the features.", "Look at the class means."
        )
    said = []
    between = None
    if shown.method == "pca":
        vectors, _ = class_frames(run, sorted({axes_epoch(layouts), answer.epoch}), source)
        place = samples_on_axes(layouts, vectors, answer.epoch, answer.z.astype(np.float64)[None])[0]
        said.append(f"{what}, the star, lies on the same axes as the classes.")
    else:
        vectors, _ = class_frames(run, (answer.epoch,), source)
        known, points = vectors[answer.epoch].astype(np.float64), shown.points
        others = "classes"
        if layouts.samples is not None:
            cloud = sampled_embeddings(run, epoch=layouts.request.sample_epoch)
            known, points = np.vstack([known, cloud]), np.vstack([points, layouts.samples])
            others = "classes and test samples"
        found = place_out_of_sample(np.linalg.norm(known - answer.z.astype(np.float64), axis=1), points)
        place, between = found.place, points[found.nearest]
        rows = [i for i in found.nearest.tolist() if i < len(run.class_names)]
        which = (
            f" ({', '.join(shortened(run.class_names[i]) for i in rows)})"
            if rows and len(rows) == len(found.nearest)
            else ""
        )
        said.append(
            f"{what}, the star, is interpolated: {METHODS[shown.method]} has no rule for anything new, so it stands at the mean "
            f"of the {len(found.nearest)} nearest {others}{which}, each counting with one over its squared distance."
        )
    if epoch != answer.epoch:
        said.append(
            f"Its embedding is that of epoch {answer.epoch}, the best one, whose weights are kept; go to epoch {answer.epoch} to "
            "see it among the classes of its time."
        )
    return place, between, said
