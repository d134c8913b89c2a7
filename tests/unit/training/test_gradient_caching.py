"""A batch in chunks against the whole batch: features, gradients, dropout, running statistics, activations that are kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lwal_core.encoders import Classifier
from lwal_core.methods import AdaptiveLabels
from lwal_core.training.gradient_caching import features_in_chunks


def model_of(*layers: nn.Module) -> Classifier:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(27, 40), *layers, nn.Linear(40, 12))
    encoder.out_features = 12
    for part in encoder:
        if isinstance(part, nn.Linear):
            part.reset_parameters()
    return Classifier(encoder, 20, torch.zeros(3), torch.ones(3)).train()


def images(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, 3, 3), dtype=torch.uint8, generator=generator), torch.arange(count) % 5


def step(model: Classifier, x: Tensor, y: Tensor, size: int | None) -> tuple[Tensor, list[Tensor]]:
    torch.manual_seed(2)
    loss = AdaptiveLabels(5, 20, leave_one_out=True)(model.head(features_in_chunks(model, x, size)), y).total
    return loss.detach(), list(torch.autograd.grad(loss, list(model.parameters())))


@pytest.mark.parametrize("size", [4, 7, 16, 37])
def test_the_gradient_is_that_of_the_whole_batch(size):
    """To 1e-5 in float32: class means and losses are of all 37 samples."""
    model, (x, y) = model_of(nn.ReLU(), nn.LayerNorm(40)), images(37)
    (whole, expected), (loss, found) = step(model, x, y, None), step(model, x, y, size)
    assert loss.item() == pytest.approx(whole.item(), rel=1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max().clamp_min(1)


def test_chunks_alone_would_give_another_gradient():
    """The control: the mean of the chunks' own losses is not the loss of the batch."""
    model, (x, y) = model_of(nn.ReLU(), nn.LayerNorm(40)), images(36)
    _, expected = step(model, x, y, None)
    apart = [step(model, part, label, None)[1] for part, label in zip(x.split(9), y.split(9), strict=True)]
    mean = [torch.stack(parts).mean(0) for parts in zip(*apart, strict=True)]
    assert max((a - b).abs().max().item() for a, b in zip(mean, expected, strict=True)) > 1e-3


def test_dropout_and_batch_norm_are_as_in_one_pass_through_each_chunk():
    """Against the same chunks with everything kept: gradients and running statistics bit for bit."""
    layers = [nn.BatchNorm1d(40), nn.ReLU(), nn.Dropout(0.5)]
    cached, plain, (x, y) = model_of(*layers), model_of(nn.BatchNorm1d(40), *layers[1:]), images(20)
    loss, found = step(cached, x, y, 5)
    torch.manual_seed(2)
    features = torch.cat([plain.features(part) for part in x.split(5)])
    expected = AdaptiveLabels(5, 20, leave_one_out=True)(plain.head(features), y).total
    assert loss == expected
    for ours, theirs in zip(found, torch.autograd.grad(expected, list(plain.parameters())), strict=True):
        assert torch.equal(ours, theirs)
    norm, other = cached.encoder[2], plain.encoder[2]
    assert norm.num_batches_tracked == other.num_batches_tracked == 4 and norm.momentum == other.momentum == 0.1
    assert torch.equal(norm.running_mean, other.running_mean) and torch.equal(norm.running_var, other.running_var)
    assert norm.running_mean.abs().max() > 0


def test_no_chunk_keeps_its_activations():
    """What the backward pass finds saved grows with the batch by the features alone."""
    model, (x, _) = model_of(nn.ReLU(), nn.LayerNorm(40)), images(64)

    def kept(size: int | None) -> int:
        found = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal found
            found += tensor.numel() * (tensor.dtype == torch.float32)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            features_in_chunks(model, x, size)
        return found

    assert kept(None) > 64 * 40 and kept(16) < 64 * 12
