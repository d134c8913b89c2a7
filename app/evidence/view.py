"""Evidence panel of the Hierarchy page: seeds, samples, taxonomy, baseline."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from app.common import evaluation
from app.common.pages import page_path
from app.common.selection import Selection
from app.common.widgets import downloads, figure, theme
from app.common.wording import counted, numbered, plain
from app.evidence.decisions import decisions_text
from app.evidence.samples import SampleEvidence
from app.evidence.seeds import BaselineEvidence, SeedEvidence
from app.evidence.stats import Evidence, evidence
from app.evidence.text import (
    baseline_caption,
    cannot_judge,
    consensus_finding,
    finding,
    mean_gamma,
    p_text,
    severity_text,
    source_note,
    taxonomy_relation,
    verdict,
)
from app.tree.stats import Agreement, TreeKey
from lwal_core.analysis.base.formatting import (
    format_accuracy,
    format_mean_sd,
    format_number,
    format_percent,
    inline_label,
)
from lwal_core.analysis.comparison.intervals import MIN_SEEDS
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.seed_agreement import PAIRS_NOTE
from lwal_core.config import RunConfig
from lwal_core.experiments.form_values import command_lines
from lwal_core.export.newick import to_newick
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import ONE_HOT_GREY, ORANGE, SKY, method_colors
from lwal_core.figures.style import shorten
from lwal_core.figures.support import SupportSeries, support_figure
from lwal_core.glossary import explained
from lwal_core.runs import SOURCE_TITLES, Run

MORE_SEEDS = 2
"""Seeds that the command to train more of them asks for: with the first, the fewest that have a majority."""

MEMBER_CHARS, MEMBER_NAMES = 160, 12
"""Text of a clade's members in the table."""

CONSENSUS_ROOMY, CONSENSUS_HEIGHT = 36, 860
"""A consensus of more classes is drawn this high in px, with names left out as they need: the page's tree has them."""

END_CHARS = 15
"""Characters of each of the two names that stand for a clade beside the figure."""

TRANSFER = "Transfer support"
"""Column of the table: how nearly the other seeds have a clade."""

LABELS_QUESTION = "Did the labels make it?"

RELATIONS = {"yes": "yes", "finer": "finer than it", "no": "cuts across it", "not in it": "too few known classes"}


def draw_evidence(chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, found: Agreement | None) -> None:
    """Sum up what can be believed of a tree, then show it part by part; what is missing says what to do.

    Args:
        chosen: The selection: other seeds of the run's group, and the baseline.
        run: The run.
        key: What the tree is made of.
        h: The tree.
        found: Its agreement with a taxonomy; None when there is none.
    """
    why_not = cannot_judge(h)
    if why_not:
        st.markdown(f"There is nothing to judge. {why_not}")
        return
    known = evidence(chosen, run, key, h, found)
    st.markdown(verdict(known, h))
    left, right = st.columns(2, gap="large")
    with left:
        _draw_support(known, key, h)
    with right:
        _draw_table(known, h)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_seeds(known, run, h)
    with right:
        _draw_consensus(known, run, key, h)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_taxonomy(known)
        _draw_mistakes(known, run)
    with right:
        _draw_baseline(known, run, h)


def _draw_support(known: Evidence, key: TreeKey, h: Hierarchy) -> None:
    rows = [node - h.n for node in known.clades]
    series = []

    def add(name: str, support: tuple[float, ...], color: str, symbol: str) -> None:
        series.append(SupportSeries(name, [support[row] for row in rows], color, symbol))

    if isinstance(known.seeds, SeedEvidence) and known.seeds.enough:
        add(f"trees of {_others(known.seeds)}", known.seeds.support, method_colors(["LwAL"])["LwAL"][0], "circle")
        add("the same, transfer support", known.seeds.transfer, SKY, "triangle-up")
    if isinstance(known.samples, SampleEvidence):
        add(f"{known.samples.draws} trees of resampled test samples", known.samples.support, ORANGE, "diamond")
    if isinstance(known.baseline, BaselineEvidence) and len(known.baseline.seeds) >= MIN_SEEDS:
        name = f"trees of {counted(len(known.baseline.seeds), 'seed')} of {inline_label(known.baseline.label)}"
        add(name, known.baseline.support, ONE_HOT_GREY, "square")
    if series:
        names = [_from_to(h, node) for node in known.clades]
        fig = support_figure(names, series, theme=theme(), title=finding(known, h))
        summary = f"Support of {len(rows)} clades: {finding(known, h)}."
        figure(fig, key="reality_support", summary=summary)
    if isinstance(known.samples, str):
        st.caption(f"Resampled samples: {known.samples}")
    else:
        st.caption(f"Resampled: {source_note(key, known.samples)}")


