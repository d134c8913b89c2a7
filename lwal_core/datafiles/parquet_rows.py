"""Rows of Parquet files, from the columns that are wanted alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lwal_core.errors import LwalError

_LIMITS = {"thrift_string_size_limit": 2**24, "thrift_container_size_limit": 2**20}
_BATCH_ROWS = 10_000


def open_parquet(file: Path, refused: type[LwalError]) -> Any:
    """The file as pyarrow's ``ParquetFile``, of which the footer is read.

    Args:
        file: The file.
        refused: What is raised where pyarrow is not installed.

    Raises:
        LwalError: Of the class ``refused``. What pyarrow raises of a damaged file is for the caller.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise refused(
            f"{file.name!r} is a Parquet file, which is read with pyarrow, and that is not installed.",
            "Install it: pip install pyarrow; or save the table as CSV.",
        ) from None
    return parquet.ParquetFile(file, **_LIMITS)


def parquet_rows(file: Path, schema: Any, wanted: Sequence[int]) -> Iterator[list[Any]]:
    """Rows one by one, as many cells as the file has columns; a column that is not wanted has empty cells.

    Args:
        file: A file that :func:`open_parquet` opened.
        schema: Its ``schema_arrow``; the columns have different names.
        wanted: Numbers of the columns that are read.
    """
    from pyarrow import parquet, types

    heads = [str(name) for name in schema.names]
    # Texts that repeat are kept once each: a long one in every row would not fit into memory.
    texts = [heads[j] for j in wanted if types.is_string(schema.field(j).type)]
    opened = parquet.ParquetFile(file, read_dictionary=texts, **_LIMITS)
    for batch in opened.iter_batches(_BATCH_ROWS, columns=[heads[j] for j in wanted]):
        columns = {j: _values(batch.column(heads[j])) for j in wanted}
        for i in range(batch.num_rows):
            yield [columns[j][i] if j in columns else "" for j in range(len(heads))]


def _values(column: Any) -> list[Any]:
    """Values of a column of Arrow; texts that repeat are one object each."""
    if not hasattr(column, "dictionary"):
        found: list[Any] = column.to_pylist()
        return found
    distinct = column.dictionary.to_pylist()
    return [None if i is None else distinct[i] for i in column.indices.to_pylist()]
