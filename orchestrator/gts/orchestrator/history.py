"""What stages and actions of past jobs took and brought, beside what was forecast: one file of a store."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gts.core.artifacts import ArtifactStore

logger = logging.getLogger("gts.orchestrator")

_MOST_BYTES = 2_000_000
"""The end of the file that is read: some ten thousand rows."""


@dataclass(frozen=True)
class Seen:
    """One forecast, and what came of it.

    Attributes:
        what: Stage or action in words that it shares with others of its kind (``stage distil mini``, ``refine mini``).
        type: Task type.
        machine: Name of the machine.
        forecast: What the formulas said: seconds of a stage, or the gain of an action before anybody's experience.
        actual: What it was.
        error: Standard deviation of measuring it; 0 for seconds.
    """

    what: str
    type: str
    machine: str
    forecast: float
    actual: float
    error: float = 0.0


class History:
    """An append-only file of what has been seen; several processes may write to it.

    Args:
        path: The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, rows: Iterable[Seen]) -> None:
        """Add rows; where that fails, later forecasts are less good, and nothing else."""
        text = "".join(json.dumps(asdict(row)) + "\n" for row in rows)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            logger.warning("what a forecast came to could not be kept: %s", error)

    def read(self) -> list[Seen]:
        """What has been seen lately, oldest first; a line that another process is writing is passed over."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - _MOST_BYTES))
            return list(_rows(file.read().decode("utf-8", "replace")))


def history_of(store: ArtifactStore) -> History:
    """What the jobs of a store have seen."""
    return History(store.root / "history.jsonl")


def _rows(text: str) -> Iterator[Seen]:
    for line in text.splitlines():
        try:
            yield Seen(**json.loads(line))
        except (ValueError, TypeError):
            continue
