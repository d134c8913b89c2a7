"""The story as one piece of HTML: tree to the left, taxonomy to the right, on a phone below a fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.story.groups import StoryGroup, list_of_groups
from lwal_core.figures.story.tree import SECONDS, growing_tree

NARROW = 720
"""Width of the window in px up to which the taxonomy is folded below the tree."""


def story_page(
    trees: Mapping[int, Hierarchy],
    pictures: Sequence[str],
    groups: Sequence[StoryGroup],
    *,
    source: str,
    summary: str,
    theme: Theme = "light",
) -> str:
    """Tree and taxonomy.

    Args:
        trees: By epoch; all of the same C classes.
        pictures: A picture of each class as a data address, or empty.
        groups: From :func:`~lwal_core.figures.story.groups.story_groups`; without any there is no list.
        source: What the taxonomy is called.
        summary: What the figure shows, for who cannot see it.
        theme: ``"light"`` or ``"dark"``.
    """
    tree = growing_tree(trees, pictures, groups, summary, theme)
    names = next(iter(trees.values())).names
    known = list_of_groups(groups, names, source) if groups else ""
    beside = (
        f'<div class="lws-known">{known}</div><details class="lws-folded"><summary>The taxonomy</summary>{known}</details>'
        if known
        else ""
    )
    return f'<style>{_style(theme)}</style><div class="lws">{tree}{beside}</div>'


def _style(theme: Theme) -> str:
    ink, muted = neutral("ink", theme), neutral("muted", theme)
    return (
        f".lws{{display:flex;gap:32px;color:{ink};font-size:14px;line-height:1.35}}"
        ".lws-tree{position:relative;flex:1 1 auto;min-width:0}"
        ".lws-branches{position:absolute;left:0;top:0;bottom:0}"
        f".lws-f{{position:absolute;inset:0;opacity:0;animation:{SECONDS:g}s linear 1 both}}.lws-end{{opacity:1}}"
        f".lws-f>span{{position:absolute;left:0;bottom:0;color:{muted};font-size:13px}}"
        ".lws-f>b{position:absolute;display:block}"
        ".lws-l{position:absolute;right:0;width:144px;height:26px;display:flex;align-items:center;gap:8px;white-space:nowrap}"
        ".lws-l>span{overflow:hidden;text-overflow:ellipsis}.lws-known-leaf{font-weight:600}"
        ".lws-l>img{width:24px;height:24px;border-radius:3px;flex:none;margin:0}"
        ".lws-known{flex:0 0 250px}.lws ul{list-style:none;margin:0;padding:0}"
        ".lws li{margin:0 0 8px;padding:0 0 0 10px;border-left:4px solid;font-size:14px}"
        f".lws small,.lws-source{{color:{muted};font-size:13px}}.lws-source{{margin:0 0 10px}}"
        ".lws-folded{display:none}"
        f"@media (max-width:{NARROW}px){{.lws{{flex-direction:column;gap:12px}}.lws-tree{{flex:none}}.lws-known{{display:none}}"
        ".lws-folded{display:block}}"
    )
