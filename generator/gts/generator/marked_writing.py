"""Prompts that ask a language model for new texts with marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gts.core.llm.values import Message
from gts.generator.wording import Wording, Words
from gts.generator.words import read_words
from gts.generator.writing import Wishes, wish_lines
from gts.tasks.schema import Schema

_WRITE = (("types", "examples", "count"), ("task", "notation", "wanted", "wishes"))
_CONTINUE = (("examples", "next"), ("types", "task"))
_PHRASES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "entities": ((), ()),
    "relations": ((), ()),
    "events": ((), ()),
    "type": (("name",), ()),
    "described": (("name", "description"), ()),
    "ends": (("name", "head", "tail"), ()),
    "any": ((), ()),
    "or": ((), ()),
    "mark_entity": ((), ()),
    "mark_number": ((), ()),
    "mark_untyped": ((), ()),
    "mark_relation": ((), ()),
    "mark_mention": ((), ()),
    "mark_event": ((), ()),
    "one": (("name",), ()),
    "all": (("names",), ()),
    "nothing": ((), ()),
    "next": ((), ()),
    "unseen": ((), ()),
}


@dataclass(frozen=True, slots=True)
class MarkedBrief:
    """What the prompts say about a task.

    Attributes:
        name: The task's name.
        schema: What there is to be found.
        language: ISO code of the texts' language, if known.
    """

    name: str
    schema: Schema
    language: str | None = None


def read_marked_wording(language: str | None) -> Words:
    """The words for texts of a language; see :func:`gts.generator.words.read_words`.

    Raises:
        InvalidInput: A person's own file is wrong.
    """
    return read_words("marked", "marks", language, _WRITE, _CONTINUE, _PHRASES)


def marked_chat_prompt(
    words: Words,
    wording: Wording,
    brief: MarkedBrief,
    types: Sequence[str],
    examples: Sequence[str],
    wishes: Wishes,
    count: int,
) -> tuple[Message, ...]:
    """What a model that follows instructions is told.

    Args:
        words: The words.
        wording: The words of wishes.
        brief: The task.
        types: Types that every text shall hold; none if it shall hold nothing.
        examples: Texts with marks to show.
        wishes: What the texts shall be like.
        count: How many are asked for.
    """
    content = words.write(
        task=brief.name,
        types=_types(words, brief.schema),
        notation="\n".join(_notation(words, brief.schema)),
        examples="\n\n".join(examples) or words.phrase("unseen"),
        wanted=_wanted(words, types),
        wishes="\n".join(wish_lines(wording, brief.language, types, wishes)),
        count=str(count),
    )
    return (Message("user", content),)


def marked_continuation_prompt(
    words: Words, brief: MarkedBrief, examples: Sequence[str]
) -> tuple[Message, ...]:
    """A list of texts with marks, which a model without instruction tuning goes on writing."""
    begin = words.phrase("next")
    content = words.continue_(
        task=brief.name,
        types=_types(words, brief.schema),
        examples="\n\n".join(f"{begin} {example}" for example in examples),
        next=begin,
    )
    return (Message("user", content),)


def _wanted(words: Words, types: Sequence[str]) -> str:
    if not types:
        return words.phrase("nothing")
    return (
        words.phrase("one", name=types[0]) if len(types) == 1 else words.phrase("all", names=", ".join(types))
    )


def _types(words: Words, schema: Schema) -> str:
    """What there is to be found, a block for each sort."""
    blocks = []
    if schema.entities:
        lines = [_type(words, name, kind.description) for name, kind in schema.entities.items()]
        blocks.append([words.phrase("entities"), *lines])
    if schema.relations:
        lines = []
        for name, relation in schema.relations.items():
            joined = name
            head, tail = (f" {words.phrase('or')} ".join(types) for types in (relation.head, relation.tail))
            if head or tail:
                any_ = words.phrase("any")
                joined = words.phrase("ends", name=name, head=head or any_, tail=tail or any_)
            lines.append(_type(words, joined, relation.description))
        blocks.append([words.phrase("relations"), *lines])
    if schema.events:
        lines = []
        for name, event in schema.events.items():
            lines.append(_type(words, name, event.description))
            lines += [f"  {_type(words, role, said)}" for role, said in event.roles.items()]
        blocks.append([words.phrase("events"), *lines])
    return "\n\n".join("\n".join(block) for block in blocks)


def _type(words: Words, name: str, description: str) -> str:
    if not description:
        return words.phrase("type", name=name)
    return words.phrase("described", name=name, description=" ".join(description.split()))


def _notation(words: Words, schema: Schema) -> Iterator[str]:
    if schema.entities:
        yield words.phrase("mark_entity")
        if schema.relations:
            yield words.phrase("mark_number")
    elif schema.relations:
        yield words.phrase("mark_untyped")
    if schema.relations:
        yield words.phrase("mark_relation")
    if schema.events:
        yield words.phrase("mark_mention")
        yield words.phrase("mark_event")
