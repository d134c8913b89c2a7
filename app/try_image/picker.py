"""Choice of the image to try: a file, a test image or a thumbnail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from app.common.evaluation import Predictions, predictions, thumbnails
from app.common.widgets import changing
from app.tree.chosen_node import CLASS
from lwal_core.datafiles.source_stats import image_shape
from lwal_core.errors import LwalError
from lwal_core.inference import Question
from lwal_core.inference.protocol import MAX_IMAGE_BYTES
from lwal_core.runs import Run
from lwal_core.settings import settings

if TYPE_CHECKING:
    from lwal_core.runs import Samples

SOURCE, INDEX, INVERT = "try_source", "try_index", "try_invert"
YOURS, THUMBNAIL, TEST = "Your image", "Thumbnail", "Test image"
ENDINGS = ["png", "jpg", "jpeg", "webp", "gif", "bmp"]


class ImageChoice(NamedTuple):
    """A question, and the one to fall back on when the data set is gone; None where there is none."""

    question: Question
    fallback: Question | None = None


def pick_image(run: Run) -> ImageChoice | None:
    choice = st.segmented_control(
        "Image", [YOURS, THUMBNAIL, TEST], default=YOURS, key=SOURCE, required=True, bind="query-params",
        label_visibility="collapsed",
    ) or YOURS  # fmt: skip
    if choice == THUMBNAIL:
        picked = _pick_thumbnail(run)
    elif choice == TEST:
        picked = _pick_test(run)
    else:
        limit = min(MAX_IMAGE_BYTES // 2**20, settings().max_upload_mb)
        file = st.file_uploader(
            f"PNG, JPEG, WebP, GIF or BMP, up to {limit} MB",
            type=ENDINGS,
            max_upload_size=limit,
            key="try_file",
            **changing(),
        )
        picked = None if file is None else ImageChoice(Question(run.id, "upload", image=file.getvalue()))
    if picked is None or not is_grey(run):
        return picked
    invert = st.toggle(
        "Exchange light and dark", key=INVERT, bind="query-params",
        help="This network was trained on grey images: light strokes on a dark ground are not the same to it as ink on paper.",
    )  # fmt: skip
    fallback = picked.fallback and replace(picked.fallback, invert=invert)
    return ImageChoice(replace(picked.question, invert=invert), fallback)


def is_grey(run: Run) -> bool:
    shape = image_shape(run.config.data)
    return shape is not None and shape[0] == 1


def _pick_test(run: Run) -> ImageChoice | None:
    tested = known_predictions(run)
    if tested is None or not len(tested.y):
        st.caption("There are no test results yet.")
        return None
    count = len(tested.y)
    # A widget must never hold a value out of its range; another run may have fewer samples.
    if INDEX in st.session_state:
        st.session_state[INDEX] = min(max(int(st.session_state[INDEX] or 0), 0), count - 1)
    index = st.number_input(
        f"Test image, 0 to {count - 1:,}", 0, count - 1, 0, key=INDEX, bind="query-params",
        help="The number that the hover text of a test sample shows.",
    )  # fmt: skip
    return ImageChoice(Question(run.id, "test", int(index)))


def _pick_thumbnail(run: Run) -> ImageChoice | None:
    names, samples = run.class_names, run.samples()
    if samples is None or not len(samples.y):
        st.caption("No thumbnails are kept with this run.")
        return None
    present = [names[i] for i in sorted(set(samples.y.tolist())) if 0 <= i < len(names)]
    page_class = st.session_state.get(CLASS)
    start = present.index(page_class) if page_class in present else 0
    name = st.selectbox("Class", present, start, key=f"try_class_{run.id}_{page_class}")
    rows = np.flatnonzero(samples.y == names.index(name))
    sheet = thumbnails(run, names.index(name))
    if sheet is not None:
        st.image(sheet[0], alt=f"{sheet[1]} thumbnails of the class {name}, numbered row by row", output_format="PNG")
    number = st.segmented_control(
        "Which one, row by row",
        list(range(1, len(rows) + 1)),
        default=1,
        required=True,
        key=f"try_number_{run.id}_{name}",
    )
    return thumbnail_choice(run, samples, int(rows[int(number or 1) - 1]))


def thumbnail_choice(run: Run, samples: Samples, row: int) -> ImageChoice:
    """The test image that a thumbnail was made of, where the test results tell, and the thumbnail itself to fall back on.

    Thumbnails are taken evenly from the test images of their class, see ``lwal_core.data.Dataset.thumbnails``.
    """
    tested = known_predictions(run)
    own = np.flatnonzero(samples.y == samples.y[row])
    rows = np.zeros(0, dtype=np.intp) if tested is None else np.flatnonzero(tested.y == samples.y[row])
    if len(own) > len(rows):  # made of training images
        return ImageChoice(Question(run.id, "thumbnail", row))
    place = int(np.flatnonzero(own == row)[0])
    return ImageChoice(
        Question(run.id, "test", int(rows[place * len(rows) // len(own)])), Question(run.id, "thumbnail", row)
    )


def known_predictions(run: Run) -> Predictions | None:
    """True and predicted classes of the test set; None while there are none."""
    try:
        return predictions(run)
    except LwalError:
        return None
