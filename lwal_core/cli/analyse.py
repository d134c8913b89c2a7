"""``lwal analyse``: a model as it is, without training, becomes a run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lwal_core.cli import jobs
from lwal_core.cli.files import read_names
from lwal_core.cli.output import err, exit_by_status, out
from lwal_core.config import ReadyModelConfig, RunConfig


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
    subset: Annotated[str | None, typer.Option(help="Configuration of an hf-data: set that has several")] = None,
    image_column: Annotated[str | None, typer.Option(help="Column of an hf-data: set with the images")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of an hf-data: set with the classes")] = None,
    name: Annotated[str, typer.Option(help="A name for people")] = "",
    taxonomy: Annotated[
        str | None,
        typer.Option(help="Reference hierarchy of the classes: its name, or a file; the data's own when left out"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ... or mps")] = "auto",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Analyse here and stay until it ends, or leave it to the queue")
    ] = True,
    priority: jobs.Priority = 0,
) -> None:
    """Embed a data set with a model as it is, without training, and print the id of the run last: class means, head vectors
    where the classes match, accuracies, confusion, thumbnails."""
    from lwal_core.cli.progress import train_and_follow
    from lwal_core.datafiles import source_stats
    from lwal_core.experiments.sweeps import absolute_paths
    from lwal_core.jobs import create_analysis, submit
    from lwal_core.recording.options import taxonomy_name
    from lwal_core.results.ready_model import accuracies
    from lwal_core.settings import check_settings

    check_settings()
    given = {
        "name": data,
        "per_class": per_class,
        "image_size": image_size,
        "subset": subset,
        "image_column": image_column,
        "label_column": label_column,
    }
    about = {key: value for key, value in given.items() if value is not None}
    config = RunConfig.parse(absolute_paths({"data": about, "training": {"device": device, "seed": seed}}, Path.cwd()))
    ready = ReadyModelConfig.parse(
        {
            "model": model,
            "layer": layer.value,
            "weights": weights,
            "names": None if names is None else tuple(read_names(names)),
            "taxonomy": taxonomy_name(taxonomy, None),
        }
    )
    ready.run_config(config.data)  # refuses what has no images, before it is looked at
    source_stats(config.data, ask=False)
    jobs.check_devices([config], wait)
    run = create_analysis(ready, config.data, seed=seed, device=device, name=name)
    if not wait:
        submit(run, priority)
        jobs.print_worker_status()
    else:
        (run,) = train_and_follow([run], err)
        for key, value in accuracies(run).items():
            shown = f"{value:.1f}" if key == "seconds" else f"{value:.1%}"
            err.print(f"{key:22}{shown:>7}", highlight=False, markup=False)
    out.print(run.id, highlight=False, markup=False)
    if wait:
        exit_by_status([run])
