"""The labelled rows of a test file, for a student whose types are known.

The rows are read and checked as those of a task are, but:

- All are kept: a row that comes again counts again. Only in relation tasks are rows of one text (and the same
  given entities) put together if their relations differ, since many files have one relation a row.
- Nothing need be in two texts.
- A type or role that the student does not know is refused. A relation type that says that no relation holds
  ("Other", "NA" ...) is read so, unless the student has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gts.tasks.columns import Columns
from gts.tasks.intake import kinds
from gts.tasks.intake.extraction import entities_filled, labelled_rows, marked_row, without_no_relation
from gts.tasks.intake.marks import Annotated
from gts.tasks.intake.pairs import PlacedPair, labelled_pairs
from gts.tasks.intake.records import Desk
from gts.tasks.intake.summaries import check_lengths, labelled_summaries
from gts.tasks.limits import DEFAULT_LIMITS, Limits
from gts.tasks.problems import Problems
from gts.tasks.rows import Row
from gts.tasks.source import Source
from gts.tasks.spec import TaskSpec

_ROLE = "test"
_SOURCE = "the model's"


@dataclass(frozen=True)
class LabelledRows:
    """What a test file holds.

    Attributes:
        rows: Its rows, in its order.
        notes: What reading changed or noticed, in plain sentences for the person.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read_test_rows(
    spec: TaskSpec, source: Source, columns: Columns | None = None, *, limits: Limits = DEFAULT_LIMITS
) -> LabelledRows:
    """Read and check the rows that a student is to be measured on.

    Args:
        spec: What the student does: any task type but classification, with its types, ``entities_given`` and
            ``scale``. Without a scale the labels of pairs are 0 and 1.
        source: The labelled rows.
        columns: Names of columns, where the person gave them.
        limits: Bounds on what is read.

    Raises:
        DataError: Something is wrong; ``details["problems"]`` lists up to ``limits.problems`` findings.
        TooLarge: The source is over a limit.
        MissingDependency: A Parquet file, and pyarrow is not installed.

    Example:
        >>> from gts.tasks.source import RowSource
        >>> spec = TaskSpec(name="names", type="ner", entities=["person"])
        >>> read_test_rows(spec, RowSource([{"text": "Ada wrote", "entities": [[0, 3, "person"]]}])).rows[0].found
        Structure(entities=(Span(start=0, end=3, type='person'),), relations=(), events=())
    """
    desk = Desk(spec, columns or Columns(), limits, Problems(limits.problems))
    rows = _READERS[spec.type](desk, source)
    desk.problems.raise_if_any()
    return LabelledRows(tuple(rows), tuple(dict.fromkeys([*desk.notes, *desk.mended.notes()])))


def _pairs(desk: Desk, source: Source) -> list[Row]:
    rows = list(labelled_pairs(desk, [source], _ROLE))
    for placed in rows:
        _check_score(desk, placed)
    return [placed.row for placed in rows]


def _check_score(desk: Desk, placed: PlacedPair) -> None:
    score, scale = placed.row.score or 0.0, desk.spec.scale
    if scale is None and score not in (0.0, 1.0):
        desk.problems.add(
            placed.place,
            f"the label is {score:g}; 0 or 1 was expected, for the model decides and gives no grades",
            "write 1 for pairs that are alike and 0 for others",
        )
    elif scale is not None and not scale[0] <= score <= scale[1]:
        desk.problems.add(
            placed.place,
            f"the grade {score:g} is outside the model's scale, {scale[0]:g} to {scale[1]:g}",
            "mend the grade, or convert all to that scale",
        )


def _summaries(desk: Desk, source: Source) -> list[Row]:
    rows = list(labelled_summaries(desk, [source], _ROLE))
    check_lengths(desk, rows, source.title)
    return [placed.row for placed in rows]


def _entities(desk: Desk, source: Source) -> list[Row]:
    rows = list(labelled_rows(desk, [source], _ROLE))
    kinds.check_known(rows, kinds.ENTITY, desk.spec.entities, _SOURCE, desk.problems)
    return [marked_row(row, given=False) for row in rows]


def _relations(desk: Desk, source: Source) -> list[Row]:
    """Rows of relations; types of entities are not compared with the student's, since no measure counts them."""
    given, types = bool(desk.spec.entities_given), desk.spec.relations
    rows = entities_filled(desk, labelled_rows(desk, [source], _ROLE), given)
    rows = without_no_relation(desk, rows)
    kinds.check_known(rows, kinds.RELATION, types, _SOURCE, desk.problems)
    kinds.check_ends(rows, types, desk.problems)
    return [marked_row(row, given) for row in _together(desk, rows, given)]


def _together(desk: Desk, rows: Iterable[Annotated], given: bool) -> list[Annotated]:
    """Rows that say different things of one text as one row, which says them all."""
    groups: dict[object, list[Annotated]] = defaultdict(list)
    for row in rows:
        groups[(row.text, row.entities if given else None)].append(row)
    found = []
    for group in groups.values():
        if len({(row.entities, row.relations) for row in group}) == 1:
            found += group
            continue
        entities = {span for row in group for span in row.entities or ()}
        relations = {one for row in group for one in row.relations or ()}
        found.append(replace(group[0], entities=tuple(sorted(entities)), relations=tuple(sorted(relations))))
        for row in group[1:]:
            desk.mended.add("rows with the text of an earlier one put together with it", row.place)
    return found


def _events(desk: Desk, source: Source) -> list[Row]:
    rows = list(labelled_rows(desk, [source], _ROLE))
    kinds.check_known(rows, kinds.EVENT, desk.spec.events, _SOURCE, desk.problems)
    kinds.check_roles(rows, desk.spec.events, _SOURCE, desk.problems)
    return [marked_row(row, given=False) for row in rows]


_READERS: Mapping[str, Callable[[Desk, Source], Sequence[Row]]] = {
    "similarity": _pairs,
    "ner": _entities,
    "relation": _relations,
    "event": _events,
    "summarization": _summaries,
}
