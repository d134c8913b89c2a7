"""The classification head of common checkpoints, by the names and shapes that their libraries give."""

from __future__ import annotations

import pytest

from lwal_core.imports.heads import describe, guess_label_table, is_quantisation

C, D = 5, 8
BLOCK = {
    "encoder.layer.0.attention.output.dense": (D, D),
    "encoder.layer.0.intermediate.dense": (4 * D, D),
    "encoder.layer.0.output.dense": (D, 4 * D),
}
TIMM_BLOCK = {"blocks.0.attn.proj": (D, D), "blocks.0.mlp.fc1": (4 * D, D), "blocks.0.mlp.fc2": (D, 4 * D)}
LAYOUTS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    "ViT of transformers": ("classifier", {f"vit.{name}": shape for name, shape in BLOCK.items()} | {"vit.pooler.dense": (D, D)}),
    "DINOv2 of transformers": ("classifier", {"dinov2.encoder.layer.0.mlp.fc2": (D, 4 * D)}),
    "BERT": ("classifier", {f"bert.{n}": s for n, s in BLOCK.items()} | {
        "bert.pooler.dense": (D, D), "bert.embeddings.word_embeddings": (100, D), "bert.embeddings.position_embeddings": (50, D)}),
    "RoBERTa": ("classifier.out_proj", {f"roberta.{n}": s for n, s in BLOCK.items()} | {"classifier.dense": (D, D)}),
    "DistilBERT": ("classifier", {"pre_classifier": (D, D), "distilbert.transformer.layer.0.ffn.lin2": (D, 4 * D)}),
    "BART": ("classification_head.out_proj", {"classification_head.dense": (D, D), "model.shared": (100, D),
        "model.decoder.layers.0.fc2": (D, 4 * D)}),
    "GPT-2": ("score", {"transformer.wte": (100, D), "transformer.h.0.mlp.c_proj": (4 * D, D)}),
    "XLM": ("sequence_summary.summary", {"transformer.ffns.0.lin2": (D, 4 * D), "transformer.attentions.0.out_lin": (D, D)}),
    "XLNet": ("logits_proj", {"sequence_summary.summary": (D, D), "transformer.layer.0.ff.layer_2": (D, 4 * D)}),
    "wav2vec2": ("classifier", {"projector": (D, D), "wav2vec2.encoder.layers.0.feed_forward.output_dense": (D, 4 * D)}),
    "audio spectrogram transformer": ("classifier.dense", {f"audio_spectrogram_transformer.{n}": s for n, s in BLOCK.items()}),
    "CLIP with a classifier": ("classifier", {"vision_model.encoder.layers.0.mlp.fc2": (D, 4 * D), "visual_projection": (D, D),
        "text_projection": (D, D)}),
    "linear probe": ("linear", {}),
    "DeiT of timm, distilled": ("head", {"head_dist": (C, D), **TIMM_BLOCK}),
    "DeiT of transformers": ("cls_classifier", {"distillation_classifier": (C, D), **{f"deit.{n}": s for n, s in BLOCK.items()}}),
    "ViT, EVA and Mixer of timm": ("head", {**TIMM_BLOCK, "patch_embed.proj": (D, 3, 4, 4)}),
    "ViT of torchvision": ("heads.head", {"heads.pre_logits": (D, D), "encoder.layers.encoder_layer_0.mlp.0": (4 * D, D)}),
    "Swin and ConvNeXt of timm": ("head.fc", {"stages.0.blocks.0.mlp.fc2": (D, 4 * D), "layers.3.downsample.reduction": (D, 4 * D)}),
    "Swin of torchvision": ("head", {"features.1.0.mlp.3": (D, 4 * D)}),
    "ConvNeXt of torchvision": ("classifier.2", {"features.1.0.block.3": (4 * D, D), "features.1.0.block.5": (D, 4 * D)}),
    "MaxViT of torchvision": ("classifier.5", {"classifier.3": (D, D), "blocks.0.layers.0.layers.MBconv.layers.se.fc2": (D, 2, 1, 1)}),
    "MaxViT of timm": ("head.fc", {"head.pre_logits.fc": (D, D), "stages.0.blocks.0.conv.se.fc2": (D, 2, 1, 1)}),
    "ResNet": ("fc", {"layer1.0.conv1": (D, D, 1, 1), "layer4.1.downsample.0": (D, D, 1, 1), "conv1": (D, 3, 7, 7)}),
    "ResNet of transformers": ("classifier.1", {"resnet.encoder.stages.0.layers.0.layer.0.convolution": (D, D, 1, 1)}),
    "VGG": ("classifier.6", {"classifier.0": (4 * D, 49), "classifier.3": (4 * D, 4 * D), "features.0": (D, 3, 3, 3)}),
    "AlexNet": ("classifier.6", {"classifier.1": (4 * D, 36), "classifier.4": (4 * D, 4 * D)}),
    "a long classifier": ("classifier.10", {"classifier.2": (D, D), "classifier.6": (D, D)}),
    "DenseNet": ("classifier", {"features.denseblock1.denselayer1.conv1": (D, D, 1, 1), "features.transition1.conv": (D, D, 1, 1)}),
    "MobileNetV2 and EfficientNet of torchvision": ("classifier.1", {
        "features.18.0": (D, D, 1, 1), "features.1.0.block.1.fc2": (D, 2, 1, 1)}),
    "MobileNetV3 of torchvision": ("classifier.3", {"classifier.0": (4 * D, D), "features.1.block.1.fc2": (D, 2, 1, 1)}),
    "EfficientNet of timm": ("classifier", {"conv_head": (4 * D, D, 1, 1), "blocks.0.0.se.conv_expand": (D, 2, 1, 1)}),
    "EfficientNet of lukemelas": ("_fc", {"_conv_head": (4 * D, D, 1, 1), "_blocks.0._se_expand": (D, 2, 1, 1)}),
    "Inception": ("fc", {"AuxLogits.fc": (C, D), "AuxLogits.conv0": (D, D, 1, 1), "Mixed_7c.branch1x1.conv": (D, D, 1, 1)}),
    "GoogLeNet": ("fc", {"aux1.fc2": (C, D), "aux2.fc2": (C, D), "inception5b.branch1.conv": (D, D, 1, 1)}),
    "selecsls of timm": ("fc", {"head.3.0": (4 * D, D, 1, 1), "features.0.conv1.0": (D, D, 1, 1)}),
    "MMPretrain": ("head.fc", {"backbone.layer1.0.conv1": (D, D, 1, 1)}),
    "lucidrains' ViT": ("mlp_head.1", {"transformer.layers.0.1.net.3": (D, 4 * D)}),
    "Lightning": ("model.fc", {"model.layer1.0.conv1": (D, D, 1, 1)}),
    "wrapped by DataParallel and compiled": ("module._orig_mod.fc", {"module._orig_mod.layer1.0.conv1": (D, D, 1, 1)}),
    "encoder with an fc of its own": ("classifier", {"encoder.fc": (D, D)}),
    "LeNet": ("fc3", {"fc1": (120, 16), "fc2": (84, 120), "conv1": (6, 1, 5, 5)}),
    "layers by number alone": ("4", {"0": (20, 9), "2": (10, 20)}),
}  # fmt: skip


