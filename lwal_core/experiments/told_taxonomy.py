"""Whether a method that is told a hierarchy of the classes finds one for the data, before anything is queued."""

from __future__ import annotations

from collections.abc import Sequence

from lwal_core.config import RunConfig
from lwal_core.datafiles.downloads import DOWNLOADS
from lwal_core.errors import ConfigError, LwalError
from lwal_core.taxonomy.of_classes import class_taxonomy

OWN = ("shapes", "pictograms")
"""Data sets that come along with a taxonomy of their own name."""


def check_told_taxonomy(configs: Sequence[RunConfig], class_names: Sequence[str]) -> None:
    """Refuse a method that needs a taxonomy where none fits the classes.

    Args:
        configs: Runs on one data set.
        class_names: Its C classes; nothing is checked where they are not known yet.

    Raises:
        ConfigError: At ``method.name``, with the method and the reason.
    """
    for config in configs if class_names else ():
        if not config.method.told_taxonomy:
            continue
        data = config.data.name
        own = data if data in OWN else DOWNLOADS[data].taxonomy if data in DOWNLOADS else None
        try:
            class_taxonomy(class_names, getattr(config.method, "taxonomy", None) or own)
        except LwalError as error:
            way_out = "Name one under *More*, or leave the method out"
            raise ConfigError(
                [("method.name", f"{config.method_label()}: {error.message.rstrip('.')}. {way_out}")]
            ) from error
