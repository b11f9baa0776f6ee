"""Rows without those that are known already: no test row in gold, no pool row in gold, test or pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gts.tasks.wording import counted

Row = TypeVar("Row")


@dataclass(frozen=True)
class Unseen:
    """Leaves rows out and says so.

    Attributes:
        notes: Takes what was left out.
        row: What a row is called.
    """

    notes: list[str]
    row: str = "text"

    def test(
        self, rows: Iterable[Row], key: Callable[[Row], Hashable], known: Collection[Hashable]
    ) -> list[Row]:
        """Test rows that are not among the examples.

        Args:
            rows: Test rows.
            key: What two rows that count as the same have in common.
            known: The keys of the examples.
        """
        given = list(rows)
        kept = [row for row in given if key(row) not in known]
        if len(kept) < len(given):
            number = counted(len(given) - len(kept), f"test {self.row}")
            self.notes.append(f"{number} removed from the test because the examples hold the same {self.row}")
        return kept

    def pool(
        self, rows: Sequence[Row], key: Callable[[Row], Hashable], is_known: Callable[[Row], bool]
    ) -> list[Row]:
        """Pool rows, each once, without those that the examples or the test hold."""
        kept: dict[Hashable, Row] = {}
        leaked = repeated = 0
        for row in rows:
            if is_known(row):
                leaked += 1
            elif kept.setdefault(key(row), row) is not row:
                repeated += 1
        if repeated:
            self.notes.append(
                f"{counted(repeated, f'repeated {self.row}')} removed from the unlabelled {self.row}s"
            )
        if leaked:
            number = counted(leaked, f"unlabelled {self.row}")
            self.notes.append(f"{number} removed that the examples or the test hold too")
        return list(kept.values())