def _draw_table(known: Evidence, h: Hierarchy) -> None:
    rows = [node - h.n for node in known.clades]
    names = [[h.names[i] for i in h.members(node)] for node in known.clades]
    table: dict[str, list[Any]] = {"Clade": [_members(members) for members in names]}
    for title, part in (
        ("Other seeds", known.seeds),
        ("Resampled", known.samples),
        (_baseline_title(known), known.baseline),
    ):
        if isinstance(part, SampleEvidence) or (not isinstance(part, str) and len(part.seeds) >= MIN_SEEDS):
            table[title] = [100 * part.support[row] for row in rows]
        elif not isinstance(part, str):  # a share of one or two seeds would read as more than it is
            total = len(part.seeds)
            table[title] = [f"in {round(total * part.support[row])} of {total}" for row in rows]
        if isinstance(part, SeedEvidence) and part.enough:
            near = (part.transfer[row] for row in rows)
            table[TRANSFER] = [None if math.isnan(share) else 100 * share for share in near]
    percent = st.column_config.NumberColumn(format="%.0f %%", width=95)
    config: dict[str, Any] = {
        title: percent for title in list(table)[1:] if not isinstance(next(iter(table[title]), ""), str)
    }
    config["Joined at"] = st.column_config.NumberColumn(format="%.3g", width="small")
    config["Clade"] = st.column_config.TextColumn(width=130)
    if not isinstance(known.taxonomy, str):
        table["In the taxonomy"] = [RELATIONS[taxonomy_relation(known.taxonomy, members)] for members in names]
    table["Classes"] = [len(members) for members in names]
    table["Joined at"] = [float(h.linkage[row, 2]) for row in rows]
    st.dataframe(
        table, hide_index=True, column_config=config, key="reality_table",
        height=min(36 * (len(rows) + 1) + 3, 520), alt="Clades with their support, highest first.",
    )  # fmt: skip
    st.caption(
        "Share of trees with exactly this clade, highest clade first; the clade of all classes is left out.",
        help=explained("Support", "Transfer support"),
    )
    if not isinstance(known.taxonomy, str):
        st.caption(
            f"In the taxonomy ({plain(known.taxonomy.title)}): yes, a group of it; finer than it, divides a group "
            "further and contradicts none; cuts across it, overlaps a group without one holding the other."
        )


def _draw_seeds(known: Evidence, run: Run, h: Hierarchy) -> None:
    st.subheader("Do the seeds agree?", anchor=False)
    if isinstance(known.seeds, str):
        st.markdown(known.seeds)
        seed = run.config.training.seed
        _offer(run, lambda: [_with_seed(run.config, seed + 1 + i) for i in range(MORE_SEEDS)], "Train more seeds")
        return
    scores = known.seeds.agreement
    why = "fewer than two trees with different heights"
    for title, score, meaning in (
        ("Baker's gamma", scores.gamma, "Do they join the pairs of classes in the same order? 1 the same, 0 unrelated."),
        (
            "Cophenetic correlation", scores.cophenetic,
            "Do they join the same pairs at similar heights? 1 the same up to scale, 0 unrelated.",
        ),
        (
            "Clades in common", scores.shared,
            "Share of the clades of two trees that both have; 1 less the normalised Robinson–Foulds distance.",
        ),
    ):  # fmt: skip
        value = format_mean_sd(score.values, "%" if score is scores.shared else "", show_n=False)
        if not score.n:
            value = format_number(math.nan, reason=why)
        _number(title, value, f"{meaning} {p_text(score, scores.shuffles, h.n)}")
    pairs = scores.gamma.values.size
    undefined = pairs - scores.gamma.n
    left = f" Correlations are undefined for {counted(undefined, 'pair')} with a flat tree." if undefined else ""
    st.caption(
        f"One pair of seeds, so there is no spread.{left}"
        if pairs == 1
        else f"Mean ± sd over {pairs} pairs of {scores.trees} seeds.{left} {PAIRS_NOTE}"
    )
    if known.seeds.absent:
        st.caption(f"Without labels of this epoch and left out: {numbered('seed', known.seeds.absent)}.")


