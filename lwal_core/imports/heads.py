"""Classification heads: which tensor of a checkpoint holds the vectors of the classes.

Told by names and shapes alone. A head is named by the module that it is (``classifier``, ``head.fc``, ``score``), stands outside the
repeated blocks of the network, and is the last of its kind in natural order (``classifier.10`` after ``classifier.2``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.datafiles.arrays import is_number
from lwal_core.datafiles.limits import MAX_CLASSES

_CLASS_WORD = re.compile(
    r"_?(\w*_)?(classifiers?|classification(_heads?)?|class_(head|embed|predictor)|cls(_(head|score|fc|pred|logits))?|clf|classif|"
    r"logits?(_proj)?|scores?|softmax|predictions?|prototypes|fc_cls|last_linear|coef_?)",
    re.I,
)
_HEAD_WORD = re.compile(
    r"_?(\w*_)?(heads?|fc\d*|lin(ear)?\d*|dense_?\d*|outputs?|out|outc|out_proj|summary|final(_layer)?|(last|output|out)_layer|labels?|class_embeddings)",
    re.I,
)
_BLOCK = re.compile(
    r"h|(encoder_?|decoder_?)?layers?(_?\d+)*|(res|dense|attn)?(block|stage|cell|group|transition|denseblock|resblock)s?(_?\d+)*|"
    r"mixed_\w+|features?|\w*(attn|attention)\w*|intermediate|mlps?|ffns?|feed_forward|se(_module)?|downsample|"
    r"(?!class_)\w*embed(ding)?s?|pooler|rnn|lstm|gru|conv\d*",
    re.I,
)  # fmt: skip
_HIDDEN = re.compile(
    r"pre_?(classifier|logits)|conv_head|transform|\w*projector|\w*projection(_head)?|proj_head|optim(izer)?(_states?)?|\w*exp_avg\w*|momentum_buffer|square_avg|pool\w*|\w*(bbox|box_reg|box_head|mask|rpn)\w*|q_?proj|k_?proj|v_?proj|query|key|value",
    re.I,
)
_AUXILIARY = re.compile(
    r"aux\w*|\w*_aux|\w*_dist|dist|\w*distill\w*|\w*teacher\w*|seq_relationship|ema|original_module", re.I
)
_WRAPPERS = frozenset(
    {"module", "model", "net", "network", "state_dict", "model_state_dict", "model_state", "_orig_mod"}
)
_LEAVES = frozenset({"weight", "kernel", "w", "weight_v", "original0", "original1"})
_QUANTISED = re.compile(
    r"(^|[._])((weight_|input_|output_|act_)?(scales?|scale_inv|zero_points?|zeros)|qweight|qzeros|g_idx|(nested_)?absmax|"
    r"(nested_)?quant_map|(quant_state|packed_params)(\..*)?|scb|weight_format|weight_packed|weight_shape)$",
    re.I,
)


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a file. ``usable`` tells whether it may be label vectors: numbers, two dimensions (or further ones of
    length 1, as 1x1 convolutions have), rows for 2 to 10,000 classes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    usable: bool


def describe(name: str, shape: Sequence[int], dtype: str) -> TensorInfo:
    """Judge a tensor by its shape and type."""
    plain = tuple(int(size) for size in shape)
    return TensorInfo(name, plain, dtype, _is_table(plain, dtype) and 2 <= plain[0] <= MAX_CLASSES)


def _is_table(shape: tuple[int, ...], dtype: str) -> bool:
    return (
        is_number(dtype)
        and len(shape) >= 2
        and set(shape[2:]) <= {1}
        and shape[0] >= 1
        and 1 <= shape[1] <= MAX_LABEL_DIM
    )


def guess_label_table(tensors: Sequence[TensorInfo]) -> str:
    """Name of the tensor that is most likely a table of classes; empty when none is usable.

    It may have more than 10,000 rows and is then not usable itself: a head is not replaced by some other layer.
    """
    tables = [t for t in tensors if _is_table(t.shape, t.dtype) and not is_quantisation(t.name)]
    several = [t for t in tables if t.shape[0] > 1]
    # A head of one row tells two classes apart; no other layer stands in for it.
    one_row = [t for t in tables if t.shape[0] == 1 and rank(t.name)[0] == 3]
    candidates = one_row if one_row and not any(rank(t.name)[0] == 3 for t in several) else several
    if not any(t.usable for t in candidates) and not any(rank(t.name)[0] == 3 for t in candidates):
        return ""
    return max(candidates, key=lambda t: (rank(t.name)[0] == 3 or t.usable, *rank(t.name))).name


def is_quantisation(name: str) -> bool:
    """Whether a name is that of what belongs to packed or scaled weights: scales, zero points, codes."""
    return bool(_QUANTISED.search(name))


def rank(name: str) -> tuple[int, int, int, int, list[tuple[int, int | str]]]:
    """How likely a name is that of the classification head; the largest is.

    Returns:
        3 for a head, 2 for a layer outside the blocks, 1 for an auxiliary head, 0 for a hidden layer; 1 if it is named for
        classes; minus the depth of its module and minus the length of its name in modules; and its natural order.
    """
    parts = [part for part in re.split(r"[./]", name) if part]
    while len(parts) > 1 and parts[0].lower() in _WRAPPERS:
        parts = parts[1:]
    bias = parts[-1] == "bias"
    modules = parts[:-1] if len(parts) > 1 and (parts[-1].lower() in _LEAVES or bias) else parts
    heads = [i for i, part in enumerate(modules) if _CLASS_WORD.fullmatch(part) or _HEAD_WORD.fullmatch(part)]
    blocks = [i for i, part in enumerate(modules) if _BLOCK.fullmatch(part)]
    natural: list[tuple[int, int | str]] = [
        (0, int(piece)) if piece.isdigit() else (1, piece) for piece in re.split(r"(\d+)", ".".join(parts)) if piece
    ]
    tier = 2
    if heads and not (blocks and blocks[0] < heads[0]):
        tier = 3
    elif blocks:
        tier = 0
    if any(_HIDDEN.fullmatch(part) for part in modules) or bias:
        tier = 0
    elif any(_AUXILIARY.fullmatch(part) for part in modules):
        tier = min(tier, 1)
    classes = any(_CLASS_WORD.fullmatch(part) for part in modules)
    return tier, int(classes), -(heads[0] if heads else 0), -len(modules), natural
