"""What the training loop relies on, for every method: the protocol, resuming, small and narrow inputs."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import load, save
from torch import Tensor, nn

from lwal_core.config import MethodConfig, RunConfig
from lwal_core.errors import ConfigError, TrainingError
from lwal_core.methods import (
    AdaptiveLabels,
    ContrastedSamples,
    CorrelatedWithTree,
    LabelEmbeddingNetwork,
    LabelMethod,
    LabelsBesideHead,
    OneHotLabels,
    Outputs,
    PrototypeContrast,
    RetrospectionLabels,
    SmoothedLabels,
    StaticLabels,
    SuppressedMaximum,
    TaskInfo,
)
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training.loop import Cancelled, train_run

CLASSES = ("cat", "dog", "air-plane")  # CIFAR-10 has all of them
OPTIONS = {
    "onehot": {},
    "smoothing": {"smoothing": 0.2},
    "cosine": {},
    "static": {},
    "lwr": {"retrospection_epochs": 2, "temperature": 3.0},
    "labelemb": {"alpha": 0.5, "beta": 0.25, "tau": 4.0},
    "lwal": {"dim": "4", "decay": 0.7, "stationary_steps": 2, "start": "random", "distance_temperature": 0.5,
        "memory_per_class": 2, "memory_warmup_steps": 3,
    },
    "hybrid": {
        "head": "cosine", "branch_weight": 0.5, "branch_dim": "4", "branch_push_weight": 2.0, "branch_leave_one_out": False,
        "reading": "head",
    },
    "supcon": {"contrast_temperature": 0.5, "projection_dim": "4"},
    "ntce": {"contrast_temperature": 0.5},
    "nonl": {"contrast_temperature": 0.25},
    "maxsup": {"max_penalty": 0.3},
    "cpcc": {"tree_weight": 2.0, "taxonomy": "cifar10"},
}  # fmt: skip
if importlib.util.find_spec("pytorch_metric_learning"):  # of the extra 'metric'
    OPTIONS["proxy"] = {"projection_dim": "4", "proxy_margin": 0.2, "proxy_scale": 8.0}


@pytest.fixture
def options(tmp_path: Path) -> dict[str, dict[str, object]]:
    path = tmp_path / "vectors.csv"
    path.write_text("Air_plane,0,3,0,1\ncat,1,0,2,0\ndog,1,0.5,-2,0\n")
    return {name: {"name": name, **values} for name, values in OPTIONS.items()} | {
        "static": {"name": "static", "label_vectors": str(path)}
    }


@pytest.fixture(params=OPTIONS)
def config(request, options) -> MethodConfig:
    return RunConfig.parse({"method": options[request.param]}).method


def build(config: MethodConfig, classes: int = 3, train_size: int = 12) -> LabelMethod:
    return config.build(TaskInfo(CLASSES[:classes], train_size, 5, seed=7))


class Training:
    """A linear encoder of five features and a head, trained as the loop does."""

    def __init__(self, config: MethodConfig):
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(12, 3, generator=generator)
        self.y = torch.arange(12) % 3
        self.method = build(config)
        self.encoder, self.head = nn.Linear(3, 5), config.output_layer(5, 3) or nn.Linear(5, self.method.dim)
        with torch.no_grad():
            for part in (*self.encoder.parameters(), *self.head.parameters()):
                part.copy_(0.3 * torch.randn(part.shape, generator=generator))
        self.parts = nn.ModuleList([self.encoder, self.head, self.method])
        self.optimizer = torch.optim.Adam(self.parts.parameters(), lr=0.05)

    def epochs(self, first: int, last: int, context) -> list[float]:
        losses = []
        for epoch in range(first, last + 1):
            order = torch.randperm(12, generator=torch.Generator().manual_seed(epoch))
            for rows in order.split(5):
                features = torch.tanh(self.encoder(self.x[rows]))
                facts = context(rows, features, epoch=epoch, epochs=6)
                loss = self.method.step_loss(self.head(features), self.y[rows], facts)
                self.optimizer.zero_grad()
                loss.total.backward()
                self.optimizer.step()
                losses.append(loss.total.item())
        return losses

    def saved(self) -> bytes:
        """The method's state as the checkpoint keeps it: flat tensors in a file."""
        return save({key: value.contiguous().clone() for key, value in self.method.state_dict().items()})


