"""Rows with their answers as text, which a person reads and may correct.

Texts of extraction are in the notation of :mod:`gts.tasks.marking`. The parts of others are set apart by a line ``---``: the two
texts of a pair and its score, a text and its summary.
"""

from __future__ import annotations

from gts.core.errors import InvalidInput
from gts.tasks.crossing import without_crossing
from gts.tasks.dataset import Origin
from gts.tasks.marking import write_marked
from gts.tasks.notation import MarkingError
from gts.tasks.rows import MarkedRow, PairRow, Row, SummaryRow
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Structure
from gts.tasks.text import is_blank
from gts.tasks.unmarking import parse_marked

_BETWEEN = "\n---\n"


def write_row(row: Row) -> str:
    r"""A row with its answer; of marks that cross, one is left out.

    Example:
        >>> write_row(PairRow("where is it", "where can it be", 1.0))
        'where is it\n---\nwhere can it be\n---\n1'
    """
    if isinstance(row, PairRow):
        return _BETWEEN.join((row.text_a, row.text_b, f"{row.score:g}"))
    if isinstance(row, SummaryRow):
        return _BETWEEN.join((row.text, row.summary or ""))
    found = row.found or Structure()
    marked = Structure((*found.entities, *row.given), found.relations, found.events)
    return write_marked(row.text, without_crossing(marked))


def read_row(text: str, spec: TaskSpec) -> Row:
    r"""A row as a person corrected it.

    Args:
        text: In the form of :func:`write_row`.
        spec: The task.

    Raises:
        InvalidInput: It is not in this form, or names what the task does not have.

    Example:
        >>> spec = TaskSpec.model_validate({"name": "people", "type": "ner", "entities": ["person"]})
        >>> read_row("[person: Ada] wrote", spec).found.entities
        (Span(start=0, end=3, type='person'),)
    """
    if spec.type == "similarity":
        return _pair(text, spec)
    if spec.type == "summarization":
        original, summary = _parts(text, 2, "the text and its summary")
        return SummaryRow(original, summary, Origin.GENERATED)
    return _marked(text, spec)


def _pair(text: str, spec: TaskSpec) -> PairRow:
    one, other, score = _parts(text, 3, "two texts and a score")
    low, high = spec.scale or (0.0, 1.0)
    wanted = f"a grade from {low:g} to {high:g}" if spec.scale else "0 or 1"
    try:
        value = float(score)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or (spec.scale is None and value not in (0.0, 1.0)):
        raise InvalidInput(
            f"the score is {score[:100]!r}; {wanted} was expected", mend="correct the last line", field="text"
        )
    return PairRow(one, other, value, Origin.GENERATED)


def _parts(text: str, count: int, what: str) -> list[str]:
    parts = [part.strip() for part in text.replace("\r\n", "\n").split(_BETWEEN)]
    if len(parts) != count or not all(parts):
        raise InvalidInput(
            f"{len(parts)} part{'s' * (len(parts) != 1)} came; {what} were expected, none empty, with a line --- between",
            mend="correct the lines ---",
            field="text",
        )
    return parts


def _marked(text: str, spec: TaskSpec) -> MarkedRow:
    try:
        read = parse_marked(text.strip(), spec.extraction)
    except MarkingError as error:
        mend = "write each mark as [type: words], and each relation and event in a line below the text"
        raise InvalidInput(error.message, mend=mend, field="text") from error
    if is_blank(read.text):
        raise InvalidInput("the text is empty", mend="write a text, or veto the old one", field="text")
    if read.dropped:
        faults = ", ".join(f"{count} {why}" for why, count in read.dropped.items())
        raise InvalidInput(
            f"not all marks can be kept: {faults}", mend="mark only what the task looks for", field="text"
        )
    if not spec.entities_given:
        return MarkedRow(read.text, read.found, (), Origin.GENERATED)
    found = Structure((), read.found.relations, read.found.events)
    return MarkedRow(read.text, found, read.found.entities, Origin.GENERATED)
