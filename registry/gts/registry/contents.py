"""What may be inside a published file: nothing that runs code when it is loaded."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from gts.core.errors import InvalidInput, TooLarge

# All of these are, or may hold, Python pickles (NumPy's formats through object arrays).
_PICKLE_SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".skops", ".dill", ".npy", ".npz"}
)
_COMPRESSION_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4", ".z", ".zip"})
_PICKLE_STARTS = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_ZIP_START = b"PK\x03\x04"
_MAX_SAFETENSORS_HEADER = 25 << 20
_MAX_CONFIG_BYTES = 16 << 20
_CODE_KEYS = ("auto_map", "custom_pipelines")
_TRAINING_DATA = "data_config.json"  # a list, in models of sentence-transformers; no library reads it
_MEND = "save weights as safetensors or ONNX and the rest as JSON"


def check_name(path: str) -> None:
    """Refuse a file whose name says that it is a pickle.

    Raises:
        InvalidInput: It does.
    """
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in _COMPRESSION_SUFFIXES:
        suffixes.pop()
    if suffixes and suffixes[-1] in _PICKLE_SUFFIXES:
        raise InvalidInput(
            f"{path!r} is refused: loading files ending in {suffixes[-1]} can run code", mend=_MEND, file=path
        )


def check_start(path: str, start: bytes) -> None:
    """Refuse a file by its first bytes.

    Raises:
        InvalidInput: They are those of a pickle or of a zip archive, which torch wraps around one.
    """
    if start.startswith((*_PICKLE_STARTS, _ZIP_START)):
        raise InvalidInput(
            f"{path!r} is refused: its content is a pickle or a zip archive", mend=_MEND, file=path
        )


def check_content(path: str, handle: BinaryIO) -> None:
    """Refuse a file whose bytes are a pickle, a damaged safetensors file, or a config that asks for code.

    Args:
        path: Its path in the repository; decides which checks apply.
        handle: The file, open for reading; the position afterwards is undefined.

    Raises:
        InvalidInput: Says what was found.
    """
    check_start(path, handle.read(8))
    handle.seek(0)
    name = PurePosixPath(path).name.lower()
    if name.endswith(".safetensors"):
        _check_safetensors(path, handle)
    elif name.endswith("config.json") and name != _TRAINING_DATA:
        read_config(path, handle)


def read_config(path: str, handle: BinaryIO) -> dict[str, Any]:
    """A ``*config.json`` as a dictionary that asks for no code of its own.

    Raises:
        InvalidInput: It is not a JSON object, too large, or names code to run.
    """
    data = handle.read(_MAX_CONFIG_BYTES + 1)
    if len(data) > _MAX_CONFIG_BYTES:
        raise TooLarge(f"{path!r} is larger than {_MAX_CONFIG_BYTES >> 20} MiB", mend="check what is in it")
    try:
        config = json.loads(data)
        json.dumps(config, ensure_ascii=False).encode()  # half a surrogate pair could never be sent on
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path!r} is not valid JSON: {error}", mend="write it again", file=path) from None
    if not isinstance(config, dict):
        raise InvalidInput(f"{path!r} must hold a JSON object", mend="write it again", file=path)
    for key in _CODE_KEYS:
        if config.get(key):
            raise InvalidInput(
                f"{path!r} is refused: its {key!r} makes clients run code from the repository",
                mend=f"use an architecture that its library knows and remove {key!r}",
                file=path,
            )
    return config


def _check_safetensors(path: str, handle: BinaryIO) -> None:
    """Tensors must fill the file without gap or rest, so that nothing else can hide in it."""

    def refuse(reason: str) -> InvalidInput:
        return InvalidInput(
            f"{path!r} is not a safetensors file: {reason}", mend="save the weights again", file=path
        )

    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    if size < 8:
        raise refuse(f"{size} bytes, shorter than its header")
    (length,) = struct.unpack("<Q", handle.read(8))
    if length > min(size - 8, _MAX_SAFETENSORS_HEADER):
        raise refuse(f"its header claims {length:,} bytes")
    try:
        header = json.loads(handle.read(length), object_pairs_hook=_without_duplicates)
        if not isinstance(header, dict):
            raise refuse("its header is not a JSON object")
        spans = sorted(_spans(header, refuse))
    except (ValueError, RecursionError) as error:
        raise refuse(f"its header is not valid JSON ({error})") from None
    end = 0
    for first, last in spans:
        if first != end or last < first:
            raise refuse("its tensors overlap or leave gaps")
        end = last
    if end != size - 8 - length:
        raise refuse(f"its tensors end at byte {end:,} of {size - 8 - length:,}")


def _spans(header: dict[str, Any], refuse: Callable[[str], InvalidInput]) -> list[tuple[int, int]]:
    spans = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        match tensor:
            case {"dtype": str(), "shape": list(), "data_offsets": [int(first), int(last)]}:
                spans.append((first, last))
            case _:
                raise refuse(f"tensor {name[:100]!r} is not described")
    return spans


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice")
    return result
