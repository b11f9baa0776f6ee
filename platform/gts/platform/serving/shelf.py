"""Loaded students within a bound of memory: the least used ones go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from gts.platform.serving.pace import Pace
from gts.student.shared import Memory

if TYPE_CHECKING:
    from gts.student.opening import AnyStudent


@dataclass(eq=False)
class Loaded:
    """A student in memory.

    Attributes:
        model: ``namespace/name``.
        commit: The commit it came from.
        student: The student.
        pace: How fast it is.
        memory: What it took when it was last looked at.
    """

    model: str
    commit: str
    student: AnyStudent
    pace: Pace
    memory: Memory = field(default_factory=Memory)


class Shelf:
    """Students by commit, as many as fit; safe to use from several threads.

    What several students share is counted once. The student that was used last stays whatever it takes.

    Args:
        most_bytes: Memory that all students may take together.
        on_drop: Called with each student that is dropped.
    """

    def __init__(self, most_bytes: int, on_drop: Callable[[Loaded], None] | None = None) -> None:
        self._most_bytes = most_bytes
        self._on_drop = on_drop
        self._held: OrderedDict[str, Loaded] = OrderedDict()
        self._own = 0
        self._shared: dict[str, tuple[int, int]] = {}  # bytes, users
        self._lock = Lock()

    def get(self, commit: str) -> Loaded | None:
        """The student of a commit, if it is there; it counts as used."""
        with self._lock:
            found = self._held.get(commit)
            if found is not None:
                self._held.move_to_end(commit)
            return found

    def put(self, loaded: Loaded) -> None:
        """Take in a student, as the last that was used."""
        with self._lock:
            before = self._held.pop(loaded.commit, None)
            if before is not None:
                self._count(before.memory, -1)
            loaded.memory = loaded.student.memory
            self._count(loaded.memory, 1)
            self._held[loaded.commit] = loaded
            dropped = self._make_room()
        self._tell(dropped)

    def look_at(self, loaded: Loaded) -> None:
        """Measure a student again that has answered and may have grown."""
        memory = loaded.student.memory
        with self._lock:
            if memory == loaded.memory or self._held.get(loaded.commit) is not loaded:
                return
            self._count(loaded.memory, -1)
            self._count(memory, 1)
            loaded.memory = memory
            dropped = self._make_room()
        self._tell(dropped)

    @property
    def bytes(self) -> int:
        """Memory that the students take together."""
        with self._lock:
            return self._total()

    def loaded(self) -> Mapping[str, int]:
        """How many revisions of each model are in memory."""
        with self._lock:
            found: dict[str, int] = {}
            for item in self._held.values():
                found[item.model] = found.get(item.model, 0) + 1
            return found

    def _make_room(self) -> list[Loaded]:
        dropped = []
        while self._total() > self._most_bytes and len(self._held) > 1:
            _, least = self._held.popitem(last=False)
            self._count(least.memory, -1)
            dropped.append(least)
        return dropped

    def _count(self, memory: Memory, sign: int) -> None:
        self._own += sign * memory.own
        for name, size in memory.shared.items():
            users = self._shared.get(name, (0, 0))[1] + sign
            if users:
                self._shared[name] = (size, users)
            else:
                del self._shared[name]

    def _total(self) -> int:
        return self._own + sum(size for size, _ in self._shared.values())

    def _tell(self, dropped: list[Loaded]) -> None:
        if self._on_drop is not None:
            for loaded in dropped:
                self._on_drop(loaded)


def open_shelved(folder: Path, model: str, commit: str, bound_s: float) -> Loaded:
    """Load a student for a shelf.

    Raises:
        GTSError: Its files are not well.
    """
    from gts.student.opening import open_student

    return Loaded(model, commit, open_student(folder), Pace(bound_s))
