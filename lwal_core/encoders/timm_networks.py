"""Networks of timm: names, weights, the network itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lwal_core.config.encoder import RANDOM
from lwal_core.encoders import weight_files as files
from lwal_core.encoders.lite0_names import is_lite0, lite0_for_timm
from lwal_core.encoders.weights import in_torch_cache, lite0_file, weights_folder
from lwal_core.errors import TrainingError

NEEDED = "timm:NAME needs the library timm, which is not installed: pip install timm"
_NAME = re.compile(r"[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)?")
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_LITE0 = "tf_efficientnet_lite0"


def check_timm_name(name: str) -> None:
    """Refuse a name that timm does not know; names are looked up in timm's own list, nothing is fetched.

    Raises:
        TrainingError: timm is not installed or has no such model.
    """
    try:
        import timm
    except ImportError:
        raise TrainingError(NEEDED, "Or name a model of torchvision: torchvision:resnet18") from None
    if not _NAME.fullmatch(name) or not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), 3)
        raise TrainingError(
            f"timm has no model {name[:80]!r}.",
            f"Did you mean {', '.join(near)}?" if near else "See timm.list_models().",
        )


def timm_network(
    name: str, weights: str | None, *, seed: int | None = None, options: Mapping[str, Any] | None = None
) -> tuple[Any, Path | None]:
    """Build a network of timm, with its classifier where the weights have one.

    Args:
        name: What timm calls it, with or without a tag: ``resnet18`` or ``resnet18.a1_in1k``.
        weights: A file, ``"random"``, or None for those that timm names, looked for locally first.
        seed: Of what is drawn; None goes on with torch's own generator.
        options: Further arguments of ``timm.create_model``.

    Returns:
        The network, and the file of its weights; None for random ones.

    Raises:
        TrainingError: timm is not installed or has no such model, or the weights cannot be had.
    """
    check_timm_name(name)
    import timm

    path, extra = None, dict(options or {})
    try:
        if weights != RANDOM:
            config = timm.get_pretrained_cfg(name)
            if config is None or (weights is None and not config.has_weights):
                raise TrainingError(
                    f"timm has no weights for {name}.", "Name a file: --weights FILE, or --weights random."
                )
            path = _file(name, config) if weights is None else Path(weights).expanduser()
            state = files.read_weights(path)
            if is_lite0(state):
                state = lite0_for_timm(state)
            rows = files.head_rows(state, config.classifier)
            overlay = {"state_dict": state, "custom_load": False} | ({} if rows is None else {"num_classes": rows})
            extra |= {"pretrained": True, "pretrained_cfg_overlay": overlay}
            extra |= {} if rows is None else {"num_classes": rows}
        if seed is None:
            network = timm.create_model(name, **extra)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = timm.create_model(name, **extra)
    except TrainingError:
        raise
    except Exception as error:  # of timm, for a configuration or weights that do not fit
        if path is not None:
            raise files.mismatch(f"timm's {name}", path, error) from None
        raise TrainingError(
            f"timm cannot build {name}: {' '.join(str(error).split())[:160]}.", "Choose another model."
        ) from None
    return network, path


def _file(name: str, config: Any) -> Path:
    """The weights that timm names: in the caches of torch and of the hub, in a package, else fetched from the hub."""
    found = in_torch_cache(config.url.rpartition("/")[2]) if config.url else None
    repo = config.hf_hub_id
    wanted = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
    if found is None and repo:
        found = files.in_hub_cache(repo, wanted)
    if found is None and name.partition(".")[0] == _LITE0:
        found = lite0_file()
    if found is not None:
        return found
    if not repo:
        raise TrainingError(
            f"The weights of {name} are not on this machine.",
            f"Get {config.url} and put it into {str(weights_folder())!r}, or name it: --weights FILE",
        )
    return files.from_hub(repo, wanted)
