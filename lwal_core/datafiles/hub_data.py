"""Data sets that the library ``datasets`` reads: where one lies on this machine, and its splits as tables in files.

Nothing is fetched and no code of a repository is run: the library has no scripts since release 4, and of its readers those of
Parquet, Arrow and image folders alone are let in. Parquet is unpacked once into the library's own cache (``HF_DATASETS_CACHE``), from
which rows are read where they lie (https://huggingface.co/docs/datasets/about_arrow).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lwal_core.config.encoder import REPOSITORY
from lwal_core.datafiles.limits import named, resolved
from lwal_core.errors import DataError, LwalError
from lwal_core.sanitize import printable, quoted, without_middle
from lwal_core.security.permissions import check_writable

NEEDED = "hf-data: needs the library datasets, which is not installed."
READERS = ("parquet", "arrow", "imagefolder")
"""Readers of the library that are let in, by the name of their module."""
MOST_UNASKED = 2**30
"""Bytes of files that are unpacked where nobody has asked for a training yet: a second or two."""
_DICT, _STATE = "dataset_dict.json", "state.json"
_LONGEST, _LONGEST_CARD = 4_096, 2**22


class HubSplits(NamedTuple):
    """Splits of a data set.

    Attributes:
        tables: The library's ``Dataset`` of each split, by name.
        folder: What relative paths in it are relative to.
        roots: Folders that its images may lie in.
        note: Where it was found.
    """

    tables: dict[str, Any]
    folder: Path
    roots: tuple[str, ...]
    note: str


def names_a_folder(place: str, seen_from: Path = Path()) -> bool:
    """Whether what follows ``hf-data:`` is the path of a folder: it is written so, or there is one.

    Args:
        place: What follows.
        seen_from: Folder that relative paths are relative to.
    """
    written = place.startswith(("/", "./", "../", "~")) or place in (".", "..")
    return written or ("\0" not in place and len(place) <= _LONGEST and os.path.isdir(seen_from / place))


def open_hub_splits(place: str, subset: str | None = None, *, ask: bool = True) -> HubSplits:
    """The splits of a data set, in files.

    Args:
        place: A folder (saved by ``save_to_disk``, or a repository of Parquet, Arrow or image files), or ``ORG/NAME`` of the hub, which is
            looked for in the caches of the library and of the hub's client.
        subset: Its configuration, where it has several.
        ask: Whether files of more than :data:`MOST_UNASKED` bytes that were not unpacked yet are refused.

    Raises:
        DataError: The library is not installed, the data set is not here, or it cannot be read; one sentence says why.
    """
    library = _library()
    if not place.strip() or len(place) > _LONGEST or not place.isprintable():
        raise DataError(f"{quoted(place)} names no data set.", "Write hf-data:ORG/NAME or hf-data:./FOLDER.")
    if names_a_folder(place):
        folder = resolved(place, "folder")
        if not folder.is_dir():
            raise DataError(f"{quoted(place)} is a file, not a folder.", "Give the folder of the data set.")
        with _one_sentence(place):
            return _of_folder(library, folder, subset, ask)
    if not (REPOSITORY.fullmatch(place) or REPOSITORY.fullmatch(f"any/{place}")) or ".." in place:
        raise DataError(
            f"{quoted(place)} is neither a folder nor a data set of the Hugging Face hub.",
            "Write hf-data:ORG/NAME or hf-data:./FOLDER.",
        )
    return _of_hub(library, place, subset, ask)


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise DataError(NEEDED, 'Install it: pip install "lwal-explorer[hf-data]"') from None
    datasets.disable_progress_bars()  # type: ignore[attr-defined]
    logging.getLogger("datasets").setLevel(logging.CRITICAL)  # notes and refusals say what it found, and what was wrong
    return datasets


def _of_hub(library: Any, name: str, subset: str | None, ask: bool) -> HubSplits:
    """What the caches hold: the library's own, where the data set was loaded before, then the repository's files."""
    import huggingface_hub
    from datasets.packaged_modules.cache.cache import Cache

    kept, cache = Path(library.config.HF_DATASETS_CACHE), Path(huggingface_hub.constants.HF_HUB_CACHE)
    reasons = []
    try:
        found = Cache(repo_id=name, dataset_name=name.split("/")[-1], config_name=subset, version="auto", hash="auto")
        tables = dict(found.as_dataset())
        return HubSplits(tables, kept, _roots(library), f"Read from {str(kept)!r}, where it was loaded before.")
    except Exception as error:  # not there, another subset, or damaged
        reasons.append(in_one_line(error))
    try:
        files = Path(huggingface_hub.snapshot_download(name, repo_type="dataset", local_files_only=True))
    except Exception:
        available = next((reason for reason in reasons if "vailable" in reason or "multiple" in reason), "")
        raise DataError(
            available
            or f"The data set {name!r} is neither in {str(cache)!r} nor in {str(kept)!r}; nothing is fetched here.",
            "Give one of them with --subset."
            if available
            else f"Fetch it once where there is a network: hf download --repo-type dataset {name}; or name a folder: hf-data:./FOLDER.",
        ) from None
    with _one_sentence(name):
        return _of_folder(library, files, subset, ask)


def _of_folder(library: Any, folder: Path, subset: str | None, ask: bool) -> HubSplits:
    roots, note = (str(folder.resolve()), *_roots(library)), f"Read from {str(folder)!r}."
    if (folder / _DICT).is_file() or (folder / _STATE).is_file():
        if subset is not None:
            raise DataError(f"{str(folder)!r} was saved by save_to_disk and has no subsets.", "Leave out subset.")
        found = library.load_from_disk(folder)
        tables = dict(found) if isinstance(found, Mapping) else {str(found.split or "train"): found}
        return HubSplits(tables, folder, roots, note)
    _check_card(folder)
    builder = library.load_dataset_builder(str(folder), name=subset)
    files = [str(file) for files in (builder.config.data_files or {}).values() for file in files]
    outside = [
        file for file in files if not os.path.realpath(file).startswith(tuple(f"{root}{os.sep}" for root in roots))
    ]
    if outside:
        raise DataError(f"{str(folder)!r} names files outside it: {named(outside)}.", "Mend its README.md.")
    reader = type(builder).__module__.rpartition(".")[2]
    if reader not in READERS:
        raise DataError(
            f"The files in {str(folder)!r} are read as {reader}, which is no data set of images.",
            f"{', '.join(READERS[:-1])} and {READERS[-1]} are read; for tar files use shards:, for a CSV table:.",
        )
    if not os.path.isdir(builder.cache_dir):
        size = sum(map(os.path.getsize, files)) if ask and reader != "imagefolder" else 0
        if size > MOST_UNASKED:
            raise DataError(
                f"{str(folder)!r} has {size / 2**30:,.1f} GiB that are not unpacked yet.",
                "lwal train does so once, from a terminal; afterwards the form knows it.",
            )
        unpack(builder)
        note = f"{note[:-1]}, unpacked once to {builder.cache_dir!r}."
    return HubSplits(dict(builder.as_dataset()), folder, roots, note)


def unpack(builder: Any) -> None:
    """Have the library write the rows of a data set into its cache.

    Args:
        builder: The library's ``DatasetBuilder``.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("unpack a data set")
    builder.download_and_prepare()


