"""Summarization tasks: texts with a summary, and texts without.

The rules: the text is ``text_column``, else found by name (text, document, article, dialogue, ...), the
summary ``label_column``, else found by name (summary, highlights, title, ...). A summary must not be empty
nor longer than its text. A text that comes again is read once, with its first summary. Where the task does
not say how long a summary should be, it is as long as half of those given are at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from gts.tasks.checking import MIN_EXAMPLES, checked_text, clean_pool
from gts.tasks.dataset import Origin
from gts.tasks.intake.faults import ColumnFault, Fault
from gts.tasks.intake.fields import SUMMARY_NAMES, TEXT_NAMES, find_key
from gts.tasks.intake.records import Desk, RowForms, records
from gts.tasks.intake.unseen import Unseen
from gts.tasks.problems import Place
from gts.tasks.rows import RowTask, SummaryRow
from gts.tasks.sentences import sentences
from gts.tasks.source import Source
from gts.tasks.spec import SummaryLength
from gts.tasks.text import clean_text, is_blank, same_text_key
from gts.tasks.wording import counted, listing, quote

_MOST_SENTENCES, _MOST_CHARACTERS = 100, 100_000
_SWAPPED = 0.5


@dataclass(frozen=True, slots=True)
class PlacedSummary:
    """A text with its summary, and where it stands."""

    place: Place
    row: SummaryRow


def read_summaries(
    desk: Desk, examples: Sequence[Source], unlabeled: Sequence[Source], test: Sequence[Source]
) -> RowTask:
    """Read the data of a summarization task.

    Raises:
        DataError: Something is wrong with it.
        TooLarge: A source is over a limit.
    """
    gold = list(labelled_summaries(desk, examples, "examples"))
    check_lengths(desk, gold, ", ".join(source.title for source in examples))
    tested = list(labelled_summaries(desk, test, "test"))
    title = ", ".join(source.title for source in test)
    check_lengths(desk, tested, title)
    gold = _each_once(desk, gold)
    if len(gold) < MIN_EXAMPLES and not desk.problems.found:
        place = Place(", ".join(source.title for source in examples))
        desk.problems.add(
            place,
            f"{counted(len(gold), 'text')} with a summary; {MIN_EXAMPLES} are the least",
            "add examples",
        )
    known = {_key(placed) for placed in gold}
    kept = Unseen(desk.notes).test(tested, _key, known)
    if tested and not kept:
        mend = "give texts that are not among the examples, or leave the test out"
        desk.problems.add(Place(title), "every test text is also among the examples", mend)
    texts = list(_unlabelled(desk, unlabeled))
    desk.problems.raise_if_any()
    pool = clean_pool(texts, (placed.row.text for placed in (*gold, *kept)), desk.notes)
    rows = tuple(placed.row for placed in gold)
    return RowTask(
        desk.spec.evolve(length=_length(desk.spec.length, rows)),
        rows,
        tuple(SummaryRow(text, None, Origin.POOL) for text in pool),
        tuple(placed.row for placed in kept),
    )


def _key(placed: PlacedSummary) -> str:
    return same_text_key(placed.row.text)


def _headerless(table: Sequence[Sequence[str]], labelled: bool) -> Sequence[str] | None:
    """A text and a summary, which is the shorter; one column of texts where there are no summaries."""
    width = len(table[0])
    if not labelled:
        return ("text",) if width == 1 else None
    if width != 2:
        return None
    rows = [record for record in table if len(record) == width]
    lengths = [sum(len(record[column]) for record in rows) for column in range(width)]
    return ("text", "summary") if lengths[0] >= lengths[1] else ("summary", "text")


FORMS = RowForms({*TEXT_NAMES, *SUMMARY_NAMES}, _headerless)


def labelled_summaries(desk: Desk, sources: Sequence[Source], role: str) -> Iterator[PlacedSummary]:
    """Texts with their summaries; what is wrong becomes a problem."""
    for place, values in records(desk, sources, role, FORMS, labelled=True) if sources else ():
        try:
            value, given = _text_and_summary(desk, values)
            summary = _summary(given)
        except Fault as fault:
            desk.refuse(place, fault)
            continue
        text = checked_text(value, place, desk.limits, desk.problems, role)
        if text is not None:
            yield PlacedSummary(place, SummaryRow(text, summary))


def _text_and_summary(desk: Desk, values: Mapping[str, Any] | str) -> tuple[Any, Any]:
    """The values of text and summary; ``title`` may be either, and is the summary beside a text."""
    mend = "call them text and summary, or name them with text_column and label_column"
    if isinstance(values, str):
        raise Fault(f"{quote(values)} is a single text; a text and its summary were expected", mend)
    keys = tuple(values)
    named = find_key(keys, (), desk.columns.text, "text") if desk.columns.text else None
    free = tuple(key for key in keys if key != named)
    summary = find_key(free, SUMMARY_NAMES, desk.columns.label, "label")
    rest = tuple(key for key in free if key != summary)
    text = named or find_key(rest, TEXT_NAMES, None, "text")
    if text is None or summary is None:
        raise Fault(f"the row has no text or no summary; its keys are {listing(keys)}", mend)
    return values[text], values[summary]


def _summary(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise Fault(f"the summary is {quote(value)}; a string was expected", "put it into quotes")
    summary = clean_text(value or "")
    if is_blank(summary):
        raise Fault("the summary is empty", "write one, or move the text to the unlabelled file")
    return summary


def check_lengths(desk: Desk, rows: Sequence[PlacedSummary], title: str) -> None:
    """A summary must not be longer than its text."""
    longer = [placed for placed in rows if len(placed.row.summary or "") > len(placed.row.text)]
    if len(longer) > _SWAPPED * len(rows):
        desk.problems.add(
            Place(title),
            f"{len(longer):,} of {len(rows):,} summaries are longer than their texts",
            "are text and summary swapped? name them with text_column and label_column",
        )
        return
    for placed in longer:
        desk.problems.add(
            placed.place,
            f"the summary has {counted(len(placed.row.summary or ''), 'character')}, "
            f"its text {quote(placed.row.text)} only {len(placed.row.text):,}",
            "write a shorter one, or leave the row out",
        )


def _each_once(desk: Desk, rows: Sequence[PlacedSummary]) -> list[PlacedSummary]:
    first: dict[str, PlacedSummary] = {}
    for placed in rows:
        seen = first.setdefault(_key(placed), placed)
        if seen is not placed:
            same = seen.row.summary == placed.row.summary
            what = "repeated examples" if same else "further summaries of a text"
            desk.mended.add(f"{what} left out", placed.place)
    return list(first.values())


def _unlabelled(desk: Desk, sources: Sequence[Source]) -> Iterator[str]:
    """Texts without summary; empty ones are left out, for nothing is lost with them."""
    for place, values in records(desk, sources, "unlabelled texts", FORMS, labelled=False) if sources else ():
        value: Any = values
        if not isinstance(values, str):
            keys = tuple(values)
            try:
                key = find_key(keys, TEXT_NAMES, desk.columns.text, "text")
            except ColumnFault:  # the name is that of the examples' column
                key = find_key(keys, TEXT_NAMES, None, "text")
            if key is None and len(keys) != 1:
                desk.problems.add(place, f"the row has no text; its keys are {listing(keys)}", "call it text")
                continue
            value = values[key or keys[0]]
        if not isinstance(value, str) or is_blank(clean_text(value)):
            desk.mended.add("unlabelled rows without text left out", place)
            continue
        text = checked_text(value, place, desk.limits, desk.problems, "unlabelled texts")
        if text is not None:
            yield text


def _length(wanted: SummaryLength, rows: Sequence[SummaryRow]) -> SummaryLength:
    """How long a summary should be: as wished, else the median of the examples."""
    summaries = [row.summary or "" for row in rows]
    number = median_low(max(1, len(sentences(summary))) for summary in summaries)
    characters = median_low(map(len, summaries))
    return SummaryLength(
        sentences=wanted.sentences or min(number, _MOST_SENTENCES),
        characters=wanted.characters or min(characters, _MOST_CHARACTERS),
    )
