"""Exports of annotation tools as plain rows: doccano, Label Studio, spaCy and Prodigy.

A plain row has ``text`` and, as far as they are annotated, ``entities`` (``start``, ``end``, ``type``,
``id``, ``text``), ``relations`` (``type``, ``head``, ``tail``, each a span, an id or a number of an entity)
and ``events``. What is in it is checked later; here only the keys are moved. The tool is known by its keys,
never by the name of a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from gts.tasks.intake.bio import entities, joined
from gts.tasks.intake.faults import Fault, Mended
from gts.tasks.problems import Place
from gts.tasks.wording import counted, listing, quote

_NO_TAG = {"", "-", None}


def plain_rows(value: Mapping[str, Any], place: Place, mended: Mended) -> list[dict[str, Any]]:
    """The plain rows that a row of a file holds: one, but for a document of spaCy.

    Args:
        value: The row, of a tool or plain already.
        place: Where it stands, for what is noted.
        mended: Takes which tool was recognised, and what was left out.

    Raises:
        Fault: The row is of a tool, but not as that tool writes it.

    Example:
        >>> plain_rows({"data": "Ada wrote", "label": [[0, 3, "name"]]}, Place("a.jsonl"), Mended())
        [{'data': 'Ada wrote', 'label': [[0, 3, 'name']], 'text': 'Ada wrote', 'entities': [[0, 3, 'name']]}]
    """
    file = Place(place.file)
    if isinstance(value.get("paragraphs"), list):
        mended.add("read as training data of spaCy (documents with paragraphs)", file)
        return list(chain.from_iterable(map(_paragraph_rows, _mappings(value["paragraphs"]))))
    if isinstance(value.get("data"), dict):
        mended.add("read as an export of Label Studio", file)
        return _label_studio(value, place, mended)
    row = dict(value)
    if isinstance(value.get("data"), str) and "text" not in value:
        row["text"] = value["data"]
    for key, tool in (("label", "doccano"), ("labels", "doccano"), ("spans", "spaCy"), ("ents", "spaCy")):
        if isinstance(value.get(key), list) and not isinstance(value.get("entities"), list):
            mended.add(f"entities taken from {key!r}, as {tool} writes them", file)
            row["entities"] = value[key]
    return [row]


def listed_row(value: Sequence[Any]) -> dict[str, Any] | None:
    """A row that is a list: ``[text, {"entities": [[start, end, type], ...]}]``, spaCy's simple form.

    Example:
        >>> listed_row(["Ada wrote", {"entities": [[0, 3, "name"]]}])
        {'entities': [[0, 3, 'name']], 'text': 'Ada wrote'}
    """
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        return {**value[1], "text": value[0]}
    return None


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _label_studio(value: Mapping[str, Any], place: Place, mended: Mended) -> list[dict[str, Any]]:
    row: dict[str, Any] = {"text": _studio_text(value["data"])}
    given = value.get("annotations", value.get("completions"))
    if given is None:
        return [row]
    done = [one for one in _mappings(given) if not one.get("was_cancelled")]
    if not done:
        mended.add("rows without an annotation left out", place)
        return []
    if len(done) > 1:
        mended.add("only the first of several annotations read", place)
    results = _mappings(done[0].get("result"))
    row["entities"] = [span for result in results for span in _studio_spans(result)]
    relations = [relation for result in results for relation in _studio_relations(result)]
    if relations:
        row["relations"] = relations
    return [row]


def _studio_text(data: Mapping[str, Any]) -> str:
    if isinstance(data.get("text"), str):
        return str(data["text"])
    texts = {key: text for key, text in data.items() if isinstance(text, str)}
    if len(texts) != 1:
        raise Fault(
            f"'data' holds {counted(len(texts), 'string')} ({listing(texts)}) and none called 'text'",
            "call the annotated one 'text'",
        )
    return next(iter(texts.values()))


def _studio_spans(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = result.get("value")
    if not isinstance(value, Mapping) or not isinstance(value.get("labels"), list):
        return []
    same = {"start": value.get("start"), "end": value.get("end"), "id": result.get("id")}
    if isinstance(value.get("text"), str):
        same["text"] = value["text"]
    return [{**same, "type": name} for name in value["labels"]]


def _studio_relations(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    if result.get("type") != "relation":
        return []
    names = result.get("labels") or [""]
    ends = [(result.get("from_id"), result.get("to_id"))]
    if result.get("direction") == "left":
        ends = [ends[0][::-1]]
    elif result.get("direction") == "bi":
        ends.append(ends[0][::-1])
    return [
        {"type": name, "head": head, "tail": tail}
        for name in (names if isinstance(names, list) else [names])
        for head, tail in ends
    ]


def _paragraph_rows(paragraph: Mapping[str, Any]) -> list[dict[str, Any]]:
    tokens = [
        token
        for sentence in _mappings(paragraph.get("sentences"))
        for token in _mappings(sentence.get("tokens"))
    ]
    forms = [form for token in tokens if isinstance(form := token.get("orth"), str) and form]
    if not forms or len(forms) < len(tokens):
        raise Fault(
            "a paragraph has no tokens, or a token without 'orth'",
            'expected was {"sentences": [{"tokens": [{"orth": "...", "ner": "B-PERSON"}]}]}',
        )
    raw = paragraph.get("raw")
    text, places = _aligned(raw, forms) if isinstance(raw, str) and raw else joined(forms)
    tags = ["O" if token.get("ner") in _NO_TAG else str(token["ner"]) for token in tokens]
    found, _ = entities(tags)
    spans = [{"start": places[first][0], "end": places[last][1], "type": kind} for first, last, kind in found]
    return [{"text": text, "entities": spans}]


def _aligned(raw: str, forms: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Start and end of each token in the raw text of its paragraph."""
    places = []
    end = 0
    for form in forms:
        start = raw.find(form, end)
        if start < 0 or raw[end:start].strip():
            raise Fault(
                f"the token {quote(form)} is not in 'raw' behind character {end}",
                "leave 'raw' out, or give the tokens as they stand in it",
            )
        end = start + len(form)
        places.append((start, end))
    return raw, places
