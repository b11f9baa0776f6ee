"""Checks of rows that have been read: each finding names file and line, what was found, expected, and the mend."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gts.tasks.cells import label_fault, label_names
from gts.tasks.dataset import Example
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problems
from gts.tasks.text import clean_text, is_blank, same_text_key
from gts.tasks.wording import counted, listing, nearest, quote

MIN_EXAMPLES = 2
_LONG_CHARS = 2_000  # surely beyond the 256 tokens that students read, in any script


@dataclass(frozen=True, slots=True)
class RawExample:
    """Text and label values of one row, as read."""

    place: Place
    text: Any
    label: Any


@dataclass(frozen=True, slots=True)
class PlacedExample:
    """A clean example and where it came from."""

    place: Place
    example: Example


def checked_text(value: Any, place: Place, limits: Limits, problems: Problems, role: str) -> str | None:
    """The clean text of a row, or ``None`` after noting what is wrong with it."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        problems.add(place, f"the text is {quote(value)}; a string was expected", "put it into quotes")
        return None
    text = clean_text(value)
    if not text or is_blank(text):
        problems.add(place, f"empty text in the {role}", "write a text or remove the row")
        return None
    if len(text) > limits.text_chars:
        problems.add(
            place,
            f"a text of {counted(len(text), 'character')}; at most {limits.text_chars:,} are accepted",
            "cut it into passages, each with its label; look also for a quote that is never closed",
        )
        return None
    return text


def find_multi_label(asked: bool | None, separator: str | None, rows: Iterable[RawExample]) -> bool:
    """Whether texts may carry several labels: as asked, else if any row has a list that is not of one label."""
    if asked is not None:
        return asked
    return separator is not None or any(
        isinstance(row.label, (list, tuple)) and len(row.label) != 1 for row in rows
    )


def find_separator(
    asked: str | None, declared: Collection[str], rows: Sequence[RawExample], notes: list[str]
) -> str | None:
    """What separates several labels in one string: as asked, else ``|`` or ``;`` if a label cell holds it."""
    if asked:
        return asked
    cells = {row.label for row in rows if isinstance(row.label, str)}
    for mark in ("|", ";"):
        if any(mark in cell for cell in cells) and not any(mark in label for label in declared):
            notes.append(f"labels were split at {mark!r}")
            return mark
    return None


def checked_examples(
    rows: Iterable[RawExample],
    *,
    role: str,
    multi_label: bool,
    separator: str | None,
    limits: Limits,
    problems: Problems,
) -> list[PlacedExample]:
    """Rows as examples; rows with an empty text or a missing or malformed label become problems."""
    examples = []
    for row in rows:
        text = checked_text(row.text, row.place, limits, problems, role)
        labels = _checked_labels(row, multi_label, separator, limits, problems)
        if text is not None and labels is not None:
            examples.append(PlacedExample(row.place, Example(text, labels)))
    return examples


def _checked_labels(
    row: RawExample, multi_label: bool, separator: str | None, limits: Limits, problems: Problems
) -> tuple[str, ...] | None:
    try:
        names = label_names(row.label, separator if multi_label else None)
    except TypeError as error:
        problems.add(row.place, str(error), "write the label's name")
        return None
    if multi_label:
        names = (
            () if names is None and isinstance(row.label, str) else names
        )  # an empty cell: no label applies
    if names is None:
        problems.add(row.place, "the label is missing", "write one, or move the text to the unlabelled file")
        return None
    if not multi_label and len(names) != 1:
        mend = "set multi_label: true, or leave one label"
        problems.add(
            row.place, f"{counted(len(names), 'label')} ({listing(names)}) where one was expected", mend
        )
        return None
    for name in names:
        if fault := label_fault(name, limits):
            problems.add(row.place, f"the label {quote(name)} {fault}", "write a short visible name")
            return None
    return names


def check_known(
    examples: Sequence[PlacedExample], known: Sequence[str], source: str, problems: Problems
) -> None:
    """Every label must be among the known ones; the nearest is offered."""
    known_set = set(known)
    for placed in examples:
        for label in placed.example.labels:
            if label in known_set:
                continue
            like = nearest(label, known)
            expected = f"expected was one of {listing(known)} ({source})"
            mend = (
                f"did you mean {quote(like)}?" if like else "mend the label, or add it to the task's labels"
            )
            if any(mark in label for mark in "|;,"):
                mend += " If these are several labels, set multi_label: true and label_separator"
            problems.add(placed.place, f"unknown label {quote(label)}; {expected}", mend)


