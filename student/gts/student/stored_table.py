"""A token table that stays in its file: only the rows that are asked for are read.

Not mapped into memory: the system maps whole stretches around each row that is touched, and after some forty tokens all of
the table counts as taken (benchmarks/LOG.md). Rows come out of the system's file cache in about a microsecond each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from gts.student.layout import damaged, required_file

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_DTYPES: dict[str, np.dtype[Any]] = {"I8": np.dtype("i1"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_BLOCK_BYTES = 1 << 20


class TokenTable(Protocol):
    """Token vectors [vocabulary, dim]."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of tokens, and how long a vector is."""
        ...

    def rows(self, ids: Ints) -> Floats:
        """Vectors of tokens [n, dim]."""
        ...


class ArrayTable:
    """A table that is held in memory.

    Args:
        vectors: [vocabulary, dim].
    """

    def __init__(self, vectors: NDArray[Any]) -> None:
        self._vectors = vectors

    @property
    def shape(self) -> tuple[int, int]:
        """Number of tokens, and how long a vector is."""
        tokens, dim = self._vectors.shape
        return tokens, dim

    def rows(self, ids: Ints) -> Floats:
        """Vectors of tokens [n, dim]."""
        return np.asarray(self._vectors[ids], np.float32)


class StoredTable:
    """A tensor of a safetensors file, of int8, float16 or float32; safe to use from several threads.

    The file may be removed meanwhile; it must not be changed.

    Args:
        folder: The student folder.
        name: Name of the file.
        tensor: Name of the tensor.

    Raises:
        NotFound: There is no such file.
        StorageError: It is damaged, holds no such tensor, or values that are not finite numbers.
    """

    def __init__(self, folder: Path, name: str, tensor: str) -> None:
        self._path = required_file(folder, name)
        found = _checked_header(self._path).get(tensor, {})
        shape, dtype = found.get("shape", ()), _DTYPES.get(found.get("dtype", ""))
        if len(shape) != 2 or dtype is None:
            raise damaged(
                self._path, f"it holds no tensor {tensor!r} of two dimensions in int8, float16 or float32"
            )
        self.shape: tuple[int, int] = (shape[0], shape[1])
        self._dtype = dtype
        self._row_bytes = shape[1] * dtype.itemsize
        self._start = found["start"]
        self._file = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        finalize(self, os.close, self._file)
        if not all(np.isfinite(block).all() for block in self._blocks()):
            raise damaged(self._path, "it holds values that are not finite numbers")

    def rows(self, ids: Ints) -> Floats:
        """Vectors of tokens [n, dim].

        Raises:
            StorageError: The file has become shorter.
        """
        places = self._start + ids * self._row_bytes
        found = self._read((place, self._row_bytes) for place in places.tolist())
        return found.reshape(len(ids), self.shape[1]).astype(np.float32)

    def _blocks(self) -> Iterator[NDArray[Any]]:
        stop = self._start + self.shape[0] * self._row_bytes
        for place in range(self._start, stop, _BLOCK_BYTES):
            yield self._read([(place, min(_BLOCK_BYTES, stop - place))])

    def _read(self, parts: Any) -> NDArray[Any]:
        """Values of stretches of the file, each a place and a number of bytes."""
        read = [(size, os.pread(self._file, size, place)) for place, size in parts]
        if any(len(data) != size for size, data in read):
            raise damaged(self._path, "it has become shorter")
        return np.frombuffer(b"".join(data for _, data in read), self._dtype)


def _checked_header(path: Path) -> dict[str, dict[str, Any]]:
    """Each tensor's dtype and shape, and where in the file it starts."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):  # the library's checks: sizes, gaps, overlaps
            pass
    except SafetensorError as error:
        raise damaged(path, str(error)) from error
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {
        name: {**facts, "start": 8 + length + facts["data_offsets"][0]}
        for name, facts in header.items()
        if name != "__metadata__"
    }
