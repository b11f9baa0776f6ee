"""The rows of all sources of one role, of whatever format, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from gts.tasks.columns import Columns, plain_name
from gts.tasks.decoding import LineFeed
from gts.tasks.formats import Listed
from gts.tasks.intake.bio import bio_rows, is_bio
from gts.tasks.intake.faults import ColumnFault, Fault, Mended
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problems
from gts.tasks.reading import decoding, format_name, is_parquet, opened, read_head, read_rows
from gts.tasks.source import FileSource, RowSource, Source, TextSource
from gts.tasks.spec import TaskSpec

Record = tuple[Place, Mapping[str, Any] | str]
Headerless = Callable[[Sequence[Sequence[str]], bool], Sequence[str] | None]


@dataclass
class Desk:
    """What the reading of one task needs everywhere: the wishes, the bounds, and where findings go.

    Attributes:
        spec: The task.
        columns: Names of columns, where the person gave them.
        limits: Bounds on what is read.
        problems: Takes what is wrong.
        notes: Takes what was decided.
        mended: Takes what was changed in rows.
    """

    spec: TaskSpec
    columns: Columns
    limits: Limits
    problems: Problems
    notes: list[str] = field(default_factory=list)
    mended: Mended = field(default_factory=Mended)

    def refuse(self, place: Place, fault: Fault) -> None:
        """Make a problem of what is wrong with a row.

        Raises:
            DataError: Nothing can be read of the file, or this was the last problem that is collected.
        """
        if isinstance(fault, ColumnFault):
            self.problems.stop(place, fault.message, fault.mend)
        self.problems.add(place, fault.message, fault.mend)


@dataclass(frozen=True)
class RowForms:
    """How the rows of a kind of task may be written, besides as objects.

    Attributes:
        names: Column names by which the first line of a table is known to be a header.
        headerless: From the first records of a table, and whether it has labels, to names for its columns;
            ``None`` if its first line is a header after all.
        listed: Makes a row of a list.
        tagged: Whether files of one token a line are read.
    """

    names: Collection[str]
    headerless: Headerless
    listed: Listed | None = None
    tagged: bool = False


def records(
    desk: Desk, sources: Sequence[Source], role: str, forms: RowForms, *, labelled: bool
) -> Iterator[Record]:
    """All rows of some sources; a source without any is a problem.

    Args:
        desk: Where the bounds are, and where problems go.
        sources: What to read, in order.
        role: What the rows are, for messages.
        forms: How they may be written.
        labelled: Whether they should have labels.

    Raises:
        DataError: A source cannot be read, or there are too many problems or rows.
        TooLarge: A source is over a limit.
    """
    total = 0
    for source in sources:
        before = total
        for record in _of_source(desk, source, forms, labelled=labelled):
            total += 1
            if total > desk.limits.rows:
                message = f"more than {desk.limits.rows:,} rows of {role}"
                desk.problems.stop(record[0], message, "send fewer; a few thousand are enough")
            yield record
        if total == before and not desk.problems.found:
            mend = "a header alone is no data; add rows" if labelled else "add some, or leave the file out"
            desk.problems.add(Place(source.title), f"0 rows of {role}", mend)


def _of_source(desk: Desk, source: Source, forms: RowForms, *, labelled: bool) -> Iterator[Record]:
    limits = desk.limits
    if forms.tagged and _is_text(source, limits):
        with decoding(source, limits):
            if is_bio(format_name(source), read_head(source, limits)):
                yield from _tagged(desk, source, labelled=labelled)
                return
    rows = read_rows(
        source,
        labelled=labelled,
        columns=desk.columns,
        declared=(),
        limits=limits,
        problems=desk.problems,
        notes=desk.notes,
        guess=_HeaderGuess(desk, forms, source.title, labelled),
        listed=forms.listed,
    )
    for line, values, unit in rows:
        yield Place(source.title, line, unit), values


def _is_text(source: Source, limits: Limits) -> TypeGuard[FileSource | TextSource]:
    return not isinstance(source, RowSource) and not (
        isinstance(source, FileSource) and is_parquet(source, limits)
    )


def _tagged(desk: Desk, source: FileSource | TextSource, *, labelled: bool) -> Iterator[Record]:
    with opened(source, desk.limits) as handle:
        feed = LineFeed(handle, source.title, desk.limits)
        rows = bio_rows(feed, source.title, tagged=labelled, problems=desk.problems, mended=desk.mended)
        for line, values in rows:
            yield Place(source.title, line), values


@dataclass
class _HeaderGuess:
    """Decides whether the first record of a table is a header; a header is the normal case."""

    desk: Desk
    forms: RowForms
    title: str
    labelled: bool

    def is_header(self, cell: str) -> bool:
        """Whether a first line with this cell is one."""
        columns = self.desk.columns
        explicit = [*(columns.text or "").split("+"), columns.text or "", columns.label or ""]
        return plain_name(cell) in {*self.forms.names, *(plain_name(part) for part in explicit if part)}

    def __call__(self, records: Sequence[Sequence[str]]) -> Sequence[str] | None:
        """Column names if the first record is data."""
        if any(map(self.is_header, records[0])):
            return None
        names = self.forms.headerless(records, self.labelled)
        if names:
            self.desk.notes.append(
                f"the first line of {self.title} was read as data, it is no header (columns: {', '.join(names)})"
            )
        return names
