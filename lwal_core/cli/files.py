"""``lwal import`` and the bundles of ``lwal export``: runs and label vectors as files."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lwal_core.cli.output import err, out
from lwal_core.cli.past_training import import_past_training
from lwal_core.errors import ImportFileError
from lwal_core.imports import ENDINGS, Incoming, examine, existing, hub, import_folder, import_run
from lwal_core.past_runs.keep import Labelling
from lwal_core.past_runs.prediction_files import PREDICTION_ENDINGS
from lwal_core.runs import Run


def import_(
    source: Annotated[
        str | None,
        typer.Argument(
            help=f"Run bundle, run folder, label vectors ({', '.join(ENDINGS)}) or predictions "
            f"({', '.join(PREDICTION_ENDINGS)} with target and predicted); with --series the folder of checkpoints; or the address "
            "of a repository of a model hub, https://huggingface.co/ORG/REPO, or of a file there, .../blob/REV/FILE"
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="A name for people")] = "",
    tensor: Annotated[
        str | None, typer.Option(help="Tensor of a checkpoint to read as labels; the likeliest when left out")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            help="Text file with one class name a line, in the order of the rows; or the word imagenet for the names of "
            "ImageNet's 1,000 classes"
        ),
    ] = None,
    series: Annotated[
        str,
        typer.Option(
            help="Names of the checkpoints in the folder, each an epoch: 'epoch_*.pt', 'checkpoint-*/model.safetensors'"
        ),
    ] = "",
    curves: Annotated[
        Path | None,
        typer.Option(
            help="Numbers by epoch: CSV, Lightning's metrics.csv, trainer_state.json, event file or folder of TensorBoard"
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="Of a training: what its method is called; seeds of one are repeats")
    ] = "",
    data: Annotated[str, typer.Option(help="Of a training: what its data is called, such as cifar10")] = "",
    seed: Annotated[int, typer.Option(help="Of a training: its seed", min=0, max=2**31 - 1)] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it is, keep nothing")] = False,
) -> None:
    """Import a run, label vectors, a series of checkpoints, curves or predictions from elsewhere, and print the run id last. Nothing in a
    file is executed."""
    given = None if names is None else read_names(names)
    labelling = Labelling(name, method, data, seed)
    training = import_past_training(source, series, curves, tensor, given, labelling, dry_run=dry_run)
    if training is not None:
        if training.run is not None:
            _say(training.run, True)
    elif source is None:
        raise ImportFileError(
            "No file is given.", "lwal import FILE; or --curves FILE for the curves of a training alone."
        )
    elif hub.is_hub_address(source):
        with tempfile.TemporaryDirectory(prefix="lwal-hub-") as scratch:
            _keep(_from_hub(source, Path(scratch), tensor, given), name, dry_run)
    elif existing(source).is_dir():
        _say(*import_folder(existing(source), name=name))
    else:
        _keep(examine(source, tensor=tensor, names=given), name, dry_run)


def _from_hub(source: str, scratch: Path, tensor: str | None, names: list[str] | None) -> Incoming:
    listing = hub.list_files(hub.parse_address(source))
    file = hub.choose(listing)
    err.print(f"fetching {hub.source_of(listing, file)} ({file.size / 2**20:,.2f} MiB)", highlight=False, markup=False)
    found = examine(hub.fetch(listing, file, scratch), tensor=tensor, names=names)
    return replace(found, source=hub.source_of(listing, file))


def _keep(incoming: Incoming, name: str, dry_run: bool) -> None:
    for line in incoming.described():
        err.print(line, highlight=False, markup=False)
    if not dry_run:
        _say(*import_run(incoming, name=name))


def _say(run: Run, new: bool) -> None:
    if not new:
        err.print("The very same run is here already.", highlight=False)
    out.print(run.id, highlight=False, markup=False)


def read_names(path: Path) -> list[str]:
    """Class names from a text file, one a line; blank lines at the end do not count. The word ``imagenet`` alone is itself,
    where no file is called so.

    Raises:
        ImportFileError: It cannot be read as text in UTF-8 or UTF-16.
    """
    from lwal_core.datafiles.text_rows import text_encoding
    from lwal_core.imports.incoming import MAX_NAMES_BYTES
    from lwal_core.imports.model_names import IMAGENET

    if str(path) == IMAGENET and not path.exists():
        return [IMAGENET]
    if not existing(path).is_file():
        raise ImportFileError(f"The class names {str(path)!r} are no file.", "Give a text file in UTF-8.")
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_NAMES_BYTES)
        text = data.decode(text_encoding(data[: 2**10]))
    except (OSError, UnicodeError):
        raise ImportFileError(
            f"The class names {str(path)!r} cannot be read as text in UTF-8 or UTF-16.", "Save them as UTF-8."
        ) from None
    return text.rstrip().splitlines()
