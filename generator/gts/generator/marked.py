"""New texts for tasks of extraction, with what is to be found in them: what every generator of such texts takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gts.core.errors import InvalidInput
from gts.generator.protocol import Request
from gts.tasks.schema import Schema
from gts.tasks.structures import Structure

Gold = tuple[str, Structure]
"""A text with what is found in it. Where a task gives entities with its texts, these are among the structure's."""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """One new text and how it came about.

    Attributes:
        text: The new text.
        structure: What is found in it.
        generator: Name of the generator.
        kind: What was done: ``mentions`` (mentions replaced by others of their type), ``recombined`` (two texts joined),
            ``written`` (by a language model).
        seeds: The user's texts it was derived from, in the order of use.
        scores: The generator's own measures of it, by name.
    """

    text: str
    structure: Structure
    generator: str
    kind: str
    seeds: tuple[str, ...] = ()
    scores: Mapping[str, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """The text as a JSON object."""
        return {
            "text": self.text,
            "found": self.structure.to_json(),
            "generator": self.generator,
            "kind": self.kind,
            "seeds": list(self.seeds),
            "scores": dict(self.scores or {}),
        }


@dataclass(frozen=True, slots=True)
class MarkedTexts:
    """What a generator made.

    Attributes:
        texts: The new texts, in the order of the requests.
        dropped: How many others were made in vain, by why: malformed marks (by :attr:`~gts.tasks.notation.MarkingError.kind`),
            marks that are ``not allowed``, ``empty`` or ``unused``, texts ``cut off``, a ``copy``, or texts that are
            ``not wanted``, for they lack what was asked for. Parts of an ``unknown type`` are counted; their texts are kept.
    """

    texts: tuple[MarkedText, ...]
    dropped: Mapping[str, int]


class MarkedGenerator(Protocol):
    """Writes new texts with marks from the user's own."""

    @property
    def name(self) -> str:
        """Name kept in every text's provenance."""
        ...

    def generate(
        self, gold: Sequence[Gold], pool: Sequence[str], requests: Sequence[Request], seed: int
    ) -> MarkedTexts:
        """Make up to the requested number of texts per request.

        Args:
            gold: The user's texts that may be seen; none of those held out may be among them.
            pool: The user's unlabelled texts; may be empty.
            requests: What is wanted: the labels are types of entities, relations or events that each text shall hold, all of
                them; without labels the texts shall hold nothing that is to be found.
            seed: Equal arguments and seed give equal texts.

        Raises:
            InvalidInput: A requested type is unknown, or there is no text to learn from.
        """
        ...


def types_of(structure: Structure) -> frozenset[str]:
    """Names of the types of entities, relations and events that a structure holds.

    Example:
        >>> from gts.tasks.structures import Span
        >>> types_of(Structure((Span(0, 3, "person"), Span(4, 7))))
        frozenset({'person'})
    """
    return frozenset(name for name in _names(structure) if name)


def _names(structure: Structure) -> Iterator[str]:
    yield from (entity.type for entity in structure.entities)
    yield from (relation.type for relation in structure.relations)
    yield from (event.type for event in structure.events)


def is_wanted(structure: Structure, request: Request) -> bool:
    """Whether a structure holds what a request asks for."""
    return set(request.labels) <= types_of(structure) if request.labels else not structure


def check_requests(requests: Sequence[Request], gold: Sequence[Gold], schema: Schema | None = None) -> None:
    """Refuse requests that nobody could fulfil.

    Args:
        requests: What is wanted.
        gold: The user's texts.
        schema: What there is to be found; ``None`` for what there is in these texts.

    Raises:
        InvalidInput: A requested type is unknown, or there is no text to learn from.
    """
    if not gold:
        raise InvalidInput("there is no text to learn from", mend="give labelled examples")
    if schema is None:
        known = sorted({name for _, structure in gold for name in types_of(structure)})
    else:
        known = [*schema.entities, *schema.relations, *schema.events]
    for request in requests:
        if unknown := [label for label in request.labels if label not in known]:
            raise InvalidInput(
                f"texts were asked for type {unknown[0]!r}; known: {', '.join(known) or 'none'}",
                mend="ask for a type of the task",
                known=known,
            )
