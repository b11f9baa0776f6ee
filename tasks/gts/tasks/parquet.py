"""Parquet, through pyarrow, in small batches and with its metadata checked first."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

from gts.core.errors import DataError, MissingDependency, TooLarge
from gts.tasks.decoding import refuse_bomb
from gts.tasks.formats import Row
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problem, problem_error
from gts.tasks.wording import counted, quote

_BATCH_ROWS = 256
_BATCH_BYTES = 256 << 20
_VALUES_PER_ROW = 10


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
    file_bytes = handle.seek(0, io.SEEK_END)
    try:
        file = pq.ParquetFile(handle)
        schema = file.schema_arrow
        if len(schema) > limits.columns:
            message = f"{counted(len(schema), 'column')}; at most {limits.columns:,} are read"
            raise problem_error(Problem(Place(name), message, "keep the text and the label column"))
        # Kept as dictionaries, a value that a tiny file repeats a million times is held once.
        leaves = [file.schema.column(index) for index in range(len(file.schema))]
        strings = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        table = pq.ParquetFile(handle, read_dictionary=strings)
        _refuse_too_large(table.metadata, name, limits)
        line = written_bytes = 0
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                written_bytes += _written_bytes(column, values, name)
            refuse_bomb(written_bytes, file_bytes, name, limits)
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
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    size_bytes = sum(group.total_byte_size for group in groups)
    values = sum(group.column(index).num_values for group in groups for index in range(group.num_columns))
    # Run-length encoding stores a list of a billion equal values in a few bytes.
    most_values = limits.rows * max(_VALUES_PER_ROW, metadata.num_columns)
    if metadata.num_rows > limits.rows or size_bytes > limits.decompressed_bytes or values > most_values:
        raise TooLarge(
            f"{name} holds {metadata.num_rows:,} rows, {values:,} values and {size_bytes:,} bytes; at most "
            f"{limits.rows:,} rows, {most_values:,} values and {limits.decompressed_bytes:,} bytes are read",
            mend="send fewer rows, and only the text and the label column",
            file=name,
        )


def _written_bytes(column: str, values: Any, name: str) -> int:
    """Bytes of a batch's strings, written out one by one; a batch of more than the bound is refused."""
    import pyarrow.compute as pc

    total_bytes = 0
    for part in _dictionaries(values):
        lengths = pc.binary_length(part.dictionary)
        longest = pc.max(lengths).as_py() or 0
        if longest * len(part) > _BATCH_BYTES:
            message = f"column {quote(column)} holds a value of {longest:,} bytes, or long ones very often"
            raise problem_error(Problem(Place(name), message, "cut such values, or leave the column out"))
        total_bytes += pc.sum(lengths.take(part.indices)).as_py() or 0
    return total_bytes


def _dictionaries(values: Any) -> Iterator[Any]:
    """The dictionary-encoded arrays inside an array, through lists and structs."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        yield values
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _dictionaries(values.flatten())
    elif pa.types.is_struct(kind):
        for part in values.flatten():
            yield from _dictionaries(part)
