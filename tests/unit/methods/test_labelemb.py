"""Label embedding network against loops over samples and classes, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lwal_core.methods import LabelEmbeddingNetwork

F64 = torch.float64


def softmax(values: list[float], temperature: float = 1.0) -> list[float]:
    powers = [math.exp(v / temperature) for v in values]
    return [power / sum(powers) for power in powers]


class Slow:
    """Every term of the loss and every gradient written out, one sample and one class at a time, plain numbers."""

    def __init__(self, method: LabelEmbeddingNetwork):
        self.e: list[list[float]] = method.embedding.tolist()
        self.weight: list[list[float]] = method.auxiliary.weight.tolist()
        self.bias: list[float] = method.auxiliary.bias.tolist()
        self.alpha, self.beta, self.tau = method.alpha, method.beta, method.tau

    def step(self, z: list[list[float]], y: list[int], features: list[list[float]]) -> dict[str, object]:
        size, classes = len(z), len(self.e)
        o2 = [[sum(w * f for w, f in zip(row, x, strict=True)) + b for row, b in zip(self.weight, self.bias, strict=True)]
              for x in features]  # fmt: skip
        right = [i for i in range(size) if max(range(classes), key=lambda c, i=i: o2[i][c]) == y[i]]
        terms = dict.fromkeys(("hard", "soft", "auxiliary", "learned", "held back"), 0.0)
        dz = [[0.0] * classes for _ in z]
        do2 = [[0.0] * classes for _ in z]
        de = [[0.0] * classes for _ in range(classes)]
        for i in range(size):
            p1, p2, label = softmax(z[i]), softmax(o2[i]), softmax(self.e[y[i]])
            softened = softmax(o2[i], self.tau)
            terms["hard"] -= math.log(p1[y[i]]) / size
            terms["auxiliary"] -= math.log(p2[y[i]]) / size
            gap = p2[y[i]] - self.alpha
            terms["held back"] += max(gap, 0.0)
            for c in range(classes):
                true = float(c == y[i])
                terms["soft"] -= label[c] * math.log(p1[c]) / size
                dz[i][c] += (self.beta * (p1[c] - true) + (1 - self.beta) * (p1[c] - label[c])) / size
                do2[i][c] += (p2[c] - true) / size
                if gap > 0:
                    do2[i][c] += p2[y[i]] * (true - p2[c])
                if i in right:
                    terms["learned"] -= softened[c] * math.log(label[c]) / len(right)
                    de[y[i]][c] += (label[c] - softened[c]) / len(right)
        total = self.beta * terms["hard"] + (1 - self.beta) * terms["soft"]
        total += terms["auxiliary"] + terms["learned"] + terms["held back"]
        dw = [
            [sum(do2[i][c] * features[i][f] for i in range(size)) for f in range(len(features[0]))]
            for c in range(classes)
        ]
        db = [sum(do2[i][c] for i in range(size)) for c in range(classes)]
        return {"total": total, "pull": terms["hard"], "z": dz, "E": de, "weight": dw, "bias": db,
                "right": len(right), "held back": terms["held back"]}  # fmt: skip


def start(classes: int, features: int, spread: float, **options: float) -> LabelEmbeddingNetwork:
    """A network whose matrix and auxiliary head are somewhere on their way."""
    method = LabelEmbeddingNetwork(classes, features, **options, seed=1).double()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        method.embedding += 0.5 * torch.randn(classes, classes, generator=generator, dtype=F64)
        method.auxiliary.weight *= spread
    return method


def as_double(values: object) -> Tensor:
    return torch.tensor(values, dtype=F64)


@pytest.mark.parametrize(
    ("classes", "y", "spread", "options"),
    [
        pytest.param(4, [0, 1, 2, 3, 0, 1, 2, 3], 1.0, {}, id="usual"),
        pytest.param(4, [0, 1, 2, 3, 0, 1, 2, 3], 40.0, {}, id="sure auxiliary head"),
        pytest.param(4, [0, 1, 2, 3, 0, 1, 2, 3], 5.0, {"alpha": 0.2, "beta": 0.9, "tau": 4.0}, id="all options"),
        pytest.param(6, [1, 1, 4], 3.0, {}, id="absent classes"),
        pytest.param(2, [0, 1, 1], 3.0, {}, id="two classes"),
        pytest.param(3, [2], 3.0, {}, id="batch of one"),
        pytest.param(3, [0, 1], 1.0, {"beta": 0.0}, id="soft labels alone"),
        pytest.param(3, [0, 1], 1.0, {"beta": 1.0, "alpha": 1.0}, id="hard labels alone"),
    ],
)
def test_equals_slow_version(context, classes, y, spread, options):
    method = start(classes, 5, spread, **options)
    generator = torch.Generator().manual_seed(7)
    seen = {"right": 0, "wrong": 0, "held back": 0.0}
    for _ in range(6):
        z = torch.randn(len(y), classes, generator=generator, dtype=F64).requires_grad_()
        features = torch.randn(len(y), 5, generator=generator, dtype=F64).requires_grad_()
        method.zero_grad()
        out = method.step_loss(z, torch.tensor(y), context(range(len(y)), features))
        out.total.backward()
        slow = Slow(method).step(z.tolist(), y, features.tolist())
        assert out.total.item() == pytest.approx(slow["total"], abs=1e-11)
        assert out.pull.item() == pytest.approx(slow["pull"], abs=1e-12)
        assert out.push.item() == 0
        assert features.grad is None
        for gradient, expected in (
            (z.grad, slow["z"]),
            (method.embedding.grad, slow["E"]),
            (method.auxiliary.weight.grad, slow["weight"]),
            (method.auxiliary.bias.grad, slow["bias"]),
        ):
            torch.testing.assert_close(gradient, as_double(expected), atol=1e-11, rtol=0)
        seen["right"] += slow["right"]
        seen["wrong"] += len(y) - slow["right"]
        seen["held back"] += slow["held back"]
    # The cases would say little if every sample fell on one side.
    assert seen["right"] > 0 and seen["wrong"] > 0
    if options.get("alpha", 0.9) < 0.9 or spread > 10:
        assert seen["held back"] > 0


def test_by_hand(context):
    """Two classes, features 0, so that the auxiliary head says its bias: (ln 9, 0), probabilities (0.9, 0.1)."""
    method = LabelEmbeddingNetwork(2, 1, alpha=0.8)
    with torch.no_grad():
        method.auxiliary.bias.copy_(torch.tensor([math.log(9), 0.0]))
    out = method.step_loss(torch.zeros(2, 2), torch.tensor([0, 1]), context([0, 1], torch.zeros(2, 1)))
    # z is undecided: both of its cross-entropies are ln 2. The auxiliary head gets the first sample right, with 0.1
    # more than alpha; softened by 2 it says (3/4, 1/4). A row of the identity has softmax (e, 1) / (e + 1).
    learned = -(0.75 * math.log(math.e / (math.e + 1)) + 0.25 * math.log(1 / (math.e + 1)))
    expected = math.log(2) - (math.log(0.9) + math.log(0.1)) / 2 + learned + 0.1
    assert out.total.item() == pytest.approx(expected, abs=1e-6)


def test_the_matrix_learns_nothing_where_the_auxiliary_head_is_wrong(context):
    method = LabelEmbeddingNetwork(2, 1)
    with torch.no_grad():
        method.auxiliary.bias.copy_(torch.tensor([3.0, 0.0]))
    method.step_loss(torch.zeros(3, 2), torch.tensor([1, 1, 1]), context([0, 1, 2], torch.zeros(3, 1))).total.backward()
    assert not method.embedding.grad.any()


def test_the_matrix_learns_which_classes_resemble_each_other(context):
    """Features of classes 0 and 1 lie side by side, those of class 2 lie elsewhere."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[1.0, 0.2], [1.0, -0.2], [-1.0, 0.0]])
    method = LabelEmbeddingNetwork(3, 2)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.02)
    for _ in range(400):
        y = torch.arange(30) % 3
        features = centres[y] + 0.05 * torch.randn(30, 2, generator=generator)
        optimizer.zero_grad()
        method.step_loss(torch.zeros(30, 3), y, context(range(30), features)).total.backward()
        optimizer.step()
    soft = torch.softmax(method.label_table(), dim=1)
    assert soft.argmax(dim=1).tolist() == [0, 1, 2]
    assert soft[0, 1] > 2 * soft[0, 2]
    assert soft[1, 0] > 2 * soft[1, 2]


