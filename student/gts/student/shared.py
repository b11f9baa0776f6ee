"""What loaded students have in common: one object for each content, kept as long as a student uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from gts.core.fingerprint import file_sha256

T = TypeVar("T")

_KNOWN_DIGESTS = 10_000
_digests: dict[tuple[int, ...], str] = {}


@dataclass(frozen=True)
class Memory:
    """What a loaded student takes.

    Attributes:
        own: Bytes that go when it goes.
        shared: Name to bytes of what other students may use as well.

    Example:
        >>> Memory(1, {"tokenizer": 5}) + Memory(2, {"tokenizer": 5, "table": 7})
        Memory(own=3, shared={'tokenizer': 5, 'table': 7})
    """

    own: int = 0
    shared: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.own + other.own, {**self.shared, **other.shared})


class Shared(Generic[T]):
    """Objects by key, each made once and forgotten with its last user; safe to use from several threads."""

    def __init__(self) -> None:
        self._made: WeakValueDictionary[str, T] = WeakValueDictionary()
        self._lock = Lock()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The object of a key.

        Args:
            key: Names its content.
            make: Makes it. Two threads that ask at once may both call it; one result is kept.
        """
        with self._lock:
            known = self._made.get(key)
        if known is not None:
            return known
        made = make()
        with self._lock:
            return self._made.setdefault(key, made)


def digest_of(path: Path) -> str:
    """SHA-256 of a file that is not written to; read once for all names that link to it."""
    status = path.stat()
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if (known := _digests.get(key)) is None:
        if len(_digests) >= _KNOWN_DIGESTS:
            _digests.clear()
        known = _digests[key] = file_sha256(path)
    return known
