"""Pictures under the mouse: of the class or the test sample that the mouse is on in the map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.common.evaluation import TILE, SampledTestSet, picture_tiles, pictured_samples, thumbnail_classes
from app.embeddings.view import CHART
from lwal_core.export.rendering import asset
from lwal_core.runs import Run

MOST_TILES = 300
"""Pictures that a page holds for this, about 0.3 MB: of every class one, then those of samples."""

_hover = st.components.v2.component(
    "pictures_on_hover",
    js=asset("hover_pictures.js")
    + """
const shown = new WeakMap();
export default function ({ data, parentElement }) {
  const known = shown.get(parentElement);
  if (known) known.update(data);
  else shown.set(parentElement, picturesOnHover(data));
  return () => { shown.get(parentElement)?.end(); shown.delete(parentElement); };
}
""",
)


def pictures_on_hover(run: Run, samples: SampledTestSet | None) -> None:
    """Show a picture beside the mouse; call it after the figure. Draws nothing where no pictures are kept.

    Args:
        run: The run.
        samples: The samples that the figure shows, or None.
    """
    tiles, classes, of_samples = chosen_tiles(run, samples)
    if tiles:
        data = {
            "chart": CHART,
            "tiles": picture_tiles(run, tiles),
            "side": TILE,
            "classes": classes,
            "samples": of_samples,
        }
        _hover(key="hover_pictures", data=data)


def chosen_tiles(run: Run, samples: SampledTestSet | None) -> tuple[list[int], list[int], list[int]]:
    """Which thumbnails are held.

    Returns:
        Thumbnails in the order of their tiles; tile of each class ``[C]`` and of each sample that is shown ``[S]``, -1 for none.
    """
    y = thumbnail_classes(run)
    if y is None:
        return [], [], []
    tiles: list[int] = []
    place: dict[int, int] = {}

    def tile(thumbnail: int | None) -> int:
        if thumbnail is None or (thumbnail not in place and len(tiles) >= MOST_TILES):
            return -1
        if thumbnail not in place:
            place[thumbnail] = len(tiles)
            tiles.append(thumbnail)
        return place[thumbnail]

    first = {int(y[i]): int(i) for i in np.arange(len(y))[::-1]}
    classes = [tile(first.get(index)) for index in range(len(run.class_names))]
    kept = pictured_samples(run)
    of_samples = [] if samples is None else [tile(kept.get(row)) for row in samples.rows.tolist()]
    return tiles, classes, of_samples
