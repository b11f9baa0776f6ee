"""An OpenAPI document for one model: its labels and schema in the shapes of its requests and answers, with an example of each."""

from __future__ import annotations

from typing import Any

from gts.platform.serving.values import Served
from gts.student.layout import StudentManifest

Schema = dict[str, Any]

_TEXT = "where is my parcel?"
_OTHER = "my parcel has not come"
_SCORE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_STRING: Schema = {"type": "string"}
_OFFSET: Schema = {"type": "integer", "minimum": 0, "description": "Code points."}


def model_document(served: Served, server_url: str) -> dict[str, Any]:
    """The document.

    Args:
        served: The model at a revision.
        server_url: Where the server is.
    """
    manifest = served.manifest
    path = f"/api/v1/models/{served.model}/predict"
    row, answer = example_of(manifest)
    asked = {"rows": [row], "revision": served.commit}
    told = {"model": served.model, "commit": served.commit, "predictions": [answer]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": served.model,
            "version": served.commit[:12],
            "summary": f"A {manifest.task.type} model ({manifest.tier}).",
            "license": {"name": manifest.licence},
        },
        "servers": [{"url": server_url}],
        "security": [{"token": []}],
        "paths": {
            path: {
                "post": {
                    "operationId": "predict",
                    "summary": "Ask the model",
                    "requestBody": _content(request_schema(manifest), asked),
                    "responses": {
                        "200": {"description": "What it says.", **_content(answers_schema(manifest), told)},
                        "default": {"description": "An error.", **_content(_ERROR, None)},
                    },
                }
            }
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def request_schema(manifest: StudentManifest) -> Schema:
    """What a request for predictions looks like."""
    rows = {"type": "array", "minItems": 1, "items": row_schema(manifest)}
    revision = {**_STRING, "default": "main", "description": "Commit, branch or alias."}
    by_rows = _object({"rows": rows, "revision": revision}, needed=["rows"])
    if manifest.task.type == "similarity" or manifest.entities_given:
        return by_rows
    texts = {"type": "array", "minItems": 1, "items": _STRING}
    return {"oneOf": [_object({"texts": texts, "revision": revision}, needed=["texts"]), by_rows]}


def row_schema(manifest: StudentManifest) -> Schema:
    """What a row looks like."""
    if manifest.task.type == "similarity":
        return _open({"text_a": _STRING, "text_b": _STRING})
    if manifest.entities_given:
        span = _open({"start": _OFFSET, "end": _OFFSET, "type": _STRING}, needed=["start", "end"])
        return _open({"text": _STRING, "entities": {"type": "array", "items": span}})
    return _open({"text": _STRING})


def answers_schema(manifest: StudentManifest) -> Schema:
    """What the answer to a request looks like."""
    predictions = {"type": "array", "items": answer_schema(manifest)}
    return _object({"model": _STRING, "commit": _STRING, "predictions": predictions})


def answer_schema(manifest: StudentManifest) -> Schema:
    """What the model says of a row."""
    kind, looks_for = manifest.task.type, manifest.looks_for
    if kind == "classification":
        label = {"type": "string", "enum": list(manifest.labels)}
        many: Schema = {} if manifest.multi_label else {"minItems": 1, "maxItems": 1}
        scores = {"type": "array", "items": _object({"label": label, "score": _SCORE})}
        return _object({"labels": {"type": "array", "items": label, **many}, "scores": scores})
    if kind == "similarity":
        if manifest.scale is None:
            return _object({"score": _SCORE, "alike": {"type": "boolean"}})
        least, greatest = manifest.scale
        return _object({"score": {"type": "number", "minimum": least, "maximum": greatest}})
    if kind == "summarization":
        sentence = _object({"start": _OFFSET, "end": _OFFSET, "score": _SCORE})
        return _object({"summary": _STRING, "sentences": {"type": "array", "items": sentence}})
    if kind == "event":
        return _object({"events": {"type": "array", "items": _event(manifest)}})
    typed = {} if manifest.entities_given else {"type": _names(looks_for.entities)}
    entity = _open({**_PLACE, **typed, "score": _SCORE}, needed=[*_PLACE, "score"])
    entities = {"type": "array", "items": entity}
    if kind == "ner":
        return _object({"entities": entities})
    end = _open(dict(_PLACE))
    relation = _open({"type": _names(looks_for.relations), "score": _SCORE, "head": end, "tail": end})
    return _object({"entities": entities, "relations": {"type": "array", "items": relation}})


def example_of(manifest: StudentManifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row, and what a model of this kind might say of it."""
    kind, looks_for = manifest.task.type, manifest.looks_for
    place = {"start": 12, "end": 18, "text": "parcel"}
    if kind == "similarity":
        row = {"text_a": _TEXT, "text_b": _OTHER}
        return row, {"score": 0.93, "alike": True} if manifest.scale is None else {"score": manifest.scale[1]}
    if kind == "classification":
        rest = round(0.06 / max(1, len(manifest.labels) - 1), 6)
        scores = [{"label": label, "score": rest if at else 0.94} for at, label in enumerate(manifest.labels)]
        return {"text": _TEXT}, {"labels": [manifest.labels[0]], "scores": scores}
    if kind == "summarization":
        return {"text": _TEXT}, {
            "summary": _TEXT,
            "sentences": [{"start": 0, "end": len(_TEXT), "score": 0.8}],
        }
    if kind == "event":
        events = [
            {"type": name, "score": 0.9, "trigger": place, "arguments": []}
            for name in list(looks_for.events)[:1]
        ]
        return {"text": _TEXT}, {"events": events}
    named = {} if manifest.entities_given else {"type": next(iter(looks_for.entities), "")}
    answer: dict[str, Any] = {"entities": [{**place, **named, "score": 0.9}]}
    given = {"entities": [{"start": 12, "end": 18}]} if manifest.entities_given else {}
    return {"text": _TEXT, **given}, answer | ({"relations": []} if kind == "relation" else {})


def _event(manifest: StudentManifest) -> Schema:
    roles = sorted({role for event in manifest.looks_for.events.values() for role in event.roles})
    argument = _open({"role": {"type": "string", "enum": roles}, **_PLACE, "score": _SCORE})
    return _object(
        {
            "type": _names(manifest.looks_for.events),
            "score": _SCORE,
            "trigger": _open(dict(_PLACE)),
            "arguments": {"type": "array", "items": argument},
        }
    )


def _names(named: Any) -> Schema:
    return {"type": "string", "enum": list(named)} if named else _STRING


def _object(properties: dict[str, Schema], needed: list[str] | None = None) -> Schema:
    return {**_open(properties, needed), "additionalProperties": False}


def _open(properties: dict[str, Schema], needed: list[str] | None = None) -> Schema:
    return {"type": "object", "properties": properties, "required": needed or list(properties)}


def _content(schema: Schema, example: Any) -> dict[str, Any]:
    shown = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"content": {"application/json": shown}}


_PLACE: dict[str, Schema] = {"start": _OFFSET, "end": _OFFSET, "text": _STRING}
_ERROR = _object(
    {
        "error": _object(
            {"code": _STRING, "message": _STRING, "mend": _STRING, "details": {"type": "object"}},
        )
    }
)
