"""Try an image: prediction of the run's model, and the baseline's beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.background import Background, Wanted
from app.common.evaluation import evaluation_stamp, sampled_embeddings
from app.common.selection import selection
from app.common.widgets import errors_shown, figure, theme
from app.common.wording import plain
from app.try_image.picker import ImageChoice, is_grey, known_predictions, pick_image
from app.try_image.text import (
    distances_table,
    far_sentence,
    fork_table,
    forks_sentence,
    forks_title,
    stored_sentence,
    verdict,
)
from lwal_core.analysis.base.formatting import format_seconds
from lwal_core.analysis.hierarchy.routing import route
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.errors import LwalError
from lwal_core.figures import dendrogram_figure
from lwal_core.inference import Answer, DataGone, Question, ask
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import SOURCE_TITLES, Run, VectorSource, one_per_seed, open_run
from lwal_core.runs.paths import MODEL

OPEN = "try_image"
PATIENCE = 0.5  # seconds that the page waits for an answer before it goes on without
SEEN_SIDE = 168  # px, about, of the image as the network sees it
WHOLE_TREE = 40  # classes up to which the whole tree is drawn; of a larger one only the way down


class AnswerKey(NamedTuple):
    """A question and the files behind its answer; equal ones have equal answers.

    ``question`` is the run, the source, the index and whether light and dark are exchanged; ``digest`` is that of the
    image file.
    """

    question: tuple[str, str, int, bool]
    digest: str
    stamp: int


class Trial(NamedTuple):
    """An image that was tried, and what the run's model says about it."""

    run: Run
    question: Question
    answer: Answer

    @property
    def what(self) -> str:
        """The image in a word or two."""
        if self.question.source == "test":
            return f"test image {self.question.index:,}"
        return "thumbnail" if self.question.source == "thumbnail" else "your image"


ANSWERS: Background[AnswerKey, Answer] = Background("The model", "Try again.", 64)


def draw_try_image(run: Run, source: VectorSource) -> Trial | None:
    """Let the reader bring or pick an image and say what the models make of it; None while there is nothing to place.

    Args:
        run: The run whose model is asked.
        source: Whether class means or labels are looked at: the table is sorted, and the tree made, by these.
    """
    panel = st.expander(
        "Try an image", icon=":material/image_search:", on_change="rerun", key=OPEN, bind="query-params"
    )
    if not panel.open:
        return None
    with panel, errors_shown():
        problem = nothing_to_ask(run)
        if problem:
            st.info(problem, icon=":material/info:")
            return None
        left, right = st.columns([2, 3], gap="medium")
        with left:
            picked = pick_image(run)
        if picked is None:
            right.markdown(
                "Upload an image, or pick one: its distance to each class, its way down the tree, and what this model and the "
                "baseline take it for will be here, and a star in the picture above shows where it lands."
            )
            return None
        with left:
            answered = _answer(picked)
        if answered is None:
            return None
        question, answer = answered
        trial = Trial(run, replace(question, image=b""), answer)
        with left:
            _draw_seen(trial)
        with right:
            _draw_verdict(trial, question, source)
        _draw_way(trial, source)
    return trial


def nothing_to_ask(run: Run) -> str:
    """Why this run's model cannot be asked about an image (markdown); empty when it can, as far as its files tell."""
    if run.config.data.name.startswith("features:"):
        return "This run was trained on vectors from a file: its model takes no images."
    if run.config.imported or not (run.path / MODEL).is_dir():
        return (
            f"No model is kept with {plain(run.name)}. One is written with the first epoch of a training here; bundles may leave "
            "it out, and neither imported vectors nor runs that another program recorded have one."
        )
    return ""


# --- asking ----------------------------------------------------------------------------------------------------------


def _answer(picked: ImageChoice) -> tuple[Question, Answer] | None:
    """The run's answer and the question that it answers; None while it is awaited, or when there is none, which is then
    said."""
    question = picked.question
    try:
        try:
            answer = _asked(question)
        except DataGone as gone:
            if picked.fallback is None:
                raise
            st.warning(f"{plain(gone.message)} The thumbnail is asked about instead.", icon=":material/warning:")
            question = picked.fallback
            answer = _asked(question)
    except LwalError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if answer is None:
        _wait_for(_key(question))
        return None
    return question, answer


def _asked(question: Question) -> Answer | None:
    return ANSWERS.ask(_key(question), lambda: _work(question), PATIENCE)


def _work(question: Question) -> Callable[[Wanted], Answer]:
    return lambda wanted: ask(question)


def _key(question: Question) -> AnswerKey:
    about = (question.run_id, question.source, question.index, question.invert)
    digest = blake2b(question.image, digest_size=16).hexdigest()
    return AnswerKey(about, digest, run_cache.file_stamp(question.run_id, f"{MODEL}/model.safetensors"))


@st.fragment(run_every=1.0)
def _wait_for(asked: AnswerKey) -> None:
    """Say how long an answer has been awaited, and draw the page again when it is there."""
    seconds = ANSWERS.seconds(asked)
    if seconds is None:
        st.rerun()
    st.caption(
        f":material/hourglass_top: Asking the model ({format_seconds(max(1, round(seconds)))} so far); the first time it is loaded."
    )


# --- what it says ----------------------------------------------------------------------------------------------------


