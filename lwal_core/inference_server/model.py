"""Model of a run's best epoch, rebuilt from ``model/`` of its folder.

The folder may come from a stranger: the network is laid out without memory first, and filled only when every tensor of
the file has the name and the shape that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lwal_core.config import RunConfig
from lwal_core.data.frozen import FrozenNetwork, features_of, frozen_backbone, input_sides, mode_of, scaled_images
from lwal_core.datafiles.source_stats import image_shape
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.errors import InferenceError, LwalError
from lwal_core.methods import CLASS_HEAD_KEY
from lwal_core.runs import paths

MAX_CONFIG_BYTES = 8 * 2**20
MAX_WEIGHT_BYTES = 4 * 2**30
WEIGHTS, DESCRIPTION = "model.safetensors", "config.json"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in evaluation mode.

    Attributes:
        config: What was trained.
        class_names: C names.
        epoch: Of the weights.
        classifier: From raw samples to embeddings ``[B, K]``.
        class_head: The label method's own head, from features to logits ``[B, C]``; None for most methods.
        labels: The label table ``[C, K]``.
        means: The consolidated class means ``[C, K]``.
        shape: Channels, height and width of an image; None when the data are vectors.
        backbone: The frozen network before the classifier; None when the classifier takes images.
        device: Where it all is.
        size: Bytes that it takes.
    """

    config: RunConfig
    class_names: tuple[str, ...]
    epoch: int
    classifier: Classifier
    class_head: nn.Module | None
    labels: Tensor
    means: Tensor
    shape: tuple[int, int, int] | None
    backbone: FrozenNetwork | None
    device: torch.device
    size: int

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of what the network sees."""
        assert self.shape is not None
        return input_sides(self.shape, self.config.encoder.input_size) if self.backbone else self.shape[1:]

    @torch.inference_mode()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings ``[B, K]`` of uint8 images ``[B, channels, H, W]``, and what the head says of them: the logits of the
        method's own head, or the embeddings where there is none."""
        images = images.to(self.device)
        if self.backbone is not None:
            images = torch.from_numpy(features_of(self.backbone, images, self.sides)).to(self.device)
        features = self.classifier.features(images)
        z: Tensor = self.classifier.head(features)
        return z, z if self.class_head is None else self.class_head(features)

    @torch.inference_mode()
    def seen(self, images: Tensor) -> Tensor:
        """Images ``[B, channels, H, W]`` as the network sees them, before they are normalised; uint8, as they came."""
        if self.backbone is None:
            return images
        return (scaled_images(images, self.sides, mode_of(self.backbone)) * 255).round().clamp(0, 255).to(torch.uint8)


