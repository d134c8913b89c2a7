"""What is put onto maps of classes: the legend that isolates, the names of clusters and the density under them."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.errors import AnalysisError
from lwal_core.figures import embedding_figure
from lwal_core.figures.maps.clusters import CLUSTER, DENSITY, with_clusters
from lwal_core.figures.maps.legend import ENTRY, with_legend
from lwal_core.figures.palette import class_color, class_symbol


def a_map(n: int, d: int = 2, samples: int = 0, **options: object):
    generator = np.random.default_rng(0)
    cloud = {} if not samples else {
        "samples": generator.normal(size=(samples, d)), "sample_classes": np.arange(samples) % n,
        "mistakes": [i % 3 == 0 for i in range(samples)], "sample_hover": [f"sample {i}" for i in range(samples)],
    }  # fmt: skip
    return embedding_figure(
        generator.normal(size=(n, d)), [f"class {i}" for i in range(n)], colors=[class_color(i) for i in range(n)],
        symbols=[class_symbol(i) for i in range(n)], **cloud, **options,
    )  # fmt: skip


@pytest.mark.parametrize("d", [2, 3])
def test_a_legend_takes_the_traces_apart_and_loses_nothing(d: int) -> None:
    fig = a_map(6, d, samples=20, chosen=2, **({"lassoed": [1, 4, 7]} if d == 2 else {}))
    before = fig.to_json()
    entry_of = [0, 1, 1, 2, 0, 2]
    entries = [("a", "#111111", "circle"), ("<b>b</b>", "#222222", "square"), ("c", "#333333", "diamond")]
    shown = with_legend(fig, entry_of, entries, "dark")
    assert fig.to_json() == before
    listed = [trace for trace in shown.data if trace.showlegend]
    assert [trace.name for trace in listed] == ["a", "&lt;b&gt;b&lt;/b&gt;", "c"]
    assert [trace.legendgroup for trace in listed] == [f"{ENTRY} {number}" for number in range(3)]
    for name in ("classes", "samples"):
        (whole,) = [trace for trace in fig.data if trace.name == name]
        found = {}
        for trace in [trace for trace in shown.data if trace.name == name]:
            number = int(trace.legendgroup.split()[1])
            picked = set(trace.to_plotly_json().get("selectedpoints") or ())
            for row in range(len(trace.x)):
                custom = tuple(trace.customdata[row])
                assert entry_of[custom[0]] == number
                symbols = trace.marker.symbol
                symbol = symbols if isinstance(symbols, str) else symbols[row]
                found[custom] = (trace.x[row], trace.hovertext[row], symbol, row in picked)
        lassoed = set(whole.to_plotly_json().get("selectedpoints") or ())
        assert found == {
            tuple(whole.customdata[row]): (whole.x[row], whole.hovertext[row], whole.marker.symbol[row], row in lassoed)
            for row in range(len(whole.x))
        }
    with pytest.raises(AnalysisError):
        with_legend(fig, [0, 1, 1, 2, 0, 3], entries)


def test_names_of_clusters_cover_no_larger_ones_and_stand_at_a_class() -> None:
    fig = a_map(300, named=False)
    (classes,) = [trace for trace in fig.data if trace.name == "classes"]
    points = np.column_stack([classes.x, classes.y])
    groups = np.random.default_rng(1).integers(0, 40, 300)  # all over the place: most names cover another
    shown = with_clusters(fig, points, groups, [f"<i>cluster</i> {g}" for g in range(41)], theme="dark")
    assert not any(classes.text) and fig.layout.annotations == ()
    marks = [mark for mark in shown.layout.annotations if mark.name == CLUSTER]
    assert 0 < len(marks) < 40 and all(mark.text.startswith("&lt;i&gt;") for mark in marks)
    sizes = np.bincount(groups, minlength=41)
    number = [int(mark.text.split()[-1]) for mark in marks]
    assert number[0] == int(sizes.argmax()) and 40 not in number  # a cluster without classes has no name
    for mark, group in zip(marks, number, strict=True):
        assert any((points[groups == group] == [mark.x, mark.y]).all(axis=1))
    assert shown.data[0].name == DENSITY and len(shown.data) == len(fig.data) + 1


def test_only_the_chosen_class_is_named_where_names_are_off() -> None:
    fig = a_map(5, named=False, chosen=3)
    (classes,) = [trace for trace in fig.data if trace.name == "classes"]
    assert list(classes.text) == ["", "", "", "class 3", ""]
    assert "ames of classes are in the hover text" in fig.layout.title.text