@pytest.mark.parametrize("library", LAYOUTS)
@pytest.mark.parametrize("shape", [(C, D), (C, D, 1, 1)], ids=["linear", "1x1 convolution"])
def test_the_head_is_found_in_whatever_order(library, shape):
    head, others = LAYOUTS[library]
    tensors = {f"{name}.weight": size for name, size in others.items()} | {
        f"{head}.weight": shape,
        f"{head}.bias": (C,),
    }
    for order in (list, sorted, lambda names: list(names)[::-1]):
        facts = [describe(name, tensors[name], "float32") for name in order(tensors)]
        assert guess_label_table(facts) == f"{head}.weight"


def test_squeezenet():
    """Its head is a 1x1 convolution beside others."""
    shapes = {
        "features.3.squeeze.weight": (D, D, 1, 1),
        "features.3.expand1x1.weight": (D, D, 1, 1),
        "classifier.1.weight": (C, D, 1, 1),
    }
    assert guess_label_table([describe(*item, "float32") for item in shapes.items()]) == "classifier.1.weight"


def test_arrays_of_scikit_learn():
    shapes = {"coef_": (C, D), "intercept_": (C,), "components_": (C, D)}
    assert guess_label_table([describe(*item, "float64") for item in shapes.items()]) == "coef_"


def test_a_head_of_too_many_rows_is_named_rather_than_replaced():
    facts = [
        describe("head.weight", (21_841, 2), "float32"),
        describe("layers.3.blocks.1.mlp.fc2.weight", (8, 32), "float32"),
    ]
    assert guess_label_table(facts) == "head.weight" and not facts[0].usable


@pytest.mark.parametrize(
    "name",
    ["fc.weight_scale", "fc.scales", "fc.qweight", "fc.qzeros", "fc.g_idx", "fc.weight.absmax", "fc.weight.quant_map",
     "fc.weight.quant_state.bitsandbytes__nf4", "fc.SCB", "fc.weight_packed", "fc.weight_zero_point", "fc.input_scale"],
)  # fmt: skip
def test_what_belongs_to_quantised_weights(name):
    assert is_quantisation(name)
    facts = [describe(name, (C, 2), "float32"), describe("fc.weight", (C, D), "int8")]
    assert guess_label_table(facts) == guess_label_table(facts[::-1]) == "fc.weight"


def test_names_that_only_look_like_it():
    assert not any(
        map(is_quantisation, ("head.weight", "layer_scale.fc.weight", "scaler.fc.weight", "zeros_head.weight"))
    )


def guess(**shapes):
    return guess_label_table([describe(name, shape, "float32") for name, shape in shapes.items()])


def test_a_head_of_one_row_is_not_replaced_by_another_layer():
    assert guess(**{"head.weight": (1, D), "blocks.0.mlp.fc1.weight": (4 * D, D)}) in ("", "head.weight")
    assert guess(**{"head.weight": (C, D), "score.weight": (1, D)}) == "head.weight"


@pytest.mark.parametrize(
    "other",
    [
        "optimizer.state.0.exp_avg",
        "state.0.momentum_buffer",
        "projection_head.2.weight",
        "classifier.original_module.weight",
    ],
)
def test_neither_optimizers_nor_projections_nor_copies_are_heads(other):
    assert guess(**{other: (C, D), "classifier.modules_to_save.default.weight": (C, D)}).startswith(
        "classifier.modules"
    )
    assert guess(**{other: (C, D), "model.bottleneck.weight": (C, D)}) == "model.bottleneck.weight"


def test_slashes_part_modules():
    assert (
        guess(**{"params/head/kernel": (D, C), "params/encoderblock_0/Dense_0/kernel": (D, D)}) == "params/head/kernel"
    )