def load_model(folder: Path, device: torch.device) -> LoadedModel:
    """Rebuild the model in a run's folder.

    Raises:
        InferenceError: There is none, it is damaged, its network cannot be rebuilt, or the weights do not fit it.
    """
    description = _description(folder)
    try:
        config = RunConfig.parse(description["run"])
        names = tuple(str(name) for name in description["class_names"])
        input_shape = tuple(int(side) for side in description["input_shape"])
        epoch = int(description["epoch"])
        about = description.get("encoder") or {}
        if not isinstance(about, dict):
            raise TypeError("encoder is no JSON object")
    except (LwalError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
        raise InferenceError(
            f"{paths.MODEL}/{DESCRIPTION} does not describe a model of this program ({reason[:200]}).", "Train again."
        ) from None
    state = _state(folder)
    classifier, class_head, labels, means = _filled(config, input_shape, about, state, len(names))
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    shape, backbone = image_shape(config.data), None
    if shape is not None and not config.encoder.frozen:
        if len(input_shape) != 3:
            raise _misfit(f"inputs of shape {input_shape} instead of images")
        shape = input_shape
    elif shape is not None:
        try:
            backbone = frozen_backbone(config.encoder, input_sides(shape, config.encoder.input_size), device)
        except LwalError as error:
            raise InferenceError(error.message, error.hint) from None
        if input_shape != (backbone.out_features,):
            raise _misfit(f"{input_shape} features where the frozen network gives {backbone.out_features:,}")
        size += sum(tensor.numel() * tensor.element_size() for tensor in backbone.state_dict().values())
    return LoadedModel(
        config, names, epoch, classifier.to(device), None if class_head is None else class_head.to(device), labels.to(device),
        means.to(device), shape, backbone, device, size,
    )  # fmt: skip


def _description(folder: Path) -> dict[str, Any]:
    path = folder / paths.MODEL / DESCRIPTION
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError("it is too large")
        found = orjson.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
    except FileNotFoundError:
        raise _missing(folder) from None
    except (OSError, ValueError) as error:
        raise InferenceError(
            f"{paths.MODEL}/{DESCRIPTION} cannot be read: {error}.", "Restore it from a copy of the run."
        ) from None
    return found


def _state(folder: Path) -> dict[str, Tensor]:
    path = folder / paths.MODEL / WEIGHTS
    try:
        if path.stat().st_size > MAX_WEIGHT_BYTES:
            raise InferenceError(
                f"The weights have {path.stat().st_size / 2**30:.1f} GiB; at most {MAX_WEIGHT_BYTES / 2**30:.0f} are loaded here.",
                "Ask a smaller model.",
            )
        return load_file(path)
    except FileNotFoundError:
        raise _missing(folder) from None
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InferenceError(
            f"{paths.MODEL}/{WEIGHTS} is not a whole weights file ({' '.join(str(error).split())[:200]}).",
            "Restore it from a copy of the run, or train again.",
        ) from None


def _missing(folder: Path) -> InferenceError:
    return InferenceError(
        f"Run {folder.name} has no model: its folder lacks {paths.MODEL}/{WEIGHTS} or {paths.MODEL}/{DESCRIPTION}.",
        "A model is kept from the first epoch on; bundles may leave it out, and imported vectors have none.",
    )


def _filled(
    config: RunConfig, input_shape: tuple[int, ...], about: dict[str, Any], state: dict[str, Tensor], classes: int
) -> tuple[Classifier, nn.Module | None, Tensor, Tensor]:
    """The network and the method's own head with the weights of the file; the label table and the class means, which lie in
    the same file."""
    weights = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    labels, means, head = (weights.get(name) for name in ("labels", "centroids", "head.weight"))
    if labels is None or means is None or head is None or head.ndim != 2:
        raise _misfit("a label table, class means or the last layer are missing")
    dim = len(head)
    if labels.shape != (classes, dim) or means.shape != (classes, dim):
        raise _misfit(
            f"labels {tuple(labels.shape)} and class means {tuple(means.shape)} for {classes} classes of {dim} numbers"
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values() if tensor.is_floating_point()):
        raise _misfit("some values are not finite")
    # Numbers, to be overwritten: arithmetic on shapes alone would load torch's compiler, for more than a second.
    zeros, ones = torch.zeros(input_shape[:1]), torch.ones(input_shape[:1])

    def build() -> nn.ModuleDict:
        encoder = build_encoder(config.encoder, input_shape, load_weights=False, description=about)
        layer = config.method.output_layer(int(encoder.out_features), classes)  # type: ignore[arg-type]
        classifier = Classifier(encoder, dim, zeros, ones, layer)
        class_head = config.method.class_head(classifier.head.in_features, classes)
        return nn.ModuleDict({"classifier": classifier} | ({} if class_head is None else {CLASS_HEAD_KEY: class_head}))

    try:
        with torch.device("meta"):  # shapes alone: nothing is allocated and nothing is drawn
            network = build()
    except LwalError as error:
        raise InferenceError(f"The network of this model cannot be rebuilt. {error.message}", error.hint) from None
    except Exception as error:
        raise InferenceError(
            f"The network of this model cannot be rebuilt ({type(error).__name__}: {str(error)[:200]}).",
            "It may come from another version of the program.",
        ) from None
    own = {
        name if name.startswith(f"{CLASS_HEAD_KEY}.") else f"classifier.{name}": tensor
        for name, tensor in weights.items()
        if name not in ("labels", "centroids")
    }
    try:
        network.load_state_dict(own, strict=True, assign=True)
        if any(buffer.is_meta for buffer in network.buffers()):
            # What a network computes for itself, such as places in a window, is in no file. It has the size of the file now.
            with torch.random.fork_rng(devices=[]):
                network = build()
            network.load_state_dict(own, strict=True)
    except RuntimeError as error:
        reasons = [" ".join(line.split()) for line in str(error).splitlines()[1:]] or [str(error)]
        raise _misfit(reasons[0][:200]) from None
    network.eval().requires_grad_(False)
    parts = dict(network.items())
    return parts["classifier"], parts.get(CLASS_HEAD_KEY), labels, means  # type: ignore[return-value]


def _misfit(how: str) -> InferenceError:
    return InferenceError(
        f"The weights do not fit the network that the run's configuration describes: {how}.",
        "Restore the folder from a copy, or train again.",
    )
