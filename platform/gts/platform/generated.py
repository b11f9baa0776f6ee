"""Reading the generated texts of a job: streamed from its artifacts, filtered, a page at a time.

The report names an artifact for each generator; it holds ``judged.jsonl``, one text with its provenance and
the filters' verdict a line. Positions count the lines of all files that are read, one file after the other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.tasks.text import clean_text, text_id

JUDGED = "judged.jsonl"


@dataclass(frozen=True)
class JudgedFile:
    """Where the texts of one generator are; the generator is called as the report calls it."""

    generator: str
    path: Path


@dataclass(frozen=True)
class GeneratedText:
    """One generated text, kept or dropped.

    Attributes:
        id: First 16 hex digits of the SHA-256 of the text.
        text: The text.
        labels: What it was made for.
        generator: Name of the generator, as the report has it.
        seeds: The user's texts it was made from.
        scores: The generator's own measures of it, by name.
        kept: Whether the filters let it pass.
        kind: Short name of the filter that dropped it; empty when kept.
        reason: Why it was dropped, for a person; empty when kept.
    """

    id: str
    text: str
    labels: tuple[str, ...]
    generator: str
    seeds: tuple[str, ...]
    scores: Mapping[str, float]
    kept: bool
    kind: str
    reason: str

    @classmethod
    def from_json(cls, row: Mapping[str, Any], generator: str) -> GeneratedText:
        """A line of a generator's ``judged.jsonl``.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: It is none.
        """
        text = clean_text(row["text"])
        scores = {str(name): float(score) for name, score in row["scores"].items()}
        return cls(
            id=text_id(text),
            text=text,
            labels=tuple(clean_text(label) for label in row["labels"]),
            generator=generator,
            seeds=tuple(clean_text(seed) for seed in row["seeds"]),
            scores={name: score for name, score in scores.items() if math.isfinite(score)},
            kept=bool(row["kept"]),
            kind=clean_text(row["kind"]),
            reason=clean_text(row["reason"]),
        )


@dataclass(frozen=True)
class Wanted:
    """Which texts are wanted; ``None`` is all.

    Attributes:
        generator: Only texts of this generator.
        label: Only texts made for this label, alone or among others.
        kept: Only kept, or only dropped ones.
    """

    generator: str | None = None
    label: str | None = None
    kept: bool | None = None

    def fits(self, text: GeneratedText) -> bool:
        """Whether a text is wanted."""
        return (
            self.generator in (None, text.generator)
            and (self.label is None or self.label in text.labels)
            and self.kept in (None, text.kept)
        )


@dataclass(frozen=True)
class GeneratedPage:
    """Some generated texts in the order in which they were made, and where to go on (``None`` at the end)."""

    texts: tuple[GeneratedText, ...]
    next_cursor: int | None


def generators(report: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The generators a job tried whose texts were written down."""
    return tuple(entry for entry in report.get("generators") or () if entry.get("artifact"))


def check_wanted(report: Mapping[str, Any], wanted: Wanted) -> None:
    """Refuse filters that can find nothing.

    Raises:
        InvalidInput: The job tried no such generator, or its task has no such label.
    """
    names = [str(entry["name"]) for entry in generators(report)]
    for what, given, known in (
        ("generator", wanted.generator, names),
        ("label", wanted.label, list(report.get("labels") or ())),
    ):
        if given is not None and given not in known:
            shown = ", ".join(repr(name) for name in known[:10]) or "none at all"
            more = " and others" if known[10:] else ""
            raise InvalidInput(
                f"this job has no {what} {given[:100]!r}; it has {shown}{more}",
                mend=f"choose one of these, or leave {what} out",
                field=what,
            )


def read_page(files: Sequence[JudgedFile], wanted: Wanted, cursor: int, limit: int) -> GeneratedPage:
    """A page of texts; nothing but the page is held in memory.

    Args:
        files: Files of judged texts.
        wanted: Which texts.
        cursor: Position of the first line to look at.
        limit: Most texts on the page, 1 or more.

    Raises:
        StorageError: A line cannot be understood.
    """
    found: list[GeneratedText] = []
    for position, text in read_texts(files, cursor):
        if not wanted.fits(text):
            continue
        if len(found) == limit:
            return GeneratedPage(tuple(found), position)
        found.append(text)
    return GeneratedPage(tuple(found), None)


def find_text(files: Sequence[JudgedFile], wanted_id: str) -> GeneratedText:
    """The first text with an id.

    Raises:
        NotFound: There is none.
        StorageError: A line cannot be understood.
    """
    for _, text in read_texts(files):
        if text.id == wanted_id:
            return text
    raise NotFound(
        f"this job generated no text {wanted_id[:100]!r}", mend="list its generated texts to see their ids"
    )


def read_texts(files: Sequence[JudgedFile], start: int = 0) -> Iterator[tuple[int, GeneratedText]]:
    """Positions and texts from a position on.

    Raises:
        StorageError: A line cannot be understood.
    """
    position = 0
    for file in files:
        with file.path.open("rb") as handle:
            for number, line in enumerate(handle, start=1):
                if position >= start:
                    yield position, _read(line, file, number)
                position += 1


def _read(line: bytes, file: JudgedFile, number: int) -> GeneratedText:
    try:
        return GeneratedText.from_json(json.loads(line), file.generator)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise StorageError(
            f"line {number:,} of the texts that {file.generator} generated is damaged",
            mend="restore the artifact from a backup, or remove it and run the job again",
            artifact=file.path.parent.name,
        ) from error
