"""Names that lie beside a checkpoint, ImageNet's order, and models in several parts."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lwal_core.cli.files import read_names
from lwal_core.errors import ImportFileError
from lwal_core.imports import examine
from lwal_core.imports.model_names import imagenet_names, names_in_config
from lwal_core.taxonomy import load_taxonomy

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)
NAMES = ["ant", "bee", "cat", "dog"]


@pytest.fixture
def checkpoint(tmp_path):
    file = tmp_path / "model.safetensors"
    save_file({"classifier.weight": ROWS, "bert.x": np.ones((7, 3), np.float32)}, file)
    return file


class TestConfigBesideACheckpoint:
    @pytest.mark.parametrize(
        "content",
        [
            {"id2label": {"0": "ant", "1": "bee", "2": "cat", "3": "dog"}},
            {"id2label": {"2": "cat", "0": "ant", "3": "dog", "1": "bee"}},
            {"label2id": {"cat": 2, "ant": 0, "dog": 3, "bee": 1}},
            {"label_names": NAMES, "num_classes": 4},
            {"architecture": "resnet18", "pretrained_cfg": {"label_names": NAMES}},
        ],
    )
    def test_gives_the_names(self, checkpoint, content):
        (checkpoint.parent / "config.json").write_text(json.dumps(content))
        found = examine(checkpoint)
        assert found.names == tuple(NAMES) and found.named_by == "from config.json beside it"

    def test_names_in_the_file_and_given_ones_come_first(self, checkpoint):
        (checkpoint.parent / "config.json").write_text(json.dumps({"label_names": NAMES}))
        assert examine(checkpoint, names=list("abcd")).names == tuple("abcd")
        save_file({"fc.weight": ROWS}, checkpoint, {"class_names": json.dumps(list("efgh"))})
        assert examine(checkpoint).names == tuple("efgh")

    def test_names_of_another_count_are_said_and_left_aside(self, checkpoint):
        (checkpoint.parent / "config.json").write_text(json.dumps({"label_names": NAMES[:3]}))
        found = examine(checkpoint)
        assert found.names[0] == "class 0"
        assert "config.json beside it names 3 classes, which do not fit 4 vectors." in found.notes

    def test_numbers_that_stand_for_names_are_none(self, checkpoint):
        (checkpoint.parent / "config.json").write_text(json.dumps({"id2label": {i: f"LABEL_{i}" for i in range(4)}}))
        assert examine(checkpoint).named_by.startswith("numbered")

    @settings(max_examples=60)
    @given(st.one_of(st.binary(max_size=60), st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["id2label", "label_names", "0", "x"]), inner),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())))  # fmt: skip
    def test_any_content_gives_as_many_names_as_vectors_or_none(self, tmp_path_factory, content):
        folder = tmp_path_factory.mktemp("config")
        (folder / "config.json").write_bytes(content)
        names, notes = names_in_config(folder / "model.safetensors", 2)
        assert names is None or (len(names) == 2 and all(isinstance(name, str) for name in names))
        assert all(note.endswith(".") for note in notes)


class TestImageNet:
    def test_the_order_is_that_of_torchvision(self):
        from torchvision.models._meta import _IMAGENET_CATEGORIES as known

        aliases = load_taxonomy("imagenet").aliases
        plain = [
            {re.sub(r"\W", "", re.sub(r" \(.*", "", each)).lower() for each in (name, *aliases.get(name, ()))}
            for name in imagenet_names()
        ]
        assert all(re.sub(r"\W", "", name).lower() in ours for name, ours in zip(known, plain, strict=True))

    def test_is_offered_for_1000_classes_without_names(self, tmp_path):
        save_file(
            {"fc.weight": np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)},
            tmp_path / "a.safetensors",
        )
        found = examine(tmp_path / "a.safetensors")
        assert found.names[0] == "class 0" and "the word imagenet" in found.notes[-1]
        named = examine(tmp_path / "a.safetensors", names=["imagenet"])
        assert (named.names[0], named.names[999]) == ("tench", imagenet_names()[999])
        assert not any("imagenet" in note for note in named.notes)

    def test_the_word_is_no_name_for_other_counts(self, checkpoint):
        with pytest.raises(ImportFileError, match="1 class names were given for 4 vectors"):
            examine(checkpoint, names=["imagenet"])
        assert not any("imagenet" in note for note in examine(checkpoint).notes)

    def test_a_file_that_is_called_so_is_read(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        from pathlib import Path

        assert read_names(Path("imagenet")) == ["imagenet"]
        (tmp_path / "imagenet").write_text("a\nb\n")
        assert read_names(Path("imagenet")) == ["a", "b"]


class TestPartsOfAModel:
    @pytest.fixture
    def index(self, tmp_path):
        save_file({"vit.layer.0.weight": np.ones((7, 3), np.float32)}, tmp_path / "m-1-of-2.safetensors")
        save_file({"classifier.weight": ROWS}, tmp_path / "m-2-of-2.safetensors")
        places = {"vit.layer.0.weight": "m-1-of-2.safetensors", "classifier.weight": "m-2-of-2.safetensors"}
        file = tmp_path / "m.safetensors.index.json"
        file.write_text(json.dumps({"weight_map": places}))
        return file

    def test_the_part_with_the_head_is_read(self, index):
        found = examine(index)
        np.testing.assert_array_equal(found.vectors, ROWS)
        assert found.path.name == "m-2-of-2.safetensors"
        assert found.notes[0] == "'classifier.weight' is in 'm-2-of-2.safetensors', which is read."

    def test_another_tensor_is_read_from_its_part(self, index):
        assert examine(index, tensor="vit.layer.0.weight").vectors.shape == (7, 3)
        with pytest.raises(ImportFileError, match="lists no tensor 'x'"):
            examine(index, tensor="x")

    @pytest.mark.parametrize(
        "place", ["../m-2.safetensors", "/etc/passwd", "..", "", "a\\b", "sub/m.safetensors", "gone.safetensors"]
    )
    def test_a_part_elsewhere_is_not_read(self, tmp_path, place):
        (tmp_path / "sub").mkdir()
        folder = tmp_path / "in"
        folder.mkdir()
        save_file({"classifier.weight": ROWS}, tmp_path / "m-2.safetensors")
        save_file({"classifier.weight": ROWS}, tmp_path / "sub" / "m.safetensors")
        (folder / "m.index.json").write_text(json.dumps({"weight_map": {"classifier.weight": place}}))
        with pytest.raises(ImportFileError, match="holds no numbers"):
            examine(folder / "m.index.json")

    def test_a_list_of_lists_ends(self, tmp_path):
        (tmp_path / "m.index.json").write_text(json.dumps({"weight_map": {"classifier.weight": "m.index.json"}}))
        with pytest.raises(ImportFileError, match="holds no numbers"):
            examine(tmp_path / "m.index.json")
