"""``hf:ORG/REPO`` or ``hf:FOLDER``: an image model of the library transformers, from a model hub or a folder.

Code that a repository brings is never run; weights come from safetensors, or from pickles that are read as tensors only.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from lwal_core.config.encoder import RANDOM
from lwal_core.encoders.hub_networks import NEEDED, hub_folder, weights_digest
from lwal_core.errors import TrainingError
from lwal_core.ready_models.model import ReadyModel, find_head
from lwal_core.sanitize import quoted

_UNNAMED = re.compile(r"LABEL_\d+")


def load_hub(name: str, weights: str | None, seed: int) -> ReadyModel:
    """Build a model of transformers.

    Args:
        name: ``ORG/REPO`` of huggingface.co, or a folder with ``config.json``, ``preprocessor_config.json`` and the weights.
        weights: ``"random"``, or None for those of the repository, looked for locally first.
        seed: Of random weights.

    Raises:
        TrainingError: transformers is not installed, the files cannot be had, or are none of an image model.
    """
    try:
        from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageClassification
        from transformers.utils import logging
    except ImportError:
        raise TrainingError(NEEDED, "Or name a model of torchvision: torchvision:resnet18") from None
    if weights not in (None, RANDOM):
        raise TrainingError(
            "--weights FILE does not go with hf:.",
            f"Put the file into a folder with its config.json: hf:FOLDER, or leave --weights out for those of {name[:80]}.",
        )
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = hub_folder(name, with_weights=weights is None)
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder, **local)
        processor = AutoImageProcessor.from_pretrained(folder, **local)
        classifies = any("ForImageClassification" in each for each in config.architectures or ())
        kind = AutoModelForImageClassification if classifies else AutoModel
        if weights == RANDOM:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = kind.from_config(config, trust_remote_code=False)
        else:
            safe = any(folder.glob("*.safetensors"))
            network, about = kind.from_pretrained(
                folder, config=config, use_safetensors=safe, output_loading_info=True, dtype=torch.float32, **local
            )
            missing = sorted(about["missing_keys"]) + [str(each) for each in about.get("mismatched_keys", ())]
            if missing and classifies:
                raise TrainingError(
                    f"The weights of {name} have no {quoted(missing[0], 80)} (of {len(missing):,} that are missing).",
                    "Choose a repository with the whole model.",
                )
    except TrainingError:
        raise
    except Exception as error:  # of transformers, for whatever is wrong in somebody's files
        raise TrainingError(
            f"{name} cannot be used as an image model: {quoted(' '.join(str(error).split()), 200)}.",
            "It must be of a kind that transformers knows without the repository's own code, and have a preprocessor_config.json.",
        ) from None
    if network.main_input_name != "pixel_values":
        raise TrainingError(f"{name} takes {network.main_input_name} and no images.", "Choose an image model.")
    head = find_head(network, config.num_labels) if classifies else None
    names = () if weights == RANDOM or not classifies else _names(config)
    prepare = _Processed(processor)
    height, width = prepare(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape[2:]
    return ReadyModel(
        name=f"hf:{name}",
        network=network.eval(),
        head=head,
        prepare=prepare,
        resized=_resized(processor, min(height, width)),
        input_size=(int(height), int(width)),
        class_names=names,
        weights=RANDOM if weights == RANDOM else weights_digest(folder),
    )


class _Processed:
    """The model's own image processor."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, images: Tensor) -> Tensor:
        given = self.processor(images=list(images.cpu()), return_tensors="pt", input_data_format="channels_first")
        prepared: Tensor = given["pixel_values"].to(images.device)
        return prepared


def _names(config: Any) -> tuple[str, ...]:
    """Names of the outputs; none where nobody gave them."""
    names = tuple(str(config.id2label.get(i, "")) for i in range(config.num_labels))
    return () if all(_UNNAMED.fullmatch(name) for name in names) else names


def _resized(processor: Any, side: int) -> int:
    size = getattr(processor, "size", None) or {}
    found = [value for key in ("shortest_edge", "height") if isinstance(value := size.get(key), int)]
    return max([side, *found])
