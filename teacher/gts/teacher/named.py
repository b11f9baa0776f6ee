"""What a model names in a text by its words alone, read from its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.core.llm.fishing import json_starts, json_values, mended, without_fences
from gts.tasks.conforming import matching_name
from gts.tasks.schema import Schema
from gts.teacher.locating import Mention

_TEXT_KEYS = ("text", "mention", "name", "span", "word", "value", "entity", "argument")
_TYPE_KEYS = ("type", "label", "category", "relation", "predicate", "event_type", "event", "entity_type")
_ROLE_KEYS = ("role", "type", "label", "name")
_HEAD_KEYS, _TAIL_KEYS = ("head", "subject", "source"), ("tail", "object", "target")
_SECTIONS = ("entities", "relations", "events")


@dataclass(frozen=True, slots=True)
class NamedRelation:
    """A relation between two mentions, whose types are empty where the model gave none."""

    type: str
    head: Mention
    tail: Mention


@dataclass(frozen=True, slots=True)
class NamedEvent:
    """An event: its type, the words that say it, and its arguments; the type of each is its role."""

    type: str
    trigger: str
    arguments: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """All that a model named in one text, in its order."""

    entities: tuple[Mention, ...] = ()
    relations: tuple[NamedRelation, ...] = ()
    events: tuple[NamedEvent, ...] = ()


def read_named(answer: str, schema: Schema) -> tuple[Named | None, Mapping[str, int]]:
    """What a model named, and how many things were ``malformed`` or of an ``unknown type``.

    Takes JSON with talk or code fences around it, cut off in the middle, or of another shape, such as a list of items, types with
    the mentions of each, or other names of the fields.

    Args:
        answer: What the model said.
        schema: What there is to be found; other types are dropped and counted.

    Returns:
        ``None`` in the first place where there is no such JSON.

    Example:
        >>> read_named('Sure: {"entities": [{"type": "Name", "text": "Ada"}]}', Schema(entities={"name": ""}))[0]
        Named(entities=(Mention(text='Ada', type='name'),), relations=(), events=())
        >>> read_named("There is nobody.", Schema(entities={"name": ""}))[0] is None
        True
    """
    answer = without_fences(answer)
    starts = json_starts(answer)
    values = [value for value, _ in json_values(answer, starts)]
    if not values and starts:
        values = [mended(answer[starts[0] :])]
    reader = _Reader(schema)
    for value in values:
        reader.read(value)
    return reader.named if reader.is_answer else None, dict(+reader.counts)


class _Reader:
    """Takes items out of JSON of nearly any shape."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._entities: list[Mention] = []
        self._relations: list[NamedRelation] = []
        self._events: list[NamedEvent] = []
        self.is_answer = False
        self.counts: Counter[str] = Counter()

    @property
    def named(self) -> Named:
        return Named(tuple(self._entities), tuple(self._relations), tuple(self._events))

    def read(self, value: Any) -> None:
        if isinstance(value, list):
            self._items(value, None)
        elif isinstance(value, dict):
            sections = {key.casefold(): rows for key, rows in value.items()}
            held = [name for name in _SECTIONS if name in sections]
            self.is_answer |= bool(held)
            for name in held:
                self._items(sections[name], name)
            if not held:
                self._items([value] if _word(value, _TYPE_KEYS) else value, None)

    def _items(self, rows: Any, section: str | None) -> None:
        if isinstance(rows, dict):
            # Types with the mentions of each.
            pairs = [(type_, words) for type_, words in rows.items() if isinstance(words, list)]
            if pairs and section != "events":
                rows = [{"type": type_, "text": word} for type_, words in pairs for word in words]
            else:
                rows = [rows] if rows else []
        for row in rows if isinstance(rows, list) else []:
            self._item(row, section)

    def _item(self, row: Any, section: str | None) -> None:
        if isinstance(row, str) and section == "entities":
            row = {"text": row}
        if not isinstance(row, dict):
            self.counts["malformed"] += 1
            return
        fields = {key.casefold(): value for key, value in row.items()}
        is_read = False
        if section == "events" or (section is None and "trigger" in fields):
            is_read = self._event(fields)
        elif section == "relations" or (section is None and _word(fields, _HEAD_KEYS)):
            is_read = self._relation(fields)
        else:
            is_read = self._entity(fields)
        self.is_answer |= is_read
        self.counts["malformed"] += not is_read

    def _type(self, written: str, known: Mapping[str, Any]) -> str | None:
        """The type as the schema writes it; ``None``, counted, for another."""
        type_ = matching_name(written, known)
        self.counts["unknown type"] += type_ is None
        return type_

    def _entity(self, fields: Mapping[str, Any]) -> bool:
        types = self._schema.entities
        words, written = _word(fields, _TEXT_KEYS), _word(fields, _TYPE_KEYS)
        if len(types) == 1:  # which nobody needs to say
            written = written or next(iter(types))
        if not words or (types and not written):
            return False
        type_ = self._type(written, types) if types else ""
        if type_ is not None:
            self._entities.append(Mention(words, type_))
        return True

    def _relation(self, fields: Mapping[str, Any]) -> bool:
        head, tail = self._end(fields, _HEAD_KEYS), self._end(fields, _TAIL_KEYS)
        written = _word(fields, _TYPE_KEYS)
        if not head.text or not tail.text or not written:
            return False
        if (type_ := self._type(written, self._schema.relations)) is not None:
            self._relations.append(NamedRelation(type_, head, tail))
        return True

    def _end(self, fields: Mapping[str, Any], keys: Sequence[str]) -> Mention:
        inner: dict[str, Any] = next((fields[key] for key in keys if isinstance(fields.get(key), dict)), {})
        written = _word(inner, _TYPE_KEYS) or _word(fields, [f"{key}_type" for key in keys])
        return Mention(_word(fields, keys), matching_name(written, self._schema.entities) or "")

    def _event(self, fields: Mapping[str, Any]) -> bool:
        trigger, written = _word(fields, ("trigger", *_TEXT_KEYS)), _word(fields, _TYPE_KEYS)
        if not trigger or not written:
            return False
        if (type_ := self._type(written, self._schema.events)) is not None:
            arguments = tuple(self._arguments(fields.get("arguments"), self._schema.events[type_].roles))
            self._events.append(NamedEvent(type_, trigger, arguments))
        return True

    def _arguments(self, rows: Any, roles: Mapping[str, str]) -> Iterator[Mention]:
        if isinstance(rows, dict):
            rows = [
                {"role": role, "text": word}
                for role, words in rows.items()
                for word in (words if isinstance(words, list) else [words])
            ]
        for row in rows if isinstance(rows, list) else []:
            fields = {key.casefold(): value for key, value in row.items()} if isinstance(row, dict) else {}
            written, words = _word(fields, _ROLE_KEYS), _word(fields, _TEXT_KEYS)
            if not written or not words:
                self.counts["malformed"] += 1
            elif (role := matching_name(written, roles)) is None:
                self.counts["unknown type"] += 1
            else:
                yield Mention(words, role)


def _word(fields: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The first of some fields that holds words; empty where none does."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, dict):
            value = next((value[name] for name in _TEXT_KEYS if name in value), None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
