"""The task document (``task.yaml``, ``task.json``, a REST body, a web form): keys checked, data sources found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, get_args

import yaml
from pydantic import BaseModel, ValidationError
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode

from gts.core.errors import InvalidInput
from gts.tasks.columns import Columns
from gts.tasks.spec import MAX_NAME, TaskSpec
from gts.tasks.wording import listing, nearest, quote

DATA_KEYS = ("examples", "unlabeled", "test")
COLUMN_KEYS = ("text_column", "label_column", "label_separator")
KEYS = (*TaskSpec.model_fields, *DATA_KEYS, *COLUMN_KEYS)
# What people write from habit, where the spelling alone would not lead to the right key.
_MEANT = {
    "unlabelled": "unlabeled",
    "pool": "unlabeled",
    "train": "examples",
    "data": "examples",
    "pairs": "examples",
    "sentences": "unlabeled",
    "classes": "labels",
    "categories": "labels",
    "entity_types": "entities",
    "relation_types": "relations",
    "event_types": "events",
    "roles": "events",
    "summary_column": "label_column",
    "score_column": "label_column",
    "entities_column": "label_column",
    "text_columns": "text_column",
    "dev": "test",
    "lang": "language",
    "text": "text_column",
    "label": "label_column",
    "separator": "label_separator",
}
_TYPE_KEYS = {
    "labels": "label",
    "entities": "entity type",
    "relations": "relation type",
    "events": "event type",
}
_SCALE = re.compile(r"[\[( ]*(-?[\d.]+)\s*(?:[,;–-]|to|\s)\s*(-?[\d.]+)[\]) ]*")
_DOCUMENT_CHARS = 300_000
_EXPECTED = {
    "name": f"1 to {MAX_NAME} letters (a-z), digits, '.', '_' or '-', beginning and ending with a letter or digit",
    "labels": "a list of names, or a mapping of name to description",
    "entities": "a list of names, or a mapping of name to description",
    "relations": "a list of names, or a mapping of name to description, or to {description, head, tail}",
    "events": "a list of names, or a mapping of name to description, or to {description, roles}",
    "teachers": "a list of names of language models, such as [big]",
    "generators": "a list of embedded and names of language models, such as [embedded, big]",
    "scale": "the least and the greatest grade, such as [0, 5]",
    "language": "an ISO 639 code of two or three small letters, such as en",
    "seed": "a whole number from 0 to 4294967295",
}


class _TaskLoader(yaml.SafeLoader):
    """YAML in which a plain scalar is a string, so that labels ``no``, ``010`` or ``2024-01-01`` stay as written.

    Aliases are refused (a few lines of them expand without bound), repeated keys and other types' tags too.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, MappingNode):
            twice = _repeated(key.value for key, _ in node.value if isinstance(key, ScalarNode))
            if twice is not None:
                raise yaml.YAMLError(f"the key {quote(twice)} stands twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _refuse_tag(_loader: yaml.SafeLoader, node: Node) -> NoReturn:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    raise yaml.MarkedYAMLError(problem=f"the tag {quote(tag)} is not read", problem_mark=node.start_mark)


_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map", "null"))
_NULL_TAG = _PLAIN_TAGS[-1]
_TaskLoader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] == _NULL_TAG]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TaskLoader.yaml_constructors = {
    **{tag: yaml.SafeLoader.yaml_constructors[tag] for tag in _PLAIN_TAGS},
    None: _refuse_tag,
}


def parse_document(text: str, name: str = "task.yaml") -> dict[str, Any]:
    """Parse the text of a task file, YAML or (by the name's end) JSON.

    Raises:
        InvalidInput: It cannot be parsed or is no mapping.

    Example:
        >>> parse_document("name: t\\nlabels: [yes, no]")
        {'name': 't', 'labels': ['yes', 'no']}
    """
    if len(text) > _DOCUMENT_CHARS:
        raise InvalidInput(
            f"{name} is too long for a task file", mend="give the data as files beside it", file=name
        )
    try:
        if name.casefold().endswith(".json"):
            document = json.loads(text, object_pairs_hook=_without_repeats)
        else:
            document = yaml.load(text, Loader=_TaskLoader)  # noqa: S506 - a SafeLoader with fewer types
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error) or "nested too deeply"
        raise InvalidInput(
            f"{name}{where} is not valid {'JSON' if name.casefold().endswith('.json') else 'YAML'}: {reason[:200]}",
            mend="write plain keys and values; look for a missing colon or quote, or a tab used for indenting",
            file=name,
        ) from error
    if not isinstance(document, dict):
        raise InvalidInput(
            f"{name} holds {'nothing' if document is None else quote(document)}; keys such as name and examples were "
            "expected",
            mend="begin with `name: my-task` and `examples: labelled.csv`",
            file=name,
        )
    return document