def test_table_is_the_matrix_without_its_gradient():
    method = LabelEmbeddingNetwork(3, 4)
    assert torch.equal(method.label_table(), torch.eye(3))
    assert not method.label_table().requires_grad
    with torch.no_grad():
        method.embedding[0, 2] = 7
    assert method.label_table()[0, 2] == 7
    assert method.predict(torch.tensor([[0.0, 2.0, 1.0]])).tolist() == [1]


def test_auxiliary_head_starts_seeded_and_within_the_usual_range():
    method = LabelEmbeddingNetwork(40, 25, seed=3)
    again, other = LabelEmbeddingNetwork(40, 25, seed=3), LabelEmbeddingNetwork(40, 25, seed=4)
    assert torch.equal(method.auxiliary.weight, again.auxiliary.weight)
    assert not torch.equal(method.auxiliary.weight, other.auxiliary.weight)
    # torch's own linear layer draws weights and biases evenly from -1/sqrt(F) to 1/sqrt(F); F = 25.
    usual = torch.nn.Linear(25, 40)
    for values, theirs in ((method.auxiliary.weight, usual.weight), (method.auxiliary.bias, usual.bias)):
        assert values.abs().max() <= 0.2
        assert theirs.abs().max() <= 0.2
    assert method.auxiliary.weight.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.05)
    assert usual.weight.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.05)


@pytest.mark.parametrize("shape", [(2, 4), (3, 5), (2,)])
def test_features_of_another_batch_are_refused(context, shape):
    with pytest.raises(ValueError, match=r"features must be \[2,5\]"):
        LabelEmbeddingNetwork(3, 5).step_loss(
            torch.zeros(2, 3), torch.tensor([1, 2]), context([0, 1], torch.zeros(shape))
        )


@pytest.mark.parametrize(
    "arguments",
    [(1, 3), (3, 0), (3, 3, 0.0), (3, 3, 1.1), (3, 3, 0.9, -0.1), (3, 3, 0.9, 1.1), (3, 3, 0.9, 0.5, 0.0)],
)
def test_options_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="num_classes must be at least 2"):
        LabelEmbeddingNetwork(*arguments)