def _draw_consensus(known: Evidence, run: Run, key: TreeKey, h: Hierarchy) -> None:
    st.subheader("What most seeds agree on", anchor=False)
    if isinstance(known.seeds, str):
        st.markdown("The clades that more than half of the seeds have would be drawn here as one tree.")
        return
    if not known.seeds.enough:
        st.markdown(
            f"Too few seeds: of {known.seeds.consensus.trees} trees there is no majority. Three are the fewest."
        )
        return
    consensus = known.seeds.consensus
    tree = consensus.hierarchy(h.names)
    title = consensus_finding(consensus, h.n)
    height = CONSENSUS_HEIGHT if h.n > CONSENSUS_ROOMY else None
    fig = dendrogram_figure(tree, theme=theme(), title=title, support=consensus.shares.tolist(), height=height)
    figure(fig, key="reality_consensus", summary=f"Majority-rule consensus of {consensus.trees} trees. {title}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        stem = f"{run.group}-epoch-{key.spec.epoch:04d}-{key.spec.linkage}-{key.spec.distance}-consensus-of-{consensus.trees}"
        entries = []
        if all(name.strip() for name in h.names):  # readers of Newick refuse blank names
            entries.append(("Newick, names as they are", f"{stem}.nwk", "text/x-nh", partial(_newick, known.seeds, h)))
        safe = partial(_newick, known.seeds, h, safe=True)
        entries.append(("Newick, safe names for R, ete, iTOL", f"{stem}-safe.nwk", "text/x-nh", safe))
        transfer = partial(_newick, known.seeds, h, safe=True, transfer=True)
        entries.append(("Newick, safe names, transfer support", f"{stem}-transfer-safe.nwk", "text/x-nh", transfer))
        downloads("Download", entries, key="reality_newick")
        st.caption(
            "Numbers: percent of the seeds with the clade, this one included. Where they disagree, a node has several "
            "children. Heights count levels, not distances."
        )


def _newick(known: SeedEvidence, h: Hierarchy, *, safe: bool = False, transfer: bool = False) -> bytes:
    consensus = known.consensus
    support = known.consensus_transfer if transfer else consensus.shares.tolist()
    return (to_newick(consensus.linkage, h.names, mode="safe" if safe else "strict", support=support) + "\n").encode()


def _draw_taxonomy(known: Evidence) -> None:
    st.subheader("Does it agree with what people know?", anchor=False)
    if isinstance(known.taxonomy, str):
        st.markdown(known.taxonomy)
        return
    found = known.taxonomy
    if math.isnan(found.tau):
        st.markdown(f"Tau against {plain(found.title)} is undefined: for no class do the distances differ.")
        return
    chance = "Chance was not tested: it would take too long for so many classes."
    if not math.isnan(found.p):
        chance = f"Shuffled classes agree as well in {format_percent(found.p, digits=2)} of shuffles."
    _number(
        f"Tau against {plain(found.title)}",
        format_number(found.tau),
        f"Are the classes that are near here near there, too? 1 the same order, 0 unrelated; distances without ties "
        f"reach {format_number(found.ceiling)} at most. {chance}",
    )


def _draw_mistakes(known: Evidence, run: Run) -> None:
    st.subheader("Are its mistakes mild?", anchor=False)
    if isinstance(known.mistakes, str):
        st.markdown(known.mistakes)
        return
    own, theirs = known.mistakes, known.baseline_mistakes
    beside = ""
    if theirs is not None:
        value = format_number(theirs.severity, reason="no mistakes")
        beside = (
            f" The baseline with the same seed: {value}, at an accuracy of {format_accuracy(theirs.accuracy)} (epoch "
            f"{theirs.epoch})."
        )
    _number(
        "Mistake severity", format_number(own.severity, reason="no mistakes"), f"{severity_text(own)}{beside}"
    )  # fmt: skip
    _number(
        "Accuracy beside it", format_accuracy(own.accuracy),
        f"By {evaluation.predictions(run).by} on the test samples of epoch {own.epoch}. A network that makes many harmless mistakes "
        "has a low severity, so read the two together.",
    )  # fmt: skip
    decided = decisions_text(run)
    if decided is not None:
        _number("Cost of its decisions, and by its own tree", *decided)


def _draw_baseline(known: Evidence, run: Run, h: Hierarchy) -> None:
    theirs = known.baseline
    if isinstance(theirs, str):
        st.subheader(LABELS_QUESTION, anchor=False)
        st.markdown(theirs)
        if not run.config.method.equidistant_labels:
            _offer(run, lambda: [run.config.as_baseline()], "Train the baseline")
        return
    st.subheader(LABELS_QUESTION if theirs.tells_labels else "Does the baseline have it, too?", anchor=False)
    label = plain(inline_label(theirs.label))
    what = SOURCE_TITLES[theirs.vectors].lower()
    total = len(known.clades)
    if theirs.same_seed is None:
        value = format_number(math.nan, reason=f"no run with seed {run.config.training.seed}")
    else:
        value = f"{theirs.same_seed} of {total}"
    _number(
        f"Clades also in {label}'s tree", value,
        f"Of this tree's clades, those in the tree of {label}'s {what} with the same seed."
        + (" All of them would mean that learned labels did not make the tree." if theirs.tells_labels else ""),
    )  # fmt: skip
    gammas = theirs.between.gamma.ravel()
    reason = "a tree joins all classes at one height"
    between = format_mean_sd(gammas, show_n=False) if not math.isnan(mean_gamma(theirs)) else ""
    _number(
        "Baker's gamma between the methods", between or format_number(math.nan, reason=reason),
        f"Mean ± sd over {counted(gammas.size, 'pair')} of a seed of this method and one of {label}. "
        f"{baseline_caption(known, theirs) if between else ''}",
    )  # fmt: skip
    seeds, epochs = numbered("seed", theirs.seeds), numbered("epoch", theirs.epochs)
    st.caption(f"{plain(theirs.label)}: {what} of {epochs}, {seeds}, the same linkage and distance.")


# --- pieces --------------------------------------------------------------------------------------------------------


def _number(title: str, value: str, meaning: str) -> None:
    st.markdown(f"**{title}**: {value}")
    st.caption(meaning)


def _offer(run: Run, configs: Callable[[], list[RunConfig]], label: str) -> None:
    """How to get what is missing: the command, and the page that does the same."""
    if not run.config.method.trainable:
        if run.config.external:
            st.caption("Another program recorded this run: it records what is missing, too, under the same data.")
        return
    st.code(command_lines(configs()), language=None, wrap_lines=True)
    st.page_link(page_path("train"), label=label, icon=":material/model_training:")


def _with_seed(config: RunConfig, seed: int) -> RunConfig:
    values = config.to_dict()
    return RunConfig.parse({**values, "training": {**values["training"], "seed": seed}})


def _others(known: SeedEvidence) -> str:
    return counted(len(known.seeds), "other seed")


def _baseline_title(known: Evidence) -> str:
    return f"{known.baseline.label} seeds" if isinstance(known.baseline, BaselineEvidence) else ""


def _from_to(h: Hierarchy, node: int) -> str:
    """A clade in one line by the ends of its leaves, which no other clade shares: ``"cat … horse (4)"``."""
    members = [shorten(one_line(h.names[i]), END_CHARS) for i in h.members(node)[[0, -1]]]
    size = int(h.sizes[node])
    return f"{members[0]}, {members[1]}" if size == 2 else f"{members[0]} … {members[1]} ({size:,})"


def _members(names: list[str]) -> str:
    shown = ", ".join(one_line(name) for name in names[:MEMBER_NAMES])
    text = shorten(shown, MEMBER_CHARS)
    return text if len(names) <= MEMBER_NAMES else f"{text} and {len(names) - MEMBER_NAMES:,} more"
