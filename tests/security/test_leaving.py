"""What leaves an installation: a canary in each text of a run is in no export, no bundle and no shared snapshot."""

from __future__ import annotations

import io
import logging
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit import config
from streamlit.logger import get_logger
from streamlit.testing.v1 import AppTest

from app.common.start import start
from lwal_core.cli.main import main
from lwal_core.config import RunConfig
from lwal_core.export.figure_page import Section, view_page
from lwal_core.export.tree_files import TREE_FORMATS, tree_file
from lwal_core.results.projector_files import run_projector
from lwal_core.results.report import run_report
from lwal_core.results.run_tree import names_of_nodes, run_hierarchy, tree_caption
from lwal_core.results.tree_spec import DEFAULT_VECTORS, TreeSpec
from lwal_core.runs import Run, annotate_clade, open_run, read_annotations
from lwal_core.runs.bundle import write_bundle
from lwal_core.runs.owner import Owner
from lwal_core.runs.record import DataInfo, Job, Origin, StatusChange, write_record
from lwal_core.security.redact import COVER, for_others
from lwal_core.shares import share_run
from lwal_core.system.log import event, set_up
from tests.app.conftest import ENTRY
from tests.security.page_files import offered_files

CANARIES = ("canary-folder", "canary.person", "canary-host", "203.0.113.77", "hunter22")
TEXT = (
    "cannot read '/srv/canary-folder/my data/x.npz' nor /home/canary-folder/y.png (canary.person@lab.example.org, "
    "canary.person@canary-host, 203.0.113.77:6379, redis://u:hunter22@h, C:\\canary-folder\\z.npz, "
    "file:///srv/canary-folder/a)"
)


@pytest.fixture
def run(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run with the canaries in each of its texts."""
    monkeypatch.setattr(socket, "gethostname", lambda: "canary-host")
    made = make_run()
    names = made.class_names
    annotate_clade(made.path, names[:2], "/srv/canary-folder/name", TEXT)
    record, now = made.record, datetime.now(UTC)
    values = record.config.to_dict()
    values["data"]["name"] = "folder:/srv/canary-folder/birds"
    owner = Owner.this_process().model_copy(update={"host": "canary-host"})
    changes: dict[str, Any] = {
        "name": TEXT, "error": TEXT, "warnings": [TEXT], "made_from": TEXT, "device": TEXT, "tags": [TEXT],
        "history": [StatusChange(status="failed", at=now, reason=TEXT)], "config": RunConfig.parse(values), "owner": owner,
        "data": DataInfo(**{**(record.data or DataInfo).model_dump(), "notes": [TEXT]}),  # type: ignore[call-arg]
        "job": Job(number=1, by="canary.person@lab.org", worker=owner),
    }  # fmt: skip
    write_record(made.path, record.model_copy(update=changes))
    return open_run(made.id)


def unpacked(data: bytes) -> bytes:
    """A file's content, of an archive that of all its files."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def clean(data: bytes, what: str) -> None:
    content = unpacked(data)
    for canary in CANARIES:
        assert canary.encode() not in content, (what, canary)


def test_the_canaries_are_there(run: Run) -> None:
    content = (run.path / "run.json").read_bytes()
    assert all(canary.encode() in content for canary in CANARIES)
    assert b"canary-folder" in (run.path / "annotations.json").read_bytes()


def test_every_export(run: Run) -> None:
    spec = TreeSpec.of(run)
    h = run_hierarchy(run, spec)
    names = names_of_nodes(h, read_annotations(run.path))
    assert names
    for format in TREE_FORMATS:
        clean(tree_file(h, format, cut=2, caption=tree_caption(run, spec), clade_names=names), format)
    clean(tree_file(h, "json", caption=TEXT, clade_names={10: TEXT}), "json")
    clean(run_report(run, beside=[run]), "report")
    clean(run_projector(run), "projector")
    clean(view_page(title=TEXT, summary="", sections=[Section("a", columns=["b"], rows=[])], caption=TEXT), "view")


def test_bundles(run: Run) -> None:
    data = write_bundle(run, weights=True)
    clean(data, "bundle")
    assert b"birds" in unpacked(data) and b"x.npz" in unpacked(data)  # the last part of a path says what it was


def test_snapshots_on_the_disk(run: Run, home: Path) -> None:
    share_run(run, beside=[run])
    files = [path for path in (home / "shares").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"report.html", "run.json", "annotations.json", "share.json"}
    for path in files:
        clean(path.read_bytes(), path.name)


def test_imported_vectors_say_where_they_are_from(run: Run) -> None:
    origin = Origin(
        kind="table", file="/srv/canary-folder/v.csv", sha256="0" * 64, shape=[10, 8], at=datetime.now(UTC), source=TEXT
    )
    write_record(run.path, run.record.model_copy(update={"origin": origin}))
    imported = open_run(run.id)
    clean(write_bundle(imported), "bundle")
    caption = tree_caption(imported, TreeSpec.of(imported))
    clean(caption.encode(), "caption")
    assert "from v.csv" in caption


def test_the_whole_view_of_the_embeddings(run: Run) -> None:
    from app.embeddings.report import _making

    class Shown:
        """What the sections about the making read of a view."""

        def __init__(self, run: Run) -> None:
            self.run, self.epoch = run, 3
            params = {"seed": 0}
            frame = type(
                "Frame",
                (),
                {"method": "pca", "params": params, "explained": None, "note": "", "points": np.zeros((10, 2))},
            )()
            request = type("Request", (), {"source": DEFAULT_VECTORS})()
            self.shown = self.film = type("Layouts", (), {"request": request, "frames": {3: frame}})()

    sections = _making(Shown(run))  # type: ignore[arg-type]
    clean(repr([(s.title, s.rows, s.verbatim) for s in sections]).encode(), "view")
    assert "folder:birds" in str(sections[-1].verbatim)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("class a/b of /m/01g317", "class a/b of 01g317"),
        ("see https://huggingface.co/org/model/resolve/main/x", "see https://huggingface.co/org/model/resolve/main/x"),
        ("folder:/a/b/birds", "folder:birds"), ("in ~/x/y.csv.", "in y.csv."), ("'/a b/c d'", "'c d'"), ("1/2 and 3 / 4", "1/2 and 3 / 4"),
        ("10.5 s, version 2.10.0", "10.5 s, version 2.10.0"), ("at 10.0.0.1.", f"at {COVER}."), ("", ""), ("/", "/"), ("a@b.org", COVER),
    ],
)  # fmt: skip
def test_what_is_taken_out_of_a_text(text: str, left: str) -> None:
    assert for_others(text) == left


