"""Answers of a model: preprocessing, distances, predictions."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lwal_core.config import DataConfig
from lwal_core.data import load_dataset
from lwal_core.data.dataset import Marks, resized
from lwal_core.data.frozen import frozen_marks
from lwal_core.data.grouped import group_of_each, grouped_marks
from lwal_core.data.samples import Samples
from lwal_core.datafiles.downloads import DOWNLOADS
from lwal_core.errors import InferenceError, LwalError
from lwal_core.inference.answer import Answer, DataGone, Question
from lwal_core.inference_server.lru_cache import LRUCache
from lwal_core.inference_server.model import DESCRIPTION, WEIGHTS, LoadedModel, load_model
from lwal_core.inference_server.pictures import Picture, contrast_hint, inverted, read_picture
from lwal_core.methods import label_distances, product_scores
from lwal_core.runs import RULE_TITLES, Run, paths
from lwal_core.training.devices import device_title, is_out_of_memory, pick_device

MAX_MODELS = 6
MAX_MODEL_BYTES = 2 * 2**30
MAX_DATASETS = 2
MAX_DATASET_BYTES = 2**30


class TestSet(NamedTuple):
    """The test half of a data set: uint8 images ``x [N, channels, H, W]`` in memory or as a stream, ``y [N]``, fingerprints of
    the whole, names of the C classes."""

    x: Samples
    y: Tensor
    marks: Marks
    class_names: tuple[str, ...]


class Answering:
    """Models and test sets of a home, loaded as they are asked for.

    Args:
        home: The home folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.models: LRUCache[LoadedModel] = LRUCache(MAX_MODELS, MAX_MODEL_BYTES, lambda model: model.size)
        self.tests: LRUCache[TestSet] = LRUCache(MAX_DATASETS, MAX_DATASET_BYTES, _size)

    def answer(self, question: Question) -> Answer:
        """What the model of a run says.

        Raises:
            DataGone: The test set is not here any more, or is another one.
            LwalError: The model or the image cannot be used.
        """
        run = Run(paths.run_folder(question.run_id, self.home))
        if run.config.data.name.startswith("features:"):
            raise InferenceError(
                "This run was trained on vectors from a file, so there is nothing to show an image to.",
                "Ask a run that was trained on images.",
            )
        device = pick_device("auto")
        try:
            return self._answer(question, run, device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # A training may have all of the GPU's memory; one image is quick on the CPU, too.
        self.models.clear()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return self._answer(question, run, torch.device("cpu"))

    def _answer(self, question: Question, run: Run, device: torch.device) -> Answer:
        model = self._model(run, device)
        picture, true_class = self._picture(question, run, model)
        if question.invert:
            picture = inverted(picture)
        images = torch.from_numpy(picture.pixels)[None]
        z, logits = (out.float() for out in model.outputs(images))
        to_means, to_labels = label_distances(z, model.means)[0], label_distances(z, model.labels)[0]
        method = model.config.method
        probabilities: Tensor | None = None
        rule = RULE_TITLES[method.rule]
        if method.rule == "labels":
            rule, by_rule = "nearest label", int(to_labels.argmin())
            if method.softmax_temperature is not None:
                probabilities = (to_labels / -method.softmax_temperature).softmax(dim=0)
        else:
            scores = logits[0] if method.rule == "head" else product_scores(logits, to_means[None])[0]
            probabilities, by_rule = scores.softmax(dim=0), int(scores.argmax())
        steps = picture.steps
        if model.backbone is not None:
            height, width = model.sides
            steps += (f"Scaled to {width:,} x {height:,} pixels for the frozen network.",)
        # Networks that were trained before are given ImageNet's mean, which says nothing about these images.
        judged = question.source == "upload" and picture.pixels.shape[0] == 1 and not model.config.encoder.pretrained
        return Answer(
            epoch=model.epoch,
            z=_numpy(z[0]),
            to_means=_numpy(to_means),
            to_labels=_numpy(to_labels) if method.rule == "labels" else None,
            by_mean=int(to_means.argmin()),
            by_rule=by_rule,
            rule=rule,
            probabilities=None if probabilities is None else _numpy(probabilities),
            seen=np.ascontiguousarray(model.seen(images)[0].permute(1, 2, 0).cpu().numpy()),
            steps=steps,
            true_class=true_class,
            hint=contrast_hint(picture.pixels, float(model.classifier.mean.mean())) if judged else "",
            device=device_title(model.device),
        )

    def _model(self, run: Run, device: torch.device) -> LoadedModel:
        stamps = tuple(_stamp(run.path / paths.MODEL / name) for name in (WEIGHTS, DESCRIPTION))
        model = self.models.get((run.path, stamps, str(device)), lambda: load_model(run.path, device))
        if model.class_names != run.class_names:
            raise InferenceError(
                f"The model in the folder of run {run.id} was trained on other classes than the run says.",
                "Restore the folder from a copy.",
            )
        if model.shape is None:
            raise InferenceError("This model takes vectors, no images.", "Ask a run that was trained on images.")
        return model

    def _picture(self, question: Question, run: Run, model: LoadedModel) -> tuple[Picture, int | None]:
        assert model.shape is not None
        if question.source == "test":
            return self._test_image(question.index, run, model)
        if question.source == "thumbnail":
            return _thumbnail(question.index, run, model.shape)
        return read_picture(question.image, model.shape, model.config.data.square), None

    def _test_image(self, index: int, run: Run, model: LoadedModel) -> tuple[Picture, int]:
        test = self._test_set(model.config.data)
        known = run.record.data
        marks = test.marks
        if model.backbone is not None:
            marks = frozen_marks(marks, model.config.encoder, model.backbone, model.sides)
        if run.record.groups:
            marks = grouped_marks(marks, run.record.groups)
        if known is None or not marks.agree(Marks(known.fingerprint, known.pixels)):
            raise DataGone(
                f"The data set {model.config.data.title} is not the one that this run was trained on: its fingerprint differs.",
                "Take a thumbnail instead; those are kept with the run.",
            )
        if not 0 <= index < len(test.y):
            raise InferenceError(
                f"There is no test image {index:,}.", f"They are numbered from 0 to {len(test.y) - 1:,}."
            )
        height, width = test.x.shape[2:]
        step = f"Test image {index:,} of {len(test.y):,}, {width:,} x {height:,} pixels, as in the evaluation."
        y = test.y
        if run.record.groups:
            y = group_of_each(model.config.data.title, test.class_names, run.record.groups)[y]
        return Picture(test.x[index : index + 1][0].numpy().copy(), (step,)), int(y[index])

    def _test_set(self, config: DataConfig) -> TestSet:
        def load() -> TestSet:
            try:
                if config.name in DOWNLOADS and not DOWNLOADS[config.name].here:
                    raise InferenceError(f"{DOWNLOADS[config.name].title} is not on this machine.")
                data = load_dataset(config)
            except LwalError as error:
                raise DataGone(
                    f"The test image cannot be loaded. {error.message}",
                    "Take a thumbnail instead; those are kept with the run.",
                ) from None
            x = data.x_test.clone() if isinstance(data.x_test, Tensor) else data.x_test
            return TestSet(x, data.y_test.clone(), data.marks, data.class_names)

        return self.tests.get(config.model_dump_json(), load)


def _size(test: TestSet) -> int:
    """Bytes of a test set in memory."""
    return test.x.numel() if isinstance(test.x, Tensor) else test.y.numel()


def _thumbnail(index: int, run: Run, shape: tuple[int, int, int]) -> tuple[Picture, int]:
    """A thumbnail brought back to the size of the data: exactly where it was enlarged by whole pixels."""
    samples = run.samples()
    if samples is None or samples.images.dtype != np.uint8 or samples.images.shape[3] not in (1, 3):
        raise InferenceError("No thumbnails are kept with this run.", "Choose an image file.")
    if not 0 <= index < len(samples.y):
        raise InferenceError(
            f"There is no thumbnail {index:,}.", f"They are numbered from 0 to {len(samples.y) - 1:,}."
        )
    channels, height, width = shape
    image = samples.images[index].transpose(2, 0, 1)[:channels]
    if len(image) != channels:
        image = np.repeat(image[:1], channels, axis=0)
    own = image.shape[1:]
    if own == (height, width) or (own[0] % height == 0 and own[1] % width == 0):
        # Grey thumbnails hold the same value three times, and enlarged ones each pixel several times.
        pixels = image[:, :: own[0] // height, :: own[1] // width]
        how = "holds every pixel of the image that it was made of"
    else:
        pixels = resized(torch.from_numpy(image.copy())[None], (height, width))[0].numpy()
        how = f"of {own[1]:,} x {own[0]:,} pixels was scaled, so the numbers differ a little from those of the image itself"
    step = f"Thumbnail {index:,}, kept with the run; it {how}."
    return Picture(np.ascontiguousarray(pixels), (step,)), int(samples.y[index])


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
