"""Files of weights: found locally, read without running anything that is in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lwal_core.config.encoder import WEIGHT_ENDINGS
from lwal_core.errors import TrainingError
from lwal_core.sanitize import quoted

MAX_BYTES = 64 * 2**30
SAFE, *PICKLED = WEIGHT_ENDINGS
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model", "model_state_dict")
_PREFIXES = ("module.", "_orig_mod.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a file by name, out of what training programs put around them.

    Args:
        path: ``.safetensors``, or a file of ``torch.save`` that holds nothing but tensors and plain values.

    Raises:
        TrainingError: There is no such file, or it holds something else.
    """
    if not path.is_file():
        raise TrainingError(f"The weights {str(path)!r} are no file.", "Give a file, or the word random.")
    if path.stat().st_size > MAX_BYTES:
        raise TrainingError(
            f"{str(path)!r} has more than {MAX_BYTES / 2**30:.0f} GiB.", "Give a file of weights alone."
        )
    try:
        if path.suffix == SAFE:
            from safetensors.torch import load_file

            content: Any = load_file(path)
        elif path.suffix in PICKLED:
            # Tensors and plain containers only: a pickle that asks for anything else is refused, not run.
            content = torch.load(path, map_location="cpu", weights_only=True)
        else:
            raise TrainingError(
                f"{path.name} is no file of weights that is read.",
                f"Its name must end in {', '.join((SAFE, *PICKLED))}.",
            )
    except TrainingError:
        raise
    except Exception as error:  # a foreign file can fail in any way inside the unpickler and the zip reader
        raise TrainingError(
            f"{str(path)!r} cannot be read: {quoted(' '.join(str(error).split()), 160)}.",
            "Weights are read from .safetensors, or from files of torch.save that hold tensors and plain values only.",
        ) from None
    for _ in range(3):
        inner = next(
            (
                content[key]
                for key in _WRAPPERS
                if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)
            ),
            None,
        )
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping) or not content:
        raise TrainingError(f"{str(path)!r} holds no weights by name.", "Save the model's state_dict().")
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if len(state) < len(content) / 2:
        raise TrainingError(f"{str(path)!r} holds no weights by name.", "Save the model's state_dict().")
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def head_rows(state: Mapping[str, Tensor], classifier: object) -> int | None:
    """Outputs of the model that weights belong to: the rows of its classifier, as the source of the model calls it."""
    names = (classifier,) if isinstance(classifier, str) else classifier if isinstance(classifier, tuple | list) else ()
    found = next((state[f"{name}.weight"] for name in names if f"{name}.weight" in state), None)
    return None if found is None or found.ndim < 2 else len(found)


def mismatch(name: str, path: Path, error: Exception, hint: str = "Give the file of this model.") -> TrainingError:
    """What to say where weights do not belong to a network."""
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    reason = re.sub(r"\s+", " ", next((line for line in lines[1:] if line), lines[0] if lines else ""))
    return TrainingError(f"The weights in {str(path)!r} do not belong to {name}: {quoted(reason, 160)}.", hint)


def in_hub_cache(repo: str, names: tuple[str, ...]) -> Path | None:
    """The first of some files of a repository that the hub's own client keeps; None where none is there."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for name in names:
        found = try_to_load_from_cache(repo, name)
        if isinstance(found, str) and Path(found).is_file():
            return Path(found)
    return None


def from_hub(repo: str, names: tuple[str, ...]) -> Path:
    """The first of some files that a repository has, fetched by the hub's own client into its cache.

    Raises:
        TrainingError: The hub cannot be reached, or has none of them.
    """
    reason = "its client is not installed"
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        for name in names:
            try:
                return Path(hf_hub_download(repo, name))
            except EntryNotFoundError as error:
                reason = " ".join(str(error).split())
    except Exception as error:  # the client's own, its transport's, the disk's
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    raise TrainingError(
        f"The files of {repo} are not on this machine and cannot be fetched ({reason[:160]}).",
        f"Get {names[0]} from https://huggingface.co/{repo} elsewhere, and give its path as the file of weights (--weights).",
    )
