"""Similarity tasks: pairs of texts with 0 or 1 or a grade, pairs without, and single texts.

The rules:

- The two columns are those named by ``text_column`` (``question1+question2``), else two whose names differ
  in one ``1`` and ``2`` or ``a`` and ``b``, else a customary pair of names; the score is ``label_column``,
  else found by name.
- A score is a number, ``true`` or ``false``. If all are 0 and 1 the pairs are decided; else they are
  graded, on the task's ``scale`` or the smallest customary one that holds all grades.
- A pair is the same in either order, whatever its case, width and spaces. With the same score it is read
  once, with two it is refused.
- Unlabelled rows without a second text are single texts, of which pairs can be made later; so is a list of
  strings. A line with one tab is a pair.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.tasks.checking import MIN_EXAMPLES, checked_text, clean_pool, length_notes
from gts.tasks.dataset import Origin
from gts.tasks.intake.faults import ColumnFault, Fault
from gts.tasks.intake.fields import SCORE_NAMES, TEXT_NAMES, find_key, find_pair
from gts.tasks.intake.records import Desk, RowForms, records
from gts.tasks.intake.unseen import Unseen
from gts.tasks.problems import Place
from gts.tasks.rows import PairRow, RowTask
from gts.tasks.source import Source
from gts.tasks.text import clean_text, is_blank, same_text_key
from gts.tasks.wording import counted, listing, quote

SCALES = ((0.0, 1.0), (0.0, 3.0), (0.0, 4.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0), (-1.0, 1.0))
"""Customary scales; the first one that holds all grades is taken."""

_WORDS = {"true": 1.0, "false": 0.0}
_STEMS = (
    "text",
    "sentence",
    "sent",
    "question",
    "query",
    "string",
    "s",
    "q",
    "t",
    "文本",
    "句子",
    "问题",
    "问句",
)
_NAMES = {
    *TEXT_NAMES,
    *SCORE_NAMES,
    *(f"{stem}{joint}{end}" for stem in _STEMS for joint in ("", "_") for end in "12ab"),
    *("premise", "hypothesis", "anchor", "positive"),
}
_NUMBERS = 0.9


@dataclass(frozen=True, slots=True)
class PlacedPair:
    """A labelled pair and where it stands."""

    place: Place
    row: PairRow


def read_pairs(
    desk: Desk, examples: Sequence[Source], unlabeled: Sequence[Source], test: Sequence[Source]
) -> RowTask:
    """Read the data of a similarity task.

    Raises:
        DataError: Something is wrong with it.
        TooLarge: A source is over a limit.
    """
    gold = list(labelled_pairs(desk, examples, "examples"))
    tested = list(labelled_pairs(desk, test, "test"))
    scale = _scale(desk, [*gold, *tested])
    gold = _each_once(desk, gold)
    title = ", ".join(source.title for source in examples)
    if not desk.problems.found:  # broken rows would make every count wrong
        _check_balance(desk, gold, scale, title)
    unseen = Unseen(desk.notes, "pair")
    known = {pair_key(placed.row) for placed in gold}
    kept = unseen.test(tested, lambda placed: pair_key(placed.row), known)
    if tested and not kept:
        mend = "give pairs that are not among the examples, or leave the test out"
        place = Place(", ".join(source.title for source in test))
        desk.problems.add(place, "every test pair is also among the examples", mend)
    pairs, singles = _unlabelled(desk, unlabeled)
    desk.problems.raise_if_any()
    known |= {pair_key(placed.row) for placed in kept}
    pool = unseen.pool(pairs, pair_key, lambda row: pair_key(row) in known)
    test_texts = (text for placed in kept for text in (placed.row.text_a, placed.row.text_b))
    sentences = clean_pool(singles, test_texts, desk.notes)
    rows = [placed.row for placed in gold]
    desk.notes.extend(length_notes(text for row in (*rows, *pool) for text in (row.text_a, row.text_b)))
    test_rows = tuple(placed.row for placed in kept)
    return RowTask(desk.spec.evolve(scale=scale), tuple(rows), tuple(pool), test_rows, sentences)


def pair_key(row: PairRow) -> tuple[str, ...]:
    """What two pairs have in common that count as the same.

    Example:
        >>> pair_key(PairRow("A  b", "c")) == pair_key(PairRow("C", "a b"))
        True
    """
    return tuple(sorted((same_text_key(row.text_a), same_text_key(row.text_b))))


def score_of(value: Any) -> float | None:
    """The score a cell or JSON value says; ``None`` if there is none.

    Raises:
        Fault: It says something else.

    Example:
        >>> score_of("1"), score_of(False), score_of(" 3.5 "), score_of("")
        (1.0, 0.0, 3.5, None)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        text = value.strip().casefold()
        if not text:
            return None
        number = _WORDS.get(text, _number(text))
    else:
        number = float(value) if isinstance(value, (bool, int, float)) and abs(value) < 1e300 else None
    if number is None or not math.isfinite(number):
        raise Fault(
            f"the label is {quote(value)}; 0, 1 or a grade was expected",
            "write 1 for pairs that are alike and 0 for others, or a number on a scale",
        )
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _headerless(table: Sequence[Sequence[str]], labelled: bool) -> Sequence[str] | None:
    """Two texts and a column of numbers; without labels two texts or one."""
    width = len(table[0])
    rows = [record for record in table if len(record) == width]
    if not labelled:
        return {1: ("text",), 2: ("text_a", "text_b")}.get(width)
    if width != 3:
        return None
    for column, names in ((2, ("text_a", "text_b", "label")), (0, ("label", "text_a", "text_b"))):
        cells = [record[column].strip().casefold() for record in rows]
        numbers = sum(cell in _WORDS or _number(cell) is not None for cell in cells)
        if numbers >= _NUMBERS * len(cells) and (cells[0] in _WORDS or _number(cells[0]) is not None):
            return names
    return None


