"""Questions to a model that extracts: a text, with texts like it that show what is to be found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.llm.prompts import fill_prompt
from gts.tasks.schema import Schema
from gts.tasks.structures import Span, Structure
from gts.teacher.answer_form import answer_form, as_answer

Floats = NDArray[np.float32]

_PACKAGE = "gts.teacher"
# A text that is cut would no longer hold all that is to be found in it: longer ones are not shown.
_EXAMPLE_CHARS = 1000
_DESCRIPTION_CHARS = 400


@dataclass(frozen=True, slots=True)
class ExtractionQuestion:
    """One text in which something is to be found.

    Attributes:
        prompt: What the model reads.
        text: The text.
        given: The entities, where they are given with the text.
    """

    prompt: str
    text: str
    given: tuple[Span, ...] | None = None


@dataclass(frozen=True)
class Demonstrations:
    """Texts to show, with what is found in them.

    Attributes:
        texts: The texts.
        found: What is found in each.
        vectors: Unit vectors [texts, d] in the space in which likeness is measured.
        given: Entities of each, where they are given with the texts.
    """

    texts: Sequence[str]
    found: Sequence[Structure]
    vectors: Floats
    given: Sequence[Sequence[Span]] | None = None


def ask_to_extract(
    texts: Sequence[str],
    vectors: Floats,
    known: Demonstrations,
    schema: Schema,
    given: Sequence[Sequence[Span]] | None = None,
    shots: int = 8,
) -> list[ExtractionQuestion]:
    """Questions about texts, each with known texts that are like it and together show every type where that is possible.

    Half of the examples are the nearest; the others are those that show most of the types not shown yet, the nearest among
    equals. The nearest stands last, where it counts most.

    References:
        Liu et al., What Makes Good In-Context Examples for GPT-3?, 2022 (nearest examples).
        Levy et al., Diverse Demonstrations Improve In-context Compositional Generalization, 2023 (cover what is asked for).

    Args:
        texts: Texts in which something is to be found.
        vectors: Their unit vectors [texts, d].
        known: Texts to show.
        schema: What there is to be found.
        given: Entities of each text, where they are given: a relation then joins two of these.
        shots: Examples shown.
    """
    is_given = given is not None
    kinds, form = _kinds(schema, is_given), answer_form(schema, is_given)
    shows = _shows(known.found)
    short = [len(text) <= _EXAMPLE_CHARS for text in known.texts]
    examples = [
        _example(known, row, schema, is_given) if short[row] else "" for row in range(len(known.texts))
    ]
    questions = []
    for i, (text, near) in enumerate(zip(texts, vectors @ known.vectors.T, strict=True)):
        order = [int(row) for row in np.argsort(-near, kind="stable") if short[row]]
        rows = _chosen(order, shows, shots)
        entities = tuple(given[i]) if given is not None else None
        fields = {
            "kinds": kinds,
            "form": form,
            "examples": "".join(f"{examples[row]}\n\n" for row in rows),
            "question": _question(text, entities),
        }
        questions.append(ExtractionQuestion(fill_prompt(_PACKAGE, "extract.txt", fields), text, entities))
    return questions


def _chosen(order: Sequence[int], shows: NDArray[np.bool_], shots: int) -> list[int]:
    """Rows to show, the nearest last; ``order`` begins with the nearest."""
    chosen, left = list(order[: (shots + 1) // 2]), list(order[(shots + 1) // 2 :])
    covered = shows[chosen].any(axis=0)
    while left and len(chosen) < shots:
        # Of rows that show equally many the first, which is the nearest.
        chosen.append(left.pop(int((shows[left] & ~covered).sum(axis=1).argmax())))
        covered |= shows[chosen[-1]]
    place = {row: i for i, row in enumerate(order)}
    return sorted(chosen, key=lambda row: -place[row])


def _shows(found: Sequence[Structure]) -> NDArray[np.bool_]:
    """Which types each structure shows [structures, types]."""
    types = [set(_types(structure)) for structure in found]
    known = sorted(set().union(*types))
    return np.array([[type_ in own for type_ in known] for own in types], bool).reshape(
        len(found), len(known)
    )


def _types(found: Structure) -> Iterator[tuple[str, ...]]:
    for entity in found.entities:
        yield "entity", entity.type
    for relation in found.relations:
        yield "relation", relation.type
    for event in found.events:
        yield "event", event.type
        yield from (("role", event.type, part.role) for part in event.arguments)


def _example(known: Demonstrations, row: int, schema: Schema, is_given: bool) -> str:
    text, found = known.texts[row], known.found[row]
    entities = tuple(known.given[row]) if known.given is not None else ()
    answer = as_answer(text, found, schema, is_given)
    fields = {"question": _question(text, entities if is_given else None), "answer": answer}
    return fill_prompt(_PACKAGE, "extract_example.txt", fields)


def _question(text: str, entities: Sequence[Span] | None) -> str:
    fields = {"text": _line(text)}
    if entities is None:
        return fill_prompt(_PACKAGE, "extract_question.txt", fields)
    listed = ", ".join(
        f'"{_line(span.of(text))}"' + (f" ({span.type})" if span.type else "")
        for span in sorted(set(entities))
    )
    return fill_prompt(_PACKAGE, "extract_question_given.txt", {**fields, "entities": listed})


def _kinds(schema: Schema, is_given: bool) -> str:
    """What there is to be found, in words."""
    blocks = []
    if schema.entities and not is_given:
        lines = [_described(name, kind.description) for name, kind in schema.entities.items()]
        blocks.append(("entity_types.txt", lines))
    if schema.relations:
        lines = []
        for name, relation in schema.relations.items():
            ends = [" or ".join(types) for types in (relation.head, relation.tail)]
            joined = f"{name} ({ends[0] or 'any'} -> {ends[1] or 'any'})" if any(ends) else name
            lines.append(_described(joined, relation.description))
        blocks.append(("relation_types_given.txt" if is_given else "relation_types.txt", lines))
    if schema.events:
        lines = []
        for name, event in schema.events.items():
            lines.append(_described(name, event.description))
            lines += [f"  {_described(role, description)}" for role, description in event.roles.items()]
        blocks.append(("event_types.txt", lines))
    return "\n\n".join(fill_prompt(_PACKAGE, file, {"types": "\n".join(lines)}) for file, lines in blocks)


def _described(name: str, description: str) -> str:
    return f"- {name}: {_line(description)[:_DESCRIPTION_CHARS]}" if description else f"- {name}"


def _line(text: str) -> str:
    """A text on one line, so that no text can pass for the next turn of the talk."""
    return " ".join(text.split())
