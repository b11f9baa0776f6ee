"""What the doctor finds in the marks of a task of extraction: entities, relations, events."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gts.tasks.diagnosis.finding import ENOUGH, FEW, SHOWN, Example, Finding, cut
from gts.tasks.diagnosis.likeness import drawn
from gts.tasks.diagnosis.names import name_findings
from gts.tasks.rows import MarkedRow, RowTask
from gts.tasks.scripts import is_of_unspaced_script
from gts.tasks.spec import TaskSpec
from gts.tasks.text import same_text_key
from gts.tasks.wording import counted, listing, quote

_MOST_ROWS = 2_000
_MOST_NAMES = 5
_LEAST_CHARS, _LEAST_CHINESE = 3, 2
_SURE = 4
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Mark:
    """One use of a type in a row.

    Attributes:
        kind: ``entities``, ``relations`` or ``events``: the key of the task file that declares the type.
        type: The type.
        words: What is marked; of a relation everything from one end to the other.
        place: The row.
        start: First character.
        end: One past the last.
    """

    kind: str
    type: str
    words: str
    place: int
    start: int
    end: int


def mark_findings(data: RowTask) -> Iterator[Finding]:
    """Everything that is found in the types of a task of extraction and in what is marked."""
    declared = _declared(data.spec)
    for kind, described in declared.items():
        yield from name_findings(described, kind)
    rows: Sequence[MarkedRow] = data.gold
    counts = {(kind, name): 0 for kind, types in declared.items() for name in types}
    for place, row in enumerate(rows):
        for found in {(mark.kind, mark.type) for mark in _marks(row, place)} & counts.keys():
            counts[found] += 1
    places = drawn(range(len(rows)), _MOST_ROWS)
    marks = [mark for place in places for mark in _marks(rows[place], place)]
    sampled = (
        f" (in {_MOST_ROWS:,} of the {len(rows):,} texts, drawn at random)" if len(rows) > _MOST_ROWS else ""
    )
    yield from _few(rows, counts, marks)
    yield from _conflicts(rows, marks, sampled)
    yield from _missed(rows, places, marks, sampled, given=bool(data.spec.entities_given))


def _declared(spec: TaskSpec) -> dict[str, dict[str, str]]:
    """Key of the task file to the types it declares, with descriptions."""
    kinds: dict[str, Mapping[str, object]] = {
        "entities": spec.entities,
        "relations": spec.relations,
        "events": spec.events,
    }
    return {
        kind: {name: str(getattr(found, "description", "")) for name, found in types.items()}
        for kind, types in kinds.items()
        if types
    }


def _marks(row: MarkedRow, place: int) -> Iterator[Mark]:
    if row.found is None:
        return
    for span in row.found.entities:
        yield Mark("entities", span.type, span.of(row.text), place, span.start, span.end)
    for one in row.found.relations:
        start, end = min(one.head.start, one.tail.start), max(one.head.end, one.tail.end)
        yield Mark("relations", one.type, row.text[start:end], place, start, end)
    for event in row.found.events:
        trigger = event.trigger
        yield Mark("events", event.type, trigger.of(row.text), place, trigger.start, trigger.end)


def _shown(rows: Sequence[MarkedRow], marks: Sequence[Mark]) -> tuple[Example, ...]:
    """Examples for a finding, each row once for each type."""
    first = {(mark.place, mark.type): mark for mark in reversed(marks)}
    return tuple(
        Example(
            mark.place + 1,
            cut(rows[mark.place].text, mark.start, mark.end),
            (mark.type,) if mark.type else (),
        )
        for mark in list(dict.fromkeys(first[(mark.place, mark.type)] for mark in marks))[:SHOWN]
    )


def _few(
    rows: Sequence[MarkedRow], counts: Mapping[tuple[str, str], int], marks: Sequence[Mark]
) -> Iterator[Finding]:
    few = sorted((found for found, count in counts.items() if count < FEW), key=lambda found: counts[found])
    if not few:
        return
    listed = ", ".join(f"{quote(name)} {counts[(kind, name)]}" for kind, name in few[:ENOUGH])
    more = f" and {len(few) - ENOUGH} more types" if len(few) > ENOUGH else ""
    rarest = [mark for mark in marks if (mark.kind, mark.type) == few[0]]
    yield Finding(
        "few",
        tuple(name for _, name in few),
        f"types that are marked in fewer than {FEW} texts: {listed}{more}",
        f"mark them in more texts, {ENOUGH} or so each: what is in one text only cannot be learnt from another; or leave "
        "them out",
        _shown(rows, rarest),
    )


def _conflicts(rows: Sequence[MarkedRow], marks: Sequence[Mark], sampled: str) -> Iterator[Finding]:
    """The same words under several types of one kind, a finding for each pair of types.

    What joins two words depends on their text, so that relations contradict nothing; one part of a text may be two things.
    """
    uses: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.kind != "relations" and mark.type and _is_telling(mark.words):
            uses[(mark.kind, same_text_key(mark.words))].append(mark)
    pairs: dict[tuple[str, str], list[tuple[Mark, Mark]]] = defaultdict(list)
    for same in uses.values():
        usual = Counter(mark.type for mark in same).most_common(1)[0][0]
        of_usual = [mark for mark in same if mark.type == usual]
        for other in dict.fromkeys(mark.type for mark in same if mark.type != usual):
            apart = (
                (one, two)
                for two in same
                if two.type == other
                for one in of_usual
                if (one.place, one.start) != (two.place, two.start)
            )
            if pair := next(apart, None):
                pairs[(min(usual, other), max(usual, other))].append(pair)
    for names, found in sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0])):
        words = listing((one.words for one, _ in found), limit=_MOST_NAMES)
        yield Finding(
            "conflict",
            names,
            f"the same words are marked as {quote(names[0])} and as {quote(names[1])}: {words}{sampled}",
            "where one of them is a slip, mend it; where both can be right, describe in the types what decides",
            _shown(rows, [mark for pair in found for mark in pair]),
        )


def _missed(
    rows: Sequence[MarkedRow], looked_at: Sequence[int], marks: Sequence[Mark], sampled: str, *, given: bool
) -> Iterator[Finding]:
    """Words that are marked in one text and left unmarked in another, a finding for each type."""
    words: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        is_sought = mark.kind == "events" or (mark.kind == "entities" and mark.type and not given)
        if is_sought and _is_telling(mark.words):
            words[mark.words].append(mark)
    bare = _bare(rows, looked_at, words)
    by_type: dict[str, list[tuple[Mark, Mark]]] = defaultdict(list)
    for found, places in bare.items():
        if _is_slip(words[found], len(places)):
            usual = Counter(mark.type for mark in words[found]).most_common(1)[0][0]
            first = next(mark for mark in words[found] if mark.type == usual)
            unmarked = (
                Mark(first.kind, "", found, place, at, at + len(found)) for place, at in places.items()
            )
            by_type[usual] += [(first, mark) for mark in unmarked]
    for name, pairs in sorted(by_type.items(), key=lambda item: (-len(item[1]), item[0])):
        listed = listing(dict.fromkeys(one.words for one, _ in pairs), limit=_MOST_NAMES)
        one, other = pairs[0]
        texts = counted(len({mark.place for _, mark in pairs}), "other text")
        yield Finding(
            "missed",
            (name,),
            f"words that are marked as {quote(name)} are left unmarked in {texts}: {listed}; the first of them in row "
            f"{other.place + 1}, marked in row {one.place + 1}{sampled}",
            "mark them there too, unless they mean something else: what is left out teaches that there is nothing",
            _shown(rows, [mark for pair in pairs for mark in pair]),
        )


def _is_telling(words: str) -> bool:
    """Whether words are long enough to be looked for elsewhere; numbers mean something else in each text."""
    if not any(char.isalpha() for char in words):
        return False
    return len(words) >= (_LEAST_CHINESE if _is_unspaced(words) else _LEAST_CHARS)


def _is_slip(marked: Sequence[Mark], unmarked: int) -> bool:
    """Whether words that are left unmarked in so many texts were more likely forgotten than meant otherwise.

    A name that is marked as often as not will do; everyday words, which say that something happens or are parts of
    longer ones in Chinese, must be marked nearly everywhere else.
    """
    texts, words = len({mark.place for mark in marked}), marked[0].words
    if marked[0].kind == "events":
        return texts >= _SURE and unmarked * _SURE <= texts
    is_everyday = (
        len(words) == _LEAST_CHINESE if _is_unspaced(words) else words.islower() and " " not in words
    )
    return texts >= 2 and unmarked * 2 <= texts if is_everyday else unmarked <= texts


def _bare(
    rows: Sequence[MarkedRow], places: Sequence[int], words: Mapping[str, Sequence[Mark]]
) -> dict[str, dict[int, int]]:
    """Words to the rows in which nothing is marked where they stand, each with the first such place in its text."""
    starting: dict[str, list[str]] = defaultdict(list)
    for found in sorted(words, key=lambda found: (-len(found), found)):
        starting[_start(found, 0)].append(found)
    own = {found: {mark.place for mark in marks} for found, marks in words.items()}
    bare: dict[str, dict[int, int]] = defaultdict(dict)
    for place in places:
        row = rows[place]
        taken = [(span.start, span.end) for span in row.found.spans()] if row.found else []
        for at in _starts(row.text):
            for found in starting.get(_start(row.text, at), ()):
                end = at + len(found)
                if not row.text.startswith(found, at) or not _is_whole(row.text, at, end):
                    continue
                if place not in own[found] and not any(first < end and at < last for first, last in taken):
                    bare[found].setdefault(place, at)
                break  # the longest that begins here: of "New York Times" not "New York" is looked for
    return bare


def _starts(text: str) -> Iterator[int]:
    """Where words begin; in scripts without spaces every character."""
    for run in _WORD.finditer(text):
        yield run.start()
        yield from (at for at in range(run.start() + 1, run.end()) if is_of_unspaced_script(text[at]))


def _start(text: str, at: int) -> str:
    return text[at : at + _LEAST_CHINESE]


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether a part of a text is not part of a longer word, hyphens included; Chinese has no such bounds."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (_joins(before) and not _is_unspaced(text[start])) and not (
        _joins(after) and not _is_unspaced(text[end - 1])
    )


def _joins(char: str) -> bool:
    return bool(char) and (char == "-" or (char.isalnum() and not is_of_unspaced_script(char)))


def _is_unspaced(words: str) -> bool:
    return any(map(is_of_unspaced_script, words))
