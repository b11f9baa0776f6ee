"""Parquet, through pyarrow, in small batches and with its metadata checked first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from gts.core.errors import DataError, MissingDependency, TooLarge
from gts.tasks.formats import Row
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problem, problem_error
from gts.tasks.wording import counted

_BATCH_ROWS = 256


def parse_parquet(handle: IO[bytes], name: str, limits: Limits) -> Iterator[Row]:
    """Rows of a Parquet file; ``line`` is the row number, counted from 1.

    Args:
        handle: The file, seekable.
        name: Its name for messages.
        limits: Bounds on rows, columns, bytes and the length of a value.

    Raises:
        DataError: The file is damaged.
        TooLarge: It is over a limit.
        MissingDependency: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"{name} is Parquet, and pyarrow is not installed",
            mend="pip install 'gts[train]', or export the data as CSV",
        ) from error
    try:
        schema = pq.ParquetFile(handle).schema_arrow
        if len(schema) > limits.columns:
            message = f"{counted(len(schema), 'column')}; at most {limits.columns:,} are read"
            raise problem_error(Problem(Place(name), message, "keep the text and the label column"))
        # Kept as dictionaries, a value that a tiny file repeats a million times is held once.
        texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        table = pq.ParquetFile(handle, read_dictionary=texts)
        _refuse_too_large(table.metadata, name, limits)
        line = 0
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                _refuse_long_values(column, values, name, limits)
            for values in batch.to_pylist():
                line += 1
                yield Row(line, values, "row")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{name} cannot be read as Parquet ({str(error).splitlines()[0][:120]})",
            mend="the file may be cut off; write or upload it again",
            file=name,
        ) from error


def _refuse_too_large(metadata: Any, name: str, limits: Limits) -> None:
    size_bytes = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > limits.rows or size_bytes > limits.decompressed_bytes:
        raise TooLarge(
            f"{name} holds {metadata.num_rows:,} rows and {size_bytes:,} bytes; at most {limits.rows:,} rows and "
            f"{limits.decompressed_bytes:,} bytes are read",
            mend="send fewer rows; a few thousand unlabelled texts are enough",
            file=name,
        )


def _refuse_long_values(column: str, values: Any, name: str, limits: Limits) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type) and len(values.dictionary):
        longest = pc.max(pc.binary_length(values.dictionary)).as_py() or 0
        if longest > limits.record_chars:
            message = f"column {column!r} holds a value of {longest:,} bytes"
            raise problem_error(Problem(Place(name), message, "cut it, or leave it out"))
