"""What the model card says differently for each task type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gts.student.layout import StudentManifest
from gts.student.markup import plain

_SHOWN_NAMES = 100


@dataclass(frozen=True)
class TypeWords:
    """How one task type is spoken of.

    Attributes:
        tag: The Hub's name for the task.
        what: What the student is, and what it does with a text.
        noun: What a labelled row is called.
        row: A row to ask about, as JSON.
        limit: What it cannot do.
    """

    tag: str
    what: str
    noun: str
    row: str
    limit: str


_TEXT = '{"text": "a text"}'

WORDS: Mapping[str, TypeWords] = {
    "classification": TypeWords(
        "text-classification", "A text classifier", "labelled text", _TEXT, "It knows only the labels above"
    ),
    "similarity": TypeWords(
        "sentence-similarity",
        "A student that says how alike two texts are",
        "labelled pair",
        '{"text_a": "a text", "text_b": "another"}',
        "It knows alikeness only as the labelled pairs show it.",
    ),
    "ner": TypeWords(
        "token-classification",
        "A finder of entities in texts",
        "labelled text",
        _TEXT,
        "It finds only the types above.",
    ),
    "relation": TypeWords(
        "token-classification",
        "A finder of relations between entities in texts",
        "labelled text",
        _TEXT,
        "It finds only the types above, and relations only between entities that stand near each other.",
    ),
    "event": TypeWords(
        "token-classification",
        "A finder of events in texts, with who and what takes part in them",
        "labelled text",
        _TEXT,
        "It finds only the types above.",
    ),
    "summarization": TypeWords(
        "summarization",
        "A student that summarises texts by their own sentences",
        "text with a summary",
        _TEXT,
        "It takes sentences as they stand and writes none of its own.",
    ),
}


def names_of(manifest: StudentManifest) -> str:
    """The types a student of extraction looks for, for the card; empty for other types."""
    schema = manifest.looks_for
    groups = {
        "Entities": list(schema.entities),
        "Relations": list(schema.relations),
        "Events": list(schema.events),
    }
    lines = []
    for title, listed in groups.items():
        if listed:
            shown = ", ".join(f"**{plain(name)}**" for name in listed[:_SHOWN_NAMES])
            more = f" and {len(listed) - _SHOWN_NAMES} more" if len(listed) > _SHOWN_NAMES else ""
            lines.append(f"{title}: {shown}{more}.")
    return "\n\n".join(lines)
