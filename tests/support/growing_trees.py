"""Class trees that grow through the epochs, for the tests of how a tree emerges and of its film."""

from __future__ import annotations

import numpy as np

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy


def names_of(n: int) -> list[str]:
    return [f"class {i}" for i in range(n)]


def grown(
    n: int, epochs: int, seed: int = 0, names: list[str] | None = None, method: str = "average"
) -> dict[int, Hierarchy]:
    """Trees of vectors that wander about and come to rest."""
    generator = np.random.default_rng(seed)
    end, drift = generator.normal(size=(n, 8)), generator.normal(size=(n, 8))
    trees = {}
    for epoch in range(epochs):
        share = epoch / max(epochs - 1, 1)
        drift = 0.7 * drift + 0.5 * generator.normal(size=(n, 8))
        trees[epoch] = build_hierarchy(share * end + (1 - share) * drift, names or names_of(n), method)
    return trees
