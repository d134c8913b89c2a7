"""Several references side by side on the Hierarchy page."""

from __future__ import annotations

import numpy as np

from lwal_core.taxonomy import load_taxonomy
from tests.app.conftest import text_of

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def test_taxonomies_and_a_matrix_stand_in_one_table(open_page, make_run) -> None:
    run = make_run("lwal", class_names=CIFAR)
    at = open_page("hierarchy", {"run": run.id, "tree_references": "true"})
    assert "WordNet better than chance" in text_of(at) or "with WordNet" in text_of(at)
    hops = load_taxonomy("cifar10").distances(CIFAR)
    rows = [",".join(["class", *CIFAR[:9]])]
    rows += [",".join([name, *map(str, hops[i, :9])]) for i, name in enumerate(CIFAR[:9])]
    at.file_uploader(key="reference_matrix").set_value(("people <b>.csv", "\n".join(rows).encode(), "text/csv")).run()
    assert not at.exception
    table = next(frame.value for frame in at.dataframe if "noise ceiling" in frame.value)
    assert table["reference"].tolist()[-1] == "people <b>" and table["what it is"].tolist()[-1] == "distance"
    assert table["classes"].tolist()[-1] == "9" and "Not in the matrix and left out: truck" in text_of(at)
    at.file_uploader(key="reference_matrix").set_value(("m.csv", b"nothing", "text/csv")).run()
    assert not at.exception and any("do not name the same classes" in error.value for error in at.error)
    assert np.isin(
        "WordNet", next(frame.value for frame in at.dataframe if "noise ceiling" in frame.value)["reference"]
    )
