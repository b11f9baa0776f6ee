"""The form in which a model says what it finds in a text: JSON that names every part by its words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gts.tasks.schema import Schema
from gts.tasks.structures import Span, Structure


def answer_schema(schema: Schema, is_given: bool) -> dict[str, Any]:
    """JSON schema of an answer, for servers that hold a model to one.

    Args:
        schema: What there is to be found.
        is_given: Whether the entities are given, so that they need not be named.

    Example:
        >>> list(answer_schema(Schema(entities={"name": ""}), False)["properties"])
        ['entities']
    """
    words = {"type": "string"}
    fields: dict[str, Any] = {}
    types = _one_of(schema.entities) if schema.entities and not is_given else None
    if types:
        fields["entities"] = _rows({"type": types, "text": words})
    elif schema.relations and not is_given:
        fields["entities"] = _rows({"text": words})
    if schema.relations:
        ends = {"head_type": types, "tail_type": types} if types else {}
        fields["relations"] = _rows({"type": _one_of(schema.relations), "head": words, "tail": words, **ends})
    if schema.events:
        row = {"type": _one_of(schema.events), "trigger": words}
        if roles := _roles(schema):
            row["arguments"] = _rows({"role": _one_of(roles), "text": words})
        fields["events"] = _rows(row)
    return _object(fields)


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    # Servers that are strict want every field required and no other allowed.
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def _rows(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(fields)}


def _one_of(names: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _roles(schema: Schema) -> dict[str, str]:
    return {role: "" for event in schema.events.values() for role in event.roles}


def answer_form(schema: Schema, is_given: bool) -> str:
    """The same as an example with dots, for the prompt."""
    described = answer_schema(schema, is_given)["properties"]
    return json.dumps({name: [_dots(field["items"])] for name, field in described.items()})


def _dots(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [_dots(field["items"])] if field["type"] == "array" else "..."
        for name, field in item["properties"].items()
    }


def as_answer(text: str, found: Structure, schema: Schema, is_given: bool) -> str:
    """The answer that a model should give: what is found in a text, as JSON."""

    def words(span: Span) -> str:
        return " ".join(span.of(text).split())

    found = found.ordered()
    fields = answer_schema(schema, is_given)["properties"]
    rows: dict[str, list[dict[str, Any]]] = {
        "entities": [{"type": span.type, "text": words(span)} for span in found.entities],
        "relations": [
            {
                "type": relation.type,
                "head": words(relation.head),
                "tail": words(relation.tail),
                "head_type": relation.head.type,
                "tail_type": relation.tail.type,
            }
            for relation in found.relations
        ],
        "events": [
            {
                "type": event.type,
                "trigger": words(event.trigger),
                "arguments": [
                    {"role": part.role, "text": words(Span(part.start, part.end))} for part in event.arguments
                ],
            }
            for event in found.events
        ],
    }
    answer = {
        name: [
            {key: value for key, value in row.items() if key in field["items"]["properties"]}
            for row in rows[name]
        ]
        for name, field in fields.items()
    }
    return json.dumps(answer, ensure_ascii=False)