def test_build_hands_over_every_option(options):
    def made(name: str) -> LabelMethod:
        return build(RunConfig.parse({"method": options[name]}).method)

    assert isinstance(made("onehot"), OneHotLabels)
    smoothing, cosine, static, lwr, labelemb, lwal, hybrid, supcon, ntce, nonl, maxsup, cpcc = map(
        made, list(OPTIONS)[1:13]
    )
    assert isinstance(cosine, OneHotLabels)
    assert isinstance(smoothing, SmoothedLabels) and smoothing.smoothing == 0.2
    assert isinstance(static, StaticLabels)
    assert static.label_table().tolist() == [[1, 0, 2, 0], [1, 0.5, -2, 0], [0, 3, 0, 1]]
    assert isinstance(lwr, RetrospectionLabels)
    assert (lwr.retrospection_epochs, lwr.temperature, tuple(lwr.soft_labels.shape)) == (2, 3.0, (12, 3))
    assert isinstance(labelemb, LabelEmbeddingNetwork)
    assert (labelemb.alpha, labelemb.beta, labelemb.tau, labelemb.auxiliary.in_features) == (0.5, 0.25, 4.0, 5)
    assert isinstance(lwal, AdaptiveLabels)
    assert (lwal.dim, lwal.decay, lwal.stationary_steps, lwal.distance_temperature) == (4, 0.7, 2, 0.5)
    assert (lwal.memory.rows.shape, lwal.memory_warmup_steps) == ((6, 5), 3)
    assert lwal.gradient_through_update and not torch.equal(lwal.labels, torch.eye(3, 4))
    assert isinstance(hybrid, LabelsBesideHead)
    assert (hybrid.dim, hybrid.branch_weight, hybrid.reading, hybrid.class_head.in_features) == (4, 0.5, "head", 5)
    assert (hybrid.labels.push_weight, hybrid.labels.leave_one_out) == (2.0, False)
    assert isinstance(supcon, ContrastedSamples)
    assert (supcon.dim, supcon.temperature) == (4, 0.5)
    assert isinstance(ntce, PrototypeContrast) and isinstance(nonl, PrototypeContrast)
    assert (ntce.negatives_only, nonl.negatives_only) == (False, True)
    scales = [RunConfig.parse({"method": options[name]}).method.output_layer(5, 3).scale for name in ("ntce", "nonl")]
    assert [float(scale) for scale in scales] == [2.0, 4.0]
    assert isinstance(maxsup, SuppressedMaximum) and maxsup.weight == 0.3
    assert isinstance(cpcc, CorrelatedWithTree) and cpcc.weight == 2.0
    assert cpcc.path_lengths[0, 1] < cpcc.path_lengths[0, 2]


def test_building_draws_nothing_from_the_generator_of_the_weights(config):
    """Runs with one seed start from the same head, whatever their method."""
    before = torch.get_rng_state()
    build(config)
    assert torch.equal(torch.get_rng_state(), before)


def test_training_gives_finite_losses_classes_and_a_table(config, context):
    training = Training(config)
    losses = training.epochs(1, 6, context)
    assert all(math.isfinite(loss) for loss in losses)
    features = torch.tanh(training.encoder(training.x))
    z, head = training.head(features), training.method.class_head
    assert training.method.predict(z).shape == (12,)
    logits = None if head is None else head(features)
    assert training.method.read(Outputs(z, logits, torch.randn(3, training.method.dim))).shape == (12,)
    table = training.method.label_table().cpu().numpy()  # as the loop does; a gradient would be refused
    assert table.shape == (3, training.method.dim)
    assert np.isfinite(table).all()


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_going_on_from_a_saved_state_gives_the_same_bits(config, context, after):
    whole, first = Training(config), Training(config)
    expected = whole.epochs(1, 6, context)
    seen = first.epochs(1, after, context)
    second = Training(config)
    second.encoder.load_state_dict(first.encoder.state_dict())
    second.head.load_state_dict(first.head.state_dict())
    second.method.load_state_dict(load(first.saved()))
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    seen += second.epochs(after + 1, 6, context)
    assert seen == expected
    assert second.saved() == whole.saved()