def listed_pair(value: Sequence[Any]) -> dict[str, Any] | None:
    """A pair that is a list: two texts, and its label behind them.

    Example:
        >>> listed_pair(["one text", "another", 1])
        {'text_a': 'one text', 'text_b': 'another', 'label': 1}
    """
    if len(value) not in (2, 3) or not all(isinstance(text, str) for text in value[:2]):
        return None
    return dict(zip(("text_a", "text_b", "label"), value, strict=False))


FORMS = RowForms(_NAMES, _headerless, listed_pair)


def labelled_pairs(desk: Desk, sources: Sequence[Source], role: str) -> Iterator[PlacedPair]:
    """Pairs with their scores; what is wrong becomes a problem."""
    for place, values in records(desk, sources, role, FORMS, labelled=True) if sources else ():
        if isinstance(values, str):
            desk.problems.add(
                place,
                f"{quote(values)} is a single text; a pair was expected",
                'write {"text_a": "...", "text_b": "...", "label": 1}',
            )
            continue
        try:
            first, second = _pair_keys(desk, values)
            label = find_key(tuple(values), SCORE_NAMES, desk.columns.label, "label")
            score = score_of(values.get(label)) if label is not None else None
            if score is None:
                raise Fault(
                    "the label is missing", "write 0, 1 or a grade, or move the pair to the unlabelled file"
                )
        except Fault as fault:
            desk.refuse(place, fault)
            continue
        texts = [
            checked_text(values[key], place, desk.limits, desk.problems, role) for key in (first, second)
        ]
        if texts[0] is not None and texts[1] is not None:
            yield PlacedPair(place, PairRow(texts[0], texts[1], score))


def _pair_keys(desk: Desk, values: Mapping[str, Any]) -> tuple[str, str]:
    found = find_pair(tuple(values), desk.columns.text)
    if found is None:
        raise Fault(
            f"the row has no two texts; its keys are {listing(values)}",
            "call them text_a and text_b, or name them: text_column: first+second",
        )
    return found