def _draw_seen(trial: Trial) -> None:
    seen = trial.answer.seen
    factor = max(1, round(SEEN_SIDE / max(seen.shape[:2])))
    pixels = seen.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = seen.shape[:2]
    what = f"As the network sees it: {width:,} x {height:,} pixels, {'grey' if seen.shape[2] == 1 else 'colour'}"
    st.image(pixels.squeeze(), what, alt=what, output_format="PNG")
    st.caption(plain(" ".join(trial.answer.steps)))
    if trial.answer.hint:
        st.warning(plain(trial.answer.hint), icon=":material/contrast:")


def _draw_verdict(trial: Trial, question: Question, source: VectorSource) -> None:
    run, answer, names = trial.run, trial.answer, trial.run.class_names
    st.markdown(verdict(run.config.method_label(), answer, names))
    if trial.question.source == "test":
        tested = known_predictions(run)
        if tested is not None:
            st.caption(stored_sentence(tested.epoch, int(tested.pred[trial.question.index]), answer, names))
    far = _far(run.id, answer.epoch, run_cache.label_stamp(run.id, answer.epoch), evaluation_stamp(run))
    if far is not None:
        said = far_sentence(float(answer.to_means.min()), far)
        if said:
            st.markdown(said)
    other, title = _draw_baseline(run, question)
    table = distances_table(answer, names, source, other, title)
    formats = {name: st.column_config.NumberColumn(format="%.4g") for name in table if name.startswith("To ")}
    shares = {name: st.column_config.NumberColumn(format="%.4g %%") for name in table if "robability" in name}
    st.dataframe(
        table, hide_index=True, height=min(36 * (len(names) + 1) + 3, 420), column_config=formats | shares, key="try_table",
        alt=f"Distance of {trial.what} to each of {len(names):,} classes, nearest first.",
    )  # fmt: skip


def _draw_baseline(run: Run, question: Question) -> tuple[Answer | None, str]:
    """What the selection's baseline says, in a sentence; its answer, if it is about the same classes, and its name."""
    group = selection().baseline
    if group is None or group.key == run.group:
        return None, ""
    summaries = one_per_seed(group.runs)
    if not summaries:
        return None, ""
    own_seed = run.config.training.seed
    other = open_run(next((s for s in summaries if s.seed == own_seed), summaries[0]).id)
    title = f"{other.config.method_label()}, seed {other.config.training.seed}"
    if question.source != "upload" and other.config.data != run.config.data:
        st.caption(f"The baseline ({plain(title)}) was trained on other data and is not asked about this image.")
        return None, ""
    problem = nothing_to_ask(other)
    if problem:
        st.caption(f"The baseline is not asked. {problem}")
        return None, ""
    asked = replace(question, run_id=other.id, invert=question.invert and is_grey(other))
    try:
        answer = _asked(asked)
    except LwalError as error:
        st.caption(f"The baseline ({plain(title)}) cannot be asked. {plain(str(error))}")
        return None, ""
    if answer is None:
        _wait_for(_key(asked))
        return None, ""
    st.markdown(verdict(f"{title} (the baseline)", answer, other.class_names))
    return (answer, title) if other.class_names == run.class_names else (None, "")


@st.cache_data(max_entries=30, show_spinner=False)
def _far(run_id: str, epoch: int, *stamps: int) -> np.ndarray | None:
    """Distance of each test sample to its nearest class mean, ascending; None when the files do not tell."""
    from scipy.spatial.distance import cdist

    run = open_run(run_id)
    try:
        means, z = run.vectors(epoch), sampled_embeddings(run).astype(np.float64)
    except LwalError:
        return None
    return np.sort(cdist(z, means.astype(np.float64)).min(axis=1)) if z.shape[1] == means.shape[1] else None


def _draw_way(trial: Trial, source: VectorSource) -> None:
    run, answer, names = trial.run, trial.answer, trial.run.class_names
    if len(names) < 2:
        return
    try:
        h = run_cache.hierarchy(TreeSpec.of(run, answer.epoch, source))
        forks = route(h, run.vectors(answer.epoch, source), answer.z)
    except LwalError as error:
        st.caption(f"Its way down the tree cannot be told. {plain(str(error))}")
        return
    what = SOURCE_TITLES[source].lower()
    if h.is_flat and h.n > 2:
        st.caption(f"The {what} are all equally far apart: their tree is arbitrary, and so is any way down it.")
        return
    end = forks[-1].taken
    part = None if h.n <= WHOLE_TREE else tree_part(h, closed=[fork.left_out for fork in forks])
    fig = dendrogram_figure(h, chosen=end, part=part, theme=theme(), title=forks_title(h, forks))
    nearest = answer.by_mean if source == "centroids" or answer.to_labels is None else int(answer.to_labels.argmin())
    figure(
        fig,
        key="try_way",
        summary=f"The way of {trial.what} down the tree of the {what} after epoch {answer.epoch}, to {names[end]}.",
        table=lambda: fork_table(h, forks),
    )
    st.markdown(forks_sentence(h, forks, nearest))
    st.caption(
        f"Average linkage of the {what} after epoch {answer.epoch}. At each merge the way goes to the side whose classes, taken "
        "together as the mean of their vectors, are nearer."
    )
