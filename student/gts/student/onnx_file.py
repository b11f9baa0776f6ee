"""Finding the token table in an ONNX file, without the package that writes such files.

Students of one encoder keep its token table as it was, half of an int8 file, so it is worth holding once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

# Field numbers of onnx.proto.
_GRAPH = 7
_NODE, _INITIALIZER = 1, 5
_NODE_INPUT, _NODE_OPERATOR = 1, 4
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 3: np.dtype("i1")}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class StoredTensor:
    """A constant of a graph, as it lies in the file.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Type of its values.
        start: First byte in the file.
        stop: One past the last.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    stop: int


def tables(data: memoryview) -> list[StoredTensor]:
    """Constants that rows are looked up in.

    Args:
        data: Bytes of an ONNX file.

    Returns:
        The constants, of float32 or int8; none where the bytes are no ONNX model, which is for others to say.
    """
    try:
        return [
            tensor
            for start, stop in _parts(data, 0, len(data), _GRAPH)
            for tensor in _tables_of(data, start, stop)
        ]
    except (IndexError, UnicodeDecodeError):
        return []


def _tables_of(data: memoryview, start: int, stop: int) -> Iterator[StoredTensor]:
    looked_up = set()
    for place in _parts(data, start, stop, _NODE):
        if any(bytes(data[a:b]) == b"Gather" for a, b in _parts(data, *place, _NODE_OPERATOR)):
            first = next(_parts(data, *place, _NODE_INPUT), None)
            looked_up.add(b"" if first is None else bytes(data[first[0] : first[1]]))
    for place in _parts(data, start, stop, _INITIALIZER):
        tensor = _tensor(data, *place)
        if tensor is not None and tensor.name.encode() in looked_up:
            yield tensor


def _tensor(data: memoryview, start: int, stop: int) -> StoredTensor | None:
    name, raw, shape, dtype = "", (0, 0), [], None
    for number, one, other in _fields(data, start, stop):
        if number == _TENSOR_NAME:
            name = bytes(data[one:other]).decode()
        elif number == _TENSOR_RAW:
            raw = (one, other)
        elif number == _TENSOR_TYPE:
            dtype = _DTYPES.get(one)
        elif number == _TENSOR_DIMS:
            shape += [one] if other < 0 else _varints(data, one, other)
    if dtype is None or raw[1] - raw[0] != prod(shape) * dtype.itemsize:
        return None
    return StoredTensor(name, tuple(shape), dtype, *raw)


def _parts(data: memoryview, start: int, stop: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Where the messages, strings or bytes of a field lie."""
    return (
        (one, other) for number, one, other in _fields(data, start, stop) if number == wanted and other >= 0
    )


def _fields(data: memoryview, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Each field's number with where its bytes begin and end, or with its value and -1."""
    while at < stop:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value, -1
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise IndexError("a field of a kind that there is not")
        if at + size > stop:
            raise IndexError("a field goes beyond its message")
        yield number, at, at + size
        at += size


def _varints(data: memoryview, at: int, stop: int) -> list[int]:
    found = []
    while at < stop:
        value, at = _varint(data, at)
        found.append(value)
    return found


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError("a number of more than 64 bits")