def _unlabelled(desk: Desk, sources: Sequence[Source]) -> tuple[list[PairRow], list[str]]:
    """Pairs and single texts; those without text are left out, for nothing is lost with them."""
    pairs, singles = [], []
    for place, values in records(desk, sources, "unlabelled rows", FORMS, labelled=False) if sources else ():
        given = _texts(desk, place, values)
        if any(not isinstance(text, str) or is_blank(clean_text(text)) for text in given) or not given:
            desk.mended.add("unlabelled rows without text left out", place)
            continue
        texts = [checked_text(text, place, desk.limits, desk.problems, "unlabelled rows") for text in given]
        kept = [text for text in texts if text is not None]
        if len(kept) == 2:
            pairs.append(PairRow(kept[0], kept[1], None, Origin.POOL))
        else:
            singles.extend(kept)
    return pairs, singles


def _texts(desk: Desk, place: Place, values: Mapping[str, Any] | str) -> list[Any]:
    """The one or two texts of an unlabelled row."""
    if isinstance(values, str):
        return values.split("\t") if values.count("\t") == 1 else [values]
    keys = tuple(values)
    try:
        found = find_pair(keys, desk.columns.text)
    except ColumnFault:  # the names are those of the examples; the file may be of single texts
        found = find_pair(keys, None)
    if found is not None:
        return [values[key] for key in found]
    key = keys[0] if len(keys) == 1 else find_key(keys, TEXT_NAMES, None, "text")
    if key is None:
        desk.problems.add(
            place,
            f"the row has no text; its keys are {listing(keys)}",
            "call them text_a and text_b, or text",
        )
        return []
    return [values[key]]


def _scale(desk: Desk, rows: Sequence[PlacedPair]) -> tuple[float, float] | None:
    """The scale of the grades; ``None`` where pairs are decided."""
    grades = [(placed.row.score or 0.0, placed.place) for placed in rows]
    if desk.spec.scale is not None:
        least, most = desk.spec.scale
        for grade, place in grades:
            if not least <= grade <= most:
                desk.problems.add(
                    place,
                    f"the grade {grade:g} is outside the task's scale, {least:g} to {most:g}",
                    "mend the grade, or the scale",
                )
        return desk.spec.scale
    if not grades or {grade for grade, _ in grades} <= {0.0, 1.0}:
        return None
    least, most = min(grade for grade, _ in grades), max(grade for grade, _ in grades)
    found = next((scale for scale in SCALES if scale[0] <= least and most <= scale[1]), (least, most))
    desk.notes.append(f"grades were read on a scale from {found[0]:g} to {found[1]:g}; `scale` changes that")
    return found


def _each_once(desk: Desk, rows: Sequence[PlacedPair]) -> list[PlacedPair]:
    first: dict[tuple[str, ...], PlacedPair] = {}
    dropped = 0
    for placed in rows:
        seen = first.setdefault(pair_key(placed.row), placed)
        if seen is placed:
            continue
        if seen.row.score == placed.row.score:
            dropped += 1
            continue
        desk.problems.add(
            placed.place,
            f"the pair {quote(placed.row.text_a)} and {quote(placed.row.text_b)} has the label "
            f"{placed.row.score:g} here and {seen.row.score:g} in {seen.place}",
            "keep the row with the right label",
        )
    if dropped:
        desk.notes.append(
            f"{counted(dropped, 'repeated pair')} with the same label removed (in either order)"
        )
    return list(first.values())


def _check_balance(
    desk: Desk, rows: Sequence[PlacedPair], scale: tuple[float, float] | None, title: str
) -> None:
    """Two pairs at least of each label, or two different grades."""
    counts = Counter(placed.row.score for placed in rows)
    if len(counts) == 1:
        only = next(iter(counts))
        mend = "add pairs that are not alike" if only else "add pairs that are alike"
        desk.problems.add(
            Place(title),
            f"every pair has the label {only:g}; at least two different ones are needed",
            mend if scale is None else "add pairs with other grades",
        )
    few = (
        [score for score in (0.0, 1.0) if counts[score] < MIN_EXAMPLES]
        if scale is None and len(counts) > 1
        else []
    )
    for score in few:
        lonely = next(placed for placed in rows if placed.row.score == score)
        desk.problems.add(
            lonely.place,
            f"only one pair with the label {score:g} (repeated pairs count once)",
            f"add pairs; {MIN_EXAMPLES} of each label are the least, 8 are good",
        )
