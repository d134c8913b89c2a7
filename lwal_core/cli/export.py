"""``lwal export``: trees, tables, pictures, reports, bundles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lwal_core.cli.output import err
from lwal_core.cli.run_ids import RunArgument
from lwal_core.cli.tree_options import Distance, Layer, Linkage, Vectors
from lwal_core.errors import LwalError
from lwal_core.results.tree_spec import DEFAULT_DISTANCE, DEFAULT_LINKAGE, TreeSpec, with_layer
from lwal_core.runs import open_run

WHOLE_RUN = ("html", "projector", "bundle")
"""Formats beside those of :data:`lwal_core.export.tree_files.TREE_FORMATS`."""
PLAIN_TEXT = ("newick", "nexus", "json", "csv", "linkage", "cut", "groups", "svg", "html")
"""Formats that may go to a terminal."""


def export(
    run: RunArgument,
    format: Annotated[
        str,
        typer.Option(
            help="newick, nexus, itol (tree and annotations, zip), json, csv (distances), linkage (merges, CSV), cut "
            "(groups, CSV), groups (JSON), svg, pdf, png, html (a report of the run that opens offline), projector (vectors and test "
            "samples for TensorBoard, zip), or bundle (the whole run, zip)"
        ),
    ] = "newick",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; - for standard output (text formats)")
    ] = None,
    epoch: Annotated[
        int | None,
        typer.Option(
            help="Epoch of the labels; when left out the last one, for the projector that of the test samples"
        ),
    ] = None,
    source: Vectors = None,
    layer: Layer = None,
    linkage: Linkage = DEFAULT_LINKAGE,
    metric: Distance = DEFAULT_DISTANCE,
    cut: Annotated[
        str | None,
        typer.Option(
            help="Cut the tree into groups, which are coloured (svg, pdf, png, itol, json, html) or listed (cut, groups): 8, height=0.5, "
            "dynamic, size=10, silhouette, or the name of a cut that is kept with the run; html takes a number"
        ),
    ] = None,
    newick_names: Annotated[
        str, typer.Option(help="In newick and nexus: strict (quoted) or safe (ids for R, ete and iTOL)")
    ] = "strict",
    proposed_names: Annotated[
        bool,
        typer.Option(
            "--proposed-names/--kept-names",
            help="Tree files: name clades that nobody named, too, by the classes' taxonomy or a word of their names",
        ),
    ] = False,
    width: Annotated[float, typer.Option(help="Width of a picture, mm: a column is 85, a page 180")] = 160,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column", help="svg, pdf, png: a column of lwal annotate beside the leaves; may be given several times"
        ),
    ] = None,
    weights: Annotated[bool, typer.Option("--weights/--no-weights", help="Bundle: with the model's weights")] = False,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Bundle: with the thumbnails")] = True,
    evaluation: Annotated[
        bool, typer.Option("--evaluation/--no-evaluation", help="Bundle: with the embeddings of the test set")
    ] = True,
) -> None:
    """Write the class tree of a run, a report of it, its vectors for TensorBoard's projector, or all of it as a bundle."""
    _check_target(format, output)
    source = with_layer(source, layer)
    opened = open_run(run)
    if format == "bundle":
        from lwal_core.runs.bundle import write_bundle

        data = write_bundle(opened, weights=weights, images=images, evaluation=evaluation)
    elif format == "projector":
        from lwal_core.results.projector_files import run_projector

        data = run_projector(opened, epoch)
    elif format == "html":
        from lwal_core.results.report import run_report

        if cut is not None and not (cut.isascii() and cut.isdigit() and len(cut) < 8):
            raise LwalError(f"A report is cut into a number of groups, not {cut[:60]!r}.", "Give a whole number.")
        spec = TreeSpec.of(opened, epoch, source, linkage, metric, None if cut is None else int(cut))
        data = run_report(opened, spec)
    else:
        from lwal_core.export.tree_files import tree_file
        from lwal_core.results.cuts import cut_of
        from lwal_core.results.own_columns import chosen_columns, own_colourings
        from lwal_core.results.run_tree import names_of_nodes, proposed_names_of_nodes, run_hierarchy, tree_caption
        from lwal_core.runs import read_annotations
        from lwal_core.runs.own_columns import read_own_columns

        spec = TreeSpec.of(opened, epoch, source, linkage, metric)
        h = run_hierarchy(opened, spec)
        proposed = proposed_names_of_nodes(opened, h) if proposed_names else {}
        data = tree_file(
            h,
            format,
            cut=None if cut is None else cut_of(opened, h, cut),
            caption=tree_caption(opened, spec),
            newick_names=newick_names,
            clade_names={**proposed, **names_of_nodes(h, read_annotations(opened.path))},
            width_mm=width,
            columns=(own := own_colourings(read_own_columns(opened.path), "class", opened.class_names)),
            strips=chosen_columns(own, columns or ()),
        )
    if output is None or str(output) == "-":
        if format not in PLAIN_TEXT and sys.stdout.isatty():
            what = "A zip file" if format in ("projector", "itol", "bundle") else format.upper()
            raise LwalError(f"{what} is not text.", "Name a file with -o FILE.")
        sys.stdout.buffer.write(data)
        return
    from lwal_core.export.tables import csv_file
    from lwal_core.runs.files import atomic_write

    if format in ("csv", "linkage", "cut"):
        data = csv_file(data)
    atomic_write(output, lambda file: file.write(data))
    err.print(f"wrote {output}", highlight=False, markup=False)


def _check_target(format: str, output: Path | None) -> None:
    """Refuse a format or a file name before anything is computed."""
    from lwal_core.export.tree_files import TREE_FORMATS

    if format not in (known := (*TREE_FORMATS, *WHOLE_RUN)):
        raise LwalError(f"There is no format {format!r}.", f"Use one of {', '.join(known)}.")
    if output is None or str(output) == "-":
        return
    if output.is_dir():
        raise LwalError(f"{str(output)!r} is a folder.", "Name a file in it.")
    if not output.parent.is_dir():
        raise LwalError(f"There is no folder {str(output.parent)!r}.", "Check the spelling, or make it first.")
