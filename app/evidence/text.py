"""Sentences about the evidence for a tree (markdown, names escaped)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from app.common.wording import counted, plain
from app.evidence.samples import Mistakes, SampleEvidence
from app.evidence.seeds import BaselineEvidence, SeedEvidence
from app.evidence.stats import Evidence
from app.tree.stats import SIGNIFICANT, Agreement, TreeKey, agreement_numbers
from lwal_core.analysis.base.formatting import format_mean_sd, format_number, format_percent, inline_label
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import Consensus, PairScore, SetDifference
from lwal_core.runs import SOURCE_TITLES

Standing = Literal["mostly real", "partly real", "hardly real", "not shown", "not tested", "too few seeds", "open"]
"""What the seeds allow to be said. The first three only where their agreement is more than chance; ``"not shown"`` where it
may be chance, ``"not tested"`` where shuffling would take too long, ``"open"`` without another seed."""

_HEADS: dict[str, str] = {
    "not shown": "This tree is not shown to be real",
    "not tested": "Whether this tree is real was not tested",
    "too few seeds": "Too few seeds to tell whether this tree is real",
}

MOST, SOME = 2 / 3, 1 / 3
"""Share of the clades that most other seeds must have for a tree to be mostly and partly real."""

SURE = 0.95
"""Share of resampled trees from which on a clade hardly depends on the samples."""

NEARLY = 0.7
"""Transfer support from which on a clade is no chance (F. Lemoine et al., Nature 556, 2018)."""

FAR = 0.01
"""A p up to this reads "far better"."""


def cannot_judge(h: Hierarchy) -> str:
    """Why there is nothing to judge in a tree (markdown); empty when there is."""
    if h.n < 3:
        return f"There {'is' if h.n == 1 else 'are'} {counted(h.n, 'class', 'classes')}: only one tree is possible."
    return "All classes are equally far apart: there is no tree whose clades could be real or not." if h.is_flat else ""


def clade_support_text(r: Evidence, h: Hierarchy) -> Standing:
    """How far the tree can be believed, from the other seeds alone: samples cannot speak for another training."""
    if isinstance(r.seeds, str):
        return "open"
    share = r.found_again(r.seeds.support, h.n) / len(r.clades)
    p = r.seeds.agreement.gamma.p
    if not r.seeds.enough:
        return "too few seeds"
    if math.isnan(p):
        return "not tested"
    if p > SIGNIFICANT:
        return "not shown"
    return "mostly real" if share >= MOST else "partly real" if share >= SOME else "hardly real"


def verdict(r: Evidence, h: Hierarchy) -> str:
    """What can be believed of a tree, in plain words: seeds, samples, the taxonomy, the baseline."""
    sentences = [_seeds_sentence(r, h)]
    if isinstance(r.seeds, SeedEvidence) and r.seeds.enough:
        sentences += _transfer_sentence(r, r.seeds, h)
    if isinstance(r.samples, SampleEvidence):
        kept = r.found_again(r.samples.support, h.n)
        sure = sum(r.samples.support[node - h.n] >= SURE for node in r.clades)
        limit = " That says nothing about another training." if isinstance(r.seeds, str) else ""
        sentences.append(
            f"When the test samples are resampled, {_of(kept, len(r.clades))} {_verb(kept, 'are', 'is')} in most trees, "
            f"{sure or 'none'} in at least {format_percent(SURE, digits=2)} of them.{limit}"
        )
    if isinstance(r.baseline, BaselineEvidence):
        sentences.append(_baseline_sentence(r, h, r.baseline))
    return " ".join(sentences)


def _seeds_sentence(r: Evidence, h: Hierarchy) -> str:
    word, total = clade_support_text(r, h), len(r.clades)
    taxonomy = _taxonomy_clause(r.taxonomy)
    if isinstance(r.seeds, str):
        start = "**Whether this tree is real cannot be told yet**: no other seed is here to compare it with"
        return f"{start}{f'; {taxonomy}' if taxonomy else ''}."
    others, kept = len(r.seeds.seeds), r.found_again(r.seeds.support, h.n)
    score = r.seeds.agreement.gamma
    head = _HEADS.get(word, f"This tree is {word}")
    where = f"most of the other {others} seeds' trees" if others > 1 else "the tree of the one other seed"
    own = f"{kept} of its {counted(total, 'clade')} {'is' if kept == 1 else 'are'} in {where}"
    if total == 1:
        own = f"its one clade is {'' if kept else 'not '}in {where}"
    agree = _agreement_clause(score, h.n)
    doing_well = word in ("mostly real", "partly real")
    found_again = kept >= SOME * total
    joint = ", but" if math.isfinite(score.p) and found_again != (score.p <= SIGNIFICANT) else ", and"
    text = f"**{head}**: {own}{joint} {agree}"
    if taxonomy:
        known = isinstance(r.taxonomy, Agreement) and not math.isnan(r.taxonomy.p)
        contrast = known and doing_well == (r.taxonomy.p > SIGNIFICANT)  # type: ignore[union-attr]
        text += f"; {'but ' if contrast else ''}{taxonomy}"
    return f"{text}."


def _transfer_sentence(r: Evidence, seeds: SeedEvidence, h: Hierarchy) -> list[str]:
    """How many clades the other seeds nearly have; nothing where exact support says no less."""
    nearly = sum(seeds.transfer[node - h.n] >= NEARLY for node in r.clades)  # nan is not
    if nearly <= r.found_again(seeds.support, h.n):
        return []
    verb = _verb(nearly, "have", "has")
    return [
        f"Where a class may stray, {_of(nearly, len(r.clades))} {verb} a transfer support of {format_percent(NEARLY, digits=2)} or more."
    ]


def _agreement_clause(score: PairScore, n: int) -> str:
    if not score.n:
        return "the seeds' agreement is undefined, because their trees join all classes at one height"
    numbers = f"Baker's gamma {format_mean_sd(score.values, show_n=False)}"
    if math.isnan(score.p):
        return f"seeds agree with {numbers} (chance was not tested for {n:,} classes)"
    p = f"({numbers}, p = {format_number(score.p, digits=2)})"
    if score.p > SIGNIFICANT:
        return f"seeds are not shown to agree better than shuffled names would {p}"
    return f"seeds agree {'far ' if score.p <= FAR else ''}better than shuffled names would {p}"


def _taxonomy_clause(found: Agreement | str) -> str:
    if isinstance(found, str) or math.isnan(found.tau):
        return ""
    if math.isnan(found.p):
        return f"its distances agree with {plain(found.title)} by {agreement_numbers(found)}"
    agree = "agree" if found.p <= SIGNIFICANT else "are not shown to agree"
    return f"its distances {agree} with {plain(found.title)} better than chance ({agreement_numbers(found)})"


def _baseline_sentence(r: Evidence, h: Hierarchy, theirs: BaselineEvidence) -> str:
    """Whether the baseline's network has the same clades, and what that says about learned labels, if anything."""
    total = len(r.clades)
    label = plain(inline_label(theirs.label))
    means = SOURCE_TITLES[theirs.vectors].lower()
    what = f"the label table of {label}" if theirs.vectors == "labels" else f"the {label} network's {means}"
    what = what[:1].upper() + what[1:]
    if theirs.same_seed is None:
        shared = r.found_again(theirs.support, h.n)
        what += f" have, in most of {counted(len(theirs.seeds), 'seed')},"
    else:
        shared = theirs.same_seed
        what += " have"
    if theirs.vectors == "labels":
        what = what.replace(" have", " has", 1)
    if not theirs.tells_labels:
        return f"{what} {shared or 'none'} of these {counted(total, 'clade')}."
    if shared == total:
        same = "the same clade" if total == 1 else f"the same {total} clades"
        return f"But {what[:1].lower()}{what[1:]} {same}, so learned labels did not make this tree."
    if shared >= MOST * total:
        return (
            f"But {what[:1].lower()}{what[1:]} {shared} of these {total} clades, so learned labels did not make most "
            "of it."
        )
    text = f"{what} {shared or 'none'} of these {counted(total, 'clade')}"
    if shared > SOME * total:
        return f"{text}: learned labels can have made the other {total - shared} at most."
    difference = theirs.difference
    if difference.p <= SIGNIFICANT:
        return f"{text}, and trees of the two methods differ by more than trees of their seeds ({_p(difference)})."
    if difference.less_alike > 0 and clade_support_text(r, h) in ("mostly real", "partly real"):
        return f"{text}: it looks different, which is not told from how seeds differ ({_p(difference)})."
    return f"{text}, which says little while seeds of one method differ, too."


