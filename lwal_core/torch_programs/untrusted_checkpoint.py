"""Untrusted ``torch.save`` files to safetensors: ``python -m lwal_core.torch_programs.untrusted_checkpoint BYTES``.

A process of its own, started with limits on its memory and time: the web process stays free of torch, and whatever a
hostile file does to the parser ends with this process. Only torch's restricted unpickler is used (``weights_only``); there is no
fallback. Files are asked for on standard input, one by one.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from typing import Any

MAX_DEPTH = 8
MAX_TABLE_BYTES = 2**30
MAX_VECTOR = 65_536  # numbers: a single vector of a list, or the scales of a quantised layer


def main(memory_limit: str) -> int:
    """Answer requests until the input ends, a line of JSON each.

    A request is ``{"source": path, "target": path, "tensor": name}``. The tensors that may be label vectors are written to the
    target; with a name those of its layer alone. The answer is ``{"tensors": [[name, shape, dtype], ...], "names": {key: [text,
    ...]}}`` or ``{"problem": ...}``.

    Args:
        memory_limit: Bytes of private memory that this process may take.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory_limit), int(memory_limit)))
    import orjson

    for line in sys.stdin.buffer:
        request = json.loads(line)
        answer = orjson.dumps(_answer(request["source"], request["target"], request["tensor"]))
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.flush()
    return 0


def _answer(source: str, target: str, wanted: str) -> dict[str, Any]:
    import torch

    try:
        content = torch.load(source, map_location="cpu", weights_only=True, mmap=_is_zip(source))
        found = dict(_tensors(content, "", 0))
    except MemoryError:
        return {"problem": "it needs more memory than is allowed"}
    except Exception as error:
        return {"problem": _reason(error)}
    if not found:
        return {"problem": "it holds no tensor, or only quantised or sparse ones"}
    from safetensors.torch import save_file

    from lwal_core.imports.heads import describe

    facts: list[tuple[str, list[int], str]] = [
        (name, list(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for name, tensor in found.items()
    ]
    layer = wanted.rpartition(".")[0]
    kept = {}
    for name, shape, dtype in facts:
        tensor = found[name]
        stored = (
            tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()
        )  # no view that repeats itself
        asked = not wanted or name == wanted or (layer != "" and name.rpartition(".")[0] == layer)
        likely = describe(name, shape, dtype).usable or (tensor.is_floating_point() and tensor.numel() <= MAX_VECTOR)
        if stored and asked and likely and tensor.numel() * 4 <= MAX_TABLE_BYTES and tensor.numel():
            kept[name] = tensor.detach().to(torch.float32).contiguous().clone()
    save_file(kept, target)
    return {"tensors": facts, "names": dict(_names(content, 0))}


def _tensors(content: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(content, torch.Tensor):
        if content.layout == torch.strided and not content.is_quantized:
            yield prefix or "tensor", content
    elif isinstance(content, Mapping | list | tuple) and depth < MAX_DEPTH:
        for key, value in content.items() if isinstance(content, Mapping) else enumerate(content):
            if isinstance(key, str | int):
                yield from _tensors(value, f"{prefix}.{key}" if prefix else str(key), depth + 1)


def _names(content: Any, depth: int) -> Iterator[tuple[str, list[str]]]:
    """Lists of texts under a key that people give to class names, the outermost last."""
    from lwal_core.imports.names import MAX_NAMES, NAME_KEYS, as_names

    if not isinstance(content, Mapping) or depth >= MAX_DEPTH:
        return
    for value in content.values():
        yield from _names(value, depth + 1)
    for key, value in content.items():
        called = str(key).lower()
        listed = called in NAME_KEYS and isinstance(value, Mapping | list | tuple) and len(value) <= MAX_NAMES
        if listed and (texts := as_names(value)):
            yield called, [text[:1_000].encode("utf-8", "replace").decode() for text in texts]


def _reason(error: Exception) -> str:
    """The cause in our words; torch's page of advice is in part to switch its protection off."""
    text = " ".join(str(error).split())
    refused = re.search(r"Unsupported (global|operand|class|function)[^.]*?: ?(GLOBAL )?([\w.]+)", text)
    if not refused:
        return "it is damaged, cut off, or no file of torch.save"
    if "numpy" in refused[3]:
        return f"it holds arrays or numbers of numpy ({refused[3]}), which are pickled Python objects"
    return (
        f"it asks for {refused[3]}, which is no tensor: a whole model or its settings were saved, not its weights alone"
    )


def _is_zip(source: str) -> bool:
    with open(source, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
