"""What the classes of the Embeddings page are coloured by, and its legend."""

from __future__ import annotations

import json
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.embeddings.colours import GROUP_COLOURS, HIERARCHY_CUT, class_styles, colour_choices, legend_entries
from lwal_core.figures.labels import shown_name
from lwal_core.figures.palette import class_color
from lwal_core.results.cuts import groups_of
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from lwal_core.runs.cuts import keep_cut

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def test_groups_have_the_colours_and_names_of_the_tree(make_run: Make) -> None:
    run = make_run()
    tree = TreeSpec.of(run, 3)
    found, expected = class_styles(run, tree, 4, GROUP_COLOURS), groups_of(run, "groups=4", tree)
    assert found.groups is not None and found.groups.tolist() == expected.labels.tolist()
    assert found.colors == tuple(expected.colors[g] for g in expected.labels) and found.titles == expected.names
    assert class_styles(run, None, 0).colors == tuple(map(class_color, range(10)))
    assert class_styles(run, None, 0, HIERARCHY_CUT, 3).groups is not None
    assert class_styles(run, None, 0, "a column that is gone").groups is None


def test_a_kept_cut_colours_the_classes(make_run: Make) -> None:
    run = make_run(classes=4)
    keep_cut(run.path, "by hand", [("<b>land</b>", ["class 0", "class 3"]), ("sea", ["class 1", "class 2"])])
    assert colour_choices(run) == ["Class", "Groups", "Cut on Hierarchy", "Cut: by hand"]
    found = class_styles(run, None, 0, "Cut: by hand")
    assert found.groups is not None and found.groups.tolist() == [0, 1, 1, 0] and found.titles == ("<b>land</b>", "sea")
    entry_of, entries = legend_entries(run, found, TreeSpec.of(run, 3))
    assert entry_of.tolist() == [0, 1, 1, 0]
    assert [(title, color) for title, color, _ in entries] == [
        ("<b>land</b>", found.colors[0]),
        ("sea", found.colors[1]),
    ]


def test_the_legend_lists_groups_in_the_order_of_the_leaves(open_page: Open, make_run: Make) -> None:
    run = make_run()
    at = open_page("embeddings", {"run": run.id, "colour": "Groups", "groups": "3"})
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    listed = [trace["name"] for trace in spec["data"] if trace.get("showlegend")]
    assert (
        listed == [shown_name(name, 32) for name in groups_of(run, "groups=3").names]
        and spec["layout"]["legend"]["itemdoubleclick"] == "toggleothers"
    )
    at = open_page("embeddings", {"run": run.id, "legend": "true"})
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    order = [trace["name"] for trace in spec["data"] if trace.get("showlegend")]
    from app.common import run_cache

    h = run_cache.hierarchy(TreeSpec.of(run, 3))
    assert order == [run.class_names[i] for i in h.order]
    assert not [trace for trace in json.loads(
        open_page("embeddings", {"run": run.id}).get("plotly_chart")[0].proto.spec
    )["data"] if trace.get("showlegend")]  # fmt: skip
