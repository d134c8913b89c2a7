"""Label embedding network: soft labels per class, learned by a second head.

Source: X. Sun, B. Wei, X. Ren, S. Ma, "Label Embedding Network: Learning Label Representation for Soft Training of Deep
Networks", arXiv:1710.10393.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lwal_core.methods.base import LabelLoss, LabelModule, StepContext
from lwal_core.methods.losses import at_least_float32
from lwal_core.methods.reduction import process_count, sum_over_processes


class LabelEmbeddingNetwork(LabelModule):
    """A linear head to C logits, trained towards the true class and towards the learned soft label of its class.

    Besides the head's logits ``o1`` there is an auxiliary head ``o2`` on the same features, whose gradient stops at
    them, and a matrix ``E [C,C]`` that starts as the identity. The loss adds up, with ``sg`` for "no gradient":

    1. ``beta * CE(o1, y) + (1 - beta) * CE(o1, sg softmax(E_y))``, which trains the network;
    2. ``CE(o2, y)``, which trains the auxiliary head;
    3. ``CE(E_y, sg softmax(o2 / tau))``, mean over the samples that ``o2`` gets right, which trains ``E``. It is 0 when
       ``o2`` gets none right;
    4. the *sum* over the batch of ``relu(softmax(o2)_y - alpha)``, which keeps the auxiliary head from growing so sure
       that nothing is left to learn about the other classes.

    The other terms are means over the batch.

    Args:
        num_classes: C, at least 2.
        features: F, width of the features that both heads read, at least 1.
        alpha: Probability above which the auxiliary head is held back, in (0, 1].
        beta: Share of the true class in the network's targets, in [0, 1].
        tau: Temperature of what ``E`` learns from, above 0.
        seed: Of the auxiliary head's weights. They are drawn as a linear layer's usually are, but from a generator of
            their own, so that the main head starts as it does in one-hot training with the same seed.

    Attributes:
        embedding: E, a parameter.
        auxiliary: The auxiliary head.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        num_classes: int,
        features: int,
        alpha: float = 0.9,
        beta: float = 0.5,
        tau: float = 2.0,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if num_classes < 2 or features < 1 or not (0 < alpha <= 1 and 0 <= beta <= 1 and tau > 0):
            raise ValueError(
                "num_classes must be at least 2, features at least 1, alpha in (0, 1], beta in [0, 1], tau above 0; got "
                f"{num_classes}, {features}, {alpha}, {beta} and {tau}"
            )
        self.num_classes = self.dim = num_classes
        self.alpha, self.beta, self.tau = alpha, beta, tau
        self.embedding = nn.Parameter(torch.eye(num_classes))
        self.auxiliary = nn.utils.skip_init(nn.Linear, features, num_classes)
        generator = torch.Generator().manual_seed(seed)
        bound = features**-0.5
        with torch.no_grad():
            self.auxiliary.weight.uniform_(-bound, bound, generator=generator)
            self.auxiliary.bias.uniform_(-bound, bound, generator=generator)

    def step_loss(self, z: Tensor, y: Tensor, context: StepContext) -> LabelLoss:
        """Loss of logits ``z [B,C]``; there is no push.

        ``pull`` is the cross-entropy of ``z`` with the true class, unweighted, and so comparable with one-hot training.

        Raises:
            ValueError: The context is not of these samples.
        """
        if context.features.shape != (len(y), self.auxiliary.in_features):
            raise ValueError(
                f"features must be [{len(y)},{self.auxiliary.in_features}]; got {tuple(context.features.shape)}"
            )
        log_p1 = F.log_softmax(at_least_float32(z), dim=1)
        o2 = self.auxiliary(context.features.detach().to(self.auxiliary.weight.dtype))
        label = self.embedding[y]
        hard = F.nll_loss(log_p1, y)
        soft = _cross_entropy(log_p1, F.softmax(label.detach(), dim=1)).mean()
        # The true class's minus log-probability gives both its cross-entropy and its probability.
        surprise = F.cross_entropy(o2, y, reduction="none")
        right = (o2.argmax(dim=1) == y).to(o2.dtype)
        learned = _cross_entropy(F.log_softmax(label, dim=1), F.softmax(o2.detach() / self.tau, dim=1))
        # Each process adds its part of two sums over the whole batch; their mean over processes is what is trained on.
        processes = process_count()
        learned = processes * (learned * right).sum() / sum_over_processes(right.sum()).clamp_min(1)
        held_back = processes * F.relu(torch.exp(-surprise) - self.alpha).sum()
        total = self.beta * hard + (1 - self.beta) * soft + surprise.mean() + learned + held_back
        return LabelLoss(total, hard, hard.new_zeros(()))

    def predict(self, z: Tensor) -> Tensor:
        """Class of the largest logit of the main head, ``[B]``."""
        return z.argmax(dim=1)

    def label_table(self) -> Tensor:
        """``E [C,C]``, a constant for the gradient.

        Its row of a class is the logits of that class's soft label: all that the method has learned about how the
        classes resemble each other, and what the network is trained towards.
        """
        return self.embedding.detach()

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, alpha={self.alpha}, beta={self.beta}, tau={self.tau}"


def _cross_entropy(log_p: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of each row ``[B]`` of log-probabilities ``[B,C]`` with a target distribution ``[B,C]``."""
    return -(target * log_p).sum(dim=1)