def without_duplicates(
    examples: Sequence[PlacedExample], problems: Problems, notes: list[str]
) -> list[PlacedExample]:
    """Each text once, whatever its case, width and spaces; with other labels it is a problem that names both lines."""
    first: dict[str, PlacedExample] = {}
    dropped = 0
    for placed in examples:
        seen = first.setdefault(same_text_key(placed.example.text), placed)
        if seen is placed:
            continue
        if set(seen.example.labels) == set(placed.example.labels):
            dropped += 1
            continue
        problems.add(
            placed.place,
            f"the text {quote(placed.example.text)} has the label {_labels(placed)} here "
            f"and {_labels(seen)} in {seen.place}",
            "keep the row with the right label",
        )
    if dropped:
        notes.append(f"{counted(dropped, 'repeated example')} with the same text and label removed")
    return list(first.values())


def _labels(placed: PlacedExample) -> str:
    return listing(placed.example.labels) if placed.example.labels else "(none)"


def check_balance(
    examples: Sequence[PlacedExample],
    labels: Sequence[str],
    *,
    multi_label: bool,
    file: str,
    limits: Limits,
    problems: Problems,
) -> None:
    """At least two labels with at least two examples each; in multi-label tasks also two without each."""
    place = Place(file)
    counts = Counter(label for placed in examples for label in placed.example.labels)
    if len(labels) > limits.labels:
        message = f"{counted(len(labels), 'label')}; at most {limits.labels:,} are accepted"
        problems.stop(place, message, "check that the right column was read as the label (label_column)")
    if len(labels) < 2:
        found = f"only the label {quote(labels[0])}" if labels else "no label at all"
        problems.add(
            place, f"{found}; at least two are needed", "add examples of what is not in it, labelled so"
        )
        return
    none = [label for label in labels if not counts[label]]
    few = [label for label in labels if 0 < counts[label] < MIN_EXAMPLES]
    if none:
        mend = "add at least two examples of each, or take it out of the task's labels"
        problems.add(place, f"no example of {listing(none)}", mend)
    if few:
        number = f"only one example of {listing(few)} (repeated texts count once)"
        mend = f"add examples; {MIN_EXAMPLES} a label is the least, 8 are good"
        if len(few) > len(labels) / 2 and len(few) > 10:
            mend += "; check also that the right column was read as the label"
        lonely = next(placed for placed in examples if few[0] in placed.example.labels)
        problems.add(lonely.place if len(few) == 1 else place, number, mend)
    if multi_label:
        everywhere = [label for label in labels if len(examples) - counts[label] < MIN_EXAMPLES]
        if everywhere:
            mend = "add texts to which it does not apply, or leave the label out"
            problems.add(place, f"fewer than {MIN_EXAMPLES} examples without {listing(everywhere)}", mend)


def label_order(names: Iterable[str]) -> tuple[str, ...]:
    """A fixed order of labels found in data: by number if all are numbers, else by code point.

    Example:
        >>> label_order(["10", "9"]), label_order(["b", "a"])
        (('9', '10'), ('a', 'b'))
    """
    known = set(names)
    if known and all(name.isascii() and name.lstrip("-").isdigit() for name in known):
        return tuple(sorted(known, key=lambda name: (int(name), name)))
    return tuple(sorted(known))


def label_notes(labels: Sequence[str]) -> list[str]:
    """Labels that look alike, which are more often a slip than a choice."""
    alike = defaultdict(list)
    for label in labels:
        alike[same_text_key(label)].append(label)
    return [
        f"labels {listing(group)} differ only in case or width; they are kept apart"
        for group in alike.values()
        if len(group) > 1
    ]


def length_notes(texts: Iterable[str]) -> list[str]:
    """Whether texts are longer than what a student reads."""
    lengths = [len(text) for text in texts if len(text) > _LONG_CHARS]
    if not lengths:
        return []
    number = counted(len(lengths), "text")
    longer = f"{number} longer than {_LONG_CHARS:,} characters (up to {max(lengths):,})"
    return [f"{longer}: students read the first 256 tokens of a text"]


def unseen_test(
    test: Sequence[PlacedExample], gold: Iterable[Example], notes: list[str]
) -> list[PlacedExample]:
    """Test examples whose text is not among the gold ones (case, width and spaces apart)."""
    known = {same_text_key(example.text) for example in gold}
    kept = [placed for placed in test if same_text_key(placed.example.text) not in known]
    if len(kept) < len(test):
        number = counted(len(test) - len(kept), "test text")
        notes.append(f"{number} removed from the test because the examples hold the same text")
    return kept


def clean_pool(texts: Iterable[str], reserved: Iterable[str], notes: list[str]) -> tuple[str, ...]:
    """Pool texts, each once, without those of the examples and the test (case, width and spaces apart)."""
    taken = {same_text_key(text) for text in reserved}
    seen: set[str] = set()
    kept, repeated, leaked = [], 0, 0
    for text in texts:
        key = same_text_key(text)
        if key in taken:
            leaked += 1
        elif key in seen:
            repeated += 1
        else:
            seen.add(key)
            kept.append(text)
    if repeated:
        notes.append(f"{counted(repeated, 'repeated text')} removed from the unlabelled texts")
    if leaked:
        notes.append(f"{counted(leaked, 'unlabelled text')} removed that the examples or the test hold too")
    return tuple(kept)
