"""``lwal analyse``: a model as it is, without training, becomes a run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lwal_core.cli.files import read_names
from lwal_core.cli.output import err, out
from lwal_core.config import RunConfig


class Layer(StrEnum):
    """Which vectors of a model stand for the images."""

    features = "features"
    output = "output"


def analyse(
    model: Annotated[
        str,
        typer.Option(
            help="timm:NAME, torchvision:NAME, hf:ORG/REPO of huggingface.co, or hf:FOLDER with config.json, "
            "preprocessor_config.json and model.safetensors"
        ),
    ],
    data: Annotated[str, typer.Option(help="Data set of images, as for lwal train: folder:PATH, cifar10, digits, ...")],
    layer: Annotated[
        Layer, typer.Option(help="features: what the model's head is given; output: what the head makes of them")
    ] = Layer.features,
    weights: Annotated[
        str | None,
        typer.Option(
            help="File of weights (.safetensors, or of torch.save with tensors alone), or the word random; the published "
            "ones, looked for on this machine first, when left out"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of random weights", min=0, max=2**31 - 1)] = 0,
    names: Annotated[
        Path | None,
        typer.Option(
            help="Text file with the names of the model's outputs, one a line; or the word imagenet. Read from config.json "
            "beside the weights, or known of the published ones, when left out"
        ),
    ] = None,
    per_class: Annotated[
        int | None, typer.Option(help="Balanced subset of so many training images per class; all when left out")
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(help="Side in pixels that images of a folder are read at; the model's own when left out"),
    ] = None,
    name: Annotated[str, typer.Option(help="A name for people")] = "",
    taxonomy: Annotated[
        str | None,
        typer.Option(help="Reference hierarchy of the classes: its name, or a file; the data's own when left out"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ... or mps")] = "auto",
) -> None:
    """Embed a data set with a model as it is, without training, and print the id of the run last: class means, head vectors
    where the classes match, accuracies, confusion, thumbnails."""
    from lwal_core.experiments.sweeps import absolute_paths
    from lwal_core.ready_models.analyse import analyse as run_analysis

    given = {"name": data, "per_class": per_class, "image_size": image_size}
    about = {key: value for key, value in given.items() if value is not None}
    config = RunConfig.parse(absolute_paths({"data": about, "training": {"device": device}}, Path.cwd()))
    columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TextColumn("images"), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("embedding", total=None)
        found = run_analysis(
            model,
            config.data,
            layer=layer.value,
            weights=weights,
            seed=seed,
            names=None if names is None else read_names(names),
            name=name,
            taxonomy=taxonomy,
            device=config.training.device,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for note in found.notes:
        err.print(note, highlight=False, markup=False, soft_wrap=True)
    for key, value in found.numbers.items():
        shown = f"{value:.1f}" if key == "seconds" else f"{value:.1%}"
        err.print(f"{key:22}{shown:>7}", highlight=False, markup=False)
    out.print(found.run.id, highlight=False, markup=False)