def _p(difference: SetDifference) -> str:
    """p of the test over which run is whose, and where so few runs could not have had a small one."""
    text = f"p = {format_number(difference.p, digits=2)}"
    few = f"; so few seeds allow none below {format_number(difference.least, digits=2)}"
    return text + (few if difference.least > SIGNIFICANT else "")


def mean_gamma(theirs: BaselineEvidence) -> float:
    """Mean of Baker's gamma over the pairs of seeds of the two methods; nan when it is defined for none."""
    values = theirs.between.gamma[~np.isnan(theirs.between.gamma)]
    return float(values.mean()) if values.size else math.nan


def baseline_caption(r: Evidence, theirs: BaselineEvidence) -> str:
    """What the agreement between the methods is to be read against."""
    if not isinstance(r.seeds, SeedEvidence) or not r.seeds.agreement.gamma.n:
        return "Train more seeds to see how much two seeds of one method differ: that is what this is to be read with."
    within = format_mean_sd(r.seeds.agreement.gamma.values, show_n=False)
    start = f"Within this method, between seeds, it is {within}"
    difference = theirs.difference
    if math.isnan(difference.p):
        return f"{start}."
    less = "less alike" if difference.p <= SIGNIFICANT else "not shown to be less alike"
    return f"{start}: the methods' trees are {less} than those of seeds ({_p(difference)})."


