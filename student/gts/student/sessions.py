"""Networks in onnxruntime: opened once for each file, their token tables held once for each content."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gts.core.errors import Damaged
from gts.student.onnx_file import StoredTensor, tables
from gts.student.shared import Shared, digest_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, OrtValue

_LEAST_SHARED = 1 << 20
_SESSION_BYTES = 2 << 20
"""What a session takes beside its weights (benchmarks/LOG.md)."""


class Session:
    """A network that all students with the same file use at once; safe to call from several threads.

    Args:
        session: What runs it.
        tables: Token tables that it reads, which have to live as long as it.
        memory: Bytes that it takes, by name.
    """

    def __init__(
        self, session: InferenceSession, tables: Sequence[OrtValue], memory: Mapping[str, int]
    ) -> None:
        self._session = session
        self._tables = tables
        self.memory = memory
        self.inputs: tuple[str, ...] = tuple(node.name for node in session.get_inputs())
        self.outputs: dict[str, list[Any]] = {node.name: node.shape for node in session.get_outputs()}

    def run(self, outputs: Sequence[str], inputs: Mapping[str, Any]) -> list[Any]:
        """What the network makes of its inputs."""
        made: list[Any] = self._session.run(outputs, inputs)
        return made


_sessions: Shared[Session] = Shared()
_tables: Shared[OrtValue] = Shared()


def open_session(path: Path, threads: int) -> Session:
    """The network of a file, on ``threads`` cores; the same object for all files with the same content.

    Raises:
        StorageError: The file is no ONNX model that can be run.
    """
    name = f"network {digest_of(path)} {threads}"
    return _sessions.get(name, lambda: _open(path, threads, name))


def _open(path: Path, threads: int, name: str) -> Session:
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as faults

    _share_arena()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads would otherwise burn the cores that other students and the web server need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = 3
    held, memory = [], {name: path.stat().st_size + _SESSION_BYTES}
    for table, key, value in _tables_in(path):
        options.add_initializer(table.name, value)
        held.append(value)
        memory[name] -= table.stop - table.start
        memory[key] = table.stop - table.start
    unreadable = (
        faults.Fail,
        faults.InvalidProtobuf,
        faults.InvalidGraph,
        faults.InvalidArgument,
        faults.NoSuchFile,
    )
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (*unreadable, faults.NotImplemented, faults.RuntimeException) as error:
        raise Damaged(
            f"onnxruntime cannot run {path}: {error}",
            mend="download or produce the student again",
            path=str(path),
        ) from error
    return Session(session, held, memory)


def _tables_in(path: Path) -> list[tuple[StoredTensor, str, OrtValue]]:
    """The large tables of a file, each with the name of its content and the one copy of it."""
    if not path.stat().st_size:
        return []  # which cannot be mapped
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        large = [table for table in tables(data) if table.stop - table.start >= _LEAST_SHARED]
        return [(table, *_table(table, bytes(data[table.start : table.stop]))) for table in large]


def _table(table: StoredTensor, stored: bytes) -> tuple[str, OrtValue]:
    from onnxruntime import OrtValue

    def make() -> OrtValue:
        # The value reads the bytes where they are, and keeps them.
        return OrtValue.ortvalue_from_numpy(np.frombuffer(stored, table.dtype).reshape(table.shape))

    key = f"table {hashlib.sha256(stored).hexdigest()} {table.dtype} {table.shape}"
    return key, _tables.get(key, make)


@cache
def _share_arena() -> None:
    """One pool of working memory for all sessions: each of its own would keep what its largest batch took."""
    import onnxruntime as ort

    info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(info, None)