@pytest.mark.parametrize(
    ("classes", "y"),
    [
        pytest.param(3, [1], id="batch of one"),
        pytest.param(3, [2, 2, 0, 2], id="absent class"),
        pytest.param(3, [1, 1, 1], id="one class"),
        pytest.param(2, [0, 1, 1], id="two classes"),
        pytest.param(2, [0], id="two classes, batch of one"),
    ],
)
def test_small_batches_stay_finite(config, context, classes, y):
    method = build(config, classes)
    for epoch in range(1, 6):
        z = torch.randn(len(y), method.dim).requires_grad_()
        out = method.step_loss(z, torch.tensor(y), context(range(len(y)), torch.randn(len(y), 5), epoch=epoch))
        out.total.backward()
        assert all(torch.isfinite(part).all() for part in (*out, z.grad))
        assert all(part.ndim == 0 for part in out)
        assert set(method.predict(z.detach()).tolist()) <= set(range(classes))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_outputs_are_computed_in_single_precision(config, context, dtype):
    narrow, wide = build(config), build(config)
    y = torch.tensor([0, 1, 2, 1])
    for epoch in range(1, 5):
        z, features = torch.randn(4, narrow.dim).to(dtype), torch.randn(4, 5).to(dtype)
        z_narrow, z_wide = z.clone().requires_grad_(), z.float().requires_grad_()
        ours = narrow.step_loss(z_narrow, y, context(range(4), features, epoch=epoch))
        theirs = wide.step_loss(z_wide, y, context(range(4), features.float(), epoch=epoch))
        assert ours.total.dtype == torch.float32
        assert [part.item() for part in ours] == [part.item() for part in theirs]
        ours.total.backward()
        theirs.total.backward()
        torch.testing.assert_close(z_narrow.grad.float(), z_wide.grad, rtol=2e-2, atol=1e-4)
        assert torch.equal(narrow.predict(z), wide.predict(z.float()))
    for (name, ours), theirs in zip(narrow.state_dict().items(), wide.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_evaluation_mode_changes_no_state(config, context):
    method = build(config)
    method.train(False)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    method.step_loss(
        torch.randn(4, method.dim), torch.tensor([0, 1, 2, 0]), context(range(4), torch.randn(4, 5), epoch=2)
    )
    method.predict(torch.randn(4, method.dim))
    for key, value in method.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_label_dimension_too_large_is_refused():
    config = RunConfig.parse({"method": {"dim": "65537"}}).method
    with pytest.raises(ConfigError, match="K = 65,537"):
        build(config)


def test_recordings_too_large_are_refused():
    config = RunConfig.parse({"method": {"name": "lwr"}}).method
    with pytest.raises(TrainingError, match="Retrospection records 3 numbers"):
        build(config, train_size=10**9)


@pytest.fixture
def features(tmp_path: Path) -> str:
    """A feature file: three classes around three points; 26 training samples, so that of batches of 5 one is left."""
    generator = np.random.default_rng(0)
    centres = np.array([[0, 0, 4], [1, 0, 4], [8, 8, 0]], dtype=np.float32)
    arrays: dict[str, np.ndarray] = {"class_names": np.array(CLASSES)}
    for part, count in (("train", 26), ("test", 9)):
        y = np.arange(count) % 3
        arrays |= {f"x_{part}": (centres[y] + generator.normal(size=(count, 3))).astype(np.float32), f"y_{part}": y}
    np.savez(tmp_path / "features.npz", **arrays)
    return f"features:{tmp_path / 'features.npz'}"


def test_a_cancelled_run_ends_as_if_it_had_not_been_cancelled(config, features, monkeypatch, tmp_path):
    """Through the real loop and its checkpoint files: stopped in the middle of the fourth of six epochs."""
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "home"))
    values = {
        "data": {"name": features},
        "encoder": {"hidden": 8},
        "method": config.model_dump(mode="json"),
        "training": {"epochs": 6, "batch_size": 5, "device": "cpu"},
    }
    runs = [create_run(RunConfig.parse(values)) for _ in range(2)]
    train_run(runs[0].path)
    asked = iter(range(10_000))
    with pytest.raises(Cancelled):
        train_run(runs[1].path, lambda: next(asked) == 18)  # once before the first epoch, then five batches an epoch
    assert open_run(runs[1].id).metrics().epoch.tolist() == [0, 1, 2, 3]
    train_run(runs[1].path)
    ours, theirs = (tensors(run) for run in runs)
    assert ours.keys() == theirs.keys()
    for name, values_of_whole_run in ours.items():
        np.testing.assert_array_equal(values_of_whole_run, theirs[name], err_msg=name)
    whole, resumed = (open_run(run.id).metrics() for run in runs)
    np.testing.assert_array_equal(whole.loss, resumed.loss)
    np.testing.assert_array_equal(whole.test_accuracy_own, resumed.test_accuracy_own)
    if config.name == "lwr":
        # One sample an epoch is in no batch: it has missed a recording, and no sample has one of an odd epoch.
        assert set(ours["method/recorded_in"].tolist()) <= {0, 2, 4, 6}
        assert (ours["method/recorded_in"] == 6).sum() == 25


def tensors(run: Run) -> dict[str, np.ndarray]:
    return load_file(run.path / "checkpoint" / "last.safetensors")


def test_the_table_follows_what_is_learned(options, context):
    """Only these methods have label vectors that change."""
    changed = []
    for name in OPTIONS:
        training = Training(RunConfig.parse({"method": options[name]}).method)
        before: Tensor = training.method.label_table().clone()
        training.epochs(1, 4, context)
        if not torch.equal(before, training.method.label_table()):
            changed.append(name)
    assert changed == ["labelemb", "lwal", "hybrid", "supcon", *(["proxy"] if "proxy" in OPTIONS else [])]
