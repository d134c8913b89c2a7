"""Film of the tree through training, on the Hierarchy page."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.film_keyboard import film_keyboard
from app.common.widgets import downloads, figure, theme
from app.common.wording import counted, listed, plain
from app.tree.stats import TreeKey
from app.tree.toolbar import Cut
from lwal_core.analysis.base.formatting import format_number, undefined
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import cut_tops
from lwal_core.analysis.trees.emergence import MOST_WORK, Emergence, emergence
from lwal_core.errors import LwalError
from lwal_core.export.figure_page import film_bytes, film_page
from lwal_core.export.tables import joined_members, table_csv
from lwal_core.figures.emergence import emergence_figure, shown_epochs
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import Theme
from lwal_core.figures.style import shorten
from lwal_core.results.run_tree import run_hierarchy, tree_caption
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, open_run
from lwal_core.taxonomy import Taxonomy

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_EPOCHS, FEWEST_EPOCHS = 200, 8
"""Epochs that are looked at: all up to so many, fewer for very many classes but not under eight."""
_CLADE_NAMES = 4  # classes of a clade that a sentence spells out


FilmGroups = int | tuple[tuple[int, ...], ...]
"""Number of groups of each tree, or the classes of each group."""


class FilmKey(NamedTuple):
    """What a film is made of; two equal keys are the same film.

    Attributes:
        spec: Its last tree.
        stamps: Epoch and time of its file, for every epoch that is looked at.
        taxonomy: What tells the taxonomy from others; None without one.
    """

    spec: TreeSpec
    stamps: tuple[tuple[int, int], ...]
    taxonomy: tuple[Any, ...] | None


class Film(NamedTuple):
    """The trees of the epochs, and the epochs that have none, with the reason for the first of them."""

    emergence: Emergence
    broken: tuple[int, ...]
    why: str


def draw_emergence(run: Run, key: TreeKey, groups: FilmGroups, taxonomy: Taxonomy | None) -> None:
    """Draw the film of a run's tree with what it shows in a sentence, its numbers, and the film as a file.

    Args:
        run: The run, also one that is still training.
        key: Vectors, linkage and distance of the tree that the page shows; its epoch does not matter.
        groups: What is coloured: so many groups in each tree, or given ones where they are clades.
        taxonomy: What to hold the trees against, or None.
    """
    epochs = run.label_epochs()
    if len(epochs) < 2:
        soon = " It begins with the second, while training goes on." if run.active else ""
        st.markdown(f"There are labels of {counted(len(epochs), 'epoch')}: a film needs at least two.{soon}")
        return
    if len(run.class_names) < 3:
        st.markdown("With fewer than three classes only one tree is possible: nothing can emerge.")
        return
    film_key = _key(run, key, epochs, taxonomy)
    try:
        film = _film(film_key, taxonomy)
    except LwalError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    e = film.emergence
    title = "the taxonomy" if taxonomy is None else one_line(taxonomy.title)
    if len(e.epochs) < 2:
        st.markdown(f"Only epoch {e.epochs[0]} has a tree: a film needs at least two.")
    else:
        st.markdown(finding(e, title))
    if run.active:
        st.caption(f"Training goes on: {e.epochs[-1]} of {run.config.training.epochs} epochs are there so far.")
    if film.broken:
        st.caption(f"Left out: {counted(len(film.broken), 'epoch')} without a tree. {plain(film.why)}")
    if len(film_key.stamps) < len(epochs):
        st.caption(f"{len(film_key.stamps)} of {len(epochs):,} epochs are looked at, evenly spread.")
    if len(e.epochs) < 2 or all(tree.is_flat for tree in e.trees):
        return
    colored = min(max(groups, 1), e.trees[-1].n) if isinstance(groups, int) else groups
    look = theme()
    fig, size = _figure(film_key, colored, look, title, e)
    summary = f"Film of the class tree of {run.name} over {len(e.epochs)} epochs. {_plain_finding(e, title)}"
    figure(fig, key="tree_film", summary=summary, table=lambda: epochs_table(e), config={"logging": 0})
    film_keyboard("tree_film_keyboard")
    stem = f"{run.id}-emergence-{key.spec.file_stem}"
    last = key.spec.at(run.id, e.epochs[-1])
    caption = f"Film of epochs {e.epochs[0]} to {e.epochs[-1]}. {tree_caption(run, last)}"
    page = partial(
        film_page, fig, title=f"How the tree of {one_line(run.name)} emerged", summary=_plain_finding(e, title),
        caption=caption, theme=look,
    )  # fmt: skip
    downloads(
        "Download",
        [
            (f"Film, HTML ({size / 1e6:.1f} MB, plays offline)", f"{stem}.html", "text/html", page),
            ("Numbers by epoch, CSV", f"{stem}.csv", "text/csv", partial(epochs_csv, e)),
            ("Clades of the last tree, CSV", f"{stem}-clades.csv", "text/csv", partial(clades_csv, e)),
        ],
        key="tree_film_download",
    )


def film_groups(h: Hierarchy, cut: Cut) -> FilmGroups:
    """What a film colours of a cut of the tree that the page shows: as many groups in each tree where one height makes
    them, else these groups."""
    if not isinstance(cut.at, tuple):
        return cut.groups
    return tuple(tuple(sorted(h.members(top).tolist())) for top in cut_tops(h, cut.at))


def _key(run: Run, key: TreeKey, epochs: list[int], taxonomy: Taxonomy | None) -> FilmKey:
    n = len(run.class_names)
    looked_at = shown_epochs(epochs, 1, max(FEWEST_EPOCHS, min(MOST_EPOCHS, MOST_WORK // n**2)))
    stamps = tuple((epoch, run_cache.label_stamp(run.id, epoch)) for epoch in looked_at)
    known = None
    if taxonomy is not None:
        parts = (taxonomy.matches, taxonomy.parent_of_class, taxonomy.parent_of_node)
        known = (taxonomy.name, taxonomy.title, *(tuple(sorted(part.items(), key=str)) for part in parts))
    return FilmKey(key.spec.at(run.id, looked_at[-1]), stamps, known)


@st.cache_resource(max_entries=30, show_spinner="Turning the trees of all epochs")
def _film(key: FilmKey, _taxonomy: Taxonomy | None) -> Film:
    """Trees and numbers of a film; shared by all readers, never change it."""
    run = open_run(key.spec.run)
    trees: dict[int, Hierarchy] = {}
    broken: dict[int, LwalError] = {}
    for epoch, _ in key.stamps:
        try:
            if epoch == key.spec.epoch:
                trees[epoch] = run_cache.hierarchy(key.spec)
            else:
                # All others are turned anyway, so the best leaf order is not worth its time, nor keeping them twice.
                trees[epoch] = run_hierarchy(run, key.spec.at(run.id, epoch), optimal=False)
        except LwalError as error:
            broken[epoch] = error
    if not trees:
        raise next(iter(broken.values()))
    why = str(next(iter(broken.values()))) if broken else ""
    return Film(emergence(trees, _taxonomy), tuple(broken), why)


@st.cache_resource(max_entries=30, show_spinner=False)
def _figure(key: FilmKey, groups: FilmGroups, look: Theme, taxonomy: str, _e: Emergence) -> tuple[go.Figure, int]:
    """The film as a figure and the size of its file in bytes; shared: never change it."""
    fig = emergence_figure(_e, groups, theme=look, title=film_title(_e), taxonomy=taxonomy)
    return fig, film_bytes(fig)


# --- sentences -----------------------------------------------------------------------------------------------------


def finding(e: Emergence, taxonomy: str) -> str:
    """What the film shows, in a sentence of markdown."""
    return _sentence(e, plain(shorten(one_line(taxonomy), 60)), markdown=True)


def _plain_finding(e: Emergence, taxonomy: str) -> str:
    return _sentence(e, shorten(one_line(taxonomy), 60), markdown=False)


def film_title(e: Emergence) -> str | None:
    """Title of the figure, plain text."""
    return _half(e).capitalize() if e.clades else None


def _sentence(e: Emergence, taxonomy: str, *, markdown: bool) -> str:
    if not e.clades:
        return f"At epoch {e.epochs[-1]} all classes are equally far apart: no tree has emerged."
    parts = []
    last = e.trees[-1]
    # The clade that has been there longest; of several the lowest.
    node, since = min(e.since.items(), key=lambda item: (item[1], item[0]))
    members = [last.names[i] for i in last.members(node)]
    if since < e.epochs[-1]:
        parts.append(f"the clade of {_clade(members, markdown=markdown)} has been there {_since(e, since)}")
    parts.append(_half(e))
    text = "; ".join(parts)
    known = np.flatnonzero(np.isfinite(e.tau))
    if len(known) > 1:
        first, now = (float(e.tau[at]) for at in (known[0], known[-1]))
        a, b = format_number(first, digits=2), format_number(now, digits=2)
        when = "" if known[0] == 0 else f" (epoch {e.epochs[known[0]]})"
        change = f"stayed at {a}" if a == b else f"{'rose' if now > first else 'fell'} from {a}{when} to {b}"
        text += f"; agreement with {taxonomy} {change}"
        if math.isfinite(e.ceiling):
            text += f" (tau, ceiling {format_number(e.ceiling, digits=2)})"
    return text[:1].upper() + text[1:] + "."


def _clade(members: list[str], *, markdown: bool) -> str:
    if markdown:
        return listed(members, _CLADE_NAMES)
    shown = ", ".join(shorten(one_line(name), 40) for name in members[:_CLADE_NAMES])
    return shown if len(members) <= _CLADE_NAMES else f"{shown} and {len(members) - _CLADE_NAMES:,} more"


def _since(e: Emergence, epoch: int) -> str:
    return "from the start" if epoch == e.epochs[0] == 0 else f"since epoch {epoch}"


def _half(e: Emergence) -> str:
    """By when at least half of the final clades were there to stay: ``"5 of the 8 final clades stand since epoch 3"``."""
    settled = e.settled().tolist()
    at = next(i for i, count in enumerate(settled) if 2 * count >= e.clades)
    if at == len(settled) - 1:
        before = settled[at - 1] if at else 0
        count = f"only {before:,} of the {e.clades:,} final clades were" if before else "no final clade was"
        return f"{count} there to stay before epoch {e.epochs[-1]}, the last"
    if e.clades == 1:
        return f"the one final clade stands {_since(e, e.epochs[at])}"
    count = f"all {e.clades:,}" if settled[at] == e.clades else f"{settled[at]:,} of the {e.clades:,}"
    return f"{count} final clades {'stands' if settled[at] == 1 else 'stand'} {_since(e, e.epochs[at])}"


# --- numbers -------------------------------------------------------------------------------------------------------


def epochs_table(e: Emergence) -> dict[str, list[Any]]:
    """The numbers behind the film, one row per epoch; undefined ones are words."""

    def of_final(counts: list[int]) -> list[str]:
        return [f"{count:,} of {e.clades:,}" if e.clades else undefined("the last tree is flat") for count in counts]

    table: dict[str, list[Any]] = {"Epoch": list(e.epochs)}
    if np.isfinite(e.tau).any():
        table["Tau"] = [format_number(float(tau), reason="all classes equally far apart") for tau in e.tau]
    table["Clades of the last tree"] = of_final(e.shared.tolist())
    table["There to stay"] = of_final(e.settled().tolist())
    table["Places that leaves moved"] = [
        "" if at == 0 else f"{moved:,}" for at, moved in enumerate(e.movement.tolist())
    ]
    return table


def epochs_csv(e: Emergence) -> bytes:
    """The same as a file."""
    columns = [
        "epoch",
        "tau",
        "ceiling of tau",
        "clades in common with the last",
        "there to stay",
        "clades of the last",
        "places moved",
    ]
    rows = zip(
        e.epochs, e.tau.tolist(), [e.ceiling] * len(e.epochs), e.shared.tolist(), e.settled().tolist(),
        [e.clades] * len(e.epochs), [None, *e.movement.tolist()[1:]], strict=True,
    )  # fmt: skip
    return table_csv(columns, rows).encode()


def clades_csv(e: Emergence) -> bytes:
    """Every clade of the last tree with the epoch since which it has been there, the earliest first."""
    last = e.trees[-1]
    rows = [
        (since, float(last.linkage[node - last.n, 2]), int(last.sizes[node]), joined_members(last.names[i] for i in last.members(node)))
        for node, since in sorted(e.since.items(), key=lambda item: (item[1], item[0]))
    ]  # fmt: skip
    return table_csv(["since epoch", "height", "classes", "members"], rows).encode()