def finding(r: Evidence, h: Hierarchy) -> str:
    """Title of the figure of support, plain text."""
    total = len(r.clades)
    if isinstance(r.seeds, SeedEvidence):
        kept, others = r.found_again(r.seeds.support, h.n), len(r.seeds.seeds)
        where = f"most of the other {others} seeds' trees" if others > 1 else "the other seed's tree"
        return f"{_of(kept, total)} {_verb(kept, 'are', 'is')} in {where}"
    if isinstance(r.samples, SampleEvidence):
        kept = r.found_again(r.samples.support, h.n)
        return f"{_of(kept, total)} {_verb(kept, 'are', 'is')} in most trees of resampled samples"
    return f"{counted(total, 'clade')}, without support"


def consensus_finding(consensus: Consensus, n: int) -> str:
    """What the seeds agree on, plain text: title of their consensus."""
    found = len(consensus.clades)
    if not found:
        return f"No clade is in most of the {consensus.trees} trees"
    return f"{counted(found, 'clade')} of at most {n - 2} {_verb(found, 'are', 'is')} in most of the {consensus.trees} trees"


def p_text(score: PairScore, shuffles: int, n: int) -> str:
    """How often chance does as well, or why it was not tried."""
    if not shuffles:
        return f"Chance was not tested: shuffling the names of {n:,} classes would take too long here."
    if math.isnan(score.p):
        return ""
    least = 1 / (1 + shuffles)
    if score.p <= least * 1.5:
        return f"None of {shuffles} shuffles of the names does as well (p = {format_number(score.p, digits=2)})."
    return f"Shuffled names do as well in {format_percent(score.p, digits=2)} of {shuffles} shuffles."


def source_note(key: TreeKey, known: SampleEvidence) -> str:
    """What the resampled samples are, and how they differ from what the tree is of (markdown)."""
    note = f"{known.samples:,} test samples of epoch {known.epoch}, resampled within each class {known.draws} times"
    differs = []
    if key.spec.epoch != known.epoch:
        differs.append(f"epoch {key.spec.epoch}")
    if key.spec.vectors == "labels":
        differs.append(f"the {SOURCE_TITLES['labels'].lower()}")
    else:
        differs.append("training samples")
    note += f"; the tree itself is of {' and '.join(differs)}, so this is the support of its clades there."
    if known.scarce:
        verb = "has" if known.scarce == 1 else "have"
        note += (
            f" {counted(known.scarce, 'class', 'classes')} {verb} a single sample, which cannot vary: support around "
            "them is too high."
        )
    return note


def taxonomy_relation(found: Agreement, names: Sequence[str]) -> str:
    """How a clade stands to the groups of a taxonomy: ``"yes"``, ``"finer"``, ``"no"`` or ``"not in it"``.

    ``"finer"``: the taxonomy has no such group, but none that it cuts across either. Classes that the taxonomy does not
    have may stand anywhere.
    """
    members = set(names) - set(found.left_out)
    if len(members) < 2:
        return "not in it"
    groups = [set(group) for _, group in (*found.found, *found.missing)]
    if members in groups:
        return "yes"
    if any(members & group and not members <= group and not group <= members for group in groups):
        return "no"
    return "finer"


def severity_text(known: Mistakes) -> str:
    """Severity with what it would be by chance."""
    if not known.mistakes:
        return "No mistakes, so their severity is undefined."
    better = "milder than" if known.severity < known.chance else "no milder than"
    return (
        f"Mean height of the lowest group of the taxonomy that holds both the true and the predicted class, 1 to "
        f"{known.levels}, over {counted(known.mistakes, 'mistake')}: {better} mistakes spread evenly over the other "
        f"classes ({format_number(known.chance)})."
    )


def _of(kept: int, total: int) -> str:
    return f"{kept} of {counted(total, 'clade')}"


def _verb(count: int, many: str, one: str) -> str:
    return one if count == 1 else many