def _repeated(keys: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = _repeated(key for key, _ in pairs)
    if twice is not None:
        raise ValueError(f"the key {quote(twice)} stands twice")
    return dict(pairs)


def check_keys(document: Mapping[str, Any]) -> None:
    """Refuse keys that a task does not have.

    Raises:
        InvalidInput: Names the first unknown key and the nearest known one.
    """
    for key in document:
        if key not in KEYS:
            raise _unknown_key(str(key), KEYS, "")


def _unknown_key(key: str, known: tuple[str, ...], inside: str) -> InvalidInput:
    like = _MEANT.get(key.casefold()) if not inside else None
    like = like or nearest(key, known)
    where = f" in {inside}" if inside else ""
    return InvalidInput(
        f"unknown key {quote(key)}{where}; the keys are {listing(known, limit=20)}",
        mend=f"did you mean {quote(like)}?" if like else "remove it",
        key=quote(f"{inside}.{key}" if inside else key),
        nearest=like,
    )


def spec_of(document: Mapping[str, Any]) -> TaskSpec:
    """The task of a document; empty values (an untouched form field) count as not given.

    Raises:
        InvalidInput: A value is wrong; ``details["problems"]`` lists field, value found and what is expected.
    """
    fields = {key: document[key] for key in TaskSpec.model_fields if document.get(key) not in (None, "")}
    for key in _TYPE_KEYS:
        if isinstance(fields.get(key), str):
            fields[key] = _described_lines(fields[key], key)
    if isinstance(fields.get("scale"), str) and (ends := _SCALE.fullmatch(fields["scale"])):
        fields["scale"] = ends.groups()
    labels = fields.get("labels")
    if isinstance(labels, list) and any(not isinstance(label, (str, int, float)) for label in labels):
        raise InvalidInput(
            "labels holds an entry that is no name",
            mend="write each label as a word; put words such as null or ~ into quotes",
            field="labels",
        )
    try:
        return TaskSpec.model_validate(fields)
    except ValidationError as error:
        raise _readable(error) from error


def _described_lines(text: str, key: str) -> dict[str, str]:
    """Labels or types typed into a form: one a line, with ``: description`` behind it where wanted."""
    labels: dict[str, str] = {}
    for line in text.splitlines():
        name, _, description = line.partition(": ")
        if name.strip() in labels:
            raise InvalidInput(
                f"the {_TYPE_KEYS[key]} {quote(name.strip())} stands twice", mend="keep one", field=key
            )
        if name.strip():
            labels[name.strip()] = description.strip()
    return labels


def _readable(error: ValidationError) -> InvalidInput:
    problems = []
    for item in error.errors(include_url=False):
        path = [str(part) for part in item["loc"]]
        if item["type"] == "extra_forbidden":
            return _unknown_key(path[-1], _keys_of(path[:-1]), ".".join(path[:-1]))
        found = "missing" if item["type"] == "missing" else quote(item["input"])
        problems.append({"field": ".".join(path), "found": found, "expected": _expected(path, item)})
    shown = "; ".join(f"{p['field']} is {p['found']}, expected: {p['expected']}" for p in problems[:3])
    fields = ", ".join(problem["field"] for problem in problems[:3])
    return InvalidInput(shown, mend=f"change {fields}", field=problems[0]["field"], problems=problems)


def _expected(path: list[str], item: Mapping[str, Any]) -> str:
    if item["type"] == "value_error":  # raised by a validator of ours
        return str(item["ctx"]["error"])
    message = str(item["msg"]).removeprefix("Input should be ")
    return _EXPECTED.get(path[0]) or message[:1].lower() + message[1:]


def _keys_of(path: list[str]) -> tuple[str, ...]:
    model: type[BaseModel] = TaskSpec
    for part in path:
        if part not in model.model_fields:  # the name of a type, whose fields are the model's
            continue
        annotation = model.model_fields[part].annotation
        candidates = (annotation, *get_args(annotation))
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return tuple(model.model_fields)


def columns_of(document: Mapping[str, Any]) -> Columns:
    """The column names and the separator of a document.

    Raises:
        InvalidInput: One of them is no string.
    """
    return Columns(
        text=_string(document, "text_column"),
        label=_string(document, "label_column"),
        separator=_string(document, "label_separator", str),
    )


def _string(document: Mapping[str, Any], key: str, clean: Callable[[str], str] = str.strip) -> str | None:
    value = document.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidInput(
            f"{key} is {quote(value)}, expected: a string", mend="put it into quotes", field=key
        )
    return clean(value) or None
