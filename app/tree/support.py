"""Support of a tree's clades by the trees of other seeds: exact or by transfer, its control, numbers and words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import streamlit as st

from app.common import run_cache
from app.common.address import known_choice
from app.common.selection import Selection
from app.common.wording import counted
from app.tree.stats import TreeKey
from lwal_core.analysis.comparison.intervals import MIN_SEEDS
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import clade_support, transfer_support
from lwal_core.errors import LwalError
from lwal_core.glossary import explained
from lwal_core.results.tree_spec import confusion_epoch
from lwal_core.runs import Run, one_per_seed

Kind = Literal["exact", "transfer"]

KIND = "support_kind"
"""Session key of the kind of support, in the address."""
KIND_TITLES: dict[Kind, str] = {"exact": "Exact", "transfer": "Transfer"}


class SeedSupport(NamedTuple):
    """Support by the trees of other seeds.

    Attributes:
        values: ``[n - 1]`` 0 to 1, one a merge; nan where it says nothing.
        others: Number of other seeds.
        kind: What the values count.
    """

    values: tuple[float, ...]
    others: int
    kind: Kind

    @property
    def caption(self) -> str:
        """What the numbers are, plain text, for a file."""
        seeds = counted(self.others, "other seed")
        if self.kind == "exact":
            return f"Support: percent of {seeds} with the same clade."
        return f"Support: transfer support over {seeds}, in percent (Lemoine et al. 2018)."


def pick_kind(*, disabled: bool = False) -> None:
    """The control for the kind of support."""
    known_choice(KIND, "The kind of support", KIND_TITLES.values())
    st.segmented_control(
        "Kind of support", get_args(Kind), format_func=KIND_TITLES.__getitem__, default="exact", required=True, key=KIND,
        bind="query-params", disabled=disabled, help=explained("Support", "Transfer support"),
    )  # fmt: skip


def chosen_kind() -> Kind:
    """The kind that is chosen; exact where the page has no control for it."""
    return "transfer" if st.session_state.get(KIND) == "transfer" else "exact"


def support_by_seeds(chosen: Selection, run: Run, key: TreeKey, h: Hierarchy) -> SeedSupport | None:
    """Support of each clade by the trees of the group's other seeds, of the kind that is chosen; None for fewer than three
    seeds in all, of which a number says nothing."""
    group = next((group for group in chosen.groups if group.key == run.group), None)
    trees = []
    for other in one_per_seed(group.runs) if group else []:
        if other.id == run.id or other.seed == run.config.training.seed:
            continue
        try:
            confused = key.spec.vectors == "confusion"  # of each seed that of its own best epoch
            epoch = confusion_epoch(other.opened()) if confused else key.spec.epoch
            tree = run_cache.hierarchy(key.spec.at(other.id, epoch))
        except LwalError:
            continue
        trees.append(tree)
    return support_of(h, trees, chosen_kind())


def support_of(h: Hierarchy, trees: Iterable[Hierarchy], kind: Kind) -> SeedSupport | None:
    """Support of each clade of a tree by those of other seeds that have the same classes; None for fewer than three seeds in all."""
    others = [tree.linkage for tree in trees if tree.names == h.names]
    if len(others) + 1 < MIN_SEEDS:
        return None
    exact = kind == "exact"
    values = clade_support(h.linkage, others) if exact else transfer_support(h.linkage, others, join_ties=True)
    return SeedSupport(tuple(values.tolist()), len(others), kind)


def support_note(support: SeedSupport | None) -> str:
    """What the numbers at the merges are, or why there are none (markdown)."""
    if support is None:
        return "Too few seeds: support over seeds needs three with labels of this epoch, this one included."
    if support.kind == "exact":
        return (
            f"Numbers at the merges: percent of {support.others} other seeds whose tree has the same clade; the more, the thicker "
            "the branch above."
        )
    return (
        f"Numbers at the merges: transfer support over {support.others} other seeds in percent; 100 where no class would have to "
        "move."
    )