def _check_card(folder: Path) -> None:
    """Refuse a repository whose README.md names files that are elsewhere, which the library would go and fetch.

    Raises:
        DataError: It does, or is too long to be read.
    """
    from huggingface_hub import DatasetCard

    for file in (folder / "README.md", folder / ".huggingface.yaml"):
        if not file.is_file():
            continue
        if file.stat().st_size > _LONGEST_CARD:
            raise DataError(f"{str(file)!r} has more than {_LONGEST_CARD // 2**20} MiB.", "Shorten it.")
        text = file.read_text("utf-8", "replace")
        card = text if file.suffix == ".md" else f"---\n{text}\n---\n"
        foreign = [word for word in _texts(DatasetCard(card).data.to_dict().get("configs")) if "://" in word]
        if foreign:
            raise DataError(
                f"{str(file)!r} names files that are elsewhere: {named(foreign)}.", "Fetch them, and mend it."
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _roots(library: Any) -> tuple[str, ...]:
    """Folders of the hub's client and of the library, where files of repositories lie."""
    import huggingface_hub

    return tuple(
        os.path.realpath(path) for path in (huggingface_hub.constants.HF_HUB_CACHE, library.config.HF_DATASETS_CACHE)
    )


@contextmanager
def _one_sentence(place: str) -> Iterator[None]:
    """What the library says of files that it cannot read, as one refusal."""
    try:
        yield
    except LwalError:
        raise
    except Exception as error:  # of the library, of Arrow, of YAML, of the disk
        subsets = "--subset" if "config" in in_one_line(error).lower() else ""
        raise DataError(
            f"The data set {quoted(place)} cannot be read: {in_one_line(error)}.",
            "Give one of them with --subset."
            if subsets
            else "Expected a folder of save_to_disk, or one with Parquet, Arrow or image files in train and test.",
        ) from None


def in_one_line(error: BaseException) -> str:
    """The first sentences of an error and of its cause, in one line."""
    cause = error.__cause__
    text = str(error) if cause is None else f"{error} ({cause})"
    return without_middle(" ".join(printable(text).split()), 400).rstrip(". ") or type(error).__name__
