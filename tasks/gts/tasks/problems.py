"""Problems found in the user's data: collected, so that one reading shows many, then raised as one error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from gts.core.errors import DataError
from gts.tasks.wording import counted

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands.

    Attributes:
        file: Name as the user knows it.
        line: Line of a text file or row of a table, counted from 1; ``None`` for the file as a whole.
        unit: What ``line`` counts: ``line`` or ``row``.
    """

    file: str
    line: int | None = None
    unit: str = "line"

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}, {self.unit} {self.line}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and what to do."""

    place: Place
    message: str
    mend: str

    def as_json(self) -> dict[str, Any]:
        """The entry of ``details["problems"]``."""
        return {"file": self.place.file, "line": self.place.line, "message": self.message, "mend": self.mend}


@dataclass
class Problems:
    """Collects problems and ends the reading when there are ``limit`` of them.

    Example:
        >>> problems = Problems(limit=20)
        >>> problems.add(Place("a.csv", 3), "empty text", "write a text or remove the row")
        >>> problems.raise_if_any()
        Traceback (most recent call last):
        gts.core.errors.DataError: a.csv, line 3: empty text. write a text or remove the row
    """

    limit: int
    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str, mend: str) -> None:
        """Note a problem and go on.

        Raises:
            DataError: This was the last one that is collected.
        """
        self.found.append(Problem(place, message, mend))
        if len(self.found) >= self.limit:
            self.raise_if_any()

    def stop(self, place: Place, message: str, mend: str) -> NoReturn:
        """Note a problem behind which the file cannot be read, and raise all found so far."""
        self.found.append(Problem(place, message, mend))
        raise self._error()

    def raise_if_any(self) -> None:
        """Raise all problems as one error.

        Raises:
            DataError: There are problems; ``details["problems"]`` lists them.
        """
        if self.found:
            raise self._error()

    def _error(self) -> DataError:
        return problem_error(*self.found, more=len(self.found) >= self.limit)


def problem_error(*found: Problem, more: bool = False) -> DataError:
    """One error that shows the first few problems and lists all in its details.

    Args:
        *found: At least one problem.
        more: Whether there may be more than these.
    """
    first, total = found[0], len(found)
    parts = [f"{problem.place}: {problem.message}" for problem in found[:_SHOWN]]
    if total > 1:
        parts[0] = f"{'at least ' if more else ''}{counted(total, 'problem')}: {parts[0]}"
    if total > _SHOWN:
        parts.append(f"and {total - _SHOWN} more")
    mends = dict.fromkeys(problem.mend for problem in found[:_SHOWN])
    return DataError(
        "; ".join(parts),
        mend="; ".join(mends),
        file=first.place.file,
        line=first.place.line,
        problems=[problem.as_json() for problem in found],
    )
