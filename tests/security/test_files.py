"""Files from strangers: each is taken or refused with a sentence, and none does anything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.config import RunConfig
from lwal_core.datafiles.features import scan_features
from lwal_core.errors import LwalError
from lwal_core.experiments.sweeps import parse_sweep
from lwal_core.export.newick import from_newick
from lwal_core.imports import examine, import_run
from lwal_core.imports.label_vectors import read_vector_table
from lwal_core.inference_server.pictures import read_picture
from lwal_core.runs import list_runs, open_run
from lwal_core.runs.record import read_record
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.store import save_taxonomy
from tests.security.corpus.arrays import ARRAYS
from tests.security.corpus.bundles import SLIPS, ZIPS
from tests.security.corpus.documents import CONFIGS, RECORDS, SWEEPS
from tests.security.corpus.pictures import PICTURES
from tests.security.corpus.tables import TABLES
from tests.security.corpus.trees import TREES
from tests.security.corpus.words import IDS, NAMES, PATHS
from tests.security.making import Bytes, pickled, zipped
from tests.security.measure import complaints, refusal, tried

EXAMPLES = 50
ANY_BYTES = settings(max_examples=EXAMPLES)
FILES = {"arrays": ARRAYS, "tables": TABLES, "zips": ZIPS}


def test_there_are_enough() -> None:
    """Made by hand, and all different; what hypothesis makes is not counted."""
    parts = (TREES, ARRAYS, TABLES, ZIPS, SLIPS, SWEEPS, CONFIGS, RECORDS, PICTURES, IDS, PATHS, NAMES)
    assert sum(len(dict.fromkeys(part)) for part in parts) >= 350


@pytest.mark.parametrize("kind", FILES)
def test_vectors_and_bundles(home: Path, scratch: Path, inbox: Path, tmp_path: Path, kind: str) -> None:
    """By the way that the dialog and ``lwal import`` go, and by the readers of labels and features for trainings."""

    def bring(name: str, make: Bytes) -> None:
        path = inbox / name
        path.write_bytes(make())
        refusal(lambda: read_vector_table(path))
        refusal(lambda: scan_features(path))
        run = import_run(examine(path))[0]
        assert np.isfinite(open_run(run.id).labels(0).labels).all()

    found = complaints({what: partial(bring, *FILES[kind][what]) for what in FILES[kind]}, home, scratch, inbox)
    assert found == []
    assert list(scratch.iterdir()) == [] and not (tmp_path / "executed").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "scratch", "inbox"}
    for run in list_runs():  # whatever was taken is a run with names that can be shown
        assert all(name.isprintable() for name in open_run(run.id).class_names)


def test_trees(home: Path, scratch: Path) -> None:
    def read(name: str, make: Bytes) -> None:
        data = make()
        if name.endswith(".nwk"):
            refusal(lambda: from_newick(data.decode("utf-8", "replace")))
        save_taxonomy(parse_taxonomy(data, name, "a tree"))

    assert complaints({what: partial(read, *TREES[what]) for what in TREES}, home, scratch) == []


def test_sweeps_configurations_and_records(home: Path, scratch: Path, inbox: Path) -> None:
    def record(data: bytes) -> None:
        (inbox / "run.json").write_bytes(data)
        read_record(inbox)

    acts: dict[str, Callable[[], object]] = {f"sweep, {k}": partial(parse_sweep, v, inbox) for k, v in SWEEPS.items()}
    acts |= {f"configuration, {what}": partial(RunConfig.parse, value) for what, value in CONFIGS.items()}
    acts |= {f"record, {what}": partial(record, data) for what, data in RECORDS.items()}
    found = tried(acts, home, scratch, inbox)
    assert [f"{what}: {lines}" for what, (_, lines) in found.items() if lines] == []
    assert [what for what, (said, _) in found.items() if said is None] == []


def test_pictures(home: Path, scratch: Path) -> None:
    found = complaints({what: partial(_show, make) for what, make in PICTURES.items()}, scratch)
    assert found == []


def _show(make: Bytes) -> None:
    assert read_picture(make(), (3, 32, 32)).pixels.shape == (3, 32, 32)


@pytest.mark.parametrize("ending", ["pt", "bin"])
def test_a_pickle_that_would_write_a_file(home: Path, scratch: Path, inbox: Path, canary: Path, ending: str) -> None:
    """By the process that reads checkpoints: bare, and in a zip as torch.save makes it."""
    path = inbox / f"x.{ending}"
    content = {"x/data.pkl": pickled(), "x/version": b"3\n", "x/byteorder": b"little"}
    path.write_bytes(pickled() if ending == "pt" else zipped(content))
    with pytest.raises(LwalError, match="cannot be read safely"):
        examine(path)
    assert not canary.exists() and list(scratch.iterdir()) == []


def test_the_canary_is_heard(home: Path, scratch: Path, inbox: Path) -> None:
    """The measure itself: what unpickles, writes elsewhere, takes long or hangs is complained of."""
    import pickle

    acts: dict[str, Callable[[], object]] = {
        "executes": lambda: pickle.loads(pickled()),
        "writes": lambda: (inbox / "x").write_text("x"),
        "takes": lambda: np.ones(2**27 + 2**20).sum(),
        "raises": lambda: [][0],
        "says too much": partial(_say, "a\x07" * 10),
        "dies": lambda: __import__("os")._exit(3),
        "comes after": lambda: None,
    }
    found = tried(acts, home, scratch)
    said = {what: " ".join(lines) for what, (_, lines) in found.items()}
    assert "executed" in said["executes"] and "find_class" in said["executes"]
    assert "open" in said["writes"] and "MiB" in said["takes"] and "IndexError" in said["raises"]
    assert said["says too much"] == "" and " ended with 3" in said["dies"] and said["comes after"]


def _say(text: str) -> None:
    raise LwalError(text, "x" * 10**6)


@ANY_BYTES
@given(data=st.text("(),:;'[]_ ab1.\\\"\n{}", max_size=300), ending=st.sampled_from(["nwk", "json", "csv", "tsv", "x"]))
def test_any_text_as_a_tree(data: str, ending: str) -> None:
    refusal(lambda: parse_taxonomy(data.encode(), f"t.{ending}", "t"))
    refusal(lambda: from_newick(data))


@ANY_BYTES
@given(what=st.sampled_from(sorted({**ARRAYS, **TABLES, **ZIPS})), at=st.floats(0, 1), value=st.binary(max_size=9))
def test_hostile_files_damaged_further(inbox: Path, what: str, at: float, value: bytes) -> None:
    name, make = {**ARRAYS, **TABLES, **ZIPS}[what]
    if any(mark in what for mark in ("million", "MB", "10^6", "100,0", "300,0", "bomb")):
        return
    data = make()
    place = int(at * len(data))
    path = inbox / name
    path.write_bytes(data[:place] + value + data[place + len(value) :])
    refusal(lambda: examine(path))


@ANY_BYTES
@given(values=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4), max_leaves=12,
))  # fmt: skip
def test_any_values_as_a_configuration(values: object) -> None:
    for given_values in (values, {"data": values}, {"training": values}, {"method": {"name": "lwal", "dim": values}}):
        refusal(partial(RunConfig.parse, given_values))
