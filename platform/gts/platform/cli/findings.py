"""What a model said of a row, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gts.platform.cli.output import plain

_SHOWN_SCORES = 3
_STUDENT = "student"
_NOTHING = "(nothing found)"


def finding_lines(row: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    """One line for each thing that a model says; the parts of a line are separated by tabs.

    Args:
        row: What it was asked about.
        said: Its answer, by whose form the type of task is known.

    Example:
        >>> ada = {"start": 0, "end": 3, "type": "person", "text": "Ada", "score": 0.98}
        >>> finding_lines({"text": "Ada wrote"}, {"entities": [ada]})
        ['person\\tAda\\t0-3\\t0.980']
    """
    if "labels" in said:
        return [_labels(row, said)]
    if "score" in said:
        alike = said.get("alike")
        decided = [] if alike is None else ["alike" if alike else "not alike"]
        return ["\t".join([*decided, f"{said['score']:.3f}"])]
    if "summary" in said:
        return [plain(" ".join(said["summary"].split()))]
    lines = [
        *map(_entity, said.get("entities", ())),
        *map(_relation, said.get("relations", ())),
        *map(_event, said.get("events", ())),
    ]
    return lines or [_NOTHING]


def _labels(row: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    scores = ", ".join(f"{item['label']} {item['score']:.3f}" for item in said["scores"][:_SHOWN_SCORES])
    by = said.get("answered_by", _STUDENT)
    nothing = "(not sure)" if by is None else "(none)"
    line = f"{plain(' + '.join(said['labels']) or nothing)}\t{plain(row['text'])}\t({plain(scores)})"
    return line if by in (_STUDENT, None) else f"{line}\tby {plain(by)}"


def _entity(entity: Mapping[str, Any]) -> str:
    kind = plain(entity.get("type", "entity"))
    return f"{kind}\t{plain(entity['text'])}\t{entity['start']}-{entity['end']}\t{entity['score']:.3f}"


def _relation(relation: Mapping[str, Any]) -> str:
    ends = f"{relation['head']['text']} -> {relation['tail']['text']}"
    return f"{plain(relation['type'])}\t{plain(ends)}\t{relation['score']:.3f}"


def _event(event: Mapping[str, Any]) -> str:
    trigger = event["trigger"]
    parts = "; ".join(f"{part['role']}: {part['text']}" for part in event["arguments"]) or "(no arguments)"
    place = f"{trigger['start']}-{trigger['end']}"
    told = (plain(event["type"]), plain(trigger["text"]), place, f"{event['score']:.3f}", plain(parts))
    return "\t".join(told)