@pytest.mark.page
def test_every_file_that_a_page_offers(run: Run, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """Made as the pages make them, the whole view of the embeddings among them."""
    make_run("onehot")
    files = offered_files(run, monkeypatch)
    told = {name: text_of_pdf(data) if name.endswith(".pdf") else unpacked(data) for name, data in files.items()}
    found = {
        name: content[max(content.find(canary.encode()) - 80, 0) :][:200]
        for name, content in told.items()
        for canary in CANARIES
        if canary.encode() in content or canary in name
    }
    assert not found
    endings = [name.rpartition(".")[2] for name in files]
    assert {"svg", "pdf", "png", "html", "csv", "nwk", "nex", "zip", "json"} <= set(endings) and len(endings) >= 30
    whole_view = [data for name, data in files.items() if name.endswith(".html") and b"How it was made" in data]
    assert whole_view and all(b"folder:birds" in data for data in whole_view)


@pytest.mark.parametrize("format", ["html", "projector", "bundle", *TREE_FORMATS])
def test_every_format_of_the_command(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    target = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["lwal", "export", run.id, "--format", format, "--cut", "2", "-o", str(target)])
    with pytest.raises(SystemExit) as ended:
        main()
    data = target.read_bytes()
    assert not ended.value.code and data
    clean(text_of_pdf(data) if format == "pdf" else data, format)


@pytest.mark.page
@pytest.mark.parametrize(("view", "sign"), [("Report", "srcdoc"), ("Tree", "class 3")])
def test_what_a_visitor_is_shown(run: Run, view: str, sign: str) -> None:
    """The note of a link is for the owner's own list."""
    share, token = share_run(run, note="for canary-host")
    assert share.note == "for canary-host"
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    at.query_params["share"], at.query_params["view"] = token, view
    at.run()
    assert not at.exception
    drawn = [str(getattr(node, "proto", "")) for node in at._tree]
    assert any(sign in text for text in drawn)
    for text in drawn:
        clean(text.encode(), "the visitor's page")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_has_paths_and_people_and_no_secrets(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Events and tracebacks, the app's own and Streamlit's."""
    monkeypatch.setenv("LWAL_LOG", form)
    monkeypatch.setenv("LWAL_QUEUE_URL", "redis://u:hunter22@h")
    config.get_config_options()  # what is read for the first time gives every logger another handler
    stream, logger = io.StringIO(), get_logger(f"streamlit.canary_{form}")
    start()
    own = logging.getLogger("lwal")
    before = own.handlers[:]
    try:
        set_up(stream)
        (handler,) = [each for each in logger.handlers if type(each) is logging.StreamHandler]
        handler.setStream(stream)
        secret = "?share=hunter22 client_secret=hunter22 redis://u:hunter22@h hunter22"
        event("test.done", f"{TEXT} {secret}", run=TEXT, reason=secret)
        try:
            raise ValueError(f"{TEXT} {secret}")
        except ValueError:
            logger.exception("Uncaught %s", secret)
    finally:
        own.handlers[:] = before
        logger.handlers.clear()
    said = stream.getvalue()
    assert said.count("canary-folder") >= 2 and "canary.person" in said and "Traceback" in said
    assert "hunter22" not in said and len(said.splitlines()) == (2 if form == "json" else said.count("\n    ") + 2)


def text_of_pdf(data: bytes) -> bytes:
    """Its text, whose letters a page's picture holds packed; and its own bytes, for what is told about it."""
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler-utils is not installed")
    read = subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True)
    return data + read.stdout
