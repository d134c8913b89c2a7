"""Guess what class names mean together: of all their senses those that lie near each other and are common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.taxonomy.hypernym_tree import hypernym_closure
from lwal_core.taxonomy.noun_synsets import Nouns
from lwal_core.taxonomy.path_lengths import hypernym_hops

MOST_SENSES = 3_000
"""Senses of all names that are weighed together; of more, the rarer ones of each name are left out."""

_UNSEEN = 3.0  # counted texts are short: each sense counts as if it had been met so often more
_PASSES = 50  # each raises the score; real class lists settle in three or four
_TIE = 1e-6  # of senses that are equal in all else the one that WordNet lists first


def guess_senses(candidates: Sequence[Mapping[int, int]], nouns: Nouns) -> list[int | None]:
    """Choose one sense for each name.

    The score of a choice is the sum over all pairs of names of the squared path similarity of their senses,
    ``(1 / (1 + hops))**2``, plus the sum over the names of the logarithm of the share that the sense has of the texts in
    which the name's senses were counted (3 added to each count). It is raised by moving one name at a time, from two
    starts: the commonest sense of each name, and for each name the sense that lies nearest to all senses of the others.
    Names that share a synset are not drawn together by it.

    Path similarity is that of Pedersen, Patwardhan and Michelizzi, "WordNet::Similarity" (2004); weighing senses by their
    nearness to those of the words around is that of Pedersen, Banerjee and Patwardhan, "Maximizing semantic relatedness to
    perform word sense disambiguation" (2005), here for all names at once.

    Args:
        candidates: For each of n names its synsets, each with how often it was met.
        nouns: WordNet's nouns.

    Returns:
        n synsets; None for a name without any.
    """
    most = max(map(len, candidates), default=0)
    while most > 1 and sum(min(len(found), most) for found in candidates) > MOST_SENSES:
        most -= 1
    kept = [list(found.items())[:most] for found in candidates]
    if most <= 1:
        return [found[0][0] if found else None for found in kept]
    synsets = [synset for found in kept for synset, _ in found]
    owner = np.repeat(np.arange(len(kept)), [len(found) for found in kept])
    near = _nearness(synsets, nouns)
    near[owner[:, None] == owner] = 0.0
    prior = np.concatenate([_prior([count for _, count in found]) for found in kept if found])
    blocks = [np.flatnonzero(owner == i) for i in np.unique(owner)]
    alone = np.concatenate([np.full(len(block), 1.0 / len(block)) for block in blocks])
    around = near @ alone + prior
    starts = [
        np.array([block[0] for block in blocks]),
        np.array([block[np.argmax(around[block])] for block in blocks]),
    ]
    chosen = max((_raised(start, blocks, near, prior) for start in starts), key=lambda found: found[0])[1]
    guessed: list[int | None] = [None] * len(kept)
    for place in chosen.tolist():
        guessed[int(owner[place])] = synsets[place]
    return guessed


def _nearness(synsets: Sequence[int], nouns: Nouns) -> FloatArray:
    """Squared path similarity, ``[K, K]``; 0 for a synset with itself."""
    hops = hypernym_hops(synsets, hypernym_closure(synsets, nouns.hypernyms))
    near: FloatArray = (1.0 + hops) ** -2.0
    near[hops == 0] = 0.0
    return near


def _prior(counts: Sequence[int]) -> FloatArray:
    """Logarithm of the share of each sense; one that WordNet lists later is a little less likely."""
    weights = np.array(counts, dtype=np.float64) + _UNSEEN
    prior: FloatArray = np.log(weights / weights.sum()) - _TIE * np.arange(len(counts))
    return prior


def _raised(
    start: np.ndarray, blocks: Sequence[np.ndarray], near: FloatArray, prior: FloatArray
) -> tuple[float, np.ndarray]:
    """Score and choice after no single name can raise the score any more."""
    chosen = start.copy()
    total = near[:, chosen].sum(axis=1)
    for _ in range(_PASSES):
        before = chosen.copy()
        for i, block in enumerate(blocks):
            scores = total[block] + prior[block]
            best = block[np.argmax(scores)]
            if total[best] + prior[best] > total[chosen[i]] + prior[chosen[i]] + 1e-12:
                total += near[:, best] - near[:, chosen[i]]
                chosen[i] = best
        if (chosen == before).all():
            break
    return float(near[np.ix_(chosen, chosen)].sum() / 2 + prior[chosen].sum()), chosen
