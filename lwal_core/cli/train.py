"""``lwal train``: its options are those of a run, made from the fields of the configurations."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from lwal_core.cli import jobs
from lwal_core.cli.output import err, exit_by_status, out
from lwal_core.cli.run_ids import whole_id
from lwal_core.config import Option, RunConfig, run_options
from lwal_core.runs import group_runs, list_runs
from lwal_core.settings import check_settings

_PANELS = {"data": "Data", "encoder": "Encoder", "method": "Label method", "training": "Training"}
_SEED = ("training", "seed")


def _with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a parameter for every option of a run, before its own; it gets them as ``run``, nested by part."""

    def wrapper(**given: Any) -> None:
        run: dict[str, dict[str, Any]] = {part: {} for part in _PANELS}
        for key, option in options.items():
            value = given.pop(key)
            if value is not None:
                run[option.part][option.name] = value
        command(run=run, **given)

    options = {f"{option.part}_{option.name}": option for option in run_options()}
    own = signature(command, eval_str=True).parameters
    parameters = [_parameter(key, option) for key, option in options.items()]
    parameters += [parameter for name, parameter in own.items() if name != "run"]
    wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
    wrapper.__signature__ = signature(wrapper).replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapper


def _parameter(key: str, option: Option) -> Parameter:
    kind: Any = option.type
    flags, text = option.flag, option.help
    if kind is bool:
        flags = f"{option.flag}/--no-{option.flag.removeprefix('--')}"
    if (option.part, option.name) == _SEED:
        kind, text = list[int], f"{text}; give it several times for several runs"
    about = typer.Option(flags, help=text, rich_help_panel=_PANELS[option.part])
    return Parameter(key, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, about])


@_with_run_options
def train(
    *,
    run: dict[str, dict[str, Any]],
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from, e.g. paper/cifar10-resnet50 (see lwal presets); brings its own seeds"
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="A name for people")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A word to find the run by; may be given several times")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Train here and stay until it ends, or leave it to the queue")
    ] = True,
    priority: Annotated[int, typer.Option(help="With --no-wait: -100 to 100, higher goes first")] = 0,
    skip_existing: Annotated[bool, typer.Option(help="Leave out seeds that are trained already")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PART.OPTION=VALUE", help="Any option of a run, e.g. training.weight_decay=0.01"),
    ] = None,
) -> None:
    """Train one run, or one for each seed, and print the run ids last."""
    from lwal_core.cli.progress import train_and_follow
    from lwal_core.datafiles import source_stats
    from lwal_core.experiments.presets import get_preset, merge_options
    from lwal_core.experiments.sweeps import absolute_paths
    from lwal_core.jobs import submit
    from lwal_core.runs import create_run

    check_settings()
    seeds = run["training"].pop("seed", None)
    given = absolute_paths(jobs.set_options(run, set_ or []), Path.cwd())
    if given["data"].get("labels_from"):
        of_run, colon, cut = str(given["data"]["labels_from"]).partition(":")
        given["data"]["labels_from"] = f"{whole_id(of_run)}{colon}{cut}"
    chosen = get_preset(preset) if preset else None
    base = RunConfig.parse(merge_options(chosen.values(), given) if chosen else given)
    seeds = seeds or (chosen.seeds if chosen and "seed" not in given["training"] else [base.training.seed])
    configs = [base.with_seed(seed) for seed in seeds]
    if skip_existing:
        configs = not_trained_yet(configs)
        if not configs:
            err.print("Every seed is trained already.", highlight=False)
            return
    source_stats(base.data, ask=False)  # refuses, before a process is started, what cannot be trained on
    jobs.check_devices(configs, wait)
    runs = [create_run(config, name=name, tags=tuple(tag or ())) for config in configs]
    if not wait:
        for created in runs:
            submit(created, priority)
        jobs.print_worker_status()
    else:
        runs = train_and_follow(runs, err)
    for created in runs:
        out.print(created.id, highlight=False, markup=False)
    if wait:
        exit_by_status(runs)


def not_trained_yet(configs: list[RunConfig]) -> list[RunConfig]:
    """Configurations, seed by seed, that no finished run of this home has."""
    done = {(group.key, run.seed) for group in group_runs(list_runs()) for run in group.runs if run.status == "done"}
    return [config for config in configs if (config.group_key(), config.training.seed) not in done]
