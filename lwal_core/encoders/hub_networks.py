"""Networks of the library transformers, from a repository of the Hugging Face hub or a folder.

Code that a repository brings is never run; weights come from safetensors, or from pickles that are read as tensors only.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import Tensor, nn

from lwal_core.config.encoder import REPOSITORY
from lwal_core.encoders.weights import sha256_of
from lwal_core.errors import TrainingError
from lwal_core.sanitize import quoted

NEEDED = "hf:ORG/REPO needs the library transformers, which is not installed: pip install transformers"
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
MAX_CONFIG_BYTES = 4 * 2**20
MAX_REPEATS = 2_000
"""Largest number of layers, blocks or stages that a configuration may ask for."""

_SAFE, _PICKLED = ["*.safetensors", "*.safetensors.index.json"], ["pytorch_model*.bin", "pytorch_model.bin.index.json"]
_LEFT_OUT = (
    "auto_map", "attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation",
    "_experts_implementation", "quantization_config", "use_kernels", "dtype", "torch_dtype", "transformers_version", "_name_or_path",
)  # fmt: skip
"""What a configuration may say that would fetch code or kernels, or change the type of the weights."""
_FETCHING = ("timm_wrapper", "timm_backbone")
"""Kinds whose configuration names a further model to fetch."""
_REPEATED = re.compile(r"layer|depth|block|stage", re.ASCII)


def check_transformers() -> None:
    """Refuse where the library is not installed.

    Raises:
        TrainingError: It is not.
    """
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise TrainingError(NEEDED, "Or name a model of timm: timm:resnet18") from None


def hub_folder(name: str, *, with_weights: bool) -> Path:
    """The folder with the files of a model: one that is named, the hub client's cache, else fetched into that.

    Args:
        name: ``ORG/REPO`` of huggingface.co, or a folder.
        with_weights: Whether the weights are wanted, too.

    Raises:
        TrainingError: It is neither, or the files cannot be had; the message says which to put where.
    """
    local = Path(name).expanduser()
    if len(name) < 4_096 and os.path.isfile(local / CONFIG):
        if with_weights and not _has_weights(local):
            raise TrainingError(
                f"The folder {name!r} has no weights.", "Put model.safetensors into it, or give --weights random."
            )
        return local
    if not REPOSITORY.fullmatch(name):
        raise TrainingError(
            f"{name[:120]!r} is neither ORG/REPO nor a folder with {CONFIG}.",
            "Write hf:google/vit-base-patch16-224, or hf:FOLDER.",
        )
    from huggingface_hub import snapshot_download

    about = [CONFIG, PROCESSOR]
    wanted = about + (_SAFE if with_weights else [])
    reason = ""
    for patterns, offline in ((wanted, True), (wanted, False), (about + _PICKLED, False)):
        try:
            found = Path(snapshot_download(name, allow_patterns=patterns, local_files_only=offline))
        except Exception as error:  # the client's own, its transport's, the disk's
            if offline:
                continue
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            break  # a repository that cannot be reached has no other files either
        if (found / CONFIG).is_file() and (not with_weights or _has_weights(found)):
            return found
        reason = reason or "it has no weights that are read"
    raise TrainingError(
        f"The files of {name} are not on this machine and cannot be fetched ({reason[:160]}).",
        f"Get config.json, preprocessor_config.json and model.safetensors from https://huggingface.co/{name} elsewhere, put them "
        "into a folder, and name that: hf:FOLDER",
    )


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights in a folder; of several files, of theirs in the order of their names."""
    found = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    sums = [sha256_of(path) for path in found]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def read_description(folder: Path) -> dict[str, Any]:
    """The content of a folder's ``config.json``.

    Raises:
        TrainingError: It is no JSON object, or too long.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(f"it has more than {MAX_CONFIG_BYTES:,} bytes")
        content = orjson.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{str(path)!r} cannot be read: {error}.", "Get the file anew.") from None
    return content


def hub_classifier(
    name: str, values: Mapping[str, Any], folder: Path | None
) -> tuple[nn.Module, nn.Module, dict[str, Any]]:
    """An image classifier of transformers and its last layer.

    Args:
        name: For messages.
        values: Content of ``config.json``; nothing that it says fetches anything or runs code.
        folder: Where the weights lie; None draws them from torch's generator.

    Returns:
        The network in training mode, the layer that makes outputs of features, and what was taken of `values`.

    Raises:
        TrainingError: transformers is not installed, has no such classifier, or the weights do not belong to it.
    """
    check_transformers()
    from transformers import CONFIG_MAPPING, AutoModelForImageClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING or kind in _FETCHING:
        raise TrainingError(
            f"{name} is of the kind {quoted(kind, 60)}, which transformers does not know without further code.",
            "Name one of timm's models by timm:NAME, or choose another repository.",
        )
    taken = {key: value for key, value in values.items() if key not in _LEFT_OUT}
    _check_size(name, taken)
    try:
        config = CONFIG_MAPPING[kind].from_dict(taken)
        if folder is None:
            network = AutoModelForImageClassification.from_config(config, trust_remote_code=False)
        else:
            network, about = AutoModelForImageClassification.from_pretrained(
                folder, config=config, use_safetensors=any(folder.glob("*.safetensors")), output_loading_info=True,
                dtype=torch.float32, local_files_only=True, trust_remote_code=False,
            )  # fmt: skip
    except Exception as error:  # of transformers, for whatever is wrong in somebody's files
        raise TrainingError(
            f"{name} cannot be used as an image classifier: {quoted(' '.join(str(error).split()), 200)}.",
            "It must be of a kind that transformers knows as an image classifier without the repository's own code.",
        ) from None
    place, head = _head(network, int(config.num_labels))
    if head is None:
        raise TrainingError(f"{name} has no last layer for {config.num_labels} outputs.", "Choose another model.")
    if folder is not None:
        lost = sorted(about["missing_keys"]) + [str(each) for each in about.get("mismatched_keys", ())]
        lost = [each for each in lost if not each.startswith(place)]
        if lost:
            raise TrainingError(
                f"The weights of {name} have no {quoted(lost[0], 80)} (of {len(lost):,} that are missing).",
                "Choose a repository with the whole model.",
            )
    return network.train(), head, taken


def without_head(network: nn.Module, head: nn.Module) -> nn.Module:
    """The network with its last layer taken out, so that its outputs are the features."""
    place = next(name for name, module in network.named_modules() if module is head)
    parent, _, own = place.rpartition(".")
    setattr(network.get_submodule(parent), own, nn.Identity())
    return network


def _head(network: nn.Module, outputs: int) -> tuple[str, nn.Module | None]:
    """The last layer with weights for so many outputs, and its name."""
    found: tuple[str, nn.Module | None] = ("", None)
    for name, layer in network.named_modules():
        weight = getattr(layer, "weight", None)
        if isinstance(layer, nn.Linear | nn.Conv2d) and isinstance(weight, Tensor) and len(weight) == outputs:
            found = name, layer
    return found


def _check_size(name: str, values: Mapping[str, Any]) -> None:
    """Refuse a configuration that asks for layers without end, or for a further model."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            if not key.endswith("2id") and not key.startswith("id2"):
                _check_size(name, value)
        elif key in ("backbone", "use_pretrained_backbone", "use_timm_backbone") and value:
            raise TrainingError(f"{name} asks for a further model ({key}).", "Choose another model.")
        elif _REPEATED.search(key):
            numbers = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)]
            if sum(map(abs, numbers)) > MAX_REPEATS and "shape" not in key and "size" not in key:
                raise TrainingError(
                    f"{name} asks for {key} {quoted(value, 60)}; at most {MAX_REPEATS:,} are built.",
                    "Choose another model.",
                )


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*.bin"))
