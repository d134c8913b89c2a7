"""Options of a class tree, as the commands that make one take them."""

from __future__ import annotations

from typing import Annotated

import typer

from lwal_core.results.tree_spec import DISTANCE_HELP, LAYER_HELP, LINKAGE_HELP, VECTORS_HELP

Vectors = Annotated[str | None, typer.Option(help=f"{VECTORS_HELP}; the first that the run has when left out")]
Layer = Annotated[str | None, typer.Option(help=LAYER_HELP)]
Linkage = Annotated[str, typer.Option(help=LINKAGE_HELP)]
Distance = Annotated[str, typer.Option(help=DISTANCE_HELP)]
